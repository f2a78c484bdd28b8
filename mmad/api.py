"""The derivative operators: gradients, products with Jacobians and Hessians."""

import functools
import numbers

import numpy as np

from mmad import tree
from mmad._core import HOOKS, ScalarVar, Traced
from mmad._dual import Dual, doubtful, make_dual, new_level
from mmad.contexts import Forwarding, open_tape
from mmad.errors import RepeatedEigenvalueError
from mmad.hidden import refuse_hidden
from mmad.kinds import isplain
from mmad.ops.declare import shape_of
from mmad.ops.spectral import Met
from mmad.ops.structure import size
from mmad.pickling import MadeFunction
from mmad.tracing import (
    Place,
    Trace,
    as_recorded,
    describe,
    finished,
    is_nan,
    is_static,
    plain_leaf,
    refuse_left_behind,
    restore,
)

__all__ = ["grad", "hvp", "jvp", "linearize", "value_and_grad", "value_grad_hvp", "vjp"]


# ------------------------------------------------------------------------------------------------ arguments
def positions(f, argnums, args, what):
    """argnums as a tuple of non-negative positions, checked."""
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


UNPLANNED = "auto", None, None, "auto"  # strategy, evaluations, memory, mode


def planned(what, f, argnums, has_aux, *options):
    """The derivative function `what` of f as the planner makes it."""
    from mmad.planner.functions import product  # which stands on this module

    return product(what, f, argnums, has_aux, *options)


def derivative_function(f, operator, doc, again=None, argnums=None, has_aux=False):
    """A derivative function that keeps the name of what it differentiates.

    Parameters
    ----------
    f, operator : callable
        What is differentiated, and what computes the derivative.
    doc : str
        The name of the public function.
    again : tuple, optional
        That function and its arguments after `f`, to make it again from a pickle.
    argnums, has_aux : optional
        Where the planner has a say on it.
    """
    if not callable(f):
        raise TypeError(f"mmad.{doc} takes a function, not {type(f).__name__}")

    def named(g):
        g.__name__ = g.__qualname__ = f"{doc}_{getattr(f, '__name__', type(f).__name__)}"
        g.__doc__ = f"{doc} of {getattr(f, '__name__', type(f).__name__)}; see `mmad.{doc}`."
        g.__wrapped__ = f
        return g

    if argnums is not None:
        operator.plan = lambda *args, **kwargs: planned(doc, f, argnums, has_aux, *UNPLANNED).plan(*args, **kwargs)
        operator.compare = lambda *args, **kwargs: planned(doc, f, argnums, has_aux, *UNPLANNED).compare(
            *args, **kwargs
        )
    named(operator)
    return operator if again is None else MadeFunction(operator, lambda: (again[0], (f, *again[1:]), {}))


def value_and_aux(trace):
    """What a function with auxiliary data returned, checked: its value and the data, two trees."""
    result = tree.unflatten(trace.out_tree, trace.outputs)
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"{trace.origin}: with has_aux=True the function must return (value, auxiliary data)")
    return result


def scalar_output(trace, what, has_aux):
    """The leaf of a function's scalar result, checked; and the rest, if it returns auxiliary data."""
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
    """A result as users expect it: traced leaves of a finished trace become numbers and arrays."""
    leaves, structure = tree.flatten(x)
    return tree.unflatten(structure, [finished(v) for v in leaves])


# ------------------------------------------------------------------------------------------------ reverse
def _gradient(f, argnums, has_aux, args, kwargs, what):
    nums = positions(f, argnums, args, what)
    trace = Trace(f, args, kwargs, nums, what)
    out, aux = scalar_output(trace, what, has_aux)
    grads = trace.trees(trace.pull([out], [1.0]))
    if not trace.nested:
        out = out if what == "grad" else finished(out)  # which may leave a guard; nobody looks at it there
        aux = plain(aux) if has_aux else None
    return out, grads if isinstance(argnums, tuple | list) else grads[0], aux


