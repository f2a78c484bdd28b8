"""`mmad.scipy.ndimage` at its edges: every border, long kernels, dtypes, batches, transposes, images without pixels."""

import contextlib

import numpy as np
import pytest
import scipy.ndimage

import mmad
from mmad.scipy import ndimage

RNG = np.random.default_rng(12)
X = RNG.normal(size=(4, 5))
W, LONG, BLOCK = RNG.normal(size=4), RNG.normal(size=9), RNG.normal(size=(2, 3))
POINTS = RNG.uniform(-6.0, 11.0, size=(2, 30))
MODES = ("reflect", "constant", "nearest", "mirror", "wrap", "grid-mirror", "grid-constant", "grid-wrap")
LABELS = np.array([[0, 1, 1, 2, 2], [0, 1, 3, 3, 2], [1, 1, 3, 2, 2], [0, 0, 3, 3, 3]])

#: Calls of an image and a mode, linear in the image.
LINEAR = {
    "correlate1d": lambda sp, x, m: sp.correlate1d(x, W, 0, mode=m, origin=1),
    "longer than the data": lambda sp, x, m: sp.convolve1d(x, LONG, -2, mode=m),
    "convolve": lambda sp, x, m: sp.convolve(x, BLOCK, mode=m, origin=(-1, 1)),
    "uniform_filter": lambda sp, x, m: sp.uniform_filter(x, (6, 2), mode=m),
    "gaussian_filter": lambda sp, x, m: sp.gaussian_filter(x, (0.8, 0.5), order=(0, 1), mode=m),
    "gaussian_laplace": lambda sp, x, m: sp.gaussian_laplace(x, 0.7, mode=m),
    "sobel": lambda sp, x, m: sp.sobel(x, 0, mode=m),
    "laplace": lambda sp, x, m: sp.laplace(x, mode=m),
    "spline_filter1d": lambda sp, x, m: sp.spline_filter1d(x, 4, 0, mode=m),
    "map_coordinates": lambda sp, x, m: sp.map_coordinates(x, POINTS, mode=m),
    "of coefficients": lambda sp, x, m: sp.map_coordinates(x, POINTS, order=5, mode=m, prefilter=False),
    "shift": lambda sp, x, m: sp.shift(x, (1, -2), order=2, mode=m),
    "rotate": lambda sp, x, m: sp.rotate(x, 90, order=1, mode=m),
    "zoom": lambda sp, x, m: sp.zoom(x, 1.7, order=4, mode=m),
    "affine_transform": lambda sp, x, m: sp.affine_transform(x, [[0.5, 0.5], [-1.0, 1.0]], mode=m),
}
SELECTIONS = {
    "maximum_filter": lambda sp, x, m: sp.maximum_filter(x, (3, 2), mode=m),
    "median_filter": lambda sp, x, m: sp.median_filter(x, (2, 3), mode=m),
    "grey_closing": lambda sp, x, m: sp.grey_closing(x, structure=BLOCK, mode=m),
}
CALLS = LINEAR | SELECTIONS


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("shape", [(4, 5), (1, 3), (2, 1)])
def test_jacobians_are_the_matrices(name, mode, shape):
    """SciPy's results for unit vectors, in both modes, with all lanes at once."""
    x = RNG.normal(size=shape)

    def f(x, space=ndimage):
        return LINEAR[name](space, x, mode)

    units = np.eye(x.size).reshape(x.size, *shape)
    want = np.stack([f(e, scipy.ndimage) for e in units], axis=-1).reshape(*f(x, scipy.ndimage).shape, *shape)
    np.testing.assert_allclose(mmad.vjp(f, x)[0], f(x, scipy.ndimage), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mmad.jacfwd(f)(x), want, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mmad.jacrev(f)(x), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CALLS)
