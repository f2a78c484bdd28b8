"""The chain rule, in one place: cotangents of an operation's operands, the tangent of its result.

The numeric sweeps, the recorded sweep and the transforms all come here; values may be plain, traced or batched.
"""
from cpython.object cimport PyObject

cimport numpy as cnp

import numpy as np

from mmad._core cimport Traced, Var, Wrapper, apply1, apply2, apply_op, shape_of
from mmad.errors import UnsupportedError
from mmad.kernels._arrays cimport PyArray_CompareLists, chain_value, masked_value, settled_value, unbroadcast_value
from mmad.ops import OPERATIONS
from mmad.ops._partials cimport PARTIAL_OPERAND, array_partial, cuts, partial_of
from mmad.ops.declare import zero_like
from mmad.ops.reduction import unbroadcast
from mmad.ops.movement import broadcast_to
from mmad.tape._instructions cimport KIND_ELEMENTWISE, NODE_SPOILT, Op
from mmad.tape._storage cimport ArrayVar

cnp.import_array()


cdef Op o_chain, o_masked, o_settled, o_multiply, o_add, o_root, o_kink, o_own_square, o_conj, o_neg, o_real, o_astype


o_chain, o_masked, o_settled, o_multiply, o_add, o_root, o_kink, o_own_square, o_conj, o_neg, o_real, o_astype = [
    OPERATIONS[k] for k in ("chain", "masked", "settled", "multiply", "add", "root", "kink", "own_square", "conjugate",
                            "negative", "real", "astype")]


cdef object _transpose_of = None  # what derives the transpose of a pushforward


def set_transpose_of(function):
    """Say what derives the transpose of an operation that declares a pushforward only; it is defined above this module."""
    global _transpose_of
    _transpose_of = function


cdef object transposed(Op op, object ct, tuple vals, object out, dict params, list active):
    """Cotangents of the operands of an operation that declares a pushforward, one a position."""
    return (_transpose_of(op, ct, vals, out, params, active) if op.transpose is None
            else op.transpose(ct, vals, out, params, active))


cdef inline bint is_complex(object p):
    if isinstance(p, float):
        return False
    if type(p) is ArrayVar:
        return cnp.PyArray_ISCOMPLEX((<ArrayVar> p).arr)
    if isinstance(p, (cnp.ndarray, Traced, np.generic)):
        return p.dtype.kind == "c"
    return isinstance(p, complex)


cdef object chain_any(object bar, object p, bint adjoint):
    """bar * p (or bar * conj(p)), zero where bar is zero."""
    if type(p) is float:
        if <double> p == 1.0:
            return bar
        if <double> p == -1.0:
            return apply1(o_neg, bar) if isinstance(bar, Traced) else -bar
        if <double> p == 0.0:
            return None
    if adjoint and is_complex(p):
        p = apply1(o_conj, p)
    if isinstance(bar, Traced) or isinstance(p, Traced):
        return apply2(o_chain, bar, p)
    return chain_value(bar, p)


cdef bint computed(Op op, int i) noexcept:
    """Whether a partial that is a number was computed at this point, instead of being the same at all points.

    The partial 1.0 of ``add`` is declared; that of ``square``, 2 x, is computed.  Only the latter, where it happens to be zero,
    gives NaN with an infinite cotangent; a declared zero says that there is no derivative.
    """
    return op.opcode >= 0 and partial_of(op.opcode, i).kind >= PARTIAL_OPERAND \
        and (op.saturates is None or i not in op.saturates)


cdef bint finite(object bar) except -1:
    """Whether a tangent or cotangent is finite for all that is known of it."""
    if isinstance(bar, Traced):
        return not isinstance(bar, Wrapper)
    return np.isfinite(bar).all()


cdef object np_float64 = np.float64


cdef tuple in_one_precision(tuple vals):
    """Return operands in double precision where NumPy computes in it, and some have less.

    A partial is computed of the operands: 1 / y, that of ``x / y``, would be rounded to the precision of a y in float32.  A
    Python float here may be a number in double precision, which makes numbers wide, not arrays.
    """
    cdef bint wide = False, weak = False, narrow = False
    cdef object v, dtype
    for v in vals:
        if type(v) is float:
            weak = True
        elif type(v) is np_float64:
            wide = True
        elif isinstance(v, cnp.ndarray):
            wide |= cnp.PyArray_TYPE(v) == cnp.NPY_DOUBLE
            narrow |= cnp.PyArray_TYPE(v) == cnp.NPY_FLOAT or cnp.PyArray_TYPE(v) == cnp.NPY_FLOAT16
        else:
            dtype = getattr(v, "dtype", None)
            wide |= dtype == np_float64
            narrow |= dtype is not None and dtype.kind == "f" and dtype.itemsize < 8
    if not narrow or not (wide or weak):
        return vals
    return tuple([apply_op(o_astype, (v,), {"dtype": np.dtype(np_float64)})
                  if getattr(v, "dtype", np_float64) != np_float64 and v.dtype.kind == "f" and v.dtype.itemsize < 8
                  and (wide or shape_of(v) == ()) else v for v in vals])


