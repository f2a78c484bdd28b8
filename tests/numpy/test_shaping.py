"""Functions that move elements: values, derivatives, and aliasing of what NumPy makes a view."""

import numpy as np
import pytest
from derivatives import check

import mmad
import mmad.numpy as mnp

RNG = np.random.default_rng(3)
A = RNG.normal(size=(2, 3, 4))
M = RNG.normal(size=(3, 4))
S = RNG.normal(size=(3, 3))
V = RNG.normal(size=5)

VIEWS = {
    "reshape": (lambda x: np.reshape(x, (4, -1)), A),
    "reshape method": (lambda x: x.reshape(4, 6), A),
    "reshape method tuple": (lambda x: x.reshape((6, -1)), A),
    "ravel": (np.ravel, A),
    "ravel method": (lambda x: x.ravel(), M),
    "transpose": (np.transpose, A),
    "transpose axes": (lambda x: np.transpose(x, (1, 2, 0)), A),
    "transpose method": (lambda x: x.transpose(2, 0, 1), A),
    "transpose method tuple": (lambda x: x.transpose((2, 0, 1)), A),
    "permute_dims": (lambda x: np.permute_dims(x, (2, 0, 1)), A),
    "T": (lambda x: x.T, A),
    "mT": (lambda x: x.mT, A),
    "matrix_transpose": (np.matrix_transpose, A),
    "linalg.matrix_transpose": (np.linalg.matrix_transpose, A),
    "swapaxes": (lambda x: np.swapaxes(x, 0, -1), A),
    "swapaxes method": (lambda x: x.swapaxes(1, 2), A),
    "moveaxis": (lambda x: np.moveaxis(x, [0, 1], [-1, 0]), A),
    "rollaxis": (lambda x: np.rollaxis(x, 2), A),
    "expand_dims": (lambda x: np.expand_dims(x, (0, -1)), M),
    "squeeze": (np.squeeze, A[:, :1]),
    "squeeze method": (lambda x: x.squeeze(1), A[:, :1]),
    "atleast_1d": (np.atleast_1d, M),
    "atleast_2d": (np.atleast_2d, V),
    "atleast_3d": (np.atleast_3d, M),
    "flip": (np.flip, A),
    "flip axis": (lambda x: np.flip(x, (0, 2)), A),
    "fliplr": (np.fliplr, M),
    "flipud": (np.flipud, M),
    "rot90": (np.rot90, M),
    "rot90 axes": (lambda x: np.rot90(x, 3, (1, 2)), A),
    "diagonal": (np.diagonal, A),
    "diagonal method": (lambda x: x.diagonal(1, 1, 2), A),
    "linalg.diagonal": (lambda x: np.linalg.diagonal(x, offset=-1), A),
    "diag of a matrix": (lambda x: np.diag(x, 1), M),
    "einsum diagonal": (lambda x: np.einsum("ii->i", x), S),
    "einsum transpose": (lambda x: np.einsum("ijk->kji", x), A),
}
READ_ONLY = {
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 3, 4)), M),
    "sliding_window_view": (lambda x: np.lib.stride_tricks.sliding_window_view(x, 3), V),
    "sliding_window_view 2-d": (lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 2)), M),
}
COPIES = {
    "flatten": (lambda x: x.flatten(), A),
    "flatten F": (lambda x: x.flatten("F"), A),
    "ravel F": (lambda x: np.ravel(x, order="F"), A),
    "reshape F": (lambda x: np.reshape(x, (4, 6), order="F"), A),
    "ravel of a transpose": (lambda x: x.T.ravel(), M),
    "copy": (np.copy, A),
    "copy method": (lambda x: x.copy(), A),
    "concatenate": (lambda x: np.concatenate([x, 2.0 * x, np.ones((1, 4))]), M),
    "concatenate axis": (lambda x: np.concatenate((x, x[:, :, :2]), axis=-1), A),
    "concatenate flat": (lambda x: np.concatenate((x, np.ones((2, 2))), axis=None), A),
    "stack": (lambda x: np.stack([x, x * x], axis=1), M),
    "stack last": (lambda x: np.stack([x, x * x], axis=-1), M),
    "vstack": (lambda x: np.vstack([x, x]), V),
    "hstack": (lambda x: np.hstack([x, x[:, :1]]), M),
    "hstack vectors": (lambda x: np.hstack([x, 3.0]), V),
    "dstack": (lambda x: np.dstack([x, x]), M),
    "column_stack": (lambda x: np.column_stack([x, x * x]), V),
    "block": (lambda x: np.block([[x, np.eye(3)], [np.zeros((1, 4)), 2.0 * np.ones((1, 3))]]), M),
    "block flat": (lambda x: np.block([x, 1.0, x]), V),
    "append": (lambda x: np.append(x, x[0]), M),
    "append axis": (lambda x: np.append(x, x[:, :2], axis=1), M),
    "insert": (lambda x: np.insert(x, 2, x[0]), V),
    "insert many": (lambda x: np.insert(x, [1, 3, 3], x[:3]), V),
    "insert row": (lambda x: np.insert(x, 1, x[0] * x[1], axis=0), M),
    "insert columns": (lambda x: np.insert(x, [1, 2], x[:, :2], axis=1), M),
    "insert column at a number": (lambda x: np.insert(x, 1, x[:, 0] * 2.0, axis=1), M),
    "insert slice": (lambda x: np.insert(x, slice(1, 3), 7.0, axis=-1), M),
    "delete": (lambda x: np.delete(x, [0, 3]), V),
    "delete axis": (lambda x: np.delete(x, slice(None, None, 2), axis=1), M),
    "tile": (lambda x: np.tile(x, 3), M),
    "tile more": (lambda x: np.tile(x, (2, 1, 2)), M),
    "tile fewer": (lambda x: np.tile(x, (2,)), A),
    "repeat": (lambda x: np.repeat(x, 3), M),
    "repeat axis": (lambda x: x.repeat(2, axis=1), A),
    "repeat counts": (lambda x: np.repeat(x, [1, 0, 2], axis=0), M),
    "resize": (lambda x: np.resize(x, (2, 7)), V),
    "roll": (lambda x: np.roll(x, 2), M),
    "roll axis": (lambda x: np.roll(x, -1, axis=1), M),
    "roll axes": (lambda x: np.roll(x, (1, 5), axis=(0, 2)), A),
    "roll twice": (lambda x: np.roll(x, (1, 2), axis=(1, 1)), A),
    "pad": (lambda x: np.pad(x, 2), V),
    "pad pairs": (lambda x: np.pad(x, ((1, 0), (2, 3)), constant_values=((1.0, 2.0), (3.0, 4.0))), M),
    "pad edge": (lambda x: np.pad(x, ((2, 1), (0, 3)), mode="edge"), M),
    "pad reflect": (lambda x: np.pad(x, ((2, 1), (1, 5)), mode="reflect"), M),
    "pad symmetric": (lambda x: np.pad(x, 4, mode="symmetric"), M),
    "pad wrap": (lambda x: np.pad(x, 7, mode="wrap"), V),
    "tril": (lambda x: np.tril(x, -1), A),
    "triu": (lambda x: np.triu(x, 1), M),
    "diag": (lambda x: np.diag(x, -2), V),
    "diag above": (lambda x: np.diag(x, 1), V),
    "diagflat": (lambda x: np.diagflat(x, 1), M),
    "trace": (np.trace, A),
    "trace method": (lambda x: x.trace(1, 1, 2), A),
    "linalg.trace": (np.linalg.trace, A),
    "vander": (np.vander, V),
    "vander increasing": (lambda x: np.vander(x, 3, increasing=True), V),
}
if np.lib.NumpyVersion(np.__version__) >= "2.2.0":
    COPIES["pad dict"] = (lambda x: np.pad(x, {-1: (1, 2)}), M)
