"""Calls of SciPy on traced values, one line each: what the tests differentiate, and what docs/scipy.md lists.

A call gets a namespace first: `scipy` itself, or `mmad.scipy`.  The reference is an oracle, or the call with SciPy's
own functions and plain values, differentiated by differences; it shares nothing with mmad.  ``python
tests/support/scipy_forms.py`` writes the tables of docs/scipy.md from here.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from scipy_common import counted
from scipy_fourier import transforms
from scipy_linear_algebra import linear_algebra
from scipy_ndimage import image_functions
from scipy_signal import signals
from scipy_sparse import sparse
from scipy_stats import statistics

import mmad
import mmad.scipy
from mmad.derivatives.references import mixed_difference

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scipy.md"
PLAIN, DROP_IN, REFUSED = "plain", "mmad.scipy", "refused"
STEPS = (1e-3, 4e-3)  # of differences of eighth order in double precision, by the order of the derivative


@dataclasses.dataclass
class Form:
    """A call of SciPy on traced values.

    Parameters
    ----------
    name : str
        The function, without ``scipy.``; two forms of one function make one row.
    call : callable
        ``call(sp, *points)``, where `sp` is `scipy` or `mmad.scipy`; gives an array, a number or a tuple of them.
    points : tuple
        Arrays and floats, all of which are differentiated.
    way : str
        PLAIN, DROP_IN or REFUSED: which namespace takes traced values.
    oracle : callable, optional
        ``oracle(*points)``: the same by other means.  Default: SciPy.
    reason : str
        Why it is refused, or a remark.
    tolerances : tuple of float
        Of values, first and second derivatives.
    order : int
        The highest order of derivatives that is tried here.
    slow : bool
        A gradient takes a second: one is tried, nothing else.
    """

    name: str
    call: Callable[..., Any]
    points: tuple[Any, ...]
    way: str = DROP_IN
    oracle: Callable[..., Any] | None = None
    reason: str = ""
    tolerances: tuple[float, float, float] = (1e-12, 1e-8, 1e-6)
    order: int = 2
    slow: bool = False

    def __repr__(self):
        return self.name

    @property
    def space(self):
        """The namespace that takes traced values."""
        return scipy if self.way == PLAIN else mmad.scipy

    def loss(self, f):
        """Return the function `f` as a number: a weighted sum of all it returns."""

        def weighted(*points):
            rng, total = np.random.default_rng(5), 0.0
            results = f(*points)
            for y in results if isinstance(results, tuple | list) else (results,):
                w = rng.normal(size=np.shape(y))
                y = (y.real + 0.3 * y.imag) if np.iscomplexobj(y) else y
                total = total + (w * y).sum() if np.ndim(y) else total + float(w) * y
            return total

        return weighted

    def value(self):
        """Return the weighted sum on traced values, and by the reference."""
        program = mmad.vjp(self.loss(lambda *p: self.call(self.space, *p)), *self.points)[0]
        return float(program), float(self.loss(self.reference)(*self.points))

    def reference(self, *points):
        """The call on plain values."""
        points = [float(p) if np.ndim(p) == 0 else p for p in points]
        return self.oracle(*points) if self.oracle else self.call(scipy, *points)

    def direction(self, seed):
        """Return a random direction in the space of the points."""
        rng = np.random.default_rng(seed)
        return tuple(0.3 * rng.normal(size=np.shape(p))[()] for p in self.points)

    def slope(self, *directions):
        """Return the reference's derivative along directions."""
        points = tuple(np.asarray(p, float) for p in self.points)
        f = self.loss(self.reference)
        return float(mixed_difference(lambda *p: f(*p), points, list(directions), STEPS[len(directions) - 1]))


def inner(xs, ys):
    """The inner product of two tuples of arrays."""
    return float(sum(np.sum(np.asarray(x) * np.asarray(y)) for x, y in zip(xs, ys, strict=True)))


RNG = np.random.default_rng(1)
PAIR = POINTS, OTHERS = np.split(np.sqrt(2 + RNG.permutation(np.arange(27.0))).reshape(9, 3), [4])
DISTANCES = RNG.uniform(0.5, 1.0, 6)
WEIGHTS = np.array([0.3, 1.2, 0.7])


