"""Repeated blocks: they agree with a complex step through plain NumPy; what has none is refused."""

import tracemalloc
import warnings

import numpy as np
import pytest

import mmad
from mmad import StructureError
from mmad.derivatives.recorded import Recorded
from mmad.planner.structure.blocks import blocks_of
from mmad.planner.structure.cut import cut_of

STEP = 1e-30  # nothing is subtracted


def complex_step(f, args):
    """The Jacobian by all elements of all arguments, exact to rounding."""
    sizes = [np.size(x) for x in args]
    columns = []
    for k, n in enumerate(sizes):
        for i in range(n):
            moved = [np.array(v, complex) for v in args]
            moved[k].reshape(-1)[i] += 1j * STEP
            out = f(*moved)
            leaves = out if isinstance(out, tuple) else (out,)
            columns.append(np.concatenate([np.imag(np.ravel(y)) / STEP for y in leaves]))
    return np.stack(columns, axis=1)


def recorded(f, args):
    return Recorded(f, args, "test", tuple(range(len(args))))


def points(*shapes):
    rng = np.random.default_rng(7)
    return tuple(rng.uniform(0.5, 1.5, size=s) for s in shapes)


def agrees(f, args, hessian_of=None):
    """Blocks against a complex step through the function, or through the gradient by hand of `hessian_of`."""
    make = mmad.jacobian if hessian_of is None else mmad.hessian
    nums = tuple(range(len(args)))
    want = complex_step(f, args)
    for evaluations in (None, 5):
        F = make(f if hessian_of is None else hessian_of, nums, "blocks", sparse=True, evaluations=evaluations)
        for _ in range(2):
            got = F(*args)
            np.testing.assert_allclose(got.toarray(), want, rtol=1e-12, atol=1e-13 * np.abs(want).max(initial=1.0))
    plan = F.plan(*args)
    assert plan.strategy == "blocks"
    assert "structure   blocks:" in plan.explain()
    order = 1 if hessian_of is None else 2
    pattern = mmad.sparsity(f if hessian_of is None else hessian_of, *args, argnums=nums, order=order)
    assert plan.pattern == (pattern if order == 1 else pattern.symmetrized())
    return plan


CAMERA = np.array([0, 2, 1, 0, 2, 2])
POINT = np.array([3, 0, 0, 2, 1, 3])


def project(cameras, points_, w):
    a, b = cameras[CAMERA, 0], cameras[CAMERA, 1]
    x, y = points_[POINT, 0], points_[POINT, 1]
    u = np.sin(a) * x + b * y
    return np.concatenate([w * (u - 0.3), w * (u * y), 1.0 - w * w])


def interleaved(cameras, points_, w):
    c, p = cameras[CAMERA], points_[POINT]
    u = np.exp(c[:, 0]) * p[:, 0] - c[:, 1] * p[:, 1]
    return np.stack([w * u, u * u], axis=1).ravel()


def rows_kept(cameras, points_, w):
    """The lanes' trailing axis stays: products along it and a sum over it."""
    d = cameras[CAMERA] * points_[POINT]
    return (d * w[:, None]), (d**2).sum(axis=1)


def written(x, _, w):
    y = np.zeros_like(w)
    y[:3] = x[[0, 2, 1], 0] * w[:3]
    y[3:] = np.sin(w[3:])
    y *= w
    return y


def through_views(x, p, w):
    c = x[CAMERA]
    column = c[:, 0]
    column *= w
    c[:, 1] += column
    return c[::-1].ravel()


def negated(x, p, w):
    return -(p[POINT, 0] ** 2 * w) - w


def several(x, p, w):
    return {"a": np.cos(w * x[CAMERA, 0]), "b": (x[CAMERA, 1] - w) ** 3}["a"], w * 2.0, np.exp(p[POINT, 1] * w)


JACOBIANS = {
    f.__name__: f for f in (project, interleaved, rows_kept, written, through_views, negated, several)
}  # fmt: skip


@pytest.mark.parametrize("name", JACOBIANS)
def test_jacobian(name):
    agrees(JACOBIANS[name], points((3, 2), (4, 2), (6,)))


def test_blocks_take_as_many_sweeps_as_a_lane_has_outputs():
    plan = agrees(project, points((3, 2), (4, 2), (6,)))
    b = plan.structure
    assert (b.lanes, b.inputs, b.outputs) == (6, 5, 3)
    assert b.sweeps == (plan.chosen.forward, plan.chosen.reverse) == (0, 3)


def test_sweeps_go_forward_where_that_takes_fewer():
    def f(x):
        y = x[POINT]
        return np.stack([np.sin(y), np.cos(y), y**3, np.exp(y)])

    assert agrees(f, points((4,))).structure.sweeps == (1, 0)


