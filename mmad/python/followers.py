"""Update the object arrays that `np.asarray` makes of traced arrays when the traced array is written to.

`np.asarray` of an ndarray is the array itself, so it shows later writes.  For a traced array NumPy takes the object
array that `__array__` returns, which is no view; so its elements are read again after each write.
"""

import threading
import weakref

import numpy as np

__all__ = ["FOLLOWERS", "follow", "refresh"]

FOLLOWERS = []  # (weak reference to the object array, the traced array, the thread)


def follow(out, x):
    """Keep an object array equal to the traced array x from now on."""

    def forget(reference):
        FOLLOWERS[:] = [entry for entry in FOLLOWERS if entry[0] is not reference]

    FOLLOWERS.append((weakref.ref(out, forget), x, threading.get_ident()))


def refresh(written):
    """Update, after a write to a traced array, the object arrays that show it or may share its memory."""
    here = threading.get_ident()
    for entry in list(FOLLOWERS):
        out, x, thread = entry[0](), *entry[1:]
        if out is not None and thread == here and _may_share(x, written):
            out.flags.writeable = True
            _fill(out, x)
            out.flags.writeable = False


def _fill(out, x):
    for k in np.ndindex(*out.shape):
        out[k] = x[k] if k else x[()]


def _may_share(x, written):
    if hasattr(written, "level"):
        return type(x) is type(written) and x.level == written.level
    return x is written or getattr(x, "base", None) is written
