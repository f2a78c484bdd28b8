"""One check of a function's value and derivatives, in every mode, against NumPy itself and against differences.

The differences are those of :mod:`mmad.derivatives.references`, which `mmad.check_derivatives` compares with, element
by element.  Of a :class:`Case` they are of the function itself in extended precision, exact to some 13 digits in the
gradient and 10 in second derivatives, and share nothing with mmad but the text of the function.  A case is one line::

    Case("sum-axis", lambda x: np.sum(x, axis=-1), spaced(2, 3, 4))

and the test calls ``case.check(aspect)`` for every aspect in :data:`ASPECTS`.  :func:`check` is for what does not run
in extended precision, or returns lists.  What is known exactly is in `exact_derivatives.py`.
"""

import numpy as np

import mmad
from mmad.derivatives.references import central_difference, mixed_difference
from mmad.wrappers._batch import Batch
from mmad.wrappers._dual import new_level

EPS = np.finfo(float).eps  # products are added up in another order than NumPy's: a few units in the last place
ASPECTS = ("value", "rev", "fwd", "second", "many", "lanes", "replay", "layout", "float32")


def spaced(*shape, seed=0, low=-2.0, high=2.0):
    """Numbers in a random order, far enough apart that differences do not cross a tie, and none near zero."""
    n = int(np.prod(shape))
    rng = np.random.default_rng(seed + 17 * n)
    gap = (high - low) / max(n, 1)
    grid = low + gap * (np.arange(n) + 0.5 + rng.uniform(-0.2, 0.2, n))
    grid = np.where(np.abs(grid) < 0.05, 0.05, grid)
    return rng.permutation(grid).reshape(shape)


def positive(*shape, seed=0):
    """Like :func:`spaced`, between 0.3 and 2.5."""
    return spaced(*shape, seed=seed, low=0.3, high=2.5)


def complex_(*shape, seed=0):
    """Complex numbers off the axes."""
    return spaced(*shape, seed=seed) + 1j * spaced(*shape, seed=seed + 1)


