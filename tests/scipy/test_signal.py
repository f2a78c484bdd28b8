"""`mmad.scipy.signal` at its edges: odd arguments, dtypes, batches, transposes, signals without samples."""

import numpy as np
import pytest
import scipy.signal

import mmad
from mmad.scipy import signal

RNG = np.random.default_rng(11)
X, H, LINE, TAPS = RNG.normal(size=(3, 9)), RNG.normal(size=(2, 4)), RNG.normal(size=12), RNG.normal(size=3)
B, A = scipy.signal.butter(3, 0.3)
SOS = scipy.signal.butter(4, 0.3, output="sos")
ZI = RNG.normal(size=(3, 3))

#: Calls of one array, linear or not, along the last axis or all.
CALLS = {
    "convolve": lambda sp, x: sp.convolve(x, H, "same"),
    "long kernel": lambda sp, x: sp.convolve(H, x, "same"),
    "correlate": lambda sp, x: sp.correlate(x, H, "valid"),
    "fftconvolve": lambda sp, x: sp.fftconvolve(x, H[:1], axes=-1),
    "convolve2d": lambda sp, x: sp.convolve2d(x, H, "same", "wrap"),
    "lfilter": lambda sp, x: sp.lfilter(B, A, x),
    "lfilter with a state": lambda sp, x: sp.lfilter(B, A, x, zi=ZI)[0],
    "final state": lambda sp, x: sp.lfilter(B, A, x, zi=ZI)[1],
    "filter without poles": lambda sp, x: sp.lfilter(B, [2.0], x, axis=-2),
    "filter of numbers": lambda sp, x: sp.lfilter(0.5, 2.0, x),
    "sosfilt": lambda sp, x: sp.sosfilt(SOS, x, axis=0),
    "filtfilt": lambda sp, x: sp.filtfilt(B, A, x, padlen=3),
    "sosfiltfilt": lambda sp, x: sp.sosfiltfilt(SOS, x, padlen=4),
    "upfirdn": lambda sp, x: sp.upfirdn(TAPS, x, 2, 3),
    "resample": lambda sp, x: sp.resample(x, 5, axis=-1),
    "resample_poly": lambda sp, x: sp.resample_poly(x, 2, 3, axis=-1),
    "detrend": lambda sp, x: sp.detrend(x, axis=-1),
    "savgol_filter": lambda sp, x: sp.savgol_filter(x, 5, 2),
    "medfilt": lambda sp, x: sp.medfilt(x, 3),
    "welch": lambda sp, x: sp.welch(x, nperseg=6)[1],
    "stft": lambda sp, x: sp.stft(x, nperseg=6)[2],
    "hilbert": lambda sp, x: sp.hilbert(x),
}
LINEAR = [name for name in CALLS if name not in ("medfilt", "welch")]
WITHOUT_COMPLEX = ("medfilt", "hilbert", "savgol_filter")


def number(y):
    """A number that depends on all of an array."""
    w = np.linspace(0.3, 1.7, int(np.prod(np.shape(y)))).reshape(np.shape(y))
    return (w * (y.real * y.real + 0.3 * y.imag * y.imag if np.iscomplexobj(y) else y * y)).sum()


