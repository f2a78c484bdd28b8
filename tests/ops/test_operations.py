"""Every operation, at its own probe points: value, both modes to second order, precisions, layouts, batch rule.

The references share no code with mmad: differences of the operation's plain evaluation, in extended precision where
NumPy has it for that operation.
"""

import itertools

import numpy as np
import pytest
from helpers import python
from operation_cases import APART, CASES, DIFFERENTIABLE, NAMES, A, case, differentiable, inexact, probes

import mmad
import mmad.numpy
import mmad.ops
from mmad._core import Traced
from mmad.derivatives.references import central_difference
from mmad.sweeps.transpose import transpose_pushforward
from mmad.tape._instructions import OPERATIONS, scalar_opcodes
from mmad.tape._tape import Tape
from mmad.wrappers._batch import Batch
from mmad.wrappers._dual import new_level

LD = np.longdouble
EXTENDED = np.finfo(LD).eps < 1e-18


def subsets(positions):
    """All operands together, and each alone (the others are captured constants)."""
    return [positions] + ([[i] for i in positions] if len(positions) > 1 else [])


def bind(op, operands, params, positions, evaluate=None):
    """The operation as a function of the operands at `positions`."""

    def f(*xs):
        args = list(operands)
        for i, x in zip(positions, xs, strict=True):
            args[i] = x
        return (evaluate or op)(*args, **params)

    return f


def direction(x, seed):
    rng = np.random.default_rng(seed)
    v = rng.normal(size=np.shape(x))
    if np.asarray(x).dtype.kind == "c":
        v = v + 1j * rng.normal(size=np.shape(x))
    if isinstance(x, np.ndarray):
        return v.astype(x.dtype)
    return complex(v) if isinstance(x, complex) else float(v)


def wide(x):
    """In extended precision."""
    x = np.asarray(x)
    return x.astype(np.clongdouble if x.dtype.kind == "c" else LD)[()]


def differences(impl, xs, vs):
    """First and second directional derivative of a plain function, and their relative accuracy."""
    second = [(0, LD(-205) / 72), (1, LD(8) / 5), (2, LD(-1) / 5), (3, LD(8) / 315), (4, LD(-1) / 560)]

    def stencil(h, convert):
        def at(t):
            return impl(*[convert(x) + t * convert(v) for x, v in zip(xs, vs, strict=True)])

        two = sum(c * (at(k * h) + at(-k * h) if k else at(0)) for k, c in second) / h**2
        return central_difference(at, h), two

    if EXTENDED:
        try:
            return *stencil(LD(1) / 512, wide), 1e-11, 1e-9
        except (TypeError, np.linalg.LinAlgError):  # LAPACK has no extended precision
            pass
    return *stencil(1 / 128, np.asarray), 1e-9, 1e-6


def inner(a, b):
    """The real inner product."""
    return float(np.real(np.sum(np.conj(a) * b)))


def pulled(f, w):
    """x -> J(x)^H w."""
    return lambda *xs: mmad.vjp(f, *xs)[1](w)


def check_first(op, operands, params, positions, rtol=None):
    """Value and dtype against plain evaluation, the tangent against differences, the cotangent against the tangent."""
    f = bind(op, operands, params, positions)
    plain = bind(op, operands, params, positions, op.impl)
    xs = [operands[i] for i in positions]
    vs = [direction(x, 10 + i) for i, x in enumerate(xs)]
    want = np.asarray(plain(*xs))
    y, y_dot = mmad.jvp(f, tuple(xs), tuple(vs))
    z, pullback = mmad.vjp(f, *xs)
    for got in (y, z):
        assert np.shape(got) == want.shape
        assert np.asarray(got).dtype == want.dtype
        rounding = 4 * np.finfo(want.dtype).eps
        size = 0 if op.elementwise or not want.size else abs(want).max()  # LAPACK rounds by where a matrix lies
        np.testing.assert_allclose(got, want, rtol=rounding, atol=rounding * size)
    assert np.shape(y_dot) == want.shape
    assert np.asarray(y_dot).dtype == want.dtype
    reference, _, accuracy, _ = differences(plain, xs, vs)
    np.testing.assert_allclose(y_dot, reference.astype(want.dtype), rtol=rtol or accuracy, atol=rtol or accuracy)
    w = direction(np.asarray(z), 20)
    cts = pullback(w if isinstance(z, np.ndarray) else w[()])
    for ct, x in zip(cts, xs, strict=True):
        assert np.shape(ct) == np.shape(x)
        assert np.asarray(ct).dtype == np.asarray(x).dtype
    total = sum(inner(ct, v) for ct, v in zip(cts, vs, strict=True))
    scale = np.sqrt(inner(w, w) * inner(y_dot, y_dot)) + 1.0
    np.testing.assert_allclose(total, inner(w, y_dot), atol=(rtol or 1e-13) * scale)


