"""The end of a recording: the results of a tape."""

import os

import numpy as np

from mmad._core import ScalarVar, Traced
from mmad.errors import TraceError
from mmad.python.kinds import isplain
from mmad.tape._storage import ArrayVar
from mmad.tracing.hidden import refuse_hidden
from mmad.transforms.validate import validate

__all__ = ["close"]


def close(tape, outputs, out_tree, likes=None):
    """Finish a tape: its results are these leaves, Python floats where `likes` has one."""
    refuse_hidden(outputs, tape.origin)
    tape.outputs, tape.constants, tape.out_tree = [], [], out_tree
    kinds = (
        [type(v) is float for v in likes]
        if likes is not None
        else [type(v) is float or (isinstance(v, ScalarVar) and not v.strong and v.dtype.kind == "f") for v in outputs]
    )
    tape.floats = kinds
    tape.numbers = [isinstance(v, ArrayVar) and v.number for v in outputs]
    for out in outputs:
        if isinstance(out, ScalarVar | ArrayVar):
            if out.tape is not tape:
                raise TraceError(f"{tape.origin} returned a value of another trace, {out.tape.origin}")
            tape.outputs.append(out.node)
            tape.constants.append(None)
        elif isinstance(out, Traced):
            raise TraceError(f"{tape.origin} returned a {type(out).__name__} of a derivative outside of it")
        else:
            tape.outputs.append(-1)
            tape.constants.append(out.copy() if isplain(out, np.ndarray) else out)
    if os.environ.get("MMAD_DEBUG", "") not in ("", "0"):
        validate(tape)
    return tape
