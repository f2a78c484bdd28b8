"""What works eagerly works recorded, compiled and mapped: integers and masks that meet what takes plain ones only."""

import warnings

import numpy as np
import pytest

import mmad

KNOTS = np.linspace(0.0, 1.0, 6)
DATA = np.arange(6.0)
TABLE = np.arange(12.0).reshape(4, 3)
POINTS = [np.array([0.31, 0.72, 0.11, 0.45]), np.array([0.35, 0.62, 0.15, 0.45]), np.array([0.71, 0.12, 0.93, 0.24])]


def zeroed(x):
    t = np.ones(6)
    t[np.searchsorted(KNOTS, x)] = 0
    return t.sum() * x[0]


def counted(x):
    t = np.ones(6)
    np.add.at(t, np.searchsorted(KNOTS, x), 1.0)
    return (t**2).sum() * x[0]


def copied(x):
    t = np.zeros(4, dtype=int)
    np.copyto(t, np.argsort(x))
    return (t * np.arange(4)).sum() * x[0]


def placed(x):
    t = np.ones(4)
    np.place(t, x > 0.3, [5.0])
    np.putmask(t, x > 0.6, 7.0)
    np.put(t, np.argsort(x)[:1], 3.0)
    return (t * np.arange(1.0, 5.0)).sum() * x[0]


def marked(x):
    chosen = np.zeros(4, dtype=bool)
    chosen[np.argmax(x)] = True
    return x[chosen].sum() * x[0]


def swapped(x):
    y = x * 1.0
    k, p = np.argmax(x), 0
    y[[k, p]] = y[[p, k]]
    return (y * np.arange(1.0, 5.0)).sum()


def eliminated(x):
    """Gaussian elimination with pivoting."""
    a = np.array([[2.0, 1.0, 1.0], [1.0, 3.0, 2.0], [1.0, 0.0, 0.0]]) * (1 + x[0])
    b = np.array([x[1], x[2], x[3]], like=x)
    for k in range(3):
        p = k + np.argmax(np.abs(a[k:, k]))
        a[[k, p]], b[[k, p]] = a[[p, k]], b[[p, k]]
        for i in range(k + 1, 3):
            m = a[i, k] / a[k, k]
            a[i, k:] = a[i, k:] - m * a[k, k:]
            b[i] = b[i] - m * b[k]
    return (b * b).sum()


FUNCTIONS = {
    "array of indices": lambda x: (KNOTS[np.searchsorted(KNOTS, x)] * x).sum(),
    "one index": lambda x: KNOTS[np.searchsorted(KNOTS, x[0])] * x[0],
    "index in a tuple": lambda x: TABLE[np.argmax(x), 0] * x[0],
    "two index arrays": lambda x: (TABLE[np.argsort(x)[:3], [0, 1, 2]] * x[:3]).sum(),
    "mask": lambda x: DATA[:4][x > 0.3].sum() * x[0],
    "inverted mask": lambda x: DATA[:4][~(x > 0.3)].sum() * x[0],
    "combined mask": lambda x: DATA[:4][np.logical_and(x > 0.2, x < 0.6)].sum() * x[0],
    "one-hot": lambda x: (np.eye(4)[np.argmax(x)] * x).sum(),
    "permutation matrix": lambda x: (np.eye(4)[np.argsort(x)] @ x)[0] * x[1],
    "write": zeroed,
    "add.at": counted,
    "copyto": copied,
    "place": placed,
    "written mask": marked,
    "take": lambda x: (np.take(TABLE, np.argsort(x)[:3], axis=0) * x[:3]).sum(),
    "list with integers": lambda x: x[[np.argmax(x), np.argmin(x)]].sum() * x[0],
    "swap": swapped,
    "elimination": eliminated,
    "delete": lambda x: (np.delete(x, np.argmax(x)) ** 2).sum(),
    "insert": lambda x: (np.insert(x, np.argmax(x), 2.0) ** 2).sum(),
    "repeat": lambda x: (np.repeat(x, np.argsort(x)) ** 2).sum(),
    "repeat by a mask": lambda x: (np.repeat(x, (x > 0.2).astype(int)) ** 2).sum(),
    "bincount": lambda x: np.bincount(np.searchsorted(KNOTS, x), minlength=6) @ DATA * x[0],
    "unique": lambda x: len(np.unique(np.searchsorted(KNOTS, x))) * x[0],
    "unravel_index": lambda x: x.reshape(2, 2)[np.unravel_index(np.argmax(x), (2, 2))] * x[0],
    "ravel_multi_index": lambda x: DATA[np.ravel_multi_index((np.argmax(x[:2]), np.argmax(x[2:])), (2, 2))] * x[0],
    "shift": lambda x: (np.argmax(x) << 1) * x[0],
    "left_shift": lambda x: (np.left_shift(np.argsort(x), 1) * x).sum(),
    "packbits": lambda x: np.packbits(x > 0.3)[0] * x[0],
    "bitwise_count": lambda x: np.bitwise_count(np.argsort(x)).sum() * x[0],
    "gcd": lambda x: np.gcd(np.argmax(x) + 2, 4) * x[0],
    "isin": lambda x: np.isin(np.argsort(x), [0, 1]).sum() * x[0],
    "setdiff1d": lambda x: np.setdiff1d(np.arange(4), np.argsort(x)[:2]).sum() * x[0],
    "lexsort": lambda x: DATA[np.lexsort((np.argsort(x),))].sum() * x[0],
    "histogram": lambda x: np.histogram(np.argsort(x), bins=2)[0] @ np.array([1, 2]) * x[0],
    "tri": lambda x: np.tri(np.argmax(x) + 1).sum() * x[0],
    "ldexp": lambda x: np.ldexp(x[0], np.argmax(x)),
    "float of an integer": lambda x: float(np.argmax(x)) * x[0],
    "np.int64": lambda x: np.int64(np.argmax(x)) * x[0],
    "item": lambda x: np.argmax(x).item() * x[0],
    "asarray": lambda x: np.asarray(np.argsort(x), dtype=np.intp).sum() * x[0],
    "astype": lambda x: DATA[(x * 5).astype(int)].sum() * x[0],
    "nonzero": lambda x: DATA[:4][np.nonzero(x > 0.3)].sum() * x[0],
    "joined indices": lambda x: DATA[np.concatenate([np.argsort(x)[:2], [0]])].sum() * x[0],
    "pad": lambda x: np.pad(x, np.argmax(x)).sum(),
}