def _distances():
    """Every metric in `cdist` and `pdist`, and the functions of two vectors."""
    one = "braycurtis canberra chebyshev cityblock correlation cosine euclidean jensenshannon sqeuclidean minkowski"
    metrics = "euclidean cityblock chebyshev correlation canberra seuclidean mahalanobis jensenshannon"
    u, v = POINTS[0], OTHERS[0]

    def both(metric, **kw):
        yield Form("spatial.distance.cdist", lambda sp, x, y: sp.spatial.distance.cdist(x, y, metric, **kw), PAIR)
        yield Form("spatial.distance.pdist", lambda sp, x: sp.spatial.distance.pdist(x, metric, **kw), (POINTS,))

    for metric in metrics.split():
        yield from both(metric)
    yield from both("minkowski", p=3.0, w=WEIGHTS)
    for name in one.split():
        yield Form(f"spatial.distance.{name}", lambda sp, u, v, k=name: getattr(sp.spatial.distance, k)(u, v), (u, v))
    yield Form(
        "spatial.distance.seuclidean", lambda sp, u, v, w: sp.spatial.distance.seuclidean(u, v, w), (u, v, WEIGHTS)
    )
    yield Form(
        "spatial.distance.mahalanobis",
        lambda sp, u, v, w: sp.spatial.distance.mahalanobis(u, v, np.diag(w)),
        (u, v, WEIGHTS),
    )
    yield Form("spatial.distance.squareform", lambda sp, v: sp.spatial.distance.squareform(v), (DISTANCES,))
    yield Form(
        "spatial.distance.squareform",
        lambda sp, v: sp.spatial.distance.squareform(sp.spatial.distance.squareform(v) * 2),
        (DISTANCES,),
    )


def _special():
    """The functions of scipy.special that are no ufuncs; tests/scipy/test_special.py has the others."""
    x = np.array([0.3, 1.2, 2.1])

    def one(name, *before, after=(), point=x):
        return Form(f"special.{name}", lambda sp, x: getattr(sp.special, name)(*before, x, *after), (point,))

    yield from (one(name) for name in ("logsumexp", "softmax", "log_softmax", "factorial"))
    yield one("diric", after=(5,))
    yield one("multigammaln", after=(2,), point=x + 1)
    yield from (one(f"spherical_{kind}n", 2) for kind in "jyik")
    yield one("polygamma", 1)
    yield one("legendre_p", 3, point=x / 3)
    yield one("assoc_legendre_p", 3, 1, point=x / 3)
    yield one("sph_legendre_p", 3, 1)
    yield Form("special.sph_harm_y", lambda sp, x, y: sp.special.sph_harm_y(3, 1, x, y), (x, x + 1))
    for name in ("comb", "perm"):
        yield Form(f"special.{name}", lambda sp, n, k, name=name: getattr(sp.special, name)(n, k), (x + 4, x))


#: All forms.  One line is one call; add a group of your own with a function like those above.