def test_single_precision(name, mode):
    x = X.astype(np.float32)
    try:
        want = CALLS[name](scipy.ndimage, x, mode)
    except RuntimeError:
        with pytest.raises(RuntimeError):
            mmad.vjp(lambda x: CALLS[name](ndimage, x, mode), x)
        return
    y, pullback = mmad.vjp(lambda x: CALLS[name](ndimage, x, mode), x)
    assert y.dtype == want.dtype
    np.testing.assert_allclose(y, want, rtol=1e-5, atol=1e-5)
    ct = np.ones_like(want)
    g = pullback(ct)[0]
    assert g.dtype == np.float32
    exact = mmad.vjp(lambda x: CALLS[name](ndimage, x, mode), x.astype(float))[1](ct.astype(float))[0]
    np.testing.assert_allclose(g, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CALLS)
def test_batches(name):
    stack = RNG.normal(size=(3, *X.shape))
    got = mmad.vmap(lambda x: CALLS[name](ndimage, x, "mirror"))(stack)
    np.testing.assert_allclose(got, np.stack([CALLS[name](scipy.ndimage, x, "mirror") for x in stack]), atol=1e-12)


@pytest.mark.parametrize("name", list(LINEAR))
def test_complex_images(name):
    z = X + 1j * X[::-1] ** 2
    y, pullback = mmad.vjp(lambda z: LINEAR[name](ndimage, z, "mirror"), z)
    parts = [LINEAR[name](scipy.ndimage, v, "mirror") for v in (z.real, z.imag)]
    np.testing.assert_allclose(y, parts[0] + 1j * parts[1], atol=1e-12)
    d = RNG.normal(size=X.shape) + 1j * RNG.normal(size=X.shape)
    ct = RNG.normal(size=y.shape) + 1j * RNG.normal(size=y.shape)
    moved = mmad.jvp(lambda z: LINEAR[name](ndimage, z, "mirror"), (z,), (d,))[1]
    np.testing.assert_allclose(np.vdot(pullback(ct)[0], d).real, np.vdot(ct, moved).real, rtol=1e-11)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("order", range(6))
def test_samples_in_the_points(order, mode):
    """The derivative by the coordinates, against central differences of SciPy's samples."""
    p = np.floor(POINTS) + RNG.choice([0.2, 0.3, 0.7, 0.8], size=POINTS.shape)

    def f(p, space=ndimage):
        return space.map_coordinates(X, p, order=order, mode=mode, cval=0.6)

    d, h = RNG.normal(size=p.shape), 1e-5
    slope = (f(p + h * d, scipy.ndimage) - f(p - h * d, scipy.ndimage)) / (2 * h)
    np.testing.assert_allclose(mmad.jvp(f, (p,), (d,))[1], slope, rtol=1e-6, atol=1e-7)
    g = mmad.grad(lambda p: (f(p) * np.arange(30.0)).sum())(p)
    np.testing.assert_allclose((g * d).sum(), (slope * np.arange(30.0)).sum(), rtol=1e-6, atol=1e-6)


def test_third_derivatives_of_a_cubic():
    """A spline of degree 3 gives back a cubic of its grid, third derivative included, far from the ends."""
    grid = np.arange(60.0)
    cubic = 0.5 + 0.3 * grid - 0.02 * grid**2 + 0.001 * grid**3

    def at(t):
        return ndimage.map_coordinates(cubic, np.stack([t]).reshape(1, 1), order=3)[0]

    np.testing.assert_allclose(mmad.grad(mmad.grad(mmad.grad(at)))(30.4), 0.006, rtol=1e-8)


def test_the_width_of_a_gaussian():
    """The second derivative by sigma of a filtered impulse: that of the normalised weights themselves."""
    impulse = np.zeros(41)
    impulse[20] = 1.0
    x = np.arange(-20.0, 21.0)

    def weight(s):
        w = np.exp(-0.5 * (x / s) ** 2) * (np.abs(x) <= 8)
        return (w / w.sum())[23]

    second = mmad.grad(mmad.grad(lambda s: ndimage.gaussian_filter(impulse, s, radius=8)[23]))(2.0)
    h = 1e-3
    np.testing.assert_allclose(second, (weight(2 + h) - 2 * weight(2.0) + weight(2 - h)) / h**2, rtol=1e-5)


def test_dtypes_of_outputs():
    x = X.astype(np.float32)
    y = mmad.vjp(lambda x: ndimage.gaussian_filter(x, 1.0, output=np.float64), x)[0]
    want = scipy.ndimage.gaussian_filter(x, 1.0, output=np.float64)
    assert y.dtype == want.dtype
    np.testing.assert_allclose(y, want, rtol=1e-14)
    assert mmad.vjp(lambda x: ndimage.sobel(x, output=np.float32), X)[0].dtype == np.float32


