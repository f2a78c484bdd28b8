"""`mmad.jacobian` and `mmad.hessian`: every strategy gives what was worked out by hand, wherever it is asked for."""

import collections
import pickle
import threading

import numpy as np
import pytest
import scipy.sparse as sp
from planner_problems import HESSIANS, JACOBIANS, arrowhead, at, broyden, neighbours, rosenbrock, rosenbrock_by_hand

import mmad
from mmad import Pattern
from mmad.derivatives.recorded import LANES
from mmad.errors import PatternError
from mmad.planner import by_plan as module
from mmad.planner import planned
from mmad.planner.coloring.colored import Seeds
from mmad.planner.decision.task import COLORED, DENSE

FIRST = ["auto", *DENSE["jacobian"], *COLORED["jacobian"]]
SECOND = ["auto", *DENSE["hessian"], *COLORED["hessian"]]
Pair = collections.namedtuple("Pair", "left right")


def close(got, want, tolerance=1e-10):
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * np.abs(want).max(initial=1.0))


def reference(problem):
    """By hand, or where that would be no shorter than the program, by central differences of it."""
    f, x, hand = problem
    if hand is not None:
        return hand(x), 1e-10
    h = 1e-5
    columns = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(len(x))]
    return np.stack(columns, axis=-1), 1e-7


# ------------------------------------------------------------------------------------------------ every strategy
@pytest.mark.parametrize("strategy", FIRST)
@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobians(name, strategy):
    f, x, _ = JACOBIANS[name]
    want, tolerance = reference(JACOBIANS[name])
    J = mmad.jacobian(f, strategy=strategy)
    for _ in range(2):  # planned, and by the plan
        got = J(x)
        assert got.shape == want.shape
        assert got.dtype == np.float64
        close(got, want, tolerance)
    assert strategy in ("auto", J.plan(x).strategy)


@pytest.mark.parametrize("strategy", FIRST)
@pytest.mark.parametrize("name", JACOBIANS)
def test_sparse_jacobians(name, strategy):
    f, x, _ = JACOBIANS[name]
    want, tolerance = reference(JACOBIANS[name])
    J = mmad.jacobian(f, strategy=strategy, sparse=True)
    for _ in range(2):
        got = J(x)
        assert isinstance(got, sp.csr_array)
        assert got.has_canonical_format
        close(got.toarray(), want.reshape(np.size(f(x)), x.size), tolerance)


@pytest.mark.parametrize("strategy", SECOND)
@pytest.mark.parametrize("name", HESSIANS)
def test_hessians(name, strategy):
    f, x, hand = HESSIANS[name]
    H = mmad.hessian(f, strategy=strategy)
    for _ in range(2):
        got = H(x)
        assert got.shape == x.shape + x.shape
        close(got, hand(x))


@pytest.mark.parametrize("strategy", SECOND)
@pytest.mark.parametrize("name", HESSIANS)
def test_sparse_hessians(name, strategy):
    f, x, hand = HESSIANS[name]
    H = mmad.hessian(f, strategy=strategy, sparse=True)
    for _ in range(2):
        close(H(x).toarray(), hand(x).reshape(x.size, x.size))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("strategy", FIRST)
@pytest.mark.parametrize("name", JACOBIANS)
def test_compiled_jacobians(name, strategy, sparse):
    f, x, _ = JACOBIANS[name]
    J = mmad.jacobian(f, strategy=strategy, evaluations=1000, sparse=sparse)
    for factor in (1.0, 1.5, 0.75):
        want, tolerance = reference((f, factor * x, JACOBIANS[name][2]))
        got = J(factor * x)
        close(got.toarray().reshape(want.shape) if sparse else got, want, tolerance)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("strategy", SECOND)
