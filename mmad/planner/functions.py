"""Jacobians, Hessians, gradients and products that are planned: what they take, checked."""

from mmad.derivatives.arguments import derivative_function
from mmad.planner.coloring.colored import Coloring
from mmad.planner.decision.task import COLORED, DENSE, MODES, STRUCTURED, Options
from mmad.planner.planned import FORMATS, PlannedHessian, PlannedJacobian
from mmad.planner.planned_products import (
    PlannedGradient,
    PlannedProduct,
    PlannedValueAndGradient,
    PlannedValueGradProduct,
)
from mmad.planner.sparsity.pattern import Pattern
from mmad.python.amounts import size_in_bytes
from mmad.python.kinds import isplain

__all__ = ["planned"]


KINDS = {
    "jacobian": PlannedJacobian,
    "hessian": PlannedHessian,
    "grad": PlannedGradient,
    "value_and_grad": PlannedValueAndGradient,
    "hvp": PlannedProduct,
    "value_grad_hvp": PlannedValueGradProduct,
}


def planned(
    what, f, argnums, strategy, evaluations, memory, mode, *,
    sparse=False, format="csr", pattern=None, factored=False, has_aux=False,
):  # fmt: skip
    """Return the planned form of a derivative operator; the keywords are those of the public function `what`."""
    kind = KINDS[what]
    ways = kind.product
    known = ("auto", *DENSE[ways], *COLORED[ways], *STRUCTURED[ways])
    if strategy not in known:
        raise ValueError(f"{what}: strategy must be one of {', '.join(known)}, not {strategy!r}")
    if mode not in MODES:
        raise ValueError(f"{what}: mode must be one of {', '.join(MODES)}, not {mode!r}")
    if format not in FORMATS:
        raise ValueError(f"{what}: format must be one of {', '.join(FORMATS)}, not {format!r}")
    if evaluations is not None and (isplain(evaluations, bool) or not isplain(evaluations, int) or evaluations < 1):
        raise ValueError(f"{what}: evaluations must be a positive int, not {evaluations!r}")
    if pattern is not None and strategy == "blocks":
        raise ValueError(f"{what}: strategy 'blocks' finds the pattern by itself; leave pattern= out")
    if pattern is not None and not isinstance(pattern, Coloring):
        pattern = Pattern.of(pattern)
    if isinstance(pattern, Coloring):
        fits = {"column": "columns", "row": "rows"}.get(pattern.kind, pattern.kind)
        if strategy not in ("auto", fits) or fits not in COLORED[ways]:
            raise ValueError(f"{what}: the colouring given is of kind {pattern.kind!r}, the strategy {strategy!r}")
        strategy = fits
    options = Options(
        strategy, bool(sparse), pattern, evaluations, size_in_bytes(memory, what), mode, factored, bool(has_aux)
    )
    return derivative_function(f, kind(f, argnums, options, format) if callable(f) else None, what)