MANY = {
    "broadcast_arrays": (lambda x, y: np.broadcast_arrays(x, y), M, V[:4]),
    "atleast_2d": (lambda x, y: np.atleast_2d(x, y), M, V),
    "meshgrid": (lambda x, y: np.meshgrid(x, y), V, M[0]),
    "meshgrid ij": (lambda x, y: np.meshgrid(x, y, x, indexing="ij"), V, M[0]),
    "meshgrid sparse": (lambda x, y: np.meshgrid(x, y, sparse=True), V, M[0]),
    "split": (lambda x: np.split(x, 2, axis=1), M),
    "split at": (lambda x: np.split(x, [1, 3]), V),
    "array_split": (lambda x: np.array_split(x, 3), V),
    "hsplit": (lambda x: np.hsplit(x, 2), M),
    "vsplit": (lambda x: np.vsplit(x, [1]), M),
    "dsplit": (lambda x: np.dsplit(x, 2), A),
}
if hasattr(np, "unstack"):
    MANY["unstack"] = (lambda x: np.unstack(x, axis=1), M)


@pytest.mark.parametrize("name", [*VIEWS, *READ_ONLY, *COPIES])
def test_value_and_derivatives(name):
    f, x = (VIEWS | READ_ONLY | COPIES)[name]
    check(f, np.array(x))


