"""A traced value answers a test of types as its plain value does, so the function takes the branch it takes plainly."""

import ast
import functools
import numbers
import re
from pathlib import Path

import numpy as np
import pytest

import mmad

X = np.array([1.0, 2.0, 3.0])
KINDS = (
    *(np.ndarray, float, complex, int, bool, list, np.generic, np.number, np.floating, np.float64, np.float32),
    *(np.complexfloating, np.integer, np.bool_),
    *(numbers.Number, numbers.Complex, numbers.Real, numbers.Integral),
)
ARRAYS = [X, X.astype(np.float32), X.astype(np.float16), X.astype(np.longdouble), X + 0j, (X + 0j).astype(np.complex64)]


@functools.singledispatch
def dispatched(x):
    return "something"


dispatched.register(np.ndarray)(lambda x: "array")
dispatched.register(float)(lambda x: "float")
dispatched.register(np.floating)(lambda x: "floating")
dispatched.register(complex)(lambda x: "complex")


def matched(x):
    match x:
        case np.ndarray(shape=(n,)):
            return f"array of {n}"
        case float():
            return "float"
        case np.floating():
            return "floating"
        case complex():
            return "complex"
    return "something"


def answers(x):
    has = (hasattr(x, "__len__"), hasattr(x, "__iter__"), np.iterable(x))
    classes = [isinstance(x, k) for k in KINDS], issubclass(x.__class__, float)
    return classes, np.isscalar(x), dispatched(x), matched(x), has


def values(x):
    """Arrays and numbers of all kinds made of x."""
    z = x * 1j
    return [
        *(
            x,
            x[0],
            x[:2],
            x.reshape(3, 1),
            x.copy(),
            x.T,
            x + X,
            np.stack([x, x]),
            np.where(np.abs(x) > 1, x, 0),
            x.real,
            z,
        ),
        *(x[0] * 2, 2 * x[0], -x[0], x[0] ** 2, abs(x[0]), np.float64(2) * x[0], np.float32(2) * x[0], np.sin(x[0])),
        *(x.sum(), x.mean(), x @ x, np.linalg.norm(x), np.max(np.abs(x)), z[0], abs(z[0]), x[0].real, np.sin(x)),
    ]


def of_a_number(x):
    return [x, x * 2, -x, x + np.float64(1), np.float64(2) * x, x**2, x / 3]


OPERATORS = {
    "grad": mmad.grad,
    "jvp": lambda f: lambda x: mmad.jvp(f, (x,), (x,)),
    "hvp": lambda f: lambda x: mmad.hvp(f)(x, x),
    "compile": mmad.compile,
    "compile(grad)": lambda f: mmad.compile(mmad.grad(f)),
    "taylor": lambda f: lambda x: mmad.taylor(f, x, x, 2),
    "grad(grad)": lambda f: mmad.grad(lambda x: (mmad.grad(f)(x) * 1.0).sum()),
    "vmap": lambda f: lambda x: mmad.vmap(f)(np.stack([x, x])),
    "vmap(grad)": lambda f: lambda x: mmad.vmap(mmad.grad(f))(np.stack([x, x])),
    "grad(vmap)": lambda f: mmad.grad(lambda x: mmad.vmap(f)(np.stack([x, x])).sum()),
}


def seen(make, operator, x):
    found = []

    def f(x):
        found.append([answers(v) for v in make(x)])
        return abs((x * 1).sum()) ** 2 if np.ndim(x) else x * x

    operator(f)(x)
    return found[-1]


@pytest.mark.parametrize("x", ARRAYS, ids=[str(x.dtype) for x in ARRAYS])
@pytest.mark.parametrize("operator", OPERATORS)
def test_of_arrays(operator, x):
    if x.dtype.kind == "c" and operator in ("taylor", "grad(grad)"):
        pytest.skip("of real arguments only")
    for k, (got, want) in enumerate(
        zip(seen(values, OPERATORS[operator], x), seen(values, lambda f: f, x), strict=True)
    ):
        assert got == want, k


@pytest.mark.parametrize(
    "x", [2.0, np.float64(2.0), np.float32(2.0), np.array(2.0), np.array(2.0, np.float32)], ids=repr
)
@pytest.mark.parametrize("operator", ["grad", "jvp", "hvp", "compile", "compile(grad)"])
def test_of_numbers(operator, x):
    for k, (got, want) in enumerate(
        zip(seen(of_a_number, OPERATORS[operator], x), seen(of_a_number, lambda f: f, x), strict=True)
    ):
        assert got == want, k


def heat(t):
    if not isinstance(t, np.ndarray):
        t = np.array([t])
        return 0.0 * t[0]
    return np.exp(t[0])