def slopes(f, x):
    h = 1e-6
    return np.array([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(4)])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_as_eagerly(name):
    f = FUNCTIONS[name]
    values, gradients = [f(x) for x in POINTS], [slopes(f, x) for x in POINTS]
    compiled, gradient, planned = mmad.compile(f), mmad.compile(mmad.grad(f)), mmad.grad(f, evaluations=100)
    for _ in range(2):
        for x, value, slope in zip(POINTS, values, gradients, strict=True):
            np.testing.assert_allclose(compiled(x), value, rtol=1e-13)
            np.testing.assert_allclose(gradient(x), slope, rtol=1e-6, atol=1e-8)
            np.testing.assert_allclose(planned(x), slope, rtol=1e-6, atol=1e-8)
            np.testing.assert_allclose(mmad.grad(f)(x), slope, rtol=1e-6, atol=1e-8)
    assert compiled.stats()["eager"] == 0
    np.testing.assert_allclose(mmad.record(f, POINTS[0])(POINTS[0]), values[0], rtol=1e-13)
    np.testing.assert_allclose(mmad.vmap(f)(np.array(POINTS)), values, rtol=1e-13)
    np.testing.assert_allclose(mmad.vmap(mmad.grad(f))(np.array(POINTS)), gradients, rtol=1e-6, atol=1e-8)


def test_a_record_of_plain_integers_is_guarded():
    tape = mmad.record(FUNCTIONS["bincount"], POINTS[0])
    with pytest.raises(mmad.GuardError):
        tape(POINTS[2])


def test_what_cannot_be_recorded_runs_eagerly_and_the_line_is_named():
    def f(x):
        return map(np.sin, x)

    g = mmad.compile(f)
    with pytest.warns(RuntimeWarning, match="cannot be recorded") as caught:
        np.testing.assert_array_equal(list(g(POINTS[0])), np.sin(POINTS[0]))
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(list(g(POINTS[1])), np.sin(POINTS[1]))
    assert g.stats()["eager"] == 2


def test_the_warning_names_the_user_s_line():
    def f(x):
        return x * float(x)  # the line

    with pytest.warns(RuntimeWarning, match=r"test_traced_integers\.py:\d+: return x \* float\(x\)  # the line"):
        assert mmad.compile(f)(3.0) == 9.0


def test_an_error_of_the_function_is_its_own():
    def f(x):
        if x > 1:
            raise KeyError("too large")
        return x * x

    g = mmad.compile(f)
    with pytest.raises(KeyError, match="too large"):
        g(2.0)
    assert g(0.5) == 0.25
    with pytest.raises(KeyError, match="too large"):
        g(2.0)
    assert g(0.75) == 0.5625
    assert g.stats()["eager"] == 0
