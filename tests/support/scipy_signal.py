"""Calls of `scipy.signal` for the tables of :mod:`scipy_forms`: the name, the call, the points."""

CALLS = []


def signals(form):
    """Yield all forms, made by the class `form`."""
    for name, call, *points in CALLS:
        yield form(f"signal.{name}", lambda sp, *x, call=call: call(sp.signal, *x), tuple(points))
