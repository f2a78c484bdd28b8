"""Advect: NumPy's functions on its own arrays, at every call, and staged into a program once."""

from functools import partial

import numpy as np

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool, refuse_branches, refuse_columns

__all__ = ["TOOLS"]


def prepare(is_staged, instance, product):
    import advect

    refuse_columns(instance, product)
    function = instance.make(np)
    operators = {
        "gradient": advect.grad,
        "hvp": lambda f: lambda x, v: advect.hvp(f)(x, vectors=v)[1],
        "hessian": advect.hessian,
        "jacobian": advect.jacobian,
    }
    derivative = operators[product](function)
    if "nested" in instance.problem.tags:
        raise NotImplementedError("the function takes derivatives inside, by mmad where it computes with NumPy")
    if is_staged:
        if product == "hvp":
            raise NotImplementedError("its Hessian-vector products cannot be staged")
        refuse_branches(instance)
        derivative = advect.stage(derivative, instance.point)
    return Runner(derivative)


DOCUMENTATION = "https://pypi.org/project/advect"
TOOLS = (
    Tool("advect", "Advect, eager", partial(prepare, False), package="advect", documentation=DOCUMENTATION),
    Tool("advect-staged", "Advect, staged", partial(prepare, True), package="advect", documentation=DOCUMENTATION),
)
