"""Every pass of the compiler does what it says, and none changes the results of a program."""

import gc
import itertools
import math

import fuzz_programs
import numpy as np
import pytest
import reference

import mmad
from mmad.compiler import PASSES, selected
from mmad.compiler.pipeline import REWRITES

X = np.array([0.7, -1.3, 2.1, 0.4, -0.2])


# ------------------------------------------------------------------------------------------------ what is counted
def operations(program):
    """Names of all elementwise and scalar operations."""
    names = []
    for step in program.machine.step_list():
        if step[0] == "scalars":
            names += [name for name, _, _ in step[1]]
        elif step[0] == "group":
            names += [name for name, _, _ in step[6]]
    return names


def sizes(program):
    """Instructions after each pass, the last time it ran."""
    return {name: size for name, size, _ in program.machine.report()}


def steps(program):
    return len(program.machine.step_list())


def copies(program):
    """Stores of groups that are copies of whole arrays."""
    return sum(len(s[7]) for s in program.machine.step_list() if s[0] == "group" and not s[6])


def workspace(program):
    return sum(size for size, home, _ in program.machine.buffer_list() if home == "arena"), program.workspace


def waits(program):
    """Numbers that are read by the very next instruction."""
    code = [c for step in program.machine.step_list() if step[0] == "scalars" for c in step[1]]
    return sum(result in operands for (_, result, _), (_, _, operands) in itertools.pairwise(code))


# ------------------------------------------------------------------------------------------------ what needs a pass
def constants(x):
    return x * mmad.grad(lambda t: np.sin(t) * np.exp(t) * x)(2.0)


def repeated(x):
    return (np.sin(x) * np.exp(x) + np.sin(x) * np.exp(x) * np.sin(x)).sum()


def signs(x):
    return (np.negative(-x) * 1.0 + (2.0 * x) * (0.5 * x) - (-x)).sum()


def products(x):
    return (x * np.exp(x) + np.cos(x)).sum()


def chain_of_sums(x):
    y = x
    for _ in range(6):
        y = np.sin(y[::-1].reshape(-1)) + x
    return y


def written(x):
    y = mmad.numpy.zeros(len(x))
    for k in range(len(x)):
        y[k] = np.sin(x[k]) * 2.0
    y[1:3] = x[:2]
    return y


def terms(x):
    layers = [np.full((3000, 10), 0.1 * k) @ x for k in range(9)]
    return sum((np.tanh(y) ** 2).sum() for y in layers)


def angle(x):
    return np.sin(x) * 3.0 + np.cos(x)


def growth(x):
    y = x[0]
    for _ in range(12):
        y = y + 0.1 * x[1] * y * (1.0 - x[2] * y)
    return y


# pass -> (function, arguments, what falls, what it falls to)
NEEDS = {
    "fold": (constants, (0.6,), lambda p: len(p), None),
    "simplify": (signs, (X,), lambda p: len(operations(p)), None),
    "powers": (lambda x: (x**6).sum(), (X,), lambda p: operations(p).count("power"), 0),
    "share": (repeated, (X,), lambda p: operations(p).count("sin"), 1),
    "multiply_add": (products, (X,), lambda p: len(operations(p)), None),
    "dead": (signs, (X,), lambda p: len(operations(p)), None),
    "fusion": (products, (X,), steps, 1),
    "in_place": (written, (X,), copies, 2),  # the array of zeros, which is captured, and what is put in the end
    "sincos": (angle, (0.3,), lambda p: len(p), None),
    "order": (terms, (np.linspace(-1.0, 1.0, 300).reshape(10, 30),), lambda p: workspace(p)[1], None),
    "schedule": (mmad.grad(growth), (X[2:],), waits, None),
    "buffers": (chain_of_sums, (np.linspace(-1.0, 1.0, 999),), lambda p: workspace(p)[1], None),
}
# What a pass leaves for `dead` to take away.
ALONE = {"dead": ("simplify",)}


def test_there_is_a_case_for_every_pass():
    assert {*NEEDS, "recompute"} == set(PASSES)  # which has a file of its own


