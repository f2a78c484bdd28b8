"""Sparsity patterns found by index sets, against differences at several points: nothing nonzero is left out.

For most programs the pattern is exactly what differences find at random points; where index sets must say more (a
linear solve depends on everything), the program is in a table of its own.
"""

import collections
import tracemalloc

import numpy as np
import pytest
from operation_cases import CASES, DIFFERENTIABLE, case, differentiable

import mmad
from mmad import Pattern, sparsity
from mmad.derivatives.recorded import Recorded
from mmad.planner.sparsity._dependence import dependence
from mmad.planner.sparsity.axes import FULL, MOVES, RULES, RUNNING, labels
from mmad.planner.sparsity.detect import detect, graph_of
from mmad.tape._instructions import OPERATIONS

STEP = 1e-6
A = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, -1.0]])  # shape (2, 3); its zeros do not count: values are not looked at
Pair = collections.namedtuple("Pair", "left right")


def differences(f, x):
    """Which entries of the Jacobian central differences find at a point."""
    columns = []
    for i in range(x.size):
        d = np.zeros(x.size)
        d[i] = STEP
        up, down = f(x + d.reshape(x.shape)), f(x - d.reshape(x.shape))
        columns.append(np.ravel(up) - np.ravel(down))
    if not columns:
        return np.zeros((np.size(f(x)), 0), bool)
    return np.abs(np.stack(columns, axis=1)) > 1e-3 * STEP


def seen(f, shape, points=4, shift=0.0):
    """Entries that are nonzero at one of several random points."""
    rng = np.random.default_rng(0)
    return sum(differences(f, rng.uniform(0.2, 0.9, shape) + shift) for _ in range(points)) > 0


def looped(x):
    y = np.zeros(len(x), like=x)
    for i in range(len(x)):
        y[i] = x[i] * x[i - 1] if i else x[0]
    return y


def recurrence(x):
    s, out = 0.0, []
    for i in range(len(x)):
        s = s * 0.5 + x[i]
        out.append(s)
    return np.array(out)


def mutated(x):
    y = x * 1.0
    y[1:] += x[:-1]
    y[0] = x[3]
    y *= 2.0
    return y


def overwritten(x):
    y = x * 1.0
    y[2] = 5.0
    y[:1] = 0.0
    return y


def through_views(x):
    y = x * 1.0
    v = y[::2]
    v += x[1]
    y.reshape(2, 3)[1] *= x[5]
    return y


def added_at(x):
    y = np.zeros(3, like=x)
    np.add.at(y, [0, 2, 0, 2], x[:4])
    return y


def out_argument(x):
    y = x * 1.0
    np.multiply(x[::-1], x, out=y)
    return y


def copied(x):
    y = np.zeros(4, like=x)
    np.copyto(y[1:3], x[4:])
    return y


def branch(x):
    return x[:2] * x[2] if x[0] > -100 else x[:2]


def nested(x):
    return mmad.grad(lambda y: (y[1:] * y[:-1] ** 2).sum())(x) * x[0]


def nested_forward(x):
    return mmad.jvp(lambda y: y[1:] * y[:-1], (x,), (np.ones(6),))[1]


def inner_hessian(x):
    return mmad.hvp(lambda y: (y[1:] ** 2 * y[:-1]).sum())(x, np.ones(6))


def solved(x):
    return np.linalg.solve(np.eye(3) * 4 + np.outer(x, x), x)