@pytest.mark.parametrize(
    "index", [[0, 0, 0], [2, 1, 0], [-1, 0, -1], [1]], ids=["repeated", "out of order", "negative", "one"]
)
def test_gather_indices(index):
    agrees(lambda x, w: x[index] ** 2 * w[: len(index)], points((3,), (3,)))


def test_slices_and_truth_values_as_indices():
    agrees(lambda x: x[1:] * x[:-1] + np.sin(x[[True, False, True, True, True]]), points((5,)))


def test_elements_of_the_arguments_in_the_result():
    """What is only moved is known without a sweep."""
    plan = agrees(lambda x: np.concatenate([x[::-1], x**2, -x[1:]]), points((4,)))
    assert plan.structure.sweeps in ((1, 0), (0, 1))
    assert agrees(lambda x: x[[2, 0, 0]], points((3,))).structure.sweeps == (0, 0)
    agrees(lambda x: x[:-1] * x[1:] - x[:-1], points((4,)))


def test_no_elements():
    J = mmad.jacobian(lambda x: x[np.zeros(0, int)] ** 2, 0, "blocks", sparse=True)
    assert J(np.ones(3)).shape == (0, 3)
    J = mmad.jacobian(lambda x: x**2, 0, "blocks", sparse=True)
    assert J(np.ones(0)).shape == (0, 0)
    J = mmad.jacobian(lambda x: np.ones(2), 0, "blocks", sparse=True)
    assert J(np.ones(3)).nnz == 0


def test_inputs_that_all_lanes_share():
    """Each takes a forward sweep, whichever side the lanes are swept from."""

    def f(x, y, k):
        a, b, c = x[:, CAMERA]
        return np.sin(a * y[POINT] + b) * k[0] + k[1] * (c - y[POINT]) ** 2

    assert agrees(f, points((3, 3), (4,), (2,))).structure.sweeps == (2, 1)


def test_a_number_as_argument():
    plan = agrees(lambda x, k: np.sin(x[CAMERA]) * k, (*points((3,)), 0.7))
    assert plan.structure.sweeps == (2, 0)


def test_families_of_lanes_of_different_lengths():
    def f(x, y):
        return np.concatenate([np.sin(x[CAMERA]) * y[POINT], x**2, y[:3] * x[:3]])

    agrees(f, points((3,), (4,)))


def test_single_precision():
    x = points((5,))[0].astype(np.float32)
    J = mmad.jacobian(lambda x: x[1:] ** 2 * x[:-1] - x[1:], 0, "blocks", sparse=True)(x)
    assert J.dtype == np.float32
    np.testing.assert_allclose(J.toarray(), mmad.jacfwd(lambda x: x[1:] ** 2 * x[:-1] - x[1:])(x), rtol=1e-6)


def test_infinite_partials_of_elements_that_do_not_count():
    x = np.array([0.0, 1.0, 4.0])
    J = mmad.jacobian(lambda x: np.where(x > 0, np.log(x), 0.0)[[0, 1, 2]], 0, "blocks", sparse=True)
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(J(x).toarray(), np.diag([0.0, 1.0, 0.25]))


# ------------------------------------------------------------------------------------------------ Hessians
def chained(x):
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def chained_gradient(x):
    slack = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[1:] += 200.0 * slack
    g[:-1] -= 400.0 * x[:-1] * slack + 2.0 * (1.0 - x[:-1])
    return g


def powell(x):
    a, b, c, d = x.reshape(-1, 4).T
    return ((a + 10 * b) ** 2 + 5 * (c - d) ** 2 + (b - 2 * c) ** 4 + 10 * (a - d) ** 4).sum()


def powell_gradient(x):
    a, b, c, d = x.reshape(-1, 4).T
    p, q, r, s = 2 * (a + 10 * b), 10 * (c - d), 4 * (b - 2 * c) ** 3, 40 * (a - d) ** 3
    return np.stack([p + s, 10 * p + r, q - 2 * r, -q - s], axis=1).ravel()


def surface(x):
    u = x.reshape(4, -1)
    a, b, c = u[1:, 1:], u[:-1, 1:], u[1:, :-1]
    return np.sqrt(1 + (a - b) ** 2 + (a - c) ** 2).sum()


def surface_gradient(x):
    u = x.reshape(4, -1)
    p, q = u[1:, 1:] - u[:-1, 1:], u[1:, 1:] - u[1:, :-1]
    s = np.sqrt(1 + p**2 + q**2)
    g = np.zeros_like(u)
    g[1:, 1:] += (p + q) / s
    g[:-1, 1:] -= p / s
    g[1:, :-1] -= q / s
    return g.ravel()


