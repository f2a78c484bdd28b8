"""`mmad.autograd` behaves as autograd does: names, arguments, the convention for complex numbers."""

import warnings

import numpy as onp
import pytest
from processes import python_in

import mmad
import mmad.autograd.numpy as np
from mmad import autograd
from mmad.autograd import elementwise_grad, grad, hessian, jacobian, make_jvp, make_vjp, value_and_grad
from mmad.autograd.builtins import isinstance as is_instance
from mmad.autograd.core import primitive as old_primitive
from mmad.autograd.extend import Box, defjvp, defvjp, primitive, vspace
from mmad.autograd.misc import flatten
from mmad.autograd.misc.fixed_points import fixed_point
from mmad.autograd.misc.optimizers import adam, rmsprop, sgd
from mmad.autograd.scipy import integrate, linalg, signal, special, stats
from mmad.autograd.test_util import check_grads, combo_check

RNG = onp.random.default_rng(0)


def test_operators_by_hand():
    x = onp.array([0.5, -1.0])
    f = lambda x: np.sum(x**3)
    onp.testing.assert_allclose(grad(f)(x), 3 * x**2)
    onp.testing.assert_allclose(value_and_grad(f)(x)[0], (x**3).sum())
    onp.testing.assert_allclose(hessian(f)(x), onp.diag(6 * x))
    onp.testing.assert_allclose(jacobian(np.sin)(x), onp.diag(onp.cos(x)))
    onp.testing.assert_allclose(elementwise_grad(np.tanh)(x), 1 / onp.cosh(x) ** 2)
    onp.testing.assert_allclose(elementwise_grad(elementwise_grad(np.tanh))(1.0), -2 * onp.tanh(1) / onp.cosh(1) ** 2)
    onp.testing.assert_allclose(make_vjp(np.exp)(x)[0](x), x * onp.exp(x))
    onp.testing.assert_allclose(make_jvp(np.exp)(x)(x)[1], x * onp.exp(x))
    onp.testing.assert_allclose(autograd.hessian_vector_product(f)(x, x), 6 * x * x)
    onp.testing.assert_allclose(autograd.make_hvp(f)(x)[0](x), 6 * x * x)
    assert autograd.grad_named(lambda a, b: a * b, "b")(2.0, 3.0) == 2.0
    assert dict(autograd.multigrad_dict(lambda a, b=2.0: a * b)(3.0)) == {"a": 2.0, "b": 3.0}
    assert grad(f, 0).__name__ == "grad_of_<lambda>_wrt_argnum_0"
    assert grad(lambda a, b: a * b, argnum=[1, 0])(2.0, 3.0) == (2.0, 3.0)
    g, aux = autograd.grad_and_aux(lambda x: (x**2, 5.0 * x))(3.0)
    assert (g, aux) == (6.0, 15.0)


def test_the_convention_for_complex_numbers_is_autograds():
    z = 1.0 + 2.0j
    assert grad(lambda z: np.real(z * z))(z) == 2 * z  # df/dx - i df/dy
    assert mmad.grad(lambda z: np.real(z * z))(z) == 2 * onp.conj(z)
    onp.testing.assert_allclose(autograd.holomorphic_grad(np.exp)(z), onp.exp(z))
    onp.testing.assert_allclose(make_vjp(np.sin)(z)[0](1.0 + 0j), onp.cos(z))
    check_grads(lambda z: np.abs(z) ** 2 * np.real(z))(z)


def test_primitives_have_rules_in_autograds_form():
    @primitive
    def scaled(x, y, *, by=1.0):
        assert not isinstance(x, Box)
        return x * y**2 * by

    defvjp(
        scaled,
        lambda ans, x, y, by=1.0: lambda g: g * y**2 * by,
        lambda ans, x, y, by=1.0: lambda g: 2 * g * x * y * by,
    )
    f = lambda x, y: scaled(x, y, by=3.0)
    assert grad(f)(2.0, 5.0) == 75.0
    assert grad(grad(f, 1), 1)(2.0, 5.0) == 12.0
    assert make_jvp(f)(2.0, 5.0)(1.0)[1] == 75.0  # derived from the pullback
    defjvp(scaled, "same", lambda g, ans, x, y, by=1.0: 2 * g * x * y * by)
    check_grads(f, argnum=(0, 1))(2.0, 5.0)
    silent = primitive(lambda x: x)
    with pytest.raises(NotImplementedError, match="not defined"):
        grad(silent)(1.0)
    old = old_primitive(lambda x, y: x * y)
    with pytest.warns(DeprecationWarning, match="defvjp"):
        old.defvjp(lambda g, ans, vs, gvs, x, y: g * y)
    assert grad(old)(2.0, 3.0) == 3.0


def test_builtins_see_plain_values():
    def f(x):
        assert is_instance(x, float)
        assert is_instance(x, Box)
        assert autograd.type(x) is float
        assert is_instance(autograd.tuple((x, x)), autograd.tuple)
        return autograd.dict(a=autograd.list([x * x]))["a"][0]

    assert grad(f)(3.0) == 6.0
    with pytest.raises(TypeError, match="Can't differentiate"):
        grad(lambda x: x * 2.0)(1)
    with pytest.raises(TypeError, match="scalar-output"):
        grad(lambda x: x)(onp.ones(2))


