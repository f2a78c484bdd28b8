"""Complex derivatives on branch cuts: of the side that the sign of a zero tells, as NumPy's own values are."""

import numpy as np
import pytest

import mmad

REAL = {
    "arccosh": (-1.5, -3.0, 0.3, -0.4),
    "arcsin": (1.5, -1.5),
    "arccos": (1.5, -1.5),
    "arctanh": (1.5, -1.5),
    "log": (-2.0,),
    "log1p": (-2.0,),
    "log2": (-2.0,),
    "log10": (-2.0,),
    "sqrt": (-2.0,),
}
IMAGINARY = {"arcsinh": (2.0, -2.0, 1.3, -0.4), "arctan": (2.0, -2.0)}
CASES = [
    *[(name, complex(x, zero), 1.0) for name, xs in REAL.items() for x in xs for zero in (0.0, -0.0)],
    *[(name, complex(zero, y), 1j) for name, ys in IMAGINARY.items() for y in ys for zero in (0.0, -0.0)],
]


def beside(z, step, along):
    """The point at a distance along the cut; the zero keeps its sign, which `z + step * along` would lose."""
    return np.complex128(complex(z.real, z.imag + step) if along == 1j else complex(z.real + step, z.imag))


@pytest.mark.parametrize(("name", "z", "along"), CASES)
def test_a_derivative_is_of_the_side_that_the_zero_tells(name, z, along):
    f, h = getattr(np, name), 1e-6
    want = (f(beside(z, h, along)) - f(beside(z, -h, along))) / (2 * h * along)
    x, one = np.array([z]), np.array([1.0 + 0j])
    forward = mmad.jvp(f, (x,), (one,))[1][0]
    (reverse,) = mmad.vjp(f, x)[1](one)
    np.testing.assert_allclose(forward, want, rtol=1e-7)
    np.testing.assert_allclose(reverse[0], np.conj(want), rtol=1e-7)
