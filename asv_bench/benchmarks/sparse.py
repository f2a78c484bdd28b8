"""Problems with structure: functions whose Hessians and Jacobians are sparse, narrow, or dense on purpose.

Hessians are of :class:`problems.Problem`, with gradients by hand, which accept complex arguments: a complex step
through them gives the Hessian.  Jacobians are of :class:`Residuals`, whose functions accept complex arguments
themselves.

References
----------
A. R. Conn, N. I. M. Gould, Ph. L. Toint. Testing a class of methods for solving minimization problems with simple
bounds on the variables. Math. Comp. 50 (1988), 399-430 (chained Rosenbrock, chained Wood).
J. J. More, B. S. Garbow, K. E. Hillstrom. Testing unconstrained optimization software. ACM TOMS 7 (1981), 17-41
(Powell's singular function, Broyden's tridiagonal and banded functions).
N. I. M. Gould, D. Orban, Ph. L. Toint. CUTEst. Comput. Optim. Appl. 60 (2015), 545-557 (ARWHEAD, minimal surface).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .problems import COMPLEX_STEP, Problem

__all__ = [
    "Residuals",
    "arrowhead",
    "arwhead",
    "banded",
    "bratu",
    "broyden",
    "brusselator",
    "burgers",
    "controlled",
    "dense_column_and_band",
    "dense_row_and_band",
    "lennard_jones",
    "log_barrier",
    "minimal_surface",
    "orbit",
    "powell_singular",
    "tanh_network",
    "waist",
    "wood",
]


@dataclass(frozen=True)
class Residuals:
    """A function of one array to one array.

    Attributes
    ----------
    name : str
    make : callable
        ``make(xp)`` gives the function; it accepts complex arguments.
    point : ndarray, float64
    """

    name: str
    make: Callable
    point: np.ndarray

    def jacobian(self):
        """The Jacobian at `point`, by a complex step for each column."""
        function, x = self.make(np), self.point.astype(complex)
        columns = []
        for j in range(x.size):
            shifted = x.copy()
            shifted.flat[j] += 1j * COMPLEX_STEP
            columns.append(np.ravel(np.imag(function(shifted))) / COMPLEX_STEP)
        return np.stack(columns, axis=1)

    def product(self, direction):
        """The Jacobian at `point` times a direction, by one complex step."""
        return np.ravel(np.imag(self.make(np)(self.point + 1j * COMPLEX_STEP * direction))) / COMPLEX_STEP


def _point(n, seed, low=0.5, high=1.5):
    return np.random.default_rng(seed).uniform(low, high, n)


def _direction(n, seed):
    return np.random.default_rng(seed + 1).normal(size=n)


# ------------------------------------------------------------------------------------------------ Hessians
def arwhead(n):
    """ARWHEAD: all variables meet the last one; two star colours, while columns would need n."""

    def make(_):
        return lambda x: ((x[:-1] ** 2 + x[-1] ** 2) ** 2 - 4.0 * x[:-1] + 3.0).sum()

    def gradient(x):
        s = x[:-1] ** 2 + x[-1] ** 2
        g = np.zeros_like(x)
        g[:-1] = 4.0 * x[:-1] * s - 4.0
        g[-1] = (4.0 * x[-1] * s).sum()
        return g

    return Problem(f"arwhead-{n}", make, _point(n, 20), _direction(n, 20), gradient)


def powell_singular(n):
    """The extended Powell singular function: blocks of four variables."""

    def make(_):
        def function(x):
            a, b, c, d = x[0::4], x[1::4], x[2::4], x[3::4]
            return ((a + 10.0 * b) ** 2 + 5.0 * (c - d) ** 2 + (b - 2.0 * c) ** 4 + 10.0 * (a - d) ** 4).sum()

        return function

    def gradient(x):
        a, b, c, d = x[0::4], x[1::4], x[2::4], x[3::4]
        p, q, r, s = 2.0 * (a + 10.0 * b), 10.0 * (c - d), 4.0 * (b - 2.0 * c) ** 3, 40.0 * (a - d) ** 3
        g = np.zeros_like(x)
        g[0::4], g[1::4], g[2::4], g[3::4] = p + s, 10.0 * p + r, q - 2.0 * r, -q - s
        return g

    return Problem(f"powell-singular-{n}", make, _point(n, 22), _direction(n, 22), gradient)


def wood(n):
    """The chained Wood function: its terms on pairs that overlap."""

    def parts(x):
        return x[0:-3:2], x[1:-2:2], x[2:-1:2], x[3::2]

    def make(_):
        def function(x):
            a, b, c, d = parts(x)
            return (
                100.0 * (b - a**2) ** 2
                + (1.0 - a) ** 2
                + 90.0 * (d - c**2) ** 2
                + (1.0 - c) ** 2
                + 10.0 * (b + d - 2.0) ** 2
                + 0.1 * (b - d) ** 2
            ).sum()

        return function

    def gradient(x):
        a, b, c, d = parts(x)
        u, v, s, t = 200.0 * (b - a**2), 180.0 * (d - c**2), 20.0 * (b + d - 2.0), 0.2 * (b - d)
        g = np.zeros_like(x)
        g[0:-3:2] += -2.0 * a * u - 2.0 * (1.0 - a)
        g[1:-2:2] += u + s + t
        g[2:-1:2] += -2.0 * c * v - 2.0 * (1.0 - c)
        g[3::2] += v + s - t
        return g

    return Problem(f"wood-{n}", make, _point(n, 24), _direction(n, 24), gradient)


def minimal_surface(side):
    """The area of a surface over a grid of `side` x `side` points, two triangles a square."""

    def make(_):
        def function(x):
            u = x.reshape(side, side)
            dx, dy = u[1:, :-1] - u[:-1, :-1], u[:-1, 1:] - u[:-1, :-1]
            ex, ey = u[1:, 1:] - u[:-1, 1:], u[1:, 1:] - u[1:, :-1]
            scale = side - 1.0
            lower = (1.0 + scale**2 * (dx**2 + dy**2)) ** 0.5
            upper = (1.0 + scale**2 * (ex**2 + ey**2)) ** 0.5
            return (lower + upper).sum() / (2.0 * scale**2)

        return function

    def gradient(x):
        u = x.reshape(side, side)
        dx, dy = u[1:, :-1] - u[:-1, :-1], u[:-1, 1:] - u[:-1, :-1]
        ex, ey = u[1:, 1:] - u[:-1, 1:], u[1:, 1:] - u[1:, :-1]
        scale = side - 1.0
        lower = 0.5 / (1.0 + scale**2 * (dx**2 + dy**2)) ** 0.5
        upper = 0.5 / (1.0 + scale**2 * (ex**2 + ey**2)) ** 0.5
        g = np.zeros_like(u)
        g[1:, :-1] += lower * dx - upper * ey
        g[:-1, 1:] += lower * dy - upper * ex
        g[:-1, :-1] -= lower * (dx + dy)
        g[1:, 1:] += upper * (ex + ey)
        return g.ravel()

    return Problem(f"minimal-surface-{side}", make, _point(side * side, 26), _direction(side * side, 26), gradient)


def log_barrier(n, dense):
    """A logarithmic barrier -sum log(b - A x): A banded (n rows, three a row) or dense (2 n rows)."""
    rng = np.random.default_rng(28)
    if dense:
        a = rng.normal(size=(2 * n, n)) / np.sqrt(n)

        def forward(x):
            return a @ x

        def backward(y):
            return a.T @ y
    else:
        w = rng.uniform(0.2, 1.0, size=(3, n - 2))

        def forward(x):
            return w[0] * x[:-2] + w[1] * x[1:-1] + w[2] * x[2:]

        def backward(y):
            g = np.zeros(n, y.dtype)
            g[:-2] += w[0] * y
            g[1:-1] += w[1] * y
            g[2:] += w[2] * y
            return g

    b = 6.0

    def make(xp):
        return lambda x: -xp.log(b - forward(x)).sum()

    def gradient(x):
        return backward(1.0 / (b - forward(x)))

    kind = "dense" if dense else "banded"
    return Problem(f"log-barrier-{kind}-{n}", make, _point(n, 29), _direction(n, 29), gradient)


def lennard_jones(n, neighbors=None):
    """Lennard-Jones energy of `n` particles in space: a chain with some neighbours each, or all pairs."""
    if neighbors is None:
        first, second = np.triu_indices(n, 1)
    else:
        first, second = np.array([(i, i + d) for d in range(1, neighbors + 1) for i in range(n - d)]).T
    rng = np.random.default_rng(30)
    if neighbors is None:
        side = int(np.ceil(n ** (1 / 3)))
        lattice = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3)[:n] * 1.1
    else:
        lattice = np.stack([np.arange(n) * 1.1, np.zeros(n), np.zeros(n)], 1)
    point = (lattice + rng.uniform(-0.1, 0.1, size=(n, 3))).ravel()

    def make(_):
        def function(x):
            r = x.reshape(n, 3)
            d = r[first] - r[second]
            inverse = 1.0 / (d * d).sum(axis=1) ** 3
            return (4.0 * (inverse * inverse - inverse)).sum()

        return function

    def gradient(x):
        r = x.reshape(n, 3)
        d = r[first] - r[second]
        square = (d * d).sum(axis=1)
        inverse = 1.0 / square**3
        force = (4.0 * (2.0 * inverse - 1.0) * (-3.0) * inverse / square)[:, None] * 2.0 * d
        g = np.zeros_like(r)
        np.add.at(g, first, force)
        np.add.at(g, second, -force)
        return g.ravel()

    kind = "cluster" if neighbors is None else "chain"
    return Problem(f"lennard-jones-{kind}-{n}", make, point, _direction(3 * n, 30), gradient)


def tanh_network(width, rows=100):
    """Least squares with a network of two tanh layers over few weights, whose Hessian is small and dense."""
    rng = np.random.default_rng(32)
    inputs, targets = rng.normal(size=(rows, 3)), rng.normal(size=rows)
    cuts = np.cumsum([3 * width, width * width, width])
    n = int(cuts[-1])

    def split(x):
        return x[: cuts[0]].reshape(3, width), x[cuts[0] : cuts[1]].reshape(width, width), x[cuts[1] :]

    def make(xp):
        def function(x):
            a, b, c = split(x)
            error = xp.tanh(xp.tanh(inputs @ a) @ b) @ c - targets
            return 0.5 * (error @ error) / rows

        return function

    def gradient(x):
        a, b, c = split(x)
        u = np.tanh(inputs @ a)
        v = np.tanh(u @ b)
        error = (v @ c - targets) / rows
        v_bar = error[:, None] * c * (1.0 - v * v)
        u_bar = (v_bar @ b.T) * (1.0 - u * u)
        return np.concatenate([(inputs.T @ u_bar).ravel(), (u.T @ v_bar).ravel(), v.T @ error])

    return Problem(f"tanh-network-{n}", make, 0.5 * rng.normal(size=n), rng.normal(size=n), gradient)


# ------------------------------------------------------------------------------------------------ Jacobians
def broyden(n):
    """Broyden's tridiagonal function."""

    def make(xp):
        def function(x):
            y = (3.0 - 2.0 * x) * x + 1.0
            y[1:] -= x[:-1]
            y[:-1] -= 2.0 * x[1:]
            return y

        return function

    return Residuals(f"broyden-{n}", make, _point(n, 40))


