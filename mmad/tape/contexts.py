"""What is open in a thread: the tape being recorded, the dual numbers and batches of forward derivatives and `vmap`."""

import importlib
import sys
import threading

from mmad._core import Jet
from mmad.kernels import _pool
from mmad.python import refusals
from mmad.python.explain import explained

__all__ = ["STATE", "Forwarding", "Recording", "basis", "derivatives_open", "open_tape", "wrappers_open"]

# What each thread has: `tapes` and `wrappers` that are open, the innermost last; `left`, which belongs to
# :func:`mmad.tracing.lost_track.left_behind`; `basis`, which belongs to :mod:`mmad.tracing.eigenspaces`.
STATE = threading.local()

# Packages whose protocols let a traced value answer a call once our rules are imported.
PROTOCOLS = {
    "numpy.polynomial": "mmad.numpy.polynomial",
    "scipy.fft": "mmad.scipy.fft",
    "scipy.sparse": "mmad.scipy._sparse_products",
    "scipy.sparse.linalg": "mmad.scipy._sparse_operators",
}


def _provide_protocols():
    """Import the rules of those packages that the program has imported."""
    for package in list(PROTOCOLS):
        if sys.modules.get(package) is not None:
            rules = PROTOCOLS.pop(package, None)  # None: another thread was first
            if rules is not None:
                importlib.import_module(rules)


def open_tape():
    """Return the tape being recorded in this thread, or None."""
    tapes = getattr(STATE, "tapes", None)
    return tapes[-1] if tapes else None


def wrappers_open():
    """Return whether a forward derivative or a batch is open in this thread."""
    return bool(getattr(STATE, "wrappers", ()))


def derivatives_open():
    """Return how many derivatives are open in this thread."""
    forward = [w for w in getattr(STATE, "wrappers", ()) if isinstance(w, Jet)]
    return len(getattr(STATE, "tapes", ())) + len(forward)


def basis():
    """Return the basis that :mod:`mmad.tracing.eigenspaces` asks for; None inside another derivative."""
    asked = getattr(STATE, "basis", None)
    return asked[0] if asked is not None and asked[1] == derivatives_open() else None


class Recording:
    """Context in which `tape` is this thread's open tape."""

    def __init__(self, tape):
        self.tape = tape

    def __enter__(self):
        if not hasattr(STATE, "tapes"):
            STATE.tapes = []
        STATE.tapes.append(self.tape)
        self.left, STATE.left = getattr(STATE, "left", None), None
        if PROTOCOLS:
            _provide_protocols()
        self.refused = refusals.begin()
        self.pool = _pool.enter()

    def __exit__(self, kind, error, traceback):
        _pool.leave(self.pool)
        STATE.left = self.left
        instead = None if error is None else explained(error)
        refusals.end(self.refused)
        STATE.tapes.pop()
        if self.tape not in STATE.tapes:
            self.tape.open = False
        if instead is not None:
            raise instead from error


class Forwarding:
    """Context in which creation functions make arrays that accept dual numbers or batches like `wrapper`."""

    def __init__(self, wrapper):
        self.wrapper = wrapper

    def __enter__(self):
        if not hasattr(STATE, "wrappers"):
            STATE.wrappers = []
        STATE.wrappers.append(self.wrapper)
        self.left, STATE.left = getattr(STATE, "left", None), None
        if PROTOCOLS:
            _provide_protocols()
        self.refused = refusals.begin()

    def __exit__(self, kind, error, traceback):
        STATE.left = self.left
        instead = None if error is None else explained(error)
        refusals.end(self.refused)
        STATE.wrappers.pop()
        if instead is not None:
            raise instead from error
