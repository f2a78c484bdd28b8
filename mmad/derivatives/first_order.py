"""First derivatives: gradients and pullbacks in reverse mode, pushforwards and linear maps in forward mode."""

import numpy as np

from mmad._core import Traced, own_arithmetic, shape_of
from mmad.derivatives import other_numbers
from mmad.derivatives.arguments import (
    derivative_function,
    plain,
    positions,
    scalar_output,
    tangent_like,
    tangent_pairs,
    value_and_aux,
)
from mmad.errors import OtherNumberError, RepeatedEigenvalueError
from mmad.ops.spectral import Met
from mmad.python.kinds import isplain
from mmad.tape.constants import unboxed
from mmad.tape.contexts import Forwarding, open_tape
from mmad.tracing import tree
from mmad.tracing.hidden import refuse_hidden
from mmad.tracing.leaves import describe
from mmad.tracing.lost_track import is_nan, refuse_left_behind
from mmad.tracing.nans import NANS
from mmad.tracing.pickling import MadeFunction
from mmad.tracing.results import as_recorded, finished, in_kind_of, is_static, value_and_tangent
from mmad.tracing.trace import Trace
from mmad.wrappers._dual import doubtful, make_dual, new_level

__all__ = ["Linearized", "grad", "jvp", "linearize", "trace_gradient", "value_and_grad", "vjp"]


# ------------------------------------------------------------------------------------------------ reverse
def trace_gradient(f, argnums, has_aux, args, kwargs, what):
    """Return value, gradient and auxiliary data of a function at a point."""
    nums = positions(f, argnums, args, what)
    try:
        trace = Trace(f, args, kwargs, nums, what)
    except OtherNumberError:
        if not other_numbers.among(args):
            raise
        trace = None
    if trace is None:  # outside of the clause, so that an error is not reported as one of its handling
        return other_numbers.gradient_of(f, argnums, args, kwargs, has_aux, what)
    out, aux = scalar_output(trace, what, has_aux)
    grads = trace.trees(trace.pull([out], [1.0]))
    if not trace.nested:
        out = out if what == "grad" else finished(out)  # which may leave a guard; nobody looks at it there
        aux = plain(aux) if has_aux else None
    return out, grads if isinstance(argnums, tuple | list) else grads[0], aux


def grad(f, argnums=0, has_aux=False):
    """Return the function that computes the gradient in reverse mode; see `mmad.grad`."""

    def operator(*args, **kwargs):
        _, g, aux = trace_gradient(f, argnums, has_aux, args, kwargs, "grad")
        return (g, aux) if has_aux else g

    return derivative_function(f, operator, "grad", (grad, argnums, has_aux))


def value_and_grad(f, argnums=0, has_aux=False):
    """Return the function that computes value and gradient in one sweep; see `mmad.value_and_grad`."""

    def operator(*args, **kwargs):
        value, g, aux = trace_gradient(f, argnums, has_aux, args, kwargs, "value_and_grad")
        return ((value, aux) if has_aux else value), g

    return derivative_function(f, operator, "value_and_grad", (value_and_grad, argnums, has_aux))


def _cotangents(trace, ct, what):
    """Return the user's cotangent, checked against the result's structure: leaves of outputs and cotangents."""
    leaves, structure = tree.flatten(ct)
    if tree.quantity_in(structure) is not None:
        raise TypeError(f"{trace.origin}: a cotangent has units, which would be lost; pass its magnitude")
    if structure != trace.out_tree and len(leaves) != len(trace.outputs):
        raise ValueError(
            f"{trace.origin}: the cotangent must have the structure of the result, with "
            f"{len(trace.outputs)} leaves; it has {len(leaves)}"
        )
    outs, cts = [], []
    for out, c in zip(trace.outputs, leaves, strict=True):
        if is_static(out):
            continue
        c = unboxed(c)
        if shape_of(c) != shape_of(out):
            raise ValueError(
                f"{trace.origin}: a cotangent has shape {shape_of(c)}, the result it belongs to {shape_of(out)}"
            )
        if not isinstance(c, Traced):
            if isplain(c, np.ndarray):
                own_arithmetic(c, f"{trace.origin}: a cotangent")
            dtype = np.result_type(out.dtype if hasattr(out, "dtype") else type(out), np.float16)
            if np.result_type(c).kind == "c" and dtype.kind != "c":
                raise TypeError(f"{trace.origin}: a cotangent is complex, the result it belongs to is real")
            c = np.asarray(c, dtype=dtype) if shape_of(out) or dtype != np.float64 else float(c)
            if isplain(c, np.ndarray) and c is ct:
                c = c.copy()
        outs.append(out)
        cts.append(c)
    return outs, cts