def by_numbers(x):
    total = 0.0
    for v in x:
        total = total + (v * v if isinstance(v, numbers.Real) else v)
    return total


def by_scalar(x):
    return (x[0] if np.isscalar(x[0]) else 2 * x[0]) * x[1]


def by_match(x):
    return {"array of 3": x.sum() ** 2}.get(matched(x), x[0])


@pytest.mark.parametrize("f", [heat, by_numbers, by_scalar, by_match])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_functions_take_the_branch_they_take(f, dtype, same_value):
    x = np.array([2.0, 1.0, 0.5], dtype)
    expected = f(x)
    same_value(mmad.value_and_grad(f)(x)[0], expected)
    assert mmad.jvp(f, (x,), (x,))[0] == expected
    np.testing.assert_allclose(mmad.compile(f)(x), expected, rtol=2 * np.finfo(dtype).eps)
    np.testing.assert_allclose(mmad.vmap(f)(np.stack([x, x])), [expected, expected], rtol=2 * np.finfo(dtype).eps)
    eps = 1e-3
    slope = [(f(x + eps * e) - f(x - eps * e)) / (2 * eps) for e in np.eye(3, dtype=dtype)]
    np.testing.assert_allclose(mmad.grad(f)(x), slope, rtol=1e-3, atol=1e-3)


def test_what_passes_a_type_test_raises_where_c_code_wants_a_float():
    for f in (
        lambda x: float.__add__(x[0], 1.0),
        lambda x: float.hex(x[0]),
        lambda x: np.float64.__mul__(x[0], 2.0),
        lambda x: np.ndarray.sum(x),
        lambda x: np.ndarray.__add__(x, x),
        lambda x: float.__format__(x[0], ".3f"),
    ):
        for operator in (mmad.grad, mmad.jacfwd):
            with pytest.raises(TypeError):
                operator(f)(X)


def test_a_swallowed_refusal_that_ends_in_nan_is_an_error():
    def from_float(x):
        if not isinstance(x, float):
            raise TypeError
        try:
            return float(x) + 1.0
        except:  # noqa: E722
            return float("nan")

    for f in (lambda x: from_float(x[0]), lambda x: x[1] * from_float(x[0]), lambda x: x * from_float(x[0])):
        for operator in (mmad.vjp, lambda f, x: mmad.jvp(f, (x,), (x,))):
            with pytest.raises(TypeError, match=r"swallowed.*float\(\) of a traced value"):
                operator(f, X)
        np.testing.assert_array_equal(mmad.vmap(f)(X[None]), [f(X)])  # lane by lane, of plain numbers


def test_a_refusal_that_the_function_deals_with_is_none():
    def f(x):
        try:
            return float(x[0])
        except TypeError:
            return x[0] * 2

    assert mmad.grad(f)(X)[0] == 2.0
    assert mmad.jvp(f, (X,), (X,))[1] == 2.0


def by_type(x):
    return x.sum() ** 2 if type(x) is np.ndarray else 3 * x.sum()


@pytest.mark.parametrize("modes", [("forward",), ("reverse",), ("forward", "reverse")])
def test_check_derivatives_compares_the_value(modes):
    with pytest.raises(AssertionError, match=r"the value of the traced run \(\w+ mode\) is 18.0, that .* 36"):
        mmad.check_derivatives(by_type, (X,), modes=modes)


def test_compile_with_check_compares_the_value():
    for operator in (lambda f: f, mmad.grad, mmad.value_and_grad, mmad.hessian):
        with pytest.raises(mmad.TraceError):
            mmad.compile(operator(by_type), check=True)(X)
        mmad.compile(operator(lambda x: x.sum() ** 2), check=True)(X)


TYPES_OF_NUMBERS = re.compile(
    r"np\.(ndarray|generic|floating|inexact|integer|bool_|number|complexfloating|float64)\b|\b(float|complex|int|bool)\b"
)


def test_the_package_asks_no_traced_value_for_its_class():
    """`isinstance` answers for a traced value as for a plain one: the package asks `isplain`."""
    package = Path(mmad.__file__).parent
    found = []
    for path in package.rglob("*.py"):
        source = path.read_text()
        if {"cli", "bench"} & set(path.parts) or path.name == "refusals.py":
            continue
        for node in ast.walk(ast.parse(source)):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"):
                continue
            if TYPES_OF_NUMBERS.search(ast.get_source_segment(source, node.args[1])):
                found.append(f"{path.relative_to(package)}:{node.lineno}")
    for path in package.rglob("*.pyx"):  # isinstance of `float` and `cnp.ndarray` is a test of C types
        for k, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(r"isinstance\([^)]*(?<!c)np\.ndarray", line):
                found.append(f"{path.relative_to(package)}:{k}")
    assert not found
