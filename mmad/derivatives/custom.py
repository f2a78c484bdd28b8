"""Derivative rules of the user's own: `custom_jvp`, `custom_vjp`, `primitive`, `hook`, `stop_gradient`."""

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from mmad._core import FUNCTIONS, UFUNCS, Traced
from mmad.derivatives.arguments import name_of
from mmad.derivatives.calls import Rules
from mmad.ops import arithmetic as a
from mmad.ops.declare import bind_optional
from mmad.python.kinds import isplain
from mmad.scalars.kinds import concrete_of
from mmad.tape.constants import unboxed
from mmad.tape.contexts import open_tape
from mmad.tracing import tree
from mmad.tracing.pickling import Made

__all__ = ["custom_jvp", "custom_vjp", "hook", "passed_through", "primitive", "stop_gradient"]

_Rule = TypeVar("_Rule", bound=Callable[..., Any])


def _declared(kind, f, fixed, method, rules):
    """Return a custom function, with its rules declared by a method of it."""
    custom = kind(f, fixed)
    if method is not None:
        getattr(custom, method)(*rules)
    return custom


class _Custom(Made):
    """A function whose arguments are resolved by its signature and handed to its rules.

    Parameters
    ----------
    f : callable
    nondiff_argnums : int or tuple of int
    """

    kind = "custom"

    def __init__(self, f: Callable[..., Any], nondiff_argnums: int | tuple[int, ...] = ()) -> None:
        if not callable(f):
            raise TypeError(f"mmad.{self.kind} takes a function, not {type(f).__name__}")
        functools.update_wrapper(self, f, updated=())
        self.function = f
        nums = (nondiff_argnums,) if isplain(nondiff_argnums, int) else tuple(nondiff_argnums)
        try:
            # a ufunc's other parameters (out, where, ...) are not for a rule
            self.signature = None if isinstance(f, np.ufunc) else inspect.signature(f)
        except (TypeError, ValueError):  # a compiled function that does not say
            self.signature = None
        self.count = self._positional()
        if any(k < 0 for k in nums) and self.count is None:
            raise ValueError(f"{self.kind} {name_of(f)}: negative nondiff_argnums need a signature without *args")
        self.fixed = tuple(sorted(k + self.count if k < 0 else k for k in nums))
        self.declared = None, ()  # the method that declared the rules, and its arguments
        self.rules = self._rules()

    def recipe(self):
        """Return the call that makes this function again."""
        return _declared, (type(self), self.function, self.fixed, *self.declared), {}

    def _rules(self):
        raise NotImplementedError

    def _positional(self):
        """Return the number of positional parameters; None where it is not fixed."""
        if self.signature is None:
            return None
        kinds = [p.kind for p in self.signature.parameters.values()]
        fixed = all(k in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD) for k in kinds)
        return len(kinds) if fixed else None

    def __get__(self, instance, owner=None):
        return self if instance is None else types.MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.signature is not None and (kwargs or len(args) != self.count):
            bound = self.signature.bind(*args, **kwargs)
            by_name = [k for k in kwargs if k not in bound.arguments or self._keyword_only(k)]
            if by_name:
                raise TypeError(
                    f"{self.kind} {name_of(self.function)}: the keyword-only argument"
                    f"{'s' * (len(by_name) > 1)} {', '.join(by_name)} cannot be handed to its rule; make them "
                    "positional parameters, which may be called by name"
                )
            args = self._by_position(bound, len(args))
        elif kwargs:
            raise TypeError(f"{self.kind} {name_of(self.function)} has no signature: call it with positional arguments")
        return self.rules.apply(args, self.fixed)

    def _by_position(self, bound, given):
        """Return all arguments by position, with the function's defaults, as the rules take them."""
        bound.apply_defaults()
        return bound.args

    def _keyword_only(self, name):
        return self.signature.parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


def _fixed(call):
    return [call.fixed[k] for k in sorted(call.fixed)]


