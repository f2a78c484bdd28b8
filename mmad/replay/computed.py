"""Captured arrays that a function may compute with by NumPy alone, as in ``x * w / w.sum()``.

A program reads the contents of captured arrays at every run, but what NumPy made of them beforehand is a constant of
the recording.  The code tells where that may be: an array, or a name that stands for one, whose attributes other than
its shape are read, that has a subscript, is compared, is the only argument of a call, meets a constant or another such
array in an operator, or is handed to a function of the user's.  Such arrays are watched; others, as in ``x @ w``, are
not.
"""

import dis
import types

import numpy as np

from mmad.python.kinds import isplain

__all__ = ["computed_with"]

SHAPES = frozenset(("T", "dtype", "flags", "itemsize", "mT", "nbytes", "ndim", "shape", "size", "strides"))
LOADS = frozenset(("LOAD_DEREF", "LOAD_FAST", "LOAD_FAST_BORROW", "LOAD_FAST_CHECK", "LOAD_GLOBAL", "LOAD_NAME"))
STORES = frozenset(("STORE_FAST", "STORE_DEREF", "STORE_NAME", "STORE_GLOBAL"))
QUIET = frozenset(("CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL", "RESUME"))
CALLS = frozenset(("CALL", "CALL_FUNCTION", "CALL_METHOD", "CALL_KW", "CALL_FUNCTION_EX"))


def computed_with(captures):
    """Return the captured arrays that may be computed with.

    Parameters
    ----------
    captures : mmad.replay.captures.Captures

    Returns
    -------
    list of ndarray
    """
    arrays = [a for a in captures.arrays if a.flags.writeable]
    if not arrays:
        return []
    names, holding = {}, set()  # name -> identities of arrays that it stands for; names of containers of arrays
    for check in captures.checks:
        for name in _names_of(check, captures):
            if isplain(check.value, np.ndarray):
                names.setdefault(name, set()).add(id(check.value))
            elif isinstance(check.value, list | tuple | dict | set):
                holding.add(name)
    for code, _ in captures.codes.values():
        for name, value in _defaults_of(code, captures):
            if isplain(value, np.ndarray):
                names.setdefault(name, set()).add(id(value))
            elif isinstance(value, list | tuple | dict | set):
                holding.add(name)
    named = set().union(*names.values())
    loose = {id(a) for a in arrays if id(a) not in named}  # in containers
    found = set()
    for code, module in captures.codes.values():
        found |= _computed_in(code, module, names, loose, holding)
    return [a for a in arrays if id(a) in found]


def _names_of(check, captures):
    if isinstance(check.name, str):
        return (check.name,)
    if isinstance(check.owner, types.CellType):
        return captures.cells.get(id(check.owner), ())
    return ()


def _defaults_of(code, captures):
    """Return the names and values of default arguments."""
    for f in captures.functions.get(id(code), ()):
        values, names = f.__defaults__ or (), code.co_varnames[: code.co_argcount]
        yield from zip(names[len(names) - len(values) :], values, strict=True)
        yield from (f.__kwdefaults__ or {}).items()


def _computed_in(code, module, names, loose, holding):
    """Return the identities of the arrays that one code object may compute with."""
    steps = [i for i in dis.get_instructions(code) if i.opname not in QUIET]
    known = dict(names)
    if loose and not holding.isdisjoint((*code.co_names, *code.co_freevars, *code.co_varnames)):
        for i, step in enumerate(steps):  # `for w in weights`, `a, b = pair`
            if step.opname in ("FOR_ITER", "UNPACK_SEQUENCE", "STORE_FAST"):
                known.update((s.argval, loose) for s in _stored(steps, i))
            elif _subscript(step) and _from(steps, i, holding) and _reads(steps, i, known, module):
                return set().union(loose, *known.values())
    found = set()
    for i, step in enumerate(steps):
        stands = known.get(step.argval, ()) if step.opname in LOADS or step.opname == "LOAD_ATTR" else ()
        if not stands:
            continue
        following = steps[i + 1] if i + 1 < len(steps) else None
        if following is not None and following.opname in STORES:
            known[following.argval] = known.get(following.argval, set()) | set(stands)
        if _reads(steps, i, known, module):
            found |= set(stands)
    return found


def _stored(steps, i):
    """Return the stores that directly follow."""
    for step in steps[i + 1 : i + 9]:
        if step.opname not in STORES and not step.opname.startswith(("STORE_FAST", "UNPACK")):
            return
        if step.opname in STORES:
            yield step


def _subscript(step):
    return step.opname == "BINARY_SUBSCR" or step.argrepr == "[]"


def _from(steps, i, holding):
    return any(s.argval in holding for s in steps[max(0, i - 3) : i] if s.opname in LOADS or s.opname == "LOAD_ATTR")


def _reads(steps, i, known, module):
    """Return whether what is loaded at a place is then read by itself."""
    after = steps[i + 1 : i + 5]
    if not after:
        return False
    first = after[0]
    if first.opname in ("LOAD_ATTR", "LOAD_METHOD"):
        return first.argval not in SHAPES
    if first.opname.startswith(("COMPARE", "UNARY", "GET_ITER", "CONTAINS", "POP_JUMP", "TO_BOOL", "UNPACK", "FORMAT")):
        return True
    if first.opname in CALLS:
        return first.arg == 1 or _users(steps, i, module)
    if _plain(first, known):
        second = after[1].opname if len(after) > 1 else ""
        if second.startswith(("BINARY", "COMPARE", "BUILD_SLICE", "BINARY_SLICE")):
            return True
        return _users(steps, i, module)
    before = steps[i - 1] if i else None
    if first.opname.startswith("BINARY") and before is not None and _plain(before, known):
        return True
    # an index of several parts, or an argument among others
    for step in steps[i + 1 : i + 12]:
        if step.opname in STORES or step.opname.startswith(("RETURN", "POP_JUMP")):
            return False
        if step.opname in ("BUILD_SLICE", "BINARY_SLICE"):
            return True
        if step.opname in CALLS:
            return _users(steps, i, module)
    return False


def _plain(step, known):
    """Return whether a step loads a constant or a captured array."""
    return step.opname.startswith(("LOAD_CONST", "LOAD_SMALL_INT")) or (step.opname in LOADS and step.argval in known)


def _users(steps, i, module):
    """Return whether a call that is being prepared may be of a function of the user's."""
    for step in reversed(steps[max(0, i - 8) : i]):
        if step.opname in CALLS or step.opname in STORES:
            return False
        if step.opname == "LOAD_GLOBAL":
            value = module.get(step.argval)
            if isinstance(value, types.FunctionType | type) or callable(value):
                return True
        elif step.opname == "LOAD_DEREF":
            return True
    return False