cdef object times_partial(Op op, int i, object bar, object p, tuple vals, bint adjoint):
    """The product of a tangent or cotangent with partial i of an operation, as the operation declares it (`Op.masks`)."""
    cdef bint mask = op.masks >> i & 1 and (adjoint or op is not o_own_square)  # whose tangents may be of other norms
    if type(p) is float or not mask and (op.saturates is None or i not in op.saturates or not cuts()):
        if type(p) is float and <double> p == 0.0 and not mask and computed(op, i) and not finite(bar):
            return apply2(o_chain, bar, p) if isinstance(bar, Traced) else chain_value(bar, p)
        return chain_any(bar, p, adjoint)
    if adjoint and is_complex(p):
        p = apply1(o_conj, p)
    if mask:
        return apply2(o_masked, bar, p) if isinstance(bar, Traced) or isinstance(p, Traced) else masked_value(bar, p)
    u = vals[op.saturates[i]]
    if isinstance(bar, Traced) or isinstance(p, Traced) or isinstance(u, Traced):
        return apply_op(o_settled, (bar, p, u), None)
    return settled_value(bar, p, u)


cdef inline bint same_shape_and_dtype(cnp.ndarray a, cnp.ndarray b) noexcept:
    """Whether two arrays are of one shape and dtype."""
    return (<PyObject *> cnp.PyArray_DESCR(a) == <PyObject *> cnp.PyArray_DESCR(b)
            and cnp.PyArray_NDIM(a) == cnp.PyArray_NDIM(b)
            and PyArray_CompareLists(cnp.PyArray_DIMS(a), cnp.PyArray_DIMS(b), cnp.PyArray_NDIM(a)))


cdef object fit(object g, object val, tuple out_shape):
    """Reduce a cotangent of an operation's result to the shape and dtype of the operand `val`."""
    cdef tuple shape
    if type(g) is float:  # a uniform cotangent
        if not isinstance(val, cnp.ndarray) and not isinstance(val, Traced):
            return <double> g * prod(out_shape)
        shape = val.shape
        if shape == out_shape:
            return g if val.dtype.kind != "c" and isinstance(val, cnp.ndarray) else np.full(shape, g, val.dtype)
        return g * (prod(out_shape) / prod(shape)) if prod(shape) else np.zeros(shape, val.dtype)
    if type(g) is ArrayVar and type(val) is ArrayVar and same_shape_and_dtype((<ArrayVar> g).arr, (<ArrayVar> val).arr):
        return g
    if isinstance(g, Traced) and isinstance(val, (Traced, cnp.ndarray)) and g.shape == val.shape and g.dtype == val.dtype:
        return g
    if isinstance(g, Traced) or isinstance(val, Traced):
        return unbroadcast(g, shape_of(val), getattr(val, "dtype", None))
    if isinstance(val, cnp.ndarray):
        if isinstance(g, cnp.ndarray) and (<cnp.ndarray> g).dtype is (<cnp.ndarray> val).dtype and g.shape == val.shape:
            return g
        return unbroadcast_value(g, val.shape, (<cnp.ndarray> val).dtype)
    return unbroadcast_value(g, (), np.result_type(val) if not isinstance(val, float) else None)


cdef double prod(tuple shape):
    cdef double r = 1.0
    for d in shape:
        r *= <double> d
    return r


cpdef list pull(Op op, object ct, tuple vals, object out, dict params, tuple out_shape, list active):
    """Cotangents of an operation's operands: one for each active position, None where it is zero.

    Parameters
    ----------
    op : Op
        Elementwise or structural.
    ct : float, ndarray or traced
        Cotangent of the result.
    vals : tuple
        The operands, plain or traced; `out`, the result, where the operation needs it.
    active : list of bool
    """
    cdef list gs = []
    cdef int i
    cdef tuple operands
    if type(ct) is float and out_shape and (op.kind != KIND_ELEMENTWISE or op.transposes is not None):
        ct = np.full(out_shape, ct)
    if op.transposes is not None and type(op.transposes) is not dict:  # variadic: all operands at once
        parts = op.transposes.every(ct, active, *vals, **params)
        return [None if g is None else fit(g, v, out_shape) for g, v in zip(parts, vals)]
    operands = vals if op.partials is None or len(vals) == 1 else in_one_precision(vals)
    for i in range(len(vals)):
        if not active[i]:
            gs.append(None)
            continue
        if op.transposes is not None and i in op.transposes:
            g = op.transposes[i](ct, *vals, **params) if params is not None else op.transposes[i](ct, *vals)
            if type(g) is float:  # already equal for every element of the operand
                gs.append(g if isinstance(vals[i], float) or vals[i].dtype.kind == "f"
                          else np.full(shape_of(vals[i]), g, vals[i].dtype))
                continue
        elif op.partials is not None:
            if op.partials[i] is None:
                raise UnsupportedError(f"{op.name} has no derivative with respect to its argument {i}")
            g = times_partial(op, i, ct, array_partial(op, i, operands, out), operands, True)
        elif op.jvp is not None:
            # a float is the cotangent of a number here, not one that every element of the result has
            return [g if g is None or type(g) is float and shape_of(v) == () else fit(g, v, out_shape) for g, v in
                    zip(transposed(op, ct, vals, out, params, active), vals)]
        else:
            raise UnsupportedError(f"{op.name} has no derivative with respect to its argument {i}")
        gs.append(None if g is None else fit(g, vals[i], out_shape))
    return gs