def banded(n, below=5, above=1):
    """Broyden's banded function."""

    def make(xp):
        def function(x):
            y = x * (2.0 + 5.0 * x * x) + 1.0
            t = x * (1.0 + x)
            for k in range(1, below + 1):
                y[k:] -= t[:-k]
            for k in range(1, above + 1):
                y[:-k] -= t[k:]
            return y

        return function

    return Residuals(f"banded-{n}", make, _point(n, 41))


def _laplacian(u):
    """Of a grid with zeros around it, by the five-point formula."""
    y = -4.0 * u
    y[1:] += u[:-1]
    y[:-1] += u[1:]
    y[:, 1:] += u[:, :-1]
    y[:, :-1] += u[:, 1:]
    return y


def bratu(side):
    """Bratu's problem on a grid of `side` x `side` points."""

    def make(xp):
        h = 1.0 / (side + 1)

        def function(x):
            u = x.reshape(side, side)
            return (_laplacian(u) + 6.0 * h * h * xp.exp(u)).reshape(-1)

        return function

    return Residuals(f"bratu-{side}", make, _point(side * side, 42))


def brusselator(side):
    """The brusselator on a periodic grid of `side` x `side` points, two species."""

    def make(xp):
        def laplacian(u):
            return xp.roll(u, 1, 0) + xp.roll(u, -1, 0) + xp.roll(u, 1, 1) + xp.roll(u, -1, 1) - 4.0 * u

        def function(x):
            a, b = x.reshape(2, side, side)
            alpha = 0.02 * side**2
            reaction = a * a * b
            return xp.concatenate(
                [
                    (1.0 + reaction - 4.4 * a + alpha * laplacian(a)).reshape(-1),
                    (3.4 * a - reaction + alpha * laplacian(b)).reshape(-1),
                ]
            )

        return function

    return Residuals(f"brusselator-{side}", make, _point(2 * side * side, 43))