def _optimize():
    """Roots and minima, against closed forms."""
    two, t = np.array([2.0, 3.0]), np.linspace(0.0, 1.0, 8)
    data = 2.0 * np.exp(-1.3 * t) + 0.1 * np.cos(9.0 * t)
    A = np.array([[1.0, 2.0, 0.3], [0.4, 1.0, 1.0], [3.0, 0.1, 1.0], [1.0, 1.0, 0.5]])
    loose = (1e-7, 1e-7, 1e-5)

    def optimize(name, call, points, oracle, **more):
        return Form(
            f"optimize.{name}", lambda sp, *p: call(getattr(sp.optimize, name), *p), points, DROP_IN, oracle, **more
        )

    def log(p):
        return np.log(p)

    def exponential(x, p):
        return np.exp(x) - p

    for name in ("brentq", "brenth", "bisect", "ridder", "toms748"):
        yield optimize(
            name, lambda f, p: f(exponential, 0.0, 3.0, args=(p,)), (2.0,), log, tolerances=(1e-11, 1e-8, 1e-6)
        )
    yield optimize("brentq", lambda f, p: f(lambda x: np.exp(x) - p, 0.0, 3.0, full_output=True)[1].root, (2.0,), log)
    yield optimize("newton", lambda f, p: f(lambda x: np.exp(x) - p, 1.0), (2.0,), log)
    yield optimize("newton", lambda f, p: f(lambda x: np.exp(x) - p, np.ones(2), fprime=np.exp), (two,), log)
    yield optimize("root_scalar", lambda f, p: f(exponential, p, bracket=(0.0, 3.0)).root, (2.0,), log)
    yield optimize(
        "root",
        lambda f, p: f(lambda x: [np.exp(x[0]) - p[0], x[1] * x[0] - p[1]], [1.0, 2.0], tol=1e-13).x,
        (two,),
        lambda p: np.array([np.log(p[0]), p[1] / np.log(p[0])]),
    )
    yield optimize(
        "fsolve",
        lambda f, p: f(lambda x, q: [np.exp(x[0]) - q[0], x[1] * x[0] - q[1]], [1.0, 2.0], (p,)),
        (two,),
        lambda p: np.array([np.log(p[0]), p[1] / np.log(p[0])]),
        tolerances=loose,
    )
    yield optimize("fixed_point", lambda f, p: f(lambda x, p: (x + p / x) / 2.0, 1.0, (p,)), (2.0,), np.sqrt)

    def bowl(x, p):
        return ((x - p) ** 2).sum() + x[0] * x[1]

    def kkt(p, rows, right):
        """The minimum of `bowl` where rows @ x = right."""
        k = len(rows)
        matrix = np.block([[np.array([[2.0, 1.0], [1.0, 2.0]]), rows.T], [rows, np.zeros((k, k))]])
        return np.linalg.solve(matrix, np.concatenate([2.0 * p, right]))[:2]

    none, zero = np.zeros((0, 2)), np.zeros(1)
    for method in ("BFGS", "Nelder-Mead", "L-BFGS-B", "trust-constr"):
        yield optimize(
            "minimize",
            lambda f, p, m=method: f(bowl, np.zeros(2), (p,), method=m, tol=1e-9).x,
            (two,),
            lambda p: kkt(p, none, zero[:0]),
            tolerances=loose,
        )
    yield optimize(
        "minimize",
        lambda f, p: f(lambda x: bowl(x, p), np.zeros(2)).fun,
        (two,),
        lambda p: bowl(kkt(p, none, zero[:0]), p),
        tolerances=loose,
    )
    yield optimize(
        "minimize",
        lambda f, p, b: f(bowl, np.ones(2), (p,), bounds=[(None, b), (0.0, None)]).x,
        (two, 0.2),
        lambda p, b: kkt(p, np.array([[1.0, 0.0]]), np.array([b])),
        tolerances=loose,
    )
    for kind, sign in (("eq", 1.0), ("ineq", -1.0)):
        yield optimize(
            "minimize",
            lambda f, p, q, k=kind, s=sign: (
                f(
                    bowl,
                    np.zeros(2),
                    (p,),
                    method="SLSQP",
                    tol=1e-10,
                    constraints={"type": k, "fun": lambda x: s * (x[0] + q * x[1] - 1.0)},
                ).x
            ),
            (two, 1.5),
            lambda p, q: kkt(p, np.array([[1.0, q]]), np.ones(1)),
            tolerances=loose,
        )
    yield optimize(
        "minimize",
        lambda f, p: (
            f(
                bowl,
                np.zeros(2),
                (p,),
                method="SLSQP",
                tol=1e-10,
                constraints=scipy.optimize.LinearConstraint(np.ones((1, 2)), -np.inf, 1.0),
            ).x
        ),
        (two,),
        lambda p: kkt(p, np.ones((1, 2)), np.ones(1)),
        tolerances=loose,
    )

    def quartic(x, p):
        return x**4 / 4.0 - p * x

    for name in ("minimize_scalar", "brent", "golden"):
        yield optimize(
            name,
            lambda f, p, n=name: f(quartic, args=(p,)).x if n == "minimize_scalar" else f(quartic, (p,)),
            (2.0,),
            np.cbrt,
            tolerances=loose,
        )
    yield optimize(
        "minimize_scalar",
        lambda f, p: f(quartic, bounds=(0.0, 5.0), args=(p,)).x,
        (2.0,),
        np.cbrt,
        tolerances=(1e-5, 1e-7, 1e-5),
    )
    yield optimize("fminbound", lambda f, p: f(quartic, 0.0, 5.0, (p,)), (2.0,), np.cbrt, tolerances=(1e-5, 1e-7, 1e-5))

    def line(t, y):
        """The straight line through data, and its covariance."""
        X = np.stack([t, np.ones_like(t)], axis=1)
        p = np.linalg.solve(X.T @ X, X.T @ y)
        return p, np.linalg.inv(X.T @ X) * ((y - X @ p) ** 2).sum() / (t.size - 2)

    yield optimize(
        "curve_fit", lambda f, t, y: tuple(f(lambda t, a, b: a * t + b, t, y)), (t, data), line, tolerances=loose
    )
    yield optimize(
        "least_squares",
        lambda f, y: f(lambda p: p[0] * t + p[1] - y, np.ones(2)).x,
        (data,),
        lambda y: line(t, y)[0],
        tolerances=loose,
    )
    for loss in ("soft_l1", "huber", "cauchy", "arctan"):
        yield optimize(
            "least_squares",
            lambda f, y, k=loss: (
                f(lambda p: p[0] * t + p[1] - y, np.ones(2), loss=k, f_scale=0.5, ftol=1e-15, xtol=1e-15, gtol=1e-15).x
            ),
            (data,),
            None,
            tolerances=(1e-6, 1e-5, 1e-3),
            order=1,
        )
    yield optimize(
        "leastsq",
        lambda f, y: f(lambda p: p[0] * t + p[1] - y, np.ones(2))[0],
        (data,),
        lambda y: line(t, y)[0],
        tolerances=loose,
    )
    b = np.array([1.0, -2.0, 0.7, 0.1])

    def nonnegative(b):
        x = np.linalg.lstsq(A[:, :1], b, rcond=None)[0]
        return np.array([x[0], 0.0, 0.0]), np.linalg.norm(A[:, 0] * x[0] - b)

    yield optimize("nnls", lambda f, b: f(A, b), (b,), nonnegative, tolerances=loose)
    yield optimize(
        "lsq_linear", lambda f, b: f(A, b, (0.0, np.inf)).x, (b,), lambda b: nonnegative(b)[0], tolerances=loose
    )
    G = np.array([[1.0, 1.0], [1.0, 3.0]])
    yield optimize(
        "linprog",
        lambda f, c, h: (f(c, A_ub=G, b_ub=h).x, f(c, A_ub=G, b_ub=h).fun),
        (np.array([-1.0, -2.0]), np.array([4.0, 6.0])),
        lambda c, h: (np.linalg.solve(G, h), c @ np.linalg.solve(G, h)),
    )


