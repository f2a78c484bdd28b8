"""What a checkpoint keeps: results of operations that are dear to compute again.

1. The first run of the function is recorded by itself; results of the operations that the policy names are kept, and
   the recording is dropped.
2. When the reverse sweep runs the function again, these operations give what was kept, in the same order.
"""

from mmad.errors import CaptureError
from mmad.ops import OPERATIONS
from mmad.python.kinds import isplain
from mmad.tape._tape import Tape
from mmad.tracing import tree
from mmad.tracing.leaves import describe
from mmad.tracing.results import finished
from mmad.tracing.trace import Trace

__all__ = ["POLICIES", "kept_by", "run_again", "run_first"]

#: Operations whose work grows faster than their results.
PRODUCTS = {"matmul", "contract", "solve", "inv", "cofactor", "det", "slogdet", "cholesky", "pinv", "lstsq", "qr"}
PRODUCTS |= {"eigenvalues", "eigenvectors", "svd", "svdvals", "eig", "eigvals", "fft", "rfft", "irfft"}
#: name -> which operations' results are kept, by name; None: no function is run again
POLICIES = {
    "nothing": lambda name: False,
    "products": lambda name: name in PRODUCTS or name.startswith("scipy.linalg."),
    "everything": None,
}


def kept_by(policy):
    """Return which results a policy keeps: a function of an operation's name, or None for all of them."""
    if callable(policy):
        return policy
    if not isplain(policy, str) or policy not in POLICIES:
        raise ValueError(f"checkpoint: policy must be one of {', '.join(POLICIES)}, or a function, not {policy!r}")
    return POLICIES[policy]


class Kept:
    """Results that a tape keeps, or gives again.

    Parameters
    ----------
    wanted : callable
        Operation's name -> bool.
    given : list, optional
        What was kept, to be given again.
    """

    def __init__(self, wanted, given=None):
        self.wanted, self.values, self.given = wanted, [], None if given is None else iter(given)

    def _keeps(self, op):
        # what calls a function of the user's keeps state of the call, so it is run again
        return OPERATIONS.get(op.name) is op and self.wanted(op.name)

    def take(self, op):
        """Return the result of an operation that was kept; None if it has to be computed."""
        if self.given is None or not self._keeps(op):
            return None
        try:
            return next(self.given)
        except StopIteration:
            raise CaptureError(
                "checkpoint: the function took another way when the reverse sweep ran it again: an array that it uses "
                "was changed meanwhile, or it draws random numbers; pass what changes as an argument"
            ) from None

    def note(self, op, result):
        """Keep the result of an operation, if it is one of those."""
        if self.given is None and self._keeps(op):
            self.values.append(result)


def _recorded(function, primals, moving, kept):
    tape = Tape(describe(function, "checkpoint"))
    tape.kept = kept
    return Trace(function, tuple(primals), {}, tuple(moving), "checkpoint", tape=tape)


def run_first(function, primals, moving, wanted):
    """Return the value of a function of plain values, and what is kept of its run."""
    kept = Kept(wanted)
    trace = _recorded(function, primals, moving, kept)
    return tree.unflatten(trace.out_tree, [finished(v) for v in trace.outputs]), kept.values


def run_again(function, primals, moving, wanted, given):
    """Return the value of a function and its pullback, like `pulled`, with the results that were kept."""
    trace = _recorded(function, primals, moving, Kept(wanted, given))
    y = tree.unflatten(trace.out_tree, [finished(v) for v in trace.outputs])

    def pull(ct):
        cotangents = [None] * len(primals)
        cts = tree.flatten(ct)[0]
        pairs = [(out, c) for out, c in zip(trace.outputs, cts, strict=True) if c is not None]
        found = trace.trees(trace.pull([out for out, _ in pairs], [c for _, c in pairs]))
        for k, g in zip(moving, found, strict=True):
            cotangents[k] = g
        return cotangents

    return y, pull