def check_second(op, operands, params, positions):
    """The second derivative in a direction, against differences, in the four mixes of modes."""
    f = bind(op, operands, params, positions)
    plain = bind(op, operands, params, positions, op.impl)
    xs = tuple(operands[i] for i in positions)
    vs = tuple(direction(x, 10 + i) for i, x in enumerate(xs))
    nums = tuple(range(len(xs)))
    _, want, _, accuracy = differences(plain, xs, vs)
    y = np.asarray(plain(*xs))
    w = direction(y, 20)
    w = w if y.shape else w[()]

    def tangent(*zs):
        return mmad.jvp(f, zs, vs)[1]

    def weighed(*zs):
        return real_inner(w, tangent(*zs))

    curved = mmad.jvp(tangent, xs, vs)[1]
    np.testing.assert_allclose(
        curved, np.asarray(want, dtype=y.dtype), rtol=accuracy, atol=accuracy, err_msg="fwd over fwd"
    )
    mixes = {
        "fwd over rev": mmad.jvp(pulled(f, w), xs, vs)[1],
        "rev over fwd": mmad.grad(weighed, nums)(*xs),
        "rev over rev": mmad.grad(
            lambda *zs: sum(real_inner(v, g) for v, g in zip(vs, pulled(f, w)(*zs), strict=True)), nums
        )(*xs),
    }
    for name, hv in mixes.items():
        total = sum(inner(h, v) for h, v in zip(hv, vs, strict=True))
        scale = np.sqrt(inner(w, w) * inner(curved, curved)) + 1.0
        np.testing.assert_allclose(total, inner(w, curved), atol=1e-11 * scale, err_msg=name)
        for h, g in zip(hv, mixes["rev over rev"], strict=True):
            np.testing.assert_allclose(h, g, rtol=1e-10, atol=1e-11 * scale, err_msg=name)


def real_inner(a, b):
    """The real inner product of a plain and a traced value, with mmad's own operations."""
    r = mmad.ops.arithmetic.multiply(np.conj(a), b)
    r = mmad.ops.arithmetic.real(r) if r.dtype.kind == "c" else r
    return r.sum() if r.shape else r


# --- what is there ----------------------------------------------------------------------------------------
def test_every_operation_is_found():
    """A fresh mmad declares the operations that are tested here, no more and no less."""
    done = python("import mmad, mmad.tape._instructions as c; print(*sorted(c.OPERATIONS))")
    assert done.stdout.split() == NAMES, done.stderr


@pytest.mark.parametrize("name", [n for n in DIFFERENTIABLE if n not in APART])
def test_every_operation_has_probe_points(name):
    op = OPERATIONS[name]
    points = probes(op)
    assert points
    for operands, _ in points:
        assert differentiable(op, operands), "the probe has no operand to differentiate with respect to"
    for i in range(op.nin if op.elementwise else 0):
        if op.partials is not None and op.partials[i] is not None:
            assert all(inexact(operands[i]) for operands, _ in points)


# --- derivatives ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "k"), CASES)
def test_double(name, k):
    op, operands, params = case(name, k)
    for positions in subsets(differentiable(op, operands)):
        check_first(op, operands, params, positions)
        check_second(op, operands, params, positions)


