"""Second derivatives through a norm that is zero: even powers are sums of squares, anything else is NaN."""

import numpy as np
import pytest

import mmad

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def basis(x):
    return np.eye(x.size).reshape(x.size, *x.shape)


def columns(product):
    """A Hessian out of Hessian-vector products."""

    def hessian(x):
        if np.ndim(x) == 0:
            return product(x, 1.0)
        return np.stack([product(x, v) for v in basis(x)], axis=-1).reshape(np.size(x), np.size(x))

    return hessian


def forward_over_forward(f):
    def hessian(x):
        if np.ndim(x) == 0:
            return mmad.jvp(lambda t: mmad.jvp(f, (t,), (1.0,))[1], (x,), (1.0,))[1]
        e = basis(x)
        return np.array([[mmad.jvp(lambda t: mmad.jvp(f, (t,), (v,))[1], (x,), (w,))[1] for v in e] for w in e])  # noqa: B023

    return hessian


def by_taylor(f):
    """The second derivatives along the axes and, of pairs, along their sum."""

    def hessian(x):
        def along(v):
            return 2 * mmad.taylor(f, x, v, 2)[2]

        if np.ndim(x) == 0:
            return along(1.0)
        e = basis(x)
        own = [along(v) for v in e]
        return np.array(
            [
                [own[i] if i == j else (along(v + w) - own[i] - own[j]) / 2 for j, w in enumerate(e)]
                for i, v in enumerate(e)
            ]
        )

    return hessian


def at_a_point(transform):
    """Compiled at another point than it is asked for: the branch there is recorded as if there were no zero."""

    def hessian(f):
        g = transform(f)

        def at(x):
            g(x + 0.7 if np.ndim(x) == 0 else x + np.linspace(0.7, 1.1, x.size).reshape(x.shape))
            return g(x)

        return at

    return hessian


HESSIANS = {
    "hessian": mmad.hessian,
    "sparse": lambda f: lambda x: mmad.hessian(f, sparse=True)(x).toarray(),
    "hvp": lambda f: columns(mmad.hvp(f)),
    "forward over reverse": lambda f: columns(lambda x, v: mmad.jvp(mmad.grad(f), (x,), (v,))[1]),
    "reverse over reverse": lambda f: columns(lambda x, v: mmad.grad(lambda t: np.sum(mmad.grad(f)(t) * v))(x)),
    "reverse over forward": lambda f: columns(lambda x, v: mmad.grad(lambda t: mmad.jvp(f, (t,), (v,))[1])(x)),
    "forward over forward": forward_over_forward,
    "taylor": by_taylor,
    "jacrev of grad": lambda f: mmad.jacrev(mmad.grad(f)),
    "jacfwd of grad": lambda f: mmad.jacfwd(mmad.grad(f)),
    "compiled hessian": lambda f: mmad.compile(mmad.hessian(f)),
    "compiled hvp": lambda f: columns(mmad.compile(mmad.hvp(f))),
    "compiled elsewhere": at_a_point(lambda f: mmad.compile(mmad.hessian(f))),
    "hvp compiled elsewhere": at_a_point(lambda f: columns(mmad.compile(mmad.hvp(f)))),
    "planned": lambda f: columns(mmad.hvp(f, evaluations=10)),
    "vmap of hvp": lambda f: (
        lambda x: mmad.vmap(mmad.hvp(f), in_axes=(None, 0))(x, basis(x)) if np.ndim(x) else mmad.hvp(f)(x, 1.0)
    ),
    "vmap over points": lambda f: columns(
        lambda x, v: (
            mmad.vmap(mmad.hvp(f))(np.stack([x, x + 1.0]), np.stack([v, v]))[0] if np.ndim(x) else mmad.hvp(f)(x, v)
        )
    ),
}

norm = np.linalg.norm
SHIFT = np.array([0.3, -0.2, 0.5])