def test_vector_spaces_of_trees():
    space = vspace({"a": 1.0, "b": [onp.zeros((2, 3)), 1j]})
    assert space.size == 9
    assert len(list(space.standard_basis())) == 9
    assert space == vspace(space.randn())
    assert space.inner_prod(space.ones(), space.ones()) == 9.0
    assert space.covector(space.ones())["b"][1] == 1 - 1j


def test_flatten_optimizers_and_fixed_points():
    start = {"w": onp.zeros(2), "b": [1.0]}
    vector, unflatten = flatten(start)
    assert unflatten(vector)["b"] == [1.0]
    loss = lambda p, i=0: np.sum((p["w"] - 1.0) ** 2) + (p["b"][0] + 2.0) ** 2
    for optimize, given in ((adam, {"step_size": 0.1}), (rmsprop, {"step_size": 0.02}), (sgd, {})):
        found = optimize(grad(loss), start, num_iters=300, **given)
        onp.testing.assert_allclose(found["w"], 1.0, atol=0.05)
        onp.testing.assert_allclose(found["b"][0], -2.0, atol=0.05)
    root = lambda a: fixed_point(lambda a: lambda x: 0.5 * (x + a / x), a, 1.0, lambda x, y: abs(x - y), 1e-14)
    assert grad(root)(4.0) == pytest.approx(0.25)
    assert grad(grad(root))(4.0) == pytest.approx(-0.25 * 4.0**-1.5)


def test_scipys_functions():
    x, a = onp.array([0.3, 0.7]), onp.array([1.5, 2.5])
    rev = {"modes": ["rev"]}
    check_grads(lambda x: stats.norm.logcdf(x, 0.1, 2.0), order=1)(x)
    check_grads(stats.beta.logpdf, (0, 1, 2))(x, a, a + 1.0)
    check_grads(stats.t.logpdf, (0, 1))(x, a)
    check_grads(stats.dirichlet.logpdf, 1)(onp.array([0.3, 0.7]), a)
    cov = onp.array([[2.0, 0.5], [0.5, 1.0]])
    sym = lambda c: stats.multivariate_normal.logpdf(x, a, 0.5 * (c + c.T))
    check_grads(sym)(cov)
    onp.testing.assert_allclose(stats.multivariate_normal.logpdf(x, a, cov), sym(cov))
    check_grads(linalg.solve_sylvester, (0, 1, 2), order=1)(cov, cov.T, cov)
    check_grads(lambda c: linalg.sqrtm(0.5 * (c + c.T)))(cov)
    check_grads(lambda c: linalg.solve_triangular(c, x, lower=True))(cov)
    table = onp.array([[0.0, 1.0, 0.5], [3.0, 4.0, 5.0], [1.0, 2.0, 0.0]])
    banded = linalg.solve_banded((1, 1), table, onp.ones(3))
    transposed = onp.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], [1.0, 0.5, 0.0]])
    g = grad(lambda t: np.sum(linalg.solve_banded((1, 1), t, onp.ones(3)) ** 2))(table)
    onp.testing.assert_allclose(g[1], -2 * linalg.solve_banded((1, 1), transposed, banded) * banded)
    assert grad(special.gammaln)(2.0) == pytest.approx(float(special.digamma(2.0)))
    combo_check(lambda a, b, mode: signal.convolve(a, b, mode=mode), (0, 1), **rev)(
        [RNG.normal(size=(4, 3))], [RNG.normal(size=(2, 3))], mode=["full", "valid", "same"]
    )


def test_odeint_by_its_adjoint():
    t = onp.linspace(0.0, 1.0, 4)
    f = lambda y0, k, t: np.sum(integrate.odeint(lambda y, s, k: -k * y, y0, t, (k,), rtol=1e-10, atol=1e-10)[-1])
    y0 = onp.array([1.0, 2.0])
    onp.testing.assert_allclose(grad(f)(y0, 1.5, t), onp.exp(-1.5) * onp.ones(2), rtol=1e-7)
    assert grad(f, 1)(y0, 1.5, t) == pytest.approx(-3.0 * onp.exp(-1.5), rel=1e-7)
    onp.testing.assert_allclose(grad(f, 2)(y0, 1.5, t)[[0, -1]], 4.5 * onp.exp(-1.5) * onp.array([1, -1]), rtol=1e-6)


def test_where_gives_pythons_numbers_for_pythons_numbers():
    assert type(np.where(True, 1, 2.0)) is float or type(np.where(True, 1, 2)) is int
    assert np.where(condition=True, x=[1, 2], y=[3, 4]) == [1, 2]
    onp.testing.assert_array_equal(
        grad(lambda x: np.sum(np.where(x > 0, x * 2, x)))(onp.array([1.0, -1.0])), [2.0, 1.0]
    )


def test_install_stands_for_autograd(tmp_path):
    code = """
import mmad.autograd
mmad.autograd.install()
import autograd, autograd.numpy as np, autograd.scipy.stats as stats, autograd.numpy.linalg as la
from autograd.numpy.numpy_boxes import ArrayBox
from autograd.misc.optimizers import adam
from autograd import grad
assert autograd is mmad.autograd and np is mmad.autograd.numpy
print(grad(lambda x: stats.norm.logpdf(x))(1.0), grad(lambda x: float(isinstance(x, ArrayBox)) * x)(1.0))
"""
    with warnings.catch_warnings():
        result = python_in(tmp_path, code)
    assert result.stdout.split() == ["-1.0", "1.0"], result.stderr