def vjp(f, *primals, has_aux=False):
    """Return the value and the pullback, which multiplies cotangents with the Jacobian.

    Parameters
    ----------
    f : callable
    *primals : float, ndarray or tree
    has_aux : bool
        `f` returns ``(value, auxiliary data)``.

    Returns
    -------
    y : the value of `f`
    pullback : callable
        ``pullback(y_bar)`` -> tuple with a cotangent for each primal.  The trace is kept: it may be called again.
    aux : only with `has_aux`

    Examples
    --------
    >>> import numpy as np, mmad
    >>> y, pullback = mmad.vjp(lambda x: x**2, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    try:
        trace = Trace(f, primals, {}, tuple(range(len(primals))), "vjp")
    except OtherNumberError:
        if has_aux or not other_numbers.among(primals):
            raise
        trace = None
    if trace is None:
        return other_numbers.pullback_of(f, primals)
    aux = None
    if has_aux:
        result, aux = value_and_aux(trace)
        trace.outputs, trace.out_tree = tree.flatten(result)
        aux = aux if trace.nested else plain(aux)
    refuse_hidden(trace.outputs, trace.origin)
    y = tree.unflatten(trace.out_tree, trace.outputs if trace.nested else [finished(v) for v in trace.outputs])

    def pullback(y_bar):
        outs, cts = _cotangents(trace, y_bar, "vjp")
        return trace.trees(trace.pull(outs, cts))

    pullback = MadeFunction(pullback, lambda: (_pullback, (f, trace.point(), has_aux), {}))
    return (y, pullback, aux) if has_aux else (y, pullback)


def _pullback(f, primals, has_aux):
    """Return the pullback of a function at a point, as `vjp` gives it."""
    return vjp(f, *primals, has_aux=has_aux)[1]


# ------------------------------------------------------------------------------------------------ forward
def jvp(f, primals, tangents, has_aux=False):
    """Return the value and the directional derivative, by dual numbers: one pass, no tape.

    Parameters
    ----------
    f : callable
    primals, tangents : tuple
        Arguments and the direction, of the same structure and shapes.
    has_aux : bool
        `f` returns ``(value, auxiliary data)``.

    Returns
    -------
    y, y_dot
        The value of `f` and its derivative in the direction, of the same structure.
    aux : only with `has_aux`

    References
    ----------
    .. [1] Griewank and Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, section 3.1.

    Examples
    --------
    >>> import mmad
    >>> mmad.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (6.0, 3.0)
    """
    if has_aux:
        result, dots = jvp(f, primals, tangents)
        y, aux = _pair(result, describe(f, "jvp"))
        return y, dots[0], aux
    level, tape = new_level(), open_tape()
    if tape is None or not tape.exact:
        missing, found = Met.missing, None
        try:
            found = _forward(f, tangent_pairs(primals, tangents, describe(f, "jvp")), level)
        except OtherNumberError:
            if not other_numbers.among(primals):
                raise
            missing = None
        except RepeatedEigenvalueError:  # there may be a rule for a sweep over a recording
            pass
        finally:
            doubt = doubtful(level)  # forgets it
        if missing is None:
            return other_numbers.pushforward_of(f, primals, tangents)
        lost = found is None or (Met.missing != missing and any(is_nan(d) for d in tree.flatten(found[1])[0]))
        if not lost and (not doubt or (tape is not None and tape.live)):
            if NANS.on:
                NANS.examine_forward(f, primals, tangents, found)
            return found
    lin = Linearized(f, primals, "jvp")  # a sweep over a recording can ask where a zero comes from
    return lin.value(), tree.unflatten(lin.trace.out_tree, lin.filled(lin.push(tangents)))


def _pair(result, what):
    """Return what a function with auxiliary data returned, checked."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{what}: with has_aux=True the function must return (value, auxiliary data)")
    return result


