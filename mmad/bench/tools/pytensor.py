"""PyTensor: an expression of symbolic arrays, differentiated and compiled."""

from types import MappingProxyType

import numpy as np

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool, refuse_branches, refuse_columns, refuse_mutation
from mmad.bench.trees import leaves_of, with_leaves

__all__ = ["TOOLS"]


def prepare(instance, product):
    import pytensor
    import pytensor.tensor as pt
    from pytensor.gradient import hessian, hessian_vector_product, jacobian

    refuse_mutation(instance)
    refuse_branches(instance)
    refuse_columns(instance, product, 1000)  # its matrices are loops over rows
    if "loop" in instance.problem.tags:
        raise NotImplementedError("a long Python loop, which is to be written with scan")
    given = leaves_of(instance.point)
    symbols = [pt.tensor(dtype="float64", shape=np.shape(leaf)) for leaf in given]
    value = instance.make(SymbolicWords(pt))(with_leaves(instance.point, symbols))
    if product == "gradient":
        inputs, results = symbols, pytensor.grad(value, symbols)
    elif product == "hvp":
        directions = [symbol.type() for symbol in symbols]
        inputs, results = [*symbols, *directions], hessian_vector_product(value, symbols, directions)
    else:
        inputs, results = symbols, {"hessian": hessian, "jacobian": jacobian}[product](value, symbols[0])
    compiled = pytensor.function(inputs, results)

    def run(*args):
        return compiled(*(leaf for arg in args for leaf in arg))

    return Runner(run, lambda x: [np.asarray(leaf, float) for leaf in leaves_of(x)], lambda found: found)


class SymbolicWords:
    """PyTensor's words for NumPy's functions."""

    names = MappingProxyType({"amax": "max"})

    def __init__(self, pt):
        self.pt = pt

    def __getattr__(self, name):
        return getattr(self.pt, self.names.get(name, name))


TOOLS = (
    Tool(
        "pytensor",
        "PyTensor",
        prepare,
        package="pytensor",
        documentation="https://pytensor.readthedocs.io/en/latest/tutorial/gradients.html",
    ),
)