def _integrate():
    """Integrals of functions and samples, solutions of differential equations."""
    t = np.array([0.0, 0.3, 0.5, 1.0, 1.6, 2.1])
    samples = RNG.normal(size=(2, 6))
    tight = {"rtol": 1e-8, "atol": 1e-9, "method": "DOP853"}
    solved = (1e-6, 1e-6, 1e-4)

    def integrate(name, call, points, oracle=None, **more):
        return Form(
            f"integrate.{name}", lambda sp, *p: call(getattr(sp.integrate, name), *p), points, DROP_IN, oracle, **more
        )

    yield integrate("trapezoid", lambda f, y, x: f(y, x), (samples, t))
    yield integrate("trapezoid", lambda f, y: f(y, dx=0.3, axis=0), (samples,))
    yield integrate("cumulative_trapezoid", lambda f, y, x: f(y, x, initial=0), (samples, t))
    yield integrate("simpson", lambda f, y, x: f(y, x=x), (samples, t))
    yield integrate("simpson", lambda f, y, x: f(y[:, :5], x=x[:5]), (samples, t))
    yield integrate("simpson", lambda f, y: f(y, x=t), (samples,))
    yield integrate("cumulative_simpson", lambda f, y: f(y, x=t, initial=0), (samples,))
    yield integrate("romb", lambda f, y: f(y[:, :5], 0.3), (samples,))
    yield integrate("fixed_quad", lambda f, p, a: f(lambda t: np.exp(-p * t), a, 2.0)[0], (1.2, 0.3))
    yield integrate("quad", lambda f, p, a, b: f(lambda t: np.exp(-p * t), a, b)[0], (1.2, 0.3, 1.1))
    yield integrate(
        "quad",
        lambda f, p: f(lambda t, p: np.exp(-p * t * t), -np.inf, np.inf, (p,))[0],
        (1.2,),
        lambda p: np.sqrt(np.pi / p),
    )
    yield integrate("quad", lambda f, p: f(lambda t: np.exp(-p * t), 0, 1, weight="cos", wvar=3.0)[0], (1.2,))
    yield integrate("quad_vec", lambda f, p, b: f(lambda t: np.stack([np.exp(-p * t), t * p * p]), 0, b)[0], (1.2, 1.3))
    yield integrate(
        "dblquad",
        lambda f, p: f(lambda y, x: p * x * y, 0, p, lambda x: 0.0, lambda x: x)[0],
        (1.2,),
        lambda p: p**5 / 8,
        order=1,
        slow=True,
    )

    def swing(t, y, p):
        return [y[1], -p * y[0]]

    def cosine(p, y, t):
        w = np.sqrt(p)
        return np.stack(
            [y[0] * np.cos(w * t) + y[1] * np.sin(w * t) / w, y[1] * np.cos(w * t) - y[0] * w * np.sin(w * t)]
        )

    start = np.array([1.0, 0.5])
    yield integrate(
        "solve_ivp",
        lambda f, p, y: f(swing, (0.0, 2.0), y, t_eval=t[:5], args=(p,), **tight).y,
        (1.3, start),
        lambda p, y: cosine(p, y, t[:5]),
        tolerances=solved,
    )
    yield integrate(
        "solve_ivp",
        lambda f, p, e: f(lambda t, y: swing(t, y, p), (0.0, e), start, **tight).y[:, -1],
        (1.3, 1.5),
        lambda p, e: cosine(p, start, e),
        tolerances=solved,
    )
    yield integrate(
        "solve_ivp",
        lambda f, p: f(swing, (0.0, 1.0), start, args=(p,), dense_output=True, **tight).sol(0.7),
        (1.3,),
        lambda p: cosine(p, start, 0.7),
        tolerances=solved,
    )

    def ground(t, y, g):
        return y[0]

    ground.terminal = True

    def fall(f, g):
        found = f(lambda t, y, g: [y[1], -g], (0.0, 20.0), start, events=ground, args=(g,), **tight)
        return found.t_events[0][0], found.t[-1], found.y[1, -1], found.y_events[0][0]

    def landed(g):
        speed = np.sqrt(0.25 + 2.0 * g)
        return (0.5 + speed) / g, (0.5 + speed) / g, -speed, np.stack([0.0 * g, -speed])

    yield integrate("solve_ivp", fall, (1.3,), landed, tolerances=solved, order=1)
    yield integrate(
        "odeint",
        lambda f, p, y: f(swing, y, t, args=(p,), tfirst=True, rtol=1e-9, atol=1e-9),
        (1.3, start),
        lambda p, y: cosine(p, y, t).T,
        tolerances=solved,
    )