class custom_jvp(_Custom):  # noqa: N801  (used as a decorator)
    """Decorator: a function with a rule of its own for its directional derivative.

    Reverse mode is derived from the rule by transposition.  The function itself always gets plain numbers and arrays,
    so it may call any code; the rule must be NumPy code, linear in the tangents, and is differentiated for higher
    derivatives: there, call the custom function itself for its value.

    Parameters
    ----------
    f : callable
        Of numbers, arrays and trees of them.  Keyword arguments are resolved by its signature.
    nondiff_argnums : int or tuple of int
        Arguments without a derivative (functions, options).

    Methods
    -------
    defjvp(rule)
        ``rule(*nondiff_args, primals, tangents)`` -> ``(y, y_dot)``; usable as a decorator.
    defjvps(*rules)
        One ``rule(tangent, y, *primals)`` -> ``y_dot`` for each argument, None where there is no derivative.

    See Also
    --------
    custom_vjp, primitive

    Examples
    --------
    >>> import math, mmad
    >>> @mmad.custom_jvp
    ... def sine(x):
    ...     return math.sin(x)
    >>> @sine.defjvp
    ... def sine_jvp(primals, tangents):
    ...     (x,), (x_dot,) = primals, tangents
    ...     return sine(x), cosine(x) * x_dot
    >>> cosine = lambda x: sine(x + math.pi / 2)
    >>> mmad.grad(sine)(0.0), mmad.jvp(sine, (0.0,), (2.0,))
    (1.0, (0.0, 2.0))
    >>> mmad.grad(mmad.grad(sine))(math.pi / 2)
    -1.0
    """

    kind = "custom_jvp"

    def _rules(self):
        return Rules(name_of(self.function), self.function, advice="give it a rule, as in @f.defjvp")

    def defjvp(self, rule: _Rule) -> _Rule:
        """Declare the rule, and return it."""

        def push(call, primals, tangents, y):
            pair = rule(*_fixed(call), primals, tangents)
            if not isinstance(pair, tuple | list) or len(pair) != 2:
                raise TypeError(
                    f"the rule of {name_of(self.function)} must return (y, tangent of y), it returned a "
                    f"{type(pair).__name__}"
                )
            return pair[1]

        self.rules.push, self.declared = push, ("defjvp", (rule,))
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Declare a rule for each argument."""

        def push(call, primals, tangents, y):
            if len(rules) != len(primals):
                raise TypeError(f"{name_of(self.function)} has {len(primals)} arguments but {len(rules)} rules")
            y = self(*call.everything(primals))
            total = None
            for rule, x_dot in zip(rules, tangents, strict=True):
                if rule is not None:
                    part = rule(x_dot, y, *primals)
                    total = part if total is None else tree_add(total, part)
            return total

        self.rules.push, self.declared = push, ("defjvps", rules)


def tree_add(x, y):
    """Return the sum of two trees of one structure."""
    xs, structure = tree.flatten(x)
    return tree.unflatten(structure, [v + w for v, w in zip(xs, tree.flatten(y)[0], strict=True)])


class custom_vjp(_Custom):  # noqa: N801  (used as a decorator)
    """Decorator: a function with a rule of its own for its cotangents.

    Forward mode is derived from the backward rule by transposition, as it is linear in the cotangent.  The function
    itself always gets plain numbers and arrays, so it may call any code; the rules must be NumPy code to be
    differentiated for higher derivatives: there, call the custom function itself for its value.

    Parameters
    ----------
    f : callable
        Of numbers, arrays and trees of them.  Keyword arguments are resolved by its signature.
    nondiff_argnums : int or tuple of int
        Arguments without a derivative (functions, options).

    Methods
    -------
    defvjp(forward, backward)
        ``forward(*args)`` -> ``(y, residual)`` with anything the backward rule needs;
        ``backward(*nondiff_args, residual, y_bar)`` -> tuple with a cotangent for each other argument (None: zero).

    See Also
    --------
    custom_jvp, primitive

    Examples
    --------
    The gradient of a function, clipped to [-1, 1] on its way back:

    >>> import numpy as np, mmad
    >>> @mmad.custom_vjp
    ... def clipped(x):
    ...     return x
    >>> clipped.defvjp(lambda x: (x, None), lambda residual, x_bar: (np.clip(x_bar, -1.0, 1.0),))
    >>> mmad.grad(lambda x: clipped(x) ** 2)(3.0)
    1.0
    """

    kind = "custom_vjp"

    def _rules(self):
        advice = "give it its rules with f.defvjp(forward, backward), or both modes with mmad.primitive(f, jvp=, vjp=)"
        return Rules(name_of(self.function), self.function, advice=advice)

    def defvjp(self, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
        """Declare the rules."""
        self.rules.forward, self.declared = forward, ("defvjp", (forward, backward))
        self.rules.pull = lambda call, residual, ct, primals, y: backward(*_fixed(call), residual, ct)


def primitive(f=None, *, jvp=None, vjp=None, name=None, bind=False):
    """Return an external function of plain numbers and arrays as a differentiable operation.

    Parameters
    ----------
    f : callable
        Gets plain values only; it may call any code, and must not change its arguments.  Without `f`, a decorator.
        The rules get the arguments that a call gives, without the defaults of `f`.
    jvp : callable, optional
        ``jvp(tangents, y, *args)`` -> tangent of y, with a tangent for each argument.
    vjp : callable, optional
        ``vjp(y_bar, y, *args)`` -> tuple with a cotangent for each argument (None: zero).
    name : str, optional
        For messages and printed tapes.
    bind : bool
        Plain calls of `f` on traced values follow the rule, too.  It is a ufunc of any package or a function of NumPy;
        others do not let a traced value answer the call.

    Returns
    -------
    callable
        The rule that is missing is derived from the other.  Both are NumPy code on values that may be traced, so that
        they can be differentiated again.

    See Also
    --------
    custom_jvp, custom_vjp : rules with JAX's calling conventions.

    Examples
    --------
    >>> import math, mmad
    >>> erf = mmad.primitive(math.erf, vjp=lambda y_bar, y, x: (y_bar * 2 / math.sqrt(math.pi) * np.exp(-x * x),))
    >>> mmad.grad(erf)(0.0), mmad.jvp(erf, (0.0,), (1.0,))[1]
    (1.1283791670955126, 1.1283791670955126)

    A ufunc of another package, so that code which calls it is differentiated as it is:

    >>> erfc = np.frompyfunc(math.erfc, 1, 1)
    >>> rule = lambda tangents, y, x: -2 / math.sqrt(math.pi) * np.exp(-x * x) * tangents[0]
    >>> mmad.primitive(erfc, jvp=rule, bind=True)(0.0)
    1.0
    >>> mmad.grad(lambda x: 3.0 * erfc(x))(0.0)
    -3.385137501286538
    """
    if f is None:
        return functools.partial(primitive, jvp=jvp, vjp=vjp, name=name, bind=bind)
    if not callable(f):
        raise TypeError(f"mmad.primitive takes a function, not {type(f).__name__}")
    made = functools.update_wrapper(_Primitive(f, jvp, vjp, name or name_of(f)), f, updated=())
    if bind:
        _bind(f, made)
    return made


def _bind(f, made):
    """Let plain calls of f on traced values be those of a primitive."""
    if not isinstance(f, np.ufunc) and not hasattr(f, "_implementation"):  # as NumPy's dispatched functions have
        raise TypeError(
            f"mmad.primitive(bind=True) takes a ufunc or a function of NumPy, which let a traced value answer a call; "
            f"{name_of(f)} is neither: call what mmad.primitive returns instead"
        )
    if isinstance(f, np.ufunc):
        bind_optional(f)
    if f in UFUNCS or f in FUNCTIONS:
        raise TypeError(f"mmad.primitive(bind=True): {name_of(f)} has a derivative already; leave out bind=True")
    FUNCTIONS[f] = made


class _Primitive(_Custom):
    kind = "primitive"

    def __init__(self, f, jvp, vjp, name):
        self.jvp, self.vjp, self.name = jvp, vjp, name
        super().__init__(f)

    def recipe(self):
        return primitive, (self.function,), {"jvp": self.jvp, "vjp": self.vjp, "name": self.name}

    def _by_position(self, bound, given):
        """Return the arguments that were given, by position, with defaults only between them: rules know no others."""
        places = {name: k for k, name in enumerate(self.signature.parameters)}
        last = max([given, *(places[name] + 1 for name in bound.arguments if name in places)])
        bound.apply_defaults()
        return bound.args[:last]

    def _rules(self):
        jvp, vjp = self.jvp, self.vjp
        push = None if jvp is None else lambda call, primals, tangents, y: jvp(tangents, y, *primals)
        pull = None if vjp is None else lambda call, residual, ct, primals, y: vjp(ct, y, *primals)
        return Rules(
            self.name, self.function, push, pull, needs_out=True, advice="declare it with mmad.primitive(f, jvp=, vjp=)"
        )


def stop_gradient(x):
    """Return the value of a tree, as a constant.

    Parameters
    ----------
    x : number, array or tree

    Returns
    -------
    The same, with derivative zero.

    Examples
    --------
    >>> import mmad
    >>> mmad.grad(lambda x: x * mmad.stop_gradient(x))(3.0)
    3.0
    """
    leaves, structure = tree.flatten(x)
    leaves = [unboxed(v) for v in leaves]
    return tree.unflatten(structure, [a.stop_gradient(v) if isinstance(v, Traced) else concrete_of(v) for v in leaves])


def hook(function, x):
    """Return the value x, whose cotangent `function` looks at, or replaces, on its way back.

    Parameters
    ----------
    function : callable
        ``function(x_bar)`` -> the cotangent to go on with, or None to leave it as it is.
    x : number, array or tree
        For a tree the function is called for each leaf.

    Returns
    -------
    x

    Notes
    -----
    Forward mode does not call the function.

    Examples
    --------
    >>> import mmad
    >>> mmad.grad(lambda x: mmad.hook(print, x * x) * 3)(2.0)
    3.0
    12.0
    """

    def pull(y_bar):
        g = function(y_bar)
        return y_bar if g is None else g

    return passed_through(pull, x, f"hook {name_of(function)}")


def passed_through(function, x, name, whole=False):
    """Return the value x, whose cotangent becomes `function` of it on its way back.

    Parameters
    ----------
    function : callable
        ``function(x_bar)`` of the cotangent of one leaf; with `whole`, of the list of those of all leaves.
    x : number, array or tree
    name : str
        For messages and printed tapes.
    whole : bool
    """

    def tangent(tangents, y, *values):
        return tangents[0] if len(tangents) == 1 else tangents

    def cotangents(y_bar, y, *values):
        return function(list(y_bar) if len(values) > 1 else [y_bar]) if whole else (function(y_bar),)

    leaves, structure = tree.flatten(x)
    traced = [k for k, v in enumerate(leaves) if isinstance(unboxed(v), Traced)]
    for group in [traced] if whole and traced else [[k] for k in traced]:
        same = primitive(_same_values, jvp=tangent, vjp=cotangents, name=name)
        values = [leaves[k] for k in group]
        passed = same(*values)
        passed = passed if len(group) > 1 else (passed,)
        tape = open_tape()
        if tape is not None and tape.guarded:  # a program need not call the function for the value
            passed = [a.tied(unboxed(v), w) for v, w in zip(values, passed, strict=True)]
        for k, v in zip(group, passed, strict=True):
            leaves[k] = v
    return tree.unflatten(structure, leaves)


def _same_values(*values):
    return values[0] if len(values) == 1 else values