def _forward(f, pairs, level):
    """Call f on dual numbers of a level and split what it returns."""
    args, wrapper = [], None
    for structure, leaves in pairs:
        duals = []
        for x, d in leaves:
            if d is None:
                duals.append(x)
                continue
            x = +x if isinstance(x, Traced) else x
            wrapper = make_dual(level, x, as_recorded(x, d))
            duals.append(wrapper)
        args.append(tree.unflatten(structure, duals))
    if wrapper is None:
        raise TypeError(f"{describe(f, 'jvp')}: no argument has a derivative")
    with Forwarding(wrapper):
        outputs, structure = tree.flatten(f(*args))
        refuse_left_behind(outputs)
        refuse_hidden(outputs, describe(f, "jvp"))
        outputs = [unboxed(v) for v in outputs]
    ys, dots = [], []
    for out in outputs:
        y, d = value_and_tangent(out, level)
        ys.append(y)
        dots.append(d)
    return tree.unflatten(structure, ys), tree.unflatten(structure, dots)


def linearize(f, *primals, has_aux=False):
    """Return the value and the linear map: record once, then push tangents through as often as wanted.

    Parameters
    ----------
    f : callable
    *primals : float, ndarray or tree
    has_aux : bool
        `f` returns ``(value, auxiliary data)``.

    Returns
    -------
    y : the value of `f`
    f_jvp : callable
        ``f_jvp(*tangents)`` -> tangent of y.  The function is not called again, and partial derivatives are kept.
    aux : only with `has_aux`

    Examples
    --------
    >>> import numpy as np, mmad
    >>> y, f_jvp = mmad.linearize(np.sin, 0.0)
    >>> f_jvp(2.0)
    2.0
    """
    lin = Linearized(f, primals, "linearize")

    def f_jvp(*tangents):
        found = tree.unflatten(lin.trace.out_tree, lin.filled(lin.push(tangents)))
        return found[0] if has_aux else found

    y = lin.value()
    if has_aux:
        y, aux = _pair(y, lin.what)
    f_jvp = MadeFunction(f_jvp, lambda: (_linear_map, (f, lin.trace.point(), has_aux), {}))
    return (y, f_jvp, aux) if has_aux else (y, f_jvp)


def _linear_map(f, primals, has_aux=False):
    """Return the linear map of a function at a point, as `linearize` gives it."""
    return linearize(f, *primals, has_aux=has_aux)[1]


class Linearized:
    """A recorded function at a point, whose tangents can be asked for again and again.

    `argnums`, if given, are the positions of the arguments that are traced.
    """

    def __init__(self, f, primals, what, argnums=None, kwargs=None):
        nums = tuple(range(len(primals))) if argnums is None else argnums
        self.what = describe(f, what)
        self.trace = Trace(f, primals, kwargs or {}, nums, what)
        refuse_hidden(self.trace.outputs, self.what)
        self.cache = {}

    def value(self):
        """Return what the function returned."""
        t = self.trace
        return tree.unflatten(t.out_tree, t.outputs if t.nested else [finished(v) for v in t.outputs])

    def push(self, tangents):
        """Return the tangents of the outputs, a list; None where zero."""
        t = self.trace
        if len(tangents) != len(t.structures):
            raise ValueError(f"{self.what}: {len(t.structures)} primals but {len(tangents)} tangents")
        dots, at = [], 0
        for k, (tangent, (_, count)) in enumerate(zip(tangents, t.structures, strict=True)):
            leaves, _ = tree.flatten(tangent)
            if len(leaves) != count:
                raise ValueError(
                    f"{self.what}: the tangent of argument {k} must have its structure ({count} leaves), it "
                    f"has {len(leaves)} leaves"
                )
            for x, d in zip(t.inputs[at : at + count], leaves, strict=True):
                dots.append(None if x is None else tangent_like(d, x, f"{self.what}: argument {k}"))
            at += count
        return t.push(dots, t.outputs, self.cache)

    def push_lanes(self, lanes):
        """Return the tangents of the outputs for many directions; `lanes` is one batch or None an input leaf."""
        return self.trace.push(lanes, self.trace.outputs, self.cache)

    def filled(self, dots):
        """Return the tangents in the kind of the outputs, zeros where None."""
        out = []
        for y, d in zip(self.trace.outputs, dots, strict=True):
            if is_static(y):
                out.append(y)
            elif d is None:
                zero = value_and_tangent(y, -1)[1]
                out.append(in_kind_of(zero, y) if isinstance(y, Traced) else zero)
            else:
                out.append(d if isinstance(d, Traced) else in_kind_of(d, y))
        return out