def test_a_flat_image_has_a_zero_gradient_magnitude():
    g = mmad.grad(lambda x: ndimage.gaussian_gradient_magnitude(x, 1.0).sum())(np.ones((4, 4)))
    np.testing.assert_array_equal(g, np.zeros((4, 4)))


def test_of_equal_elements_one_gets_the_derivative():
    jacobian = mmad.jacrev(lambda x: ndimage.maximum_filter(x, 3))(np.array([1.0, 2.0, 2.0, 0.0]))
    np.testing.assert_array_equal(jacobian.sum(axis=1), np.ones(4))


def test_the_constant_may_be_selected():
    y, g = mmad.value_and_grad(lambda c: ndimage.maximum_filter(X, 3, mode="constant", cval=c).sum())(10.0)
    assert y == scipy.ndimage.maximum_filter(X, 3, mode="constant", cval=10.0).sum()
    assert g == 14.0  # the pixels at the border of a 4 x 5 image


#: Odd calls: ours answers as SciPy, or raises as SciPy.
ODD = {
    "no pixels": lambda sp, x: sp.gaussian_filter(x[:0], 1.0),
    "one pixel": lambda sp, x: sp.gaussian_filter(x[:1, :1], 1.0, mode="mirror"),
    "width zero": lambda sp, x: sp.gaussian_filter(x, 0.0),
    "no axes": lambda sp, x: sp.gaussian_filter(x, 1.0, axes=()),
    "axes": lambda sp, x: sp.uniform_filter(x, 3, axes=(-1,)),
    "two widths for three axes": lambda sp, x: sp.gaussian_filter(x, (1.0, 1.0, 1.0)),
    "no mode": lambda sp, x: sp.gaussian_filter(x, 1.0, mode="other"),
    "modes": lambda sp, x: sp.gaussian_filter(x, 1.0, mode=("wrap", "nearest")),
    "an axis too far": lambda sp, x: sp.gaussian_filter1d(x, 1.0, axis=2),
    "negative order": lambda sp, x: sp.gaussian_filter1d(x, 1.0, order=-1),
    "negative radius": lambda sp, x: sp.gaussian_filter1d(x, 1.0, radius=-1),
    "no weights": lambda sp, x: sp.correlate1d(x, []),
    "origin": lambda sp, x: sp.correlate1d(x, W, origin=2),
    "origins": lambda sp, x: sp.convolve(x, BLOCK, origin=(1, 0)),
    "rank of weights": lambda sp, x: sp.correlate(x, W),
    "two modes": lambda sp, x: sp.correlate(x, BLOCK, mode=("wrap", "wrap")),
    "size zero": lambda sp, x: sp.uniform_filter1d(x, 0),
    "origin of a mean": lambda sp, x: sp.uniform_filter1d(x, 3, origin=2),
    "order six": lambda sp, x: sp.map_coordinates(x, POINTS, order=6),
    "rank of coordinates": lambda sp, x: sp.map_coordinates(x, POINTS[:1]),
    "one point": lambda sp, x: sp.map_coordinates(x, POINTS[:, 0]),
    "no points": lambda sp, x: sp.map_coordinates(x, POINTS[:, :0]),
    "rows of a matrix": lambda sp, x: sp.affine_transform(x, np.eye(3)[:1]),
    "last row": lambda sp, x: sp.affine_transform(x, np.ones((3, 3))),
    "rotation of a line": lambda sp, x: sp.rotate(x[0], 10.0),
    "plane": lambda sp, x: sp.rotate(x, 10.0, axes=(0, 3)),
    "factor one": lambda sp, x: sp.zoom(x, 1),
    "no footprint": lambda sp, x: sp.maximum_filter(x),
    "empty footprint": lambda sp, x: sp.maximum_filter(x, footprint=np.zeros((2, 2), bool)),
    "rank too high": lambda sp, x: sp.rank_filter(x, 9, 3),
    "no percentile": lambda sp, x: sp.percentile_filter(x, 101, 3),
    "no structure": lambda sp, x: sp.grey_erosion(x),
    "rank of a structure": lambda sp, x: sp.grey_erosion(x, structure=np.ones(3)),
    "a missing label": lambda sp, x: sp.maximum(x, LABELS, [1, 7]),
    "one missing label": lambda sp, x: sp.maximum(x, LABELS, 7),
    "the sum of nothing": lambda sp, x: sp.sum_labels(x, LABELS, 7),
    "the mean of nothing": lambda sp, x: sp.mean(x, LABELS, [7, 1]),
    "no labels": lambda sp, x: sp.sum_labels(x, index=1),
    "one label": lambda sp, x: sp.mean(x, LABELS, 2),
    "labels of another shape": lambda sp, x: sp.mean(x, LABELS[0], 2),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.filterwarnings("ignore")
def test_odd_calls(name):
    call = ODD[name]
    try:
        want = call(scipy.ndimage, X)
    except Exception as error:  # whatever SciPy says
        with pytest.raises(type(error)):
            mmad.vjp(lambda x: call(ndimage, x), X)
        return
    got = mmad.vjp(lambda x: call(ndimage, x), X)[0]
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(got, want, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: ndimage.gaussian_filter(x, 1.0, output=np.zeros((4, 5))), "gaussian_filter.*does not write"),
        (lambda x: ndimage.correlate1d(np.arange(5), x[0]), "correlate1d.*integers"),
        (lambda x: ndimage.generic_filter(x, np.max, 3), "mmad.scipy.ndimage.generic_filter.*sliding_window_view"),
        (lambda x: ndimage.geometric_transform(x, lambda p: p), "geometric_transform.*map_coordinates"),
        (lambda x: scipy.ndimage.gaussian_filter(x, 1.0), r"write mmad.scipy.ndimage.gaussian_filter\(...\)"),
        (lambda x: scipy.ndimage.zoom(x, 2.0), r"write mmad.scipy.ndimage.zoom\(...\)"),
    ],
)
def test_refusals_say_what_to_write(call, words):
    with pytest.raises(Exception, match=words):
        mmad.vjp(call, X)