@pytest.mark.parametrize("name", MANY)
def test_sequences(name):
    f, *args = MANY[name]
    check(f, *[np.array(x) for x in args])


@pytest.mark.parametrize("name", [*VIEWS, *READ_ONLY, *COPIES])
def test_single_precision(name):
    f, x = (VIEWS | READ_ONLY | COPIES)[name]
    x = x.astype(np.float32)
    y, pullback = mmad.vjp(f, x)
    assert y.dtype == np.asarray(f(x)).dtype
    assert pullback(np.ones_like(y))[0].dtype == np.float32


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("through", ["base", "view"])
def test_views_alias(name, through):
    """A write through the base is seen in the view, and the other way round, as in NumPy."""
    f, x = VIEWS[name]

    def program(x):
        x = x * 1.0
        y = f(x)
        if through == "base":
            x *= x
        else:
            y *= y
        return (x * np.arange(1.0, x.size + 1).reshape(x.shape)).sum() + (y * y * y).sum()

    def plain(x):
        """The same without the property under test: NumPy's own view of the same memory, written or read by index."""
        y = x * 1.0
        index = np.arange(x.size).reshape(x.shape)
        where = f(index.astype(float)).astype(int)
        flat = y.ravel().copy()
        if through == "base":
            flat = flat * flat
        else:
            flat[where] = flat[where] * flat[where]
        return (flat * np.arange(1.0, x.size + 1)).sum() + (flat[where] ** 3).sum()

    if through == "view" and name.startswith(("diagonal", "linalg.diagonal", "diag")):
        pytest.skip("a read-only view in NumPy")
    assert program(x) == pytest.approx(plain(x), rel=1e-12)
    assert mmad.value_and_grad(program)(x)[0] == pytest.approx(plain(x), rel=1e-12)
    np.testing.assert_allclose(mmad.grad(program)(x), mmad.grad(plain)(x), rtol=1e-11)
    v = np.cos(np.arange(x.size)).reshape(x.shape)
    np.testing.assert_allclose(mmad.jvp(program, (x,), (v,)), mmad.jvp(plain, (x,), (v,)), rtol=1e-11)


@pytest.mark.parametrize("name", COPIES)
def test_copies_do_not_alias(name):
    f, x = COPIES[name]

    def program(x):
        x = x * 1.0
        y = f(x)
        x *= 0.0
        return (y * y).sum()

    np.testing.assert_allclose(mmad.grad(program)(x), mmad.grad(lambda x: (f(x) ** 2).sum())(x), rtol=1e-12)


def test_parts_alias():
    def f(x):
        y = x * 1.0
        left, right = np.split(y, 2)
        left *= right
        y[0] = y[0] * 2.0
        return (y * np.array([1.0, 2.0, 3.0, 4.0])).sum()

    np.testing.assert_array_equal(mmad.grad(f)(np.array([1.0, 2.0, 3.0, 4.0])), [6.0, 8.0, 5.0, 8.0])


