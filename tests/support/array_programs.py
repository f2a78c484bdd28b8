"""Random programs on arrays of many shapes: longer than a block, broadcast, viewed, gathered, written to.

A program is a function of a few arrays that draws its steps from its own random numbers.  It looks at shapes and dtypes
only, never at values, so that plain and traced runs take the same steps.
"""

import random

import numpy as np

import mmad

LENGTHS = (1, 2, 3, 5, 33, 64, 100, 1023, 1030)
LARGEST = 9000  # elements of an array
UNARY = (
    lambda x: np.sin(x),
    lambda x: np.tanh(x),
    lambda x: np.exp(-x * x),
    lambda x: np.sqrt(np.abs(x) + 0.1),
    lambda x: np.square(x) * 0.25,
    lambda x: -x,
    lambda x: x**3 * 0.1,
    lambda x: 1.0 / (2.0 + np.cos(x)),
    lambda x: np.log1p(x * x),
    lambda x: x * 0.5 - 2.0,
    lambda x: x - x * x * 0.125,
    lambda x: np.where(x > 0.1, x, 0.5 * x),
)
BINARY = (
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / (1.5 + y * y),
    lambda x, y: np.maximum(x, y),
    lambda x, y: np.minimum(x, 0.5 * y),
    lambda x, y: np.hypot(x, y),
    lambda x, y: np.where(x > y, x, y * 0.5),
    lambda x, y: x * y + x,
    lambda x, y: y - x * y,
    lambda x, y: 2.0 * x - 2.0 * y,
)