def burgers(n, steps):
    """Euler steps of Burgers' equation on a periodic grid: the band widens by two a step."""

    def make(xp):
        def function(x):
            u, h = x, 1.0 / n
            dt = 0.1 * h
            for _ in range(steps):
                left, right = xp.roll(u, 1), xp.roll(u, -1)
                u = u - dt * (u * (right - left) / (2.0 * h) - 0.01 * (left - 2.0 * u + right) / (h * h * n))
            return u

        return function

    return Residuals(f"burgers-{n}-{steps}", make, _point(n, 44))


def arrowhead(n):
    """One full row and one full column: one reverse sweep and two forward ones."""

    def make(xp):
        def function(x):
            y = x * xp.cos(x[0])
            y[0] = xp.sin(x).sum()
            return y

        return function

    return Residuals(f"arrowhead-{n}", make, _point(n, 45))


def dense_row_and_band(n):
    """A tridiagonal function and the sum of squares under it."""

    def make(xp):
        band = broyden(n).make(xp)
        return lambda x: xp.concatenate([band(x), (x * x).sum().reshape(1)])

    return Residuals(f"dense-row-and-band-{n}", make, _point(n, 46))


def dense_column_and_band(n):
    """A tridiagonal function, all of it times a function of the first variable."""

    def make(xp):
        band = broyden(n).make(xp)
        return lambda x: band(x) * xp.cos(x[0])

    return Residuals(f"dense-column-and-band-{n}", make, _point(n, 47))


