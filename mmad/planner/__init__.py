"""Choosing how a derivative is computed: sparsity, colouring, strategies and their cost."""

from mmad.planner.colored import Coloring
from mmad.planner.detect import sparsity
from mmad.planner.pattern import Pattern
from mmad.planner.plan import Plan

__all__ = ["Coloring", "Pattern", "Plan", "sparsity"]
