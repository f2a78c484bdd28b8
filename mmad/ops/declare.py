"""How an operation is declared: once, for both modes, all orders and batches.

* :func:`elementwise` - one partial derivative an operand, in terms of the operands *and the result*, written with
  operations (never with `math` or plain `/` and `**`, which raise on zero), so that it can be differentiated again.
* :func:`linear` - linear in some operands: for each a transpose.  `joint=True` where it is linear in all of them
  together (concatenate) and not in each (matmul).
* :func:`nonlinear` - a pushforward; the transpose is derived from it.

A transpose is called as ``rule(ct, *operands, **params)``, a pushforward as
``rule(tangents, result, *operands, **params)`` with None for a zero tangent, a batch rule as
``rule(operands, batched, **params)`` where the lanes are the leading axis of the batched operands; it may return None
to have the lanes done one by one.  The caller fits shapes and dtypes of cotangents to the operands: rules never reduce
broadcasting.

Operations that move or sum elements of one floating dtype may tell the shape of their result beforehand,
``result(shapes, operands, **params)``, where () is a number; None where NumPy has to say what it is, or what is
wrong.  A recording for a program need not compute them then.
"""

import importlib
import inspect
import sys

import numpy as np

from mmad import _core
from mmad.ops import _partials
from mmad.python.kinds import isplain
from mmad.tape._instructions import Op

__all__ = ["OPTIONAL", "OptionalUfunc", "elementwise", "linear", "nonlinear", "zero_like"]


class OptionalUfunc:
    """A ufunc of a package that need not be installed: imported when it is called, recognised when it is met.

    Parameters
    ----------
    module, name : str
        Where it is found.
    """

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self, *operands):
        return getattr(importlib.import_module(self.module), self.name)(*operands)

    def is_ufunc(self, ufunc):
        """Return whether this is a given ufunc; without an import, since what was met was imported."""
        return ufunc.__name__ == self.name and getattr(sys.modules.get(self.module), self.name, None) is ufunc


#: (the ufunc, the operation that it is bound to) of packages that need not be installed.
OPTIONAL = []


def bind_optional(ufunc):
    """Bind a ufunc to the operation that is declared for it by name, if there is one."""
    for optional, op in OPTIONAL:
        if optional.is_ufunc(ufunc):
            _core.UFUNCS[ufunc] = op
            return


def elementwise(
    name,
    impl,
    *partials,
    boolean=False,
    transposes=None,
    joint=False,
    probes=(),
    also=(),
    nin=None,
    masks=(),
    saturates=None,
    needs_out=False,
):
    """Declare an operation on each element.

    Parameters
    ----------
    name : str
        NumPy's name; a scalar operation of the same name in `_node.h` is used for traced numbers.
    impl : callable
        Evaluates on plain values, usually the ufunc.
    *partials : callable or None
        ``partial(*operands, result)``: derivative with respect to each operand, None where there is none.
    boolean : bool
        The result is a truth value or an integer and carries no derivative.
    transposes : dict, optional
        In place of partials, for operations that are only real-linear (conjugate) or select.
    probes : sequence of tuples
        Points inside the domain where tests differentiate: one tuple of operands each.
    also : sequence of ufunc or OptionalUfunc
        Other ufuncs that mean the same.
    masks : sequence of int
        The operands whose partial is a choice, or vanishes only at infinity: where it is zero, the term is zero,
        whatever the partial is multiplied by.
    saturates : dict, optional
        Operands whose partial wins in this way only where another operand, or the same one, is infinite: its position.
    needs_out : bool
        The partials use the result at complex points; whether they do at real ones is found.

    Raises
    ------
    TypeError
        What `also` names is no ufunc, a transpose or partial belongs to an operand that the operation does not have, or
        another argument would not be used.
    """
    ufunc = impl if isinstance(impl, np.ufunc) else None
    nin = nin or (ufunc.nin if ufunc is not None else len(partials))
    if (partials and len(partials) != nin) or any(
        i >= nin for i in (transposes if isinstance(transposes, dict) else ())
    ):
        raise TypeError(f"elementwise: {name} has {nin} operands, which are not those that it has derivatives for")
    if (boolean and (partials or transposes)) or (partials and transposes):
        raise TypeError(f"elementwise: {name} has a derivative that would not be used")
    for f in also:
        if not isinstance(f, np.ufunc | OptionalUfunc):
            raise TypeError(f"elementwise: {f!r} of {name} is not a ufunc; give it to @implements of mmad.numpy")
    for partial in partials:
        _check_arguments(name, partial, nin)
    if ufunc is not None and nin != ufunc.nin:
        raise TypeError(f"elementwise: {name} has nin={nin}, and its ufunc {ufunc.nin} operands")
    for i in (*masks, *(saturates or ())):
        if i not in range(len(partials)) or partials[i] is None:
            raise TypeError(
                f"elementwise: {name} has no partial by operand {i}, so its masks or saturates are not used"
            )
    for i in (saturates or {}).values():
        if i not in range(nin):
            raise TypeError(f"elementwise: {name} has no operand {i}, at whose infinity a partial saturates")
    if boolean and (probes or needs_out):
        raise TypeError(f"elementwise: {name} has no derivative, so its probes or needs_out are not used")
    if joint and not transposes:
        raise TypeError(f"elementwise: {name} has no transposes, so joint is not used")
    op = Op(
        name,
        impl,
        nin=nin,
        kind="elementwise",
        partials=partials or None,
        transposes=transposes,
        boolean=boolean,
        probes=probes,
        ufunc=ufunc,
        masks=masks,
        saturates=saturates,
        joint=joint,
    )
    if op.opcode >= 0 and not boolean:
        _DEFERRED.append((op, needs_out))
    for f in ((ufunc,) if ufunc is not None else ()) + tuple(also):
        if isinstance(f, OptionalUfunc):
            OPTIONAL.append((f, op))
        else:
            _core.UFUNCS[f] = op
    return op