@pytest.mark.parametrize("name", HESSIANS)
def test_compiled_hessians(name, strategy, sparse):
    f, x, hand = HESSIANS[name]
    H = mmad.hessian(f, strategy=strategy, evaluations=1000, sparse=sparse)
    for factor in (1.0, 1.5, 0.75):
        got, want = H(factor * x), hand(factor * x)
        close(got.toarray().reshape(want.shape) if sparse else got, want)


# ------------------------------------------------------------------------------------------------ sparse results
@pytest.mark.parametrize("fmt", ["csr", "csc", "coo", "bsr", "dia", "dok", "lil"])
def test_formats(fmt):
    got = mmad.jacobian(broyden, sparse=True, format=fmt)(at(12))
    assert got.format == fmt
    close(got.toarray(), JACOBIANS["Broyden"][2](at(12)))


def test_stored_entries_are_the_pattern():
    """Also those that happen to vanish: the structure is the same at every point."""
    J = mmad.jacobian(neighbours, sparse=True)
    assert J(np.zeros(9)).nnz == 16
    assert J(np.ones(9)).nnz == 16
    np.testing.assert_array_equal(J(np.zeros(9)).indices, J(np.ones(9)).indices)


def test_results_belong_to_the_caller():
    J = mmad.jacobian(neighbours, sparse=True)
    first = J(np.ones(9))
    first.data[:] = 7.0
    close(J(np.ones(9)).data, np.ones(16))
    H = mmad.hessian(rosenbrock, evaluations=5)
    got = H(at(70))
    kept = got.copy()
    H(2.0 * at(70))
    np.testing.assert_array_equal(got, kept)


# ------------------------------------------------------------------------------------------------ arguments
def mixing(p, y):
    return {"a": p["u"] * p["v"][0], "b": (p["v"] * y[:1], 2.0 * y)}


@pytest.mark.parametrize("strategy", FIRST)
@pytest.mark.parametrize("evaluations", [None, 100])
def test_trees(strategy, evaluations):
    p, y = {"u": at(40), "v": at(45), "name": "static"}, at(3)
    got = mmad.jacobian(mixing, strategy=strategy, evaluations=evaluations)(p, y)
    assert set(got) == {"a", "b"}
    close(got["a"]["u"], p["v"][0] * np.eye(40))
    want = np.zeros((40, 45))
    want[:, 0] = p["u"]
    close(got["a"]["v"], want)
    close(got["b"][0]["v"], y[0] * np.eye(45))
    close(got["b"][1]["v"], np.zeros((3, 45)))
    assert got["a"]["name"] == "static"


@pytest.mark.parametrize("strategy", FIRST)
@pytest.mark.parametrize("evaluations", [None, 100])
def test_several_arguments(strategy, evaluations):
    def f(x, y, z):
        return x * y[0] + z

    x, y, z = at(40), at(2), at(40) ** 2
    J = mmad.jacobian(f, argnums=(2, 1), strategy=strategy, evaluations=evaluations)
    by_z, by_y = J(x, y, z)
    close(by_z, np.eye(40))
    close(by_y, np.stack([x, np.zeros(40)], axis=1))
    (only,) = mmad.jacobian(f, argnums=(-1,), strategy=strategy, evaluations=evaluations)(x, y, z)
    close(only, np.eye(40))


@pytest.mark.parametrize("strategy", SECOND)
@pytest.mark.parametrize("evaluations", [None, 100])
def test_hessians_of_trees(strategy, evaluations):
    def f(p, s):
        return (p.left**2 * p.right[0]).sum() * s

    p = Pair(at(66), at(3))
    got = mmad.hessian(f, strategy=strategy, evaluations=evaluations)(p, 2.0)
    assert isinstance(got, Pair)
    assert isinstance(got.left, Pair)
    close(got.left.left, 4.0 * p.right[0] * np.eye(66))
    want = np.zeros((66, 3))
    want[:, 0] = 4.0 * p.left
    close(got.left.right, want)
    close(got.right.left, want.T)
    both = mmad.hessian(f, argnums=(0, 1), strategy=strategy, evaluations=evaluations)(p, 2.0)
    close(both[1][1], 0.0)
    close(both[0].left[0].left, 4.0 * p.right[0] * np.eye(66))


