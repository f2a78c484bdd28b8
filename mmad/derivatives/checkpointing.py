"""Checkpointing: parts of a function that are not recorded, but run again when the reverse sweep needs them."""

import functools

import numpy as np

from mmad._core import Traced, dtype_of, shape_of
from mmad.derivatives.arguments import name_of
from mmad.derivatives.calls import Rules, holds_var
from mmad.derivatives.parts import Leaves, PartOfFunction, moving_of, pulled, pushed
from mmad.derivatives.policies import kept_by, run_again, run_first
from mmad.derivatives.revolve import reversal, snapshots_for, stored_first
from mmad.errors import CaptureError
from mmad.ops import arithmetic as a
from mmad.ops.movement import size
from mmad.python.kinds import isplain
from mmad.tracing import tree
from mmad.tracing.outside import Outside
from mmad.tracing.pickling import MadeFunction

__all__ = ["checkpoint", "checkpointed_loop"]

SMALL = 4096  # numbers in a block of states, up to which recording takes longer to set up than to do


def checkpoint(f, policy="nothing"):
    """Return a function that the tape does not record inside: the reverse sweep runs it again, for its memory back.

    Parameters
    ----------
    f : callable
        Of numbers, arrays and trees.  It has to give the same result when it is run again, and must not write into its
        arguments.
    policy : {"nothing", "products", "everything"} or callable, optional
        What is kept of the first run besides arguments and result: nothing; the results of matrix products, systems of
        equations, factorisations and Fourier transforms, which are then not computed twice; everything, as without
        a checkpoint; or those of the operations for whose name, as a printed tape shows it, ``policy(name)`` is true.

    Returns
    -------
    callable
        The same function.  Under a derivative that records, its arguments and its result are kept, nothing in between,
        and it is run twice; otherwise it is `f` itself.

    Raises
    ------
    CaptureError
        `f` gave another result when it was run again: something that it uses was changed, or is random.

    Notes
    -----
    Values of an outer derivative that `f` closes over count as arguments; those that it finds elsewhere, say in a
    global, are an error.  A derivative of the derivative records what is run again.  Compiled, the result is right,
    but the function is called in Python.

    See Also
    --------
    checkpointed_loop : many equal steps, with few states kept.

    References
    ----------
    .. [1] Griewank and Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, chapter 12.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> layer = mmad.checkpoint(lambda w, x: np.tanh(w @ x))
    >>> loss = lambda w: layer(w, layer(w, np.array([1.0, 2.0]))).sum()
    >>> mmad.grad(loss)(np.zeros((2, 2)))
    array([[0., 0.],
           [0., 0.]])
    >>> print(mmad.record(loss, np.zeros((2, 2))))
    record of ... 4 instructions
    ...
    """
    if not callable(f):
        raise TypeError(f"mmad.checkpoint takes a function, not {type(f).__name__}")
    wanted = kept_by(policy)

    @functools.wraps(f, updated=())
    def checkpointed(*args, **kwargs):
        part = PartOfFunction(f, args, kwargs)
        if not part.recorded or wanted is None:
            return f(*args, **kwargs)

        def forward(*values):
            if any(isinstance(v, Traced) for v in values):  # of an outer derivative, which records it all
                return part.body(*values), None
            return run_first(part.body, values, moving_of(values), wanted)

        def pull(call, kept, ct, primals, y):
            if kept and not any(isinstance(v, Traced) for v in (*primals, *tree.flatten(ct)[0])):
                again, pullback = run_again(part.body, primals, moving_of(primals), wanted, kept)
            else:
                again, pullback = pulled(part.body, primals)
            _same_again(f, y, again)
            return pullback(ct)

        def push(call, primals, tangents, y):
            return pushed(part.body, primals, tangents)

        return Rules(
            f"checkpoint {name_of(f)}", part.body, push, pull, None if policy == "nothing" else forward, needs_out=True
        ).apply(part.operands)

    return MadeFunction(checkpointed, lambda: (checkpoint, (f, policy), {}))


def _same_again(f, y, again):
    """Raise if a function gave another result when it was run again; what is traced is not looked at."""
    for v, w in zip(tree.flatten(y)[0], tree.flatten(again)[0], strict=False):
        if isinstance(v, Traced) or isinstance(w, Traced) or not isplain(v, float | np.ndarray | np.inexact):
            continue
        if not np.allclose(v, w, rtol=1e-9 if dtype_of(v).itemsize >= 8 else 1e-4, atol=0, equal_nan=True):
            raise CaptureError(
                f"checkpoint: {name_of(f)} gave another result when the reverse sweep ran it again; an array that it "
                "uses was changed meanwhile, or it draws random numbers: pass what changes as an argument"
            )


