"""A drop-in for autograd: ``from mmad.autograd import grad; import mmad.autograd.numpy as np``.

The operators have autograd's names, arguments and convention for complex numbers (df/dx - i df/dy); derivatives are
mmad's.  :func:`install` lets packages that import autograd use it unchanged.  docs/autograd.md says what differs.
"""

import contextlib
import importlib
import sys

from mmad.autograd import builtins, core, differential_operators, extend, misc, numpy, test_util, tracer, util
from mmad.autograd.builtins import dict, isinstance, list, tuple, type
from mmad.autograd.core import primitive
from mmad.autograd.differential_operators import (
    checkpoint,
    deriv,
    elementwise_grad,
    grad,
    grad_and_aux,
    grad_named,
    hessian,
    hessian_tensor_product,
    hessian_vector_product,
    holomorphic_grad,
    jacobian,
    make_ggnvp,
    make_hvp,
    make_jvp,
    make_vjp,
    multigrad_dict,
    tensor_jacobian_product,
    value_and_grad,
    vector_jacobian_product,
)

__all__ = [
    "builtins",
    "checkpoint",
    "core",
    "deriv",
    "dict",
    "differential_operators",
    "elementwise_grad",
    "extend",
    "grad",
    "grad_and_aux",
    "grad_named",
    "hessian",
    "hessian_tensor_product",
    "hessian_vector_product",
    "holomorphic_grad",
    "install",
    "isinstance",
    "jacobian",
    "list",
    "make_ggnvp",
    "make_hvp",
    "make_jvp",
    "make_vjp",
    "misc",
    "multigrad_dict",
    "numpy",
    "primitive",
    "tensor_jacobian_product",
    "test_util",
    "tracer",
    "tuple",
    "type",
    "util",
    "value_and_grad",
    "vector_jacobian_product",
]


def install():
    """Let ``import autograd`` give this module, and its submodules, in the whole process from now on.

    Call it before the first import of a package that uses autograd; what was imported from autograd earlier stays.
    `mmad.autograd.scipy` needs SciPy, and is imported on its own or by this call.

    Examples
    --------
    >>> import mmad.autograd
    >>> mmad.autograd.install()
    >>> import autograd.numpy as anp
    >>> from autograd import grad
    >>> float(grad(lambda x: anp.sin(x) * x)(0.0))
    0.0
    """
    with contextlib.suppress(ImportError):  # SciPy is not installed
        importlib.import_module(f"{__name__}.scipy")
    for name in [name for name in sys.modules if name == "autograd" or name.startswith("autograd.")]:
        del sys.modules[name]
    for name, module in [*sys.modules.items()]:
        if name == __name__ or name.startswith(__name__ + "."):
            sys.modules["autograd" + name[len(__name__) :]] = module