#: name: (function, shape of the argument)
EXACT = {
    # elementwise, broadcast
    "product": (lambda x: x * x, 6),
    "functions": (lambda x: np.sin(np.exp(x)) + np.arctan2(x, 2.0) + np.hypot(x, x**2), 6),
    "affine": (lambda x: 2.0 * x + 1.0, 6),
    "neighbours": (lambda x: x[1:] * x[:-1], 6),
    "outer": (lambda x: x[:, None] * x[None, :], 3),
    "broadcast scalar": (lambda x: x[1:] * x[0], 6),
    "broadcast rows": (lambda x: x * x[0], (2, 3)),
    "constant": (lambda x: np.ones(2), 6),
    "constant number": (lambda x: 1.5, 6),
    "part constant": (lambda x: np.concatenate([np.ones(2), x]), 3),
    "identity": (lambda x: x, 6),
    "twice the same": (lambda x: (x, x), 3),
    "power": (lambda x: x ** np.array([2.0, 3.0, 1.0]), 3),
    "power of variables": (lambda x: x[:3] ** x[3:], 6),
    "maximum": (lambda x: np.maximum(x[:3] - 1, x[3:] + 1) * x[3:] * x[:3], 6),
    "comparison": (lambda x: np.where(x > -5.0, x * x[0], 1.0), 6),
    "signs": (lambda x: x * np.sign(x[0]) + np.floor(x[1]), 6),
    "no derivative": (lambda x: np.sign(x) + np.rint(x), 6),
    "cast": (lambda x: x * (x[0] + 10).astype(int), 6),
    # scalars
    "number": (lambda x: x[0] * x[1], 4),
    "array of numbers": (lambda x: np.array([x[0] * x[1], np.sin(x[2]), 1.0]), 4),
    "object array": (lambda x: np.asarray([x[0] + x[1], x[2]], dtype=object) * x[3], 4),
    "loop": (looped, 6),
    "recurrence": (recurrence, 6),
    "zero dimensions": (lambda x: np.sin(x), ()),
    # storage
    "mutated": (mutated, 6),
    "overwritten": (overwritten, 6),
    "through views": (through_views, 6),
    "added at": (added_at, 6),
    "out=": (out_argument, 6),
    "copyto": (copied, 6),
    # positions
    "slices": (lambda x: x[4:0:-2] * 2.0, 6),
    "two axes": (lambda x: x[1, ::2], (2, 3)),
    "fancy": (lambda x: x[[0, 0, 3]] * x[np.array([1, 2, -1])], 6),
    "fancy two axes": (lambda x: x[[0, 1], [2, 0]], (2, 3)),
    "mask": (lambda x: x[np.array([True, False, True])] ** 2, 3),
    "take": (lambda x: np.take(x, [[1, 0]], axis=1), (2, 3)),
    "diagonal": (lambda x: np.diag(x), (3, 3)),
    "diagonal of": (lambda x: np.diag(x) * 2.0, 3),
    "roll": (lambda x: np.roll(x, 1) * x, 6),
    "flip": (lambda x: np.flip(x, 0), (2, 3)),
    # shape
    "reshape": (lambda x: x.reshape(3, 2)[:, 1], 6),
    "transpose": (lambda x: x.T.ravel(), (2, 3)),
    "moved": (lambda x: np.moveaxis(x, 0, 2) * 1.0, (2, 3, 2)),
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 3)), 3),
    "tile": (lambda x: np.tile(x, 2), 3),
    "repeat": (lambda x: np.repeat(x, 2), 3),
    "pad": (lambda x: np.pad(x, 2), 3),
    "concatenate": (lambda x: np.concatenate([x[3:], x[:2] * x[0]]), 6),
    "stack": (lambda x: np.stack([x[:3], x[3:]], axis=1), 6),
    "split": (lambda x: np.split(x, 3)[1] * 2.0, 6),
    "strided": (lambda x: np.lib.stride_tricks.sliding_window_view(x, 3).sum(1), 6),
    # sums
    "sum": (lambda x: x.sum(), (2, 3)),
    "sum over rows": (lambda x: x.sum(axis=0), (2, 3)),
    "sum over columns": (lambda x: x.sum(axis=1, keepdims=True), (2, 3)),
    "sum over two axes": (lambda x: (x * x).sum(axis=(0, 2)), (2, 3, 2)),
    "mean": (lambda x: x.mean(axis=1), (2, 3)),
    "variance": (lambda x: x.var(axis=0), (3, 2)),
    "prod": (lambda x: np.prod(x, axis=1), (2, 3)),
    "norm": (lambda x: np.linalg.norm(x, axis=1), (2, 3)),
    "log sum exp": (lambda x: np.log(np.exp(x).sum(axis=1)), (2, 3)),
    "softmax": (lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True), (2, 3)),
    "diff": (lambda x: np.diff(x), 6),
    "second diff": (lambda x: np.diff(x, n=2, axis=0), (4, 2)),
    "gradient": (lambda x: np.gradient(x), 5),
    "trapezoid": (lambda x: np.trapezoid(x, axis=1), (2, 3)),
    # products
    "dot": (lambda x: x[:3] @ x[3:], 6),
    "matrix vector": (lambda x: x[:6].reshape(2, 3) @ x[6:], 9),
    "vector matrix": (lambda x: x[:2] @ x[2:].reshape(2, 3), 8),
    "matrices": (lambda x: x[:6].reshape(2, 3) @ x[6:].reshape(3, 2), 12),
    "batched": (lambda x: x[:8].reshape(2, 2, 2) @ x[8:].reshape(2, 2, 1), 12),
    "batched constant": (lambda x: np.ones((2, 1, 2)) @ x, (2, 2, 2)),
    "einsum": (lambda x: np.einsum("ij,ij->i", x, x), (2, 3)),
    "tensordot": (lambda x: np.tensordot(x, x, axes=([0], [0])), (2, 3)),
    "kron": (lambda x: np.kron(x[:2], x[2:]), 5),
    "cross": (lambda x: np.cross(x[0], x[1]) + x[0] * x[1], (2, 3)),
    "trace": (lambda x: np.trace(x), (3, 3)),
    "einsum of three": (lambda x: np.einsum("ijk,ikl,il->ij", x, x, x[:, 0]), (2, 2, 2)),
    "inner": (lambda x: np.inner(x, x[:1]), (2, 3)),
    "convolve": (lambda x: np.convolve(x, [1.0, 2.0], mode="valid"), 5),
    "convolve, full": (lambda x: np.convolve([1.0, 2.0, 4.0], x), 5),
    "convolve, same": (lambda x: np.convolve(x, [1.0, 2.0, 4.0], mode="same"), 5),
    "convolve variables": (lambda x: np.convolve(x[:3], x[3:]), 5),
    "single precision": (lambda x: x.astype(np.float32)[:, None] @ x.astype(np.float32)[None, :1], 3),
    # along one axis
    "solve columns": (lambda x: np.linalg.solve(np.eye(2) + np.ones((2, 2)), x), (2, 3)),
    "inverses": (lambda x: np.linalg.inv(x + 4 * np.ones(2)), (2, 2, 2)),
    "determinants": (lambda x: np.linalg.det(x + np.arange(4.0).reshape(2, 2)), (2, 2, 2)),
    # complex on the way
    "complex": (lambda x: np.exp(x * 1j).real + (x[::-1] * (1 + 1j)).imag, 5),
    "complex moved": (lambda x: np.concatenate([(x * 1j)[1:3], [1j]]).imag, 5),
    "complex matrices": (lambda x: ((x[:, None] * 1j) @ np.ones((1, 2))).imag, 3),
    "precisions mixed": (lambda x: np.concatenate([x[:2].astype(np.float32), x[2:]]), 5),
    # control, nesting
    "branch": (branch, 4),
    "nested gradient": (nested, 6),
    "nested forward": (nested_forward, 6),
    "nested product": (inner_hessian, 6),
}

