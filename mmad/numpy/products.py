"""Products of vectors, matrices and arrays of more axes."""

import string

import numpy as np

from mmad._core import dtype_of, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.joining import as_operand, normal_axis
from mmad.numpy.shaping import moveaxis, ravel, reshape, transpose
from mmad.numpy.ufuncs import result_or_out
from mmad.ops import arithmetic as a
from mmad.ops.movement import concatenate, viewed
from mmad.ops.products import adjoint_of, axes_in_order, contract
from mmad.ops.reduction import matmul as matmul_op
from mmad.ops.reduction import sum_
from mmad.python.kinds import isplain

LETTERS = string.ascii_letters


def _ranks(x, y):
    return len(shape_of(x)), len(shape_of(y))


def _strong(x):
    """Return a Python number as NumPy's functions of arrays take it: of full precision."""
    return np.float64(x) if type(x) is float else np.asarray(x)[()] if isplain(x, int | complex) else x


# --- two operands -----------------------------------------------------------------------------------------
@implements(np.dot, method="dot")
def dot(x, y, out=None):
    """`numpy.dot`."""
    x, y = as_operand(x), as_operand(y)
    nx, ny = _ranks(x, y)
    if nx == 0 or ny == 0:
        r = a.multiply(_strong(x), _strong(y))
    elif ny == 1 or (nx <= 2 and ny == 2):
        r = matmul_op(x, y)
    else:
        r = tensordot(x, y, ((nx - 1,), (ny - 2,)))
    return result_or_out(r, out, "dot")


@implements(np.vdot)
def vdot(x, y):
    """`numpy.vdot`: the first operand is conjugated."""
    x, y = ravel(as_operand(x)), ravel(as_operand(y))
    return matmul_op(adjoint_of(x), y)


@implements(np.inner)
def inner(x, y):
    """`numpy.inner`."""
    x, y = as_operand(x), as_operand(y)
    nx, ny = _ranks(x, y)
    if nx == 0 or ny == 0:
        return a.multiply(x, y)
    return matmul_op(x, y) if ny == 1 else tensordot(x, y, ((nx - 1,), (ny - 1,)))


@implements(np.outer)
def outer(x, y, out=None):
    """`numpy.outer`."""
    return result_or_out(contracted(ravel(as_operand(x)), ravel(as_operand(y)), "i", "j", "ij"), out, "outer")


@implements(np.linalg.outer)
def _linalg_outer(x, y, /):
    if _ranks(x, y) != (1, 1):
        raise ValueError("Input arrays must be one-dimensional")
    return outer(x, y)


@implements(np.linalg.matmul)
def _linalg_matmul(x, y, /):
    return matmul_op(x, y)


def contracted(x, y, sx, sy, so):
    """Return a product summed over common axes; as one of elements or of matrices where it is, which programs have.

    Parameters
    ----------
    x, y : array
    sx, sy, so : str
        The labels of their axes and of the result's, as of :data:`mmad.ops.products.contract`.
    """
    summed = [c for c in sx if c in sy and c not in so]
    if not summed:
        return a.multiply(_spread(x, sx, so), _spread(y, sy, so))
    if len(summed) > 1 or max(len(sx), len(sy)) > 2 or len(so) != len(sx) + len(sy) - 2:
        return contract(x, y, spec=(sx, sy, so))
    x, sx = (x, sx) if sx[-1] == summed[0] else (_swapped(x), sx[::-1])
    y, sy = (y, sy) if sy[0] == summed[0] else (_swapped(y), sy[::-1])
    if so == sx[:-1] + sy[1:]:
        return matmul_op(x, y)
    return matmul_op(_swapped(y), _swapped(x))


def _swapped(x):
    return viewed(x, lambda m: m.T)


def _spread(x, labels, order):
    """Return x with its axes in the order of `order`, and one of length 1 for each label that it does not have."""
    if labels in ("", order):
        return x
    return viewed(x, lambda m: axes_in_order(m, labels, order))


