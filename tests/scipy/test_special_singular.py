"""scipy.special where a formula is 0/0 or infinite, and where cancellation would show."""

import numpy as np
import pytest

special = pytest.importorskip("scipy.special")
from exact_special import exact  # noqa: E402

import mmad  # noqa: E402
import mmad.scipy.special  # noqa: E402


@pytest.mark.parametrize(
    ("name", "point", "gradient"),
    [
        ("xlogy", (0.0, 0.0), (-np.inf, 0.0)),
        ("xlogy", (0.0, 2.0), (np.log(2.0), 0.0)),
        ("xlog1py", (0.0, -1.0), (-np.inf, 0.0)),
        ("entr", (0.0,), (np.inf,)),
        ("rel_entr", (0.0, 1.0), (-np.inf, 0.0)),
        ("rgamma", (0.0,), (1.0,)),
        ("rgamma", (-1.0,), (-1.0,)),
        ("rgamma", (-2.0,), (2.0,)),
        ("spence", (1.0,), (-1.0,)),
        ("exprel", (0.0,), (0.5,)),
        ("boxcox", (2.0, 0.0), (0.5, np.log(2.0) ** 2 / 2)),
        ("ellipk", (0.0,), (np.pi / 8,)),
        ("ellipe", (0.0,), (-np.pi / 8,)),
        ("gammainc", (1.0, 0.0), (0.0, 1.0)),
        ("gammainc", (2.0, 0.0), (0.0, 0.0)),
        ("j1", (0.0,), (0.5,)),
        ("i1", (0.0,), (0.5,)),
        ("beip", (0.0,), (0.5,)),
        ("struve", (1, 0.0), (None, 0.0)),
        ("huber", (1.0, 0.0), (0.0, 0.0)),
        ("eval_legendre", (0, 0.3), (None, 0.0)),
        ("logit", (0.0,), (np.inf,)),
        ("erfinv", (1.0,), (np.inf,)),
        ("ndtri", (0.0,), (np.inf,)),
    ],
)
def test_at_a_singular_point(name, point, gradient):
    f = getattr(special, name)
    for i, want in enumerate(gradient):
        if want is not None:
            g = lambda x, i=i: f(*point[:i], x, *point[i + 1 :])
            for got in (mmad.grad(g)(point[i]), mmad.jvp(g, (point[i],), (1.0,))[1]):
                np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)


def test_terms_that_are_zero_do_not_spoil_a_sum():
    p = np.array([0.0, 0.3, 0.7])
    q = np.array([0.0, 0.5, 0.5])
    value = mmad.grad(lambda q: special.rel_entr(p, q).sum())(q)
    np.testing.assert_allclose(value, [0.0, -0.6, -1.4])
    np.testing.assert_allclose(mmad.hvp(lambda q: special.rel_entr(p, q).sum())(q, q), [0.0, 0.6, 1.4])


def test_third_derivatives():
    """Second derivatives are written with operations: third ones work, too."""
    third = mmad.grad(mmad.grad(mmad.grad(special.gammaln)))(3.2)
    np.testing.assert_allclose(third, special.polygamma(2, 3.2), rtol=1e-14)
    third = mmad.grad(mmad.grad(mmad.grad(special.log_ndtr)))(-30.0)
    np.testing.assert_allclose(third, float(exact("log_ndtr", None, [3], (-30.0,))), rtol=1e-12)


@pytest.mark.parametrize("f", [special.gammaln, special.dawsn, lambda x: special.jv(1, x), special.ellipk])
def test_arrays_batches_and_levels(f):
    x = np.array([0.3, 0.5, 0.8])
    one = np.array([mmad.grad(f)(v) for v in x])
    two = np.array([mmad.hessian(f)(v) for v in x])
    np.testing.assert_allclose(mmad.vmap(mmad.grad(f))(x), one, rtol=1e-13)
    np.testing.assert_allclose(np.diag(mmad.jacobian(f)(x)), one, rtol=1e-13)
    np.testing.assert_allclose(np.diag(mmad.hessian(lambda x: f(x).sum())(x)), two, rtol=1e-12)
    np.testing.assert_allclose(mmad.compile(mmad.vmap(mmad.hessian(f)))(x), two, rtol=1e-12)
    series = mmad.taylor(f, x, np.ones(3), 2)
    np.testing.assert_allclose(2 * series[2], two, rtol=1e-12)


