"""ddx: expressions of named symbols, compiled through LLVM, called with bound buffers."""

import numpy as np

from mmad.bench.contestant import Runner
from mmad.bench.tools._symbols import SymbolWords, as_tree, expressions, refuse_size
from mmad.bench.tools._tool import Tool, refuse_branches
from mmad.bench.trees import flatten

__all__ = ["TOOLS"]

#: Symbols: what is compiled for so many takes some seconds, and four times as long for twice as many.
MOST = {"gradient": 1000, "hvp": 1000, "jacobian": 400, "hessian": 200}


def prepare(instance, product):
    import ddx

    refuse_branches(instance)
    refuse_size(instance, MOST[product])
    words = SymbolWords(ddx, ("exp", "log", "sin", "cos", "tanh", "sqrt", "erf"), ddx.max)
    names = [f"x{k}" for k in range(instance.inputs)]

    def model():
        found = expressions(instance.make(words)(as_tree(map(ddx.var, names), instance)))
        return tuple(found) if product == "jacobian" else found[0]

    equation = ddx.equation(model)
    if ddx.has_jit:
        equation.compile()
    if product == "hvp":
        return Runner(lambda x, v: equation.hvp(v, x)[2], flatten)
    want, block = {
        "gradient": (ddx.Want.GRADIENT, "jacobian"),
        "jacobian": (ddx.Want.JACOBIAN, "jacobian"),
        "hessian": (ddx.Want.HESSIAN, "hessian"),
    }[product]
    call = equation.buffer(flatten(instance.point), want=want)

    def run(x):
        call.x[:] = x
        call()
        return getattr(call, block)

    return Runner(run, flatten, np.copy)


TOOLS = (
    Tool(
        "ddx",
        "ddx",
        prepare,
        package="ddx",
        distribution="ddx-ad",
        documentation="https://pypi.org/project/ddx-ad",
    ),
)