#: function of three unknowns that are zero, its Hessian there
EVEN = {
    "norm squared": (lambda x: norm(x) ** 2, 2 * np.eye(3)),
    "norm times itself": (lambda x: (lambda n: n * n)(norm(x)), 2 * np.eye(3)),
    "np.square": (lambda x: np.square(norm(x)), 2 * np.eye(3)),
    "np.multiply": (lambda x: (lambda n: np.multiply(n, n))(norm(x)), 2 * np.eye(3)),
    "power 2.0": (lambda x: norm(x) ** 2.0, 2 * np.eye(3)),
    "np.power": (lambda x: np.power(norm(x), 2), 2 * np.eye(3)),
    "np.float_power": (lambda x: np.float_power(norm(x), 2.0), 2 * np.eye(3)),
    "NumPy exponent": (lambda x: norm(x) ** np.float64(2.0), 2 * np.eye(3)),
    "integer exponent": (lambda x: norm(x) ** np.int64(2), 2 * np.eye(3)),
    "fourth power": (lambda x: norm(x) ** 4, np.zeros((3, 3))),
    "fourth and second": (lambda x: norm(x) ** 4.0 + 3 * norm(x) ** 2, 6 * np.eye(3)),
    "RBF": (lambda x: np.exp(-(norm(x) ** 2) / 2), -np.eye(3)),
    "RBF, scaled norm": (lambda x: np.exp(-0.5 * (norm(x) / 0.5) ** 2), -4 * np.eye(3)),
    "RBF, norm times a number": (lambda x: np.exp(-((2.0 * norm(x)) ** 2)), -8 * np.eye(3)),
    "negated": (lambda x: (-norm(x)) ** 2, 2 * np.eye(3)),
    "rational quadratic": (lambda x: 1 / (1 + norm(x) ** 2), -2 * np.eye(3)),
    "multiquadric": (lambda x: np.sqrt(1 + norm(x) ** 2), np.eye(3)),
    "times another": (lambda x: norm(x) ** 2 * np.cos(x[0]) * 3, 6 * np.eye(3)),
    "axis": (lambda x: (norm(x.reshape(3, 1), axis=1) ** 2).sum(), 2 * np.eye(3)),
    "axis, keepdims": (lambda x: (norm(x.reshape(1, 3), axis=1, keepdims=True) ** 2).sum(), 2 * np.eye(3)),
    "keepdims of all": (lambda x: (norm(x, keepdims=True) ** 2).sum(), 2 * np.eye(3)),
    "element": (lambda x: norm(np.stack([x, x + 1]), axis=1)[0] ** 2, 2 * np.eye(3)),
    "view": (lambda x: (norm(np.stack([x, x + 1]), axis=1)[:, None] ** 2)[0, 0], 2 * np.eye(3)),
    "reshaped": (lambda x: (norm(x.reshape(3, 1), axis=1).reshape(1, 3) ** 2).sum(), 2 * np.eye(3)),
    "fancy index": (lambda x: (norm(x.reshape(3, 1), axis=1)[[2, 0, 0]] ** 2).sum(), np.diag([4.0, 0.0, 2.0])),
    "broadcast": (lambda x: (np.broadcast_to(norm(x), (4,)) ** 2).sum(), 8 * np.eye(3)),
    "dot": (lambda x: (lambda n: n @ n)(norm(x.reshape(3, 1), axis=1)), 2 * np.eye(3)),
    "Frobenius": (lambda x: norm(np.outer(x, [1.0, 2.0])) ** 2, 10 * np.eye(3)),
    "Frobenius by name": (lambda x: norm(np.stack([x, 2 * x]), "fro") ** 2, 10 * np.eye(3)),
    "stack of matrices": (
        lambda x: (norm(np.stack([x, 2 * x])[None], axis=(1, 2)) ** 2).sum(),
        10 * np.eye(3),
    ),
    "order 2": (lambda x: norm(x, 2) ** 2, 2 * np.eye(3)),
    "vector_norm": (lambda x: np.linalg.vector_norm(x) ** 2, 2 * np.eye(3)),
    "matrix_norm": (lambda x: np.linalg.matrix_norm(x.reshape(3, 1)) ** 2, 2 * np.eye(3)),
    "norm of norms": (lambda x: norm(norm(x.reshape(3, 1), axis=1)) ** 2, 2 * np.eye(3)),
    "hypot": (lambda x: np.hypot(x[0], x[1]) ** 2, np.diag([2.0, 2.0, 0.0])),
    "hypot of hypot": (lambda x: np.hypot(np.hypot(x[0], x[1]), x[2]) ** 2, 2 * np.eye(3)),
    "hypot of arrays": (lambda x: (np.hypot(x, 2 * x) ** 2).sum(), 10 * np.eye(3)),
    "hypot reduced": (lambda x: np.hypot.reduce(x) ** 2, 2 * np.eye(3)),
    "abs": (lambda x: (np.abs(x) ** 2).sum(), 2 * np.eye(3)),
    "abs of elements": (lambda x: abs(x[0]) ** 2 + np.fabs(x[1]) ** 4, np.diag([2.0, 0.0, 0.0])),
    "abs times itself": (lambda x: (lambda n: (n * n).sum())(np.abs(x)), 2 * np.eye(3)),
    "np.absolute of elements": (lambda x: np.square(np.absolute(x[0])), np.diag([2.0, 0.0, 0.0])),
    "abs of a complex number": (lambda x: abs(x[0] + 1j * x[1]) ** 2, np.diag([2.0, 2.0, 0.0])),
    "abs of complex numbers": (lambda x: (np.abs(x[:2] + 1j * x[1:]) ** 2).sum(), np.diag([2.0, 4.0, 2.0])),
    "norm of complex numbers": (lambda x: norm(x[:2] + 1j * x[1:]) ** 2, np.diag([2.0, 4.0, 2.0])),
    "std": (lambda x: np.std(x) ** 2, 2 * (np.eye(3) / 3 - np.ones((3, 3)) / 9)),
    "std, ddof": (lambda x: x.std(ddof=1) ** 2, np.eye(3) - np.ones((3, 3)) / 3),
    "std, axis": (lambda x: (np.stack([x, x]).std(axis=1) ** 2).sum(), 4 * (np.eye(3) / 3 - np.ones((3, 3)) / 9)),
    "nanstd": (lambda x: np.nanstd(x) ** 2, 2 * (np.eye(3) / 3 - np.ones((3, 3)) / 9)),
    "var": (lambda x: np.var(x), 2 * (np.eye(3) / 3 - np.ones((3, 3)) / 9)),
    "coinciding points": (lambda x: np.exp(-(norm(x + SHIFT - SHIFT) ** 2) / 2), -np.eye(3)),
    "float32": (lambda x: norm(x.astype(np.float32)).astype(float) ** 2, 2 * np.eye(3)),
    "where": (lambda x: np.where(norm(x) < 1, norm(x) ** 2, 0.0), 2 * np.eye(3)),
    "other row": (lambda x: (norm(np.stack([x, x + 1]), axis=1) ** 2).sum(), 4 * np.eye(3)),
}


