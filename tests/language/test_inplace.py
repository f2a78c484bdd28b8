"""Writing into an array by out=, in-place ufuncs, ufunc.at, copyto, sort, fill, put and kin."""

import numpy as np
import pytest
from helpers import check

X = np.array([0.7, -1.3, 2.1, 0.4])
A = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])


def squares(terms):
    return sum(t * t for t in terms)


def test_out_of_a_unary_ufunc(mode):
    def f(x):
        y = np.zeros_like(x)
        result = np.sin(x, out=y)
        assert result is y
        np.exp(y, out=y)
        return (y * x).sum()

    check(mode, f, X, lambda m, x: sum(m.exp(m.sin(t)) * t for t in x))


def test_out_is_an_operand_and_a_view(mode):
    def f(x):
        y = x * 1.0
        np.multiply(y[:2], y[2:], out=y[1:3])
        np.add(y, y[::-1], out=y)
        return (y * y).sum()

    def program(m, x):
        y = [x[0], x[0] * x[2], x[1] * x[3], x[3]]
        return squares([s + t for s, t in zip(y, y[::-1], strict=True)])

    check(mode, f, X, program)


def test_out_as_positional_argument_and_tuple(mode):
    def f(x):
        y, z = np.empty_like(x), np.empty_like(x)
        np.multiply(x, x, y)
        np.subtract(y, 1.0, out=(z,))
        return (y * z).sum()

    check(mode, f, X, lambda m, x: sum(t**2 * (t**2 - 1) for t in x))


def test_out_of_reductions_and_products(mode):
    def f(a):
        columns = np.zeros_like(a[0])
        np.sum(a, axis=0, out=columns)
        product = np.zeros_like(a, shape=(2, 2))
        np.matmul(a, a.T, out=product)
        running = np.zeros_like(a)
        np.cumsum(a, axis=1, out=running)
        clipped = np.empty_like(a)
        np.clip(a, -0.8, 1.2, out=clipped)
        return (columns**2).sum() + product[0, 1] ** 2 + (running * a).sum() + (clipped * a).sum()

    def program(m, x):
        a, b, c, d, e, g = x
        inner = a * d + b * e + c * g
        running = a * a + (a + b) * b + (a + b + c) * c + d * d + (d + e) * e + (d + e + g) * g
        clipped = a * a - 0.8 * b + 1.2 * c + 1.2 * d + e * e + g * g
        return squares([a + d, b + e, c + g]) + inner**2 + running + clipped

    check(mode, f, A, program)


def test_where_and_out(mode):
    def f(x):
        y = x * x
        np.log(x, out=y, where=x > 0)
        return (y * x).sum()

    check(mode, f, X, lambda m, x: sum(m.log(t) * t if t > 0 else t**3 for t in x))


def test_out_keeps_views_of_it_alive(mode):
    def f(x):
        y = x * 1.0
        v = y[1:]
        np.multiply(x, 3.0, out=y)
        np.negative(v, out=v)
        return (y * y * y).sum() + v[0]

    check(mode, f, X, lambda m, x: 27 * (x[0] ** 3 - x[1] ** 3 - x[2] ** 3 - x[3] ** 3) - 3 * x[1])


@pytest.mark.parametrize("index", [[0, 0, 1], np.array([3, 3, 3]), (np.array([2, 2, 0]),), slice(0, 3)])
def test_add_at(mode, index):
    def f(x):
        y = x * 2.0
        np.add.at(y, index, x[1:] * x[0])
        return (y * y).sum()

    def program(m, x):
        y = [2 * t for t in x]
        positions = np.arange(4)[index]
        for k, t in zip(positions, x[1:], strict=True):
            y[k] += t * x[0]
        return squares(y)

    check(mode, f, X, program)


def test_add_at_on_two_axes_subtract_at_and_multiply_at(mode):
    def f(a):
        y = a * 1.0
        np.add.at(y, ([0, 0, 1], [1, 1, 2]), a[1])
        np.subtract.at(y, (slice(None), 0), a[0, 2])
        np.multiply.at(y, ([1], [1]), a[0, 0])
        return (y * y).sum()

    def program(m, x):
        a, b, c, d, e, g = x
        return squares([a - c, b + d + e, c, d - c, e * a, g + g])

    check(mode, f, A, program)