@pytest.mark.parametrize("name", NEEDS)
def test_pass_is_worth_its_name(name):
    f, args, measure, least = NEEDS[name]
    tape = mmad.record(f, *args)
    if name in ALONE:
        without = tape.compile(ALONE[name])
        with_it = tape.compile((*ALONE[name], name))
    else:
        without = tape.compile([p for p in PASSES if p != name])
        with_it = tape.compile(PASSES)
    assert measure(with_it) < measure(without)
    if least is not None:
        assert measure(with_it) == least
    want = reference.run(tape, list(args))[0]
    np.testing.assert_allclose(want, f(*args), rtol=1e-14, atol=1e-15)
    for program in (with_it, without):
        np.testing.assert_allclose(program(*args), want, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", [p for p in REWRITES if p != "order"])
def test_report_names_the_rewrites_that_ran(name):
    tape = mmad.record(products, X)
    assert name in sizes(tape.compile(PASSES))
    assert name not in sizes(tape.compile([p for p in PASSES if p != name]))
    assert name in tape.compile([p for p in PASSES if p != name]).explain()  # as switched off


def test_report_falls_from_the_tape_to_the_units():
    report = mmad.record(mmad.grad(repeated), X).compile(PASSES).machine.report()
    assert [name for name, _, _ in report[:2] + report[-3:]] == ["recorded", "lower", "fusion", "buffers", "check"]
    assert report[0][1] >= report[1][1] > report[-4][1] >= report[-1][1]
    assert all(seconds >= 0 for _, _, seconds in report)


def test_rounds_end_where_nothing_is_left_to_simplify():
    def orbit(x, v):
        for _ in range(4):
            x, v = x + 0.25 * v, v - 0.5 * x * x
        return x * v * 3.0

    report = mmad.record(mmad.value_and_grad(orbit, (0, 1)), 0.3, 1.1).compile(PASSES).machine.report()
    names = [name for name, _, _ in report]
    assert names.count("simplify") == names.count("share") + 1


@pytest.mark.parametrize("enabled", [True, False])
def test_collector_is_left_as_it_was(enabled):
    seen = []

    def fails(x):
        seen.append(gc.isenabled())
        raise KeyError(x)

    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        assert mmad.compile(mmad.grad(repeated))(X).shape == X.shape
        assert gc.isenabled() == enabled
        with pytest.raises(KeyError):
            mmad.compile(fails)(1.0)
        assert gc.isenabled() == enabled
        assert seen == [False, False, enabled]  # recorded, again with plain integers, and by itself
    finally:
        (gc.enable if before else gc.disable)()


def test_written_array_is_one_buffer():
    program = mmad.record(written, X).compile(PASSES)
    assert [home for _, home, _ in program.machine.buffer_list()].count("result") == 1
    assert workspace(program) == (0, program.machine.workspace)


def test_sine_and_cosine_are_one_instruction():
    assert operations(mmad.record(angle, 0.3).compile(PASSES)).count("sincos") == 1
    only = [p for p in PASSES if p != "sincos"]
    assert {"sin", "cos"} <= set(operations(mmad.record(angle, 0.3).compile(only)))


# ------------------------------------------------------------------------------------------------ selection
def test_selection(monkeypatch):
    monkeypatch.delenv("MMAD_PASSES", raising=False)
    assert selected() == frozenset(PASSES)
    assert selected(()) == frozenset()
    assert selected("fold") == {"fold"}
    for text, want in {
        "none": set(),
        "fold, share": {"fold", "share"},
        "-fusion,-share": set(PASSES) - {"fusion", "share"},
        "all": set(PASSES),
    }.items():
        monkeypatch.setenv("MMAD_PASSES", text)
        assert selected() == want
    monkeypatch.setenv("MMAD_PASSES", "-fussion")
    with pytest.raises(ValueError, match="no compiler pass 'fussion'"):
        selected()
    with pytest.raises(ValueError, match="there are fold"):
        mmad.record(angle, 0.3).compile(["sharing"])


# ------------------------------------------------------------------------------------------------ special values
SPECIAL = np.array([0.0, -0.0, 1.0, -2.5, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1e308, -1e308])
IDENTITIES = {
    "0*x": lambda x: 0.0 * x,
    "x*0": lambda x: x * 0.0,
    "x-x": lambda x: x - x,
    "x/x": lambda x: x / x,
    "x+0": lambda x: x + 0.0,
    "x-0": lambda x: x - 0.0,
    "0-x": lambda x: 0.0 - x,
    "x+(-0)": lambda x: x + (-0.0),
    "x*1": lambda x: x * 1.0,
    "x/1": lambda x: x / 1.0,
    "x*-1": lambda x: x * -1.0,
    "-(-x)": lambda x: np.negative(-x),
    "x/2": lambda x: x / 2.0,
    "x/inf": lambda x: x / np.inf,
    "x**1": lambda x: x**1,
    "x**2": lambda x: x**2,
    "x**3": lambda x: x**3,
    "x**-1": lambda x: x**-1.0,
    "x**-2": lambda x: x**-2.0,
    "x**-3": lambda x: x**-3.0,
    "x**0": lambda x: x**0,
    "inf*x": lambda x: np.inf * x,
    "nan*x": lambda x: np.nan * x,
    "x*x-x*x": lambda x: x * x - x * x,
    "(-x)*(-x)": lambda x: (-x) * (-x),
    "max(x,x)": lambda x: np.maximum(x, x),
    "min(x,1)": lambda x: np.minimum(x, 1.0),
    "where": lambda x: np.where(x > 0, x, 0.0 * x),
}


def same_bits(got, want):
    """Equal, with the signs of zeros; any NaN is like any other."""
    np.testing.assert_array_equal(got, want)
    finite = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got)[finite], np.signbit(want)[finite])


