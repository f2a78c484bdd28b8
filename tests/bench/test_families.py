"""Every case of `mmad.bench.families`: its derivatives, compared with differences of the plain function."""

import itertools

import numpy as np
import pytest

import mmad
from mmad.bench.families import all_families, all_family_cases, find_family_case
from mmad.bench.trees import add_scaled, flatten

pytest.importorskip("scipy")
CASES = all_family_cases()
by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_names_differ_and_find_their_cases():
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(find_family_case(case.name) is case for case in CASES)
    assert sum(map(len, all_families().values())) == len(CASES)
    with pytest.raises(LookupError, match=r"no case 'fourier: ffft'; there are: .*fourier: fft"):
        find_family_case("fourier: ffft")


def slope(function, x, v):
    """The derivative of a number or of an array along v, by differences that are extrapolated twice."""

    def quotient(h):
        ahead, behind = (np.asarray(function(add_scaled(x, v, s * h))) for s in (1.0, -1.0))
        return (ahead - behind) / (2.0 * h)

    coarse, middle, fine = (quotient(h) for h in (4e-3, 2e-3, 1e-3))
    better = [(4.0 * b - a) / 3.0 for a, b in itertools.pairwise((coarse, middle, fine))]
    return (16.0 * better[1] - better[0]) / 15.0


@by_name
def test_derivatives_are_those_of_differences(case):
    """Gradient and Hessian-vector product, compiled, at a second point."""
    instance = case.at(case.sizes[0])
    function, v = instance.make(np), instance.direction
    first, second = itertools.islice(instance.points(), 2)
    gradient, product = mmad.compile(mmad.grad(function)), mmad.compile(mmad.hvp(function))
    gradient(first), product(first, v)
    along = flatten(gradient(second)) @ flatten(v)
    size = np.linalg.norm(flatten(gradient(second))) * np.linalg.norm(flatten(v))
    assert abs(along - slope(function, second, v)) < 1e-6 * size
    change = slope(lambda x: flatten(mmad.grad(function)(x)), second, v)
    got = flatten(product(second, v))
    assert np.abs(got - change).max() < 1e-6 * max(np.abs(change).max(), size)
