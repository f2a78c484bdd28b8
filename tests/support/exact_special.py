"""The functions of scipy.special in terms of mpmath's, and their derivatives to 30 digits."""

import mpmath as mp

rpi = lambda: mp.sqrt(mp.pi)


def _w(z):
    return mp.exp(-z * z) * mp.erfc(-1j * z)


#: name -> function of mpmath's numbers; one that returns a tuple where SciPy's does.
EXACT = {
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "erfi": mp.erfi,
    "dawsn": lambda x: rpi() / 2 * mp.exp(-x * x) * mp.erfi(x),
    "wofz": _w,
    "erfinv": mp.erfinv,
    "erfcinv": lambda x: mp.findroot(lambda y: mp.log(mp.erfc(y) / x), _start_erfcinv(x)),
    "ndtr": lambda x: mp.erfc(-x / mp.sqrt(2)) / 2,
    "ndtri": lambda p: -mp.sqrt(2) * EXACT["erfcinv"](2 * p),
    "log_ndtr": lambda x: mp.log(mp.erfc(-x / mp.sqrt(2)) / 2),
    "ndtri_exp": lambda y: mp.findroot(lambda x: EXACT["log_ndtr"](x) - y, _scipy("ndtri_exp", y)),
    "voigt_profile": lambda x, s, g: mp.re(_w((x + 1j * g) / (s * mp.sqrt(2)))) / (s * mp.sqrt(2 * mp.pi)),
    "fresnel": lambda z: (mp.fresnels(z), mp.fresnelc(z)),
    "modfresnelp": lambda x: _modfresnel(x, 1),
    "modfresnelm": lambda x: _modfresnel(x, -1),
    "owens_t": lambda h, a: (
        mp.quad(lambda x: mp.exp(-h * h * (1 + x * x) / 2) / (1 + x * x), [0, a], maxdegree=4) / (2 * mp.pi)
    ),
}


def _scipy(name, *args):
    import scipy.special as sc

    return mp.mpf(float(getattr(sc, name)(*map(float, args))))


def _start_erfcinv(x):
    return _scipy("erfcinv", x)


def _modfresnel(x, sign):
    turn = mp.expjpi(mp.mpf(-sign) / 4)
    scaled = mp.exp((turn * x) ** 2) * mp.erfc(turn * x) / 2
    return scaled * rpi() * mp.exp(1j * sign * (x * x + mp.pi / 4)), scaled


def exact(name, k, orders, args):
    """Return a derivative of result k: `orders` says how often by each argument."""
    with mp.workdps(40):
        f = EXACT[name]
        value = (lambda *v: f(*v)[k]) if k is not None else f
        which = [i for i, n in enumerate(orders) if n]
        args = [v if isinstance(v, int) else mp.mpmathify(v) for v in args]

        def of(*v):
            full = list(args)
            for i, x in zip(which, v, strict=True):
                full[i] = x
            return value(*full)

        if not which:
            return value(*args)
        # every difference loses h digits per order of the 40
        if len(which) == 1:
            return mp.diff(of, args[which[0]], orders[which[0]])
        return mp.diff(of, tuple(args[i] for i in which), tuple(orders[i] for i in which))
