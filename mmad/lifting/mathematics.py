"""The modules `math` and `cmath` for lifted code: plain values go to Python's functions, traced values to operations.

Errors are those of `math`, too: a traced value outside of a function's domain, or a result that overflows, is given to
Python's function as a plain number, which raises what it raises.
"""

import cmath
import functools
import math
import sys
import types

import numpy as np

from mmad._core import Traced, concrete
from mmad.lifting.numbers import as_complex, as_float, held, number
from mmad.ops import transcendental

__all__ = ["FUNCTIONS", "MODULES"]

LARGEST_EXPONENT = 709.782712893384  # of e, in double precision


def _numbers(args):
    """Return arguments of a function of `math`, traced ones as numbers; None if all are plain."""
    if not any(type(v) is not float and held(v) is not None for v in args):
        return None
    return [v if type(v) is float or held(v) is None else number(held(v)) for v in args]


def _plain(values):
    return [concrete(v) for v in values]


def _stand_in(real, compute, refused=None, numbers=_numbers):
    """Return a function that computes with traced numbers, and calls Python's with plain ones.

    `numbers` gives the arguments as numbers to compute with, or None where all are plain.
    """

    def function(*args):
        if len(args) == 1 and type(args[0]) is float:
            return real(*args)
        values = numbers(args)
        if values is None:
            return real(*args)
        if refused is not None and refused(*values):
            return real(*_plain(values))
        return compute(*values)

    function.__name__ = function.__qualname__ = real.__name__
    function.__module__, function.__doc__ = real.__module__, real.__doc__
    return function


def _is_finite(x):
    return bool(abs(x) < math.inf)


def _log(x, base=None):
    if base is None:
        return np.log(x)
    return np.log(x) / (np.log(base) if isinstance(base, Traced) else math.log(base))


def _pow(x, y):
    if isinstance(y, Traced) and not isinstance(x, Traced):
        return np.power(float(x), y)
    return np.power(x, y if isinstance(y, Traced) else float(y))


def _pow_fails(x, y):
    if x == 0:
        return bool(y < 0)
    if x < 0 and _is_finite(x) and _is_finite(y):
        return concrete(y) != math.floor(y)
    if not (_is_finite(x) and _is_finite(y)):
        return False
    return bool(abs(y * np.log(abs(x))) > LARGEST_EXPONENT - 1) and _overflows(math.pow, x, y)


def _overflows(real, *values):
    try:
        real(*_plain(values))
    except OverflowError:
        return True
    return False


def _hypot(*xs):
    if not xs:
        return 0.0
    out = abs(xs[0])
    for x in xs[1:]:
        out = np.hypot(out, x)
    return out


def _remainder(x, y):
    return x - y * float(round((concrete(x) - math.remainder(concrete(x), concrete(y))) / concrete(y)))


def _frexp(x):
    _, exponent = math.frexp(concrete(x))
    return _scaled(x, -exponent), exponent


def _scaled(x, exponent):
    """Return x * 2**exponent, in two steps where one factor would overflow."""
    half = exponent // 2
    return x * math.ldexp(1.0, half) * math.ldexp(1.0, exponent - half)


def _modf(x):
    whole = math.trunc(x) if _is_finite(x) else concrete(x)
    return (x - whole if _is_finite(x) else x * 0.0), float(whole)


def _nextafter(x, y):
    return x + (math.nextafter(concrete(x), concrete(y)) - concrete(x)) if isinstance(x, Traced) else concrete(x)


def _special(name):
    """Return a function of `scipy.special`, which is imported where a traced value needs it."""

    def compute(x):
        special = sys.modules.get("scipy.special") or __import__("scipy.special").special
        return getattr(special, name)(x)

    return compute


def _pole(x):
    return bool(x <= 0) and concrete(x) == math.floor(concrete(x))


ELEMENTARY = {
    "acos": (np.arccos, lambda x: abs(x) > 1),
    "acosh": (np.arccosh, lambda x: x < 1),
    "asin": (np.arcsin, lambda x: abs(x) > 1),
    "asinh": (np.arcsinh, None),
    "atan": (np.arctan, None),
    "atan2": (np.arctan2, None),
    "atanh": (np.arctanh, lambda x: abs(x) >= 1),
    "cbrt": (np.cbrt, None),
    "copysign": (np.copysign, None),
    "cos": (np.cos, lambda x: not _is_finite(x)),
    "cosh": (np.cosh, lambda x: abs(x) > LARGEST_EXPONENT and _overflows(math.cosh, x)),
    "degrees": (np.rad2deg, None),
    "erf": (transcendental.erf, None),
    "erfc": (transcendental.erfc, None),
    "exp": (np.exp, lambda x: x > LARGEST_EXPONENT),
    "exp2": (np.exp2, lambda x: x >= 1024),
    "expm1": (np.expm1, lambda x: x > LARGEST_EXPONENT),
    "fabs": (np.fabs, None),
    "fma": (lambda x, y, z: x * y + z, None),
    "fmod": (np.fmod, lambda x, y: y == 0 or not _is_finite(x)),
    "frexp": (_frexp, lambda x: x == 0 or not _is_finite(x)),
    "gamma": (_special("gamma"), lambda x: _pole(x) or x > 171.6),
    "hypot": (_hypot, None),
    "ldexp": (_scaled, lambda x, k: x == 0 or not _is_finite(x) or _overflows(math.ldexp, x, k)),
    "lgamma": (_special("gammaln"), _pole),
    "log": (_log, lambda x, base=None: x <= 0 or (base is not None and base <= 0)),
    "log10": (np.log10, lambda x: x <= 0),
    "log1p": (np.log1p, lambda x: x <= -1),
    "log2": (np.log2, lambda x: x <= 0),
    "modf": (_modf, None),
    "nextafter": (_nextafter, None),
    "pow": (_pow, _pow_fails),
    "radians": (np.deg2rad, None),
    "remainder": (_remainder, lambda x, y: y == 0 or not (_is_finite(x) and _is_finite(y))),
    "sin": (np.sin, lambda x: not _is_finite(x)),
    "sinh": (np.sinh, lambda x: abs(x) > LARGEST_EXPONENT and _overflows(math.sinh, x)),
    "sqrt": (np.sqrt, lambda x: x < 0),
    "tan": (np.tan, lambda x: not _is_finite(x)),
    "tanh": (np.tanh, None),
    "ulp": (lambda x: math.ulp(concrete(x)), None),
}


