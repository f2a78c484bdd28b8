"""What a declaration of an operation must not say: what would not be used, or would fail when it is used.

Each function raises a TypeError with what is wrong and what to write; `mmad.ops.declare` calls them.
"""

import inspect
from types import CodeType, FunctionType

import numpy as np


def check_rule(kind, name, what, rule, positions, given, params):
    """Raise where a rule cannot be called as it will be, or takes what it will never be given.

    Parameters
    ----------
    rule : callable
        Compiled ones, that do not tell what they take, are not looked at.
    positions : int
        How many arguments it is given, those that `given` describes.
    params : dict or None
        The parameters of the operation, which it is given by name: whether they always are; None: they are not known.
    """
    if not callable(rule):
        raise TypeError(f"{kind}: {what} of {name} is {rule!r}, and should be a function of {given}")
    names = plain_arguments(rule)
    if names is not None and params is not None and len(names) >= positions:
        named = names[positions:]
        if all(n in params for n in named) and all(n in named for n, always in params.items() if always):
            return
    try:
        signature = inspect.signature(rule)
    except (TypeError, ValueError):
        return
    named = [p for p in signature.parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    if params is None:  # whatever it takes besides
        params = [p.name for p in named if p.kind is p.KEYWORD_ONLY or p not in named[:positions]]
    else:
        taken = {p.name for p in named}
        params = [p for p, always in params.items() if always or p in taken]
    try:
        bound = signature.bind(*[None] * positions, **dict.fromkeys(params)).arguments
    except TypeError as error:
        besides = f", and by name {', '.join(params)}" if params else ""
        raise TypeError(
            f"{kind}: {what} of {name} is given {given}{besides}, which it does not take: {error}"
        ) from None
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    extra = [p.name for p in signature.parameters.values() if p.name not in bound and p.kind not in variadic]
    if extra:
        raise TypeError(
            f"{kind}: {what} of {name} takes {', '.join(extra)} besides {given}, and is never given it; declare an "
            "operation with parameters by nonlinear, whose impl takes them too, as sinc is in mmad/ops/special.py"
        )


def plain_arguments(function):
    """Return the names of the arguments of a Python function that all have to be given; None if it is another one.

    Nearly all rules are so, and their signatures would take a tenth of the time that mmad is imported in.
    """
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType) or function.__defaults__ or code.co_kwonlyargcount:
        return None
    if code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS) or hasattr(function, "__wrapped__"):
        return None
    return code.co_varnames[: code.co_argcount] if type(function) is FunctionType else None


def parameters(impl, nin):
    """Return what an implementation takes after its operands, and whether it must; None if it does not tell."""
    names = plain_arguments(impl)
    if names is not None:
        return dict.fromkeys(names[nin:], True)
    try:
        found = list(inspect.signature(impl).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_KEYWORD for p in found):
        return None
    variadic = any(p.kind is p.VAR_POSITIONAL for p in found)
    after = [p for p in found if p.kind is p.KEYWORD_ONLY] if variadic else found[nin:]
    return {p.name: p.default is p.empty for p in after}


def check_rules(kind, name, impl, nin, transposes=None, jvp=None, batch=None, result=None):
    """Raise where one of the rules of an operation cannot be called with its operands and parameters."""
    if not callable(impl):
        raise TypeError(f"{kind}: impl of {name} is {impl!r}, and should be a function of the operands")
    params = None if isinstance(impl, np.ufunc) else parameters(impl, nin)
    variadic = hasattr(transposes, "every")
    if not (transposes is None or variadic or isinstance(transposes, dict)):
        raise TypeError(f"{kind}: transposes of {name} should be a dict, an operand's position: its transpose")
    for i, rule in transposes.items() if transposes and not variadic else ():
        if i not in range(nin):
            raise TypeError(f"{kind}: {name} has {nin} operands, so its transpose by operand {i} is not used")
        check_rule(kind, name, f"the transpose by operand {i}", rule, nin + 1, "the cotangent and the operands", params)
    if jvp is not None and not variadic:
        check_rule(kind, name, "jvp", jvp, nin + 2, "the tangents, the result and the operands", params)
    if batch is not None:
        check_rule(kind, name, "batch", batch, 2, "the operands and which of them are batched", params)
    if result is not None:
        check_rule(kind, name, "result", result, 2, "the shapes of the operands and the operands", params)


def check_slopes(name, nin, partials, masks, saturates):
    """Raise where masks or saturates say nothing of a partial.  What they say of a constant one, `finish` refuses."""
    for i in (*masks, *saturates):
        if i not in range(len(partials)) or partials[i] is None:
            raise TypeError(
                f"elementwise: {name} has no partial by operand {i}, so its masks or saturates are not used"
            )
    for i in saturates.values():
        if i not in range(nin):
            raise TypeError(f"elementwise: {name} has no operand {i}, at whose infinity a partial saturates")
    twice = [i for i in masks if i in saturates or list(masks).count(i) > 1]
    if twice:
        raise TypeError(
            f"elementwise: {name} has operand {twice[0]} in masks, and again in masks or saturates: leave one out"
        )


def check_infinite_at(name, nin, infinite_at, used):
    """Raise where infinite partials are not looked for."""
    if not infinite_at:
        return
    if not used:
        raise TypeError(
            f"elementwise: infinite_at of {name} is not used: the sweeps look at operations with partials that are in "
            "the scalar table, mmad/kernels/_scalar_ops.h"
        )
    if len(infinite_at) != 1 or any(i not in range(nin) or not 1 <= len(v) <= 2 for i, v in infinite_at.items()):
        raise TypeError(
            f"elementwise: infinite_at of {name} should be one operand, and one or two values: {{0: (0.0,)}}"
        )


def check_joint(kind, name, joint, transposes, jvp=None):
    """Raise where it makes no difference whether an operation is linear in its operands together or in each."""
    if joint and not transposes:
        raise TypeError(f"{kind}: {name} has no transposes, so joint is not used")
    if joint and (jvp is not None or (isinstance(transposes, dict) and len(transposes) < 2)):
        why = "a jvp of its own" if jvp is not None else "a transpose by one operand only"
        raise TypeError(f"{kind}: {name} has {why}, so joint is not used: leave it out")


def check_probes(kind, name, probes, nin):
    """Raise where a probe is not one tuple of operands, with the parameters at the end."""
    for probe in probes:
        operands = probe[:-1] if isinstance(probe, tuple) and probe and isinstance(probe[-1], dict) else probe
        if not isinstance(probe, tuple) or len(operands) != nin:
            raise TypeError(
                f"{kind}: a probe of {name} is {probe!r}, and should be a tuple of its {nin} operands, with a dict of "
                f"parameters at the end where it has some: probes=(({', '.join(['0.5'] * nin)},),)"
            )
