"""Every operator over functions that take derivatives, map samples or keep checkpoints inside, against differences.

Many directions or samples at once meet constants made inside the function (`mmad.numpy.ones`), shared arguments and
results that only some lanes have: a lane's derivative must be that lane's alone, and never zero as a type is missing.
"""

import numpy as np
import pytest

import mmad

mnp = mmad.numpy
A = np.array([[1.0, 0.3, 0.2], [0.1, 1.2, 0.4], [0.5, 0.2, 0.9]])
C = np.array([0.2, 0.3, 0.4])
WEIGHTS = np.array([1.0, 2.0, -1.0])
POINTS = np.array([[0.5, 0.7, 1.1], [0.65, 0.91, 1.43]])
VECTORS = np.array([[1.0, 0.0, 0.0], [0.3, -0.2, 0.5]])


def filled(x):
    y = mnp.zeros(3)
    for i in range(3):
        y[i] = x[i] * x[i - 1]
    return y


def looped(step, state, **options):
    return mmad.checkpointed_loop(step, state, 5, snapshots=2, **options)


FUNCTIONS = {
    "ones": lambda x: mnp.ones(3) * x**3,
    "filled": filled,
    "grad": lambda x: mmad.grad(lambda y: (np.sin(y) * (A @ y) * x).sum())(x * 1.5),
    "grad at a constant": lambda x: mmad.grad(lambda y: (np.sin(y) * (A @ y) * x).sum())(C),
    "grad of shared and own": lambda x: sum(mmad.grad(lambda w, y: (w * y**2).sum(), (0, 1))(C, x)),
    "jacobian": lambda x: mmad.jacobian(lambda y: y**2 * x[::-1])(x) @ x,
    "jacobian at a constant": lambda x: mmad.jacobian(lambda y: y**2 * x)(C) @ x,
    "jacfwd": lambda x: mmad.jacfwd(lambda y: y**3 * WEIGHTS)(x) @ np.sin(x),
    "jacrev": lambda x: mmad.jacrev(lambda y: y**3 * (A @ y))(x) @ x,
    "hessian": lambda x: mmad.hessian(lambda y: (y**3).sum() * x[0])(x) @ x,
    "hvp": lambda x: mmad.hvp(lambda y: (np.exp(y) * (A @ y)).sum())(x, x**2),
    "hvp of ones": lambda x: mmad.hvp(lambda y: (mnp.ones(3) * np.exp(y) * (A @ y)).sum())(x, np.ones(3)),
    "jvp": lambda x: mmad.jvp(lambda y: np.sin(y) * x, (x * 2.0,), (x**2,))[1],
    "vjp": lambda x: mmad.vjp(lambda y: np.sin(y) * x, x * 2.0)[1](x**2)[0],
    "linearize of ones": lambda x: mmad.linearize(lambda y: mnp.ones(3) * np.sin(y) * x, x * 2.0)[1](np.ones(3)),
    "vmap of grad": lambda x: mmad.vmap(mmad.grad(lambda t: t**3 * np.sin(t)))(x),
    "vmap of jvp": lambda x: mmad.vmap(lambda t: mmad.jvp(lambda s: s**3 * t, (t,), (1.0,))[1])(x),
    "vmap of ones": lambda x: mmad.vmap(lambda t: (mnp.ones(3) * x**2).sum() * t)(x),
    "checkpoint": lambda x: mmad.checkpoint(lambda y: np.sin(y) * x)(x * 2.0),
    "checkpoint of ones": lambda x: mmad.checkpoint(lambda y: mnp.ones(3) * y * x[0])(x * 2.0),
    "loop": lambda x: looped(lambda s: s + 0.1 * np.sin(s) * x, x),
    "loop over a number": lambda x: x * looped(lambda s: s + 0.1 * np.sin(s) * x[1], 0.3),
    "loop of ones": lambda x: looped(lambda s: mnp.ones(3) * s + 0.1 * np.sin(s) * (A @ x), C, block=2),
    "derivative": lambda x: mmad.derivative(lambda t: np.sin(t * x[1]) * t**3, 2)(x[0]) * x,
    "taylor": lambda x: mmad.taylor(lambda y: np.sin(y) * y, x, x**2, 2)[2],
}


def differences(f, x, h):
    """Jacobian by central differences, extrapolated twice."""

    def slope(e, h):
        return (np.asarray(f(x + h * e)) - np.asarray(f(x - h * e))) / (2 * h)

    return np.stack([(64 * slope(e, h / 4) - 20 * slope(e, h / 2) + slope(e, h)) / 45 for e in np.eye(x.size)], -1)


@pytest.fixture(scope="module", params=list(FUNCTIONS))
def case(request):
    """A function, its weighted sum, and Jacobians and Hessians at the two points."""
    f = FUNCTIONS[request.param]

    def total(x):
        return (f(x) * WEIGHTS).sum()

    def gradient(x):
        return differences(total, x, 2e-2)

    return f, total, [differences(f, x, 1e-3) for x in POINTS], [differences(gradient, x, 2e-2) for x in POINTS]


