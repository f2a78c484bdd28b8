"""Assignment into arrays: element, slice, boolean, fancy, augmented."""

import numpy as np
import pytest
from helpers import check

import mmad

X = np.array([0.7, -1.3, 2.1, 0.4])
A = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]])


def squares(terms):
    return sum(t * t for t in terms)


def test_element(mode):
    def f(x):
        y = x * 2.0
        y[0] = x[1] * x[2]
        y[-1] = 3.0
        return (y * y).sum()

    check(mode, f, X, lambda m, x: squares([x[1] * x[2], 2 * x[1], 2 * x[2], 3]))


def test_element_of_a_matrix(mode):
    def f(a):
        y = a * 1.0
        y[0, 1] = a[1, 2] * a[0, 0]
        y[1][2] = 5.0 * a[0, 1]
        y[-1, -3] *= a[0, 2]
        return (y * y * a).sum()

    def program(m, x):
        a, b, c, d, e, g = x
        y = [a, g * a, c, d * c, e, 5 * b]
        return sum(t * t * s for t, s in zip(y, x, strict=True))

    check(mode, f, A, program)


def test_element_by_element_loop(mode):
    def f(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = np.sin(x[i]) * (y[i - 1] if i else 1.0)
        return y.sum()

    check(mode, f, X, lambda m, x: sum(m.fprod(m.sin(t) for t in x[: k + 1]) for k in range(4)))


def test_recurrence_in_place(mode):
    def f(x):
        y = x.copy()
        for _ in range(3):
            for i in range(1, len(y)):
                y[i] = y[i] * y[i - 1] + x[i]
        return y[-1] * y[1]

    def program(m, x):
        y = list(x)
        for _ in range(3):
            for i in range(1, 4):
                y[i] = y[i] * y[i - 1] + x[i]
        return y[3] * y[1]

    check(mode, f, X, program)


def test_slices(mode):
    def f(x):
        y = x * 1.0
        y[1:3] = x[2:] * x[:2]
        y[::2] *= x[1]
        y[:0] = 7.0
        return (y * y).sum()

    def program(m, x):
        return squares([x[0] * x[1], x[2] * x[0], x[3] * x[1] * x[1], x[3]])

    check(mode, f, X, program)


def test_slices_with_negative_steps_and_overlap(mode):
    def f(x):
        y = x * 1.0
        y[1:] = y[:-1]
        y[::-1] = y * np.arange(1.0, 5.0)
        return (y * y * y).sum()

    # after the shift (a, a, b, c), then reversed and weighted
    check(mode, f, X, lambda m, x: x[0] ** 3 + 8 * x[0] ** 3 + 27 * x[1] ** 3 + 64 * x[2] ** 3)


def test_rows_columns_ellipsis_newaxis(mode):
    def f(a):
        y = a * 1.0
        y[0] = a[1] * a[0]
        y[:, 1] = a[:, 2]
        y[..., 0] *= 3.0
        y[:, None, 2] = a[:, :1]
        return (y * y).sum()

    def program(m, x):
        a, _b, c, d, _e, g = x
        return squares([3 * a * d, c, a, 3 * d, g, d])

    check(mode, f, A, program)


def test_broadcast_on_assignment(mode):
    def f(a):
        y = a * 1.0
        y[:] = a[0]
        y[:, 1:] = a[1, 0]
        y[1, :] += a[:, :1].sum()
        return (y * y).sum()

    def program(m, x):
        a, d = x[0], x[3]
        return squares([a, d, d, a + a + d, d + a + d, d + a + d])

    check(mode, f, A, program)


def test_boolean_mask_with_scalar_and_array(mode):
    def f(x):
        y = x * 1.0
        y[x < 0] = x[0] * x[0]
        mask = np.array([True, False, True, False])
        y[mask] = x[mask] * x[~mask]
        y[y > 100.0] = 0.0
        return (y**3).sum()

    check(mode, f, X, lambda m, x: (x[0] * x[1]) ** 3 + x[0] ** 6 + (x[2] * x[3]) ** 3 + x[3] ** 3)


def test_boolean_mask_of_a_matrix_augmented(mode):
    def f(a):
        y = a * a
        y[a > 0] *= a[a > 0]
        y[np.array([True, False])] += 1.0
        return (y * y).sum()

    def program(m, x):
        a, b, c, d, e, g = x
        return squares([a**3 + 1, b**2 + 1, c**3 + 1, d**3, e**3, g**2])

    check(mode, f, A, program)


def test_fancy_index(mode):
    def f(x):
        y = x * 1.0
        y[[3, 0]] = x[[1, 2]] * 2.0
        y[np.array([[1], [2]])] = x[0]
        return (y * y * np.arange(1.0, 5.0)).sum()

    check(mode, f, X, lambda m, x: (2 * x[2]) ** 2 + 2 * x[0] ** 2 + 3 * x[0] ** 2 + 4 * (2 * x[1]) ** 2)


def test_fancy_index_with_duplicates_last_wins(mode):
    def f(x):
        y = x * 1.0
        y[[0, 1, 0]] = x[1:] * x[0]
        y[[2, 2]] += x[:2]
        return (y * y).sum()

    check(mode, f, X, lambda m, x: squares([x[3] * x[0], x[2] * x[0], x[2] + x[1], x[3]]))


def test_fancy_index_of_several_axes(mode):
    def f(a):
        y = a * 1.0
        y[[0, 1], [2, 0]] = a[[1, 0], [1, 1]]
        y[1, [1, 2]] *= a[0, 0]
        y[np.ix_([0], [0, 1])] += a[1, 2]
        return (y * y).sum()

    def program(m, x):
        a, b, _c, _d, e, g = x
        return squares([a + g, b + g, e, b, e * a, g * a])

    check(mode, f, A, program)


def test_augmented_assignment_of_names(mode):
    def f(x):
        a, b = x[0], x * 1.0
        a += x[1]
        a *= a
        a -= 1.0
        a /= x[2]
        a **= 2
        b += x
        b *= b
        b -= x[0]
        b /= x
        b **= 2.0
        b @= np.eye(4) * 2.0
        return a + b.sum()

    def program(m, x):
        a = ((x[0] + x[1]) ** 2 - 1) / x[2]
        return a**2 + sum(2 * (((2 * t) ** 2 - x[0]) / t) ** 2 for t in x)

    check(mode, f, X, program)


def test_augmented_assignment_of_elements_and_attributes(mode):
    class Box:
        pass

    def f(x):
        box = Box()
        box.y = x * 1.0
        box.y[0] += x[1]
        box.y[0] *= box.y[0]
        box.y[1:3] -= x[0]
        box.y[3] /= x[2]
        box.y[2] **= 3
        box.y[2] //= 100.0
        box.y[1] %= 1.0
        return (box.y * box.y).sum()

    # (2.1 - 0.7)^3 // 100 = 0;  (-1.3 - 0.7) mod 1 sits on a jump, so shift: see X_SHIFTED
    x_shifted = X + np.array([0.0, 0.25, 0.0, 0.0])
    # (-1.05 - 0.7) mod 1 = 0.25
    check(mode, f, x_shifted, lambda m, x: squares([(x[0] + x[1]) ** 2, x[1] - x[0] + 2, 0, x[3] / x[2]]))


def test_python_float_name_is_not_an_alias(mode):
    def f(x):
        a = x[0]
        b = a
        a += x[1]
        return a * b

    check(mode, f, X, lambda m, x: (x[0] + x[1]) * x[0])


def test_assignment_of_a_plain_value_cuts_the_derivative(mode):
    def f(x):
        y = x * x
        y[:2] = [1.0, 2.0]
        y[2] = 3
        return (y * x).sum()

    check(mode, f, X, lambda m, x: x[0] + 2 * x[1] + 3 * x[2] + x[3] ** 3)


def test_overwriting_a_value_that_the_sweep_still_needs(mode):
    def f(x):
        y = np.exp(x)
        z = y * y
        y += 1.0
        y[0] = 0.0
        w = z * y
        z[:] = 0.0
        return w.sum() + z.sum()

    check(mode, f, X, lambda m, x: sum(m.exp(2 * t) * (m.exp(t) + 1) for t in x[1:]))


def test_swap_through_a_temporary(mode):
    def f(x):
        y = x * 1.0
        y[0], y[1] = y[1], y[0]
        temporary = y[2:].copy()
        y[2:] = y[:2]
        y[:2] = temporary
        return (y * np.array([1.0, 10.0, 100.0, 1000.0]) * y).sum()

    check(mode, f, X, lambda m, x: x[2] ** 2 + 10 * x[3] ** 2 + 100 * x[1] ** 2 + 1000 * x[0] ** 2)


def test_gaussian_elimination_in_place(mode):
    def f(a):
        y = a * 1.0
        n = len(y)
        sign = 1.0
        for k in range(n):
            p = k + int(np.argmax(np.abs(y[k:, k])))
            if p != k:
                y[[k, p]] = y[[p, k]]
                sign = -sign
            y[k + 1 :, k] /= y[k, k]
            y[k + 1 :, k + 1 :] -= np.outer(y[k + 1 :, k], y[k, k + 1 :])
        return sign * np.prod(np.diag(y))

    a = np.random.default_rng(5).normal(size=(4, 4))
    check(mode, f, a, lambda m, x: m.det(m.matrix([x[4 * i : 4 * i + 4] for i in range(4)])), rtol=1e-10)


@pytest.mark.parametrize(
    "index", [(0, 1), (slice(None), 0), (Ellipsis, slice(0, 2)), ([1, 0, 1],), (slice(None, None, -1),)]
)
def test_assignment_of_a_traced_scalar_at_any_index(mode, index):
    def f(x):
        y = x[:6].reshape(2, 3) * 1.0
        y[index] = x[6]
        return (y * y).sum()

    mask = np.zeros((2, 3), bool)
    mask[index] = True
    x = np.append(A.ravel(), 1.7)
    check(
        mode,
        f,
        x,
        lambda m, x: squares(x[6] if hit else t for t, hit in zip(x[:6], mask.ravel(), strict=True)),
    )


def leading_slice(x):
    y = x * 1.0
    y[1:] = x[None, :2]
    return y


def leading_element(x):
    y = np.zeros((2, 3), like=x)
    y[:, 1:] = x[None, None, :2]
    y[0] = x[None]
    return y.sum(axis=0)


def leading_index(x):
    y = x * 1.0
    y[[0, 2]] = x[None, :2]
    y[np.array([False, True, True])] = x[:1] * 2
    return y


@pytest.mark.parametrize("f", [leading_slice, leading_element, leading_index])
def test_leading_axes_of_length_one_broadcast_away(f):
    x = np.array([1.0, 2.0, 3.0])
    samples = np.stack([x, -x])
    jacobian = np.stack([f(x + e) - f(x) for e in np.eye(3)], axis=-1)  # the functions are linear
    for operator in (mmad.jacobian, mmad.jacfwd, mmad.jacrev):
        np.testing.assert_array_equal(operator(f)(x), jacobian)
        np.testing.assert_array_equal(mmad.compile(operator(f))(x), jacobian)
    np.testing.assert_array_equal(mmad.vmap(f)(samples), [f(x) for x in samples])
    np.testing.assert_array_equal(mmad.vmap(mmad.jacfwd(f))(samples), [jacobian, jacobian])
