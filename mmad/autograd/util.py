"""Autograd's helpers."""

import warnings

from mmad.autograd.test_util import check_grads

__all__ = ["func", "quick_grad_check", "subval", "subvals"]


def subvals(x, pairs):
    """Return a sequence as a tuple, some elements replaced."""
    found = list(x)
    for k, v in pairs:
        found[k] = v
    return tuple(found)


def subval(x, k, v):
    """Return a sequence as a tuple, one element replaced."""
    return subvals(x, [(k, v)])


def func(f):
    """Return f."""
    return f


def quick_grad_check(fun, arg0, extra_args=(), kwargs=None, **_):
    """Check gradients, as `check_grads` does; it warns, as it is not to be used any more."""
    warnings.warn("use autograd.test_util.check_grads", DeprecationWarning, stacklevel=2)
    check_grads(lambda x: fun(x, *extra_args, **(kwargs or {})), modes=["rev"], order=1)(arg0)
