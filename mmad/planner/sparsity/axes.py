"""Along which axes an operation mixes elements, of those that the compiler has no instruction for.

The axes of the operands and of the result have labels, as in `numpy.einsum`: an element of the result depends on those
elements of an operand that have its position on the axes whose labels the two share.  ``ij, jk -> ik`` is a product of
matrices, ``ij, jk -> lk`` the solution of linear systems: each depends on all of the matrix and on one right side.
"""

__all__ = ["ADDS", "FULL", "MOVES", "PRODUCTS", "RULES", "RUNNING", "labels"]

#: Operations that only move elements: what implements them on values moves sets, too.
MOVES = ("window", "gather", "concatenate", "put", "put_index", "embed", "scatter_add")
#: Those that add up what comes to one place: they move sets only where nothing meets.
ADDS = ("embed", "scatter_add")
#: Sums of products of two operands: terms with a factor that is zero do not count.
PRODUCTS = ("matmul", "contract")
#: Each element of a line depends on those before it.
RUNNING = ("cumsum", "cumprod", "cummax", "cummin")


def labels(name, shapes, shape, params):
    """Return the labels of the axes of an operation, where they are known.

    Parameters
    ----------
    name : str
        Of the operation.
    shapes : sequence of tuple of int
        Of the operands.
    shape : tuple of int
        Of the result.
    params : dict
        Of the operation.

    Returns
    -------
    (list of tuple, tuple) or None
        A tuple of labels for each operand, None for one that does not count; those of the result.  None where each
        element is to depend on all of the operands.
    """
    rule = RULES.get(name)
    return None if rule is None else rule(shapes, shape, params)


def routine_labels(own, shapes, shape):
    """Return the labels of the axes of a matrix routine of the machine, as :func:`labels` gives them.

    Parameters
    ----------
    own : int
        How many axes of the first operand are those of one matrix, or of its factors.
    shapes : sequence of tuple of int
        Of the matrices, and of the right sides where it has some.
    shape : tuple of int
        Of the result.
    """
    rank = len(shape) - 2 if len(shapes) > 1 else len(shapes[0]) - own
    stack = _stack(rank)
    out = (*stack, *(("own", k) for k in range(len(shape) - rank)))

    def lead(of):
        return stack if of == shape[:rank] else tuple(("one", k) for k in range(len(of)))

    found = [(*lead(shapes[0][: len(shapes[0]) - own]), *(("in", k) for k in range(own)))]
    if len(shapes) > 1:
        found.append((*lead(shapes[1][:-2]), "row", ("own", 1)))  # every column by itself
    return found, out


def _matmul(shapes, shape, params):
    """Label a product of matrices: vectors have no rows (columns), stacks are broadcast from the right."""
    x, y = shapes
    stack = _stack(max(len(x), len(y)) - 2)
    rows, columns = ("i",) * (len(x) > 1), ("j",) * (len(y) > 1)
    left = (*_last(stack, len(x) - 2), *rows, "k")
    right = (*_last(stack, len(y) - 2), *(("k", "j") if columns else ("k",)))
    return [left, right], (*stack, *rows, *columns)


def _contract(shapes, shape, params):
    x, y, out = params["spec"]
    return [tuple(x), tuple(y)], tuple(out)


def _reduction(shapes, shape, params):
    """Label a reduction along some axes; those that are kept have length 1."""
    axis = params["axis"]
    x = tuple(range(len(shapes[0])))
    if len(shape) == len(x):
        return [x], tuple(("kept", k) if k in axis else k for k in x)
    return [x], tuple(k for k in x if k not in axis)


def _line(shapes, shape, params):
    """Label an operation that mixes all operands along one axis, where the result may be of another length."""
    x = tuple(range(len(shape)))
    mixed = tuple(("mixed", k) if k == params["axis"] else k for k in x)
    return [mixed] * len(shapes), x


def _transform(shapes, shape, params):
    """Label a transform along one axis, which is counted from the last."""
    return _line(shapes, shape, {"axis": params["axis"] + len(shape)})


def _positions(shapes, shape, params):
    """Label an operation that takes elements along one axis, from positions that have no derivative."""
    (x, _), out = _line(shapes, shape, params)
    return [x, None], out


def _matrices(shapes, shape, params):
    """Label an operation that makes a number, a vector or a matrix of each matrix of a stack."""
    x = _stack(len(shapes[0]) - 2)
    out = tuple(("out", k) for k in range(len(shape) - len(x)))
    return [(*x, "i", "j")], (*x, *out)


def _matrix_pairs(shapes, shape, params):
    """Each matrix depends on all of one matrix of every operand, whose stacks are broadcast."""
    stack = _stack(len(shape) - 2)
    return [(*_last(stack, len(s) - 2), ("in", i), ("in", -i - 1)) for i, s in enumerate(shapes)], (*stack, "l", "k")


def _sign_and_logarithm(shapes, shape, params):
    """Of each matrix of a stack, one above the other."""
    x = _stack(len(shapes[0]) - 2)
    return [(*x, "i", "j")], ("both", *x)


def _solve(shapes, shape, params):
    m, b = shapes
    stack = _stack(len(shape) - 2)
    return [(*_last(stack, len(m) - 2), "i", "j"), (*_last(stack, len(b) - 2), "j", "k")], (*stack, "l", "k")


def _constant(shapes, shape, params):
    """Label an operation without a derivative."""
    return [None] * len(shapes), tuple(range(len(shape)))


def _stack(count):
    return tuple(("stack", k) for k in range(count))


def _last(labels, count):
    return labels[len(labels) - count :] if count > 0 else ()


def _each(shapes, shape, params):
    """Label an operation on each element by itself."""
    x = tuple(range(len(shape)))
    return [x], x


RULES = {
    "frexp_scale": _constant,
    "next_step": _constant,
    "round": _constant,
    "spacing": _constant,
    "sinc": _each,
    "i0": _each,
    "matmul": _matmul,
    "contract": _contract,
    "sum": _reduction,
    "prod": _reduction,
    "max": _reduction,
    "min": _reduction,
    "max_weights": _constant,
    "min_weights": _constant,
    "recurrence": _line,
    "take_along": _positions,
    "add_along": _positions,
    **dict.fromkeys(("fft", "rfft", "irfft"), _transform),
    "inv": _matrices,
    "det": _matrices,
    "cofactor": _matrices,
    "cholesky": _matrices,
    "eigenvalues": _matrices,
    "eigenvectors": _matrices,
    **dict.fromkeys(("svd", "svdvals", "qr", "pinv", "eig", "eigvals"), _matrices),
    "solve": _solve,
    "cofactor_tangent": _matrix_pairs,
    "slogdet": _sign_and_logarithm,
}

#: Operations that have no rule, and why: each element of the result depends on all of every operand.
FULL = {
    **dict.fromkeys(("slide_in", "slide_out"), "_calls.pyx knows more where one operand is a constant"),
    "sum_of_squares": "one number, of a vector",
    "agreed": "eigenvectors and all that they were made of",
    **dict.fromkeys(
        ("basis", "eigenvalues_pull", "eigenvalues_push", "eigenvalues_tangent", "over_gaps", "over_rates", "rates")
        + ("turns", "values_in", "vectors_in", "over_differences", "over_sums", "over_values", "eigenvalue_rates")
        + ("eigenvalue_rates_pull", "singular_values_tangent", "singular_values_pull", "turned_freely", "checked_free")
        + ("complete_eigenvectors", "largest_of_column", "regular", "lstsq"),
        "derivatives of eigenvalues and eigenvectors, which depend on all of their matrix; stacks of matrices are rare",
    ),
}
