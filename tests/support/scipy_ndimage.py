"""Calls of `scipy.ndimage` for the tables of :mod:`scipy_forms`: the name, the call, the points."""

import numpy as np

RNG = np.random.default_rng(6)
X = RNG.normal(size=(4, 5))
LINE, W, BLOCK = RNG.normal(size=7), RNG.normal(size=3), RNG.normal(size=(2, 3))
SMALL = RNG.normal(size=(2, 3))

MODES = ("reflect", "constant", "nearest", "mirror", "wrap", "grid-mirror", "grid-constant", "grid-wrap")

#: Points and maps that do not meet the ends of the pieces of splines, where a second derivative jumps.
POINTS = RNG.integers(-4, 9, size=(2, 7)) + RNG.choice([0.2, 0.3, 0.68, 0.79], size=(2, 7))
MATRIX, OFFSET = np.array([[0.98, -0.12], [0.14, 1.03]]), np.array([-0.26, 0.35])
HOMOGENEOUS = np.column_stack([MATRIX, OFFSET])
FACTORS, BEFORE = np.array([1.13, 0.89]), np.array([-0.69, -0.28])


def _samples():
    """Samples between the points of an image, in every mode and order."""
    for mode in MODES:
        for order in (1, 3):
            yield (
                "map_coordinates",
                lambda sp, x, p, m=mode, k=order: sp.map_coordinates(x, p, order=k, mode=m, cval=0.4),
                X,
                POINTS,
            )
        yield "spline_filter1d", lambda sp, x, m=mode: sp.spline_filter1d(x, 3, 0, mode=m) ** 2, X
    for order in (0, 2, 4, 5):
        yield "map_coordinates", lambda sp, x, p, k=order: sp.map_coordinates(x, p, order=k, prefilter=False), X, POINTS
    for mode in ("constant", "grid-constant"):
        yield (
            "map_coordinates",
            lambda sp, x, p, c, m=mode: sp.map_coordinates(x, p, order=2, mode=m, cval=c),
            X,
            POINTS,
            0.4,
        )
    yield "map_coordinates", lambda sp, x, p: abs(sp.map_coordinates(x + 1j * x**2, p, mode="mirror")), X, POINTS
    yield "affine_transform", lambda sp, x, a, b: sp.affine_transform(x, a, b, output_shape=(3, 4)), X, MATRIX, OFFSET
    yield "affine_transform", lambda sp, x, a, b: sp.affine_transform(x, a, b, mode="wrap"), X, FACTORS, BEFORE
    yield "affine_transform", lambda sp, x, a: sp.affine_transform(x, a, output_shape=(3, 4), order=1), X, HOMOGENEOUS
    yield "shift", lambda sp, x, s: sp.shift(x, s, mode="nearest"), X, OFFSET
    yield "shift", lambda sp, x, s: sp.shift(x, s, order=2), X, 0.37
    yield "zoom", lambda sp, x: sp.zoom(x, (1.6, 0.7), mode="reflect") ** 2, X
    yield "zoom", lambda sp, x: sp.zoom(x, 2, order=1, mode="grid-wrap", grid_mode=True) ** 2, X
    yield "rotate", lambda sp, x, t: sp.rotate(x, t, mode="mirror"), X, 82.1
    yield "rotate", lambda sp, x, t: sp.rotate(x, t, (2, 0), reshape=False), np.stack([X, X**2]), 88.9
    yield "spline_filter", lambda sp, x: sp.spline_filter(x, 4) ** 2, X


FOOTPRINT = np.array([[1, 0, 1], [1, 1, 0]], bool)
LABELS = np.array([[0, 1, 1, 2, 2], [0, 1, 3, 3, 2], [1, 1, 3, 2, 2], [0, 0, 3, 3, 3]])
#: Elements whose sums with heights are far from each other.
APART = 0.37 * RNG.permutation(20).reshape(4, 5)
HEIGHTS = np.array([[0.05, 0.0, 0.12], [-0.11, 0.17, 0.0]])
MORPHOLOGY = ("grey_erosion", "grey_dilation", "grey_opening", "grey_closing")