#: Right, and larger than what one point shows: what has no instruction of its own depends on all of its operands.
LARGER = {
    "constant matrix with zeros": (lambda x: A @ x, 3),
    "a factor of zero": (lambda x: x * np.array([0.0, 1.0, 2.0]), 3),
    "cancelled": (lambda x: x - x + x[0], 4),
    "triangle": (lambda x: np.tril(x), (3, 3)),
    "where, the lane not taken": (lambda x: np.where(np.arange(3) > 0, x[:3], x[3:]), 6),
    "select": (lambda x: np.select([np.arange(3) > 1, np.arange(3) > 0], [x[:3], x[3:]], 0.0), 6),
    "clip": (lambda x: np.clip(x, 0.5, 2.0), 6),
    "cumsum": (lambda x: np.cumsum(x), 6),
    "cumsum over rows": (lambda x: np.cumsum(x * x, axis=1), (3, 2)),
    "running maximum": (lambda x: np.maximum.accumulate(x, axis=1), (3, 2)),
    "sort rows": (lambda x: np.sort(x, axis=1), (3, 2)),
    "quantile": (lambda x: np.quantile(x, 0.3, axis=0), (2, 3)),
    "cumprod": (lambda x: np.cumprod(x), 6),
    "sort": (lambda x: np.sort(x), 6),
    "maximum of all": (lambda x: np.max(x, axis=1), (2, 3)),
    "median": (lambda x: np.median(x), 5),
    "solve": (solved, 3),
    "inverse": (lambda x: np.linalg.inv(x + 4 * np.eye(3)), (3, 3)),
    "determinant": (lambda x: np.linalg.det(x), (3, 3)),
    "eigenvalues": (lambda x: np.linalg.eigvalsh(x + x.T + np.diag(np.arange(3.0))), (3, 3)),
    "cholesky": (lambda x: np.linalg.cholesky(x @ x.T + np.eye(2)), (2, 3)),
    "interp": (lambda x: np.interp(np.array([0.1, 0.6]), np.array([0.0, 0.5, 1.0]), x), 3),
}


