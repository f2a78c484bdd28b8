"""Wirtinger derivatives against closed forms, and against differences along the real and the imaginary axis."""

import pickle

import numpy as np
import pytest

import mmad

Z = np.array([1 + 2j, -0.5 + 0.3j])


@pytest.mark.parametrize(
    ("f", "by_z", "by_conjugate"),
    [
        (lambda z: z**3, lambda z: 3 * z**2, lambda z: 0),
        (np.exp, np.exp, lambda z: 0),
        (np.conj, lambda z: 0, lambda z: 1),
        (lambda z: z.real, lambda z: 0.5, lambda z: 0.5),
        (lambda z: z.imag, lambda z: -0.5j, lambda z: 0.5j),
        (lambda z: np.abs(z) ** 2, np.conj, lambda z: z),
        (np.abs, lambda z: np.conj(z) / (2 * abs(z)), lambda z: z / (2 * abs(z))),
        (lambda z: z * z * np.conj(z), lambda z: 2 * z * np.conj(z), lambda z: z * z),
        (np.angle, lambda z: 1 / (2j * z), lambda z: -1 / (2j * np.conj(z))),
    ],
)
@pytest.mark.parametrize("z", [1 + 2j, -0.5 + 0.3j])
def test_closed_forms(f, by_z, by_conjugate, z):
    for w in (mmad.wirtinger(f), mmad.compile(mmad.wirtinger(f))):
        w(2 * z)
        found = w(z)
        assert all(type(d) is complex for d in found)
        np.testing.assert_allclose(found, (by_z(z), by_conjugate(z)), rtol=1e-13, atol=1e-15)


def function(z, w, scale):
    return np.sum(np.exp(z) * np.conj(w)) * scale + np.abs(z[0]) ** 2 * w[1]


@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1, 0)])
def test_arrays_and_arguments(argnums):
    args = Z, Z[::-1] * 1j, 2.0
    nums = (argnums,) if isinstance(argnums, int) else argnums
    by_z, by_conjugate = mmad.wirtinger(function, argnums)(*args)
    if isinstance(argnums, int):
        by_z, by_conjugate = (by_z,), (by_conjugate,)
    h = 1e-5
    for place, k in enumerate(nums):
        for j in range(2):

            def along(direction, k=k, j=j):
                moved = [[np.array(x, copy=True) for x in args] for _ in range(2)]
                moved[0][k][j] += h * direction
                moved[1][k][j] -= h * direction
                return (function(*moved[0]) - function(*moved[1])) / (2 * h)

            fx, fy = along(1.0), along(1j)
            np.testing.assert_allclose(by_z[place][j], (fx - 1j * fy) / 2, rtol=1e-8, atol=1e-9)
            np.testing.assert_allclose(by_conjugate[place][j], (fx + 1j * fy) / 2, rtol=1e-8, atol=1e-9)


def test_trees_and_keywords():
    z = {"a": Z, "b": 1 - 1j, "c": None}
    by_z, by_conjugate = mmad.wirtinger(lambda z, *, power: np.sum(z["a"] ** power) * np.conj(z["b"]))(z, power=2)
    np.testing.assert_allclose(by_z["a"], 2 * Z * np.conj(z["b"]))
    np.testing.assert_allclose(by_conjugate["b"], np.sum(Z**2))
    assert (by_z["b"], by_z["c"]) == (0, None)


def test_arguments_by_name():
    found = mmad.wirtinger(lambda a, z: a * z * z, "z")(2.0, 1 + 2j)
    np.testing.assert_allclose(found, (4 * (1 + 2j), 0))


def test_gradient_is_twice_the_derivative_by_the_conjugate():
    f = lambda z: np.sum(np.abs(z) ** 2 * np.sin(z.real))
    np.testing.assert_allclose(2 * mmad.wirtinger(f)(Z)[1], mmad.grad(f)(Z), rtol=1e-14)


def test_second_derivatives():
    """Of z^3 conj(z): the second derivatives are 6 z conj(z), 3 z^2 and 0."""
    f = lambda z: z**3 * np.conj(z)
    z = 0.7 - 0.4j
    first, second = (mmad.wirtinger(lambda z, way=way: mmad.wirtinger(f)(z)[way]) for way in (0, 1))
    np.testing.assert_allclose(first(z), (6 * z * np.conj(z), 3 * z**2), rtol=1e-14)
    np.testing.assert_allclose(second(z), (3 * z**2, 0), rtol=1e-14, atol=1e-15)


def test_single_precision_batches_pickles():
    z = Z.astype(np.complex64)
    by_z, by_conjugate = mmad.wirtinger(lambda z: np.sum(z**2 * np.conj(z)))(z)
    assert by_z.dtype == by_conjugate.dtype == np.complex64
    np.testing.assert_allclose(by_z, 2 * np.abs(z) ** 2, rtol=1e-6)
    found = mmad.vmap(mmad.wirtinger(lambda z: z * np.conj(z)))(Z)
    np.testing.assert_allclose(found, (np.conj(Z), Z))
    assert pickle.loads(pickle.dumps(mmad.wirtinger(np.exp)))(0j) == (1, 0)


def test_what_it_refuses():
    with pytest.raises(TypeError, match="argument 0 is not complex"):
        mmad.wirtinger(np.exp)(1.0)
    with pytest.raises(TypeError, match="must return one number"):
        mmad.wirtinger(np.exp)(Z)
    with pytest.raises(TypeError, match="takes a function"):
        mmad.wirtinger(1.0)
