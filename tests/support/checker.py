"""One check of a NumPy function's value and derivatives, in every mode, against NumPy itself.

The reference runs the same function on plain arrays in extended precision (longdouble) and takes central differences
of eighth order, so it is exact to some 13 digits in the gradient and 10 in second derivatives, and shares nothing with
mmad but the text of the function.

A case is one line::

    Case("sum-axis", lambda x: np.sum(x, axis=-1), spaced(2, 3, 4))

and the test calls ``case.check(aspect)`` for every aspect in :data:`ASPECTS`.
"""

import numpy as np

import mmad

ASPECTS = ("value", "rev", "fwd", "second", "many", "lanes", "replay", "layout", "float32")

# Central differences of eighth order: weights of f(x + k h) - f(x - k h), k = 1..4.
WEIGHTS = (4 / 5, -1 / 5, 4 / 105, -1 / 280)


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

    def _slope(self, g, v, h):
        """Derivative of g(args) along the tree v."""
        x = self._wide()

        def at(t):
            return g(tuple(p + t * d for p, d in zip(x, v, strict=True)))

        total = 0.0
        for k, w in enumerate(WEIGHTS, start=1):
            total = total + w * (at(k * h) - at(-k * h))
        return total / h

    def _results(self, args):
        r = self.f(*args)
        return r if isinstance(r, tuple) else (r,)

    def gradient(self):
        """Reference gradient, one array an argument."""
        out, h = [], self._step(1)
        for i, x in enumerate(self.args):
            g = np.zeros(np.shape(x), np.result_type(x, float))
            for k in np.ndindex(*np.shape(x)):
                for unit in (1.0, 1j) if np.iscomplexobj(x) else (1.0,):
                    v = [np.zeros(np.shape(p), np.result_type(p, float)) for p in self.args]
                    v[i][k] = unit
                    g[k] += unit * float(self._slope(self.loss, v, h))
            out.append(g)
        return tuple(out)

    def curvature(self, u, v):
        """Reference second derivative of the loss along u and v."""
        h = self._step(2)
        total = 0.0
        x = self._wide()
        for j, wj in enumerate(WEIGHTS, start=1):
            for k, wk in enumerate(WEIGHTS, start=1):
                for s in (1, -1):
                    for t in (1, -1):
                        args = tuple(p + s * j * h * a + t * k * h * b for p, a, b in zip(x, u, v, strict=True))
                        total = total + s * t * wj * wk * self.loss(args)
        return float(total / (h * h))

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
            want = self._slope(lambda args, k=k: self._results(args)[k], v, self._step(1))
            assert np.shape(dot) == np.shape(want)
            self._close(np.asarray(dot), np.asarray(want, np.result_type(dot)), 1)

    def _second(self, mode, u, v):
        if mode == "hvp":
            g = mmad.hvp(self.loss)(self.args, v)
        elif mode == "rev over rev":

            def slope(args):
                gs = mmad.grad(self.loss)(args)
                return sum(
                    (np.conj(g) * d).real.sum() if np.iscomplexobj(d) else (g * d).sum() if np.ndim(d) else g * d
                    for g, d in zip(gs, v, strict=True)
                )

            g = mmad.grad(slope)(self.args)
        elif mode == "rev over fwd":
            g = mmad.grad(lambda args: mmad.jvp(self.loss, (args,), (v,))[1])(self.args)
        return sum(np.sum(np.real(np.conj(a) * b)) for a, b in zip(g, u, strict=True))

    def check_second(self):
        """Second order in three mixes of modes."""
        u, v = self._like(3), self._like(4)
        want = self.curvature(u, v) if self.second else None
        for mode in ("hvp", "rev over rev", "rev over fwd"):
            got = self._second(mode, u, v)
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
            want = self._slope(lambda args, k=k: self._results(args)[k], (v, *zero), self._step(1))
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