@pytest.mark.parametrize(("name", "k"), CASES)
def test_single(name, k):
    """float32 stays float32, and its derivatives are those of float64 to its precision."""
    op, operands, params = case(name, k)
    if any(np.asarray(x).dtype.kind == "c" for x in operands):
        pytest.skip("complex probe: see test_complex")

    def narrow(x):
        return np.asarray(x, np.float32) if inexact(x) else x

    operands = tuple(narrow(np.atleast_1d(x) if op.elementwise else x) for x in operands)
    positions = differentiable(op, operands)
    xs = tuple(operands[i] for i in positions)
    vs = tuple(direction(x, 10) for x in xs)
    f = bind(op, operands, params, positions)
    y, y_dot = mmad.jvp(f, xs, vs)
    z, pullback = mmad.vjp(f, *xs)
    want = bind(op, operands, params, positions, op.impl)(*xs)
    assert y.dtype == z.dtype == y_dot.dtype == want.dtype
    assert want.dtype in (np.float32, np.complex64)
    double = [x.astype(float) for x in xs]
    g = bind(op, [x.astype(float) if inexact(x) else x for x in operands], params, positions)
    w = direction(np.asarray(z), 20)
    w = w if np.ndim(z) else w[()]
    np.testing.assert_allclose(
        y_dot, mmad.jvp(g, tuple(double), tuple(v.astype(float) for v in vs))[1], rtol=1e-4, atol=1e-4
    )
    for ct, reference in zip(pullback(w), mmad.vjp(g, *double)[1](w.astype(np.result_type(w, float))), strict=True):
        assert ct.dtype == np.float32
        np.testing.assert_allclose(ct, reference, rtol=1e-4, atol=1e-4)
    hv = mmad.jvp(pulled(f, w), xs, vs)[1]
    for h, reference in zip(
        hv,
        mmad.jvp(pulled(g, w.astype(np.result_type(w, float))), tuple(double), tuple(v.astype(float) for v in vs))[1],
        strict=True,
    ):
        assert h.dtype == np.float32
        np.testing.assert_allclose(h, reference, rtol=1e-3, atol=1e-3)


#: Operations that NumPy defines on complex numbers by their lexicographic order, or as stand-ins for real logic.
# Operations of real numbers, eigenvectors and singular vectors, whose phase is LAPACK's choice where they are complex,
# and what takes the real eigenvalues with complex matrices.
ORDERED = {"maximum", "minimum", "fmax", "fmin", "max", "min", "max_weights", "min_weights", "cummax", "cummin"}
HERMITIAN = ("cholesky", "eigenvalues", "eigenvalues_tangent")
ORDERED |= {"eigenvectors", "eigenvalues_pull", "eigenvalues_push", "over_gaps", "basis", "vectors_in", "over_rates"}
ORDERED |= {"svd", "svdvals", "eig", "eigvals", "over_sums", "over_values"}
ORDERED |= {"singular_values_pull", "singular_values_tangent"}


def complex_operands(op, operands, params):
    """The probe moved off the real axis, or None where the operation is one of real numbers."""
    if op.name in ORDERED:
        return None
    moved = []
    for i, x in enumerate(operands):
        if i in differentiable(op, operands):
            shift = 0.2j * np.cos(1.0 + i + np.arange(np.size(x))).reshape(np.shape(x))
            x = np.asarray(x) + (shift if not (np.ndim(x) > 1 and op.name in HERMITIAN) else shift - adjoint(shift))
            x = x if x.ndim else complex(x)
        moved.append(x)
    try:
        with np.errstate(all="ignore"):
            op.impl(*moved, **params)
    except TypeError:
        return None
    return tuple(moved)


def adjoint(m):
    return np.conj(np.swapaxes(m, -1, -2))


@pytest.mark.parametrize(("name", "k"), CASES)
def test_complex(name, k):
    op, operands, params = case(name, k)
    operands = complex_operands(op, operands, params)
    if operands is None:
        pytest.skip("an operation of real numbers")
    for positions in subsets(differentiable(op, operands)):
        check_first(op, operands, params, positions)
        check_second(op, operands, params, positions)


def test_complex_is_not_skipped():
    """The operations whose complex derivative matters are among those tested."""
    tested = {
        name
        for name in DIFFERENTIABLE
        if name not in APART
        and any(complex_operands(OPERATIONS[name], *p) is not None for p in probes(OPERATIONS[name]))
    }
    assert tested >= {
        "absolute",
        "add",
        "arctan",
        "cholesky",
        "concatenate",
        "conjugate",
        "contract",
        "cos",
        "cosh",
        "det",
        "divide",
        "eigenvalues",
        "exp",
        "gather",
        "imag",
        "inv",
        "log",
        "log1p",
        "matmul",
        "multiply",
        "power",
        "real",
        "sin",
        "sinh",
        "slogdet",
        "solve",
        "sqrt",
        "square",
        "subtract",
        "sum",
        "tan",
        "tanh",
        "window",
    }


