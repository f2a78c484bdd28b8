"""Choosing how a derivative is computed: sparsity, colouring, strategies and their cost."""

from mmad.planner.coloring.colored import Coloring
from mmad.planner.decision.plan import Plan
from mmad.planner.sparsity.detect import sparsity
from mmad.planner.sparsity.pattern import Pattern

__all__ = ["Coloring", "Pattern", "Plan", "sparsity"]
