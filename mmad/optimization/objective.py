"""An objective with the derivatives that optimisers ask for, in their calling conventions."""

import functools

import numpy as np

from mmad._core import Traced, shape_of
from mmad.api import hessian, hvp, value_and_grad
from mmad.derivatives.arguments import name_of
from mmad.derivatives.recorded import LANES
from mmad.ops.movement import reshape, size
from mmad.optimization.parameters import Parameters
from mmad.python.kinds import isplain
from mmad.replay import compiled

__all__ = ["Differentiated", "Goal", "objective"]

MODES = "compiled", "eager"
MANY = 100  # evaluations that the planner of a large Hessian counts with


class Differentiated:
    """A function of a vector of unknowns, and what is derived from it, compiled.

    Parameters
    ----------
    f : callable
        ``f(x, *args)``.
    x0 : number, array or tree, optional
        What x is like; without it, a vector.
    args : tuple
        Used where a call gives none.
    mode : {"compiled", "eager"}
    """

    what = "function"

    def __init__(self, f, x0=None, args=(), mode="compiled"):
        what = self.what
        if not callable(f):
            raise TypeError(f"mmad.{what} takes a function, not {type(f).__name__}")
        if mode not in MODES:
            raise ValueError(f"{what}: mode must be one of {', '.join(MODES)}, not {mode!r}")
        self.f, self.mode = f, mode
        self.args = args if isinstance(args, tuple) else (args,)
        self.parameters = None if x0 is None else Parameters(x0)
        self.compiled = compiled.compile if mode == "compiled" else lambda g: g
        self.evaluations = 0

    @property
    def x0(self):
        """The starting point as a vector of float64."""
        if self.parameters is None:
            raise TypeError(f"{self!r} was made without a starting point")
        return self.parameters.vector.copy()

    def tree(self, vector):
        """Return a vector of unknowns in the structure of the starting point."""
        vector = np.array(vector, float)
        return vector if self.parameters is None else self.parameters.tree_of(vector)

    def named(self, g):
        """Return g with the name of the function, for messages."""
        return functools.update_wrapper(g, self.f, updated=())

    def of_tree(self, x, args):
        """Return the function's value for a vector."""
        return self.f(x if self.parameters is None else self.parameters.tree_of(x), *args)

    def arguments(self, args):
        return args or self.args

    def __repr__(self):
        return f"<{self.what} {name_of(self.f)}, {self.evaluations} sweeps>"


class Goal(Differentiated):
    """A real function with its derivatives; see :func:`objective`."""

    what = "objective"

    def __init__(self, f, x0=None, args=(), mode="compiled"):
        super().__init__(f, x0, args, mode)

        def number(x, *args):
            return one_number(self.of_tree(x, args))

        self.number = self.named(number)
        self._alone = None  # the value by itself, for methods without derivatives
        self._sweep = self.compiled(value_and_grad(self.number))
        self._memo = None, None, None, None  # the point, the arguments; what of the sweep was not handed out yet

    # ------------------------------------------------------------------------------------ SciPy
    def fun(self, x, *args):
        """Return the value; the gradient comes with it, and is kept for `jac`."""
        return self._half(x, args, 0)

    def jac(self, x, *args):
        """Return the gradient, an array that the caller may write to."""
        return self._half(x, args, 1)

    def fun_and_jac(self, x, *args):
        """Return value and gradient, as ``jac=True`` of SciPy's functions expects."""
        x = as_vector(x)
        self.evaluations += 1
        value, gradient = self._sweep(x, *(args or self.args))
        return float(value), gradient

    def _half(self, x, args, which):
        """Return value or gradient: from the sweep before, once, if that was at this point."""
        x = as_vector(x)
        at, given, *kept = self._memo
        if kept[which] is None or at != x.tobytes() or not _same(given, args):
            kept = [*self.fun_and_jac(x, *args)]
            at = x.tobytes()
        found, kept[which] = kept[which], None
        self._memo = at, args, *kept
        return found

    def value(self, x, *args):
        """Return the value alone, for methods that ask for no derivative."""
        if self._alone is None:
            self._alone = self.compiled(self.number)
        return float(self._alone(as_vector(x), *(args or self.args)))

    def hess(self, x, *args):
        """Return the Hessian, dense."""
        return self._hessian(as_vector(x), *(args or self.args))

    def sparse_hess(self, x, *args):
        """Return the Hessian as a `scipy.sparse` array."""
        return self._sparse_hessian(as_vector(x), *(args or self.args))

    def hessp(self, x, p, *args):
        """Return the product of the Hessian with a vector."""
        return self._product(as_vector(x), *(args or self.args), as_vector(p))

    @functools.cached_property
    def _hessian(self):
        return matrix(self, hessian, self.number)

    @functools.cached_property
    def _sparse_hessian(self):
        return hessian(self.number, sparse=True, **planning(self))

    @functools.cached_property
    def _product(self):
        return self.compiled(hvp(self.number))

    # ------------------------------------------------------------------------------------ other optimisers
    def nlopt(self, x, grad):
        """Return the value, and write the gradient into `grad` if it has elements, as NLopt calls an objective."""
        if not grad.size:
            return self.value(x)
        value, grad[:] = self.fun_and_jac(x)
        return value