def flat(f):
    """The function with its result as one vector."""

    def g(x):
        return np.concatenate([np.ravel(np.asarray(v, float)) for v in mmad.tracing.tree.flatten(f(x))[0]])

    return g


@pytest.mark.parametrize("name", EXACT)
def test_patterns_are_exact(name):
    f, shape = EXACT[name]
    found = sparsity(f, np.full(shape, 0.5) + np.arange(np.prod(shape, dtype=int)).reshape(shape) * 0.01)
    np.testing.assert_array_equal(found.todense(), seen(flat(f), shape))


@pytest.mark.parametrize(
    ("name", "row"), [("cumsum over rows", np.tri(2)), ("running maximum", np.tri(2)), ("sort rows", np.ones((2, 2)))]
)
def test_rows_are_kept_apart(name, row):
    """Along the other axes nothing is mixed; running results depend on what came before."""
    f, shape = LARGER[name]
    found = sparsity(f, np.ones(shape)).todense()
    np.testing.assert_array_equal(found, np.kron(np.eye(3), row) > 0)


@pytest.mark.parametrize("name", LARGER)
def test_patterns_leave_nothing_out(name):
    f, shape = LARGER[name]
    found = sparsity(f, np.full(shape, 0.5) + np.arange(np.prod(shape, dtype=int)).reshape(shape) * 0.01)
    assert Pattern.of(seen(flat(f), shape)) <= found


@pytest.mark.parametrize("name", EXACT | LARGER)
def test_gradients_leave_nothing_out(name):
    """The pattern of a Hessian is that of the gradient's Jacobian: here of the sum of the cubes of the results."""
    f, shape = (EXACT | LARGER)[name]

    def scalar(x):
        return (np.concatenate([np.ravel(v) for v in mmad.tracing.tree.flatten(f(x))[0]] + [np.zeros(1)]) ** 3).sum()

    x = np.full(shape, 0.5) + np.arange(np.prod(shape, dtype=int)).reshape(shape) * 0.01
    found = sparsity(scalar, x, order=2)
    numerical = seen(lambda y: np.asarray(mmad.grad(scalar)(np.array(y))), shape, points=2)
    assert Pattern.of(numerical) <= found.symmetrized()