@implements(np.tensordot, np.linalg.tensordot)
def tensordot(x, y, axes=2):
    """`numpy.tensordot`."""
    x, y = as_operand(x), as_operand(y)
    nx, ny = _ranks(x, y)
    if np.ndim(axes) == 0 and not isinstance(axes, list | tuple):
        axes = range(nx - int(axes), nx), range(int(axes))
    ax, ay = ([k] if np.ndim(k) == 0 else list(k) for k in axes)
    ax, ay = [normal_axis(k, nx) for k in ax], [normal_axis(k, ny) for k in ay]
    if len(ax) != len(ay) or any(x.shape[i] != y.shape[j] for i, j in zip(ax, ay, strict=True)):
        raise ValueError("shape-mismatch for sum")
    sx, sy = LETTERS[:nx], list(LETTERS[nx : nx + ny])
    for i, j in zip(ax, ay, strict=True):
        sy[j] = sx[i]
    out = [c for k, c in enumerate(sx) if k not in ax] + [c for k, c in enumerate(sy) if k not in ay]
    return contracted(x, y, sx, "".join(sy), "".join(out))


@implements(np.kron)
def kron(x, y):
    """`numpy.kron`."""
    x, y = as_operand(x), as_operand(y)
    rank = max(_ranks(x, y))
    x, y = (viewed(v, lambda m: m.reshape((1,) * (rank - m.ndim) + m.shape)) for v in (x, y))
    sx, sy = LETTERS[:rank], LETTERS[rank : 2 * rank]
    r = contracted(x, y, sx, sy, "".join(p + q for p, q in zip(sx, sy, strict=True)))
    return reshape(r, tuple(p * q for p, q in zip(x.shape, y.shape, strict=True))) if rank else r