def grad(f, argnums=0, has_aux=False, *, strategy="auto", evaluations=None, memory=None, mode="auto"):
    """Gradient of a real scalar function, in reverse mode unless it is planned.

    Parameters
    ----------
    f : callable
        Returns one real number.  Control flow, recursion, mutation and data structures are Python's own.
    argnums : int or tuple of int
        Positional arguments to differentiate with respect to: floats, floating-point or complex arrays, or trees of
        them (tuples, lists, dicts, named tuples, dataclasses, objects with attributes).
    has_aux : bool
        `f` returns ``(value, auxiliary data)``.
    strategy : {"auto", "reverse", "forward"}, optional
        With any of the keywords from here on the planner chooses, as for :func:`jacobian`; arguments are then real.
    evaluations : int, optional
        How often the gradient will be evaluated: from 2 on it is compiled where that pays.
    memory : int or str, optional
        Bytes, or as in "500MB", that the recording may take.
    mode : {"auto", "eager", "compiled"}, optional
        "compiled": compile, however often it will be evaluated; "eager": never.

    Returns
    -------
    callable
        ``g(*args, **kwargs)`` -> gradient in the structure of the argument (a tuple of them for a tuple `argnums`), or
        ``(gradient, auxiliary data)``.  For complex z it is df/dx + i df/dy.  With ``g.plan(*args)``, what the
        planner would choose or has chosen, and ``g.compare(*args)``, all strategies measured.

    Raises
    ------
    TypeError
        The result is not one real number, or an argument is an integer.
    MemoryError
        Nothing fits into `memory`; see :func:`checkpoint`.

    See Also
    --------
    value_and_grad, jacobian, hvp

    References
    ----------
    .. [1] Griewank and Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, chapter 3.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.grad(lambda x: np.sin(x[0]) * x[1])(np.array([0.0, 2.0]))
    array([2., 0.])
    >>> g = mmad.grad(lambda x: (np.sin(x) * x).sum(), evaluations=1000)
    >>> g.plan(np.ones(1000)).mode
    'compiled'
    """
    options = (strategy, evaluations, memory, mode)
    if options != UNPLANNED:
        return planned("grad", f, argnums, has_aux, *options)

    def operator(*args, **kwargs):
        _, g, aux = _gradient(f, argnums, has_aux, args, kwargs, "grad")
        return (g, aux) if has_aux else g

    return derivative_function(f, operator, "grad", (grad, argnums, has_aux), argnums, has_aux)


def value_and_grad(f, argnums=0, has_aux=False, *, strategy="auto", evaluations=None, memory=None, mode="auto"):
    """Value and gradient from one sweep.

    Parameters
    ----------
    f, argnums, has_aux, strategy, evaluations, memory, mode
        As of :func:`grad`.

    Returns
    -------
    callable
        ``g(*args, **kwargs)`` -> ``(value, gradient)``, or ``((value, auxiliary data), gradient)``.  With
        ``g.plan(*args)`` and ``g.compare(*args)``, as of :func:`grad`.

    Examples
    --------
    >>> import mmad
    >>> mmad.value_and_grad(lambda x: x**3)(2.0)
    (8.0, 12.0)
    """
    options = (strategy, evaluations, memory, mode)
    if options != UNPLANNED:
        return planned("value_and_grad", f, argnums, has_aux, *options)

    def operator(*args, **kwargs):
        value, g, aux = _gradient(f, argnums, has_aux, args, kwargs, "value_and_grad")
        return ((value, aux) if has_aux else value), g

    return derivative_function(f, operator, "value_and_grad", (value_and_grad, argnums, has_aux), argnums, has_aux)


