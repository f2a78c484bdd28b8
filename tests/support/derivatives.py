"""One check of a function of arrays against NumPy and against differences, in every mode to second order."""

import numpy as np

import mmad
from mmad.wrappers._batch import Batch
from mmad.wrappers._dual import new_level

EPS = np.finfo(float).eps  # products are added up in another order than NumPy's: a few units in the last place


def leaves(y):
    """The arrays of a result that is one, or a sequence of such."""
    return [z for v in y for z in leaves(v)] if isinstance(y, list | tuple) else [np.asarray(y)]


def difference(f, h=1e-3):
    """f'(0) of a smooth function of one number by an eighth-order central difference."""
    c = 4 / 5, -1 / 5, 4 / 105, -1 / 280
    return sum(ck * (f(k * h) - f(-k * h)) for k, ck in enumerate(c, 1)) / h


def lanes_of(y):
    return (
        [z for v in y for z in lanes_of(v)] if isinstance(y, list | tuple) else [y.lanes if isinstance(y, Batch) else y]
    )


def check_lanes(f, args, tangents):
    """`f` of many lanes at once gives what a loop over them gives; all arguments batched, and the first alone."""
    rows = [[x + 0.01 * k * d for x, d in zip(args, tangents, strict=True)] for k in range(4)]
    for batched in ([True] * len(args), [True] + [False] * (len(args) - 1)):
        level = new_level()
        got = f(*[Batch(level, np.stack([row[i] for row in rows])) if on else args[i] for i, on in enumerate(batched)])
        want = [leaves(f(*[row[i] if on else args[i] for i, on in enumerate(batched)])) for row in rows]
        for g, *w in zip(lanes_of(got), *want, strict=True):
            g = np.broadcast_to(g, (4, *w[0].shape)) if np.ndim(g) == w[0].ndim else g  # lanes that do not differ
            np.testing.assert_allclose(g, np.stack(w), rtol=1e-10, atol=1e-12)


def check(f, *args, second=True, rtol=1e-8, atol=1e-9, batched=True):
    """Hold `f`, written with NumPy, against itself on plain arrays.

    The traced value must equal NumPy's to rounding, with its shape and dtype; the tangent must agree with differences,
    the cotangent with the tangent (the dot-product identity), the Hessian-vector products with differences of the
    gradient, dense Jacobians, computed with many lanes at once, with single sweeps, and a batch with a loop.

    Parameters
    ----------
    f : callable
        Of arrays, returns an array or a sequence of arrays.
    *args : float or ndarray, float64
    second : bool
        Whether to check second order.
    """
    rng = np.random.default_rng(5)
    tangents = tuple(rng.normal(size=np.shape(x)) if np.shape(x) else float(rng.normal()) for x in args)
    want = leaves(f(*args))
    y, y_dot = mmad.jvp(f, args, tangents)
    y_rev, pullback = mmad.vjp(f, *args)
    for got in (leaves(y), leaves(y_rev)):
        assert [g.shape for g in got] == [w.shape for w in want]
        assert [g.dtype for g in got] == [w.dtype for w in want]
        for g, w in zip(got, want, strict=True):
            np.testing.assert_allclose(g, w, rtol=16 * EPS, atol=16 * EPS * max(1.0, np.max(np.abs(w), initial=0.0)))

    def moved(t):
        return np.concatenate([v.ravel() for v in leaves(f(*[x + t * d for x, d in zip(args, tangents, strict=True)]))])

    flat = np.concatenate([d.ravel() for d in leaves(y_dot)])
    np.testing.assert_allclose(flat, difference(moved), rtol=rtol, atol=atol)

    if batched:
        check_lanes(f, args, tangents)
    weights = [rng.normal(size=w.shape) for w in want]

    def scalar(*xs):
        parts = f(*xs)
        parts = parts if isinstance(parts, list | tuple) else [parts]
        return sum(
            (w * p * (1.0 + 0.5 * p)).sum() if w.shape else w * p * (1.0 + 0.5 * p)
            for w, p in zip(weights, parts, strict=True)
        )

    ct = [w if w.shape else float(w) for w in weights]
    cts = pullback(type(y)(ct) if isinstance(y, list | tuple) else ct[0])
    assert [np.shape(c) for c in cts] == [np.shape(x) for x in args]
    lhs = sum(np.sum(w * d) for w, d in zip(weights, leaves(y_dot), strict=True))
    rhs = sum(np.sum(c * t) for c, t in zip(cts, tangents, strict=True))
    np.testing.assert_allclose(lhs, rhs, rtol=1e-10, atol=1e-12)

    if isinstance(y, list | tuple):
        return
    nums = tuple(range(len(args)))
    if second:
        gradient = mmad.grad(scalar, nums)

        def along(t):
            grads = gradient(*[x + t * d for x, d in zip(args, tangents, strict=True)])
            return np.concatenate([np.ravel(g) for g in grads])

        want_hv = difference(along)

        def directional(*xs):
            return mmad.jvp(scalar, xs, tangents)[1]

        hv = {
            "fwd over rev": mmad.jvp(lambda *xs: mmad.grad(scalar, nums)(*xs), args, tangents)[1],
            "rev over fwd": mmad.grad(directional, nums)(*args),
            "rev over rev": mmad.grad(
                lambda *xs: sum(
                    (g * t).sum() if np.shape(t) else g * t
                    for g, t in zip(mmad.grad(scalar, nums)(*xs), tangents, strict=True)
                ),
                nums,
            )(*args),
        }
        for name, got in hv.items():
            got = np.concatenate([np.ravel(g) for g in got])
            np.testing.assert_allclose(got, want_hv, rtol=rtol, atol=10 * atol, err_msg=name)
        np.testing.assert_allclose(
            mmad.jvp(directional, args, tangents)[1],
            want_hv @ np.concatenate([np.ravel(t) for t in tangents]),
            rtol=rtol,
            atol=100 * atol,
        )
    if batched:
        for k in nums:
            fwd, rev = mmad.jacfwd(f, k)(*args), mmad.jacrev(f, k)(*args)
            np.testing.assert_allclose(fwd, rev, rtol=1e-10, atol=1e-12)
            t = np.asarray(tangents[k])
            one = tuple(d if j == k else np.zeros_like(d) if np.shape(d) else 0.0 for j, d in enumerate(tangents))
            np.testing.assert_allclose(
                np.tensordot(fwd, t, t.ndim) if t.ndim else fwd * t, mmad.jvp(f, args, one)[1], rtol=1e-9, atol=1e-12
            )
