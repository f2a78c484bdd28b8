"""Autograd's helpers for containers and optimisation."""

from mmad.autograd.misc import fixed_points, flatten, optimizers, tracers
from mmad.autograd.misc.flatten import flatten  # noqa: F811  (as in autograd, the function has the module's name)
from mmad.autograd.misc.tracers import const_graph

__all__ = ["const_graph", "fixed_points", "flatten", "optimizers", "tracers"]
