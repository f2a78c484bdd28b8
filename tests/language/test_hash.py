"""The hash of a traced number is that of its value; a recording that depends on it is replayed for that value only."""

import collections
import itertools

import numpy as np
import pytest

import mmad

X = np.array([1.5, -2.0, 1.5, 0.25])


def by_dict(x):
    return {1.0: 5.0, -1.0: 7.0}.get(np.sign(x[0]), 9.0) * x[1]


def by_set(x):
    return len({x[0], x[1], x[2]}) * x[0] ** 2


def by_counter(x):
    counted = collections.Counter(x)
    return counted[1.5] * x[0] ** 2 + counted[x[1]] * x[1]


def by_defaultdict(x):
    groups = collections.defaultdict(list)
    for v in x:
        groups[np.sign(v)].append(v)
    return sum(groups[1.0]) ** 2 + len(groups) * sum(groups[-1])


def by_groupby(x):
    return sum(k * len(list(g)) ** 2 for k, g in itertools.groupby(sorted(x)))


def by_argmax(x):
    return {0: x[0], 1: x[1] ** 2, 2: x[2], 3: 4 * x[3]}[np.argmax(x)] * 3


def by_integer_part(x):
    return {1.0: x[0] ** 2, 2.0: x[0] ** 3}.get(np.floor(x[0]), x[0])


def by_membership(x):
    return x[0] ** 2 if x[0] in {1.5, 2.5} else x[0]


def by_truth(x):
    return {True: x[0] ** 2, False: x[1] ** 2}[x[0] > x[1]]


FUNCTIONS = [
    *(by_dict, by_set, by_counter, by_defaultdict, by_groupby, by_argmax, by_integer_part, by_membership, by_truth)
]
POINTS = [X, np.array([-1.5, 3.0, 2.0, 0.5]), np.array([2.5, 2.5, 2.5, 9.0]), np.array([2.0, 5.0, -1.0, 0.5])]


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.longdouble])
def test_lookups_find_what_they_find_plainly(f, dtype):
    compiled, compiled_gradient = mmad.compile(f), mmad.compile(mmad.grad(f))
    for x in [p.astype(dtype) for p in POINTS]:
        expected = f(x)
        value, g = mmad.value_and_grad(f)(x)
        assert value == expected
        assert mmad.jvp(f, (x,), (x,))[0] == expected
        assert compiled(x) == expected
        np.testing.assert_array_equal(compiled_gradient(x), g)
        forward = [mmad.jvp(f, (x,), (e,))[1] for e in np.eye(4, dtype=dtype)]
        np.testing.assert_allclose(np.array(forward, float), g.astype(float), rtol=1e-6)
        np.testing.assert_allclose(mmad.hvp(f)(x, x), mmad.hessian(f)(x) @ x, rtol=1e-5)
        np.testing.assert_array_equal(mmad.vmap(f)(np.stack([x, x])), [expected, expected])


def test_hash_of_numbers_of_all_kinds():
    def f(x):
        y = x[0] + 0j
        for v, plain in ((x[0], 1.5), (y, 1.5 + 0j), (x.sum(), 1.25), (x[0] * 2, 3)):
            assert hash(v) == hash(plain)
            assert {plain: 1}[v] == 1
        with pytest.raises(TypeError, match="unhashable type"):
            hash(x)
        with pytest.raises(TypeError, match="unhashable type"):
            {x[0, ...]}
        return x.sum()

    for operator in (mmad.grad, mmad.jacfwd, mmad.compile, mmad.hessian):
        operator(f)(X)


def test_nan_is_found_by_identity_only():
    def f(x):
        a, b = x[0] * np.nan, x[0] * np.nan
        return x[0] * len({a, b}) * (a in {a})

    assert mmad.grad(f)(X)[0] == 2.0
