"""The slow, obvious interpreter of a tape: a dict of values and one chain of ifs on the names of the operations.

It reads nothing of a tape but its instructions, calls nothing but NumPy, SciPy and mpmath, and never writes in place:
every version of a storage is an array of its own.  What mmad's evaluators give has to agree with it.
"""

import exact_functions
import numpy as np
from scipy import special

#: Operations that are a NumPy function of the same name on the operands.
SAME_IN_NUMPY = {
    "add",
    "subtract",
    "multiply",
    "divide",
    "negative",
    "positive",
    "square",
    "power",
    "sqrt",
    "cbrt",
    "hypot",
    "absolute",
    "fabs",
    "sign",
    "copysign",
    "heaviside",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "floor",
    "ceil",
    "trunc",
    "rint",
    "floor_divide",
    "remainder",
    "fmod",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "logaddexp",
    "logaddexp2",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "arctan2",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "arccosh",
    "arctanh",
    "deg2rad",
    "rad2deg",
    "conjugate",
    "real",
    "imag",
    "less",
    "less_equal",
    "greater",
    "greater_equal",
    "equal",
    "not_equal",
    "logical_and",
    "logical_or",
    "logical_xor",
    "logical_not",
    "isnan",
    "isfinite",
    "isinf",
    "signbit",
    "bitwise_and",
    "bitwise_or",
    "bitwise_xor",
    "invert",
    "matmul",
    "sinc",
}


class GuardError(Exception):
    """A guard does not hold."""


def run(tape, leaves):
    """Evaluate a tape.

    Parameters
    ----------
    tape : mmad.Tape
    leaves : list
        One value an argument leaf.

    Returns
    -------
    list
        One value a leaf of the result.
    """
    values = {k: leaf for k, leaf in zip(tape.inputs, leaves, strict=True) if k >= 0}
    with np.errstate(all="ignore"):
        for i in tape.instructions:
            if i.name != "input":
                args = [c if k < 0 else values[k] for k, c in zip(i.operands, i.constants, strict=True)]
                values[i.id] = step(i.name, args, dict(i.params), i)
    return [c if k < 0 else values[k] for k, c in zip(tape.outputs, tape.constants, strict=True)]


def elements(base, offset, shape, strides):
    """The elements of an affine window, as positions in the flattened base."""
    at = np.full(shape, offset)
    for axis, (length, stride) in enumerate(zip(shape, strides, strict=True)):
        at = at + (np.arange(length) * stride).reshape((-1,) + (1,) * (len(shape) - 1 - axis))
    return at


def along(index, shape, axis):
    """`index` along one axis, all of the others."""
    grid = list(np.indices(index.shape))
    grid[axis] = index
    return tuple(grid)


