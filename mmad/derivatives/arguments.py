"""What the derivative operators take and give, checked: positions, tangents, scalar results, auxiliary data."""

import numbers

import numpy as np

from mmad._core import ScalarVar, Traced, own_arithmetic, shape_of
from mmad.ops.movement import size
from mmad.python.kinds import isplain
from mmad.tape.constants import unboxed
from mmad.tracing import tree
from mmad.tracing.leaves import ArgumentPlace, describe, plain_leaf
from mmad.tracing.pickling import MadeFunction
from mmad.tracing.results import finished, is_static

__all__ = [
    "derivative_function",
    "floating_vector",
    "name_of",
    "plain",
    "point_and_vector",
    "positions",
    "scalar_output",
    "tangent_like",
    "tangent_pairs",
    "value_and_aux",
]


# ------------------------------------------------------------------------------------------------ the function
def name_of(f):
    """Return the name of a function, for messages; that of its class where it has none."""
    return getattr(f, "__name__", type(f).__name__)


def positions(f, argnums, args, what):
    """Return argnums as a tuple of non-negative positions, checked."""
    if type(argnums) is int and 0 <= argnums < len(args):
        return (argnums,)
    nums = argnums if isinstance(argnums, tuple | list) else (argnums,)
    out = []
    for k in nums:
        if not isplain(k, int | np.integer) or isplain(k, bool):
            raise TypeError(f"{describe(f, what)}: argnums must be an int or a tuple of ints, not {k!r}")
        if not -len(args) <= k < len(args):
            raise TypeError(
                f"{describe(f, what)}: argnums={argnums} but it was called with {len(args)} positional "
                f"argument{'s' * (len(args) != 1)}; derivatives are with respect to positional arguments"
            )
        out.append(int(k) % len(args))
    if len(set(out)) != len(out):
        raise ValueError(f"{describe(f, what)}: argnums={argnums} names an argument twice")
    return tuple(out)


def derivative_function(f, operator, doc, again=None):
    """Return a derivative function that keeps the name of what it differentiates.

    Parameters
    ----------
    f, operator : callable
        What is differentiated, and what computes the derivative.
    doc : str
        The name of the public function.
    again : tuple, optional
        That function and its arguments after `f`, to make it again from a pickle.
    """
    if not callable(f):
        raise TypeError(f"mmad.{doc} takes a function, not {type(f).__name__}")

    def named(g):
        g.__name__ = g.__qualname__ = f"{doc}_{getattr(f, '__name__', type(f).__name__)}"
        g.__doc__ = f"{doc} of {getattr(f, '__name__', type(f).__name__)}; see `mmad.{doc}`."
        g.__wrapped__ = f
        return g

    named(operator)
    return operator if again is None else MadeFunction(operator, lambda: (again[0], (f, *again[1:]), {}))


# ------------------------------------------------------------------------------------------------ results
def value_and_aux(trace):
    """Return what a function with auxiliary data returned, checked: its value and the data, two trees."""
    result = tree.unflatten(trace.out_tree, trace.outputs)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{trace.origin}: with has_aux=True the function must return (value, auxiliary data)")
    return result


def scalar_output(trace, what, has_aux):
    """Return the leaf of a function's scalar result, checked; and the rest, if it returns auxiliary data."""
    outputs = trace.outputs
    aux = None
    if not has_aux and len(outputs) == 1 and type(outputs[0]) is ScalarVar:
        return outputs[0], None
    if has_aux:
        result, aux = value_and_aux(trace)
        outputs, _ = tree.flatten(result)
    if len(outputs) != 1:
        raise TypeError(
            f"{trace.origin}: the function must return one real number, it returned "
            f"{'nothing' if not outputs else f'a container of {len(outputs)}'}; use mmad.jacobian or mmad.vjp"
        )
    out = outputs[0]
    if out is None or is_static(out):
        raise TypeError(f"{trace.origin}: the function must return one real number, it returned {out!r}")
    if not isplain(out, numbers.Number | np.generic | np.ndarray | Traced):
        raise TypeError(f"{trace.origin}: the function must return one real number, it returned a {type(out).__name__}")
    shape = shape_of(out)
    if shape != ():
        if size(shape) == 1:
            raise TypeError(
                f"{trace.origin}: the function returned an array of shape {shape}; return its one element, "
                "as in y.sum() or y[0]"
            )
        raise TypeError(
            f"{trace.origin}: the function must return one real number, it returned an array of shape {shape}; "
            "use mmad.jacobian or mmad.vjp, or reduce it, as in y.sum()"
        )
    dtype = out.dtype if hasattr(out, "dtype") else np.result_type(type(out))
    if dtype.kind == "c":
        raise TypeError(
            f"{trace.origin}: the function returned a complex number; a gradient needs a real one, as in "
            "abs(z)**2 or z.real"
        )
    return out, aux