PROBES = [
    (name, k)
    for name, op in OPERATIONS.items()
    for k, probe in enumerate(op.probes)
    if not op.boolean and not op.raw and all(np.result_type(v).kind != "c" for v in probe if not isinstance(v, dict))
]


@pytest.mark.parametrize(("name", "k"), PROBES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_operations_at_their_probes(name, k):
    """Every declared operation, at its own probes, leaves nothing out."""
    op, probe = OPERATIONS[name], OPERATIONS[name].probes[k]
    operands, params = (probe[:-1], probe[-1]) if isinstance(probe[-1], dict) else (probe, {})
    operands = [np.asarray(v, float) for v in operands]
    found = sparsity(lambda *v: op(*v, **params), *operands, argnums=tuple(range(len(operands))))
    sizes = np.cumsum([0] + [v.size for v in operands])

    def f(x):
        parts = [x[a:b].reshape(v.shape) for a, b, v in zip(sizes, sizes[1:], operands, strict=False)]
        return np.asarray(op(*parts, **params))

    assert Pattern.of(differences(f, np.concatenate([v.ravel() for v in operands]))) <= found


def test_rules_are_of_operations():
    assert {*RULES, *MOVES, *RUNNING, *FULL} <= set(OPERATIONS)
    assert not {*FULL} & {*RULES, *MOVES, *RUNNING}


@pytest.mark.parametrize("name", [n for n in DIFFERENTIABLE if not OPERATIONS[n].elementwise])
def test_every_operation_says_which_elements_it_mixes(name):
    assert name in {*RULES, *MOVES, *RUNNING, *FULL}, (
        f"the planner takes the pattern of {name} for full: say in RULES of mmad/planner/sparsity/axes.py which axes "
        "of its operands and of its result belong together, as _solve does, or put it into FULL there, with the reason"
    )


@pytest.mark.parametrize(("name", "k"), [c for c in CASES if c.values[0] in RULES])
def test_rules_leave_nothing_out(name, k):
    """What the tangent of an element reaches has the element's position on the axes whose labels both have."""
    op, operands, params = case(name, k)
    out = np.asarray(op.impl(*operands, **params))
    of_operands, of_result = labels(name, [np.shape(x) for x in operands], out.shape, params)
    for i in differentiable(op, operands):
        x = np.asarray(operands[i])
        for position in np.ndindex(x.shape):
            one = np.zeros_like(x)
            one[position] = 1.0

            def f(z, i=i):
                return op(*[z if j == i else y for j, y in enumerate(operands)], **params)

            reached = np.broadcast_to(mmad.jvp(f, (operands[i],), (one[()] if x.ndim else 1.0,))[1], out.shape)
            if of_operands[i] is None:
                assert not reached.any(), f"operand {i} of {name} has a derivative, and no labels"
                continue
            assert len(of_operands[i]) == x.ndim
            for axis, label in enumerate(of_operands[i]):
                if label in of_result and x.shape[axis] > 1:
                    elsewhere = np.delete(reached, position[axis], of_result.index(label))
                    assert not elsewhere.any(), f"axis {axis} of operand {i} of {name} is mixed: labels say it is not"


# ----------------------------------------------------------------------------------------------- what patterns promise
def test_a_pattern_is_global():
    """Found where an entry vanishes by its value (trap 58)."""
    found = sparsity(lambda x: x[:1] * x[1:], np.array([1.0, 0.0]))
    assert found.nnz == 2
    H = sparsity(lambda x: x[0] ** 3 * x[1] ** 3, np.zeros(2), order=2)
    assert H.nnz == 4
    J = mmad.jacobian(lambda x: np.concatenate([x[:1] * x[1:2], x]), strategy="columns", sparse=True)
    J(np.array([1.0, 0.0]))
    np.testing.assert_allclose(J(np.array([0.3, 0.4])).toarray(), [[0.4, 0.3], [1, 0], [0, 1]])


def test_a_pattern_is_of_a_branch():
    def f(x):
        return x[:2] * x[2] if x[0] > 0 else x[:2]

    assert sparsity(f, np.ones(3)).nnz == 4
    assert sparsity(f, -np.ones(3)).nnz == 2


def test_linear_operations_add_nothing_to_hessians():
    def f(x):
        y = np.cumsum(x)  # depends on everything, linearly
        return (x**2).sum() + 3.0 * y.sum() + (np.ones((4, 4)) @ x).sum() - x[0] + np.mean(x)

    np.testing.assert_array_equal(sparsity(f, np.ones(4), order=2).todense(), np.eye(4) > 0)
    assert sparsity(lambda x: np.sum(3.0 * x), np.ones(4), order=2).nnz == 0


def test_what_is_stopped_does_not_count():
    np.testing.assert_array_equal(sparsity(lambda x: x * mmad.stop_gradient(x.sum()), np.ones(3)).todense(), np.eye(3))
    assert sparsity(lambda x: x[0] * mmad.stop_gradient(x[1]), np.ones(2)).nnz == 1


def test_products_are_not_linear():
    assert sparsity(lambda x: x[0] * x[1] + x[2], np.ones(3), order=2).todense().tolist() == [
        [False, True, False], [True, False, False], [False, False, False],
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------------ arguments
def test_containers():
    def f(p, y):
        return {"a": p["u"] * p["v"][0], "b": (p["v"], 2.0 * y)}

    p = {"u": np.ones(2), "v": np.ones(3), "name": "static"}
    found = sparsity(f, p, np.ones(2))
    want = np.zeros((7, 5), bool)
    want[[0, 1, 0, 1, 2, 3, 4], [0, 1, 2, 2, 2, 3, 4]] = True
    np.testing.assert_array_equal(found.todense(), want)


def test_named_tuples_and_numbers():
    found = sparsity(lambda p: Pair(p.left * p.right, p.right), Pair(2.0, np.ones(2)))
    np.testing.assert_array_equal(found.todense(), np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0], [0, 0, 1]], bool))