def test_numbers():
    assert mmad.jacobian(lambda x: x**3)(2.0) == 12.0
    assert mmad.hessian(lambda x: x**3)(2.0) == 12.0
    for strategy in FIRST:
        assert mmad.jacobian(lambda x: x**3, strategy=strategy)(2.0) == 12.0
        assert mmad.jacobian(lambda x: x**3, strategy=strategy, sparse=True)(2.0).toarray() == [[12.0]]
    for strategy in SECOND:
        assert mmad.hessian(lambda x: x**3, strategy=strategy)(2.0) == 12.0


def test_modes_of_hessians_are_what_they_are_called():
    """The levels of derivatives that the function meets, from the outside in."""
    kinds = {}

    def f(x):
        found, level = [], x
        while isinstance(level, mmad._core.Traced):
            found.append(type(level).__name__)
            level = getattr(level, "primal", None)
        kinds[strategy].append(found)
        return (x**3).sum()

    for strategy in DENSE["hessian"]:
        kinds[strategy] = []
        close(mmad.hessian(f, strategy=strategy)(at(3)), 6.0 * np.diag(at(3)))
    assert all(k == ["ArrayVar"] for k in kinds["forward-over-reverse"] + kinds["reverse-over-reverse"])
    assert kinds["forward-over-forward"][-1] == ["ArrayDual", "ArrayDual"]
    assert kinds["reverse-over-forward"][-1] == ["ArrayDual", "ArrayVar"]


@pytest.mark.parametrize("strategy", SECOND)
def test_hessians_of_single_precision(strategy):
    x = at(5).astype(np.float32)
    got = mmad.hessian(lambda x: (x**3).sum(), strategy=strategy)(x)
    assert got.dtype == np.float32
    close(got, 6.0 * np.diag(x), 1e-6)


@pytest.mark.parametrize("strategy", SECOND)
def test_hessians_of_nothing(strategy):
    assert mmad.hessian(lambda x: (x**3).sum(), strategy=strategy)(np.zeros(0)).shape == (0, 0)


def test_keywords():
    J = mmad.jacobian(lambda x, *, power: x**power, strategy="columns")
    close(J(at(5), power=3), np.diag(3 * at(5) ** 2))
    close(J(at(5), power=2), np.diag(2 * at(5)))


@pytest.mark.parametrize("strategy", FIRST)
@pytest.mark.parametrize("evaluations", [None, 100])
def test_the_same_output_twice(strategy, evaluations):
    def f(x):
        y = x * x
        return y, y, x

    a, b, c = mmad.jacobian(f, strategy=strategy, evaluations=evaluations)(at(70))
    close(a, np.diag(2 * at(70)))
    close(b, np.diag(2 * at(70)))
    close(c, np.eye(70))
    stacked = mmad.jacobian(f, strategy=strategy, sparse=True, evaluations=evaluations)(at(70))
    assert stacked.shape == (210, 70)
    close(stacked.toarray(), np.vstack([np.diag(2 * at(70)), np.diag(2 * at(70)), np.eye(70)]))


@pytest.mark.parametrize("strategy", FIRST)
@pytest.mark.parametrize("evaluations", [None, 100])
def test_single_precision(strategy, evaluations):
    x = at(70).astype(np.float32)
    got = mmad.jacobian(broyden, strategy=strategy, evaluations=evaluations)(x)
    assert got.dtype == np.float32
    close(got, JACOBIANS["Broyden"][2](at(70)), 1e-5)
    assert mmad.jacobian(broyden, strategy=strategy, sparse=True, evaluations=evaluations)(x).dtype == np.float32
    H = mmad.hessian(rosenbrock, strategy="star", evaluations=evaluations)(x)
    assert H.dtype == np.float32
    close(H, rosenbrock_by_hand(at(70)), 1e-4)


