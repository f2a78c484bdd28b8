"""sparsediffpy: expressions of a C engine for sparse Jacobians and Hessians."""

import operator

import numpy as np

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool

__all__ = ["TOOLS"]

UNARY = ("exp", "log", "sin", "cos", "tanh")


class Expression:
    """A column of the engine's, with Python's operators."""

    __array_ufunc__ = None  # NumPy's arrays leave their operators to this class

    def __init__(self, words, capsule, size):
        self.words, self.capsule, self.size = words, capsule, size

    def made(self, capsule, size=None):
        return Expression(self.words, capsule, self.size if size is None else size)

    def spread(self, size):
        """Return a number as a column."""
        if self.size == size:
            return self
        return self.made(self.words.engine.make_promote(self.capsule, size, 1), size)

    def both(self, other):
        """Return two expressions of the same size."""
        other = other if isinstance(other, Expression) else self.words.constant(other)
        size = max(self.size, other.size)
        return self.spread(size), other.spread(size), size

    def __neg__(self):
        return self.made(self.words.engine.make_neg(self.capsule))

    def __add__(self, other):
        a, b, size = self.both(other)
        return self.made(self.words.engine.make_add(a.capsule, b.capsule), size)

    __radd__ = __add__

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __mul__(self, other):
        engine = self.words.engine
        if isinstance(other, Expression):
            a, b, size = self.both(other)
            return self.made(engine.make_multiply(a.capsule, b.capsule), size)
        factor = self.words.constant(other)
        if factor.size == 1:
            return self.made(engine.make_param_scalar_mult(factor.capsule, self.capsule))
        return self.made(engine.make_param_vector_mult(factor.capsule, self.spread(factor.size).capsule), factor.size)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self * (other**-1.0 if isinstance(other, Expression) else 1.0 / np.asarray(other))

    def __rtruediv__(self, other):
        return self**-1.0 * other

    def __pow__(self, exponent):
        return self.made(self.words.engine.make_power(self.capsule, float(exponent)))

    def __rmatmul__(self, matrix):
        rows, columns = np.atleast_2d(matrix).shape
        capsule = self.words.engine.make_left_matmul(None, self.capsule, "dense", matrix.ravel(), rows, columns)
        return self.made(capsule, rows)

    def __getitem__(self, key):
        places = np.atleast_1d(np.arange(self.size, dtype=np.int32)[key])
        if places.ndim != 1:  # the engine would read beyond the array
            raise NotImplementedError("columns only: no index of more dimensions")
        return self.made(self.words.engine.make_index(self.capsule, len(places), 1, places), len(places))


class EngineWords:
    """The engine's words for NumPy's functions of vectors."""

    def __init__(self, engine, inputs):
        self.engine, self.inputs = engine, inputs

    def __getattr__(self, name):
        if name not in UNARY:
            raise AttributeError(f"no {name} here: {', '.join(UNARY)}, sums and joined columns")
        make = getattr(self.engine, f"make_{name}")
        return lambda x: x.made(make(x.capsule))

    def constant(self, value):
        value = np.atleast_1d(np.asarray(value, dtype=float))
        return Expression(self, self.engine.make_parameter(len(value), 1, -1, self.inputs, value), len(value))

    def sum(self, x, axis=None, keepdims=False):
        return x.made(self.engine.make_sum(x.capsule, -1), 1)

    def concatenate(self, parts):
        return parts[0].made(
            self.engine.make_vstack([p.capsule for p in parts]), operator.index(sum(p.size for p in parts))
        )


def prepare(instance, product):
    from sparsediffpy import _sparsediffengine as engine

    if product == "hvp":
        raise NotImplementedError("no hvp: gradients and sparse matrices only")
    if (
        not isinstance(instance.point, np.ndarray)
        or {"scalars", "mutation", "branches", "loop"} & instance.problem.tags
    ):
        raise NotImplementedError("not a function of one vector by operations on whole vectors")
    n = instance.inputs
    words = EngineWords(engine, n)
    result = instance.make(words)(Expression(words, engine.make_variable(n, 1, 0, n), n))
    none = np.zeros(0)
    if product == "jacobian":
        zero = words.sum(0.0 * Expression(words, engine.make_variable(n, 1, 0, n), n))
        problem = engine.make_problem(zero.capsule, [result.capsule], False)
    else:
        problem = engine.make_problem(result.capsule, [], False)
    engine.problem_init_derivatives(problem)

    def gradient(x):
        engine.problem_objective_forward(problem, x)
        return engine.problem_gradient(problem)

    def hessian(x):
        gradient(x)
        return engine.problem_hessian(problem, 1.0, none)

    def jacobian(x):
        engine.problem_constraint_forward(problem, x)
        return engine.problem_jacobian(problem)

    def to_scipy(found):
        from scipy.sparse import csr_array

        data, indices, indptr, shape = found
        return csr_array((data, indices, indptr), shape=shape)

    run = {"gradient": gradient, "hessian": hessian, "jacobian": jacobian}[product]
    return Runner(run, to_numpy=np.asarray if product == "gradient" else to_scipy)


TOOLS = (
    Tool(
        "sparsediffpy",
        "sparsediffpy",
        prepare,
        package="sparsediffpy",
        documentation="https://github.com/SparseDifferentiation/SparseDiffPy",
    ),
)
