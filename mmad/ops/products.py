"""The product of two arrays summed over common axes, of which tensordot, einsum, kron and outer are cases."""

import numpy as np

from mmad.ops import arithmetic as a
from mmad.ops.declare import linear
from mmad.ops.movement import viewed
from mmad.python.kinds import isplain

__all__ = ["adjoint_of", "axes_in_order", "contract"]


def adjoint_of(x):
    """Return the conjugate of a complex value; a real one as it is."""
    if isplain(x, complex) or getattr(x, "dtype", np.dtype(float)).kind == "c":
        return a.conjugate(x)
    return x


def axes_in_order(x, labels, order):
    """Return x with its axes in the order of `order`, and one of length 1 for each label it has not."""
    x = x.transpose([labels.index(c) for c in order if c in labels])
    return x[tuple(slice(None) if c in labels else None for c in order)]


def _contract(x, y, spec):
    x, y = np.asarray(x), np.asarray(y)
    sx, sy, so = spec
    summed = [c for c in sx if c in sy and c not in so]
    if not summed:
        return np.multiply(axes_in_order(x, sx, so), axes_in_order(y, sy, so))[()]
    both = [c for c in so if c in sx and c in sy]
    left = [c for c in so if c in sx and c not in sy]
    right = [c for c in so if c in sy and c not in sx]
    if both and not left and not right:  # a dot product for each of many: no matrix product in it
        return np.einsum(f"{sx},{sy}->{so}", x, y)[()]
    if left and right and so.index(right[0]) < so.index(left[0]):  # so that the result needs less reordering
        x, y, sx, sy, left, right = y, x, sy, sx, right, left
    size = dict(zip(sx + sy, x.shape + y.shape, strict=True))

    def blocks(*groups):
        shape = [size[c] for c in both]
        for group in groups:
            n = 1
            for c in group:
                n *= size[c]
            shape.append(n)
        return shape

    x = x.transpose([sx.index(c) for c in both + left + summed]).reshape(blocks(left, summed))
    y = y.transpose([sy.index(c) for c in both + summed + right]).reshape(blocks(summed, right))
    order = both + left + right
    r = np.matmul(x, y).reshape([size[c] for c in order])
    return r.transpose([order.index(c) for c in so])[()]


def _contract_batch(vals, batched, spec):
    sx, sy, so = spec
    lane = next(c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in sx + sy)
    return contract(*vals, spec=(lane * batched[0] + sx, lane * batched[1] + sy, lane + so))


def _contract_result(shapes, vals, spec):
    size = dict(zip(spec[0] + spec[1], shapes[0] + shapes[1], strict=True))
    if any(size[c] != d for c, d in zip(spec[0] + spec[1], shapes[0] + shapes[1], strict=True)):
        return None
    return tuple(size[c] for c in spec[2])


def _transposed(ct, y, sct, sy, so):
    """Return the contraction of a cotangent, which wins where it is zero if nothing is summed."""
    if any(c not in so for c in sct + sy):
        return contract(ct, y, spec=(sct, sy, so))
    ct, y = (viewed(x, lambda m, s=s: axes_in_order(m, s, so)) if s and s != so else x for x, s in ((ct, sct), (y, sy)))
    return a.chain(ct, y)


# `spec` labels the axes of the first operand, of the second and of the result, a letter an axis; no letter twice in one
# of them, and every letter of an operand is in the other operand or in the result.
contract = linear(
    "contract",
    _contract,
    {
        0: lambda ct, x, y, spec: _transposed(ct, adjoint_of(y), spec[2], spec[1], spec[0]),
        1: lambda ct, x, y, spec: _transposed(ct, adjoint_of(x), spec[2], spec[0], spec[1]),
    },
    batch=_contract_batch,
    nin=2,
    result=_contract_result,
    probes=(
        (
            np.array([[0.3, -1.2, 0.8], [1.7, 0.4, -0.6]]),
            np.array([[0.9, -0.5], [1.1, 0.2], [-1.4, 0.7]]),
            {"spec": ("ij", "jk", "ik")},
        ),
        (
            np.array([[0.3, -1.2, 0.8], [1.7, 0.4, -0.6]]),
            np.array([[0.9, -0.5], [1.1, 0.2], [-1.4, 0.7]]),
            {"spec": ("ij", "jk", "ki")},
        ),
        (
            np.array([[0.3, -1.2, 0.8], [1.7, 0.4, -0.6]]),
            np.array([[0.9, -0.5, 1.1], [0.2, -1.4, 0.7]]),
            {"spec": ("ij", "ij", "i")},
        ),
        (
            np.array([[0.3, -1.2, 0.8], [1.7, 0.4, -0.6]]),
            np.array([[0.9, -0.5, 1.1], [0.2, -1.4, 0.7]]),
            {"spec": ("bi", "bj", "bij")},
        ),
        (
            np.arange(1.0, 13.0).reshape(2, 3, 2) / 7,
            np.cos(np.arange(8.0)).reshape(2, 2, 2),
            {"spec": ("bij", "bjk", "kbi")},
        ),
        (np.array([0.3, -1.2, 0.8]), np.array([1.7, 0.4, -0.6]), {"spec": ("i", "i", "")}),
        (np.array([0.3, -1.2, 0.8]), np.array([1.7, 0.4]), {"spec": ("i", "j", "ji")}),
    ),
)
