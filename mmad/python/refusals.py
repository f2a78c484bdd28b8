"""Refuse conversions of traced values to plain numbers, with messages that name the function that asked for one.

A traced value that became a plain number would lose its derivative, so `float`, `complex` and most conversions to
arrays raise.  The message names the function that asked for the conversion: the outermost frame of NumPy or SciPy on
the stack, or, if that is compiled code, the call in the user's line that is running.
"""

import functools
import itertools
import linecache
import re
import sys
import threading
import types

import numpy as np

from mmad.python.followers import follow
from mmad.python.kinds import isplain
from mmad.python.scipy_names import advice

__all__ = [
    "annotate",
    "array_method",
    "begin",
    "called_text",
    "end",
    "refuse",
    "refuse_complex",
    "refuse_float",
    "refused",
    "rounding",
]

LIBRARIES = frozenset(("numpy", "scipy"))
REFUSED = threading.local()
NOTE = "mmad: refused"
DIGITS = 2**52  # from here on every float is an integer

# Patterns of the messages with which NumPy and SciPy refuse object arrays.
OBJECTS = re.compile(
    r"[oO]bject arrays?|dtype\('O'\)|dtype object|'object'|type object\b|ObjectDType"
    r"|loop of ufunc|^ufunc '\w+' not supported|asks for plain numbers|must have real dtype|not available for this type"
)

METHOD = re.compile(r"[)\]]\.(\w+)\([^()]*\)$")  # a method called on the result of a call or a subscript

# Functions that misread the memory of an object array: with strides that were made for another array, or by copying
# references to objects without counting them.  (module, name) -> what to write instead.
READERS = {
    ("numpy.lib._stride_tricks_impl", "as_strided"): "write mmad.numpy.as_strided(x, shape, strides)",
    ("scipy.spatial.distance", "squareform"): advice("scipy.spatial.distance.squareform"),
}


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]


def _public(module, name):
    """Return the name under which a function of a library is documented."""
    if module == "numpy._core._methods":
        return "numpy.ndarray." + name.lstrip("_")
    parts = [part for part in module.split(".") if not part.startswith("_")]
    return ".".join([*parts, name.removesuffix(".__init__").removesuffix(".__call__")])


def _public_name(frame):
    """Return the public name of the library function that a frame runs."""
    function = frame.f_globals.get(frame.f_code.co_name)
    module = getattr(function, "__module__", None) or frame.f_globals.get("__name__", "")
    return _public(module, frame.f_code.co_qualname)


