"""Functions such as sinh(x)/x that are smooth where their formula is 0/0, with derivatives of every order.

Each is f(x) = (g(x) - g(0)) / x, whose derivatives are integrals of those of g: f_n(x) = int_0^1 s**n g_(n+1)(s x) ds.
Gauss's rule on (0, 1) is exact to rounding where |x| is small; elsewhere f_n = (g_n - n f_(n-1)) / x cancels little.
"""

import numpy as np

from mmad.scipy.special._declare import family, numeric

_S, _W = np.polynomial.legendre.leggauss(24)
NODES, WEIGHTS = 0.5 * (_S + 1.0), 0.5 * _W


def quotient(name, derivative):
    """Declare the family of (g(x) - g(0)) / x.

    Parameters
    ----------
    name : str
    derivative : callable
        ``derivative(n, x)``: of order n of g, on arrays.

    Returns
    -------
    Op
        ``op(n, x)``: the derivative of order n of the quotient.
    """

    @numeric
    def value(n, x):
        n = int(n)
        near = np.abs(x) < 2.0 + n
        z = np.where(near, x, 0.0)[..., None]
        series = np.sum(WEIGHTS * NODES**n * derivative(n + 1, NODES * z), axis=-1)
        z = np.where(near, 1.0, x)
        f = (derivative(0, z) - derivative(0, np.zeros_like(z))) / z
        for k in range(1, n + 1):
            f = (derivative(k, z) - k * f) / z
        return np.where(near, series, f)

    op = family(name, value, lambda n, x, out: 0.0, lambda n, x, out: op(n + 1, x))
    return op


#: exprel_n(n, x) of (exp(x) - 1) / x; sinhc_n of sinh(x) / x; sinc_n of sin(x) / x.
exprel_n = quotient("_exprel_n", lambda n, x: np.exp(x))
sinhc_n = quotient("_sinhc_n", lambda n, x: np.cosh(x) if n % 2 else np.sinh(x))
sinc_n = quotient("_sinc_n", lambda n, x: (np.sin, np.cos, lambda t: -np.sin(t), lambda t: -np.cos(t))[n % 4](x))