cpdef list pull_through(Op op, object ct, tuple vals, object out, tuple out_shape, list active):
    """The same of a norm whose cotangent arithmetic made: a zero of it does not win over a slope that does not exist."""
    cdef list gs = []
    cdef int i
    cdef object lost = kink_of(op, vals)
    for i in range(len(vals)):
        if not active[i]:
            gs.append(None)
            continue
        p = array_partial(op, i, vals, out)
        p = apply1(o_conj, p) if is_complex(p) else p
        gs.append(fit(spoilt(ct, lost, p), vals[i], out_shape))
    return gs


cpdef object kink_of(Op op, tuple vals):
    """Return what is NaN where a norm is zero, and zero elsewhere; None for a root, whose slope is NaN itself."""
    if op is o_root:
        return None
    return apply1(o_kink, vals[0] if len(vals) == 1 and not is_complex(vals[0]) else apply_op(op, vals, None))


cpdef object spoilt(object ct, object lost, object p):
    """Return the product of a norm's cotangent with its slope, spoilt: its derivatives are NaN where the norm is zero.

    ``abs(x)`` has the slope sign(x), 0 at 0 by convention; the derivative of this slope must not be 0 there as well, since
    abs has no second derivative at 0.  So a term is added whose value is always 0 and whose derivative is NaN at 0: the kink
    (`kink_of`, NaN at 0) masked by the slope, which is zero there.

    Parameters
    ----------
    ct, p : number, ndarray or traced
        The cotangent and the slope.
    lost : number, ndarray, traced or None
        What `kink_of` gives; None where the slope itself is NaN.
    """
    if isinstance(p, Var):
        (<Var> p).tape.nodes[(<Var> p).node].flags |= NODE_SPOILT
    if lost is None:
        return apply2(o_multiply, ct, p)
    return apply2(o_add, apply2(o_chain, ct, p), apply2(o_masked, lost, p))


cpdef object push(Op op, list dots, tuple vals, object out, dict params, tuple out_shape, object out_dtype,
                  list partials=None):
    """Tangent of an operation's result, of its shape and dtype, from those of its operands (None: zero); None if zero.

    `partials`, when given, is a list that keeps the partial derivatives between calls at the same point.
    """
    g = tangent(op, dots, vals, out, params, partials)
    if g is None or type(g) is float and out_shape == () and out_dtype.itemsize >= 8:
        return g
    if out_shape and shape_of(g) != out_shape:
        g = broadcast_to(g, out_shape)
    dtype = np.result_type(g) if not isinstance(g, (cnp.ndarray, Traced)) else g.dtype
    if dtype is not out_dtype and dtype != out_dtype:
        if dtype.kind == "c" and out_dtype.kind != "c":
            g = apply1(o_real, g)
        g = apply_op(o_astype, (g,), {"dtype": out_dtype})
    return g


cdef object tangent(Op op, list dots, tuple vals, object out, dict params, list partials):
    cdef object total = None, g
    cdef int i
    cdef list args
    if op.jvp is not None:
        return op.jvp(dots, out, *vals, **params) if params is not None else op.jvp(dots, out, *vals)
    if op.transposes is not None:
        if op.joint:
            args = list(vals)
            for i in list(op.transposes):
                args[i] = dots[i] if dots[i] is not None else zero_like(vals[i])
            return apply_op(op, tuple(args), params)
        for i in range(len(vals)):
            if dots[i] is None:
                continue
            if i not in op.transposes:
                raise UnsupportedError(f"{op.name} has no derivative with respect to its argument {i}")
            args = list(vals)
            args[i] = dots[i]
            g = apply_op(op, tuple(args), params)
            total = g if total is None else total + g
        return total
    if op.partials is None:
        raise UnsupportedError(f"{op.name} has no derivative")
    if len(vals) > 1:
        vals = in_one_precision(vals)
    for i in range(len(vals)):
        if dots[i] is None:
            continue
        if op.partials[i] is None:
            raise UnsupportedError(f"{op.name} has no derivative with respect to its argument {i}")
        if partials is None:
            p = array_partial(op, i, vals, out)
        else:
            p = partials[i]
            if p is None:
                p = partials[i] = array_partial(op, i, vals, out)
        g = times_partial(op, i, dots[i], p, vals, False)
        if g is not None:
            total = g if total is None else total + g
    return total