# --- shapes and layouts of elementwise operations ---------------------------------------------------------
ELEMENTWISE = [n for n in DIFFERENTIABLE if OPERATIONS[n].elementwise and n not in APART]
LAYOUTS = {
    "vector": [(3,)] * 3,
    "matrix": [(2, 3)] * 3,
    "empty": [(0, 3)] * 3,
    "one": [(1,)] * 3,
    "0-d": [()] * 3,
    "broadcast": [(2, 3), (3,), (2, 1)],
    "outer": [(2, 1), (1, 3), (3,)],
    "empty broadcast": [(0, 3), (3,), (1, 3)],
    "with a number": [(3,), None, (3,)],
    "number first": [None, (2, 2), (2, 2)],
    "with 0-d": [(2, 2), (), (2, 2)],
    "grown": [(3,), (2, 1, 3), (1, 1)],
    "reversed": [(3,)] * 3,
    "fortran": [(2, 3)] * 3,
    "read-only": [(2, 3)] * 3,
    "strided": [(2, 3)] * 3,
}


def laid_out(op, layout):
    """Operands of the shapes and strides of a layout, filled from the probes by turns."""
    points = probes(op)
    operands = []
    for i in range(op.nin):
        shape = LAYOUTS[layout][i]
        values = [p[0][i] for p in points]
        if shape is None:
            operands.append(values[0])
            continue
        n = int(np.prod(shape))
        x = np.array(
            [values[(k + i * (n > 3)) % len(values)] if op.name not in PAIRED else values[0] for k in range(n)],
            dtype=np.asarray(values).dtype,
        ).reshape(shape)
        if layout == "reversed":
            x = x[::-1].copy()[::-1]
        elif layout == "fortran":
            x = np.asfortranarray(x)
        elif layout == "strided":
            wide_ = np.zeros((4, 6), x.dtype)
            wide_[::2, ::-2] = x
            x = wide_[::2, ::-2]
        elif layout == "read-only":
            x.flags.writeable = False
        operands.append(x)
    return tuple(operands)


#: Their second operand decides the domain of the first: keep probes together.
PAIRED = {"power", "remainder", "fmod", "floor_divide"}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_layouts(name, layout):
    op = OPERATIONS[name]
    operands = laid_out(op, layout)
    before = [np.array(x) for x in operands]
    for positions in subsets(differentiable(op, operands)):
        check_first(op, operands, {}, positions)
    for x, old in zip(operands, before, strict=True):
        np.testing.assert_array_equal(x, old)


# --- batch rules and transposes ---------------------------------------------------------------------------
@pytest.mark.parametrize(("name", "k"), CASES)
def test_batch(name, k):
    """Many lanes at once give what a loop over them gives, for every choice of the operands that have lanes."""
    op, operands, params = case(name, k)
    positions = [i for i, x in enumerate(operands) if inexact(x)]
    count = 4
    for chosen in (c for n in range(1, len(positions) + 1) for c in itertools.combinations(positions, n)):
        rows = [
            [x * (1.0 + 0.01 * lane * (i + 1)) if i in chosen else x for i, x in enumerate(operands)]
            for lane in range(count)
        ]
        want = np.stack([op.impl(*row, **params) for row in rows])
        level = new_level()
        got = op(
            *[Batch(level, np.stack([row[i] for row in rows])) if i in chosen else x for i, x in enumerate(operands)],
            **params,
        )
        assert isinstance(got, Batch)
        assert got.lanes.shape == want.shape
        assert got.lanes.dtype == want.dtype
        np.testing.assert_allclose(got.lanes, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "k"),
    [c for c in CASES if OPERATIONS[c.values[0]].jvp is not None and OPERATIONS[c.values[0]].transposes is not None],
)
def test_declared_transpose_is_the_derived_one(name, k):
    """An operation that declares its transpose besides its pushforward: the one derived from the pushforward agrees."""
    op, operands, params = case(name, k)
    vals = tuple(operands)
    out = op.impl(*vals, **params)
    w = direction(np.asarray(out), 20)
    for i in differentiable(op, operands):
        if i not in op.transposes:
            continue
        derived = transpose_pushforward(op, w, vals, out, params, [j == i for j in range(len(vals))])[i]
        explicit = op.transposes[i](w, *vals, **params)
        np.testing.assert_allclose(reduced(explicit, vals[i]), reduced(derived, vals[i]), rtol=1e-11, atol=1e-12)