def test_negative_at(mode):
    def f(x):
        y = x * x
        np.negative.at(y, [0, 2])
        return (y * x).sum()

    check(mode, f, X, lambda m, x: -(x[0] ** 3) + x[1] ** 3 - x[2] ** 3 + x[3] ** 3)


def test_copyto(mode):
    def f(x):
        y = np.zeros_like(x)
        np.copyto(y, x * x)
        np.copyto(y, x[0], where=x < 0)
        np.copyto(y[2:], [5.0, 6.0], where=[True, False])
        return (y * x).sum()

    check(mode, f, X, lambda m, x: x[0] ** 3 + x[0] * x[1] + 5 * x[2] + x[3] ** 3)


def test_sort_in_place(mode):
    def f(x):
        y = x * x
        v = y[:1]
        y.sort()
        return (y * np.array([1.0, 10.0, 100.0, 1000.0]) * y).sum() + v[0]

    # squares 0.49 1.69 4.41 0.16
    check(mode, f, X, lambda m, x: x[3] ** 4 + 10 * x[0] ** 4 + 100 * x[1] ** 4 + 1000 * x[2] ** 4 + x[3] ** 2)


def test_sort_in_place_along_an_axis_and_on_a_view(mode):
    def f(a):
        y = a * 1.0
        y.sort(axis=0)
        y[1][::-1].sort()
        return (y * y * np.arange(1.0, 7.0).reshape(2, 3)).sum()

    def program(m, x):
        a, b, c, d, e, g = x
        # columns (a d) (b e) (g c), then the second row (d, e, c) descending: c, d, e
        y = [a, b, g, c, d, e]
        return sum((k + 1) * t * t for k, t in enumerate(y))

    check(mode, f, A, program)


def test_fill(mode):
    def f(x):
        y = x * x
        v = y[1:3]
        v.fill(x[0])
        z = np.empty_like(x)
        z.fill(2.0)
        return (y * z * x).sum()

    check(mode, f, X, lambda m, x: 2 * (x[0] ** 3 + x[0] * x[1] + x[0] * x[2] + x[3] ** 3))


def test_put_and_place_and_putmask(mode):
    def f(x):
        y = x * 1.0
        np.put(y, [0, 3], x[1:3] * 2.0)
        np.putmask(y, np.array([False, True, False, False]), x * x)
        return (y * y * y).sum()

    check(mode, f, X, lambda m, x: 8 * x[1] ** 3 + x[1] ** 6 + x[2] ** 3 + 8 * x[2] ** 3)


def test_put_along_axis(mode):
    def f(a):
        y = a * 1.0
        np.put_along_axis(y, np.array([[2], [0]]), a[:, 1:2] * a[:, :1], axis=1)
        return (y * y).sum()

    check(mode, f, A, lambda m, x: squares([x[0], x[1], x[0] * x[1], x[3] * x[4], x[4], x[5]]))


def test_fill_diagonal(mode):
    def f(x):
        y = np.outer(x[:2], x[2:])
        np.fill_diagonal(y, x[0])
        return (y * y).sum()

    check(mode, f, X, lambda m, x: 2 * x[0] ** 2 + (x[0] * x[3]) ** 2 + (x[1] * x[2]) ** 2)


def test_in_place_operators_call_the_ufunc_on_the_same_array(mode):
    def f(x):
        y = x * 1.0
        same = y
        y += x
        y *= x[0]
        y /= 2.0
        y -= 1.0
        y **= 2
        assert same is y
        return (same * x).sum()

    check(mode, f, X, lambda m, x: sum((t * x[0] - 1) ** 2 * t for t in x))


def test_shape_and_resize_attributes(mode):
    def f(x):
        y = (x * x).reshape(2, 2)
        y[0] += y[1]
        z = y.flat[1] if mode == "value" else y.ravel()[1]
        return z * y.size * y.ndim * y.shape[0] * len(y)

    check(mode, f, X, lambda m, x: 32 * (x[1] ** 2 + x[3] ** 2))