def springs(x):
    return (np.sin(x[CAMERA] * x[POINT])).sum()


def springs_gradient(x):
    g, c = np.zeros_like(x), np.cos(x[CAMERA] * x[POINT])
    np.add.at(g, CAMERA, c * x[POINT])
    np.add.at(g, POINT, c * x[CAMERA])
    return g


@pytest.mark.parametrize(
    ("f", "gradient", "n", "sweeps"),
    [
        (chained, chained_gradient, 7, 2),
        (powell, powell_gradient, 12, 4),
        (surface, surface_gradient, 20, 3),
        (springs, springs_gradient, 4, 2),
    ],
)
def test_hessian(f, gradient, n, sweeps):
    np.testing.assert_allclose(gradient(points((n,))[0]), mmad.grad(f)(points((n,))[0]), rtol=1e-12)
    plan = agrees(gradient, points((n,)), hessian_of=f)
    assert sum(plan.structure.sweeps) == sweeps


def test_hessian_with_a_parameter_that_all_lanes_share():
    """Entries that are sums over all lanes."""

    def f(x, k):
        return (np.exp(k * x[CAMERA]) * x[CAMERA]).sum()

    def gradient(x, k):
        y, g = x[CAMERA], np.zeros(3, np.result_type(x, k))
        e = np.exp(k * y)
        np.add.at(g, CAMERA, e * (1 + k * y))
        return np.append(g, (e * y * y).sum())

    agrees(gradient, (*points((3,)), 0.3), hessian_of=f)


# ------------------------------------------------------------------------------------------------ what is refused
REFUSED = {
    "lanes of arrays": lambda x: np.cumsum(x**2),
    "depend on each other": lambda x: (x**2)[::-1] * x,
    "each other": lambda x: np.sin(x) @ np.ones((6, 6)),
    "other": lambda x: np.sin(x) * np.exp(x).sum(),
    "as a number": lambda x: np.sin(x[0]) * x[1],
    "lanes": lambda x: np.sort(x**2) * x,
}


@pytest.mark.parametrize("why", REFUSED)
def test_lanes_that_interact_are_refused(why):
    x = points((6,))[0]
    with pytest.raises(StructureError, match=why):
        mmad.jacobian(REFUSED[why], 0, "blocks", sparse=True)(x)
    np.testing.assert_allclose(
        mmad.jacobian(REFUSED[why], 0, sparse=True, evaluations=1000)(x).toarray().squeeze(),
        mmad.jacfwd(REFUSED[why])(x), rtol=1e-12, atol=1e-14,
    )  # fmt: skip