def reduced(g, x):
    """A cotangent, summed over the axes along which x was broadcast; None is zero."""
    if g is None:
        return np.zeros(np.shape(x))
    g = np.asarray(g)
    return g.sum(axis=tuple(range(g.ndim - np.ndim(x))))


# --- the scalar table -------------------------------------------------------------------------------------
SCALARS = sorted(scalar_opcodes())
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -3.7, 1e-9]
POINTS = SPECIAL + list(np.random.default_rng(8).normal(size=12) * 3.0)
#: Exactly rounded, or a selection: every bit must agree.  The others come from libm here and from NumPy's loops there.
EXACT = {
    "absolute",
    "add",
    "ceil",
    "chain",
    "copysign",
    "divide",
    "fabs",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "heaviside",
    "masked",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "positive",
    "reciprocal",
    "remainder",
    "rint",
    "select",
    "settled",
    "sign",
    "sqrt",
    "square",
    "subtract",
    "trunc",
}
ULPS = 4


@pytest.mark.parametrize("name", SCALARS)
def test_scalar_table_matches_the_declarations(name):
    code, arity = scalar_opcodes()[name]
    op = OPERATIONS[name]
    assert op.elementwise
    assert (op.opcode, op.nin) == (code, arity)
    rng = np.random.default_rng(9)
    points = (
        list(itertools.product(SPECIAL, repeat=arity))
        if arity < 3
        else [(c, x, y) for c in (0.0, 1.0) for x, y in rng.choice(POINTS, (40, 2))]
    )
    points += [tuple(rng.choice(POINTS, arity)) for _ in range(200)]
    for point in points:
        point = [float(x) for x in point]
        with np.errstate(all="ignore"):
            want = op.impl(*[np.array([x]) for x in point])[0]
            tape = Tape("test")
            got = op(*[tape.add_input(x) for x in point])
        if op.boolean:
            assert got is bool(want), (name, point)
            continue
        got = got.value
        message = f"{name}{tuple(point)}: {got} and {want}"
        assert np.isnan(got) == np.isnan(want), message
        if name in EXACT:
            assert np.isnan(want) or got == want, message
            if name not in ("maximum", "minimum", "fmax", "fmin"):  # of 0.0 and -0.0 either may be the larger
                assert np.isnan(want) or np.signbit(got) == np.signbit(want), message
        elif np.isfinite(want):
            size = abs(want)
            if name == "power_cross":  # x**(y-1) + x**(y-1) * y * log(x), whose terms may cancel
                size = max(size, abs(point[0]) ** (point[1] - 1) if point[0] else 0.0)
            assert abs(got - want) <= ULPS * np.spacing(size), message
        else:
            assert np.isnan(want) or got == want, message


@pytest.mark.parametrize("name", [n for n in SCALARS if not OPERATIONS[n].boolean and n != "select"])
def test_scalar_derivatives_match_those_of_arrays(name):
    """The compiled partial derivatives against the declared ones, at points in and at the edge of the domain."""
    op = OPERATIONS[name]
    rng = np.random.default_rng(10)
    points = list(itertools.product(SPECIAL[:9], repeat=op.nin))
    points += [tuple(rng.choice(POINTS, op.nin)) for _ in range(60)]
    with np.errstate(all="ignore"):
        for point in points:
            point = tuple(float(x) for x in point)
            arrays = tuple(np.array([x]) for x in point)
            for i in differentiable(op, point):
                unit = tuple(float(j == i) for j in range(op.nin))
                units = tuple(np.array([u]) for u in unit)
                message = f"d{name}{point}/d{i}"
                many = mmad.vjp(op, *arrays)[1](np.ones(1))[i][0]
                for got in (
                    mmad.vjp(op, *point)[1](1.0)[i],
                    mmad.jvp(op, point, unit)[1],
                    mmad.jvp(op, arrays, units)[1][0],
                    mmad.linearize(op, *point)[1](*unit),
                ):
                    np.testing.assert_allclose(got, many, rtol=1e-12, atol=1e-15, err_msg=message)