def into(x, n):
    y = np.zeros_like(x)
    y[0] = n
    return norm(y)  # a norm again


#: the second derivative does not exist, or is none of an even power: NaN, in the rows of what is zero alone
LOST = {
    "norm": lambda x: norm(x),
    "cube": lambda x: norm(x) ** 3 + norm(x) ** 2,
    "cos of norm": lambda x: np.cos(norm(x)),
    "Matern 3/2": lambda x: (1 + np.sqrt(3) * norm(x)) * np.exp(-np.sqrt(3) * norm(x)),
    "Matern 5/2": lambda x: (1 + np.sqrt(5) * norm(x) + 5 / 3 * norm(x) ** 2) * np.exp(-np.sqrt(5) * norm(x)),
    "norms": lambda x: norm(x.reshape(3, 1), axis=1).sum(),
    "cos of norms": lambda x: np.cos(norm(x.reshape(3, 1), axis=1)).sum(),
    "exponential kernel": lambda x: np.exp(-norm(x)),
    "hypot": lambda x: np.cos(np.hypot(np.hypot(x[0], x[1]), x[2])),
    "abs": lambda x: np.abs(x).sum(),
    "cos of abs": lambda x: np.cos(np.abs(x)).sum(),
    "abs of elements": lambda x: abs(x[0]) + abs(x[1]) + np.cos(abs(x[2])),
    "complex": lambda x: np.abs(x + 1j * x).sum(),
    "p-norm": lambda x: norm(x, 1),
    "written into an array": lambda x: into(x, norm(x)) ** 2,
}

#: what is zero by structure
KEPT = {
    "where": (lambda x: np.where(norm(x) > 0, 1 - np.cos(norm(x)), 0.0), np.zeros((3, 3))),
    "where, arrays": (
        lambda x: (lambda n: np.where(n > 0, np.exp(-n), 1.0).sum())(norm(x.reshape(3, 1), axis=1)),
        np.zeros((3, 3)),
    ),
    "index": (lambda x: np.cos(norm(np.stack([x, x + 1]), axis=1))[1], None),
    "stop_gradient": (lambda x: mmad.stop_gradient(norm(x)) * x[0] ** 2, np.zeros((3, 3))),
    "maximum": (lambda x: np.maximum(x, -x).sum(), np.zeros((3, 3))),
}