@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.parametrize("passes", [PASSES, ()], ids=["all", "none"])
def test_special_values_are_kept(name, passes):
    f = IDENTITIES[name]
    with np.errstate(all="ignore"):
        want = f(SPECIAL)
        array = mmad.record(f, np.ones_like(SPECIAL)).compile(passes)
        same_bits(array(SPECIAL.copy()), want)
        number = mmad.record(f, 1.5).compile(passes)
        numbers = [v for v in SPECIAL if name != "where" or v > 0]  # the branch is taken by a number
        same_bits(np.array([number(float(v)) for v in numbers]), np.array([f(np.float64(v)) for v in numbers]))


def test_difference_of_equal_products_is_zero():
    """A product taken into the sum would leave its rounding error."""

    def f(x, y):
        a, b = x * y, y * x
        return (a - b), (a * 3.0 - a * 3.0)

    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 1000))
    for passes in fuzz_programs.PASS_SETS.values():
        for part in mmad.record(f, x, y).compile(passes)(x, y):
            assert not part.any()


@pytest.mark.parametrize("exponent", [*range(-6, 7), 17, 31, 32, 33, -32, 0.5, 2.5])
def test_powers_are_accurate(exponent):
    x = np.random.default_rng(3).uniform(0.2, 4.0, 500)
    got = mmad.record(lambda t: t**exponent, x).compile(PASSES)(x)
    exact = np.array([math.fsum([float(v)]) ** exponent for v in x])
    np.testing.assert_allclose(got, exact, rtol=(abs(exponent) / 2 + 1) * 2.3e-16)


# ------------------------------------------------------------------------------------------------ loops over elements
def driven(p):
    """A state that element after element of an argument drives."""
    y = 0.5
    for k in range(len(p)):
        y = y + 0.01 * (p[k] - y * y * y)
    return (y - 1.0) ** 2


def filled(p):
    """An array that is read and written element after element."""
    y = p * 1.0
    y[:2] += p[1:3]
    for k in range(1, len(p)):
        y[k] = y[k] * y[k - 1] + p[-k]
    return (y * p).sum()


def driven_twice(p):
    return np.array([driven(p), driven(p * p)], like=p)


