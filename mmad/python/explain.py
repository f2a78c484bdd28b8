"""Say in an exception that a library raises of traced values which function met them, where, and what to write.

The messages of NumPy, SciPy and compiled packages about arrays of objects do not help, and there is no hook to refuse
these arrays earlier.  The exception keeps its type.
"""

import builtins
import linecache
import re

import numpy as np

from mmad.errors import GuardError, TraceError, UnsupportedError, ValidationError
from mmad.python.callees import Callee, called, is_library, package_of, run_name
from mmad.python.kinds import isplain
from mmad.python.refusals import refused
from mmad.python.scipy_names import advice

__all__ = ["explained"]

NOTE = "mmad: refused"
FIRST = 16  # elements of an array or a list that are looked at

# Patterns of the messages with which NumPy and SciPy refuse object arrays.
OBJECTS = re.compile(
    r"[oO]bject arrays?|dtype\('O'\)|dtype object|'object'|type object\b|ObjectDType"
    r"|loop of ufunc|^ufunc '\w+' not supported|asks for plain numbers|must have real dtype|not available for this type"
)
TYPES = re.compile(r"\b(Scalar|Array)(Var|Dual|Series)\b|\b(Batch|traced|mmad)\b")  # what messages call a traced value
ARRAY_OF_OBJECTS = (
    "An array that np.array or np.asarray makes of traced numbers is one of objects, which NumPy's and SciPy's "
    "compiled functions do not take; make it with np.array(..., like=x), mmad.numpy.array(...) or np.stack, "
    "where x is a traced value"
)


def _holds_traced(a):
    """Return whether `a` is an object array with a traced value among its first elements."""
    return isplain(a, np.ndarray) and a.dtype.hasobject and any(hasattr(v, "__array_ufunc__") for v in a.flat[:FIRST])


def _is_traced(value, deep=True):
    """Return whether a value is traced, or an object array, a short sequence or a function that holds traced values."""
    if isplain(value, list | tuple | dict):
        values = value.values() if isplain(value, dict) else value
        return any(_is_traced(v, deep) for v in list(values)[:FIRST])
    if deep and getattr(value, "__closure__", None):
        return any(_is_traced(cell.cell_contents, False) for cell in value.__closure__ if _is_full(cell))
    return _holds_traced(value) or (type(value).__module__.startswith("mmad.") and hasattr(value, "__array_ufunc__"))


def _is_full(cell):
    try:
        return cell.cell_contents is not None
    except ValueError:  # not assigned yet
        return False


def _chain(error):
    """Yield an exception and the exceptions that led to it, the last one first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def explained(error):
    """Explain an exception that leaves the user's function, if a library raised it of traced values.

    Its message then says which function of the library that was, and what to write; a note says where.  Compiled
    code that goes on after a refused conversion, as SciPy's root finders do, may raise another exception instead; a
    note then tells of the refusal.

    Returns
    -------
    Exception or None
        What to raise instead, where the exception words its message itself.
    """
    if any(note.startswith(NOTE) for note in getattr(error, "__notes__", ())):
        return None
    if not isinstance(error, Exception) or isinstance(error, TraceError | GuardError | ValidationError):
        return None
    message = refused()
    if message is not None and not any(str(e) == message for e in _chain(error)):
        error.add_note(f"{NOTE} before it: {message}")
    user, inner = _steps(error)
    callee = _refusing(user, inner)
    if callee is None:
        return None
    if not isinstance(error, UnsupportedError) and any(_is_our(callee, tb.tb_frame) for tb in inner):
        return None
    values = [v for tb in inner for v in list(tb.tb_frame.f_locals.values())] + list(callee.arguments)
    objects = bool(OBJECTS.search(str(error))) or any(map(_holds_traced, values))
    scipys = callee.name.startswith("scipy.") and any(map(_is_traced, values))
    if objects or scipys or (TYPES.search(str(error)) and not callee.name.startswith("numpy.")):
        return _say(error, callee, objects, user)
    return None


def _steps(error):
    """Return the innermost step of an exception's traceback in the user's code, or None, and those within it."""
    steps, tb = [], error.__traceback__
    while tb is not None:
        steps.append(tb)
        tb = tb.tb_next
    first = next((tb for tb in steps if package_of(tb.tb_frame) != "mmad"), None)
    users = "" if first is None else package_of(first.tb_frame)
    mine = [k for k, tb in enumerate(steps) if not is_library(package_of(tb.tb_frame), users or None)]
    last = next((k for k in reversed(mine) if package_of(steps[k].tb_frame) != "mmad"), None)
    if last is None:
        return None, steps[steps.index(first) :] if first is not None else []
    return steps[last], steps[last + 1 :]


def _is_our(callee, frame):
    """Return whether a frame runs our stand-in for a function, which words its own messages."""
    home, *rest = frame.f_globals.get("__name__", "").removeprefix("mmad.").split(".")
    return (
        home in ("numpy", "scipy")
        and package_of(frame) == "mmad"
        and callee.name.startswith(f"{home}.{rest[0]}." if home == "scipy" and rest else f"{home}.")
    )


def _refusing(user, inner):
    """Return the `Callee` of the library that raised the exception, or None."""
    callee = None if user is None else called(user.tb_frame, user.tb_lasti)
    if callee is not None and callee.name not in ("numpy.array", "numpy.asarray"):
        return callee
    library = [name for tb in inner if package_of(tb.tb_frame) != "mmad" and (name := run_name(tb.tb_frame))]
    return Callee(library[0]) if library else callee


def _cure(callee):
    """Return what to write instead of a call."""
    return (
        advice(callee.name)
        or advice(callee.own)
        or "write it with NumPy functions, give it a derivative with mmad.primitive (or mmad.implicit, where it solves "
        "an equation), or take its arguments as constants, with mmad.concrete(x)"
    )


def _say(error, callee, objects, user):
    """Put into the exception who refused what; return another one where its message is not an argument of it."""
    note = f"{NOTE} by {callee.name}"
    if user is not None:
        code = user.tb_frame.f_code
        line = linecache.getline(code.co_filename, user.tb_lineno).strip()
        note += f" in {code.co_filename.rsplit('/', 1)[-1]}, line {user.tb_lineno}{': ' + line if line else ''}"
    if objects and callee.name.startswith(("numpy.", "scipy.")):
        note += f"\n{ARRAY_OF_OBJECTS}"
    instead, text = error, str(error)
    if callee.name not in text:
        said = f"{callee.name} does not take traced values: {_cure(callee)}; it says: {text or type(error).__name__}"
        error.args = (said,)
        if str(error) not in (said, repr(said)):
            kinds = (kind for kind in type(error).__mro__ if getattr(builtins, kind.__name__, None) is kind)
            instead = next(kinds)(said)
    instead.add_note(note)
    return None if instead is error else instead