def _selections():
    """Filters by rank, and grey morphology."""
    for mode in MODES[:5]:
        yield "maximum_filter", lambda sp, x, m=mode: sp.maximum_filter(x, (2, 3), mode=m, origin=(-1, 0)) ** 2, X
        yield "median_filter", lambda sp, x, c, m=mode: sp.median_filter(x, (3, 2), mode=m, cval=c) ** 2, X, 0.1
    yield "minimum_filter", lambda sp, x: sp.minimum_filter(x, footprint=FOOTPRINT) ** 2, X
    yield "maximum_filter1d", lambda sp, x: sp.maximum_filter1d(x, 3, 0, mode="wrap") ** 2, X
    yield "minimum_filter1d", lambda sp, x: sp.minimum_filter1d(x, 2, mode="constant", cval=-0.2) ** 2, X
    yield "percentile_filter", lambda sp, x: sp.percentile_filter(x, 30, 3) ** 2, X
    yield "rank_filter", lambda sp, x: sp.rank_filter(x, -2, footprint=FOOTPRINT, mode="mirror") ** 2, X
    for name in ("morphological_gradient", "morphological_laplace", "white_tophat", "black_tophat"):
        yield name, lambda sp, x, n=name: getattr(sp, n)(x, (3, 2), mode="wrap") ** 2, APART
    for name in MORPHOLOGY:
        yield name, lambda sp, x, n=name: getattr(sp, n)(x, (3, 2), mode="nearest") ** 2, X
        yield name, lambda sp, x, h, n=name: getattr(sp, n)(x, structure=h, footprint=FOOTPRINT) ** 2, APART, HEIGHTS


def _statistics():
    """Statistics of parts."""
    for name in ("sum", "sum_labels", "mean", "variance", "standard_deviation", "minimum", "maximum", "median"):
        yield name, lambda sp, x, n=name: getattr(sp, n)(x) ** 2, X
        yield name, lambda sp, x, n=name: getattr(sp, n)(x, LABELS, [3, 1]) ** 2, X
        yield name, lambda sp, x, n=name: getattr(sp, n)(x, LABELS) ** 2, X
    yield "extrema", lambda sp, x: np.stack(sp.extrema(x, LABELS, [3, 1])[:2]) ** 2, X
    for name in ("minimum_position", "maximum_position"):
        yield name, lambda sp, x, n=name: x[getattr(sp, n)(x, LABELS, 2)] ** 2, X
    yield "center_of_mass", lambda sp, x: sp.center_of_mass(x + 3.0), X
    yield "center_of_mass", lambda sp, x: sum(sp.center_of_mass(x + 3.0, LABELS, [1, 2]), ()), X


def _transforms():
    """Filters of Fourier transforms."""
    yield "fourier_ellipsoid", lambda sp, x: sp.fourier_ellipsoid(np.fft.rfft2(x), (2.2, 1.3), 5, 1) ** 2, X
    for name, parameter in (("gaussian", [0.7, 1.2]), ("uniform", [2.2, 1.3]), ("shift", [0.6, -0.4])):
        parameter = np.array(parameter)
        yield f"fourier_{name}", lambda sp, x, p, n=name: getattr(sp, "fourier_" + n)(np.fft.fft2(x), p), X, parameter
        yield (
            f"fourier_{name}",
            lambda sp, x, p, n=name: getattr(sp, "fourier_" + n)(np.fft.rfft2(x), p, 5, 1),
            X,
            parameter,
        )


