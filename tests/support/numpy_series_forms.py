"""Call forms of `numpy.polynomial`, for which NumPy has no protocol: those of `mmad.numpy.polynomial`."""

import numpy as np
from derivatives import positive, spaced
from numpy_form import form

import mmad.numpy as mnp

N, M = 0.7, 1.3
V, W, P = spaced(6), spaced(6, seed=1), positive(6)
S, T = spaced(3, 3) + 3 * np.eye(3), spaced(2, 3, 4)
U = spaced(5, low=-0.9, high=0.9)

#: Module, the prefix of its functions, its class.
MODULES = (
    ("polynomial", "poly", "Polynomial"),
    ("chebyshev", "cheb", "Chebyshev"),
    ("legendre", "leg", "Legendre"),
    ("hermite", "herm", "Hermite"),
    ("hermite_e", "herme", "HermiteE"),
    ("laguerre", "lag", "Laguerre"),
)


def _with(function, options):
    """Return a call of a function with further arguments."""
    return lambda *x: function(*x, *options)


def _of_functions(module, prefix):
    """Yield the forms of the functions of a module."""
    p, q, functions = V[:4], W[:3], getattr(mnp.polynomial, module)
    points = {
        "add": (p, q), "sub": (p, q), "mul": (p, q), "div": (p, q), "mulx": (p,), "pow": (p, 2), "der": (p,),
        "int": (p,), "trim": (p,), "companion": (p,), "fromroots": (p,), "roots": (p,), "line": (N, M),
        "val": (W, p), "val2d": (V, W, S), "val3d": (V, W, P, T), "valfromroots": (W, p), "fit": (V, W, 2),
        "grid2d": (V[:2], W[:3], S), "grid3d": (V[:2], W[:2], P[:2], T), "weight": (U,), "2poly": (p,),
        "vander": (V, 3), "vander2d": (V, W, [1, 2]), "vander3d": (V, W, P, [1, 2, 1]),
    }  # fmt: skip
    for suffix, arguments in points.items():
        name = prefix + suffix
        if hasattr(functions, name):
            floats = tuple(v for v in arguments if not isinstance(v, int | list))
            yield form(
                f"polynomial.{module}.{name}", _with(getattr(functions, name), arguments[len(floats) :]), *floats
            )
    der, integral, fit = (getattr(functions, prefix + suffix) for suffix in ("der", "int", "fit"))
    name = f"polynomial.{module}.{prefix}"
    yield form(f"{name}der", lambda c, s: der(c, 2, s, axis=1), S, M)
    yield form(f"{name}int", lambda c, k, b, s: integral(c, 2, k, b, s, axis=-1), S, W[:2], N, M)
    yield form(f"{name}fit", lambda x, y, w: fit(x, y, [0, 2], w=w), V, W, P)
    yield form(f"{name}fit", lambda y: fit(V, y, 2), W)
    yield form(f"{name}fit", lambda x, y: fit(x, y, 1, full=True)[0], W, spaced(6, 2))
    if module != "polynomial":
        yield form(f"polynomial.{module}.poly2{prefix}", getattr(functions, f"poly2{prefix}"), p)


def _of_class(module, name):
    """Yield the forms of a class of polynomials, named by its module and by the package."""
    for prefix in (f"polynomial.{name}", f"polynomial.{module}.{name}"):
        kind = mnp.polynomial
        for part in prefix.split(".")[1:]:
            kind = getattr(kind, part)
        yield from _of_one_name(prefix, kind, getattr(np.polynomial, name))


def _of_one_name(prefix, kind, plain):
    p, q, domain = V[:4], W[:3], np.array([0.1, 2.0])
    kinds = [getattr(mnp.polynomial, name) for _, _, name in MODULES]
    calls = (
        (lambda c, x: kind(c)(x), p, U),
        (lambda c, x: kind(c)(x), p, N),
        (lambda c, x, d, w: kind(c, domain=d, window=w)(x), p, U, domain, domain[::-1] - 1.0),
        (lambda x: kind(p)(x), U),
        (lambda c, d: [(kind(c) * kind(d) + c - kind(d) * 2.0).coef, (3 - kind(c) ** 2).coef, (-kind(c)).coef], p, q),
        (lambda c, d: [v.coef for v in divmod(kind(c), kind(d))] + [(kind(c) // d).coef, (c % kind(d)).coef], p, q),
        (lambda c, s: [(s * kind(c)).coef, (kind(c) - s).coef, (s - kind(c)).coef, (kind(c) / s).coef], p, M),
        (lambda c: [(kind(c) * plain(q)).coef, (plain(q) - kind(c)).coef, (plain(p) // kind(c)).coef], V[:3]),
        (lambda c, d: [kind(c, d).deriv(2).coef, kind(c, d).integ(2, [1, c[0]], c[1]).coef], p, domain),
        (lambda c, d: kind(c, d).roots(), p, domain),
        (lambda x, y: [kind.fit(x, y, 2).coef, kind.fit(x, y, 2).domain], U, W[:5]),
        (lambda x, y, w: kind.fit(x, y, [0, 2], w=w, domain=[]).coef, U, W[:5], P[:5]),
        (lambda c, d: [kind(c).convert(d, k).coef for k in kinds] + [kinds[1].cast(kind(c)).coef], p, domain),
        (lambda c: kind(c).convert(kind=np.polynomial.Polynomial).coef, p),
        (lambda r: [kind.fromroots(r).coef, kind.fromroots(r, domain=None).coef], p),
        (lambda c, d, x: [kind(c)(kind(d))(x), kind(c)(plain(q)).coef], V[:3], q, U),
        (lambda c, d: [*kind(c, d).linspace(5), *kind(c, d).mapparms(), *kind(c)], p, domain),
        (lambda c: [kind(c).trim(0.1).coef, kind(c).cutdeg(1).coef, kind(c).degree(), kind(c) == kind(c)], p),
    )
    for call, *points in calls:
        yield form(prefix, call, *points)


def _of_utilities():
    utilities = mnp.polynomial.polyutils
    yield form("polynomial.polyutils.as_series", lambda p, q: utilities.as_series([p, q, [1, 2]]), V, W[:2])
    yield form("polynomial.polyutils.trimseq", lambda p: utilities.trimseq(mnp.r_[p, 0.0, 0.0]), V)
    yield form("polynomial.polyutils.trimcoef", lambda p: utilities.trimcoef(p * [1, 1, 1, 1e-9, 1e-9, 0], 1e-6), V)
    yield form("polynomial.polyutils.getdomain", lambda x: utilities.getdomain(x), V)
    yield form("polynomial.polyutils.mapparms", lambda d, w: utilities.mapparms(d, w), V[:2], W[:2])
    yield form("polynomial.polyutils.mapdomain", lambda x, d, w: utilities.mapdomain(x, d, w), V, V[:2], W[:2])


CHEBYSHEV = mnp.polynomial.chebyshev
SERIES_FORMS = [
    *(f for module, prefix, _ in MODULES for f in _of_functions(module, prefix)),
    *(f for module, _, name in MODULES for f in _of_class(module, name)),
    *_of_utilities(),
    form(
        "polynomial.chebyshev.chebinterpolate",
        lambda s: CHEBYSHEV.chebinterpolate(lambda x: np.sin(s * x), 4),
        M,
    ),
    form(
        "polynomial.Chebyshev",
        lambda s, d: CHEBYSHEV.Chebyshev.interpolate(lambda x, a: np.sin(a * x), 4, d, (s,)).coef,
        M,
        V[:2],
    ),
]