def test_plain_values_go_to_scipy():
    np.testing.assert_array_equal(ndimage.gaussian_filter(X, 1.0), scipy.ndimage.gaussian_filter(X, 1.0))
    assert ndimage.label is scipy.ndimage.label


def test_a_compiled_gradient():
    program = mmad.compile(mmad.grad(lambda x, s: (ndimage.gaussian_filter(x, s, radius=3) ** 2).sum(), argnums=(0, 1)))
    program(X, 0.8)
    for got, want in zip(
        program(2 * X, 0.9),
        mmad.grad(lambda x, s: (ndimage.gaussian_filter(x, s, radius=3) ** 2).sum(), argnums=(0, 1))(2 * X, 0.9),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=1e-12)


def test_nan_is_selected_as_scipy_selects_it_or_refused():
    x = X.copy()
    x[1, 2] = np.nan
    for call in (lambda sp, x: sp.maximum_filter(x, 3), lambda sp, x: sp.median_filter(x, 3)):
        y = None
        with contextlib.suppress(mmad.UnsupportedError):
            y = mmad.vjp(lambda x, call=call: call(ndimage, x), x)[0]
        if y is not None:
            np.testing.assert_array_equal(y, call(scipy.ndimage, x))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, s: ndimage.gaussian_filter(x, s),  # another radius
        lambda x, s: ndimage.maximum_filter(x, 3, mode="constant", cval=s),
        lambda x, s: ndimage.rotate(x, 20.0 * s),  # another shape
        lambda x, s: ndimage.shift(x, s, order=1),
        lambda x, s: s * ndimage.minimum(x, LABELS, [1, 2]),
    ],
)
def test_a_compiled_gradient_notices_another_choice(f):
    gradient = mmad.grad(lambda x, s: (f(x, s) ** 2).sum(), argnums=(0, 1))
    program = mmad.compile(gradient)
    for x, s in ((X, 0.8), (X[::-1].copy(), 2.7), (-X, 0.9)):
        for got, want in zip(program(x, s), gradient(x, s), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)
