"""mmad: compiled, with planned matrices; and eager."""

import numpy as np

import mmad
from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool

__all__ = ["TOOLS"]

OFTEN = 1000  # the number of evaluations given to the planner


def compiled(instance, product):
    function, is_sparse = instance.make(np), instance.problem.is_sparse
    if product in ("hessian", "jacobian"):
        return Runner(getattr(mmad, product)(function, sparse=is_sparse, evaluations=OFTEN))
    return Runner(mmad.compile({"gradient": mmad.grad, "hvp": mmad.hvp}[product](function)))


def eager(instance, product):
    function, is_sparse = instance.make(np), instance.problem.is_sparse
    if product in ("hessian", "jacobian"):
        return Runner(getattr(mmad, product)(function, sparse=is_sparse, mode="eager"))
    return Runner({"gradient": mmad.grad, "hvp": mmad.hvp}[product](function))


TOOLS = (
    Tool("mmad", "mmad, compiled", compiled, package="mmad", documentation="README.md"),
    Tool("mmad-eager", "mmad, eager", eager, package="mmad", documentation="README.md"),
)