LOOPS = {
    "driven": mmad.grad(driven),
    "filled": filled,
    "gradient of filled": mmad.grad(filled),
    "lanes of cotangents": mmad.jacobian(driven_twice, strategy="reverse"),
    "rows one by one": mmad.jacobian(driven_twice, strategy="rows"),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loop_over_elements_takes_time_and_memory_in_proportion(name):
    """No array is copied an element: twice as long a loop moves twice as many bytes, not four times as many."""

    def moved(n):
        x = np.linspace(0.1, 0.9, n)
        program = mmad.compile(LOOPS[name], passes=PASSES)
        found = program(x)
        np.testing.assert_allclose(program(x), found, rtol=1e-12)
        (program,) = program.programs()
        stored = sum(s[1] * len(s[7]) for s in program.machine.step_list() if s[0] == "group")
        return stored + len(operations(program)), workspace(program)[0]

    for few, many in zip(moved(200), moved(400), strict=True):
        assert many <= 2.2 * few


# ------------------------------------------------------------------------------------------------ found at random
def test_collection_that_a_sum_took_over_is_not_put_as_well():
    def f(x, z):
        y = x.sum(axis=0) * 1.0
        y[1:3] += (z * z).sum(axis=0) + z[0]
        return y

    rng = np.random.default_rng(4)
    x, z = rng.normal(size=(4, 5)), rng.normal(size=(3, 2))
    for passes in fuzz_programs.PASS_SETS.values():
        np.testing.assert_allclose(mmad.record(f, x, z).compile(passes)(x, z), f(x, z), rtol=1e-14)


# ------------------------------------------------------------------------------------------------ writes
def test_what_is_written_over_everything_is_not_copied():
    def f(x):
        y = np.zeros_like(x)
        y[...] = np.sin(x)
        z = np.zeros_like(x)
        z[:] = y * x
        z[1:] += y[:-1]
        return z

    x = np.linspace(0.1, 1.0, 50)
    tape = mmad.record(f, x)
    program, plain = tape.compile(), tape.compile([p for p in mmad.compiler.PASSES if p != "simplify"])
    for p in (program, plain):
        np.testing.assert_allclose(p(x), f(x), rtol=1e-15)
    written = [sum(len(s[7]) for s in p.machine.step_list() if s[0] == "group") for p in (program, plain)]
    assert written[0] < written[1]


# ------------------------------------------------------------------------------------------------ random programs
@pytest.mark.parametrize("kind", fuzz_programs.KINDS)
@pytest.mark.parametrize("name", fuzz_programs.PASS_SETS)
def test_random_programs(name, kind):
    """Value and gradient of random programs, as the plain program gives them; `fuzz_programs.py` runs many more."""
    first = 1000 * list(fuzz_programs.PASS_SETS).index(name)
    report = fuzz_programs.run(range(first, first + 12), {name: fuzz_programs.PASS_SETS[name]}, kind)
    assert not report.failures
    assert report.programs >= 10


def test_pass_dead_may_be_left_out():
    """Sums of collections that were merged stay behind as instructions: they have to remain sound ones."""

    def f(x):
        y = x[1:] * x[:-1]
        return mmad.grad(lambda t: (t[1:] * t[:-1]).sum() + (t[2:] * t[:-2]).sum() + (t * t).sum())(x).sum() + y.sum()

    for passes in (["simplify"], ["simplify", "share"], [p for p in PASSES if p != "dead"]):
        np.testing.assert_allclose(mmad.record(f, X).compile(passes)(X), f(X), rtol=1e-14)


# ------------------------------------------------------------------------------------- products of repeated rows
LEFT, RIGHT = np.random.default_rng(3).normal(size=(2, 3, 40, 40))
# (first factor, second factor) of a row r, a column c and whole matrices, and the sizes m, k, n that are multiplied
REPEATED = {
    "rows of the first": (lambda r, c: (np.broadcast_to(r, LEFT.shape), RIGHT * r), (1, 40, 40)),
    "columns of the second": (lambda r, c: (LEFT * r, np.broadcast_to(c, RIGHT.shape)), (40, 40, 1)),
    "both": (lambda r, c: (np.broadcast_to(r, LEFT.shape), np.broadcast_to(c, RIGHT.shape)), (1, 40, 1)),
    "columns of the first": (lambda r, c: (np.broadcast_to(c, LEFT.shape), RIGHT * r), (40, 40, 40)),
    "rows of the second": (lambda r, c: (LEFT * r, np.broadcast_to(r, RIGHT.shape)), (40, 40, 40)),
    "columns and rows": (lambda r, c: (np.broadcast_to(c, LEFT.shape), np.broadcast_to(r, RIGHT.shape)), (40, 40, 40)),
    "all of the first": (lambda r, c: (np.broadcast_to(r[..., :1], LEFT.shape), RIGHT * r), (1, 40, 40)),
    "another batch": (lambda r, c: (np.broadcast_to(r[0], LEFT.shape), RIGHT[:1] * r[:1]), (1, 40, 40)),
    "one matrix for all": (lambda r, c: (np.broadcast_to(r, LEFT.shape), RIGHT[0] * r[0]), (3, 40, 40)),
    "a product with a short side": (
        lambda r, c: (np.broadcast_to(c, LEFT.shape), RIGHT[..., :2] * r[..., :2]),
        (40, 40, 2),
    ),
}


@pytest.mark.parametrize("name", REPEATED)
def test_what_is_repeated_in_a_factor_is_multiplied_once(name):
    factors, (m, k, n) = REPEATED[name]

    def f(r, c):
        a, b = factors(r, c)
        return 2.0 * (a @ b)

    r, c = RIGHT[:, :1] / 7, LEFT[:, :, :1] / 9
    tape = mmad.record(f, r, c)
    program = tape.compile(PASSES)
    (product,) = [s for s in program.machine.step_list() if s[0] == "matmul"]
    assert product[2:5] == (m, k, n)
    assert copies(program) == (name == "all of the first")  # a single row that repeats itself: as short as a vector
    np.testing.assert_allclose(program(r, c), f(r, c), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(tape.compile("fusion")(r, c), f(r, c), rtol=1e-12, atol=1e-13)
    c[1, 3] = c[0, 5] = np.inf
    r[2, 0, 5], r[0, 0, 7], r[1, 0, 1] = np.nan, 0.0, 1e308
    with np.errstate(invalid="ignore", over="ignore"):
        want = f(r, c)
        got = program(r, c)
    odd = ~np.isfinite(want)
    np.testing.assert_array_equal(got[odd], want[odd])
    np.testing.assert_allclose(got[~odd], want[~odd], rtol=1e-12, atol=1e-13 * np.abs(want[~odd]).max(initial=1.0))


def test_products_without_elements():
    def f(x, y):
        return (x @ y) * 2.0

    for first, second in (((2, 3), (0, 3, 4)), ((1, 2, 3), (0, 3, 4)), ((0, 2, 3), (1, 3, 4)), ((2, 0), (5, 0, 4))):
        x, y = np.ones(first), np.ones(second)
        np.testing.assert_array_equal(mmad.record(f, x, y).compile(PASSES)(x, y), f(x, y))


# ------------------------------------------------------------------------------------- numbers that arrays wait for
def test_a_number_that_an_array_needs_is_not_put_behind_a_chain():
    def f(x):
        s = x.sum()
        t = (np.cos(x) * (s * 0.5)).sum()
        y, u = np.sin(s), t * 1e-3
        for _ in range(40):
            u = u - 0.1 * u * u
        return np.exp(x * y).sum() + u

    tape = mmad.record(f, np.linspace(-1.0, 1.0, 3000))
    without = tape.compile([p for p in PASSES if p != "schedule"])
    assert steps(tape.compile(PASSES)) == steps(without)


@pytest.mark.parametrize("turn", [lambda d, e: d * d - e, lambda d, e: e * d, lambda d, e: (d - e) ** 2])
def test_cotangents_of_slices_and_elements_meet_in_place(turn):
    """Slices and elements of one array in turns: no version of the cotangent is copied for the next."""
    n, rng = 60, np.random.default_rng(5)
    weights = rng.normal(size=(n, 5))

    def f(x):
        total = 0.0
        for i in range(n - 5):
            total = total + turn(np.dot(weights[i], x[i : i + 5]), x[i])
        return total

    x, v = rng.normal(size=n), rng.normal(size=n)
    for g in (mmad.grad(f), lambda x: mmad.hvp(f)(x, v)):
        program = mmad.record(g, x).compile()
        copied = [s[1] for s in program.machine.step_list() if s[0] == "group" and not s[6]]
        assert copied.count(n) <= 2
        for y in (x, x[::-1].copy()):
            np.testing.assert_allclose(program(y), g(y), rtol=1e-12, atol=1e-13)