def test_the_argument_keeps_its_values():
    def f(x):
        x *= 2.0
        return x[1:] * x[:-1]

    x = at(80)
    for strategy in FIRST:
        mmad.jacobian(f, strategy=strategy)(x)
        mmad.jacobian(f, strategy=strategy, evaluations=5)(x)
    np.testing.assert_array_equal(x, at(80))


def test_other_shapes_are_planned_anew():
    J = mmad.jacobian(neighbours, strategy="columns")
    for n in (5, 9, 5, 2, 70):
        close(J(at(n)), JACOBIANS["neighbours"][2](at(n)))
    close(J(at(5).astype(np.float32)), JACOBIANS["neighbours"][2](at(5)), 1e-6)


# ------------------------------------------------------------------------------------------------ branches
def turning(x):
    """Neighbours to the left or to the right."""
    return x[1:] * x[:-1] if x[0] > 0 else x[:-1] * np.roll(x, 2)[:-1] + x[1:]


def turning_by_hand(x):
    n = len(x)
    if x[0] > 0:
        return JACOBIANS["neighbours"][2](x)
    i = np.arange(n - 1)
    out = np.zeros((n - 1, n))
    np.add.at(out, (i, i), np.roll(x, 2)[:-1])
    np.add.at(out, (i, (i - 2) % n), x[:-1])
    np.add.at(out, (i, i + 1), 1.0)
    return out


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("evaluations", [None, 1000])
@pytest.mark.parametrize("strategy", ["auto", *COLORED["jacobian"]])
def test_another_branch_has_another_pattern(strategy, evaluations, sparse):
    J = mmad.jacobian(turning, strategy=strategy, evaluations=evaluations, sparse=sparse)
    x = at(80)
    for sign in (1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0):
        got = J(sign * x)
        close(got.toarray() if sparse else got, turning_by_hand(sign * x))


@pytest.mark.parametrize("evaluations", [None, 1000])
def test_another_branch_of_a_hessian(evaluations):
    def f(x):
        return rosenbrock(x) if x[0] > 0 else (x**3).sum() + x[0] * x[-1]

    def hand(x):
        if x[0] > 0:
            return rosenbrock_by_hand(x)
        out = np.diag(6 * x)
        out[0, -1] = out[-1, 0] = 1.0
        return out

    H = mmad.hessian(f, strategy="star", evaluations=evaluations)
    for sign in (-1.0, 1.0, -1.0, 1.0):
        close(H(sign * at(70)), hand(sign * at(70)))


@pytest.mark.parametrize("evaluations", [None, 1000])
def test_a_loop_of_another_length(evaluations):
    """How often a loop runs depends on a value: another structure each time."""

    def f(x):
        y, k = x * 1.0, 0
        while y[0] < 10.0:
            k += 1
            y = y + np.roll(x, k)
        return y

    def hand(x):
        out, y, k = np.eye(len(x)), x * 1.0, 0
        while y[0] < 10.0:
            k += 1
            y = y + np.roll(x, k)
            out += np.roll(np.eye(len(x)), k, axis=0)
        return out

    J = mmad.jacobian(f, strategy="columns", evaluations=evaluations)
    for x in (np.full(70, 3.0), np.full(70, 2.0), np.full(70, 6.0), np.full(70, 3.1)):
        close(J(x), hand(x))


@pytest.mark.parametrize("evaluations", [None, 1000])
def test_captured_values_are_read_anew(evaluations):
    c = at(80)
    J = mmad.jacobian(lambda x: c * x * np.roll(x, 1), strategy="columns", evaluations=evaluations)
    x = at(80)

    def hand():
        e = np.eye(80)
        return np.diag(c * np.roll(x, 1)) + (c * x)[:, None] * np.roll(e, 1, axis=0)

    close(J(x), hand())
    c[3] = 100.0
    close(J(x), hand())