def _unary_test(real, test):
    def function(x):
        traced = None if type(x) is float else held(x)
        return real(x) if traced is None else test(number(traced))

    function.__name__ = function.__qualname__ = real.__name__
    return function


def _isclose(a, b, *, rel_tol=1e-09, abs_tol=0.0):
    if _numbers((a, b, rel_tol, abs_tol)) is None:
        return math.isclose(a, b, rel_tol=rel_tol, abs_tol=abs_tol)
    a, b, rel_tol, abs_tol = _numbers((a, b, rel_tol, abs_tol))
    if rel_tol < 0 or abs_tol < 0:
        raise ValueError("tolerances must be non-negative")
    if a == b:
        return True
    if not (_is_finite(a) and _is_finite(b)):
        return False
    difference = abs(a - b)
    return bool(difference <= abs(rel_tol * b)) or bool(difference <= abs(rel_tol * a)) or bool(difference <= abs_tol)


def _fsum(values):
    values = list(values)
    numbers = _numbers(values)
    if numbers is None:
        return math.fsum(values)
    total = numbers[0]
    for v in numbers[1:]:
        total = total + v
    # The value is that of fsum, which rounds once; the difference is a constant.
    return total + (math.fsum(_plain(numbers)) - concrete(total)) if _is_finite(total) else total


def _prod(values, *, start=1):
    values = list(values)
    if _numbers([start, *values]) is None:
        return math.prod(values, start=start)
    for v in values:
        start = start * v
    return start


def _dist(p, q):
    p, q = list(p), list(q)
    if len(p) != len(q) or _numbers([*p, *q]) is None:
        return math.dist(p, q)
    return _hypot(*[a - b for a, b in zip(p, q, strict=True)])


def _sumprod(p, q):
    p, q = list(p), list(q)
    if len(p) != len(q) or _numbers([*p, *q]) is None:
        return math.sumprod(p, q)
    return sum(a * b for a, b in zip(p, q, strict=True))


def _of_math():
    out = {}
    for name, (compute, refused) in ELEMENTARY.items():
        real = getattr(math, name, None)  # cbrt, exp2, fma: of newer Pythons
        if real is not None:
            out[name] = _stand_in(real, compute, refused)
    out["isnan"] = _unary_test(math.isnan, lambda x: bool(x != x))
    out["isinf"] = _unary_test(math.isinf, lambda x: bool(abs(x) == math.inf))
    out["isfinite"] = _unary_test(math.isfinite, _is_finite)
    out |= {"isclose": _isclose, "fsum": _fsum, "prod": _prod, "dist": _dist}
    if hasattr(math, "sumprod"):
        out["sumprod"] = _sumprod
    return out


def _complex_numbers(args):
    if not any(isinstance(v, Traced) for v in args):
        return None
    return [as_complex(v) if isinstance(v, Traced) else complex(v) for v in args]


def _complex_stand_in(real, compute, refused=None):
    return _stand_in(real, compute, refused, _complex_numbers)


def _complex_log(z, base=None):
    return np.log(z) if base is None else np.log(z) / np.log(base)


def _polar(z):
    return abs(z), np.arctan2(z.imag, z.real)


def _rect(r, phi):
    if _numbers((r, phi)) is None:
        return cmath.rect(r, phi)
    r, phi = as_float(r), as_float(phi)
    return r * np.cos(phi) + 1j * (r * np.sin(phi))


def _plainly(real, z):
    return real(concrete(z))


def _of_cmath():
    names = {n: getattr(np, n) for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "sqrt")}
    names |= {f"a{n}": getattr(np, f"arc{n}") for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}
    out = {name: _complex_stand_in(getattr(cmath, name), f) for name, f in names.items()}

    def zero(z, base=1.0):
        return concrete(z) == 0 or concrete(base) == 0

    out["log"] = _complex_stand_in(cmath.log, _complex_log, zero)
    out["log10"] = _complex_stand_in(cmath.log10, lambda z: np.log(z) / math.log(10.0), zero)
    out["phase"] = _complex_stand_in(cmath.phase, lambda z: np.arctan2(z.imag, z.real))
    out["polar"] = _complex_stand_in(cmath.polar, _polar)
    out["rect"] = _rect
    for name in ("isnan", "isinf", "isfinite"):
        out[name] = _complex_stand_in(getattr(cmath, name), functools.partial(_plainly, getattr(cmath, name)))
    return out


def _module(real, functions):
    stand_in = types.ModuleType(real.__name__, real.__doc__)
    vars(stand_in).update(vars(real))
    vars(stand_in).update(functions)
    return stand_in


#: A module, and what stands for it in lifted code.
MODULES = {math: _module(math, _of_math()), cmath: _module(cmath, _of_cmath())}

#: A function by its identity (with the function, which keeps it alive), and what stands for it.
FUNCTIONS = {
    id(f): (f, getattr(stand_in, name))
    for real, stand_in in MODULES.items()
    for name, f in vars(real).items()
    if callable(f) and getattr(stand_in, name) is not f
}
