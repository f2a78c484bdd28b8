"""Object arrays that show a traced array: what `np.asarray` of one gives follows later writes, as NumPy's does.

NumPy takes what `__array__` returns, so it is no view of the traced array; the elements are read again after a write.
"""

import threading
import weakref

import numpy as np

__all__ = ["FOLLOWERS", "follow", "refresh"]

FOLLOWERS = []  # (weak reference to the object array, the traced array, the thread)


def follow(out, x):
    """Let an object array show x from now on."""

    def forget(reference):
        FOLLOWERS[:] = [entry for entry in FOLLOWERS if entry[0] is not reference]

    FOLLOWERS.append((weakref.ref(out, forget), x, threading.get_ident()))


def refresh(written):
    """Read again, after a write to a traced array, what shows it or may do so."""
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