def test_captured_positions_are_read_anew():
    """Positions are structure: other ones have another pattern."""
    at_ = np.arange(79)
    J = mmad.jacobian(lambda x: x[at_] * x[1:], strategy="columns", sparse=True)
    close(J(at(80)).toarray(), JACOBIANS["neighbours"][2](at(80)))
    at_[:] = 5
    want = np.zeros((79, 80))
    want[np.arange(79), np.arange(1, 80)] = at(80)[5]
    want[:, 5] += at(80)[1:]
    close(J(at(80)).toarray(), want)


# ------------------------------------------------------------------------------------------------ patterns given
TRUE = Pattern.of(JACOBIANS["neighbours"][2](np.ones(90)))


@pytest.mark.parametrize(
    "given",
    [
        TRUE,
        TRUE.tocsr(),
        TRUE.tocsr().tocoo(),
        TRUE.todense(),
        TRUE.todense().astype(int),
        TRUE | Pattern.of(np.eye(89, 90, k=3)),
        np.ones((89, 90)),
    ],
    ids=["pattern", "csr", "coo", "truth values", "integers", "larger", "dense"],
)
@pytest.mark.parametrize("strategy", ["auto", "columns", "rows", "bicoloring"])
@pytest.mark.parametrize("sparse", [False, True])
def test_patterns_given(given, strategy, sparse):
    J = mmad.jacobian(neighbours, strategy=strategy, pattern=given, sparse=sparse)
    got = J(at(90))
    if sparse:
        assert got.nnz == Pattern.of(given).nnz
    close(got.toarray() if sparse else got, JACOBIANS["neighbours"][2](at(90)))


@pytest.mark.parametrize("strategy", ["columns", "rows", "bicoloring"])
@pytest.mark.parametrize("evaluations", [None, 100])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_pattern_that_is_smaller_than_the_truth(strategy, evaluations, sparse):
    J = mmad.jacobian(neighbours, strategy=strategy, pattern=np.eye(89, 90), sparse=sparse, evaluations=evaluations)
    with pytest.raises(PatternError, match="leaves out entries"):
        J(at(90))


@pytest.mark.parametrize("strategy", ["forward", "reverse", "auto"])
def test_dense_strategies_see_a_pattern_that_is_too_small(strategy):
    """Entries outside of the pattern would be dropped without a word."""
    J = mmad.jacobian(neighbours, strategy=strategy, pattern=np.eye(89, 90), sparse=True)
    with pytest.raises(PatternError, match="leaves out entries"):
        J(at(90))


@pytest.mark.parametrize("strategy", SECOND)
def test_a_hessian_pattern_that_is_smaller_than_the_truth(strategy):
    H = mmad.hessian(rosenbrock, strategy=strategy, pattern=np.eye(70), sparse=True)
    with pytest.raises(PatternError, match="leaves out entries"):
        H(at(70))


@pytest.mark.parametrize("evaluations", [None, 1000])
@pytest.mark.parametrize("strategy", ["columns", "rows", "bicoloring", "forward"])
def test_a_pattern_that_is_right_on_one_branch(strategy, evaluations):
    """The other branch has entries that the pattern has not: an error, not a wrong number."""
    x = at(80)
    pattern = Pattern.of(turning_by_hand(x))
    J = mmad.jacobian(turning, strategy=strategy, pattern=pattern, sparse=True, evaluations=evaluations)
    for _ in range(2):
        close(J(x).toarray(), turning_by_hand(x))
        with pytest.raises(PatternError, match="leaves out entries"):
            J(-x)
    close(J(x).toarray(), turning_by_hand(x))


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize("strategy", ["columns", "rows", "bicoloring"])
@pytest.mark.parametrize("sparse", [False, True])
def test_a_pattern_found_for_a_new_branch_is_checked(mode, strategy, sparse, monkeypatch):
    """Whatever finds patterns: one that leaves out entries is never used, in programs neither."""
    x = at(80)
    pattern = Pattern.of(turning_by_hand(x))
    monkeypatch.setattr(planned, "detect", lambda r, graph, *_: (pattern, None))
    J = mmad.jacobian(turning, strategy=strategy, mode=mode, sparse=sparse, evaluations=100)
    for _ in range(2):
        got = J(x)
        close(got.toarray() if sparse else got, turning_by_hand(x))
        with pytest.raises(PatternError, match="error of mmad"):
            J(-x)