def _cotangents(trace, ct, what):
    """The user's cotangent, checked against the result's structure: leaves of outputs and cotangents."""
    leaves, structure = tree.flatten(ct)
    if structure != trace.out_tree and len(leaves) != len(trace.outputs):
        raise ValueError(
            f"{trace.origin}: the cotangent must have the structure of the result, with "
            f"{len(trace.outputs)} leaves; it has {len(leaves)}"
        )
    outs, cts = [], []
    for out, c in zip(trace.outputs, leaves, strict=True):
        if is_static(out):
            continue
        if isplain(c, np.ndarray) and c.dtype.hasobject:
            c = HOOKS["lift"](c)
        if shape_of(c) != shape_of(out):
            raise ValueError(
                f"{trace.origin}: a cotangent has shape {shape_of(c)}, the result it belongs to {shape_of(out)}"
            )
        if not isinstance(c, Traced):
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
    """Value and pullback: products of cotangents with the Jacobian.

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
    trace = Trace(f, primals, {}, tuple(range(len(primals))), "vjp")
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
    """The pullback of a function at a point, as `vjp` gives it."""
    return vjp(f, *primals, has_aux=has_aux)[1]


# ------------------------------------------------------------------------------------------------ forward
def tangent_pairs(primals, tangents, what):
    """Leaves of primals and tangents, checked against each other, with the structures of the primals."""
    if not isinstance(primals, tuple | list) or not isinstance(tangents, tuple | list):
        raise TypeError(f"{what}: primals and tangents are tuples, one entry an argument")
    if len(primals) != len(tangents):
        raise ValueError(f"{what}: {len(primals)} primals but {len(tangents)} tangents")
    out = []
    for k, (p, t) in enumerate(zip(primals, tangents, strict=True)):
        leaves, structure = tree.flatten(p)
        dots, _ = tree.flatten(t)
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
            where = Place(what, k, p, i)
            if not isinstance(x, Traced):
                x = plain_leaf(x, where) if not isplain(x, np.generic) else np.asarray(plain_leaf(x, where))[()]
            pairs.append((x, tangent_like(d, x, where)))
        out.append((structure, pairs))
    return out


def tangent_like(d, x, where):
    """A tangent checked against the value it belongs to, in its dtype."""
    if isplain(d, np.ndarray) and d.dtype.hasobject:
        d = HOOKS["lift"](d)
    if shape_of(d) != shape_of(x):
        raise ValueError(f"{where}: the tangent has shape {shape_of(d)}, the value {shape_of(x)}")
    if isinstance(d, Traced):
        return d
    dtype = np.dtype(float) if isplain(x, float) else x.dtype
    kind = np.asarray(d).dtype.kind
    if kind not in "fciub":
        raise TypeError(f"{where}: the tangent is of type {type(d).__name__}; it must be numeric")
    if kind == "c" and dtype.kind != "c":
        raise TypeError(f"{where}: the tangent is complex, the value real")
    if isplain(x, float) or (isinstance(x, Traced) and shape_of(x) == () and dtype == np.float64):
        return float(d)
    return np.array(d, dtype=dtype, order="C")


def jvp(f, primals, tangents):
    """Value and directional derivative, by dual numbers: one pass, no tape.

    Parameters
    ----------
    f : callable
    primals, tangents : tuple
        Arguments and the direction, of the same structure and shapes.

    Returns
    -------
    y, y_dot
        The value of `f` and its derivative in the direction, of the same structure.

    References
    ----------
    .. [1] Griewank and Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, section 3.1.

    Examples
    --------
    >>> import mmad
    >>> mmad.jvp(lambda x, y: x * y, (2.0, 3.0), (1.0, 0.0))
    (6.0, 3.0)
    """
    level, tape = new_level(), open_tape()
    if tape is None or not tape.exact:
        missing, found = Met.missing, None
        try:
            found = _forward(f, tangent_pairs(primals, tangents, describe(f, "jvp")), level)
        except RepeatedEigenvalueError:  # there may be a rule for a sweep over a recording
            pass
        finally:
            doubt = doubtful(level)  # forgets it
        lost = found is None or (Met.missing != missing and any(is_nan(d) for d in tree.flatten(found[1])[0]))
        if not lost and (not doubt or (tape is not None and tape.live)):
            return found
    lin = Linearized(f, primals, "jvp")  # a sweep over a recording can ask where a zero comes from
    return lin.value(), tree.unflatten(lin.trace.out_tree, lin.filled(lin.push(tangents)))


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
        outputs = [HOOKS["lift"](v) if isplain(v, np.ndarray) and v.dtype.hasobject else v for v in outputs]
    ys, dots = [], []
    for out in outputs:
        y, d = split(out, level)
        ys.append(y)
        dots.append(d)
    return tree.unflatten(structure, ys), tree.unflatten(structure, dots)


def split(out, level):
    """Value and tangent of a result, of the given level; a constant has a zero tangent."""
    if isinstance(out, Dual) and out.level == level:
        y, d = out.primal, out.tangent
        return y, np.float64(d) if type(y) is np.float64 and type(d) is float else d
    if is_static(out):
        return out, out
    dtype = out.dtype if hasattr(out, "dtype") else np.result_type(type(out))
    zero = np.zeros(shape_of(out), dtype if dtype.kind in "fc" else float)
    if zero.ndim or isplain(out, np.ndarray):
        return out, zero
    return out, zero[()] if hasattr(out, "dtype") else 0.0


def linearize(f, *primals):
    """Value and linear map: record once, then push tangents through as often as wanted.

    Parameters
    ----------
    f : callable
    *primals : float, ndarray or tree

    Returns
    -------
    y : the value of `f`
    f_jvp : callable
        ``f_jvp(*tangents)`` -> tangent of y.  The function is not called again, and partial derivatives are kept.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> y, f_jvp = mmad.linearize(np.sin, 0.0)
    >>> f_jvp(2.0)
    2.0
    """
    lin = Linearized(f, primals, "linearize")

    def f_jvp(*tangents):
        return tree.unflatten(lin.trace.out_tree, lin.filled(lin.push(tangents)))

    return lin.value(), MadeFunction(f_jvp, lambda: (_linear_map, (f, lin.trace.point()), {}))


def _linear_map(f, primals):
    """The linear map of a function at a point, as `linearize` gives it."""
    return linearize(f, *primals)[1]


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
        """What the function returned."""
        t = self.trace
        return tree.unflatten(t.out_tree, t.outputs if t.nested else [finished(v) for v in t.outputs])

    def push(self, tangents):
        """Tangents of the outputs, a list; None where zero."""
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
        """Tangents of the outputs for many directions; `lanes` is one batch or None an input leaf."""
        return self.trace.push(lanes, self.trace.outputs, self.cache)

    def filled(self, dots):
        """Tangents in the kind of the outputs, zeros where None."""
        out = []
        for y, d in zip(self.trace.outputs, dots, strict=True):
            if is_static(y):
                out.append(y)
            elif d is None:
                zero = split(y, -1)[1]
                out.append(restore(zero, y) if isinstance(y, Traced) else zero)
            else:
                out.append(d if isinstance(d, Traced) else restore(d, y))
        return out


# ------------------------------------------------------------------------------------------------ products
def hvp(f, argnums=0, *, strategy="auto", evaluations=None, memory=None, mode="auto"):
    """Hessian-vector product, forward over reverse unless it is planned: the cost of a few gradients, no Hessian.

    Parameters
    ----------
    f : callable
        Returns one real number.
    argnums : int or tuple of int
    strategy : {"auto", "forward-over-reverse", "reverse-over-reverse", "reverse-over-forward"}, optional
        With this or any of the next keywords the planner chooses, as for :func:`hessian`.
    evaluations, memory, mode : optional
        As of :func:`grad`.

    Returns
    -------
    callable
        ``h(x, v)`` -> H(x) v in the structure of x.  For several arguments ``h(*args, v)``, where `v` has the
        structure of the arguments that `argnums` names (a tuple for a tuple).  With ``h.plan(x, v)`` and
        ``h.compare(x, v)``, as of :func:`grad`.

    Raises
    ------
    TypeError, MemoryError
        As by :func:`grad`.
    ValueError
        The vector has another shape than the argument.

    See Also
    --------
    value_grad_hvp, hessian_operator : repeated products at one point.

    References
    ----------
    .. [1] Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6 (1994), 147-160.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> h = mmad.hvp(lambda x: (x**3).sum())
    >>> h(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    options = (strategy, evaluations, memory, mode)
    if options != UNPLANNED:
        return planned("hvp", f, argnums, False, *options)

    def operator(*args, **kwargs):
        return _hvp(f, argnums, args, kwargs, "hvp")[2]

    operator.floating = floating_vector
    return derivative_function(f, operator, "hvp", (hvp, argnums), argnums)


def value_grad_hvp(f, argnums=0, *, strategy="auto", evaluations=None, memory=None, mode="auto"):
    """Value, gradient and Hessian-vector product from one recording.

    Parameters
    ----------
    f, argnums, strategy, evaluations, memory, mode
        As of :func:`hvp`.

    Returns
    -------
    callable
        ``h(x, v)`` -> ``(value, gradient, H v)``.  With ``h.plan(x, v)`` and ``h.compare(x, v)``, as of :func:`grad`.

    Examples
    --------
    >>> import mmad
    >>> mmad.value_grad_hvp(lambda x: x**3)(2.0, 1.0)
    (8.0, 12.0, 12.0)
    """
    options = (strategy, evaluations, memory, mode)
    if options != UNPLANNED:
        return planned("value_grad_hvp", f, argnums, False, *options)

    def operator(*args, **kwargs):
        return _hvp(f, argnums, args, kwargs, "value_grad_hvp")

    operator.floating = floating_vector
    return derivative_function(f, operator, "value_grad_hvp", (value_grad_hvp, argnums), argnums)


def floating_vector(args):
    """The arguments of a product with integers in the vector as floats: to a program integers are configuration."""
    if len(args) < 2 or type(args[-1]) is float or (type(args[-1]) is np.ndarray and args[-1].dtype.kind == "f"):
        return args
    leaves, structure = tree.flatten(args[-1])
    return (*args[:-1], tree.unflatten(structure, [_as_float(x) for x in leaves]))


def _as_float(x):
    if isplain(x, np.ndarray):
        return x.astype(float) if x.dtype.kind in "biu" else x
    return float(x) if isplain(x, int | np.integer | np.bool_) else x


def point_and_vector(f, argnums, args, what):
    """The arguments of a product: the function's own, the vector as a tuple, and positions that it belongs to."""
    if len(args) < 2:
        raise TypeError(f"{describe(f, what)}: call it as h(x, v): the arguments of the function, then the vector")
    *args, v = args
    nums = positions(f, argnums, args, what)
    if not isinstance(argnums, tuple | list):
        return args, (v,), nums
    if not isinstance(v, tuple | list) or len(v) != len(nums):
        raise TypeError(f"{describe(f, what)}: with argnums={argnums} the vector is a tuple of {len(nums)}")
    return args, tuple(v), nums


def _hvp(f, argnums, args, kwargs, what):
    args, v, nums = point_and_vector(f, argnums, args, what)
    many = isinstance(argnums, tuple | list)

    def value_and_gradient(*traced):
        full = list(args)
        for k, x in zip(nums, traced, strict=True):
            full[k] = x
        value, grads, _ = _gradient(f, nums, False, tuple(full), kwargs, what)
        return value, tuple(grads)

    functools.update_wrapper(value_and_gradient, f, updated=())
    lin = Linearized(value_and_gradient, tuple(args[k] for k in nums), what)
    value, grads = lin.value()
    _, hv = tree.unflatten(lin.trace.out_tree, lin.filled(lin.push(v)))
    grads, hv = (_as_leaves(g, lin.trace) for g in (grads, hv))
    return value, grads if many else grads[0], hv if many else hv[0]


def _as_leaves(gs, trace):
    """Gradients, a tree for each traced argument, in the kinds of the arguments' leaves."""
    leaves, structure = tree.flatten(gs)
    return tree.unflatten(
        structure, [g if leaf is None else restore(g, leaf) for g, leaf in zip(leaves, trace.leaves, strict=True)]
    )
