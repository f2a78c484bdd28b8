"""Make a problem of a function of the user's own."""

import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import mmad
from mmad.bench.problem import Instance, ModelProblem
from mmad.python.kinds import is_number
from mmad.python.named import object_named

__all__ = ["UserProblem", "keep", "problem_in", "problem_of"]

NEAR = 1e-2  # relative distance of the random points from the given point


class ForwardInstance(Instance):
    """An instance whose reference derivatives come from dual numbers, because there are none by hand."""

    def hvp(self, x, v):
        """Return the Hessian-vector product, forward over forward."""
        return mmad.jvp(mmad.jacfwd(self.make(np)), (x,), (v,))[1]

    def hessian(self, x):
        """Return the Hessian matrix, forward over forward."""
        return mmad.jacfwd(mmad.jacfwd(self.make(np)))(x).reshape(x.size, x.size)

    def jvp(self, x, v):
        """Return the Jacobian times a direction; a vector."""
        return np.ravel(mmad.jvp(self.make(np), (x,), (v,))[1])


@dataclass(frozen=True)
class UserProblem(ModelProblem):
    """A function of the user's own as a problem, which has one size.

    Attributes
    ----------
    x : ndarray
        The given point; random points are drawn around it.
    keywords : dict
        Further arguments of the function.
    is_named : bool
        Whether another process can find the function by the problem's name.
    """

    x: np.ndarray | None = None
    keywords: dict | None = None
    is_named: bool = False

    def at(self, n):
        return ForwardInstance(self, n)


def problem_of(name, function, x, product=None, *, keywords=None, is_named=False, checked=True):
    """Return a function of one array as a problem of one size.

    The reference derivatives come from dual numbers, forward over forward for second derivatives; they are compared
    with differences at the point first.

    Parameters
    ----------
    name : str
    function : callable
    x : ndarray of floats
    product : str, optional
        The derivative to compute; by default gradient, HVP and Hessian of a function that returns a number, otherwise
        the Jacobian.
    keywords : dict, optional
        Further arguments of the function.
    is_named : bool
        Whether `mmad.python.named.object_named` finds the function by `name`.
    checked : bool
        Whether to compare its derivatives with differences.

    Returns
    -------
    ModelProblem
    """
    given = function
    if keywords:
        function = partial(given, **keywords)
    value = function(x.copy())
    if not isinstance(value, np.ndarray) and not is_number(value):
        raise TypeError(f"it must return one number or one array of numbers, not {type(value).__name__}")
    is_scalar = is_number(value)
    products = (product,) if product else ("gradient", "hvp", "hessian") if is_scalar else ("jacobian",)
    if checked:
        mmad.check_derivatives(function, (x,), order=1 if products == ("gradient",) or not is_scalar else 2)

    def make(xp, n):
        if xp is not np:
            raise NotImplementedError("the function is written with numpy")
        return function

    def draw(n, rng):
        return x + NEAR * rng.normal(size=x.shape) * np.maximum(1.0, np.abs(x))

    return UserProblem(
        name=name,
        title=name,
        make=make,
        draw=draw,
        sizes=(x.size,),
        products=products,
        source="a function of the user's own",
        gradient=(lambda y, n: mmad.jacfwd(function)(y)) if is_scalar else None,
        jacobian=None if is_scalar else lambda y, n: mmad.jacfwd(function)(y).reshape(-1, x.size),
        x=x,
        keywords=keywords or {},
        is_named=is_named,
    )


def keep(problem, folder):
    """Save everything that another process needs to find a function of the user's own; return the folder.

    Raises
    ------
    RuntimeError
        If the function has no name by which another process can find it.
    """
    if not problem.is_named:
        raise RuntimeError(f"{problem.name} was given as an object, which another process cannot find")
    arrays = {f"argument {name}": value for name, value in problem.keywords.items()}
    np.savez(Path(folder) / "arrays.npz", x=problem.x, **arrays)
    (Path(folder) / "function.json").write_text(json.dumps({"name": problem.name, "folder": os.getcwd()}))
    return str(folder)


def problem_in(folder):
    """Return the problem that `keep` saved in a folder; change to the working directory in which it was saved."""
    held = json.loads((Path(folder) / "function.json").read_text())
    with np.load(Path(folder) / "arrays.npz") as file:
        x = file["x"]
        given = {name.partition(" ")[2]: file[name] for name in file.files if name != "x"}
    keywords = {name: value if value.ndim else value[()] for name, value in given.items()}
    os.chdir(held["folder"])
    return problem_of(held["name"], object_named(held["name"]), x, keywords=keywords, is_named=True, checked=False)
