"""`debug_nans`: what gave NaN, where, and in which sweep.

1. Each derivative that is computed outside of every other one is looked at, with the value of its function.
2. Where there is NaN, the derivative is recorded once more, with its sweeps and with the lines of the user's code.
3. The recording is evaluated, and NaN followed back from the result, through operands that are NaN, to an operation
   none of whose operands is.
"""

import functools

import numpy as np

from mmad._core import Traced
from mmad.derivatives.arguments import name_of
from mmad.derivatives.first_order import jvp
from mmad.errors import NanError
from mmad.python.kinds import isplain
from mmad.replay._dispatch import set_eager
from mmad.tape._instructions import OPERATIONS
from mmad.tape.contexts import derivatives_open
from mmad.tracing import tree
from mmad.tracing.leaves import describe
from mmad.tracing.nans import NANS
from mmad.tracing.results import finished, is_static
from mmad.tracing.trace import Trace
from mmad.transforms.evaluate import evaluate, recorded_arguments
from mmad.transforms.tape import record
from mmad.wrappers._batch import Batch

__all__ = ["debug_nans"]

ELEMENTWISE = OPERATIONS["add"].kind
PRODUCTS = ("multiply", "chain", "masked", "settled")  # with which the chain rule multiplies
KEPT = 2**20  # bytes of an array up to which its value is kept, to be shown


class debug_nans:  # noqa: N801  (used as a function)
    """Raise an error that says where NaN comes from: the operation, the line of code, the sweep, the element.

    Parameters
    ----------
    on : bool
        False: do not look, inside of a context that does.

    Returns
    -------
    context manager, also a decorator
        In it, derivatives are computed eagerly (compiled functions, too), and those that are NaN, or whose function's
        value is NaN, raise the error.  In the thread that entered it only.

    Raises
    ------
    NanError
        A `FloatingPointError`, with attributes `operation`, `file`, `line`, `sweep` and `index`.

    Notes
    -----
    NaN that does not reach the result is no error, as in ``np.where(x > 0, np.log(x), 0.0)``.  Where there is NaN, the
    function runs once more.  Plain calls, outside of every derivative, are NumPy's: ``np.errstate(invalid="raise")``
    is for them; of a compiled function that is no derivative, the results are looked at.  Outside of the context
    derivatives pay nothing but the look at a flag.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> def f(x):
    ...     return np.sum(np.sqrt(x - 1) * x)
    >>> with mmad.debug_nans(), np.errstate(invalid="ignore"):
    ...     mmad.grad(f)(np.array([2.0, 0.5]))
    Traceback (most recent call last):
        ...
    mmad.errors.NanError: grad of f (...): NaN in the value of the function: sqrt(-0.5), element 1 of ...
    """

    def __init__(self, on=True):
        self.on, self.before = bool(on), []

    def __enter__(self):
        self.before.append(NANS.change(getattr(NANS.local, "depth", 0) + 1 if self.on else 0))
        set_eager(_run_eagerly if NANS.on else None)
        return self

    def __exit__(self, *_):
        NANS.change(self.before.pop())
        set_eager(_run_eagerly if NANS.on else None)

    def __call__(self, f):
        """Return f as a function that is called in the context."""

        @functools.wraps(f)
        def inside(*args, **kwargs):
            with debug_nans(self.on):
                return f(*args, **kwargs)

        return inside


# ------------------------------------------------------------------------------------------------ what is looked at
def _examine(trace, way, outputs, seeds, results):
    """Look at the cotangents or tangents that a trace has given, and at the value of its function.

    Parameters
    ----------
    trace : mmad.tracing.trace.Trace
    way : str
        "pull" or "push": a sweep back from some outputs, or forward from the inputs.
    outputs, seeds, results : list
        What `Trace.pull` and `Trace.push` take and return.
    """
    if not NANS.asked() or trace.nested or derivatives_open():
        return
    values = [_lanes(y) for y in outputs]
    if not any(map(_has_nan, results)) and not any(_has_nan(finished(y)) for y in values):
        return
    f, args, kwargs, argnums, what = trace.call
    places = [next((k for k, y in enumerate(trace.returned) if y is out), None) for out in outputs]
    if f is None or None in places:
        raise NanError(f"{trace.origin}: NaN in the result")

    def again(*moving):
        full = list(args)
        for k, x in zip(argnums, moving, strict=True):
            full[k] = x
        t = Trace(f, full, kwargs, argnums, what)
        outs = [t.returned[k] for k in places]
        found = t.pull(outs, seeds) if way == "pull" else t.push(seeds, outs)
        return [_lanes(y) for y in (*outs, *found)]

    _locate(again, trace.point() if not trace.nested else [args[k] for k in argnums], trace.origin)


def _examine_forward(f, primals, tangents, found):
    """Look at the value and the tangent that dual numbers have given."""
    if NANS.asked() and not derivatives_open() and any(map(_has_nan, tree.flatten(found)[0])):
        _locate(lambda x, d: jvp(f, x, d), (tuple(primals), tuple(tangents)), describe(f, "jvp"))


def _run_eagerly(f, args, kwargs):
    """Call a function that is compiled elsewhere, and look at what it returns."""
    y = f(*args, **kwargs)
    if NANS.asked() and not derivatives_open() and any(map(_has_nan, tree.flatten(y)[0])):
        at = [k for k, x in enumerate(args) if _is_traceable(x)]

        def again(*moving):
            full = list(args)
            for k, x in zip(at, moving, strict=True):
                full[k] = x
            return f(*full, **kwargs)

        _locate(again, [args[k] for k in at], name_of(f))
    return y