def test_several_arguments():
    def f(x, y, z):
        return x * y[0] + z

    args = np.ones(2), np.ones(3), np.ones(2)
    assert sparsity(f, *args).shape == (2, 2)
    both = sparsity(f, *args, argnums=(2, 1))
    np.testing.assert_array_equal(both.todense(), np.array([[1, 0, 1, 0, 0], [0, 1, 1, 0, 0]], bool))


def test_keywords_are_handed_on():
    assert sparsity(lambda x, k: x[:k], np.ones(5), k=3).shape == (3, 5)


def test_single_precision():
    assert sparsity(lambda x: x[1:] * x[:-1], np.ones(4, np.float32)).nnz == 6


def test_no_inputs_and_no_outputs():
    assert sparsity(lambda x: x * 2.0, np.zeros(0)).shape == (0, 0)
    assert sparsity(lambda x: np.zeros(3), np.zeros(0)).shape == (3, 0)
    assert sparsity(lambda x: x[:0], np.ones(3)).shape == (0, 3)
    assert sparsity(lambda x: (), np.ones(3)).shape == (0, 3)
    assert sparsity(lambda x: x[0], np.ones(1)).nnz == 1
    assert sparsity(lambda x: (x * x).sum(), np.zeros(0), order=2).shape == (0, 0)


def test_complex_values_are_refused():
    with pytest.raises(TypeError, match="complex"):
        sparsity(lambda z: z * z, np.ones(2, complex))
    assert sparsity(lambda x: x * 1j, np.ones(2)) == Pattern.of(np.eye(2))


def test_complex_values_on_the_way():
    np.testing.assert_array_equal(sparsity(lambda x: (x * (1 + 2j)).real * x[0], np.ones(3)).todense()[:, 0], True)


def test_integers_are_refused():
    with pytest.raises(TypeError, match="int64"):
        sparsity(lambda x: x * 2, np.ones(3, int))