def test_a_long_recording_of_numbers_is_refused():
    def f(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = x[i] * x[i - 1]
        return y

    with pytest.raises(StructureError, match="too long"):
        mmad.jacobian(f, 0, "blocks", sparse=True)(np.ones(8000))


def test_a_pattern_given_is_refused():
    with pytest.raises(ValueError, match="finds the pattern by itself"):
        mmad.jacobian(np.sin, 0, "blocks", pattern=np.eye(3))


# ------------------------------------------------------------------------------------------------ the planner
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_branches_are_planned_apart(mode):
    """In programs too, whose recordings have a guard that the one for the plan has not."""

    def f(x):
        y = x[CAMERA] * x[POINT[:6]] if x[0] > 0 else x[CAMERA] ** 2
        return np.sin(y)

    J = mmad.jacobian(f, 0, "blocks", sparse=True, mode=mode)
    for sign in (1.0, 1.0, -1.0, -1.0, 1.0):
        x = sign * points((4,))[0]
        np.testing.assert_allclose(
            J(x).toarray(), complex_step(lambda z, x=x: f_at(z, x), (x,)), rtol=1e-12, atol=1e-14
        )


def f_at(z, x):
    return np.sin(z[CAMERA] * z[POINT[:6]] if x[0] > 0 else z[CAMERA] ** 2)


def test_an_index_array_that_changes_is_noticed():
    index = CAMERA.copy()
    x = points((3,))[0]
    for evaluations in (None, 10):
        J = mmad.jacobian(lambda x: x[index] ** 2, 0, "blocks", sparse=True, evaluations=evaluations)
        for new in (CAMERA, CAMERA[::-1], CAMERA):
            index[:] = new
            np.testing.assert_array_equal(J(x).toarray(), 2 * x[index][:, None] * np.eye(3)[index])


def test_chosen_where_lanes_share_arguments():
    rng = np.random.default_rng(3)
    i, j = rng.integers(20, size=2000), rng.integers(300, size=2000)

    def f(x, y):
        a, b, c, d = x[:, i]
        p, q, r, s = y[:, j]
        return np.sin(a * p + b * q + c * r + d * s)

    J = mmad.jacobian(f, (0, 1), sparse=True)
    x, y = points((4, 20), (4, 300))
    plan = J.plan(x, y)
    assert (plan.strategy, plan.structure.lanes, plan.structure.sweeps) == ("blocks", 2000, (0, 1))
    text = plan.explain()
    assert "structure   blocks: 2000 lanes" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    rows = J.compare(x, y, rounds=1).rows
    assert {"blocks", "columns"} <= {r["strategy"] for r in rows}
    assert max(r["error"] for r in rows) < 1e-10


def test_refusal_is_explained():
    J = mmad.jacobian(lambda x: np.cumsum(np.sin(x))[np.arange(100)], sparse=True, evaluations=1000)
    assert "no blocks:  lanes of arrays depend on each other" in J.plan(np.ones(100)).explain()


def test_a_dense_result():
    args = points((3, 2), (4, 2), (6,))
    found = mmad.jacobian(project, (0, 1, 2), "blocks")(*args)
    assert [g.shape for g in found] == [(18, 3, 2), (18, 4, 2), (18, 6)]
    np.testing.assert_allclose(np.hstack([g.reshape(18, -1) for g in found]), complex_step(project, args), rtol=1e-12)


def test_inside_compile_and_another_derivative():
    x = points((5,))[0]
    J = mmad.jacobian(lambda x: x[1:] ** 2 * x[:-1], 0, "blocks")
    want = mmad.jacfwd(lambda x: x[1:] ** 2 * x[:-1])(x)
    c = mmad.compile(J)
    for _ in range(2):
        np.testing.assert_allclose(c(x), want)
    squares = mmad.grad(lambda x: (J(x) ** 2).sum())(x)  # of 2 x[i] x[i-1] and of x[i]^2
    a, b = x[1:], x[:-1]
    np.testing.assert_allclose(squares, np.append(8 * a**2 * b, 0) + np.append(0, 8 * a * b**2 + 4 * a**3), rtol=1e-12)


# ------------------------------------------------------------------------------------------------ memory
def test_detection_holds_few_numbers_an_element():
    """10^5 lanes of 6 inputs, sixteen numbers an entry: index sets are of slots and lanes, not of inputs."""
    rng = np.random.default_rng(1)
    i, j = rng.integers(1000, size=100_000), rng.integers(30_000, size=100_000)

    def f(x, y):
        a, b, c = x[:, i]
        p, q, r = y[:, j]
        return np.sin(a * p + b * q) * np.cos(c * r) + a * b

    r = recorded(f, (rng.normal(size=(3, 1000)), rng.normal(size=(3, 30_000))))
    tracemalloc.start()
    b = blocks_of(r)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert b.pattern.nnz == 600_000
    assert peak < 16 * 8 * b.pattern.nnz


def test_the_cut_says_where_computing_begins_and_ends():
    r = recorded(lambda x: np.concatenate([np.sin(x[2:]), x[:1]])[::-1], points((4,)))
    cut = cut_of(r)
    (columns,) = cut.inlets.values()
    assert columns.tolist() == [2, 3]
    (outlet,) = cut.outlets
    ((rows, sign),) = outlet.parts
    assert (rows.tolist(), sign) == ([2, 1], 1)
    ((rows, columns, sign),) = cut.direct
    assert (rows.tolist(), columns.tolist(), sign) == ([0], [0], 1)


def test_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agrees(project, points((3, 2), (4, 2), (6,)))


@pytest.mark.parametrize("traced", [False, True])
def test_sweeps_between_any_nodes_of_a_recording(traced):
    """What is seeded or asked for is not followed upstream: a number taken out of an array, and the array itself."""

    def products(x):
        r = recorded(lambda x: x * np.sin(x[1]), (x,))
        t = r.trace
        load = next(k for k in range(t.start, len(t.tape)) if t.tape.node(k)[0] == "load")
        out = t.outputs[0].node
        (forward,) = t.push_between([(load, 1.0), (t.nodes[0], None)], [out])
        array, number = t.pull_between([(out, np.ones(3))], [t.nodes[0], load])
        return forward, array, number

    x = np.array([0.5, 0.7, 0.9])
    forward, array, number = (mmad.compile(products) if traced else products)(x)
    np.testing.assert_allclose(forward, x * np.cos(0.7))
    np.testing.assert_allclose(array, np.full(3, np.sin(0.7)))
    np.testing.assert_allclose(number, x.sum() * np.cos(0.7))