def test_a_program_checks_the_patterns_inside_of_it(monkeypatch):
    x = at(80)
    pattern = Pattern.of(turning_by_hand(x))
    monkeypatch.setattr(planned, "detect", lambda r, graph, *_: (pattern, None))
    f = mmad.compile(lambda x: mmad.jacobian(turning, strategy="columns")(2.0 * x).sum(0))
    for _ in range(2):
        close(f(x), turning_by_hand(2.0 * x).sum(0))
        with pytest.raises(PatternError, match="error of mmad"):
            f(-x)


def test_half_of_a_symmetric_pattern_is_enough():
    half = Pattern.of(np.triu(rosenbrock_by_hand(at(70))))
    close(mmad.hessian(rosenbrock, pattern=half, sparse=True)(at(70)).toarray(), rosenbrock_by_hand(at(70)))


@pytest.mark.parametrize("strategy", FIRST)
def test_a_pattern_of_another_shape(strategy):
    with pytest.raises(PatternError, match=r"\(5, 90\).*\(89, 90\)"):
        mmad.jacobian(neighbours, strategy=strategy, pattern=np.ones((5, 90)), sparse=True)(at(90))


@pytest.mark.parametrize("given", ["text", np.ones(3), np.array([[None]]), 3])
def test_what_is_no_pattern(given):
    with pytest.raises(ValueError, match="pattern"):
        mmad.jacobian(neighbours, pattern=given)


def test_an_empty_pattern():
    J = mmad.jacobian(lambda x: np.ones(70), pattern=np.zeros((70, 80)), sparse=True)
    assert J(at(80)).nnz == 0
    with pytest.raises(PatternError):
        mmad.jacobian(lambda x: x, pattern=np.zeros((80, 80)), sparse=True)(at(80))


# ------------------------------------------------------------------------------------------------ as objects
@pytest.mark.parametrize("evaluations", [None, 100])
def test_pickled(evaluations):
    J = mmad.jacobian(broyden, strategy="columns", sparse=True, evaluations=evaluations)
    J(at(70))
    again = pickle.loads(pickle.dumps(J))
    close(again(at(70)).toarray(), JACOBIANS["Broyden"][2](at(70)))
    assert again.plan(at(70)).strategy == "columns"


@pytest.mark.parametrize("evaluations", [None, 1000])
def test_threads(evaluations):
    J = mmad.jacobian(turning, strategy="columns", sparse=True, evaluations=evaluations)
    points = [sign * (at(80) + 0.01 * k) for k in range(8) for sign in (1.0, -1.0)]
    want = [turning_by_hand(x) for x in points]
    wrong = []

    def work(start):
        for k in range(len(points)):
            i = (start + k) % len(points)
            try:
                close(J(points[i]).toarray(), want[i])
            except BaseException as e:
                wrong.append(e)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong, wrong[0]


def test_an_exception_leaves_nothing_behind():
    def f(x):
        if len(x) == 3:
            raise ZeroDivisionError("of the user")
        return neighbours(x)

    J = mmad.jacobian(f, strategy="columns", evaluations=100)
    with pytest.raises(ZeroDivisionError):
        J(at(3))
    close(J(at(9)), JACOBIANS["neighbours"][2](at(9)))


def test_names():
    J = mmad.jacobian(broyden)
    assert J.__name__ == "jacobian_broyden"
    assert J.__wrapped__ is broyden


