"""Whether an operation fails: what a recording guards where Python's control flow follows an exception.

``try: np.linalg.cholesky(a)`` / ``except LinAlgError: ...`` branches on an operation that gave no result.  `raises` is
that branch as a truth value, so that a replay can test it.
"""

import warnings

import numpy as np

from mmad.tape._instructions import Op

__all__ = ["raises"]


def _raises(*operands, of, params, error, states):
    """Return whether an operation or function raises an error of this kind, under these settings of `np.errstate`."""
    with np.errstate(**states), warnings.catch_warnings():
        if issubclass(RuntimeWarning, error):
            warnings.simplefilter("error", RuntimeWarning)
        try:
            (of.impl if isinstance(of, Op) else of)(*operands, **params)
        except error:
            return np.True_
        except Exception:
            return np.False_
    return np.False_


raises = Op("raises", _raises, kind="structural", boolean=True, needs_out=False)
