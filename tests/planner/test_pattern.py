"""Sparsity patterns as values: made from everything that describes a matrix, checked, compared."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import mmad
from mmad import Pattern

SOME = np.array([[1, 0, 2, 0], [0, 0, 0, 0], [3, 4, 0, 5]])


def test_compressed_rows():
    p = Pattern((3, 4), [0, 2, 2, 5], [0, 2, 0, 1, 3])
    assert p.shape == (3, 4)
    assert p.nnz == 5
    assert p.density == 5 / 12
    np.testing.assert_array_equal(p.todense(), SOME != 0)
    assert (p.indptr.dtype, p.indices.dtype) == (np.int64, np.int32)


def test_rows_in_any_order_and_repetitions():
    p = Pattern((3, 4), [0, 4, 4, 8], [2, 0, 2, 2, 3, 0, 1, 0])
    np.testing.assert_array_equal(p.indptr, [0, 2, 2, 5])
    np.testing.assert_array_equal(p.indices, [0, 2, 0, 1, 3])


def test_coordinates_in_any_order():
    p = Pattern.from_coordinates([2, 0, 2, 0, 2, 2], [3, 2, 0, 0, 1, 3], (3, 4))
    assert p == Pattern.of(SOME)


@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix, sp.dok_array, sp.lil_array])
def test_sparse_matrices_of_every_format(make):
    assert Pattern.of(make(SOME)) == Pattern.of(SOME)


def test_stored_zeros_count():
    stored = sp.csr_array((np.zeros(2), [1, 0], [0, 1, 2]), shape=(2, 2))
    np.testing.assert_array_equal(Pattern.of(stored).todense(), [[False, True], [True, False]])


@pytest.mark.parametrize("dtype", [bool, np.int8, np.float32, float, complex])
def test_dense_matrices_of_every_dtype(dtype):
    """An integer pattern is as good as any."""
    assert Pattern.of(SOME.astype(dtype)) == Pattern.of(SOME)
    assert Pattern.of(np.asfortranarray(SOME)) == Pattern.of(SOME.tolist()) == Pattern.of(SOME)


def test_a_pattern_is_its_own_pattern():
    p = Pattern.of(SOME)
    assert Pattern.of(p) is p


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (1, 1), (2, 3)])
def test_empty_patterns(shape):
    p = Pattern.of(np.zeros(shape))
    assert (p.shape, p.nnz, p.density) == (shape, 0, 0.0)
    assert p.T.shape == shape[::-1]
    assert p.tocsr().shape == shape
    assert p <= p
    assert p == pickle.loads(pickle.dumps(p))


@pytest.mark.parametrize(
    ("shape", "indptr", "indices", "said"),
    [
        ((2, 2), [0, 1], [0], "indptr"),
        ((2, 2), [0, 1, 3], [0, 1], "indptr"),
        ((2, 2), [1, 1, 2], [0, 1], "indptr"),
        ((2, 2), [0, 2, 1], [0], "indptr"),
        ((2, 2), [0, 1, 2], [0, 2], "column"),
        ((2, 2), [0, 1, 2], [0, -1], "negative"),
        ((2, 2), [0, 1, 2], [0.0, 1.0], "whole numbers"),
        ((2, 2), [0, 1, 2], [[0, 1]], "whole numbers"),
        ((2, 2**40), [0, 1, 1], [2**33], "too large"),
        ((-1, 2), [0], [], "negative"),
    ],
)
def test_what_describes_no_matrix(shape, indptr, indices, said):
    with pytest.raises(ValueError, match=said):
        Pattern(shape, indptr, indices)


def test_coordinates_outside_of_the_matrix():
    with pytest.raises(ValueError, match="row"):
        Pattern.from_coordinates([2], [0], (2, 2))
    with pytest.raises(ValueError, match="column"):
        Pattern.from_coordinates([0], [2], (2, 2))
    with pytest.raises(ValueError, match="2 rows but 1 columns"):
        Pattern.from_coordinates([0, 1], [0], (2, 2))


@pytest.mark.parametrize("x", [np.ones(3), np.ones((2, 2, 2)), np.array([[None]]), "text", 3.0])
def test_what_is_no_matrix(x):
    with pytest.raises(ValueError, match="matrix"):
        Pattern.of(x)


def test_immutable():
    p = Pattern.of(SOME)
    for a in (p.indptr, p.indices, p.T.indptr, p.T.indices, (p | p).indices):
        with pytest.raises(ValueError, match="read-only"):
            a[0] = 1


def test_the_arrays_given_stay_the_callers():
    indptr, indices = np.array([0, 1, 2]), np.array([0, 1], np.int32)
    p = Pattern((2, 2), indptr, indices)
    indices[0] = 1
    assert p.indices[0] == 0
    assert indices.flags.writeable


def test_values():
    a, b = Pattern.of(SOME), Pattern.of(np.array(SOME))
    assert a == b
    assert hash(a) == hash(b)
    assert a != Pattern.of(SOME.T)
    assert a != Pattern.of(np.ones((3, 4)))
    assert a != 3
    assert pickle.loads(pickle.dumps(a)) == a
    assert repr(a) == "Pattern(3 x 4, 5 nonzeros, 42 %)"


def test_symmetric():
    assert Pattern.of(np.eye(3)).is_symmetric
    assert not Pattern.of(np.eye(3, k=1)).is_symmetric
    assert not Pattern.of(SOME).is_symmetric
    np.testing.assert_array_equal(
        Pattern.of(np.eye(3, k=1)).symmetrized().todense(), (np.eye(3, k=1) + np.eye(3, k=-1)) != 0
    )
    with pytest.raises(ValueError, match="no union"):
        Pattern.of(SOME).symmetrized()


def test_sparse_arrays_with_entries():
    p = Pattern.of(SOME)
    assert (p.tocsr(np.array([1, 2, 3, 4, 5.0])).toarray() == SOME).all()
    assert p.tocsr().sum() == 5


def test_it_is_public():
    assert mmad.Pattern is Pattern


truths = st.tuples(st.integers(0, 7), st.integers(0, 7)).flatmap(lambda shape: arrays(bool, shape))


@settings(max_examples=200, deadline=None)
@given(truths, st.randoms(use_true_random=False))
def test_against_dense_matrices(dense, random):
    p = Pattern.of(dense)
    entries = list(zip(*np.nonzero(dense), strict=True)) * 2
    random.shuffle(entries)
    rows, columns = [int(i) for i, _ in entries], [int(j) for _, j in entries]
    assert p == Pattern.from_coordinates(np.array(rows, int), np.array(columns, int), dense.shape)
    np.testing.assert_array_equal(p.todense(), dense)
    np.testing.assert_array_equal(p.T.todense(), dense.T)
    np.testing.assert_array_equal(p.row_counts, dense.sum(1))
    np.testing.assert_array_equal(p.column_counts, dense.sum(0))
    np.testing.assert_array_equal(p.rows, np.nonzero(dense)[0])
    assert p == p.T.T
    assert p == Pattern.of(p.tocsr())


@settings(max_examples=100, deadline=None)
@given(st.tuples(st.integers(0, 6), st.integers(0, 6)).flatmap(lambda s: st.tuples(arrays(bool, s), arrays(bool, s))))
def test_unions_and_inclusion(pair):
    a, b = pair
    p, q = Pattern.of(a), Pattern.of(b)
    np.testing.assert_array_equal((p | q).todense(), a | b)
    assert (p <= q) == bool((a <= b).all())
    assert p <= (p | q)
