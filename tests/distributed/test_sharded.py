"""`mmad.sharded` without workers or with threads: values and derivatives, recordings, errors."""

import dataclasses
import gc
import itertools
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse.linalg
from logistic import GRADIENT, HESSIAN, POINT, SHARDS, VALUE, VECTOR, likelihood, ravelled

import mmad
from mmad.distributed.sums import cut, middle
from mmad.distributed.work import KEPT
from mmad.errors import UnsupportedError


class Immediately:
    """An executor that runs a job when it is submitted."""

    def __init__(self):
        self.calls = 0

    def submit(self, function, *args):
        self.calls += 1
        future = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


# ------------------------------------------------------------------------------------------------ values
def test_value_gradient_and_product_are_those_of_the_closed_form():
    S = mmad.sharded(likelihood, SHARDS)
    value, gradient = S.value_and_grad(POINT)
    np.testing.assert_allclose(S(POINT), VALUE, rtol=1e-13)
    np.testing.assert_allclose(value, VALUE, rtol=1e-13)
    np.testing.assert_allclose(ravelled(gradient), GRADIENT, rtol=1e-12)
    np.testing.assert_allclose(ravelled(S.grad(POINT)), GRADIENT, rtol=1e-12)
    np.testing.assert_allclose(ravelled(S.hvp(POINT, VECTOR)), HESSIAN @ ravelled(VECTOR), rtol=1e-12)


def test_results_have_the_structure_of_the_parameters():
    S = mmad.sharded(likelihood, SHARDS)
    for found in (S.grad(POINT), S.hvp(POINT, VECTOR)):
        assert type(found) is dict
        assert type(found["b"]) is float
        assert found["w"].shape == (3,)


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 5, 50])
def test_the_number_of_parts_changes_no_bit(parts):
    one, other = mmad.sharded(likelihood, SHARDS), mmad.sharded(likelihood, SHARDS, parts=parts)
    assert one(POINT) == other(POINT)
    np.testing.assert_array_equal(ravelled(one.grad(POINT)), ravelled(other.grad(POINT)))
    np.testing.assert_array_equal(ravelled(one.hvp(POINT, VECTOR)), ravelled(other.hvp(POINT, VECTOR)))


@pytest.mark.parametrize(("count", "parts"), [*itertools.product([1, 2, 3, 7, 8, 100], [1, 2, 3, 5, 8, 200])])
def test_parts_are_nodes_of_one_tree(count, parts):
    def nodes(lo, hi):
        yield lo, hi
        if hi - lo > 1:
            yield from nodes(lo, middle(lo, hi))
            yield from nodes(middle(lo, hi), hi)

    found = cut(count, parts)
    assert len(found) == min(count, parts)
    assert [k for lo, hi in found for k in range(lo, hi)] == list(range(count))
    assert set(found) <= set(nodes(0, count))


def test_a_sum_is_added_pairwise():
    """One large number and many small ones: in the order of the shards the small ones would be lost."""
    S = mmad.sharded(lambda p, s: p * s, [1e16, *[1.0] * 7])
    assert S(1.0) == S.grad(1.0) == ((1e16 + 1.0) + 2.0) + 4.0
    assert S(1.0) != sum([1e16, *[1.0] * 7])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_are_those_of_one_process(dtype):
    shards = [np.arange(n, dtype=dtype) for n in (3, 0, 1, 4)]
    f = lambda p, s: (p[0] * s**2).sum() * p[1]
    p, v = np.array([2.0, 3.0], dtype), np.array([1.0, -1.0], dtype)
    S = mmad.sharded(f, shards)
    squares = sum(float(x) ** 2 for s in shards for x in s)
    for found, exact in ((S.grad(p), [3 * squares, 2 * squares]), (S.hvp(p, v), [-squares, squares])):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, np.array(exact, dtype))
    assert S.hessian_operator(p).dtype == dtype


def test_complex_parameters():
    shards = [np.array([1.0, 2.0]), np.array([3.0])]
    S = mmad.sharded(lambda z, s: (s * np.abs(z) ** 2).sum(), shards)
    value, gradient = S.value_and_grad(np.array(1.0 + 2.0j))
    assert value == pytest.approx(30.0, rel=1e-14)
    np.testing.assert_allclose(gradient, 12.0 * (1.0 + 2.0j), rtol=1e-14)  # df/dx + i df/dy


def test_integers_in_a_shard_stay_integers():
    shards = [(np.array([0, 2]), np.array([True, False])), (np.array([1, 1]), np.array([True, True]))]

    def f(p, s):
        index, mask = s
        return (p[index] ** 3)[mask].sum()

    S = mmad.sharded(f, shards)
    p = np.array([1.0, 2.0, 3.0])
    for _ in range(2):
        np.testing.assert_allclose(S.grad(p), [3.0, 24.0, 0.0], rtol=1e-14)
        p = p.copy()
    assert S.stats()["recordings"] == 2