def _interpolate():
    """Interpolants in points, values and knots."""
    x = np.array([0.0, 0.5, 0.9, 1.6, 2.0, 2.9, 3.3])
    y = np.array([0.3, 1.2, 0.9, -0.4, -1.6, 0.2, 0.8])
    q = np.array([0.2, 0.74, 1.3, 2.2, 3.0])
    rows = np.stack([y, np.cos(y)], axis=1)

    def interpolant(name, call, points, **more):
        return Form(f"interpolate.{name}", lambda sp, *p: call(getattr(sp.interpolate, name), *p), points, **more)

    for name in (
        "CubicSpline",
        "PchipInterpolator",
        "Akima1DInterpolator",
        "make_interp_spline",
        "interp1d",
        "InterpolatedUnivariateSpline",
    ):
        yield interpolant(name, lambda f, x, y, q: f(x, y)(q), (x, y, q))
        yield interpolant(name, lambda f, q: f(x, y)(q), (q,))
    for name in ("CubicSpline", "PchipInterpolator", "Akima1DInterpolator", "make_interp_spline"):
        yield interpolant(name, lambda f, z, q: f(x, z, axis=0)(q, 1), (rows, q), tolerances=(1e-11, 1e-8, 1e-6))
    for bc in ("natural", "clamped", ((1, 0.3), (2, -0.2))):
        yield interpolant("CubicSpline", lambda f, x, y, q, bc=bc: f(x, y, bc_type=bc)(q), (x, y, q))
    yield interpolant(
        "CubicSpline",
        lambda f, x, z, q: f(x, np.concatenate([z, z[:1]]), bc_type="periodic")(q + 5.0),
        (x, y[:-1], q),
        tolerances=(1e-11, 1e-8, 1e-6),
    )
    yield interpolant("CubicSpline", lambda f, x, y, b: f(x, y).integrate(0.3, b), (x, y, 2.1))
    yield interpolant("CubicSpline", lambda f, y, q: f(x[:3], y)(q[:3]), (y[:3], q))
    yield interpolant("Akima1DInterpolator", lambda f, y, q: f(x, y, method="makima")(q), (y, q))
    yield interpolant("CubicHermiteSpline", lambda f, x, y, d, q: f(x, y, d)(q), (x, y, np.sin(y), q))
    yield interpolant("PPoly", lambda f, c, x, q: f(c, x)(q), (np.stack([y[:-1], y[1:], y[:-1] ** 2]), x, q))
    yield interpolant("pchip_interpolate", lambda f, x, y, q: f(x, y, q), (x, y, q))
    for kind in ("quadratic", "cubic", "nearest", "previous", "next"):
        yield interpolant("interp1d", lambda f, y, q, k=kind: f(x, y, kind=k)(q), (y, q))
    yield interpolant("interp1d", lambda f, y, q: f(x, y, fill_value="extrapolate")(q + 1.0), (y, q))
    yield interpolant("interp1d", lambda f, y, q: f(x, y, bounds_error=False, fill_value=(-1.0, 2.0))(q + 1.0), (y, q))
    t = np.array([0.0, 0.0, 0.0, 0.0, 1.1, 2.0, 3.3, 3.3, 3.3, 3.3])
    yield interpolant("BSpline", lambda f, c, q: f(t, c, 3)(q), (y[:6], q))
    yield interpolant("BSpline", lambda f, i, c, q: f(np.concatenate([t[:4], i, t[6:]]), c, 3)(q), (t[4:6], y[:6], q))
    yield interpolant("splev", lambda f, c, q: f(q, (t, np.concatenate([c, np.zeros(4)]), 3), der=1), (y[:6], q))
    yield Form("interpolate.splrep", lambda sp, y, q: sp.interpolate.splev(q, sp.interpolate.splrep(x, y)), (y, q))
    grid, values = (x[:4], x[2:6]), np.cos(np.arange(16.0)).reshape(4, 4)
    xi = np.array([[0.2, 1.0], [0.7, 1.8], [1.2, 2.5]])
    yield interpolant("RegularGridInterpolator", lambda f, v, xi: f(grid, v)(xi), (values, xi))
    yield interpolant("RegularGridInterpolator", lambda f, v: f(grid, v, method="nearest")(xi), (values,))
    yield interpolant("interpn", lambda f, a, v, xi: f((a, grid[1]), v, xi), (grid[0], values, xi))