@pytest.mark.parametrize("order", [0, 3, "2"])
def test_orders(order):
    with pytest.raises(ValueError, match="order is 1"):
        sparsity(lambda x: (x * x).sum(), np.ones(2), order=order)


def test_a_hessian_needs_a_number():
    with pytest.raises(TypeError, match="one real number"):
        sparsity(lambda x: x * x, np.ones(2), order=2)


def test_the_argument_keeps_its_values():
    x = np.arange(4.0)

    def f(x):
        x *= 2.0
        return x

    assert sparsity(f, x).nnz == 4
    np.testing.assert_array_equal(x, np.arange(4.0))


def test_custom_rules_depend_on_all_of_their_operands():
    @mmad.custom_vjp
    def twice(x):
        return x * 2.0

    twice.defvjp(lambda x: (twice(x), None), lambda _, ct: (ct * 2.0,))
    assert Pattern.of(np.eye(3)) <= sparsity(lambda x: twice(x) * 1.0, np.ones(3))


# ------------------------------------------------------------------------------------------------ size
def test_a_million_elementwise():
    """An index set an element, and no more than some hundred bytes for each."""
    n = 1_000_000
    tracemalloc.start()
    found = sparsity(lambda x: np.exp(np.sin(x) * x + 1.0) / (1.0 + x * x), np.ones(n))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.nnz == n
    np.testing.assert_array_equal(found.indices, np.arange(n))
    assert peak < 200 * n


def test_a_long_band():
    n = 100_000
    found = sparsity(lambda x: x[2:] * x[:-2] - x[1:-1], np.ones(n))
    assert found.nnz == 3 * (n - 2)
    np.testing.assert_array_equal(found.indices[-3:], [n - 3, n - 2, n - 1])
    H = sparsity(lambda x: ((x[1:] - x[:-1] ** 2) ** 2).sum(), np.ones(n), order=2)
    assert H.nnz == 3 * n - 2


def test_dense_results_are_one_set():
    n = 3000
    found = sparsity(lambda x: x * x.sum(), np.ones(n))
    assert found.nnz == n * n


def test_a_limit_of_memory_makes_patterns_larger_never_smaller():
    n = 200
    r = Recorded(lambda x: np.lib.stride_tricks.sliding_window_view(x, 40).prod(1), (np.ones(n),), "sparsity")
    exact, _ = detect(r)
    rows, within = dependence(graph_of(r), r.columns.offsets, n, 1000)
    assert not within
    limited = Pattern.stacked(rows, r.shape)
    assert exact.nnz == 161 * 40
    assert exact <= limited
    assert exact != limited


def complex_of(x):
    return x[:8] + 1j * x[8:]


def complex_chain(x):
    d = complex_of(x)[1:] - complex_of(x)[:-1]
    return (d.real**2 + d.imag**2).sum() + (np.abs(complex_of(x)) ** 4).sum()


@pytest.mark.parametrize(
    ("f", "most"),
    [
        (complex_chain, 88),
        (lambda x: (np.abs(np.diff(complex_of(x))) ** 2).sum(), 88),
        (lambda x: (np.abs(complex_of(x)[[0, 3, 5]] * complex_of(x)[[1, 2, 4]]) ** 2).sum(), 48),
        (lambda x: (np.abs(complex_of(x)[::2]) ** 4).sum(), 16),
        (lambda x: (np.abs(complex_of(x)[[0, 0, 1]]) ** 4).sum(), 256),  # what meets depends on everything
    ],
)
def test_hessians_through_complex_arrays(f, most):
    x = np.random.default_rng(0).normal(size=16)
    found = mmad.sparsity(f, x, order=2)
    assert found.nnz <= most
    assert not (np.abs(mmad.hessian(f)(x)) > 1e-9)[~found.todense()].any()
    np.testing.assert_allclose(mmad.hessian(f, sparse=True)(x).toarray(), mmad.hessian(f)(x), rtol=1e-9, atol=1e-9)