def _source(code, lasti):
    """Return the source text of an instruction; None if it cannot be found."""
    first, last, begin, end = next(itertools.islice(code.co_positions(), lasti // 2, None), (None,) * 4)
    if first is None or last is None or begin is None or end is None:
        return None
    lines = [linecache.getline(code.co_filename, k).encode() for k in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][begin:]
    return b"".join(lines).decode(errors="replace") or None


def _called(frame, lasti):
    """Return the public name of the library function that a frame's current instruction calls, or None."""
    text = _source(frame.f_code, lasti) or ""
    method = METHOD.search(text)
    if method is not None and hasattr(np.ndarray, method[1]):
        return f"numpy.ndarray.{method[1]}"
    name = text.partition("(")[0]
    if "(" not in text or not all(part.isidentifier() for part in name.split(".")):
        return None
    first, *rest = name.split(".")
    found = frame.f_locals.get(first, frame.f_globals.get(first))
    for part in rest:
        if isplain(found, np.ndarray) and type(found) is np.ndarray:
            return f"numpy.ndarray.{part}"
        if not isinstance(found, types.ModuleType | type):
            return None
        found = getattr(found, part, None)
    module = getattr(found, "__module__", None) or type(found).__module__
    if not callable(found) or module.partition(".")[0] not in LIBRARIES:
        return None
    if isinstance(found, np.ufunc):
        home = "numpy" if getattr(np, found.__name__, None) is found else "scipy.special"
        return f"{home}.{found.__name__}"
    return _public(module, getattr(found, "__qualname__", name))


def called_text(frame, lasti):
    """Return the name that a frame's current instruction calls, as it is written; "" if it is no call of a name."""
    text = (_source(frame.f_code, lasti) or "").partition("(")
    return text[0].strip() if text[1] and "\n" not in text[0] else ""


def asker(frame):
    """Return the name of the library function that asks for a plain number, starting at the innermost frame; or ""."""
    name = ""
    while frame is not None and _package(frame) in LIBRARIES:
        if not name or "<locals>" not in frame.f_code.co_qualname:  # not a wrapper around the function
            name = _public_name(frame)
        frame = frame.f_back
    return (frame and _called(frame, frame.f_lasti)) or name


def _caller():
    """Return the innermost frame outside of this module."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return frame


def refuse(message):
    """Raise TypeError and keep the message, so that code which swallows the exception and returns NaN is noticed."""
    REFUSED.message = message
    raise TypeError(message)


def refuse_float():
    """Raise TypeError because `float()` is called on a traced value."""
    name = asker(_caller())
    if name:
        refuse(
            f"{name} asks for plain numbers, and float() of a traced value would lose its derivative: "
            f"{advice(name) or 'write it with NumPy functions'}, "
            "or give it a derivative with mmad.primitive or mmad.custom_vjp; for the number alone, "
            "use mmad.concrete(x); to fill an array, make it with np.zeros(n, like=x) or mmad.numpy.zeros(n)"
        )
    refuse(
        "float() of a traced value would lose its derivative: write NumPy functions instead of math's (np.sin, not "
        "math.sin); to fill an array, make it with np.zeros(n, like=x) or mmad.numpy.zeros(n); for the number alone, "
        "use mmad.concrete(x)"
    )


def refuse_complex():
    """Raise TypeError because `complex()` is called on a traced value."""
    refuse(
        "complex() of a traced value would lose its derivative: use a + 1j*b; for the number alone, use "
        "mmad.concrete(x)"
    )


def rounding(k):
    """Return the integer that `int` makes of a traced value; refuse one of 2**52 or more.

    Such a float has no other part than the integer: `int` does not round it, it takes all its digits, as code does that
    takes a float apart.
    """
    if -DIGITS < k < DIGITS:
        return k
    return refuse(
        "int() of a traced value of 2**52 or more takes all its digits, and would lose its derivative; for the number "
        "alone, use mmad.concrete(x)"
    )


def begin():
    """Return the message of the last refusal and clear it, because another function begins to run."""
    message = getattr(REFUSED, "message", None)
    REFUSED.message = None
    return message


def end(message):
    """Restore the message that `begin` returned, because the function has ended."""
    REFUSED.message = message


def refused():
    """Return the message of the last refused conversion since the function began to run, or None."""
    return getattr(REFUSED, "message", None)


def _holds_traced(a):
    """Return whether `a` is an object array with a traced value among its first elements."""
    return isplain(a, np.ndarray) and a.dtype.hasobject and any(hasattr(v, "__array_ufunc__") for v in a.flat[:16])


def _is_traced(value):
    """Return whether a value is traced, or an object array or a short sequence with traced values."""
    if isplain(value, list | tuple):
        return any(map(_is_traced, value[:16]))
    return _holds_traced(value) or (type(value).__module__.startswith("mmad.") and hasattr(value, "__array_ufunc__"))


def _chain(error):
    """Yield an exception and the exceptions that led to it, the last one first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def annotate(error):
    """Add a note to an exception that leaves the user's function: which function refused an object array, and where.

    NumPy has no hook for `np.array`, and the messages of NumPy and SciPy about object arrays do not help.  Compiled
    code that goes on after a refused conversion, as SciPy's root finders do, may raise another exception instead.
    """
    if any(note.startswith(NOTE) for note in getattr(error, "__notes__", ())):
        return
    message = refused()
    if message is not None and isinstance(error, Exception) and not any(str(e) == message for e in _chain(error)):
        error.add_note(f"{NOTE} before it: {message}")
        return
    if not isinstance(error, TypeError | ValueError | AttributeError | NotImplementedError | RuntimeError):
        return
    steps, tb = [], error.__traceback__
    while tb is not None:
        steps.append(tb)
        tb = tb.tb_next
    last = max((k for k, tb in enumerate(steps) if _package(tb.tb_frame) not in (*LIBRARIES, "mmad")), default=None)
    if last is None:
        return
    user, inner = steps[last], steps[last + 1 :]
    text = _source(user.tb_frame.f_code, user.tb_lasti) or ""
    name = _called(user.tb_frame, user.tb_lasti)
    if name is None or name in ("numpy.array", "numpy.asarray"):
        library = [tb.tb_frame for tb in inner if _package(tb.tb_frame) in LIBRARIES]
        name = _public_name(library[0]) if library else name or "NumPy"
    values = [v for tb in (user, *inner) for v in list(tb.tb_frame.f_locals.values())]
    if OBJECTS.search(str(error)) or "array(" in text or any(map(_holds_traced, values)):
        cure = (
            "An array that np.array or np.asarray makes of traced numbers is one of objects, which NumPy's and SciPy's "
            "compiled functions do not take; make it with np.array(..., like=x), mmad.numpy.array(...) or np.stack, "
            "where x is a traced value"
        )
        twin = advice(name)
        cure = f"{twin[0].upper()}{twin[1:]}, which takes traced values\n{cure}" if twin else cure
    elif name.startswith("scipy.") and name not in str(error) and any(map(_is_traced, values)):
        cure = advice(name) or "write it with NumPy functions, or give it a derivative with mmad.primitive"
        cure = f"{name} does not know traced values: {cure}"
    else:
        return
    code = user.tb_frame.f_code
    line = linecache.getline(code.co_filename, user.tb_lineno).strip()
    error.add_note(
        f"{NOTE} by {name} in {code.co_filename.rsplit('/', 1)[-1]}, line {user.tb_lineno}"
        f"{': ' + line if line else ''}\n{cure}"
    )


def refuse_array(dtype):
    """Raise TypeError because a traced value is to become a plain array of a dtype."""
    name = asker(_caller())
    raise TypeError(
        f"{name + ': ' if name else ''}a traced array cannot become a plain {np.dtype(dtype)} array without losing its "
        f"derivative; {advice(name) + ', or ' if advice(name) else ''}write np.asarray(x, dtype=..., like=x), "
        "x.astype(...) or mmad.numpy.asarray(x, dtype=...); make arrays to fill with np.zeros(n, like=x) or "
        "mmad.numpy.zeros(n), or use mmad.concrete(x)"
    )


def object_array(x, dtype=None, copy=None):
    """Return an object array of the elements of a traced array, which follows later writes: for `np.asarray`."""
    if dtype is not None and np.dtype(dtype) != np.dtype(object):
        refuse_array(dtype)
    out = np.empty(x.shape, dtype=object)
    for k in np.ndindex(*x.shape):
        out[k] = x[k] if k else x[()]
    out.flags.writeable = bool(copy)  # a write into an array that shows x would be lost
    if not copy and dtype is None:
        follow(out, x)
    return out


def _refuse_reader(name, cure, dtype=None, copy=None):
    raise TypeError(
        f"{name} reads the memory of its argument, where a traced array has no numbers: {cure}, or give {name} a "
        "derivative with mmad.primitive"
    )


def _refuse_complex_objects(dtype=None, copy=None):
    name = asker(_caller())
    raise TypeError(
        f"{name + ': ' if name else ''}complex traced numbers are not put into an object array, of which NumPy's "
        f"functions (norm, vdot, std) take no conjugates: {advice(name) + ', or ' if advice(name) else ''}make it with "
        "np.array(..., like=z), mmad.numpy.array(...) or np.stack"
    )


def array_method(x, element):
    """Return the `__array__` of a traced value for the function that asks for it now.

    Parameters
    ----------
    x : traced value
    element : bool
        Whether x is a number.  It then has no `__array__` (an AttributeError), so that NumPy stores the number itself
        in an object array.
    """
    frame = sys._getframe(1)
    cure = READERS.get((frame.f_globals.get("__name__"), frame.f_code.co_name))
    if cure is not None:
        return functools.partial(_refuse_reader, asker(frame), cure)
    if x.dtype.kind == "c":
        return _refuse_complex_objects
    if element:
        raise AttributeError("a traced number has no attribute '__array__'")
    return functools.partial(object_array, x)