# --- the rest ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [n for n in NAMES if OPERATIONS[n].boolean and OPERATIONS[n].elementwise])
def test_truth_values_are_plain(name):
    """Comparisons and logic give NumPy's own result, without a derivative, in both modes."""
    op = OPERATIONS[name]
    args = [np.array([0.0, 1.5, -2.0, np.nan]), np.array([1.0, 1.5, 0.0, 2.0])][: op.nin]
    if name.startswith("bitwise") or name == "invert":
        pytest.skip("an operation of integers and truth values")
    seen = []

    def f(*xs):
        seen.append(op(*xs))
        return xs[0].sum()

    mmad.grad(f)(*args)
    mmad.jvp(f, tuple(args), tuple(args))
    for got in seen:
        assert not isinstance(got, Traced)
        assert got.dtype == bool
        np.testing.assert_array_equal(got, op.impl(*args))


def test_stop_gradient():
    stop = OPERATIONS["stop_gradient"]
    for x in (1.3, A):
        y, y_dot = mmad.jvp(lambda x: stop(x) * x, (x,), (np.ones_like(x) if np.ndim(x) else 1.0,))
        np.testing.assert_array_equal(y, np.square(x))
        np.testing.assert_array_equal(y_dot, x)
        np.testing.assert_array_equal(mmad.grad(lambda x: (stop(x) * x).sum() if np.ndim(x) else stop(x) * x)(x), x)


@pytest.mark.parametrize(("source", "target"), [(float, np.float32), (np.float32, float), (float, complex)])
def test_astype(source, target):
    x = A.astype(source)
    y, pullback = mmad.vjp(lambda x: x.astype(target), x)
    assert y.dtype == np.dtype(target)
    (g,) = pullback((np.ones_like(y) * (1.0 + 2.0j)).astype(y.dtype) if target is complex else np.ones_like(y))
    assert g.dtype == x.dtype
    np.testing.assert_array_equal(g, 1.0)
    assert mmad.jvp(lambda x: x.astype(target), (x,), (x,))[1].dtype == np.dtype(target)


def test_view_of_a_single_number_inside_a_pushforward():
    """A pushforward rule may view a 0-d array (float32 or complex); second derivatives must not lose it."""
    from mmad.ops import arithmetic as a
    from mmad.ops.declare import nonlinear
    from mmad.ops.movement import viewed
    from mmad.ops.reduction import sum_

    def jvp(dots, out, x):
        total = sum_(a.multiply(a.multiply(3.0, a.square(x)), dots[0]), axis=(0,), keepdims=False)
        return viewed(total, lambda m: m[None])

    op = nonlinear("test: sum of cubes", lambda x: np.sum(x**3, keepdims=True), jvp)
    try:
        x = np.array([1.0, 2.0], np.float32)
        np.testing.assert_allclose(mmad.grad(lambda x: op(x).sum())(x), 3.0 * x**2)
        np.testing.assert_allclose(mmad.hvp(lambda x: op(x).sum())(x, np.ones_like(x)), 6.0 * x)
    finally:
        del OPERATIONS["test: sum of cubes"]


@pytest.mark.parametrize("x", [0.4, np.array([-1.3, 0.0, 2.1]), np.array([0.3 - 0.8j, -1.1 + 0.2j])])
def test_slope_of_tanh(x):
    """Its second operand is tanh of the first, so that only both together have a derivative."""
    slope = OPERATIONS["tanh_slope"]

    def f(x):
        return slope(x, np.tanh(x))

    v = np.ones_like(x)[()]
    y, sech2 = np.tanh(x), 1 / np.cosh(x) ** 2
    if not np.iscomplexobj(x):
        got = mmad.taylor(f, x, v, 2)
        for k, want in enumerate((sech2, -2 * y * sech2, (2 * y**2 - sech2) * sech2)):
            np.testing.assert_allclose(got[k], want, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(mmad.jvp(f, (x,), (v,))[1], -2 * y * sech2, rtol=1e-14)
    np.testing.assert_allclose(mmad.vjp(f, x)[1](v)[0], np.conj(-2 * y * sech2), rtol=1e-14)


def test_an_operation_does_not_change_once_it_is_declared():
    """What compiles partials, records and sweeps has read it by then."""
    for name in ("name", "partials", "jvp", "transposes", "needs_out", "joint", "batch", "result", "ufunc"):
        with pytest.raises(AttributeError):
            setattr(OPERATIONS["sin"], name, None)
