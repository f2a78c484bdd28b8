"""numdifftools: differences with steps of many sizes, extrapolated."""

import numpy as np

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool
from mmad.bench.trees import flatten, unflatten

__all__ = ["TOOLS"]

MOST = {"gradient": 300, "jacobian": 300, "hessian": 60}  # inputs, each of which takes some thirty calls, or its square


def prepare(instance, product):
    import numdifftools

    if product not in MOST:
        raise NotImplementedError(f"no {product}: gradients and matrices only")
    if instance.inputs > MOST[product]:
        raise NotImplementedError(f"{instance.inputs} inputs, more than {MOST[product]}")
    function = instance.make(np)
    operator = {
        "gradient": numdifftools.Gradient,
        "jacobian": numdifftools.Jacobian,
        "hessian": numdifftools.Hessian,
    }[product]
    return Runner(operator(lambda x: function(unflatten(x, instance.point))), flatten, np.asarray)


TOOLS = (
    Tool(
        "numdifftools",
        "numdifftools",
        prepare,
        1e-4,
        package="numdifftools",
        documentation="https://numdifftools.readthedocs.io/en/latest/tutorials/getting_started.html",
    ),
)