def step(name, args, params, i):
    """The value of one instruction."""
    if name in SAME_IN_NUMPY:
        result = getattr(np, name)(*args)
    elif name == "const":
        result = params["value"]
    elif name == "guard":
        seen = params["value"]
        now = np.asarray(args[0]) != 0 if isinstance(seen, bool) else np.asarray(args[0])
        if not np.array_equal(now, np.broadcast_to(seen, now.shape)):
            raise GuardError(str(i))
        return None
    elif name == "load":
        result = np.array(args[0])[params["index"]]
    elif name == "store":
        result = np.array(args[0])
        result[params["index"]] = args[1]
    elif name == "window":
        base = np.asarray(args[0])
        result = base.reshape(-1)[elements(base, params["offset"], params["shape"], params["strides"])]
    elif name == "embed":
        result = np.zeros(params["of"], np.asarray(args[0]).dtype).reshape(-1)
        at = elements(result, params["offset"], params["shape"], params["strides"])
        np.add.at(result, at, args[0])
        result = result.reshape(params["of"])
    elif name == "put":
        result = np.array(args[0]).reshape(-1)
        at = elements(result, params["offset"], params["shape"], params["strides"])
        result[at] = args[1]
        result = result.reshape(params["of"])
    elif name == "gather":
        result = np.array(args[0])[args[1]]
    elif name == "scatter_add":
        result = np.zeros(params["shape"], np.asarray(args[0]).dtype)
        np.add.at(result, args[1], args[0])
    elif name == "put_index":
        result = np.array(args[0])
        result[args[2]] = args[1]
    elif name == "take_along":
        index = np.asarray(args[1])
        result = np.asarray(args[0])[along(index, index.shape, params["axis"])]
    elif name == "add_along":
        index = np.asarray(args[1])
        result = np.zeros(params["shape"], np.asarray(args[0]).dtype)
        np.add.at(result, along(index, index.shape, params["axis"]), args[0])
    elif name == "chain":
        result = np.where(np.asarray(args[0]) == 0, 0.0, np.asarray(args[0]) * args[1])
    elif name == "masked":
        either = (np.asarray(args[0]) == 0) | (np.asarray(args[1]) == 0)
        result = np.where(either, 0.0, np.asarray(args[0]) * args[1])
    elif name == "settled":
        bar, p, u = map(np.asarray, args)
        result = np.where((bar == 0) | ((p == 0) & np.isinf(u)), 0.0, bar * p)
    elif name == "select":
        result = np.where(args[0], args[1], args[2])
    elif name == "reciprocal":
        result = np.divide(1.0, args[0])
    elif name in ("stop_gradient", "tied"):
        result = np.array(args[0])
    elif name == "astype":
        result = np.asarray(args[0]).astype(params["dtype"])
    elif name == "concatenate":
        result = np.concatenate(args, axis=params["axis"])
    elif name in ("sum", "prod", "max", "min", "any", "all", "count_nonzero") or name in ("argmax", "argmin"):
        result = getattr(np, name)(args[0], axis=params["axis"], keepdims=params["keepdims"])
    elif name == "argsort":
        result = np.argsort(args[0], axis=params["axis"], kind="stable")
    elif name in ("max_weights", "min_weights"):
        best = getattr(np, name[:3])(args[0], axis=params["axis"], keepdims=True)
        result = np.asarray(args[0] == best, float)
        result = result / np.sum(result, axis=params["axis"], keepdims=True)
    elif name in ("cumsum", "cumprod", "recurrence"):
        result = running(name, args, params["axis"], params["reverse"])
    elif name == "contract":
        result = np.einsum("{},{}->{}".format(*params["spec"]), args[0], args[1])
    elif name == "solve":
        result = np.linalg.solve(args[0], args[1])
    elif name in ("inv", "det", "cholesky"):
        result = getattr(np.linalg, name)(args[0])
    elif name == "slogdet":
        result = np.stack(np.linalg.slogdet(args[0]))
    elif name == "cofactor":
        inverse = np.swapaxes(np.linalg.inv(args[0]), -1, -2)
        result = np.asarray(np.linalg.det(args[0]))[..., None, None] * inverse
    elif name == "sum_of_squares":
        result = np.matmul(args[0], args[0])
    elif hasattr(special, name):
        result = getattr(special, name)(*args)
    else:  # a derivative of an elementwise operation, as it stands in tables
        result = exact_functions.evaluate(name, *args)
    return as_recorded(result, i)


def running(name, args, axis, reverse):
    """Running sums and products, and s_i = c_i s_(i-1) + b_i, one element after the other."""
    moved = [np.moveaxis(np.asarray(v), axis, 0) for v in args]
    length = len(moved[-1])
    result = np.zeros_like(moved[-1])
    places = range(length - 1, -1, -1) if reverse else range(length)
    before = None
    for k in places:
        if name == "cumsum":
            now = moved[0][k] if before is None else before + moved[0][k]
        elif name == "cumprod":
            now = moved[0][k] if before is None else before * moved[0][k]
        else:
            now = moved[1][k] if before is None else moved[0][k] * before + moved[1][k]
        result[k] = before = now
    return np.moveaxis(result, 0, axis)


def as_recorded(result, i):
    """Python floats, NumPy numbers and arrays as the instruction declares them (they promote differently)."""
    if np.shape(result) != i.shape:
        raise AssertionError(f"{i} gave shape {np.shape(result)}")
    if i.array:
        return np.array(result, dtype=i.dtype)
    if i.dtype.kind == "b":
        return bool(result)
    return float(result) if i.weak else np.float64(result)