@pytest.mark.parametrize("mode", HESSIANS)
@pytest.mark.parametrize("name", EVEN)
def test_even_power(name, mode):
    f, want = EVEN[name]
    got = HESSIANS[mode](f)(np.zeros(3))
    np.testing.assert_allclose(got, want, rtol=1e-6 if "32" in name else 1e-13, atol=1e-13)


@pytest.mark.parametrize("name", EVEN)
def test_value_and_gradient(name):
    f, _ = EVEN[name]
    for x in (np.zeros(3), np.array([0.3, -1.1, 0.7])):
        value, gradient = mmad.value_and_grad(f)(x)
        np.testing.assert_array_equal(value, f(x))
        np.testing.assert_allclose(mmad.compile(f)(x), value, rtol=1e-6 if "32" in name else 1e-15)
        if not x.any() and name != "other row":
            np.testing.assert_array_equal(gradient, 0.0)
        np.testing.assert_allclose(mmad.jacfwd(f)(x), gradient, rtol=1e-6 if "32" in name else 1e-12, atol=1e-15)


@pytest.mark.parametrize("name", EVEN)
def test_away_from_zero(name):
    f, _ = EVEN[name]
    x = np.array([0.3, -1.1, 0.7])
    result = mmad.check_derivatives(f, (x,)) if "32" not in name else None
    assert result is None or result.worst < 1


@pytest.mark.parametrize("mode", HESSIANS)
@pytest.mark.parametrize("name", LOST)
def test_what_has_no_second_derivative_is_not_silent(name, mode):
    got = HESSIANS[mode](LOST[name])(np.zeros(3))
    assert np.isnan(np.diagonal(got)).all(), got


@pytest.mark.parametrize("name", LOST)
def test_first_derivative_is_zero(name):
    for gradient in (mmad.grad, mmad.jacfwd, mmad.jacrev, lambda f: mmad.compile(mmad.grad(f))):
        np.testing.assert_array_equal(gradient(LOST[name])(np.zeros(3)), 0.0)


#: a norm computed twice: dual numbers and series do not see that it is one
TWICE = {
    "norm": (lambda x: norm(x) * norm(x), 2 * np.eye(3)),
    "norms": (lambda x: (norm(x.reshape(3, 1), axis=1) * norm(x.reshape(3, 1), axis=1)).sum(), 2 * np.eye(3)),
    "abs": (lambda x: (np.abs(x) * np.abs(x)).sum(), 2 * np.eye(3)),
    "abs of elements": (lambda x: abs(x[0]) * abs(x[0]), np.diag([2.0, 0.0, 0.0])),
    "element": (lambda x: (lambda n: n[0] * n[0])(norm(x.reshape(1, 3), axis=1)), 2 * np.eye(3)),
    "hypot": (lambda x: np.hypot(x[0], x[1]) * np.hypot(x[0], x[1]), np.diag([2.0, 2.0, 0.0])),
    "std": (lambda x: np.std(x) * np.std(x), 2 * (np.eye(3) / 3 - 1 / 9)),
    "std, method and ddof": (lambda x: x.std(ddof=1) * np.std(x, ddof=1), np.eye(3) - 1 / 3),
}


@pytest.mark.parametrize("mode", HESSIANS)
@pytest.mark.parametrize("name", TWICE)
def test_a_norm_that_is_computed_twice(name, mode):
    f, want = TWICE[name]
    got = HESSIANS[mode](f)(np.zeros(3))
    if mode in ("forward over reverse", "reverse over forward", "forward over forward", "taylor"):
        got = np.where(np.isnan(got), want, got)
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


def test_two_norms_are_not_one():
    x = np.array([0.3, -0.2])
    got = mmad.hessian(lambda x: norm(x) * norm(2 * x + 1) + abs(x[0]) * abs(x[1]) + abs(x[0]) * np.fabs(x[0]))(x)

    def plain(x):
        n = np.sqrt(x @ x) * np.sqrt((2 * x + 1) @ (2 * x + 1))
        return n - x[0] * x[1] + x[0] ** 2

    np.testing.assert_allclose(got, mmad.hessian(plain)(x), rtol=1e-12)


