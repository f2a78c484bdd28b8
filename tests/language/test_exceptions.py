"""Exceptions that are really raised: the derivative flows through the handler."""

import contextlib

import numpy as np
import pytest
from helpers import check, derivative

import mmad


class Rejected(Exception):  # noqa: N818
    """Carries a value of the computation."""

    def __init__(self, value):
        super().__init__("rejected")
        self.value = value


def positive(x):
    if x < 0:
        raise ValueError(f"negative: {x}")
    return np.sqrt(x)


@pytest.mark.parametrize("x", [-1.7, 1.7])
def test_try_except_else_finally(mode, x):
    def f(x):
        trail = []
        try:
            y = positive(x)
        except ValueError:
            y = x * x * x
            trail.append("except")
        else:
            y = y * x
            trail.append("else")
        finally:
            trail.append("finally")
            y = y * 2.0
        assert trail[-1] == "finally"
        assert len(trail) == 2
        return y

    check(mode, f, x, (lambda m, x: 2 * x[0] ** 3) if x < 0 else (lambda m, x: 2 * x[0] * m.sqrt(x[0])))


def test_the_exception_carries_a_traced_value(mode):
    def attempt(x):
        y = np.exp(x)
        if y > 1.0:
            raise Rejected(y * x)
        return y

    def f(x):
        try:
            return attempt(x)
        except Rejected as error:
            return error.value * error.value

    check(mode, f, 0.5, lambda m, x: (m.exp(x[0]) * x[0]) ** 2)


def test_work_done_before_the_exception_counts(mode):
    def f(x):
        total = x
        try:
            for k in range(10):  # noqa: B007
                total = total * x
                if total > 5.0:
                    raise StopIteration
        except StopIteration:
            total = total + k
        return total * x

    # 1.6: 1.6^2, ^3, ^4 = 6.5 > 5 at k = 2
    check(mode, f, 1.6, lambda m, x: (x[0] ** 4 + 2) * x[0])


def test_exception_raised_by_python_and_numpy(mode):
    def f(x):
        total = x[0]
        try:
            total = total + {}["missing"]
        except KeyError:
            total = total * x[1]
        try:
            total = total + x[7]
        except IndexError:
            total = total * x[1]
        try:
            total = total + (x + np.ones(3)).sum()
        except ValueError:
            total = np.sin(total)
        try:
            total = total + x.no_such_attribute
        except AttributeError:
            total = total * 2.0
        return total

    check(mode, f, np.array([0.4, 1.2]), lambda m, x: 2 * m.sin(x[0] * x[1] ** 2))


def test_nested_handlers_and_chained_exceptions(mode):
    def f(x):
        try:
            try:
                raise Rejected(x * 3.0)
            except Rejected as inner:
                raise RuntimeError("outer") from inner
            finally:
                x = x * x
        except RuntimeError as outer:
            return outer.__cause__.value * x

    check(mode, f, 1.3, lambda m, x: 3 * x[0] ** 3)


def test_reraise_through_several_frames(mode):
    def deep(x, depth):
        if depth == 0:
            raise Rejected(np.sin(x))
        try:
            return deep(x * 2.0, depth - 1)
        except Rejected as error:
            error.value = error.value * x
            raise

    def f(x):
        with pytest.raises(Rejected) as caught:
            deep(x, 3)
        return caught.value.value

    # x * 2x * 4x * sin(8x)
    check(mode, f, 0.3, lambda m, x: 8 * x[0] ** 3 * m.sin(8 * x[0]))


def test_return_in_finally_and_retry_loop(mode):
    def f(x):
        step = x
        while True:
            try:
                if step > 1.0:
                    raise OverflowError
                return step * x
            except OverflowError:
                step = step / 2.0

    check(mode, f, 5.0, lambda m, x: x[0] ** 2 / 8)


def test_context_manager_swallows_the_exception(mode):
    def f(x):
        y = x
        with contextlib.suppress(ValueError):
            y = y * x
            positive(-y)
            y = y * 1000.0
        return y * 2.0

    check(mode, f, 1.4, lambda m, x: 2 * x[0] ** 2)


def test_generator_throw(mode):
    def worker(x):
        value = x
        while True:
            try:
                yield value
            except Rejected as error:
                value = value * error.value

    def f(x):
        g = worker(x)
        next(g)
        g.throw(Rejected(x * 2.0))
        return g.throw(Rejected(x * 3.0))

    check(mode, f, 0.9, lambda m, x: 6 * x[0] ** 3)


def test_exception_group(mode):
    def f(x):
        result = x
        try:
            raise ExceptionGroup("several", [Rejected(x * x), ValueError()])
        except* Rejected as group:
            result = result * group.exceptions[0].value
        except* ValueError:
            result = result + 1.0
        return result

    check(mode, f, 1.5, lambda m, x: x[0] ** 3 + 1)


def test_exception_inside_an_inner_derivative(mode):
    def inner(t):
        y = t * t
        raise Rejected(3.0)
        return y

    def f(x):
        try:
            return mmad.grad(inner)(x)
        except Rejected as error:
            return error.value * x * mmad.grad(lambda t: t * t * x)(x)

    check(mode, f, 1.5, lambda m, x: 6 * x[0] ** 3)


def test_an_uncaught_exception_keeps_its_type_and_the_users_frame(first):
    def unlucky(x):
        return positive(x * -1.0)

    for _ in range(3):
        with pytest.raises(ValueError, match="negative") as caught:
            derivative(first, unlucky)(4.0)
        assert "unlucky" in [entry.name for entry in caught.traceback]
        assert derivative(first, lambda x: x * x)(3.0) == 6.0