class Case:
    """A function of one or more arrays, and where it is to be differentiated.

    Parameters
    ----------
    name : str
    f : callable
        Takes arrays, returns an array, a number, or a tuple of them.
    *args : ndarray or float
        Every one is differentiated.
    extended : bool
        Whether the function runs in extended precision; if not (`np.interp`, linear algebra) the reference is in
        double, with wider steps.
    float32 : bool
        Whether float32 is to be tried.
    ulps : float
        Allowed error of the value, in units of the largest result's last place.
    """

    def __init__(self, name, f, *args, extended=True, float32=True, ulps=8, second=True):
        self.name, self.f, self.args, self.extended = name, f, args, extended
        self.float32, self.ulps, self.second = float32, ulps, second

    def __repr__(self):
        return self.name

    # -------------------------------------------------------------------------------------------- pieces
    def _like(self, seed):
        """Random numbers of the arguments' kinds."""
        rng = np.random.default_rng(seed)
        out = []
        for x in self.args:
            v = rng.normal(size=np.shape(x))
            out.append(v + 1j * rng.normal(size=np.shape(x)) if np.iscomplexobj(x) else v if np.ndim(x) else float(v))
        return tuple(out)

    def loss(self, args):
        """A random-weighted sum of all results: what `grad` differentiates."""
        total = 0.0
        rng = np.random.default_rng(5)
        results = self.f(*args)
        for y in results if isinstance(results, tuple) else (results,):
            if isinstance(y, bool | np.bool_ | np.integer) or y.dtype.kind in "biu":
                continue
            w = rng.normal(size=y.shape)
            if y.dtype.kind == "c":
                total = total + (w * y.real).sum() - (w * w * y.imag).sum()
            else:
                total = total + (w.astype(y.dtype) * y).sum()
        return total

    def _step(self, order):
        if self.extended:
            return np.longdouble(1e-4 if order == 1 else 1e-3)
        return 4e-3 if order == 1 else 1.2e-2

    def _wide(self):
        if not self.extended:
            return tuple(np.array(x) for x in self.args)
        return tuple(np.array(x, np.clongdouble if np.iscomplexobj(x) else np.longdouble) for x in self.args)

    def _slope(self, g, *directions):
        """Derivative of g(args) along trees like the arguments."""
        return mixed_difference(lambda *x: g(x), self._wide(), list(directions), self._step(len(directions)))

    def _results(self, args):
        r = self.f(*args)
        return r if isinstance(r, tuple) else (r,)

    def gradient(self):
        """Reference gradient, one array an argument."""
        out = []
        for i, x in enumerate(self.args):
            g = np.zeros(np.shape(x), np.result_type(x, float))
            for k in np.ndindex(*np.shape(x)):
                for unit in (1.0, 1j) if np.iscomplexobj(x) else (1.0,):
                    v = [np.zeros(np.shape(p), np.result_type(p, float)) for p in self.args]
                    v[i][k] = unit
                    g[k] += unit * float(self._slope(self.loss, v))
            out.append(g)
        return tuple(out)

    def curvature(self, u, v):
        """Reference second derivative of the loss along u and v."""
        return float(self._slope(self.loss, u, v))

    # ------------------------------------------------------------------------------------------- aspects
    def check(self, aspect):
        """Check one aspect of :data:`ASPECTS`."""
        with np.errstate(all="ignore"):
            getattr(self, "check_" + aspect)()

    def _close(self, got, want, order):
        tol = {1: 2e-12, 2: 1e-9}[order] if self.extended else {1: 1e-9, 2: 3e-7}[order]
        scale = max([1.0, *(np.max(np.abs(w)) for w in np.atleast_1d(want) if np.size(w))])
        np.testing.assert_allclose(got, want, rtol=tol, atol=tol * scale)

    def check_value(self):
        """Same shape and dtype as NumPy, and the same numbers to a few ulp: recorded, and with dual numbers."""
        want = self._results(self.args)
        kept = [np.array(x) for x in self.args]
        box = []

        def kept_loss(args):
            box.append([mmad.concrete(y) for y in self._results(args)])
            return self.loss(args)

        mmad.grad(kept_loss)(self.args)
        dual = mmad.jvp(lambda *args: self._results(args), self.args, self._like(1))[0]
        for got in (box[0], dual):
            assert len(got) == len(want)
            for g, w in zip(got, want, strict=True):
                assert np.shape(g) == np.shape(w)
                assert np.result_type(g) == np.result_type(w)
                if np.size(w):
                    atol = self.ulps * np.finfo(np.result_type(w)).eps * max(np.max(np.abs(w)), 1e-300)
                    np.testing.assert_allclose(g, w, rtol=0, atol=atol)
        for x, k in zip(self.args, kept, strict=True):
            np.testing.assert_array_equal(x, k, err_msg="the caller's array was changed")

    def check_rev(self):
        """Reverse mode."""
        got = mmad.grad(self.loss)(self.args)
        for g, want, x in zip(got, self.gradient(), self.args, strict=True):
            assert np.shape(g) == np.shape(x)
            self._close(g, want, 1)

    def check_fwd(self):
        """Forward mode: the tangents of all results."""
        v = self._like(2)
        _, dots = mmad.jvp(lambda *args: self._results(args), self.args, v)
        for k, dot in enumerate(dots):
            want = self._slope(lambda args, k=k: self._results(args)[k], v)
            assert np.shape(dot) == np.shape(want)
            self._close(np.asarray(dot), np.asarray(want, np.result_type(dot)), 1)

    def check_second(self):
        """Second order in every mix of modes."""
        u, v = self._like(3), self._like(4)
        want = self.curvature(u, v) if self.second else None
        for products in second_products(self.loss, self.args, v).values():
            got = sum(np.sum(np.real(np.conj(a) * b)) for a, b in zip(products, u, strict=True))
            if want is None:
                want = got
            self._close(got, want, 2)

    def check_many(self):
        """Many directions at once: Jacobians forward and reverse, and the Hessian, of the first argument."""
        x, rest = self.args[0], self.args[1:]
        if np.iscomplexobj(x) or np.ndim(x) == 0:
            return
        zero = [np.zeros(np.shape(p), np.result_type(p)) for p in rest]
        for k in range(len(self._results(self.args))):

            def f(x, k=k):
                return self._results((x, *rest))[k]

            y = f(x)
            if np.iscomplexobj(y):
                continue
            v = self._like(2)[0]
            want = self._slope(lambda args, k=k: self._results(args)[k], (v, *zero))
            for jacobian in (mmad.jacfwd, mmad.jacrev):
                J = jacobian(f)(x)
                assert np.shape(J) == np.shape(y) + x.shape
                self._close(np.tensordot(J, v, x.ndim), np.asarray(want, float), 1)
        H = mmad.hessian(lambda x: self.loss((x, *rest)))(x)
        assert H.shape == x.shape * 2
        u, v = self._like(3)[0], self._like(4)[0]
        got = np.tensordot(u, np.tensordot(H, v, x.ndim), x.ndim)
        if self.second:
            self._close(got, self.curvature((u, *zero), (v, *zero)), 2)

    def check_lanes(self):
        """`vmap` of the function and of its gradient, against one lane after the other."""
        stacks = tuple(np.stack([np.asarray(x) * (1 + 0.003 * k) for k in range(3)]) for x in self.args)
        lanes = [tuple(x[k] for x in stacks) for k in range(3)]
        for f, mapped in (
            (self._results, mmad.vmap(lambda *args: self._results(args))),
            (mmad.grad(self.loss), mmad.vmap(lambda *args: mmad.grad(self.loss)(args))),
        ):
            for got, *want in zip(mapped(*stacks), *map(f, lanes), strict=True):
                want = np.stack(want)
                assert got.shape == want.shape
                scale = max(1.0, np.max(np.abs(want), initial=0.0))
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12 * scale)

    def check_replay(self):
        """A recorded run gives the function's results at other arguments, or refuses; it is never stale."""
        tape = mmad.record(lambda *args: self._results(args), *self.args)
        near = tuple(x * 1.001 for x in self.args)
        far = tuple(x[::-1] if np.ndim(x) else -x for x in self.args)
        for args, may_refuse in ((near, False), (far, True)):
            try:
                results = tape(*args)
            except mmad.GuardError:
                assert may_refuse
                continue
            for got, want in zip(results, self._results(args), strict=True):
                assert np.shape(got) == np.shape(want)
                assert np.result_type(got) == np.result_type(want)
                scale = np.max(np.abs(want), initial=0.0)
                np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12 * max(1.0, scale))

    def check_layout(self):
        """Fortran order, reversed strides, read-only, unaligned and big-endian arguments."""
        want = mmad.grad(self.loss)(self.args)
        for layout in LAYOUTS:
            got = mmad.grad(self.loss)(tuple(layout(x) if np.ndim(x) else x for x in self.args))
            for g, w in zip(got, want, strict=True):
                np.testing.assert_allclose(g, w, rtol=1e-13, atol=1e-13 * max(1.0, np.max(np.abs(w), initial=0.0)))

    def check_float32(self):
        """float32 in, NumPy's dtype out, float32 gradient."""
        if not self.float32 or any(np.ndim(x) == 0 or np.iscomplexobj(x) for x in self.args):
            return
        args = tuple(x.astype(np.float32) for x in self.args)
        wants = self._results(args)
        got, dots = mmad.jvp(lambda *a: self._results(a), args, tuple(x.astype(np.float32) for x in self._like(2)))
        for g, d, want in zip(got, dots, wants, strict=True):
            assert np.result_type(g) == np.result_type(want)
            assert np.result_type(d) == np.result_type(want)
            atol = 8 * self.ulps * np.finfo(np.float32).eps * max(np.max(np.abs(want), initial=0.0), 1e-30)
            np.testing.assert_allclose(g, want, rtol=0, atol=atol)
        exact = mmad.grad(self.loss)(self.args)
        for g, w in zip(mmad.grad(self.loss)(args), exact, strict=True):
            assert g.dtype == np.float32
            np.testing.assert_allclose(g, w, rtol=2e-4, atol=2e-4 * max(1.0, np.max(np.abs(w), initial=0.0)))


