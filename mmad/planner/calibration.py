"""Coefficients of the cost model for the machine at hand."""

from mmad.planner.cost import EAGER_AND_COMPILED

__all__ = ["coefficients"]


def coefficients():
    """Coefficients for "eager" and "compiled"."""
    return EAGER_AND_COMPILED
