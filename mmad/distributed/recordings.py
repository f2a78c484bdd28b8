"""Recordings of a function and its derivatives, by the shapes of a shard: the programs that are sent to workers."""

import functools
import hashlib
import threading
import warnings

import numpy as np

from mmad.api import hvp, value_and_grad
from mmad.errors import UnsupportedError
from mmad.python.kinds import isplain
from mmad.replay import compiled
from mmad.replay._captures import changed
from mmad.replay.captures import key_of
from mmad.tracing import tree
from mmad.tracing.leaves import describe

__all__ = ["ShardPrograms", "signature_of"]

EAGERLY = ": such calls run eagerly"  # as `mmad.compile` warns where it gives up
DERIVED = {"value": lambda g: g, "gradient": value_and_grad, "product": hvp}


def signature_of(leaves):
    """Return what a recording depends on, of the leaves of a tree: shapes and dtypes; of what is no float, values."""
    return tuple([_kind_of(x) for x in leaves])


def _kind_of(x):
    if isplain(x, np.ndarray):
        if x.dtype.kind in "fc":
            return x.shape, x.dtype.newbyteorder("=")
        return x.shape, x.dtype, hashlib.sha256(x.tobytes()).digest()
    if type(x) is float or isplain(x, np.inexact):
        return type(x)
    return type(x), key_of(x)


class ShardPrograms:
    """A function of parameters and a shard, or a derivative of it, recorded where a program is missing.

    Parameters
    ----------
    f : callable
        ``f(params, shard)``.
    what : {"value", "gradient", "product"}
    structures : tuple
        Of the parameters and of the shard.

    Attributes
    ----------
    programs : list of Program
    """

    def __init__(self, f, what, structures):
        def of_leaves(point, shard):
            return f(tree.unflatten(structures[0], point), tree.unflatten(structures[1], shard))

        functools.update_wrapper(of_leaves, f, updated=())
        self.f, self.what = f, what
        self.compiled = compiled.compile(DERIVED[what](of_leaves))
        self.programs, self.arrays, self.lock = [], [], threading.RLock()

    def call(self, point, shard, vectors):
        """Return the leaves of the result for each vector, and keep the programs of the ways that were taken.

        Raises
        ------
        UnsupportedError
            The function cannot be recorded.
        """
        with self.lock, warnings.catch_warnings(record=True) as caught:
            warnings.filterwarnings("always", message=f".*{EAGERLY}", category=RuntimeWarning)
            calls = [(point, shard, v) for v in vectors] or [(point, shard)]
            results = [self.compiled(*args) for args in calls]
            for _ in range(compiled.UNSETTLED):
                self.programs = self.compiled.programs()
                if self.programs:
                    break
                self.compiled(*calls[0])  # a recording is kept once it is known what the code reads that ran
            self.arrays = [(x, x.tobytes()) for x in self.compiled.captures.arrays]
        reason = ""
        for w in caught:
            if str(w.message).endswith(EAGERLY) and not self.programs:
                reason = str(w.message).removesuffix(EAGERLY)
            else:
                warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
        if not self.programs:
            raise UnsupportedError(
                f"{describe(self.f, 'sharded')}: workers get recordings of the function, and there is none: "
                f"{reason or 'it runs eagerly'}"
            )
        if self.what == "value":
            self._check_number(results[0])
        return [tree.flatten(r)[0] for r in results]

    def _check_number(self, y):
        if not isplain(y, int | float | np.generic | np.ndarray) or np.shape(y) or np.iscomplexobj(y):
            raise TypeError(f"{describe(self.f, 'sharded')}: the function must return one real number")

    def is_stale(self):
        """Return whether something that the function reads besides its arguments is not as it was recorded."""
        return changed(self.compiled.captures.checks) is not None or any(
            x.tobytes() != before for x, before in self.arrays
        )
