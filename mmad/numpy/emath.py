"""`numpy.emath`: functions whose results are complex where the argument leaves the real domain."""

import numpy as np

from mmad.numpy._implements import implements
from mmad.numpy.joining import as_operand
from mmad.ops import arithmetic as a
from mmad.ops.powers import power as power_op


def _complex(x):
    """Return x in the complex dtype of its precision."""
    return x if x.dtype.kind == "c" else a.astype(x, dtype=np.result_type(x.dtype, np.complex64))


def _real_or_complex(x, outside):
    """Return x, made complex if it is real and any element is outside of the domain; that is a choice by value."""
    x = as_operand(x)
    return _complex(x) if x.dtype.kind != "c" and np.any(outside(x)) else x


def _negative(x):
    return np.less(x, 0)


def _beyond_one(x):
    return np.greater(np.abs(x), 1)


def _declare(function, ufunc, outside):
    def call(x):
        return ufunc(_real_or_complex(x, outside))

    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = f"`numpy.emath.{function.__name__}`."
    return implements(function)(call)


sqrt = _declare(np.emath.sqrt, np.sqrt, _negative)
log = _declare(np.emath.log, np.log, _negative)
log10 = _declare(np.emath.log10, np.log10, _negative)
log2 = _declare(np.emath.log2, np.log2, _negative)
arccos = _declare(np.emath.arccos, np.arccos, _beyond_one)
arcsin = _declare(np.emath.arcsin, np.arcsin, _beyond_one)
arctanh = _declare(np.emath.arctanh, np.arctanh, _beyond_one)


@implements(np.emath.logn)
def logn(n, x):
    """`numpy.emath.logn`."""
    return a.divide(log(x), log(n))


@implements(np.emath.power)
def power(x, p):
    """`numpy.emath.power`."""
    return power_op(_real_or_complex(x, _negative), as_operand(p))