def test_shards_of_any_structure():
    f = lambda p, s: p * (s["x"].sum() if isinstance(s, dict) else s)
    S = mmad.sharded(f, [2.0, {"x": np.ones(3)}, {"x": np.ones(1)}])
    assert S.value_and_grad(2.0) == (12.0, 6.0)


@dataclasses.dataclass
class Line:
    slope: float
    at: np.ndarray
    name: str = "line"


def test_parameters_of_the_users_classes():
    S = mmad.sharded(lambda p, s: ((p.slope * s + p.at) ** 2).sum(), [np.array([1.0, 2.0]), np.array([3.0])])
    gradient = S.grad(Line(2.0, np.array([1.0])))
    assert (gradient.slope, gradient.at, gradient.name) == (68.0, [30.0], "line")
    assert S.hvp(Line(2.0, np.array([1.0])), Line(1.0, np.array([0.0]))).slope == 28.0


def test_integer_vectors_are_floats():
    S = mmad.sharded(lambda p, s: (s * p**2).sum(), [1.0, 2.0])
    np.testing.assert_array_equal(S.hvp(np.ones(2), np.array([1, 2])), [6.0, 12.0])


# ------------------------------------------------------------------------------------------------ operators, minima
def test_the_operator_is_the_hessian():
    H = mmad.sharded(likelihood, SHARDS).hessian_operator(POINT)
    assert isinstance(H, scipy.sparse.linalg.LinearOperator)
    assert (H.shape, H.dtype) == ((4, 4), np.float64)
    columns = np.arange(8.0).reshape(4, 2)
    np.testing.assert_allclose(H @ np.eye(4), HESSIAN, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(H @ columns, HESSIAN @ columns, rtol=1e-12)
    np.testing.assert_allclose(H.T @ columns, HESSIAN @ columns, rtol=1e-12)
    np.testing.assert_allclose(H.H @ columns[:, 0], HESSIAN @ columns[:, 0], rtol=1e-12)
    np.testing.assert_allclose(H @ (columns[:, 0] + 1j), HESSIAN @ (columns[:, 0] + 1j), rtol=1e-12)
    assert (H @ np.zeros((4, 0))).shape == (4, 0)
    x, info = scipy.sparse.linalg.cg(H, np.ones(4), rtol=1e-13)
    assert info == 0
    np.testing.assert_allclose(x, np.linalg.solve(HESSIAN, np.ones(4)), rtol=1e-8)


def test_the_operator_keeps_its_point():
    point = {"w": POINT["w"].copy(), "b": POINT["b"]}
    H = mmad.sharded(likelihood, SHARDS).hessian_operator(point)
    point["w"][:] = 0.0
    np.testing.assert_allclose(H @ np.eye(4), HESSIAN, rtol=1e-12, atol=1e-12)


def test_columns_are_multiplied_in_one_evaluation_with_the_bits_of_single_ones():
    S = mmad.sharded(likelihood, SHARDS)
    H = S.hessian_operator(POINT)
    together, before = H @ np.eye(4), S.stats()["evaluations"]
    np.testing.assert_array_equal(together, np.transpose([H @ e for e in np.eye(4)]))
    assert (before, S.stats()["evaluations"]) == (1, 5)


def test_scipy_minimises():
    S = mmad.sharded(lambda p, s: likelihood({"b": p[0], "w": p[1:]}, s), SHARDS)
    found = scipy.optimize.minimize(
        S.value_and_grad, np.zeros(4), jac=True, hessp=S.hvp, method="trust-ncg", options={"gtol": 1e-6}
    )
    assert found.success
    X = np.concatenate([np.c_[np.ones(len(x)), x] for x, _ in SHARDS])
    y = np.concatenate([y for _, y in SHARDS])
    np.testing.assert_allclose(X.T @ (1 / (1 + np.exp(-X @ found.x)) - y), 0.0, atol=1e-6)


@pytest.mark.parametrize("method", ["BFGS", "Newton-CG", "trust-exact", "Nelder-Mead"])
def test_minimize_takes_it_with_terms_of_its_own(method):
    S = mmad.sharded(lambda p, s: ((p["a"] - s) ** 2).sum(), [np.array([1.0, 2.0]), np.array([6.0])])
    found = mmad.minimize(lambda p: S(p) + 3.0 * p["a"] ** 2, {"a": 0.0}, method=method)
    assert found.x["a"] == pytest.approx(1.5, abs=1e-4)


def test_other_functions_differentiate_it_twice():
    S = mmad.sharded(lambda p, s: (np.sin(p) * s).sum(), [np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    f = lambda p: S(p) ** 2
    p, v, a = np.array([0.3, 0.5]), np.array([1.0, 2.0]), np.array([4.0, 6.0])
    gradient = 2 * (a @ np.sin(p)) * a * np.cos(p)
    hessian = 2 * np.outer(a * np.cos(p), a * np.cos(p)) - np.diag(2 * (a @ np.sin(p)) * a * np.sin(p))
    for g in (mmad.grad(f), mmad.compile(mmad.grad(f)), mmad.jacfwd(f), mmad.jacrev(f)):
        for _ in range(2):
            np.testing.assert_allclose(g(p), gradient, rtol=1e-13)
    np.testing.assert_allclose(mmad.jvp(f, (p,), (v,))[1], gradient @ v, rtol=1e-13)
    for h in (mmad.hvp(f), mmad.compile(mmad.hvp(f))):
        np.testing.assert_allclose(h(p, v), hessian @ v, rtol=1e-13)
    for h in (mmad.hessian(f), mmad.jacfwd(mmad.jacfwd(f)), mmad.jacrev(mmad.jacrev(f))):
        np.testing.assert_allclose(h(p), hessian, rtol=1e-13)
    compiled = mmad.compile(mmad.grad(f))
    compiled(p + 1.0)
    np.testing.assert_allclose(compiled(p), gradient, rtol=1e-13)


def test_a_third_derivative_raises():
    S = mmad.sharded(lambda p, s: (s * p**4).sum(), [1.0, 2.0])
    with pytest.raises(UnsupportedError, match="two derivatives"):
        mmad.derivative(lambda p: S(p), 3)(1.0)


def test_complex_parameters_inside_of_other_functions_raise():
    S = mmad.sharded(lambda z, s: (s * np.abs(z) ** 2).sum(), [1.0])
    with pytest.raises(UnsupportedError, match="parameters are real"):
        mmad.grad(lambda z: S(z))(np.array([1.0 + 2.0j]))


# ------------------------------------------------------------------------------------------------ recordings
def test_shards_of_one_shape_share_a_recording():
    S = mmad.sharded(lambda p, s: (p * s).sum(), [np.full(3, float(k)) for k in range(10)])
    for p in (1.0, 2.0, 3.0):
        assert S.value_and_grad(p) == (135.0 * p, 135.0)
    assert S.stats()["recordings"] == 1


def test_code_that_is_found_when_it_runs_is_recorded():
    """`mmad.compile` keeps a recording only once it knows what the code reads that ran."""

    def made(p):
        factor = 3.0
        return lambda s: factor * p * s.sum()

    S = mmad.sharded(lambda p, s: made(p)(s), [np.ones(2), np.ones(3)])
    assert S.value_and_grad(2.0) == (30.0, 15.0)


def test_branches_on_data_and_on_parameters():
    def f(p, s):
        return p * s if s > 0 else (p**2 * s if p > 1 else -s)

    shards = [1.0, -2.0, 3.0, -4.0]
    for executor in (None, Immediately()):
        S = mmad.sharded(f, shards, executor)
        for p in (0.5, 0.6, 2.0, 3.0, 0.25):
            first = [s if s > 0 else 2 * p * s if p > 1 else 0.0 for s in shards]
            second = [2 * s if s < 0 and p > 1 else 0.0 for s in shards]
            assert S(p) == sum(f(p, s) for s in shards)
            assert S.grad(p) == sum(first)
            assert S.hvp(p, 1.0) == sum(second)
        before = S.stats()
        S.grad(0.75), S.grad(4.0), S.hvp(5.0, 1.0)
        assert before["evaluated_here"] > 0
        assert {**S.stats(), "evaluations": 0} == {**before, "evaluations": 0}


def test_what_the_function_reads_is_read_again():
    scale, power = np.array([1.0, 2.0]), 2

    def f(p, s):
        return (scale * p**power * s).sum()

    executor = Immediately()
    S = mmad.sharded(f, [np.ones(2), np.ones(2)], executor)
    assert S.value_and_grad(3.0) == (54.0, 36.0)
    scale[0] = 5.0
    assert S.value_and_grad(3.0) == (126.0, 84.0)
    power = 1
    assert S.value_and_grad(3.0) == (42.0, 14.0)
    assert mmad.grad(lambda p: S(p))(3.0) == 14.0
    scale[0] = 1.0
    assert mmad.grad(lambda p: S(p))(3.0) == 6.0


def test_what_cannot_be_recorded_raises():
    generator = iter(range(10))
    with pytest.raises(UnsupportedError, match="workers get recordings"):
        mmad.sharded(lambda p, s: p * s * next(generator), [1.0]).grad(2.0)


# ------------------------------------------------------------------------------------------------ errors
def test_an_error_names_the_shard():
    def f(p, s):
        if s.shape == (2,):
            raise ValueError("two")
        return (p * s).sum()

    with pytest.raises(ValueError, match="two") as caught:
        mmad.sharded(f, [np.ones(1), np.ones(3), np.ones(2)]).grad(1.0)
    assert caught.value.__notes__ == ["mmad.sharded: in shard 2"]


@pytest.mark.parametrize("executor", [None, Immediately()], ids=["here", "executor"])
def test_an_error_of_a_program_names_the_shard(executor):
    f = lambda p, s: np.linalg.inv(s - p * np.eye(2)).sum()
    S = mmad.sharded(f, [np.diag([k + 1.0, k + 2.0]) for k in range(0, 8, 2)], executor)
    assert np.isfinite(S.grad(0.5))
    with pytest.raises(np.linalg.LinAlgError) as caught:
        S.grad(5.0)
    assert caught.value.__notes__ == ["mmad.sharded: in shard 2"]


def test_results_that_are_no_number_raise():
    for f in (lambda p, s: p * s, lambda p, s: (p, p)):
        S = mmad.sharded(f, [np.ones(2)])
        for call in (S, S.grad):
            with pytest.raises(TypeError, match="one real number"):
                call(1.0)
    with pytest.raises(TypeError, match="one real number"):
        mmad.sharded(lambda p, s: 1j * p, [1.0])(1.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, [1.0]), TypeError, "takes a function, not int"),
        ((likelihood, []), ValueError, "no shard"),
        ((likelihood, SHARDS, 3), TypeError, "submit"),
        ((likelihood, SHARDS, []), ValueError, "empty"),
    ],
)
def test_wrong_arguments_raise(arguments, error, message):
    with pytest.raises(error, match=message):
        mmad.sharded(*arguments)


