"""Force every plan that the planner can make, eager and compiled; and let the planner choose."""

from functools import partial

import numpy as np

import mmad
from mmad.bench.strategies._registry import strategy
from mmad.errors import StructureError
from mmad.planner.decision.task import COLORED, DENSE, STRUCTURED

__all__ = ["MOST_COLUMNS"]

#: The planner's name for each product.
PLANNED = {"gradient": "grad", "hvp": "hvp", "hessian": "hessian", "jacobian": "jacobian"}
EVALUATIONS = {"auto": None, "auto-once": 1, "auto-often": 10_000}
MOST_PAIRED = 300  # unknowns for forward over forward, which makes a sweep for each pair of them
MOST_COLUMNS = 4000  # columns of a matrix computed without its pattern: its n^2 elements then take 128 MB


def known(product):
    """Return the names of the plans for a product."""
    kind = PLANNED[product]
    return (*DENSE[kind], *COLORED[kind], *STRUCTURED[kind])


def planned(instance, product, strategy="auto", **options):
    """Return the planned derivative; a matrix is sparse if the problem's is, unless the plan is for dense matrices."""
    make = getattr(mmad, PLANNED[product])
    if product in ("hessian", "jacobian"):
        options["sparse"] = instance.problem.is_sparse and strategy not in DENSE[product]
    return make(instance.make(np), strategy=strategy, **options)


def forced(plan, mode, instance, product):
    """Return the derivative by one plan in one mode."""
    if plan not in known(product):
        raise NotImplementedError(f"no plan {plan} for a {product}: there are {', '.join(known(product))}")
    if product in ("hessian", "jacobian") and plan in DENSE[product] and instance.inputs > MOST_COLUMNS:
        raise NotImplementedError(f"{instance.inputs} columns without a pattern, more than {MOST_COLUMNS}")
    if plan == "forward-over-forward" and instance.inputs > MOST_PAIRED:
        raise NotImplementedError(f"pairs of {instance.inputs} unknowns, more than {MOST_PAIRED}")
    derivative = planned(instance, product, strategy=plan, mode=mode)

    def run(*args):
        try:
            return derivative(*args)
        except StructureError as error:  # no repeated blocks, no waist
            raise NotImplementedError(str(error)) from error

    return run


def chosen(evaluations, instance, product):
    """Return the derivative by the planner's choice."""
    return planned(instance, product, evaluations=evaluations)


def _declare():
    every = dict.fromkeys(plan for product in PLANNED for plan in known(product))
    for plan in every:
        for mode in ("eager", "compiled"):
            function = partial(forced, plan, mode)
            function.__doc__ = f"{plan.replace('-', ' ')}, {mode}"
            strategy(f"{plan}-{mode}")(function)
    for name, evaluations in EVALUATIONS.items():
        function = partial(chosen, evaluations)
        function.__doc__ = "the planner's choice" + (f" for {evaluations} evaluations" if evaluations else "")
        strategy(name)(function)


_declare()