@pytest.mark.parametrize("name", ["ravel", "T", "flip", "diagonal", "reshape", "swapaxes"])
@pytest.mark.parametrize("layout", ["F", "negative", "read-only", "empty"])
def test_layouts(name, layout):
    f, x = VIEWS[name]
    x = {"F": np.asfortranarray(x), "negative": x[::-1, :, ::-1], "read-only": x.copy(), "empty": x[:0]}[layout]
    x.flags.writeable = layout != "read-only"
    y, pullback = mmad.vjp(f, x)
    np.testing.assert_array_equal(y, f(x))
    w = np.cos(np.arange(y.size)).reshape(y.shape)
    want = mmad.vjp(f, np.array(x, order="C"))[1](w)[0]
    np.testing.assert_array_equal(pullback(w)[0], want)
    assert want.shape == x.shape


def test_traced_numbers():
    """Shape functions of a traced number."""
    for f in (
        np.atleast_1d,
        np.atleast_2d,
        np.atleast_3d,
        np.ravel,
        np.squeeze,
        lambda x: np.reshape(x, (1, 1)),
        lambda x: np.expand_dims(x, 0),
        lambda x: np.broadcast_to(x, (2, 3)),
        lambda x: np.append(x, x),
        lambda x: np.tile(x, (2, 2)),
        lambda x: np.repeat(x, 3),
        lambda x: np.stack([x, x * x]),
        lambda x: np.hstack([x, x * x, 1.0]),
    ):
        check(f, 1.3)


def test_traced_constants_in_pad():
    check(lambda x, c: np.pad(x, ((1, 2), (0, 1)), constant_values=c), M, 0.7, batched=False)
    check(lambda x, c: np.pad(x, 2, constant_values=c), V, np.array([0.7, -0.2]), batched=False)


def test_asfortranarray():
    """NumPy hands it no protocol: it takes the route of object arrays."""
    np.testing.assert_allclose(mmad.grad(lambda x: (np.asfortranarray(x) ** 2).sum())(M), 2.0 * M)


def test_attributes():
    seen = []

    def f(x):
        seen.append((x.size, x.ndim, x.nbytes, x.itemsize))
        seen.append((np.size(x), np.ndim(x), np.shape(x), np.size(x, 1)))
        return x.sum()

    mmad.grad(f)(M)
    mmad.jvp(f, (M,), (M,))
    mmad.grad(f)(M.astype(np.float32))
    assert seen[::2] == [(12, 2, 96, 8), (12, 2, 96, 8), (12, 2, 48, 4)]
    assert seen[1::2] == [(12, 2, (3, 4), 4)] * 3


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.concatenate([x, np.ones((2, 2))]),
        lambda x: np.stack([x, x[:1]]),
        lambda x: np.split(x, 2),
        lambda x: np.reshape(x, (5, 5)),
        lambda x: np.transpose(x, (0, 0)),
        lambda x: np.squeeze(x, 0),
        lambda x: np.concatenate([x, x], axis=2),
        lambda x: np.repeat(x, -1),
        lambda x: np.pad(x, -1),
        lambda x: np.moveaxis(x, 0, 5),
        lambda x: np.diag(x[None]),
        lambda x: np.dsplit(x, 1),
        lambda x: np.broadcast_to(x, (2, 2)),
    ],
)
def test_numpy_errors(f):
    """What NumPy refuses is refused with the same kind of error."""
    with pytest.raises(ValueError):  # noqa: PT011  (the messages are NumPy's, of many versions)
        f(M)
    with pytest.raises(ValueError):  # noqa: PT011
        mmad.vjp(f, M)


def test_order_in_memory_is_refused():
    for f in (lambda x: x.T.flatten("K"), lambda x: np.ravel(x, "A"), lambda x: np.reshape(x, -1, order="A")):
        with pytest.raises(TypeError, match="layout in memory"):
            mmad.vjp(f, M)


def test_broadcast_views_are_read_only():
    def program(x):
        y = np.broadcast_to(x * 1.0, (2, 4))
        y[...] = 0.0
        return y.sum()

    for f in (program, mmad.grad(program)):
        with pytest.raises(ValueError, match="read-only"):
            f(V[:4])


def test_out():
    def f(x):
        out = mnp.zeros((2, 5))
        np.concatenate([x, 2.0 * x], out=out)
        return (out * out).sum()

    np.testing.assert_allclose(mmad.grad(f)(V[None]), 10.0 * V[None])
