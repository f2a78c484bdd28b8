"""What is open in a thread: the tape being recorded, the dual numbers and batches of forward derivatives and `vmap`."""

import threading

from mmad.kernels import _pool
from mmad.python import refusals

__all__ = ["STATE", "Forwarding", "Recording", "open_tape", "wrappers_open"]

# tapes, wrappers: what is open, the innermost last; left: of :func:`mmad.tracing.trace.left_behind`; basis: of
# :mod:`mmad.tracing.bases`; forward: whether tangents are computed that may not be used; repeated: how many of them did
# not exist, at repeated eigenvalues.
STATE = threading.local()


def open_tape():
    """The tape being recorded in this thread, or None."""
    tapes = getattr(STATE, "tapes", None)
    return tapes[-1] if tapes else None


def wrappers_open():
    """Whether a forward derivative or a batch is open in this thread."""
    return bool(getattr(STATE, "wrappers", ()))


class Recording:
    """Context in which `tape` is this thread's open tape."""

    def __init__(self, tape):
        self.tape = tape

    def __enter__(self):
        if not hasattr(STATE, "tapes"):
            STATE.tapes = []
        STATE.tapes.append(self.tape)
        self.left, STATE.left = getattr(STATE, "left", None), None
        self.basis, STATE.basis = getattr(STATE, "basis", None), None
        self.refused = refusals.begin()
        self.pool = _pool.enter()

    def __exit__(self, kind, error, traceback):
        _pool.leave(self.pool)
        STATE.left, STATE.basis = self.left, self.basis
        if error is not None:
            refusals.annotate(error)
        refusals.end(self.refused)
        STATE.tapes.pop()
        if self.tape not in STATE.tapes:
            self.tape.open = False


class Forwarding:
    """Context in which creation functions make arrays that accept dual numbers or batches like `wrapper`."""

    def __init__(self, wrapper):
        self.wrapper = wrapper

    def __enter__(self):
        if not hasattr(STATE, "wrappers"):
            STATE.wrappers = []
        STATE.wrappers.append(self.wrapper)
        self.left, STATE.left = getattr(STATE, "left", None), None
        self.basis, STATE.basis = getattr(STATE, "basis", None), None
        self.refused = refusals.begin()

    def __exit__(self, kind, error, traceback):
        STATE.left, STATE.basis = self.left, self.basis
        if error is not None:
            refusals.annotate(error)
        refusals.end(self.refused)
        STATE.wrappers.pop()
