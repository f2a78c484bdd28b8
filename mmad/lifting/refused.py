"""Name the compiled code that lifted code gave traced values to."""

import linecache
import re

from mmad.lifting.copies import Names
from mmad.python.callees import called_text
from mmad.python.refusals import refused

__all__ = ["explain"]

NOTE = "mmad.lift: "
WORDS = re.compile(r"traced|ufunc|dtype|object")  # in messages of refusals, and of NumPy about object arrays


def explain(error):
    """Add a note to an exception that leaves lifted code: the call that could not be followed, and what to write."""
    if any(note.startswith(NOTE) for note in getattr(error, "__notes__", ())):
        return
    asked = isinstance(error, TypeError | ValueError | AttributeError) and WORDS.search(str(error))
    if refused() is None and not asked:
        return
    last, trace = None, error.__traceback__
    while trace is not None:
        if isinstance(trace.tb_frame.f_globals, Names):
            last = trace
        trace = trace.tb_next
    if last is None:
        return
    code = last.tb_frame.f_code
    text = called_text(last.tb_frame, last.tb_lasti)
    line = linecache.getline(code.co_filename, last.tb_lineno).strip()
    error.add_note(
        f"{NOTE}{text or line} in {code.co_filename}, line {last.tb_lineno} ({code.co_qualname}) gave traced values "
        "to code that cannot be followed (C, Cython, a class that holds plain numbers, or a package that is left): "
        "write a function with a derivative (mmad.primitive, mmad.custom_jvp), and mmad.lift(..., replace={the "
        "function: yours})"
    )
