"""When to keep and when to run again: reversing n steps with s snapshots in the fewest evaluations.

A step can be reversed only from the state before it.  With s states kept at a time, r evaluations of each step reach
back over C(s + r, s) steps, and no schedule does with fewer than this one.

References
----------
A. Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation",
Optimization Methods and Software 1 (1992), 35-54.
A. Griewank and A. Walther, "Algorithm 799: revolve: an implementation of checkpointing for the reverse or adjoint mode
of computational differentiation", ACM Transactions on Mathematical Software 26 (2000), 19-45.
"""

from math import comb

__all__ = ["evaluations", "reversal", "snapshots_for", "stored_first"]


def repetitions(n, s):
    """Return how often a step has to be run at most: the smallest r with C(s + r, s) >= n."""
    r = 0
    while comb(s + r, s) < n:
        r += 1
    return r


def evaluations(n, s):
    """Return the least number of steps to run, besides the n reversed ones, with s snapshots, the start among them."""
    if n <= 1:
        return 0
    r = repetitions(n, s)
    return r * n - comb(s + r, r - 1)


def snapshots_for(n, repeats=2):
    """Return the fewest snapshots with which no step runs more than `repeats` times, besides its reversal."""
    s = 1
    while comb(s + repeats, s) < n:
        s += 1
    return s


def split(n, s):
    """Return how far to run before the next snapshot, to reverse n steps with s snapshots free, one of them here."""
    r = repetitions(n, s)
    return min(comb(s + r - 1, s), n - comb(s + r - 2, s - 1))


def stored_first(n, s):
    """Return where the first run over the n steps keeps a snapshot."""
    stored, at = [0], 0
    while n - at > 1 and len(stored) < s:
        at += split(n - at, s - len(stored) + 1)
        if at < n - 1:
            stored.append(at)
    return stored


def reversal(n, s, stored):
    """Yield what to do to reverse n steps, from the snapshots `stored` and the state before the last step on.

    Yields
    ------
    (action, i, j) : tuple
        "load": go back to snapshot i; "advance": run the steps from i to j; "store": keep state i; "reverse": reverse
        step i from the state before it; "drop": forget snapshot i.
    """
    stored = list(stored)
    for end in range(n, 0, -1):
        at = stored[-1] if end < n else n - 1
        if end < n:
            yield "load", at, at
        while end - at > 1:
            free = s - len(stored)
            to = at + split(end - at, free + 1) if free else end - 1
            yield "advance", at, to
            at = to
            if at < end - 1:
                stored.append(at)
                yield "store", at, at
        yield "reverse", at, at
        if stored[-1] == at:
            stored.pop()
            yield "drop", at, at
