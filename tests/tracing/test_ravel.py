"""Trees as vectors, and functions of trees."""

import numpy as np
import pytest

import mmad

TREE = {"a": np.arange(6.0).reshape(2, 3), "b": (2, np.float32(1.5), None), "c": [1 + 2j, "text", True]}


def test_a_tree_comes_back_as_it_was():
    vector, unravel = mmad.ravel_pytree(TREE)
    assert vector.dtype == np.complex128
    back = unravel(vector)
    np.testing.assert_array_equal(back["a"], TREE["a"])
    assert back["a"].dtype == np.float64
    assert back["b"] == TREE["b"]
    assert type(back["b"][1]) is np.float32
    assert back["c"] == TREE["c"]
    assert [type(x) for x in back["c"]] == [complex, str, bool]


def test_small_trees():
    for tree in (3.0, np.zeros(0), (), None, np.arange(3)):
        vector, unravel = mmad.ravel_pytree(tree)
        assert vector.ndim == 1
        assert mmad.tree.structure(unravel(vector)) == mmad.tree.structure(tree)
    with pytest.raises(ValueError, match=r"shape \(1,\)"):
        mmad.ravel_pytree(3.0)[1](np.ones(2))
    with pytest.raises(TypeError, match="not of numbers"):
        mmad.ravel_pytree({"a": np.array(["x"])})


@pytest.mark.parametrize("transform", [lambda f: f, mmad.compile], ids=["eager", "compiled"])
def test_derivatives_go_through_in_both_directions(transform):
    start, unravel = mmad.ravel_pytree({"w": np.array([1.0, 2.0]), "b": 3.0})

    def f(p):
        return (p["w"] ** 3).sum() * p["b"] ** 2

    def g(p):
        return (mmad.ravel_pytree(p)[0] ** 2).sum()

    np.testing.assert_allclose(transform(mmad.grad(lambda v: f(unravel(v))))(start), [54.0, 27.0, 108.0])
    found = transform(mmad.grad(g))(unravel(start))
    np.testing.assert_array_equal(found["w"], [2.0, 4.0])
    assert found["b"] == 6.0
    np.testing.assert_array_equal(mmad.jvp(g, (unravel(start),), (unravel(np.ones(3)),))[1], 12.0)
    second = [[18.0, 18.0, 72.0], [18.0, 54.0, 0.0], [72.0, 0.0, 108.0]]
    np.testing.assert_allclose(transform(mmad.hessian(lambda v: f(unravel(v))))(start), second)


def test_map_leaves_and_structure():
    tree = {"a": (1.0, None), "b": [2.0]}
    assert mmad.tree.map(lambda x, y: x + y, tree, tree) == {"a": (2.0, None), "b": [4.0]}
    assert mmad.tree.leaves(tree) == [1.0, 2.0]
    leaves, structure = mmad.tree.flatten(tree)
    assert structure == mmad.tree.structure(tree)
    assert mmad.tree.unflatten(structure, leaves) == tree
    with pytest.raises(ValueError, match="different structures"):
        mmad.tree.map(lambda x, y: x, tree, {"a": 1.0})
