"""CasADi: graphs of scalar symbols (SX), and of matrices (MX), called by the buffer interface."""

import numpy as np

from mmad.bench.contestant import Runner
from mmad.bench.tools._symbols import SymbolWords, as_tree, expressions, refuse_size
from mmad.bench.tools._tool import Tool, along, refuse_branches
from mmad.bench.trees import flatten

__all__ = ["TOOLS"]


class ColumnWords:
    """CasADi's words for NumPy's functions of vectors: all of its vectors are columns."""

    def __init__(self, casadi):
        self.casadi = casadi

    def __getattr__(self, name):
        return getattr(self.casadi, name)  # exp, sin, sqrt, ...

    def sum(self, x, axis=None, keepdims=False):
        return self.casadi.sum1(x)

    def concatenate(self, parts):
        return self.casadi.vertcat(*parts)

    def stack(self, parts):
        if any(part.shape != (1, 1) for part in parts):
            raise NotImplementedError("columns only: no stack of columns")
        return self.casadi.vertcat(*parts)

    def amax(self, x):
        return self.casadi.mmax(x)

    def roll(self, x, shift):
        return self.casadi.vertcat(x[-shift:], x[:-shift])

    def ones_like(self, x):
        return self.casadi.DM.ones(x.shape)

    def reshape(self, x, shape):
        raise NotImplementedError("columns only: CasADi's matrices are stored by columns")


def prepare_scalars(instance, product):
    """Give the function NumPy arrays of SX symbols."""
    import casadi

    refuse_branches(instance)
    refuse_size(instance)
    words = SymbolWords(casadi, ("exp", "log", "sin", "cos", "tanh", "sqrt", "erf"), casadi.fmax)
    symbols = casadi.SX.sym("x", instance.inputs)
    result = instance.make(words)(as_tree(symbols.nz, instance))
    return runner(casadi, instance, product, symbols, casadi.vertcat(*expressions(result)))


def prepare_matrices(instance, product):
    """Give the function one MX column."""
    import casadi

    refuse_branches(instance)
    if not isinstance(instance.point, np.ndarray) or instance.point.ndim != 1 or "scalars" in instance.problem.tags:
        raise NotImplementedError("not a function of one vector by operations on whole vectors")
    symbols = casadi.MX.sym("x", instance.inputs)
    return runner(casadi, instance, product, symbols, instance.make(ColumnWords(casadi))(symbols))


def runner(casadi, instance, product, x, y):
    """Return the runner that fills the nonzeros of a derivative of y by x."""
    v = type(x).sym("v", instance.inputs)
    if product == "gradient":
        result = casadi.densify(casadi.gradient(y, x))
    elif product == "hvp":
        result = casadi.densify(casadi.jtimes(casadi.gradient(y, x), x, v))
    elif product == "hessian":
        result = casadi.hessian(y, x)[0]
    else:
        result = casadi.jacobian(y, x)
    given = [x, v] if along(instance, product) else [x]
    function = casadi.Function("derivative", given, [result])
    entries, inputs = np.zeros(max(1, result.nnz())), [np.zeros(instance.inputs) for _ in given]
    buffer, fill = function.buffer()
    for k, held in enumerate(inputs):
        buffer.set_arg(k, memoryview(held))
    buffer.set_res(0, memoryview(entries))

    def run(*args):
        for held, arg in zip(inputs, args, strict=True):
            held[:] = arg
        fill()
        return entries

    run.buffer = buffer, function  # keep both alive: the buffer holds only addresses
    if product in ("gradient", "hvp"):
        return Runner(run, flatten, np.copy)
    rows, columns = result.sparsity().get_triplet()

    def to_scipy(entries):
        from scipy.sparse import coo_array

        return coo_array((entries[: len(rows)].copy(), (rows, columns)), shape=result.shape).tocsr()

    return Runner(run, flatten, to_scipy)


DOCUMENTATION = "https://web.casadi.org/docs/#calling-functions"
TOOLS = (
    Tool("casadi-sx", "CasADi, SX", prepare_scalars, package="casadi", documentation=DOCUMENTATION),
    Tool("casadi-mx", "CasADi, MX", prepare_matrices, package="casadi", documentation=DOCUMENTATION),
)
