"""Derivatives at repeated eigenvalues of what does not depend on the basis of their eigenspaces.

Where the usual rules have no derivative of eigenvectors, the function is run again:

1. with eigenvalues w + s r and eigenvectors V + t V K (:mod:`mmad.ops.eigenbases`), s and t dual numbers.  The result
   has the value of f; its derivative is that of f plus that of the coefficient of s t;
2. in another basis, and with shifted eigenvectors: a result that differs between the bases has no derivative.
"""

import numpy as np

from mmad._core import Traced, Var, Wrapper, shape_of
from mmad.ops import arithmetic as a
from mmad.ops.eigenbases import GIVEN, SHIFTED, TURNED, agreed, rates, repeated, turns, values_in, vectors_in
from mmad.ops.movement import size
from mmad.ops.reduction import matmul
from mmad.tape.constants import unboxed
from mmad.tape.contexts import STATE, Forwarding, derivatives_open
from mmad.tracing import tree
from mmad.wrappers._batch import Batch
from mmad.wrappers._dual import Dual, make_dual, new_level

__all__ = [
    "BASES",
    "agreed_cotangent",
    "agreed_tangent",
    "decomposed",
    "in_basis",
    "nearly_equal",
    "pulled_by_directions",
]

BASES = GIVEN, TURNED, SHIFTED


def in_basis(f, turn):
    """Return the function f with eigenvectors in one of the bases; right to first derivatives."""

    def g(*args, **kwargs):
        s, t = make_dual(new_level(), 0.0, 1.0), make_dual(new_level(), 0.0, 1.0)
        args, outer = _accepting(args, s, t), getattr(STATE, "basis", None)
        with Forwarding(s), Forwarding(t):
            STATE.basis = (turn, s, t), derivatives_open()
            try:
                outputs, structure = tree.flatten(f(*args, **kwargs))
            finally:
                STATE.basis = outer
            outputs = [unboxed(y) for y in outputs]
        return tree.unflatten(structure, [without_dual_numbers(y, s, t) for y in outputs])

    g.__wrapped__ = f
    return g


def _accepting(args, s, t):
    """Return the arguments as values that accept s and t when they are written to, as do arrays made like them."""
    leaves, structure = tree.flatten(args)
    for k, x in enumerate(leaves):
        if isinstance(x, Traced):
            zero = np.zeros(shape_of(x), x.dtype) if shape_of(x) else 0.0
            leaves[k] = make_dual(t.level, make_dual(s.level, +x, zero), zero)
    return tree.unflatten(structure, leaves)


def without_dual_numbers(y, s, t):
    """Return a value without s and t: with its own derivatives and those of the coefficient of s t."""
    mixed = 0.0
    if isinstance(y, Dual) and y.level == t.level:
        y, mixed = y.primal, y.tangent
        mixed = mixed.tangent if isinstance(mixed, Dual) and mixed.level == s.level else 0.0
    if isinstance(y, Dual) and y.level == s.level:
        y = y.primal
    return a.tied(y, a.add(y, mixed)) if isinstance(mixed, Traced) else y


def decomposed(m, uplo, turn, s, t):
    """Return eigenvalues and eigenvectors in one of the bases, with rates and turns along the dual numbers s and t.

    A matrix that was computed of other eigenvectors does not depend on their basis, or else the result does.
    """
    m = without_dual_numbers(m, s, t)
    if isinstance(m, Var):
        bool(repeated(m, uplo=uplo))  # leaves a guard in a program: there is a faster one without repeated eigenvalues
    w, v = values_in(m, uplo=uplo, turn=turn), vectors_in(m, uplo=uplo, turn=turn)
    turned = matmul(v, turns(m, uplo=uplo, turn=turn))
    return a.add(w, a.multiply(s, rates(w, turn=turn))), a.add(v, a.multiply(t, turned))


def nearly_equal(y, z):
    """Return whether two results are equal but for rounding; traced ones are."""
    if any(isinstance(v, Traced) or v is None or isinstance(v, str | bytes) for v in (y, z)):
        return True
    eps = np.finfo(np.result_type(y, z, np.float16)).eps
    return np.allclose(y, z, rtol=eps**0.5, atol=eps**0.5 * np.abs(z).max(initial=0.0), equal_nan=True)


def agreed_cotangent(gs, terms, shape, dtype):
    """Return one of an input's cotangents in all bases, if they and the terms of what is differentiated are equal."""
    if all(g is None for g in gs):
        return None
    gs = [np.zeros(shape, dtype) if g is None else g for g in gs]
    for products in zip(*terms, strict=True):
        gs[0] = agreed(*gs, *products, gs[0], strict=True)
    return gs[0]


def agreed_tangent(dots, ys, rest):
    """Return the tangent of an output, where it and the output are equal in all bases, and elsewhere `rest`."""
    if all(d is None for d in dots):
        return rest
    dtype = np.result_type(ys[0].dtype if hasattr(ys[0], "dtype") else float, np.float16)
    *dots, rest = [np.zeros(shape_of(ys[0]), dtype) if d is None else d for d in (*dots, rest)]
    return agreed(*dots, *ys, rest, strict=False)


def pulled_by_directions(trace, outputs, cts):
    """Return cotangents by forward sweeps over a trace, if tangents are linear in the direction; else None.

    Second derivatives of symmetric functions of eigenvalues have forward rules only (:mod:`mmad.ops.spectral`).
    """
    inputs, sizes = trace.inputs, [0 if x is None else size(x.shape) for x in trace.inputs]
    if any(isinstance(x, Wrapper) or (x is not None and x.dtype.kind != "f") for x in (*inputs, *outputs)):
        return None
    count, ends = sum(sizes), np.cumsum(sizes)
    v = np.random.default_rng(count).normal(size=(1, count))
    rows, level, dots = np.concatenate([np.eye(count), v, -v]), new_level(), []
    for x, n, end in zip(inputs, sizes, ends, strict=True):
        lanes = None if x is None else rows[:, end - n : end].reshape(-1, *x.shape)
        dots.append(None if x is None else Batch(level, np.array(lanes, x.dtype, order="C")))
    total = np.zeros((1, count))
    for y, ct, d in zip(outputs, cts, trace.push(dots, outputs), strict=True):
        if d is None:
            continue
        table = np.reshape(d.lanes, (count + 2, -1))
        columns, along = table[:-2], table[-2:] * [[1.0], [-1.0]]
        if not np.all(np.abs(v @ columns - along) <= np.finfo(y.dtype).eps ** 0.5 * (np.abs(v) @ np.abs(columns))):
            return None
        lanes = ct.lanes if isinstance(ct, Batch) else np.asarray(ct)[None]
        total = total + np.reshape(lanes, (len(lanes), -1)) @ columns.T
    outer, gs = next((ct.level for ct in cts if isinstance(ct, Batch)), None), []
    for x, n, end in zip(inputs, sizes, ends, strict=True):
        g = None if x is None else np.array(total[:, end - n : end].reshape(-1, *x.shape), x.dtype, order="C")
        gs.append(None if x is None else g[0] if outer is None else Batch(outer, g))
    return gs