def _is_traceable(x):
    leaves = tree.flatten(x)[0]
    return any(not is_static(v) for v in leaves) and all(
        is_static(v) or (isplain(v, float | complex | np.inexact | np.ndarray) and np.result_type(v).kind in "fc")
        for v in leaves
    )


def _lanes(x):
    while isinstance(x, Batch):
        x = x.lanes
    return x


def _has_nan(x):
    x = _lanes(x)
    if isinstance(x, Traced) or x is None or is_static(x):
        return False
    x = np.asarray(x)
    return x.dtype.kind in "fc" and bool(np.isnan(x).any())


# ------------------------------------------------------------------------------------------------ where it comes from
def _locate(function, point, origin):
    """Raise a NanError that says where the NaN in a function's results comes from."""
    outer = NANS.change(0)
    try:
        with np.errstate(all="ignore"):
            tape = record(function, *point, lines=True)
            values = _Values(tape)
    except Exception as error:
        raise NanError(f"{origin}: NaN in the result; recorded again to find where, it raised {error!r}") from error
    finally:
        NANS.change(outer)
    starts = [k for k in tape.outputs if k >= 0 and values.first(k) is not None]
    if not starts:
        raise NanError(f"{origin}: NaN in the result, but none when it was recorded again to find where")
    k = min(starts)
    index = values.first(k)
    while True:
        source = values.source(k, index)
        if source is None:
            break
        k, index = source
    raise _error(tape, values, k, index, origin)


class _Values:
    """What the instructions of a tape give: where they are NaN, and the values that are small enough to be kept."""

    def __init__(self, tape):
        self.tape, self.kept, self.nan = tape, {}, {}
        evaluate(tape, recorded_arguments(tape), self._look)

    def _look(self, i, value):
        value = np.asarray(value)
        if value.dtype.kind in "fc" and (where := np.isnan(value)).any():
            self.nan[i.id] = where
        if value.nbytes <= KEPT:
            self.kept[i.id] = value.copy()

    def first(self, k):
        """Return the index of the first element of instruction k that is NaN; None if there is none."""
        where = self.nan.get(k)
        return None if where is None else tuple(map(int, np.argwhere(where)[0]))

    def source(self, k, index):
        """Return an operand that is NaN, and the element, from which NaN came into an element of instruction k."""
        i = self.tape.instructions[k]
        found = []
        for position, j in enumerate(i.operands):
            where = self.nan.get(j)
            if where is None or (i.name == "select" and not self._selected(i, position, index)):
                continue
            at = self._element(i, where, index)
            if at is not None:
                found.append((j, at))
        return min(found, default=None)

    def _selected(self, i, position, index):
        """Return whether an operand of a choice is the one that was taken."""
        condition = self.at(i, 0, index)
        return condition is None or position == (1 if condition else 2)

    def _element(self, i, where, index):
        """Return the element of an operand that is NaN and gave the element of the result; None if there is none."""
        if is_elementwise(i):
            at = _broadcast_index(where.shape, index)
            return at if where[at] else None
        if i.name == "load":
            at = i.params["index"]
            return at if where[at] else None
        return tuple(map(int, np.argwhere(where)[0]))

    def at(self, i, position, index):
        """Return the number that an operand of an elementwise operation has there; None where it was not kept."""
        j = i.operands[position]
        value = i.constants[position] if j < 0 else self.kept.get(j)
        if value is None:
            return None
        value = np.asarray(value)
        return value[_broadcast_index(value.shape, index)]


def is_elementwise(i):
    """Return whether an instruction works element by element."""
    return i.op is not None and i.op.kind == ELEMENTWISE


def _broadcast_index(shape, index):
    """Return the index of the element of an operand of some shape that belongs to an element of the result."""
    index = index[len(index) - len(shape) :] if shape else ()
    return tuple(0 if n == 1 else k for n, k in zip(shape, index, strict=True))


def _error(tape, values, k, index, origin):
    i = tape.instructions[k]
    found = tape.origin_of(k)
    element = "" if not i.shape else f", element {index[0] if len(index) == 1 else index} of {i.dtype}{list(i.shape)}"
    if i.name == "input":
        place = tape.inputs.index(k)
        return NanError(f"{origin}: NaN in argument {place}{element}", "input", None, 0, "argument", index)
    if i.name == "const":
        what, text = "const", "a constant that is NaN"
    elif is_elementwise(i):
        shown = [values.at(i, n, index) for n in range(len(i.operands))]
        shown = ["..." if v is None else f"{v:.6g}" for v in shown]
        what, text = i.name, f"{i.name}({', '.join(shown)})"
        if found.sweeps and i.name in PRODUCTS:
            text = f"{shown[0]} times {shown[1]}"
        elif i.name == "kink":
            text = f"there is none at {shown[0]}"
    else:
        what = text = i.name
    sweep = " over ".join(found.sweeps) or "function"
    where = "the value of the function" if not found.sweeps else f"the {' over the '.join(found.sweeps)} sweep"
    if found.sweeps and found.base is not None:
        what = found.base if isplain(found.base, str) else tape.instructions[found.base].name
        text = f"the derivative of {what}: {text}"
    line = f", at {found}" if found.file else ""
    return NanError(f"{origin}: NaN in {where}: {text}{element}{line}", what, found.file, found.line, sweep, index)


NANS.examine, NANS.examine_forward = _examine, _examine_forward