def first(got, want):
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-6)


def second(got, want):
    np.testing.assert_allclose(got, want, rtol=3e-4, atol=3e-4)


@pytest.mark.parametrize("operator", [mmad.jacobian, mmad.jacfwd, mmad.jacrev])
def test_jacobians(case, operator):
    f, _, (jacobian, _), _ = case
    first(operator(f)(POINTS[0]), jacobian)
    first(mmad.compile(operator(f))(POINTS[0]), jacobian)


def test_samples(case):
    f, total, jacobians, hessians = case
    first(mmad.vmap(f)(POINTS), [f(x) for x in POINTS])
    first(mmad.vmap(mmad.grad(total))(POINTS), [j.T @ WEIGHTS for j in jacobians])
    first(
        mmad.vmap(lambda x, v: mmad.jvp(f, (x,), (v,))[1])(POINTS, VECTORS),
        [j @ v for j, v in zip(jacobians, VECTORS, strict=True)],
    )
    second(mmad.vmap(mmad.hvp(total))(POINTS, VECTORS), [h @ v for h, v in zip(hessians, VECTORS, strict=True)])
    second(mmad.vmap(mmad.hessian(total))(POINTS), hessians)


def test_many_vectors_at_one_point(case):
    f, total, (jacobian, _), (hessian, _) = case
    x = POINTS[0]
    first(mmad.vmap(lambda x, v: mmad.jvp(f, (x,), (v,))[1], (None, 0))(x, VECTORS), VECTORS @ jacobian.T)
    first(mmad.vmap(lambda x, v: mmad.vjp(f, x)[1](v)[0], (None, 0))(x, VECTORS), VECTORS @ jacobian)
    first(mmad.vmap(lambda x, v: mmad.linearize(f, x)[1](v), (None, 0))(x, VECTORS), VECTORS @ jacobian.T)
    second(mmad.vmap(mmad.hvp(total), (None, 0))(x, VECTORS), VECTORS @ hessian)


@pytest.mark.parametrize(
    "strategy", ["forward-over-reverse", "reverse-over-reverse", "forward-over-forward", "reverse-over-forward"]
)
def test_hessians(case, strategy):
    _, total, _, (hessian, _) = case
    second(mmad.hessian(total, strategy=strategy)(POINTS[0]), hessian)


def test_other_second_derivatives(case):
    _, total, _, (hessian, _) = case
    x, v = POINTS[0], VECTORS[1]
    second(mmad.hvp(total)(x, v), hessian @ v)
    second(mmad.compile(mmad.hvp(total))(x, v), hessian @ v)
    second(mmad.derivative_tensor(total, 2)(x), hessian)
    second(mmad.jacfwd(mmad.grad(total))(x), hessian)
    second(mmad.jacrev(lambda x: mmad.jvp(total, (x,), (v,))[1])(x), hessian @ v)


def test_derivatives_of_a_map(case):
    f, total, (jacobian, _), (hessian, _) = case
    scales = np.array([1.0, -0.5])
    first(
        mmad.jacobian(lambda x: mmad.vmap(lambda c: c * f(x))(scales))(POINTS[0]), np.multiply.outer(scales, jacobian)
    )
    second(mmad.hessian(lambda x: mmad.vmap(lambda c: total(x) * c)(scales).sum())(POINTS[0]), 0.5 * hessian)


def test_gradients_of_shared_arguments_are_each_sample_s_own():
    w, x = np.array([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    by_w, by_x = mmad.vmap(mmad.grad(lambda w, x: (w * x**2).sum(), (0, 1)), in_axes=(None, 0))(w, x)
    np.testing.assert_array_equal(by_w, x**2)
    np.testing.assert_array_equal(by_x, 2 * w * x)
    by_w, by_x = mmad.vmap(mmad.grad(lambda w, x: w * (x**2).sum(), (0, 1)), in_axes=(None, 0))(2.0, x)
    np.testing.assert_array_equal(by_w, (x**2).sum(1))
    np.testing.assert_array_equal(by_x, 4 * x)
    by_w, _ = mmad.vmap(mmad.vmap(mmad.grad(lambda w, x: w * x**2, (0, 1)), (None, 0)), (None, 0))(2.0, x)
    np.testing.assert_array_equal(by_w, x**2)


@pytest.mark.parametrize("inner_primal", [True, False])
def test_a_cotangent_of_a_lower_level_than_the_result(inner_primal):
    """A pullback of something of an outer derivative, of a function that holds something of an inner one."""

    def f(p):
        def res(q):
            return mmad.vjp(lambda x: x * q * q, p if inner_primal else 2.0)[1](p)[0]  # p q**2

        return mmad.jvp(res, (p,), (p * p,))[1]  # 2 p**4

    assert f(3.0) == 162.0
    assert mmad.jvp(f, (3.0,), (1.0,)) == (162.0, 216.0)
    assert mmad.jvp(lambda t: mmad.jvp(f, (t,), (1.0,))[1], (3.0,), (1.0,))[1] == 216.0
    assert mmad.hvp(f)(3.0, 1.0) == 216.0