class Run:
    """One run of program `seed` on some arrays."""

    def __init__(self, seed, arrays, gradient):
        self.random = random.Random(seed)
        self.values = list(arrays)
        self.gradient = gradient
        self.steps = (
            *(self.unary, self.binary, self.binary, self.reduce, self.view, self.view, self.gather, self.write),
            *(self.write, self.accumulate, self.join, self.product, self.system, self.call, self.number, self.cast),
        )

    def run(self, length):
        for _ in range(length):
            value = self.random.choice(self.steps)()
            if value is not None and np.size(value) <= LARGEST and np.ndim(value) <= 4:
                self.values.append(value)
        kept = self.values[-6:]
        return [np.tanh(v) for v in kept] + [np.sin(v).sum() for v in kept]

    def pick(self):
        return self.random.choice(self.values[-8:])

    def array(self):
        """Of at least one axis."""
        found = [v for v in self.values[-8:] if np.ndim(v)]
        return self.random.choice(found or self.values[:1])

    # ------------------------------------------------------------------------------------ steps
    def unary(self):
        return self.random.choice(UNARY)(self.pick())

    def binary(self):
        x, f = self.pick(), self.random.choice(BINARY)
        fitting = [v for v in self.values if fits(np.shape(v), np.shape(x))]
        return f(x, self.random.choice(fitting))

    def axis(self, x):
        axes = list(range(x.ndim))
        return self.random.choice([None, self.random.choice(axes), tuple(self.random.sample(axes, min(2, x.ndim)))])

    def reduce(self):
        x = self.array()
        axis, keep = self.axis(x), self.random.random() < 0.5
        f = self.random.choice(
            (np.mean, np.max, np.min, lambda x, axis, keepdims: x.sum(axis=axis, keepdims=keepdims) * 0.1)
        )
        return f(x, axis=axis, keepdims=keep)

    def cut(self, n):
        """A slice of an axis that leaves something."""
        start, step = self.random.randrange(n), self.random.choice((1, 1, 1, 2, 3, -1, -2))
        return slice(start, None, step) if self.random.random() < 0.6 else slice(None, None, step)

    def view(self):
        x = self.array()
        kind = self.random.randrange(7)
        if kind == 0:
            return x.T
        if kind == 1:
            return x.reshape(-1)
        if kind == 2:
            return x[..., None]
        if kind == 3:
            return np.broadcast_to(x, (self.random.choice((1, 2, 3)), *x.shape))
        if kind == 4:
            return np.moveaxis(x, self.random.randrange(x.ndim), -1)
        if kind == 5:
            return x[self.random.randrange(-x.shape[0], x.shape[0])]
        return x[tuple(self.cut(n) for n in x.shape)]

    def index(self, n):
        return np.array([self.random.randrange(-n, n) for _ in range(self.random.choice((1, 4, 40)))])

    def gather(self):
        x = self.array()
        k = self.random.randrange(x.ndim)
        return x[(slice(None),) * k + (self.index(x.shape[k]),)]

    def write(self):
        """A copy, written to some times, through views of it, with parts of itself."""
        y = self.array() * 1.0
        for _ in range(self.random.randint(1, 4)):
            k = self.random.randrange(y.ndim)
            n = y.shape[k]
            at = (slice(None),) * k
            kind = self.random.randrange(9)
            if kind == 0:
                y[(*at, self.cut(n))] *= 0.5
            elif kind == 1 and n > 1:
                y[(*at, slice(1, None))] += y[(*at, slice(None, -1))] * 0.5
            elif kind == 2 and n > 1:
                y[(*at, slice(None, -1))] = y[(*at, slice(1, None))]
            elif kind == 3:
                y[(*at, self.random.randrange(n))] = 0.25
            elif kind == 4:
                y[(*at, self.index(n))] = self.random.uniform(-1.0, 1.0)
            elif kind == 5:
                i = tuple(self.random.randrange(m) for m in y.shape)
                y[i] = np.sin(y[i]) + 1.0
            elif kind == 6:
                y.T[...] = np.cos(y.T)
            elif kind == 7:
                y[(*at, slice(None, None, -1))] = y * 0.5 + 0.1
            else:
                fitting = [v for v in self.values if np.shape(v) == y.shape]
                if fitting:
                    y += self.random.choice(fitting)
        return y

    def accumulate(self):
        x = self.array()
        y = x * 0.0 + 1.0
        to, of = (np.array([self.random.randrange(x.shape[0]) for _ in range(6)]) for _ in range(2))
        np.add.at(y, to, x[of])
        return y

    def join(self):
        x = self.array()
        k = self.random.randrange(x.ndim)
        fitting = [v for v in self.values if np.shape(v) == x.shape and v.dtype == x.dtype]
        other = self.random.choice(fitting)
        return np.concatenate([x, other], axis=k) if self.random.random() < 0.6 else np.stack([other, x], axis=k)

    def product(self):
        x = self.array()
        fitting = [v for v in self.values if np.ndim(v) in (1, 2) and np.shape(v)[0] == x.shape[-1]]
        if not fitting or x.ndim > 3:
            return None
        return np.tanh(0.3 * (x @ self.random.choice(fitting)))

    def system(self):
        """Linear algebra of well conditioned matrices, cut out of an array."""
        x = self.array()
        n = min(*x.shape[-2:], 5) if x.ndim > 1 else 0
        if not n:
            return None
        m = np.tanh(x[..., :n, :n]) * (0.5 / n) + 2.0 * np.eye(n, dtype=x.dtype)
        kind = self.random.randrange(5)
        if kind == 0:
            return np.linalg.inv(m)
        if kind == 1:
            return np.linalg.solve(np.swapaxes(m, -1, -2), x[..., :n, :])
        if kind == 2:
            return np.linalg.cholesky(m @ np.swapaxes(m, -1, -2))
        return np.tanh(x * (np.linalg.det(m) * 0.1 if kind == 3 else np.linalg.slogdet(m)[1])[..., None, None])

    def call(self):
        x = self.array()
        if self.random.random() < 0.5:
            return np.tanh(np.cumsum(x, axis=self.random.randrange(x.ndim)) * 0.1)
        return np.sort(x, axis=-1) if not self.gradient else np.roll(x, 1, axis=0)

    def number(self):
        x = self.array()
        s = x[tuple(self.random.randrange(n) for n in x.shape)]
        return self.array() * np.tanh(s) + s

    def cast(self):
        x = self.array()
        return None if self.gradient else x.astype(self.random.choice((np.float32, np.float64)))


def fits(a, b):
    """Whether two shapes broadcast together."""
    return all(m == n or 1 in (m, n) for m, n in zip(a[::-1], b[::-1], strict=False))


def arguments(seed):
    """Arrays that program `seed` is recorded with, and others of the same shapes; whether it is differentiated."""
    numbers = random.Random(-seed)
    gradient = seed % 2 == 0
    shapes = []
    for _ in range(2):
        shape = tuple(numbers.choice(LENGTHS) for _ in range(numbers.choice((1, 1, 2, 2, 3))))
        while np.prod(shape) > LARGEST:
            shape = shape[1:]
        shapes.append(shape)
    dtypes = [np.float64 if gradient else numbers.choice((np.float32, np.float64)) for _ in shapes]
    rng = np.random.default_rng(seed)
    points = [[rng.normal(size=s).astype(d) for s, d in zip(shapes, dtypes, strict=True)] for _ in range(2)]
    return points, gradient


def build(seed):
    """Program number `seed`: values, and for even seeds their pullback too."""
    gradient = seed % 2 == 0

    def program(*arrays):
        return Run(seed, arrays, gradient).run(4 + seed % 13)

    if not gradient:
        return program

    def with_pullback(*arrays):
        y, pull = mmad.vjp(program, *arrays)
        return y, pull([np.cos(v) for v in y])

    return with_pullback