@pytest.mark.parametrize("parts", [0, -1, 1.5])
def test_parts_are_a_positive_integer(parts):
    with pytest.raises(ValueError, match="positive integer"):
        mmad.sharded(likelihood, SHARDS, parts=parts)


def test_traced_shards_and_points_raise():
    with pytest.raises(TypeError, match="shard 0 is traced"):
        mmad.grad(lambda x: mmad.sharded(lambda p, s: p * s, [x])(2.0))(1.0)
    S = mmad.sharded(lambda p, s: p * s, [1.0])
    with pytest.raises(TypeError, match="call S"):
        mmad.grad(lambda x: S.grad(x))(1.0)


def test_wrong_vectors_raise():
    S = mmad.sharded(likelihood, SHARDS)
    with pytest.raises(ValueError, match="shape"):
        S.hvp(POINT, {"w": np.ones(2), "b": 1.0})
    with pytest.raises(TypeError, match="real parameters"):
        S.hessian_operator(1j)


# ------------------------------------------------------------------------------------------------ data
def test_data_are_sent_once():
    S = mmad.sharded(likelihood, SHARDS, [Immediately(), Immediately()])
    S.grad(POINT)
    sent = S.stats()["sent"]
    for _ in range(3):
        S.grad(POINT)
    assert S.stats()["sent"] == sent
    assert S.stats()["sent_again"] == 0


