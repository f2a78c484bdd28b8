"""mmad: mixed-mode automatic differentiation for NumPy code."""

from mmad import numpy
from mmad._core import ArrayVar, ScalarVar, Var, concrete
from mmad._dual import Dual
from mmad.api import (
    grad,
    hessian,
    hvp,
    jacfwd,
    jacobian,
    jacrev,
    jvp,
    linearize,
    value_and_grad,
    value_grad_hvp,
    vjp,
)
from mmad.errors import TraceError, UnsupportedError
from mmad.tree import register

__all__ = ["ArrayVar", "Dual", "ScalarVar", "TraceError", "UnsupportedError", "Var", "concrete", "grad", "hessian", "hvp",
           "jacfwd", "jacobian", "jacrev", "jvp", "linearize", "numpy", "register", "value_and_grad", "value_grad_hvp", "vjp"]