def _read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def _unaligned(x):
    raw = np.zeros(x.nbytes + 1, np.uint8)
    view = raw[1:].view(x.dtype).reshape(x.shape) if x.size else x.copy()
    view[...] = x
    return view


LAYOUTS = (
    np.asfortranarray,
    lambda x: np.ascontiguousarray(x[::-1])[::-1],
    lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    _read_only,
    _unaligned,
    lambda x: x.astype(x.dtype.newbyteorder(">")),
)


# ------------------------------------------------------------------------------------------------ in double precision
def second_products(loss, args, v):
    """The Hessian of loss(args) times v, in every mix of modes."""

    def slope(args):
        return sum(
            (np.conj(g) * d).real.sum() if np.iscomplexobj(d) else (g * d).sum() if np.ndim(d) else g * d
            for g, d in zip(mmad.grad(loss)(args), v, strict=True)
        )

    return {
        "hvp": mmad.hvp(loss)(args, v),
        "forward over reverse": mmad.jvp(mmad.grad(loss), (args,), (v,))[1],
        "reverse over forward": mmad.grad(lambda args: mmad.jvp(loss, (args,), (v,))[1])(args),
        "reverse over reverse": mmad.grad(slope)(args),
    }


def leaves(y):
    """The arrays of a result that is one, or a sequence of such."""
    return [z for v in y for z in leaves(v)] if isinstance(y, list | tuple) else [np.asarray(y)]


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
    np.testing.assert_allclose(flat, central_difference(moved, 1e-3), rtol=rtol, atol=atol)

    if batched:
        check_lanes(f, args, tangents)
    weights = [rng.normal(size=w.shape) for w in want]

    def loss(args):
        parts = f(*args)
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
    if second:
        gradient = mmad.grad(loss)

        def along(t):
            grads = gradient(tuple(x + t * d for x, d in zip(args, tangents, strict=True)))
            return np.concatenate([np.ravel(g) for g in grads])

        want_hv = central_difference(along, 1e-3)
        for name, got in second_products(loss, args, tangents).items():
            got = np.concatenate([np.ravel(g) for g in got])
            np.testing.assert_allclose(got, want_hv, rtol=rtol, atol=10 * atol, err_msg=name)
        twice = mmad.jvp(lambda args: mmad.jvp(loss, (args,), (tangents,))[1], (args,), (tangents,))[1]
        want = want_hv @ np.concatenate([np.ravel(t) for t in tangents])
        np.testing.assert_allclose(twice, want, rtol=rtol, atol=100 * atol)
    if batched:
        for k in range(len(args)):
            fwd, rev = mmad.jacfwd(f, k)(*args), mmad.jacrev(f, k)(*args)
            np.testing.assert_allclose(fwd, rev, rtol=1e-10, atol=1e-12)
            t = np.asarray(tangents[k])
            one = tuple(d if j == k else np.zeros_like(d) if np.shape(d) else 0.0 for j, d in enumerate(tangents))
            np.testing.assert_allclose(
                np.tensordot(fwd, t, t.ndim) if t.ndim else fwd * t, mmad.jvp(f, args, one)[1], rtol=1e-9, atol=1e-12
            )
