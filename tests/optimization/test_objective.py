"""Objectives and constraints as optimisers call them."""

import numpy as np
import pytest
from scipy import optimize

import mmad


def rosen(x, scale=100.0):
    return (scale * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize("mode", ["compiled", "eager"])
@pytest.mark.parametrize("n", [2, 5, 80])
def test_every_form_agrees_with_scipys_rosenbrock(mode, n):
    o, rng = mmad.objective(rosen, mode=mode), np.random.default_rng(n)
    x, p = rng.normal(size=n), rng.normal(size=n)
    np.testing.assert_allclose(o.fun(x), optimize.rosen(x), rtol=1e-13)
    np.testing.assert_allclose(o.jac(x), optimize.rosen_der(x), rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(o.hess(x), optimize.rosen_hess(x), rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(o.sparse_hess(x).toarray(), optimize.rosen_hess(x), rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(o.hessp(x, p), optimize.rosen_hess_prod(x, p), rtol=1e-11, atol=1e-9)
    assert o.value(x) == pytest.approx(optimize.rosen(x), rel=1e-13)


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_what_is_returned_may_be_written_to(mode):
    o = mmad.objective(rosen, mode=mode)
    for dtype in (np.float64, np.float32, np.int64):
        x = np.arange(6).astype(dtype)[::2]
        for found in (o.jac(x), o.hess(x), o.hessp(x, x)):
            assert found.dtype == np.float64
            assert found.flags.c_contiguous
            assert found.flags.writeable
        g = o.jac(x)
        expected, g[:] = g.copy(), 7.0
        np.testing.assert_array_equal(o.jac(x), expected)
        assert type(o.fun(x)) is float


def test_value_and_gradient_come_from_one_sweep():
    o = mmad.objective(rosen)
    for k in range(3):
        x = np.full(4, 1.0 + k)
        o.fun(x)
        o.jac(x.copy())
    assert o.evaluations == 3
    x[0] = 9.0  # in place, as optimisers do
    assert o.jac(x)[0] == pytest.approx(optimize.rosen_der(x)[0])
    assert o.fun(x) == pytest.approx(optimize.rosen(x))
    assert o.evaluations == 4


def test_a_value_is_not_given_twice_from_one_sweep():
    """What the function reads may have changed: an optimiser that starts where the last one stopped meets it."""
    held = {"mu": 1.0}
    o, x = mmad.objective(lambda x: held["mu"] * (x @ x)), np.ones(2)
    assert (o.fun(x), o.jac(x)[0]) == (2.0, 2.0)
    held["mu"] = 10.0
    assert (o.fun(x), o.jac(x)[0]) == (20.0, 20.0)


def test_further_arguments():
    o, x = mmad.objective(rosen, args=(1.0,)), np.array([-1.0, 2.0])
    assert o.fun(x) == rosen(x, 1.0)
    assert o.fun(x, 5.0) == rosen(x, 5.0)
    np.testing.assert_allclose(o.jac(x, 100.0), optimize.rosen_der(x))
    np.testing.assert_allclose(o.hessp(x, np.ones(2), 100.0), optimize.rosen_hess_prod(x, np.ones(2)))
    res = optimize.minimize(o.fun, x, args=(100.0,), jac=o.jac, hess=o.hess, method="trust-exact")
    np.testing.assert_allclose(res.x, 1.0, atol=1e-5)


def test_results_of_one_element_are_numbers():
    for f in (lambda x: x[:1] ** 2, lambda x: [x[0] ** 2], lambda x: np.array([[x[0] ** 2]])):
        o = mmad.objective(f)
        assert o.fun(np.array([3.0, 1.0])) == 9.0
        np.testing.assert_array_equal(o.jac(np.array([3.0, 1.0])), [6.0, 0.0])


def test_nlopts_form():
    o, x = mmad.objective(rosen), np.array([0.5, 2.0])
    grad = np.empty(2)
    assert o.nlopt(x, grad) == o.nlopt(x, np.empty(0)) == pytest.approx(optimize.rosen(x))
    np.testing.assert_allclose(grad, optimize.rosen_der(x))
    c = mmad.constraint(lambda x: {"a": x[0] * x[1], "b": x**2})
    result, jac = np.empty(3), np.empty((3, 2))
    c.nlopt(result, x, jac)
    np.testing.assert_array_equal(result, [1.0, 0.25, 4.0])
    np.testing.assert_array_equal(jac, [[2.0, 0.5], [1.0, 0.0], [0.0, 4.0]])


def test_constraints_have_jacobians_and_hessians_of_sums():
    c, x, v, p = mmad.constraint(lambda x: x[1:] * x[:-1] ** 2), *np.random.default_rng(0).normal(size=(3, 5))
    v = v[:4]
    H = np.zeros((5, 5))
    for i in range(4):
        H[i, i] += 2 * x[i + 1] * v[i]
        H[i, i + 1] = H[i + 1, i] = 2 * x[i] * v[i]
    np.testing.assert_allclose(c.hess(x, v), H, atol=1e-14)
    np.testing.assert_allclose(c.sparse_hess(x, v).toarray(), H, atol=1e-14)
    np.testing.assert_allclose(c.hessp(x, v, p), H @ p, atol=1e-13)
    np.testing.assert_allclose(c.sparse_jac(x).toarray(), c.jac(x))
    np.testing.assert_allclose(c.jac(x)[0, :2], [2 * x[0] * x[1], x[0] ** 2])


def test_residuals_for_least_squares():
    t = np.linspace(0.0, 1.0, 20)
    r = mmad.constraint(lambda p: p[0] * np.exp(-p[1] * t) - 2.0 * np.exp(-3.0 * t))
    found = optimize.least_squares(r.fun, [1.0, 1.0], jac=r.jac)
    np.testing.assert_allclose(found.x, [2.0, 3.0], rtol=1e-7)


def test_ipopts_problem_agrees_with_dense_derivatives():
    rows = mmad.constraint(lambda x: x[1:] * x[:-1], 1.0), mmad.constraint(lambda x: (x**3).sum(), 0.0, 5.0)
    p = mmad.ipopt_problem(rosen, np.zeros(4), list(rows))
    x, v = np.random.default_rng(1).normal(size=(2, 4))
    jac, hess = np.zeros((4, 4)), np.zeros((4, 4))
    jac[p.jacobianstructure()] = p.jacobian(x)
    hess[p.hessianstructure()] = p.hessian(x, v, 0.5)
    np.testing.assert_allclose(jac, np.vstack([rows[0].jac(x), rows[1].jac(x)]))
    full = 0.5 * optimize.rosen_hess(x) + rows[0].hess(x, v[:3]) + rows[1].hess(x, v[3:])
    np.testing.assert_allclose(hess, np.tril(full), atol=1e-12)
    assert p.objective(x) == pytest.approx(optimize.rosen(x))
    np.testing.assert_allclose(p.gradient(x), optimize.rosen_der(x))
    np.testing.assert_array_equal(p.cl, [1.0, 1.0, 1.0, 0.0])
    np.testing.assert_array_equal(p.cu, [np.inf, np.inf, np.inf, 5.0])
    np.testing.assert_array_equal(p.constraints(x)[:3], x[1:] * x[:-1])


def test_errors_say_what_to_write():
    with pytest.raises(TypeError, match="takes a function"):
        mmad.objective(3.0)
    with pytest.raises(ValueError, match="mode must be one of compiled, eager"):
        mmad.objective(rosen, mode="fast")
    with pytest.raises(TypeError, match="must return one real number"):
        mmad.objective(lambda x: x).fun(np.ones(2))
    with pytest.raises(TypeError, match="differentiate the function itself"):
        mmad.grad(lambda x: mmad.objective(rosen).fun(x))(np.ones(2))
    with pytest.raises(TypeError, match="without a starting point"):
        mmad.objective(rosen).x0  # noqa: B018
