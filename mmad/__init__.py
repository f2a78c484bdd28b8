"""mmad: mixed-mode automatic differentiation for NumPy code.

First derivatives
    grad, value_and_grad, derivative, jvp, vjp, linearize, wirtinger
Second and higher derivatives
    hvp, value_grad_hvp, hessian, hessian_operator, taylor, derivative_tensor
Jacobians and the planner
    jacobian, jacfwd, jacrev, jacobian_operator, sparsity, Pattern, Coloring, Plan
Batches, compiled functions and recordings
    vmap, compile, Program, record, Tape, validate, set_num_threads, get_num_threads, clear_pool
Code that knows nothing of mmad
    lift
Rules of your own
    custom_jvp, custom_vjp, primitive, implicit, stop_gradient, straight_through, hook, clip_gradient
Modes and memory, arguments
    forward, checkpoint, checkpointed_loop, register
Checks, and what a function meets while it is differentiated
    check_derivatives, debug_nans, numpy, concrete, Var, ScalarVar, ArrayVar, Dual
Diagonals, traces and products without the matrix
    hessian_diagonal, laplacian, divergence, curl, gauss_newton_product, vhp
Sums over data on several processes or machines
    sharded
Optimisers, and trees as vectors
    minimize, objective, constraint, ipopt_problem, ravel_pytree, tree
Errors
    TraceError, UnsupportedError, GuardError, PatternError, StructureError, ProgramError, ValidationError, NanError

Each has a docstring with an example: ``help(mmad.grad)``.  Modules whose names are not in this list are internal.
"""

import sys

from mmad import _checkout

_checkout.use_compiled_modules(sys.modules[__name__])

from mmad import numpy
from mmad._core import ScalarVar, Var, concrete
from mmad.api import grad, hessian, hvp, jacobian, value_and_grad, value_grad_hvp
from mmad.compiler.program import Program
from mmad.derivatives import implicit
from mmad.derivatives.batching import vmap
from mmad.derivatives.checking import check_derivatives
from mmad.derivatives.checkpointing import checkpoint, checkpointed_loop
from mmad.derivatives.custom import custom_jvp, custom_vjp, hook, primitive, stop_gradient
from mmad.derivatives.estimators import clip_gradient, straight_through
from mmad.derivatives.first_order import jvp, linearize, vjp
from mmad.derivatives.gauss_newton import gauss_newton_product, vhp
from mmad.derivatives.higher import derivative, taylor
from mmad.derivatives.jacobians import jacfwd, jacrev
from mmad.derivatives.mixed import forward
from mmad.derivatives.nans import debug_nans
from mmad.derivatives.operators import hessian_operator, jacobian_operator
from mmad.derivatives.tensors import derivative_tensor
from mmad.derivatives.wirtinger import wirtinger
from mmad.diagonals import curl, divergence, hessian_diagonal, laplacian
from mmad.distributed.sharded import sharded
from mmad.errors import (
    GuardError,
    NanError,
    PatternError,
    ProgramError,
    StructureError,
    TraceError,
    UnsupportedError,
    ValidationError,
)
from mmad.kernels._pool import clear_pool
from mmad.lifting import lift
from mmad.optimization.constraint import constraint
from mmad.optimization.ipopt import ipopt_problem
from mmad.optimization.minimize import minimize
from mmad.optimization.objective import objective
from mmad.planner import Coloring, Pattern, Plan, sparsity
from mmad.replay.compiled import compile
from mmad.tape._storage import ArrayVar
from mmad.tracing import tree
from mmad.tracing.ravel import ravel_pytree
from mmad.tracing.tree import register
from mmad.transforms.tape import Tape, record
from mmad.transforms.validate import validate
from mmad.vm._vm import get_num_threads, set_num_threads
from mmad.wrappers._dual import Dual

__version__ = "0.1.0"

__all__ = [
    "ArrayVar",
    "Coloring",
    "Dual",
    "GuardError",
    "NanError",
    "Pattern",
    "PatternError",
    "Plan",
    "Program",
    "ProgramError",
    "ScalarVar",
    "StructureError",
    "Tape",
    "TraceError",
    "UnsupportedError",
    "ValidationError",
    "Var",
    "check_derivatives",
    "checkpoint",
    "checkpointed_loop",
    "clear_pool",
    "clip_gradient",
    "compile",
    "concrete",
    "constraint",
    "curl",
    "custom_jvp",
    "custom_vjp",
    "debug_nans",
    "derivative",
    "derivative_tensor",
    "divergence",
    "forward",
    "gauss_newton_product",
    "get_num_threads",
    "grad",
    "hessian",
    "hessian_diagonal",
    "hessian_operator",
    "hook",
    "hvp",
    "implicit",
    "ipopt_problem",
    "jacfwd",
    "jacobian",
    "jacobian_operator",
    "jacrev",
    "jvp",
    "laplacian",
    "lift",
    "linearize",
    "minimize",
    "numpy",
    "objective",
    "primitive",
    "ravel_pytree",
    "record",
    "register",
    "set_num_threads",
    "sharded",
    "sparsity",
    "stop_gradient",
    "straight_through",
    "taylor",
    "tree",
    "validate",
    "value_and_grad",
    "value_grad_hvp",
    "vhp",
    "vjp",
    "vmap",
    "wirtinger",
]


def __dir__():
    """Return the public names; what Python adds, the submodules, is internal."""
    return [*__all__, "__all__", "__doc__", "__file__", "__name__", "__path__", "__version__"]
