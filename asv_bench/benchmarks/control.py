"""Plain NumPy and plain Python, without mmad: where these change, the machine or the environment has."""

import numpy as np

from ._suite import Suite, benchmark


@benchmark("Control, NumPy")
class PlainArrays(Suite):
    """Elementwise work, a reduction and a product of matrices."""

    params = (100, 10_000, 1_000_000)
    param_names = ("n",)

    def setup(self, n):
        rng = np.random.default_rng(0)
        self.x, self.out = rng.normal(size=n), np.empty(n)
        side = round(n**0.5)
        self.matrix = rng.normal(size=(side, side))

    def time_multiply(self, n):
        """A product of elements, into an array that exists."""
        np.multiply(self.x, self.x, out=self.out)

    def time_exp(self, n):
        """Exponentials, into an array that exists."""
        np.exp(self.x, out=self.out)

    def time_sum(self, n):
        """A sum of all elements."""
        self.x.sum()

    def time_matmul(self, n):
        """The square of a matrix of n elements."""
        self.matrix @ self.matrix


@benchmark("Control, Python")
class PlainNumbers(Suite):
    """A loop over Python floats."""

    params = (1_000, 100_000)
    param_names = ("operations",)

    def time_chain(self, operations):
        """Multiplications and additions in turn."""
        x = 1.0
        for _ in range(operations // 2):
            x = x * 0.99999999 + 1e-9