def waist(n, width):
    """A function of `n` variables to `n` results through few numbers: its Jacobian has the rank of the waist."""
    rng = np.random.default_rng(48)
    inner, outer = rng.normal(size=(width, n)) / n, rng.normal(size=(n, width))

    def make(xp):
        return lambda x: xp.exp(-((outer @ xp.sin(inner @ x)) ** 2))

    return Residuals(f"waist-{n}-{width}", make, _point(n, 49))


def orbit(steps, parameters):
    """Final populations of competing species after explicit Euler steps over arrays; differentiated by the rates."""
    species = max(2, parameters // 2)

    def make(xp):
        def function(p):
            growth, loss = p[:species], p[species:]
            y = xp.ones_like(growth) * 0.5
            for _ in range(steps):
                y = y + 0.01 * y * (growth - loss * y.sum())
            return y

        return function

    return Residuals(f"orbit-{steps}-{parameters}", make, _point(2 * species, 50))


def controlled(steps):
    """A loss at the end of a state that as many controls drive as there are steps; read one by one, over numbers."""

    def make(xp):
        def function(p):
            y = 0.5
            for k in range(steps):
                y = y + 0.01 * (p[k] - y * y * y)
            return (y - 1.0) ** 2

        return function

    return Residuals(f"controlled-{steps}", make, _point(steps, 51))