def test_what_a_process_has_lost_is_sent_again():
    S = mmad.sharded(likelihood, SHARDS, Immediately())
    expected = ravelled(S.grad(POINT))
    for key in [k for k in KEPT if k.owner == S.owner]:
        del KEPT[key]
    np.testing.assert_array_equal(ravelled(S.grad(POINT)), expected)
    assert S.stats()["sent_again"] == S.stats()["sent"]


def test_workers_forget_what_is_not_needed():
    def kept():
        return sum(k.owner == owner for k in KEPT)

    S = mmad.sharded(likelihood, SHARDS, Immediately())
    owner = S.owner
    S.hvp(POINT, VECTOR)
    count = kept()
    H = S.hessian_operator(POINT)
    H @ np.ones(4)
    assert kept() == count + 1  # the point
    del H
    gc.collect()
    S.hvp(POINT, VECTOR)
    assert kept() == count
    del S
    gc.collect()
    assert kept() == 0


def test_threads():
    with ThreadPoolExecutor(3) as executor:
        S, one = mmad.sharded(likelihood, SHARDS, executor), mmad.sharded(likelihood, SHARDS)
        for scale in (1.0, 0.5):
            p = {"w": scale * POINT["w"], "b": POINT["b"]}
            np.testing.assert_array_equal(ravelled(S.hvp(p, VECTOR)), ravelled(one.hvp(p, VECTOR)))
    assert repr(S) == "<sharded likelihood: 5 shards>"