@pytest.mark.parametrize("mode", HESSIANS)
def test_norms_that_are_read_one_by_one(mode):
    def f(x):
        n = norm(x.reshape(3, 1), axis=1)
        return np.cosh(n[0]) + np.cosh(n[1]) + np.cosh(n[2])

    assert np.isnan(np.diagonal(HESSIANS[mode](f)(np.zeros(3)))).all()


@pytest.mark.parametrize("mode", HESSIANS)
@pytest.mark.parametrize("name", KEPT)
def test_structural_zeros(name, mode):
    f, want = KEPT[name]
    if want is None:
        want = mmad.hessian(lambda x: np.cos(norm(x + 1)))(np.zeros(3))
    np.testing.assert_allclose(HESSIANS[mode](f)(np.zeros(3)), want, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("mode", [m for m in HESSIANS if m != "taylor"])
def test_other_rows_are_not_touched(mode):
    def f(x):
        return np.cos(norm(x.reshape(2, 2), axis=1)).sum() + np.abs(x).sum()

    x = np.array([0.0, 0.0, 0.3, 0.4])
    got = HESSIANS[mode](f)(x)
    want = mmad.hessian(lambda y: np.cos(norm(y)))(x[2:])
    np.testing.assert_allclose(got[2:, 2:], want, rtol=1e-12)
    np.testing.assert_array_equal(got[2:, :2], 0.0)
    np.testing.assert_array_equal(got[:2, 2:], 0.0)
    assert np.isnan(np.diagonal(got)[:2]).all()


@pytest.mark.parametrize("mode", HESSIANS)
def test_pairs_of_points(mode):
    """All pairs, among them each point with itself, and two points that coincide."""

    def kernel(p):
        p = p.reshape(3, 2)
        d = norm(p[:, None] - p[None], axis=-1)
        return np.exp(-(d**2) / 2).sum()

    def smooth(p):
        p = p.reshape(3, 2)
        return np.exp(-((p[:, None] - p[None]) ** 2).sum(-1) / 2).sum()

    p = np.array([0.1, 0.2, 0.1, 0.2, -0.4, 0.7])
    np.testing.assert_allclose(HESSIANS[mode](kernel)(p), mmad.hessian(smooth)(p), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "mode", [m for m in HESSIANS if m not in ("reverse over forward", "reverse over reverse", "taylor")]
)
def test_each_point_with_itself(mode):
    """Whose distance is zero everywhere, not only here."""

    def energy(p):
        p = p.reshape(3, 2)
        d = norm(p[:, None] - p[None], axis=-1)
        return np.exp(-d).sum()

    def without(p):
        p = p.reshape(3, 2)
        return 2 * sum(np.exp(-norm(p[i] - p[j])) for i in range(3) for j in range(i)) + 3.0

    p = np.array([0.1, 0.2, 0.5, 0.9, -0.4, 0.7])
    np.testing.assert_allclose(HESSIANS[mode](energy)(p), mmad.hessian(without)(p), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("shape", [(), (1,)])
@pytest.mark.parametrize("mode", HESSIANS)
def test_numbers(mode, shape):
    for f, want in (
        (lambda t: np.sum(abs(t) ** 2), 2.0),
        (lambda t: np.sum(np.abs(t) ** 2 * 3.0), 6.0),
        (lambda t: np.sum(np.hypot(t, 2 * t) ** 2), 10.0),
        (lambda t: np.sum(np.exp(-((abs(t) / 2) ** 2))), -0.5),
        (lambda t: np.sum(abs(t)), np.nan),
        (lambda t: np.sum(np.cosh(abs(t))), np.nan),
    ):
        x = 0.0 if shape == () else np.zeros(shape)
        np.testing.assert_allclose(np.reshape(HESSIANS[mode](f)(x), ()), want, rtol=1e-13)


def test_derivative_by_a_parameter():
    """The first derivative of something that has a second derivative at zero inside."""

    def inner(k):
        return np.trace(mmad.hessian(lambda x: np.exp(-k * norm(x) ** 2))(np.zeros(3)))

    for gradient in (mmad.grad, mmad.jacfwd, lambda f: mmad.compile(mmad.grad(f))):
        np.testing.assert_allclose(gradient(inner)(0.7), -6.0, rtol=1e-13)
    np.testing.assert_allclose(mmad.derivative(inner, 1)(0.7), -6.0, rtol=1e-13)

    def laplacian(k):
        def f(x):
            return np.exp(-0.5 * (norm(x) / k) ** 2)

        return sum(mmad.hvp(f)(np.zeros(2), v) @ v for v in np.eye(2))

    np.testing.assert_allclose(mmad.grad(laplacian)(2.0), 4 / 8.0, rtol=1e-13)
    np.testing.assert_allclose(mmad.grad(mmad.grad(laplacian))(2.0), -12 / 16.0, rtol=1e-13)


def test_higher_orders():
    def f(t):
        return np.hypot(t, t) ** 4

    np.testing.assert_allclose(mmad.derivative(f, 4)(0.0), 4 * 24.0)
    np.testing.assert_allclose(mmad.derivative(lambda t: abs(t) ** 6, 6)(0.0), 720.0)
    np.testing.assert_allclose(
        mmad.taylor(lambda t: np.exp(-(abs(t) ** 2)), 0.0, 1.0, 6), [1, 0, -1, 0, 0.5, 0, -1 / 6]
    )
    third = mmad.derivative_tensor(lambda x: norm(x) ** 4, 4)(np.zeros(2))
    np.testing.assert_allclose(third[0, 0, 0, 0], 24.0)
    np.testing.assert_allclose(third[0, 0, 1, 1], 8.0)


def test_a_norm_that_is_written_over():
    """The sum of squares belongs to the values that were there."""

    def f(x):
        n = norm(x.reshape(2, 2), axis=1)
        first = n[0] ** 2
        n[0] = x[0] * 3.0
        v = n[:]
        v[1:] = 2.0 * x[3]
        return first + (n**2).sum()

    for mode in ("hessian", "forward over forward", "taylor", "compiled hvp"):
        np.testing.assert_allclose(HESSIANS[mode](f)(np.zeros(4)), np.diag([20.0, 2.0, 0.0, 8.0]), atol=1e-13)

    def g(x):
        y = x * 1.0
        n = np.abs(y)
        y[0] = 5.0
        return (n**2).sum()

    for mode in ("hessian", "reverse over reverse", "compiled hvp"):
        np.testing.assert_allclose(HESSIANS[mode](g)(np.zeros(2)), 2 * np.eye(2), atol=1e-13)
    for mode in ("forward over forward", "taylor"):  # dual numbers do not keep what was written over
        assert np.isin(np.nan_to_num(np.diagonal(HESSIANS[mode](g)(np.zeros(2))), nan=2.0), 2.0).all()


def test_values_are_those_of_the_function():
    x = np.array([0.1, 0.7, -0.3])
    for f in (
        lambda x: norm(x) ** 2,
        lambda x: norm(x) ** 6,
        lambda x: np.abs(x) ** 2.0,
        lambda x: (norm(x) / 3.0) ** 2,
        lambda x: np.hypot(x[0], x[1]) ** 4,
        lambda x: np.std(x) ** 2,
        lambda x: norm(np.abs(x)) ** 2,
        lambda x: np.abs(x * (1 + 2j)) ** 2,
    ):
        want = f(x)
        np.testing.assert_array_equal(mmad.vjp(f, x)[0], want)
        np.testing.assert_array_equal(mmad.jvp(f, (x,), (x,))[0], want)
        # on some processors NumPy's powers of arrays round otherwise than its powers of numbers
        np.testing.assert_array_max_ulp(mmad.vmap(f)(np.stack([x, x]))[1], np.asarray(want), 1)


def test_inside_other_things():
    def f(x):
        return norm(x) ** 2

    np.testing.assert_allclose(mmad.hessian(mmad.checkpoint(f))(np.zeros(2)), 2 * np.eye(2))
    np.testing.assert_allclose(
        mmad.hessian(lambda x: np.sum(np.linalg.solve(np.eye(2) * (1 + norm(x) ** 2), x + 1)))(np.zeros(2)),
        -4 * np.eye(2),
    )
    twice = mmad.custom_jvp(lambda x: 2.0 * x)
    twice.defjvp(lambda primals, tangents: (2.0 * primals[0], 2.0 * tangents[0]))
    np.testing.assert_allclose(mmad.hessian(lambda x: norm(twice(x)) ** 2)(np.zeros(2)), 8 * np.eye(2))