def plain(x):
    """Return a result as users expect it: traced leaves of a finished trace become numbers and arrays."""
    leaves, structure = tree.flatten(x)
    return tree.unflatten(structure, [finished(v) for v in leaves])


# ------------------------------------------------------------------------------------------------ tangents
def tangent_pairs(primals, tangents, what):
    """Return the leaves of primals and tangents, checked against each other, with the structures of the primals."""
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise TypeError(f"{what}: primals and tangents must be tuples with one entry for each argument")
    if len(primals) != len(tangents):
        raise ValueError(f"{what}: {len(primals)} primals but {len(tangents)} tangents")
    out = []
    for k, (p, t) in enumerate(zip(primals, tangents, strict=True)):
        leaves, structure = tree.flatten(p)
        dots, of_tangent = tree.flatten(t)
        if tree.quantity_in(structure) is not tree.quantity_in(of_tangent):
            raise TypeError(f"{what}: argument {k} and its tangent must both have units, or neither")
        if len(dots) != len(leaves):
            raise ValueError(
                f"{what}: the tangent of argument {k} must have its structure ({len(leaves)} leaves), it has "
                f"{len(dots)} leaves"
            )
        pairs = []
        for i, (x, d) in enumerate(zip(leaves, dots, strict=True)):
            if is_static(x):
                pairs.append((x, None))
                continue
            where = ArgumentPlace(what, k, p, i)
            if not isinstance(x, Traced):
                x = plain_leaf(x, where) if not isplain(x, np.generic) else np.asarray(plain_leaf(x, where))[()]
            pairs.append((x, tangent_like(d, x, where)))
        out.append((structure, pairs))
    return out


def tangent_like(d, x, where):
    """Return a tangent checked against the value it belongs to, in its dtype."""
    d = unboxed(d)
    if shape_of(d) != shape_of(x):
        raise ValueError(f"{where}: the tangent has shape {shape_of(d)}, the value {shape_of(x)}")
    if isinstance(d, Traced):
        return d
    if isplain(d, np.ndarray):
        own_arithmetic(d, f"{where}: the tangent")
    dtype = np.dtype(float) if isplain(x, float) else x.dtype
    kind = np.asarray(d).dtype.kind
    if kind not in "fciub":
        raise TypeError(f"{where}: the tangent is of type {type(d).__name__}; it must be numeric")
    if kind == "c" and dtype.kind != "c":
        raise TypeError(f"{where}: the tangent is complex, the value real")
    if isplain(x, float) or (isinstance(x, Traced) and shape_of(x) == () and dtype == np.float64):
        return float(d)
    return np.array(d, dtype=dtype, order="C")


def floating_vector(args):
    """Return the arguments of a product, integers in the vector as floats: to a program integers are configuration."""
    if len(args) < 2 or type(args[-1]) is float or (type(args[-1]) is np.ndarray and args[-1].dtype.kind == "f"):
        return args
    leaves, structure = tree.flatten(args[-1])
    return (*args[:-1], tree.unflatten(structure, [_as_float(x) for x in leaves]))


def _as_float(x):
    if isplain(x, np.ndarray):
        return x.astype(float) if x.dtype.kind in "biu" else x
    return float(x) if isplain(x, int | np.integer | np.bool_) else x


def point_and_vector(f, argnums, args, what):
    """Return the arguments of a product: the function's own, the vector as a tuple, and the positions it belongs to."""
    if len(args) < 2:
        raise TypeError(f"{describe(f, what)}: call it as h(x, v): the arguments of the function, then the vector")
    *args, v = args
    nums = positions(f, argnums, args, what)
    if not isinstance(argnums, tuple | list):
        return args, (v,), nums
    if not isinstance(v, tuple | list) or len(v) != len(nums):
        raise TypeError(f"{describe(f, what)}: with argnums={argnums} the vector is a tuple of {len(nums)}")
    return args, tuple(v), nums