# ------------------------------------------------------------------------------------------------ inside others
@pytest.mark.parametrize("strategy", FIRST)
def test_inside_a_gradient(strategy):
    """sum over the squares of the entries: 4 x for the neighbours but at the ends."""
    g = mmad.grad(lambda x: (mmad.jacobian(neighbours, strategy=strategy)(x) ** 2).sum())
    want = 4.0 * at(80)
    want[[0, -1]] /= 2.0
    close(g(at(80)), want)


@pytest.mark.parametrize("strategy", SECOND)
def test_inside_a_tangent(strategy):
    v = np.random.default_rng(0).normal(size=70)
    _, got = mmad.jvp(lambda x: mmad.hessian(lambda y: (y**4).sum(), strategy=strategy)(x), (at(70),), (v,))
    close(got, np.diag(24.0 * at(70) * v))


def test_jacobian_of_a_jacobian():
    close(mmad.jacobian(mmad.jacobian(lambda x: x**3))(at(4)), 6 * np.einsum("ij,jk,i->ijk", *[np.eye(4)] * 2, at(4)))


@pytest.mark.parametrize("strategy", FIRST)
def test_inside_vmap(strategy):
    xs = np.stack([at(70), 2.0 * at(70)])
    got = mmad.vmap(mmad.jacobian(broyden, strategy=strategy))(xs)
    close(got, np.stack([JACOBIANS["Broyden"][2](x) for x in xs]))


@pytest.mark.parametrize("strategy", FIRST)
def test_inside_compile(strategy):
    J = mmad.compile(mmad.jacobian(turning, strategy=strategy))
    for sign in (1.0, -1.0, 1.0, -1.0):
        close(J(sign * at(80)), turning_by_hand(sign * at(80)))


@pytest.mark.parametrize("strategy", SECOND)
def test_hessians_inside_compile(strategy):
    H = mmad.compile(lambda x: 2.0 * mmad.hessian(rosenbrock, strategy=strategy)(x))
    for factor in (1.0, 0.5):
        close(H(factor * at(70)), 2.0 * rosenbrock_by_hand(factor * at(70)))


def test_sparse_results_are_not_traced():
    J = mmad.jacobian(neighbours, sparse=True)
    with pytest.raises(TypeError, match="a sparse result cannot be traced"):
        mmad.grad(lambda x: J(x).sum())(np.ones(9))
    with pytest.raises((TypeError, ValueError), match=r"sparse|structures"):
        mmad.vmap(J)(np.ones((2, 9)))


# ------------------------------------------------------------------------------------------------ refused
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strategy": "star"}, "strategy must be one of"),
        ({"strategy": None}, "strategy must be one of"),
        ({"format": "xyz"}, "format must be one of"),
        ({"evaluations": 0}, "evaluations must be a positive int"),
        ({"evaluations": 2.5}, "evaluations must be a positive int"),
        ({"evaluations": True}, "evaluations must be a positive int"),
        ({"mode": "replayed"}, "mode must be one of"),
        ({"memory": "lots"}, "memory must be"),
        ({"memory": "5XB"}, "memory must be"),
        ({"memory": -1}, "memory must be"),
        ({"memory": 0}, "memory must be"),
        ({"memory": True}, "memory must be"),
        ({"memory": 1.5}, "memory must be"),
    ],
)
def test_options_that_are_none(options, said):
    with pytest.raises(ValueError, match=said):
        mmad.jacobian(neighbours, **options)


@pytest.mark.parametrize("operator", [mmad.jacobian, mmad.hessian])
def test_it_takes_a_function(operator):
    with pytest.raises(TypeError, match="takes a function"):
        operator(3)


