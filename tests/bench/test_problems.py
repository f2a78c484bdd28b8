"""Every problem of `mmad.bench`: what it says of itself, its points, its derivatives by hand, and mmad's."""

import importlib
import itertools
import subprocess
import sys

import numpy as np
import pytest

import mmad
from mmad.bench import all_problems, find_problem, problem_names
from mmad.bench.complex_step import complex_step_gradient
from mmad.bench.problem import PRODUCTS, TAGS
from mmad.bench.trees import add_scaled, flatten, unflatten

PROBLEMS = all_problems()
SCALAR = [p for p in PROBLEMS if p.gradient is not None]
VECTOR = [p for p in PROBLEMS if p.gradient is None]


def by_name(problems):
    return pytest.mark.parametrize("problem", problems, ids=lambda problem: problem.name)


def small(problem):
    return problem.at(problem.sizes[0] if problem.smallest is None else problem.smallest)


def points(problem, count=2):
    return list(itertools.islice(small(problem).points(), count))


def test_importing_mmad_does_not_import_the_problems():
    code = "import sys, mmad; sys.exit(any(name.startswith('mmad.bench') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(LookupError, match=r"no problem 'rosenbrok'; there are: .*rosenbrock"):
        find_problem("rosenbrok")


@pytest.mark.parametrize("name", problem_names())
def test_a_problem_has_the_name_of_its_module(name):
    assert find_problem(name).name == name


def test_titles_differ():
    titles = [p.title for p in PROBLEMS]
    assert len(set(titles)) == len(titles)


@by_name(PROBLEMS)
def test_a_problem_says_what_it_is(problem):
    module = importlib.import_module(f"mmad.bench.problems.{problem.name.replace('-', '_')}")
    assert len(module.__doc__.strip()) > 30
    assert len(problem.source) > 10
    assert problem.pattern
    assert problem.products
    assert set(problem.products) <= set(PRODUCTS)
    assert problem.tags <= set(TAGS)
    assert len({"arrays", "scalars"} & problem.tags) == 1
    assert (problem.gradient is None) == ("jacobian" in problem.products)
    assert problem.gradient is not None or problem.jacobian is not None or "complex" in problem.tags


@by_name(PROBLEMS)
def test_there_are_four_sizes_from_small_to_large(problem):
    assert len(problem.sizes) == 4
    assert len(set(problem.sizes)) == 4
    assert list(problem.sizes) == sorted(problem.sizes)


@by_name(PROBLEMS)
def test_points_differ_from_call_to_call_and_are_the_same_again(problem):
    first, second = map(flatten, points(problem))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, flatten(next(small(problem).points())))
    assert not np.array_equal(first, flatten(next(small(problem).points(seed=1))))
    direction = small(problem).direction
    assert flatten(direction).shape == first.shape
    np.testing.assert_array_equal(flatten(direction), flatten(small(problem).direction))


@by_name(SCALAR)
def test_the_gradient_by_hand_agrees_with_differences(problem):
    """Along a direction, in steps of h and 2 h: the error is of fourth order."""
    instance, direction = small(problem), small(problem).direction
    function = instance.make(np)
    for x in points(problem):
        h = 1e-3 / max(1.0, np.abs(flatten(direction)).max())
        value = {k: float(function(add_scaled(x, direction, k * h))) for k in (-2, -1, 1, 2)}
        slope = (8.0 * (value[1] - value[-1]) - (value[2] - value[-2])) / (12.0 * h)
        got = flatten(instance.gradient(x)) @ flatten(direction)
        scale = np.abs(flatten(instance.gradient(x)) * flatten(direction)).sum() + abs(value[1])
        assert abs(got - slope) <= 1e-7 * scale


@by_name([p for p in SCALAR if "complex" in p.tags])
def test_the_gradient_by_hand_agrees_with_complex_steps(problem):
    instance = small(problem)
    for x in points(problem):
        got, right = flatten(instance.gradient(x)), flatten(complex_step_gradient(instance.make(np), x))
        np.testing.assert_allclose(got, right, rtol=1e-11, atol=1e-12 * np.abs(right).max())


@by_name(VECTOR)
def test_the_jacobian_by_hand_agrees_with_differences(problem):
    instance, direction = small(problem), small(problem).direction
    function = instance.make(np)
    for x in points(problem):
        h = 1e-3 / max(1.0, np.abs(flatten(direction)).max())
        value = {k: flatten(function(add_scaled(x, direction, k * h))) for k in (-2, -1, 1, 2)}
        slope = (8.0 * (value[1] - value[-1]) - (value[2] - value[-2])) / (12.0 * h)
        product = instance.jvp(x, direction)
        np.testing.assert_allclose(product, slope, rtol=1e-7, atol=1e-8 * (1.0 + np.abs(value[1]).max()))
        np.testing.assert_allclose(instance.jacobian(x) @ flatten(direction), product, rtol=1e-10, atol=1e-12)


def compared(got, right):
    got, right = flatten(got), np.real(flatten(right))
    np.testing.assert_allclose(got, right, rtol=1e-9, atol=1e-10 * max(np.abs(right).max(), 1e-300))


MODES = {"eager": lambda f: f, "compiled": mmad.compile}


@pytest.mark.parametrize("mode", MODES)
@by_name(SCALAR)
def test_mmad_finds_the_gradient(problem, mode):
    instance = small(problem)
    gradient = MODES[mode](mmad.grad(instance.make(np)))
    for x in points(problem, 3):
        compared(gradient(x), instance.gradient(x))


@pytest.mark.parametrize("mode", MODES)
@by_name([p for p in SCALAR if "hvp" in p.products])
def test_mmad_finds_hessian_vector_products(problem, mode):
    instance = small(problem)
    product = MODES[mode](mmad.hvp(instance.make(np)))
    for x in points(problem, 3):
        compared(product(x, instance.direction), instance.hvp(x, instance.direction))


@pytest.mark.parametrize("mode", MODES)
@by_name([p for p in PROBLEMS if {"hessian", "jacobian"} & set(p.products)])
def test_mmad_finds_the_sparse_matrix(problem, mode):
    instance, kind = small(problem), problem.products[0]
    derivative = getattr(mmad, kind)(instance.make(np), sparse=True, mode=mode)
    for x in points(problem, 3):
        right = getattr(instance, kind)(x)
        compared(derivative(x).toarray(), right)


def test_trees_are_put_together_again():
    tree = {"b": (np.arange(3.0), 4.0), "a": np.ones((2, 2))}
    again = unflatten(flatten(tree), tree)
    assert list(again) == ["b", "a"]
    np.testing.assert_array_equal(again["b"][0], tree["b"][0])
    assert again["b"][1] == 4.0
    np.testing.assert_array_equal(flatten(tree), flatten(again))


@pytest.mark.slow
@by_name(PROBLEMS)
def test_derivatives_are_finite_and_not_zero_at_every_size(problem):
    for n in problem.sizes:
        instance = problem.at(n)
        function, x = instance.make(np), instance.point
        if problem.gradient is None:
            found = mmad.jvp(function, (x,), (instance.direction,))[1]
        else:
            found = mmad.grad(function)(x)
        assert np.all(np.isfinite(flatten(found)))
        assert np.any(flatten(found))