@pytest.mark.parametrize("name", CALLS)
def test_single_precision(name):
    x = X.astype(np.float32)
    call = CALLS[name]
    y = mmad.vjp(lambda x: call(signal, x), x)[0]
    want = call(scipy.signal, x)
    assert y.dtype == want.dtype
    np.testing.assert_allclose(y, want, rtol=1e-4, atol=1e-5)
    g = mmad.grad(lambda x: number(call(signal, x)))(x)
    assert g.dtype == np.float32
    np.testing.assert_allclose(g, mmad.grad(lambda x: number(call(signal, x)))(X), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", [name for name in CALLS if name not in WITHOUT_COMPLEX])
@pytest.mark.filterwarnings("ignore:Input data is complex")
def test_complex_signals(name):
    """The derivative along a real and along an imaginary direction, by differences of SciPy's results."""
    z, call = X + 1j * X[::-1] ** 2, CALLS[name]
    d = RNG.normal(size=X.shape) + 1j * RNG.normal(size=X.shape)
    h = 1e-5
    y, pullback = mmad.vjp(lambda z: call(signal, z), z)
    slope = (call(scipy.signal, z + h * d) - call(scipy.signal, z - h * d)) / (2 * h)
    np.testing.assert_allclose(y, call(scipy.signal, z), atol=1e-12)
    np.testing.assert_allclose(mmad.jvp(lambda z: call(signal, z), (z,), (d,))[1], slope, rtol=1e-6, atol=1e-8)
    ct = RNG.normal(size=y.shape) + (1j * RNG.normal(size=y.shape) if np.iscomplexobj(y) else 0)
    product = np.vdot(pullback(ct)[0], d).real
    np.testing.assert_allclose(product, np.vdot(ct, slope).real, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", LINEAR)
def test_jacobians_are_the_matrices(name):
    """Of a linear function: SciPy's results for unit vectors, in both modes, with all lanes at once."""
    call = CALLS[name]
    units = np.eye(X.size).reshape(X.size, *X.shape)
    start = call(scipy.signal, np.zeros_like(X))
    want = np.stack([call(scipy.signal, e) - start for e in units], axis=-1).reshape(*start.shape, *X.shape)
    part = (lambda y: y) if not np.iscomplexobj(want) else (lambda y: np.stack([y.real, y.imag]))
    for jacobian in (mmad.jacfwd, mmad.jacrev):
        got = jacobian(lambda x: part(call(signal, x)))(X)
        np.testing.assert_allclose(got, part(want), atol=1e-12)


@pytest.mark.parametrize("name", CALLS)
def test_batches(name):
    stack = RNG.normal(size=(4, *X.shape))
    got = mmad.vmap(lambda x: CALLS[name](signal, x))(stack)
    np.testing.assert_allclose(got, np.stack([CALLS[name](scipy.signal, x) for x in stack]), atol=1e-12)


#: Odd calls: ours answers as SciPy, or raises as SciPy.
ODD = {
    "no samples": lambda sp, x: sp.lfilter(B, A, x[:, :0]),
    "no rows": lambda sp, x: sp.lfilter(B, A, x[:0]),
    "one sample": lambda sp, x: sp.lfilter(B, A, x[:, :1], zi=ZI),
    "a number": lambda sp, x: sp.lfilter(B, A, x[0, 0]),
    "state of another length": lambda sp, x: sp.lfilter(B, A, x, zi=ZI[:, :2]),
    "state of another rank": lambda sp, x: sp.lfilter(B, A, x, zi=ZI[0]),
    "a matrix of coefficients": lambda sp, x: sp.lfilter(B[None], A, x),
    "state to be broadcast": lambda sp, x: sp.lfilter(B, A, x, zi=ZI[:1])[1],
    "leading zero": lambda sp, x: sp.lfilter(B, [0.0, 1.0], x),
    "an axis too far": lambda sp, x: sp.lfilter(B, A, x, axis=2),
    "too short to pad": lambda sp, x: sp.filtfilt(B, A, x),
    "another padding": lambda sp, x: sp.filtfilt(B, A, x, padtype="sideways"),
    "no method": lambda sp, x: sp.filtfilt(B, A, x, method="other"),
    "ranks": lambda sp, x: sp.convolve(x, TAPS),
    "no mode": lambda sp, x: sp.convolve(x, H, "other"),
    "no method of convolution": lambda sp, x: sp.convolve(x, H, method="other"),
    "neither is larger": lambda sp, x: sp.convolve(x, np.ones((4, 2)), "valid"),
    "not two axes": lambda sp, x: sp.convolve2d(x[0], TAPS),
    "no boundary": lambda sp, x: sp.convolve2d(x, H, boundary="other"),
    "numbers": lambda sp, x: sp.convolve(x[0, 0], 2.0),
    "no sections": lambda sp, x: sp.sosfilt(SOS[:, :5], x),
    "sections not normalised": lambda sp, x: sp.sosfilt(2 * SOS, x),
    "wrong states": lambda sp, x: sp.sosfilt(SOS, x, zi=ZI),
    "overlap": lambda sp, x: sp.welch(x, nperseg=4, noverlap=4),
    "short transform": lambda sp, x: sp.welch(x, nperseg=4, nfft=3),
    "scaling": lambda sp, x: sp.welch(x, nperseg=4, scaling="other"),
    "no boundary of stft": lambda sp, x: sp.stft(x, nperseg=4, boundary="other"),
    "no spectrogram": lambda sp, x: sp.spectrogram(x, nperseg=4, mode="other"),
    "one row": lambda sp, x: sp.istft(x[0]),
    "window too long": lambda sp, x: sp.savgol_filter(x, 11, 2),
    "no mode of savgol": lambda sp, x: sp.savgol_filter(x, 5, 2, mode="other"),
    "even kernel": lambda sp, x: sp.medfilt(x, 2),
    "rate": lambda sp, x: sp.upfirdn(TAPS, x, 0, 1),
    "no taps": lambda sp, x: sp.upfirdn(np.zeros(0), x),
    "no trend": lambda sp, x: sp.detrend(x, type="other"),
    "no length": lambda sp, x: sp.hilbert(x, 0),
    "divisor longer": lambda sp, x: sp.deconvolve(x[0, :2], TAPS),
    "domain": lambda sp, x: sp.resample(x, 4, domain="other"),
    "no filter type": lambda sp, x: sp.decimate(x, 2, ftype="other"),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.filterwarnings("ignore")
def test_odd_calls(name):
    call = ODD[name]
    try:
        want = call(scipy.signal, X)
    except Exception as error:  # whatever SciPy says
        with pytest.raises(type(error)):
            mmad.vjp(lambda x: call(signal, x), X)
        return
    got = mmad.vjp(lambda x: call(signal, x), X)[0]
    for y, z in zip(*[v if isinstance(v, tuple) else (v,) for v in (got, want)], strict=True):
        assert np.shape(y) == np.shape(z)
        np.testing.assert_allclose(y, z, atol=1e-13)


def test_plain_values_go_to_scipy():
    np.testing.assert_array_equal(signal.lfilter(B, A, X), scipy.signal.lfilter(B, A, X))
    assert signal.butter is scipy.signal.butter
    assert signal.residue([1.0], [1.0, 2.0])[0].shape == (1,)


def test_a_filter_of_coefficients_against_complex_steps():
    """The gradient in b, a, x and the state at once: complex steps of SciPy's filter, exact to rounding."""
    points = (B, A, X, ZI)
    weights = RNG.normal(size=X.shape), RNG.normal(size=ZI.shape)

    def loss(space, b, a, x, z):
        return sum((w * y).sum() for w, y in zip(weights, space.lfilter(b, a, x, zi=z), strict=True))

    gradients = mmad.grad(lambda *p: loss(signal, *p), argnums=(0, 1, 2, 3))(*points)
    for k, g in enumerate(gradients):
        for index in np.ndindex(g.shape):
            moved = [np.array(p, complex) for p in points]
            moved[k][index] += 1e-30j
            np.testing.assert_allclose(g[index], loss(scipy.signal, *moved).imag / 1e-30, rtol=1e-11, atol=1e-12)


def test_third_derivatives_of_a_filter():
    """y = x / (1 - r) summed over an impulse response, whose derivatives by r are known."""
    n = 400
    impulse = np.zeros(n)
    impulse[0] = 1.0

    def total(r):
        return signal.lfilter(np.ones(1), np.stack([np.ones_like(r), -r]), impulse).sum()

    third = mmad.grad(mmad.grad(mmad.grad(total)))(0.5)
    np.testing.assert_allclose(third, 6.0 / 0.5**4, rtol=1e-12)


def test_a_long_signal_needs_no_matrix():
    """A million samples: a matrix of the filter would not fit in memory."""
    x = np.sin(np.arange(1e6))
    g = mmad.grad(lambda x: signal.filtfilt(B, A, x).sum())(x)
    np.testing.assert_allclose(g[500_000], 1.0, atol=1e-9)  # the gain at frequency zero


def test_a_median_has_one_source():
    x = np.array([3.0, 1.0, 2.0, 2.0, 5.0])
    jacobian = mmad.jacrev(lambda x: signal.medfilt(x, 3))(x)
    np.testing.assert_array_equal(jacobian.sum(axis=1), np.ones(5))
    assert set(np.unique(jacobian)) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: signal.filtfilt(B, A, x, method="gust"), "mmad.scipy.signal.filtfilt.*method='pad'"),
        (lambda x: signal.upfirdn(TAPS, x, mode="symmetric"), "mmad.scipy.signal.upfirdn.*np.pad"),
        (lambda x: signal.residue(x[0], A), "mmad.scipy.signal.residue.*np.polyval"),
        (lambda x: scipy.signal.lfilter(B, A, x), r"write mmad.scipy.signal.lfilter\(...\)"),
        (lambda x: scipy.signal.welch(x), r"write mmad.scipy.signal.welch\(...\)"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_refusals_say_what_to_write(call, words):
    with pytest.raises(Exception, match=words):
        mmad.vjp(call, X)


def test_a_compiled_gradient():
    program = mmad.compile(mmad.grad(lambda x: (signal.lfilter(B, A, signal.convolve(x, TAPS, "same")) ** 2).sum()))
    first = program(LINE)
    np.testing.assert_allclose(program(2 * LINE), 2 * first, rtol=1e-12)