def _check_arguments(name, partial, nin):
    """Raise where a partial takes more than the operands and the result: it would not be given it."""
    if partial is None:
        return
    found = inspect.signature(partial).parameters.values()
    extra = [p.name for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)][nin + 1 :]
    if extra:
        raise TypeError(
            f"elementwise: a partial of {name} takes {', '.join(extra)} besides the operands and the result, and is "
            "never given it; declare an operation with parameters by nonlinear, as sinc is in mmad/ops/special.py"
        )


def _check_positions(kind, name, transposes, nin):
    """Raise where a transpose belongs to an operand that an operation does not have."""
    for i in transposes if isinstance(transposes, dict) else ():
        if i not in range(nin):
            raise TypeError(f"{kind}: {name} has {nin} operands, so its transpose by operand {i} is not used")


def linear(
    name,
    impl,
    transposes,
    *,
    joint=False,
    batch=None,
    probes=(),
    nin=1,
    kind="structural",
    needs_out=False,
    raw=False,
    result=None,
    jvp=None,
):
    """Declare an operation linear in the operands that `transposes` names; see :func:`elementwise`.

    `jvp`, where given, replaces the pushforward that is the operation itself.
    """
    _check_positions("linear", name, transposes, nin)
    return Op(
        name,
        impl,
        nin=nin,
        kind=kind,
        jvp=jvp,
        transposes=transposes,
        batch=batch,
        probes=probes,
        needs_out=needs_out,
        raw=raw,
        result=result,
        joint=joint,
    )


def nonlinear(name, impl, jvp, *, transposes=None, batch=None, probes=(), nin=1, result=None, needs_out=True):
    """Declare an operation by its pushforward ``jvp(tangents, result, *operands, **params)``.

    `transposes`, where given, replaces the derived transpose; a test holds the two against each other.
    """
    if jvp is None:
        raise TypeError(f"nonlinear: {name} has no jvp")
    _check_positions("nonlinear", name, transposes, nin)
    return Op(
        name,
        impl,
        nin=nin,
        kind="structural",
        jvp=jvp,
        transposes=transposes,
        batch=batch,
        probes=probes,
        result=result,
        needs_out=needs_out,
    )


_DEFERRED = []


def finish():
    """Compile the partials of scalar operations, once every operation is declared."""
    for op, needs_out in _DEFERRED:
        _partials.compile_partials(op, needs_out)
    _DEFERRED.clear()


def zero_like(x):
    """Return a plain zero of the shape and dtype of x."""
    if isplain(x, float | int | complex):
        return 0.0
    return np.zeros(_core.shape_of(x), getattr(x, "dtype", np.float64))