def _mean(p, v, axis, keepdims):
    return (p * v).sum(axis=axis, keepdims=keepdims)


#: The tangent in terms of the softmax p and the direction v.
TANGENTS = {
    "logsumexp": lambda p, v, axis: _mean(p, v, axis, False),
    "softmax": lambda p, v, axis: p * (v - _mean(p, v, axis, True)),
    "log_softmax": lambda p, v, axis: v - _mean(p, v, axis, True),
}


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("name", TANGENTS)
def test_sums_of_exponentials(name, axis):
    f, plain = getattr(mmad.scipy.special, name), getattr(special, name)
    x = np.array([[0.3, -1.2, 800.0], [0.1, 0.3, 799.5]])
    v, w = np.random.default_rng(1).normal(size=(2, *x.shape))
    value, tangent = mmad.jvp(lambda x: f(x, axis=axis), (x,), (v,))
    np.testing.assert_allclose(value, plain(x, axis=axis), rtol=1e-15)
    want = TANGENTS[name](special.softmax(x, axis=axis), v, axis)
    np.testing.assert_allclose(tangent, want, rtol=1e-13, atol=1e-300)
    loss = lambda x: (f(x, axis=axis) ** 2).sum()
    gradient = mmad.grad(loss)(x)
    np.testing.assert_allclose(mmad.compile(mmad.grad(loss))(x), gradient, rtol=1e-13)
    np.testing.assert_allclose(np.vdot(gradient, v), mmad.jvp(loss, (x,), (v,))[1], rtol=1e-12)
    np.testing.assert_allclose(np.vdot(mmad.hvp(loss)(x, v), w), np.vdot(mmad.hvp(loss)(x, w), v), rtol=1e-10)
    single = x.astype(np.float32)
    assert mmad.jvp(lambda x: f(x, axis=axis), (single,), (single,))[1].dtype == plain(single, axis=axis).dtype


@pytest.mark.parametrize("options", [{}, {"b": 1, "return_sign": True}, {"b": 2}, {"keepdims": True}])
def test_logsumexp_of_weights_signs_and_infinities(options):
    f, plain = mmad.scipy.special.logsumexp, special.logsumexp
    x, b = np.array([0.3, -np.inf, 2.0]), np.array([1.5, 2.0, -0.5])
    if "b" in options:
        options = {**options, "b": b if options["b"] == 1 else np.abs(b)}
    value = mmad.vjp(lambda x: f(x, **options), x)[0]
    np.testing.assert_allclose(value, plain(x, **options), rtol=1e-15)
    gradient, e = mmad.grad(lambda b: f(x, b=b))(np.abs(b)), np.exp(x)
    np.testing.assert_allclose(gradient, e / (np.abs(b) * e).sum(), rtol=1e-14)


def test_sums_of_exponentials_of_complex_numbers_are_refused():
    with pytest.raises(TypeError, match=r"scipy.special.logsumexp has a derivative by real arguments only"):
        mmad.jvp(mmad.scipy.special.logsumexp, (np.ones(2) + 1j,), (np.ones(2) + 0j,))


@pytest.mark.parametrize(
    ("name", "integers"), [("legendre_p", (4,)), ("assoc_legendre_p", (4, 2)), ("sph_legendre_p", (4, 2))]
)
def test_legendre_functions(name, integers):
    if not hasattr(special, name):
        pytest.skip("from SciPy 1.15 on")
    """SciPy gives the first two derivatives itself; the third one is of its differential equation."""
    f, plain = getattr(mmad.scipy.special, name), getattr(special, name)
    x = np.array([0.3, 0.7])
    wanted = plain(*integers, x, diff_n=2)
    g = lambda x: f(*integers, x)
    np.testing.assert_array_equal(mmad.vjp(g, x)[0], plain(*integers, x))
    values = mmad.taylor(g, x, np.ones(2), 3)
    np.testing.assert_allclose(np.reshape(values[1], 2), wanted[1], rtol=1e-13)
    np.testing.assert_allclose(np.reshape(values[2] * 2, 2), wanted[2], rtol=1e-13)
    ahead, behind = (plain(*integers, x + h, diff_n=2)[2] for h in (1e-5, -1e-5))
    np.testing.assert_allclose(np.reshape(values[3] * 6, 2), (ahead - behind) / 2e-5, rtol=1e-7)
    np.testing.assert_allclose(mmad.grad(lambda x: g(x).sum())(x), wanted[1], rtol=1e-13)