#: All forms.  One line is one call; add a group of your own with a function like those above.


FORMS = [
    *_distances(), *linear_algebra(Form), *_special(), *transforms(Form), *_optimize(), *_integrate(),
    *_interpolate(), *sparse(Form), *statistics(Form),
    *image_functions(Form), *signals(Form),
]  # fmt: skip


def rows():
    """The rows of the tables, by module: a dict of lists of cells."""
    tables = {}
    for name in sorted({form.name for form in FORMS}):
        forms = [form for form in FORMS if form.name == name]
        form = forms[0]
        remark = next((f.reason for f in forms if f.reason), "")
        taken = form.way != REFUSED
        module = name.rpartition(".")[0]
        tables.setdefault(module, []).append(
            (
                f"`{name.rpartition('.')[2]}`",
                {PLAIN: "plain call", DROP_IN: f"`mmad.scipy.{name}`", REFUSED: "refused"}[form.way],
                "forward, reverse" if taken else "",
                ("all" if max(f.order for f in forms) >= 2 else "first") if taken else "",
                remark,
            )
        )
    return tables


def text_of(tables):
    """The generated part of docs/scipy.md."""
    lines = []
    for module, found in sorted(tables.items()):
        lines += [f"## `scipy.{module}`", "", "| function | how | modes | orders | remarks |", "|---|---|---|---|---|"]
        lines += ["| " + " | ".join(cells).replace("|  |", "| |") + " |" for cells in found]
        lines.append("")
    return "\n".join(lines)


BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"


def document(text):
    """The document with the tables of today."""
    head, rest = text.split(BEGIN)
    counts = {way: len({f.name for f in FORMS if f.way == way}) for way in (PLAIN, DROP_IN, REFUSED)}
    count = (
        f"{counts[PLAIN] + counts[DROP_IN]} functions take traced values: {counts[PLAIN]} as SciPy's own, "
        f"{counts[DROP_IN]} under the names of `mmad.scipy`; {counts[REFUSED]} are refused by design.\n\n"
    )
    common = counted({f.name for f in FORMS if f.way != REFUSED})
    return head + BEGIN + count + common + text_of(rows()) + END + rest.split(END)[1]


if __name__ == "__main__":
    print(counted({f.name for f in FORMS if f.way != REFUSED}))
    DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
