"""Operations of a function, counted by running it on numbers and arrays that count; no tool has a say in it."""

import operator

import numpy as np

__all__ = ["array_operations", "scalar_operations"]


class CountingNumber:
    """A float that counts the arithmetic done with it."""

    count = 0

    def __init__(self, value):
        self.value = value


def counted(function, reflected):
    def method(self, other):
        CountingNumber.count += 1
        other = other.value if isinstance(other, CountingNumber) else other
        return CountingNumber(function(other, self.value) if reflected else function(self.value, other))

    return method


for name in ("add", "sub", "mul", "truediv", "pow"):
    setattr(CountingNumber, f"__{name}__", counted(getattr(operator, name), False))
    setattr(CountingNumber, f"__r{name}__", counted(getattr(operator, name), True))


def scalar_operations(function, point):
    """How many additions, subtractions, multiplications, divisions and powers a function of a tuple of floats does."""
    CountingNumber.count = 0
    function(tuple(map(CountingNumber, point)))
    return CountingNumber.count


class CountingArray(np.ndarray):
    """An array that counts the universal functions applied to it, matrix products and sums included, views not."""

    count = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        CountingArray.count += 1
        plain = [x.view(np.ndarray) if isinstance(x, CountingArray) else x for x in inputs]
        return np.asarray(getattr(ufunc, method)(*plain, **kwargs)).view(CountingArray)


def array_operations(function, point):
    """How many universal functions a function of a tuple of arrays applies."""
    CountingArray.count = 0
    function(tuple(a.view(CountingArray) for a in point))
    return CountingArray.count