def objective(f, x0=None, *, args=(), mode="compiled"):
    """Return a real function as optimisers want it: value, gradient, Hessian and products, from compiled sweeps.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` -> one real number.
    x0 : number, array or tree, optional
        What x is like.  `f` gets x in its structure; the optimiser a vector.  Without it x is a vector.  A list of
        numbers is an array, as SciPy takes it; a complex array is two of reals in the vector.
    args : tuple
        Further arguments, constant; those that an optimiser passes go first.
    mode : {"compiled", "eager"}
        "compiled": record `f` once and replay it, see :func:`compile`; "eager": run `f` at every point.

    Returns
    -------
    Goal
        ========================  ===================================================================================
        method                    gives
        ========================  ===================================================================================
        ``fun(x)``, ``jac(x)``    value and gradient, from one sweep: what one of them leaves, the other takes
        ``fun_and_jac(x)``        both
        ``hess(x)``               the Hessian, dense
        ``sparse_hess(x)``        the Hessian as a `scipy.sparse` array, by a colouring
        ``hessp(x, p)``           a product with the Hessian
        ``value(x)``              the value without a sweep
        ``nlopt(x, grad)``        the value, with the gradient written into an array: for ``nlopt.opt``
        ``x0``, ``tree(x)``       the starting point as a vector; a vector as a tree
        ========================  ===================================================================================

        Each takes further arguments, as SciPy's ``args=``.  Gradients, products and dense Hessians are writeable,
        C-contiguous arrays of float64.

    See Also
    --------
    constraint, minimize, ipopt_problem

    Examples
    --------
    >>> import numpy as np, scipy.optimize, mmad
    >>> rosen = mmad.objective(lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())
    >>> res = scipy.optimize.minimize(rosen.fun, np.zeros(5), jac=rosen.jac, hessp=rosen.hessp, method="trust-ncg")
    >>> bool(res.success), np.round(res.x, 3)
    (True, array([1., 1., 1., 1., 1.]))
    """
    return Goal(f, x0, args, mode)


def one_number(y):
    """Return a result of one element as a number, as SciPy takes it."""
    if isinstance(y, list | tuple) and len(y) == 1:
        y = y[0]
    shape = shape_of(y) if isinstance(y, Traced) or isplain(y, np.ndarray) else ()
    return reshape(y, ()) if shape and size(shape) == 1 else y


def as_vector(x):
    """Return an optimiser's point as an array of float64."""
    if type(x) is np.ndarray and x.dtype == np.float64 and x.ndim == 1:
        return x
    if isinstance(x, Traced):
        raise TypeError("an objective for optimisers takes plain vectors; differentiate the function itself")
    return np.atleast_1d(np.asarray(x, float))


def _same(args, others):
    return len(args) == len(others) and all(x is y for x, y in zip(args, others, strict=True))


def planning(differentiated):
    """Return the keywords of a planned matrix."""
    return {"mode": "eager"} if differentiated.mode == "eager" else {"evaluations": MANY}


def matrix(differentiated, operator, f):
    """Return the function that computes a dense matrix of derivatives: one program for few unknowns, else planned."""
    small = differentiated.compiled(operator(f))
    large = operator(f, **planning(differentiated))

    def evaluate(x, *args):
        found = small(x, *args) if x.size <= LANES else large(x, *args)
        return np.require(found, float, "CW")

    return evaluate
