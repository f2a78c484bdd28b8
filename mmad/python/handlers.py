"""Find out whether Python code catches an exception, from the exception tables of its bytecode."""

import builtins
import dis
import sys

__all__ = ["catches", "caught_here"]

DEPTH = 20  # nested handlers to look at


def caught_here(error):
    """Return whether the function that mmad is running, or a function that it has called, would catch an error.

    Parameters
    ----------
    error : type
        The class of the error.
    """
    frame, caught = sys._getframe(1), False
    while frame is not None and not _own(frame.f_globals):
        code = frame.f_code
        caught = caught or (code.co_exceptiontable and _caught_at(code, frame.f_lasti, frame.f_globals, error))
        frame = frame.f_back
    return bool(caught and frame is not None)


def catches(code, names, error):
    """Return whether code has a handler for a class of errors anywhere.

    Parameters
    ----------
    code : code object
    names : dict
        The globals of its function.
    error : type
    """
    return any(_handles(code, target, names, error) for *_, target in _table(code))


def _own(names):
    return str(names.get("__name__", "")).partition(".")[0] == "mmad"


def _table(code):
    """Return (start, stop, target), as offsets in bytes, for every range of bytecode that a handler protects."""
    data, out = iter(code.co_exceptiontable), []
    while True:
        try:
            start, length, target, _ = (_number(data) for _ in range(4))
        except (StopIteration, RuntimeError):  # a generator turns StopIteration into RuntimeError
            return out
        out.append((2 * start, 2 * (start + length), 2 * target))


def _number(data):
    """Return the next number of the table, which is stored in groups of six bits, the highest first."""
    byte = next(data)
    value = byte & 63
    while byte & 64:
        byte = next(data)
        value = value << 6 | byte & 63
    return value


def _caught_at(code, at, names, error):
    table = _table(code)
    for _ in range(DEPTH):
        target = next((t for start, stop, t in table if start <= at < stop), None)
        if target is None:
            return False
        if _handles(code, target, names, error):
            return True
        at = target + 2  # if this handler does not catch it, an outer one may
    return False


def _handles(code, target, names, error):
    """Return whether the handler that begins at `target` catches an error: by its class, or because it catches all."""
    classes = []
    for i in dis.get_instructions(code):
        if i.offset < target or i.opname in ("PUSH_EXC_INFO", "NOP", "PUSH_NULL", "BUILD_TUPLE", "NOT_TAKEN"):
            continue
        if i.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            classes.append(names.get(i.argval, getattr(builtins, i.argval, None)))
        elif i.opname == "LOAD_ATTR" and classes:
            classes[-1] = getattr(classes[-1], i.argval, None)
        elif i.opname == "LOAD_CONST" and isinstance(i.argval, tuple):
            classes += i.argval
        elif i.opname in ("LOAD_FAST", "LOAD_DEREF", "LOAD_FAST_CHECK", "LOAD_FAST_BORROW"):
            classes.append(None)
        elif i.opname == "CHECK_EXC_MATCH":
            if any(c is None or (isinstance(c, type) and issubclass(error, c)) for c in classes):
                return True  # a class that cannot be looked up here may be a base class of the error
            classes = []
        elif i.opname.startswith("POP_JUMP") and i.opname.endswith("IF_FALSE") and not classes:
            target = i.argval  # the next clause
        else:
            return i.opname == "POP_TOP" and not classes  # a bare except
    return False
