"""A user's own function as a problem."""

import numpy as np

import mmad
from mmad.bench.problem import Instance, ModelProblem

__all__ = ["problem_of"]

NEAR = 1e-2  # how far points are from the given one, relative to it


class ForwardInstance(Instance):
    """A problem whose derivatives to compare with come from dual numbers."""

    def hvp(self, x, v):
        """Return the Hessian-vector product, forward over forward."""
        return mmad.jvp(mmad.jacfwd(self.make(np)), (x,), (v,))[1]

    def hessian(self, x):
        """Return the Hessian matrix, forward over forward."""
        return mmad.jacfwd(mmad.jacfwd(self.make(np)))(x).reshape(x.size, x.size)

    def jvp(self, x, v):
        """Return the Jacobian times a direction; a vector."""
        return np.ravel(mmad.jvp(self.make(np), (x,), (v,))[1])


class UserProblem(ModelProblem):
    """A function of which there is one size."""

    def at(self, n):
        return ForwardInstance(self, n)


def problem_of(name, function, x, product=None):
    """Return a function of one array as a problem of one size.

    What is right is what dual numbers say, forward over forward for second derivatives, after a comparison with
    differences at the point.

    Parameters
    ----------
    name : str
    function : callable
    x : ndarray of floats
    product : str, optional
        What is asked for; by default gradient, HVP and Hessian of a function that returns a number, else the Jacobian.

    Returns
    -------
    ModelProblem
    """
    is_scalar = np.shape(function(x.copy())) == ()
    products = (product,) if product else ("gradient", "hvp", "hessian") if is_scalar else ("jacobian",)
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
    )