@implements(np.cross)
def cross(a_, b_, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """`numpy.cross`, of vectors with 2 or 3 components."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = as_operand(a_), as_operand(b_)
    x = moveaxis(x, normal_axis(axisa, len(x.shape)), 0)  # components first
    y = moveaxis(y, normal_axis(axisb, len(y.shape)), 0)
    if x.shape[0] not in (2, 3) or y.shape[0] not in (2, 3):
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    if x.shape[0] == 2 and y.shape[0] == 2:
        return a.subtract(a.multiply(x[0], y[1]), a.multiply(x[1], y[0]))
    x, y = (v if v.shape[0] == 3 else concatenate(v, np.zeros((1, *v.shape[1:]), v.dtype), axis=0) for v in (x, y))
    if len(x.shape) != len(y.shape):
        rank = max(len(x.shape), len(y.shape))
        x, y = (viewed(v, lambda m: m.reshape(m.shape[:1] + (1,) * (rank - m.ndim) + m.shape[1:])) for v in (x, y))

    def turn(v, k):
        return concatenate(v[k:], v[:k], axis=0)

    r = a.subtract(a.multiply(turn(x, 1), turn(y, 2)), a.multiply(turn(x, 2), turn(y, 1)))
    return moveaxis(r, 0, normal_axis(axisc, len(r.shape)))


@implements(np.linalg.cross)
def _linalg_cross(x, y, /, *, axis=-1):
    if as_operand(x).shape[axis] != 3 or as_operand(y).shape[axis] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, but they are "
            f"{as_operand(x).shape[axis]} and {as_operand(y).shape[axis]} dimensional instead."
        )
    return cross(x, y, axis=axis)


@implements(np.linalg.vecdot)
def _linalg_vecdot(x, y, /, *, axis=-1):
    x, y = as_operand(x), as_operand(y)
    return vecdot(moveaxis(x, axis, -1), moveaxis(y, axis, -1))


@implements(np.vecdot)
def vecdot(x, y):
    """`numpy.vecdot`: dot products of the vectors along the last axis, the first conjugated."""
    return einsum("...i,...i->...", adjoint_of(as_operand(x)), y)


@implements("matvec")  # since NumPy 2.2
def matvec(x, y):
    """`numpy.matvec`."""
    return viewed(matmul_op(x, viewed(as_operand(y), lambda m: m[..., None])), lambda m: m[..., 0])


@implements("vecmat")  # since NumPy 2.2
def vecmat(x, y):
    """`numpy.vecmat`: the vector is conjugated."""
    return viewed(matmul_op(viewed(adjoint_of(as_operand(x)), lambda m: m[..., None, :]), y), lambda m: m[..., 0, :])


# --- several operands -------------------------------------------------------------------------------------
@implements(np.linalg.multi_dot)
def multi_dot(arrays, *, out=None):
    """`numpy.linalg.multi_dot`: a chain of matrix products, in the order that costs least."""
    arrays = [as_operand(v) for v in arrays]
    n = len(arrays)
    if n < 2:
        raise ValueError("Expecting at least two arrays.")
    ranks = [len(v.shape) for v in arrays]
    if any(r not in (1, 2) for r in (ranks[0], ranks[-1])) or any(r != 2 for r in ranks[1:-1]):
        raise np.linalg.LinAlgError("multi_dot takes matrices, and vectors as its first and last array")
    sizes = [1 if ranks[0] == 1 else arrays[0].shape[0]] + [v.shape[0] for v in arrays[1:]]
    if ranks[0] == 1:
        sizes[1] = arrays[0].shape[0]
    sizes.append(1 if ranks[-1] == 1 else arrays[-1].shape[1])
    cost, cut = {(k, k): 0 for k in range(n)}, {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            cost[i, j], cut[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i, j):
        return arrays[i] if i == j else matmul_op(product(i, cut[i, j]), product(cut[i, j] + 1, j))

    return result_or_out(product(0, n - 1), out, "multi_dot")


@implements(np.einsum)
def einsum(*operands, out=None, optimize=False, dtype=None, order="K", casting="safe"):
    """`numpy.einsum`: products of two operands at a time, each a matrix product where it can be one."""
    terms, result, arrays = parse_einsum(operands)
    if dtype is not None:
        arrays = [v if dtype_of(v) == np.dtype(dtype) else a.astype(v, dtype=np.dtype(dtype)) for v in arrays]
    work = [_simplified(x, t, terms, arrays) for x, t in zip(arrays, terms, strict=True)]
    path = _path(optimize, terms, result, arrays)
    for group in path:
        chosen = [work[k] for k in group]
        work = [w for k, w in enumerate(work) if k not in group]
        while len(chosen) > 1:
            (x, sx), (y, sy) = chosen[:2]
            rest = chosen[2:]
            keep = set(result).union(*[t for _, t in work + rest])
            x, sx = _sum_out(x, sx, keep | set(sy))
            y, sy = _sum_out(y, sy, keep | set(sx))
            so = [c for c in dict.fromkeys(sx + sy) if c in keep]
            so = result if not work and not rest else "".join(so)
            chosen = [(contracted(x, y, sx, sy, so), so), *rest]
        work.append(chosen[0])
    x, sx = _sum_out(*work[0], set(result))
    if sx != result:
        x = transpose(x, tuple(sx.index(c) for c in result))
    elif x is arrays[0]:
        x = viewed(x, lambda m: m[...]) if result else a.positive(x)
    return result_or_out(x, out, "einsum")


def parse_einsum(operands):
    """Return the labels of each operand, of the result (a letter an axis, no ellipsis), and the operands."""
    if isinstance(operands[0], str):
        spec, arrays = operands[0].replace(" ", ""), [as_operand(v) for v in operands[1:]]
    else:
        count = len(operands) // 2
        arrays = [as_operand(v) for v in operands[0 : 2 * count : 2]]
        lists = list(operands[1 : 2 * count : 2]) + list(operands[2 * count :])
        names = {k: LETTERS[i] for i, k in enumerate(sorted({k for v in lists for k in v if k is not Ellipsis}))}
        words = ["".join("..." if k is Ellipsis else names[k] for k in v) for v in lists]
        spec = ",".join(words[:count]) + ("->" + words[count] if len(words) > count else "")
    left, arrow, result = spec.partition("->")
    terms = left.split(",")
    if len(terms) != len(arrays):
        raise ValueError(f"einsum: {len(arrays)} operands were given for the {len(terms)} terms of {left!r}")
    for t in [*terms, result]:
        if (
            t.count(".") not in (0, 3)
            or ("." in t and "..." not in t)
            or not all(c in LETTERS for c in t.replace("...", ""))
        ):
            raise ValueError(f"einsum: invalid subscripts {t!r}")
    extra = [len(x.shape) - len(t.replace("...", "")) for x, t in zip(arrays, terms, strict=True)]
    for x, t, e in zip(arrays, terms, extra, strict=True):
        if e < 0 or (e and "..." not in t):
            raise ValueError(f"einsum: the subscripts {t!r} do not fit an operand with {len(x.shape)} axes")
    free = [c for c in LETTERS if c not in spec]
    dots = "".join(free[: max((e for e, t in zip(extra, terms, strict=True) if "..." in t), default=0)])
    if arrow:
        if dots and "..." not in result:
            raise ValueError("einsum: the result's subscripts have no ellipsis for the axes that are broadcast")
        result = result.replace("...", dots)
    else:
        letters = left.replace(",", "").replace(".", "")
        result = dots + "".join(c for c in sorted(set(letters)) if letters.count(c) == 1)
    terms = [t.replace("...", dots[len(dots) - e :]) for t, e in zip(terms, extra, strict=True)]
    if len(set(result)) != len(result) or not set(result) <= set("".join(terms)):
        raise ValueError(f"einsum: the result's subscripts {result!r} repeat a letter or name one no operand has")
    return terms, result, arrays


def _simplified(x, term, terms, arrays):
    """Return an operand as a view without repeated labels, and without axes of length 1 that are broadcast."""
    size = {}
    for t, v in zip(terms, arrays, strict=True):
        for c, d in zip(t, v.shape, strict=True):
            if d != 1 and size.setdefault(c, d) != d:
                raise ValueError(f"einsum: the axes labelled {c!r} have lengths {size[c]} and {d}")
    once = "".join(dict.fromkeys(term))
    if once != term:
        x = viewed(x, lambda m: np.einsum(f"{term}->{once}", m))
    narrow = tuple(k for k, c in enumerate(once) if x.shape[k] == 1 and size.get(c, 1) != 1)
    if narrow:
        x = viewed(x, lambda m: m.squeeze(narrow))
        once = "".join(c for k, c in enumerate(once) if k not in narrow)
    return x, once


def _sum_out(x, labels, keep):
    axes = tuple(k for k, c in enumerate(labels) if c not in keep)
    if not axes:
        return x, labels
    return sum_(x, axis=axes, keepdims=False), "".join(c for c in labels if c in keep)


def _path(optimize, terms, result, arrays):
    """Return which operands to multiply, one step after the other, as `numpy.einsum_path` gives it."""
    if isinstance(optimize, list | tuple) and optimize and optimize[0] == "einsum_path":
        return optimize[1:]
    if len(arrays) <= 2:
        return [tuple(range(len(arrays)))]
    stand_ins = [np.broadcast_to(0.0, x.shape) for x in arrays]
    method = "greedy" if isplain(optimize, bool) else optimize
    return np.einsum_path(",".join(terms) + "->" + result, *stand_ins, optimize=method)[0][1:]


# --- polynomials ------------------------------------------------------------------------------------------
@implements(np.polyval)
def polyval(p, x):
    """`numpy.polyval`: Horner's rule, the leading coefficient first."""
    p, x = as_operand(p), as_operand(x)
    y = np.zeros(x.shape, x.dtype)[()]
    for k in range(p.shape[0]):
        y = a.add(a.multiply(y, x), p[k])
    return y