CALLS = [
    ("correlate1d", lambda sp, x, w: sp.correlate1d(x, w, 0, mode="mirror", origin=1), X, W),
    ("correlate1d", lambda sp, x, w: sp.correlate1d(x, w, mode="wrap"), SMALL, LINE),
    ("correlate1d", lambda sp, x, w, c: sp.correlate1d(x, w, mode="constant", cval=c), X, W, 0.7),
    ("correlate1d", lambda sp, x, w: abs(sp.correlate1d(x + 1j * x[::-1], w - 0.5j * w**2)), X, W),
    ("convolve1d", lambda sp, x, w: sp.convolve1d(x, w, -2, mode="nearest"), X, BLOCK.ravel()),
    ("convolve1d", lambda sp, x, w: abs(sp.convolve1d(x + 1j * x[::-1], w - 0.5j * w**2)), X, W),
    ("correlate", lambda sp, x, w: sp.correlate(x, w, origin=(0, -1)), X, BLOCK),
    ("correlate", lambda sp, x, w: sp.correlate(x, w, mode="constant", cval=1.3), SMALL, BLOCK),
    ("convolve", lambda sp, x, w: sp.convolve(x, w, mode="mirror"), X, BLOCK),
    ("convolve", lambda sp, x, w: abs(sp.convolve(x, w + 1j * w**2, mode="wrap", origin=(-1, 1))), X, BLOCK),
    ("uniform_filter1d", lambda sp, x: sp.uniform_filter1d(x, 4, 0, mode="nearest", origin=-1) ** 2, X),
    ("uniform_filter", lambda sp, x: sp.uniform_filter(x, (3, 2), mode=("wrap", "mirror")) ** 2, X),
    ("uniform_filter", lambda sp, x: abs(sp.uniform_filter(x + 1j * x[::-1], mode="constant", cval=0.4)), X),
    ("gaussian_filter1d", lambda sp, x: sp.gaussian_filter1d(x, 0.8, 0, order=3, mode="constant", cval=2.0) ** 2, X),
    ("gaussian_filter", lambda sp, x: sp.gaussian_filter(x, (0.7, 1.1), order=(2, 1), truncate=3.0) ** 2, X),
    ("gaussian_filter", lambda sp, x: sp.gaussian_filter(x, 0.9, radius=2, axes=(1,)) ** 2, X),
    ("gaussian_filter", lambda sp, x, s: sp.gaussian_filter(x, s, order=(1, 3)), X, 0.83),
    ("gaussian_filter", lambda sp, x, s: sp.gaussian_filter(x, s), X, np.array([0.7, 0.9])),
    ("gaussian_laplace", lambda sp, x: sp.gaussian_laplace(x, 0.8, mode="wrap") ** 2, X),
    ("gaussian_gradient_magnitude", lambda sp, x: sp.gaussian_gradient_magnitude(x, 0.8, mode="nearest"), X),
    ("laplace", lambda sp, x: sp.laplace(x, mode="mirror") ** 2, X),
    ("prewitt", lambda sp, x: sp.prewitt(x, 0) ** 2, X),
    ("sobel", lambda sp, x: sp.sobel(x, mode="constant", cval=0.3) ** 2, X),
    *_samples(),
    *_selections(),
    *_statistics(),
    *_transforms(),
    *[("gaussian_filter1d", lambda sp, x, m=m: sp.gaussian_filter1d(x, 0.6, mode=m) ** 2, X) for m in MODES],
]
REMARKS = {
    "gaussian_filter": "in sigma, too",
    "gaussian_filter1d": "in sigma, too",
    "zoom": "constant in the factors, which only give the size",
}
REFUSALS = [
    ("generic_filter", lambda sp, x: sp.generic_filter(x, np.max, 3), X),
    ("generic_filter1d", lambda sp, x: sp.generic_filter1d(x, lambda line, out: None, 3), X),
    ("generic_laplace", lambda sp, x: sp.generic_laplace(x, sp.sobel), X),
    ("generic_gradient_magnitude", lambda sp, x: sp.generic_gradient_magnitude(x, sp.sobel), X),
    ("geometric_transform", lambda sp, x: sp.geometric_transform(x, lambda p: p), X),
]


def image_functions(form):
    """Yield all forms, made by the class `form`."""
    for name, call, *points in CALLS:
        yield form(
            f"ndimage.{name}",
            lambda sp, *x, call=call: call(sp.ndimage, *x),
            tuple(points),
            reason=REMARKS.get(name, ""),
            tolerances=(1e-12, 1e-8, 1e-6),
        )
    for name, call, *points in REFUSALS:
        yield form(
            f"ndimage.{name}",
            lambda sp, *x, call=call: call(sp.ndimage, *x),
            tuple(points),
            way="refused",
            reason="calls a function with plain numbers",
        )