@pytest.mark.parametrize("strategy", FIRST)
def test_complex_values_are_refused(strategy):
    J = mmad.jacobian(lambda z: z * z, strategy=strategy)
    with pytest.raises(TypeError, match="complex"):
        J(np.ones(70, complex))
    np.testing.assert_array_equal(mmad.jacobian(lambda x: x * 1j, strategy=strategy)(np.ones(70)), 1j * np.eye(70))
    with pytest.raises(TypeError, match="complex"):
        mmad.jacobian(lambda x: x * 1j, strategy=strategy, sparse=True)(np.ones(70))


@pytest.mark.parametrize("strategy", FIRST)
def test_integers_are_refused(strategy):
    with pytest.raises(TypeError, match="int64"):
        mmad.jacobian(neighbours, strategy=strategy)(np.ones(70, int))


@pytest.mark.parametrize("strategy", SECOND)
def test_a_hessian_is_of_a_number(strategy):
    with pytest.raises(TypeError, match="one real number"):
        mmad.hessian(neighbours, strategy=strategy)(at(70))


@pytest.mark.parametrize("memory", [10, "10B", "0.01kB"])
def test_nothing_fits(memory):
    with pytest.raises(MemoryError, match="no strategy fits into 10 bytes"):
        mmad.jacobian(arrowhead, memory=memory)(at(80))


def test_memory_may_decide():
    """A dense matrix does not fit, a sparse one does."""
    J = mmad.jacobian(broyden, sparse=True, memory="200kB")
    assert J(at(1000)).nnz == 2998
    assert J.plan(at(1000)).chosen.bytes <= 200_000


# ------------------------------------------------------------------------------------------------ compiled
def branching(x):
    return np.sin(x) * x if x[0] > 0 else x[::-1] ** 2 * x


@pytest.mark.parametrize("product", [mmad.jacobian, mmad.hessian])
def test_a_compiled_recording_has_the_plan_of_the_eager_one(product):
    """It begins with copies of the arguments, and has guards: neither makes another structure of it."""

    def f(x):
        y = branching(x)
        return y if product is mmad.jacobian else (y * y).sum()

    d, x = product(f, sparse=True, mode="compiled"), np.linspace(0.5, 1.5, 100)
    for point in (x, x, -x, -x, x):
        assert np.allclose(d(point).toarray(), product(f)(point))
    assert len(d.entries) == 2


# ------------------------------------------------------------------------------------------------ many colours
@pytest.mark.parametrize("strategy", ["columns", "rows", "bicoloring", "star"])
def test_seeds_and_products_of_many_colours_are_made_block_by_block(strategy, monkeypatch):
    """The same entries, and no block of seeds or of products of more than the lanes that go together."""

    def energy(x):
        return (x[1:] * x[:-1] ** 2).sum() + x[0] * (x * x).sum()

    hessian = strategy == "star"
    make, f = (mmad.hessian, energy) if hessian else (mmad.jacobian, mmad.grad(energy))
    x, dense = at(150), mmad.jacfwd(mmad.grad(energy))(at(150))
    np.testing.assert_allclose(make(f, strategy=strategy, sparse=True)(x).toarray(), dense, rtol=1e-12)
    monkeypatch.setattr(module, "HELD", 0)
    asked, of = [], Seeds.__getitem__

    def counted(self, which):
        found = of(self, which)
        asked.append(len(found))
        return found

    monkeypatch.setattr(Seeds, "__getitem__", counted)
    derivative = make(f, strategy=strategy, sparse=True)
    np.testing.assert_allclose(derivative(x).toarray(), dense, rtol=1e-12)
    assert sum(asked) == derivative.plan(x).coloring.count
    assert max(asked) <= LANES


def test_seeds():
    colors = np.array([1, -1, 0, 1, 2], np.int32)
    seeds = Seeds(colors, 3)
    whole = [[0, 0, 1, 0, 0], [1, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    assert len(seeds) == 3
    np.testing.assert_array_equal(seeds[:], whole)
    np.testing.assert_array_equal(seeds[1:2], whole[1:2])
    np.testing.assert_array_equal(seeds[2:9], whole[2:])
    assert seeds[3:9].shape == (0, 5)