def checkpointed_loop(step, state, n, *, snapshots=None, block=None):
    """Return the state after n steps, to be differentiated with few states kept and the fewest steps run again.

    Parameters
    ----------
    step : callable
        ``step(state)`` -> the next state, of the same structure, shapes and dtypes, not written into its argument.
    state : float, ndarray or tree
        The initial state.  What changes from step to step (the time, a counter) is part of it.
    n : int
        Number of steps.
    snapshots : int, optional
        How many states are kept at a time, the initial one among them.  By default as few as keep every step from being
        run more than twice, besides its reversal: about the square root of 2 n.
    block : int, optional
        How many steps are recorded at a time; the schedule counts in blocks.  By default up to 64 for a small state,
        for the work of setting up a recording, and 1 for a state of 4096 numbers or more.

    Returns
    -------
    state : of the structure of `state`

    Notes
    -----
    With s snapshots, n <= C(s + r, s) blocks are reversed by running each at most r times, in all
    r n - C(s + r, r - 1) + 1 times [1]_, besides once to be recorded.  Values of an outer
    derivative that `step` closes over count as arguments.  A derivative of the derivative records the whole sweep, and
    needs its memory.

    See Also
    --------
    checkpoint

    References
    ----------
    .. [1] Griewank and Walther, "Algorithm 799: revolve", ACM Transactions on Mathematical Software 26 (2000), 19-45.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> def loss(rate):
    ...     return mmad.checkpointed_loop(lambda x: x + 0.01 * rate * x, 1.0, 100, snapshots=3)
    >>> round(mmad.grad(loss)(1.0), 10), round(1.01**99, 10)
    (2.6780334945, 2.6780334945)
    """
    if not callable(step):
        raise TypeError(f"mmad.checkpointed_loop takes a function of the state first, not {type(step).__name__}")
    n, s = _count(n, "n", 0), None if snapshots is None else _count(snapshots, "snapshots", 1)
    block = None if block is None else _count(block, "block", 1)
    outside, start = Outside(step), Leaves(state)
    operands = [*outside.values, *start.pick(start.at)]
    if n == 0 or not any(holds_var(v) for v in operands if isinstance(v, Traced)):
        for _ in range(n):
            state = step(state)
        return state
    if block is None:
        numbers = sum(size(shape_of(v)) for v in start.pick(start.at))
        block = max(1, min(64, n // 64, SMALL // max(1, numbers)))
    blocks = -(-n // block)
    s = snapshots_for(blocks) if s is None else min(s, blocks)
    count = len(outside.values)

    def body(*values):
        one, x = outside.given(values[:count]), start.put(start.at, values[count:])
        for _ in range(n):
            x = one(x)
        return x

    def forward(*values):
        one, x = outside.given(values[:count]), start.put(start.at, values[count:])
        kept, keep = {}, {*stored_first(blocks, s), blocks - 1}
        for k in range(n):
            if k % block == 0 and k // block in keep:
                kept[k // block] = _copied(x)
            x = one(x)
        if tree.flatten(x)[1] != start.structure:
            raise ValueError(f"checkpointed_loop: {name_of(step)} must return a state of the structure of its argument")
        return x, kept

    def pull(call, kept, ct, primals, y):
        shared, kept = primals[:count], dict(kept)
        one = outside.given(shared)
        total, cts = [None] * count, Leaves(ct).pick(start.moving)
        stored, last = stored_first(blocks, s), blocks - 1
        x = _copied(kept[last]) if last in stored else kept.pop(last)
        for action, i, j in reversal(blocks, s, stored):
            if action == "load":
                x = _copied(kept[i])
            elif action == "advance":
                for _ in range(i * block, j * block):
                    x = one(x)
            elif action == "store":
                kept[i] = _copied(x)
            elif action == "drop":
                del kept[i]
            else:
                now, length = Leaves(x), min(block, n - i * block)

                def recorded(*values, now=now, length=length):
                    one, x = outside.given(values[:count]), now.put(now.at, values[count:])
                    for _ in range(length):
                        x = one(x)
                    after = Leaves(x)
                    return after.pick(after.moving)

                found = pulled(recorded, [*shared, *now.pick(now.at)])[1](cts)
                total = [
                    g if t is None else t if g is None else a.add(t, g) for t, g in zip(total, found, strict=False)
                ]
                found = dict(zip(now.at, found[count:], strict=True))
                cts = [found[k] for k in now.moving]
        at = dict(zip(start.moving, cts, strict=True))
        return [*total, *[at.get(k) for k in start.at]]

    def push(call, primals, tangents, y):
        return pushed(body, primals, tangents)

    return Rules(f"loop of {name_of(step)}", body, push, pull, forward).apply(operands)


def _copied(x):
    """Return a tree with arrays of its own."""
    leaves, structure = tree.flatten(x)
    return tree.unflatten(
        structure, [+v if isinstance(v, Traced) else v.copy() if isplain(v, np.ndarray) else v for v in leaves]
    )


def _count(n, name, least):
    if isplain(n, bool) or not isplain(n, int | np.integer):
        raise TypeError(f"checkpointed_loop: {name} must be an int, not {n!r}")
    if n < least:
        raise ValueError(f"checkpointed_loop: {name} must be at least {least}, it is {n}")
    return int(n)
