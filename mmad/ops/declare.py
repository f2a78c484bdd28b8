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
import sys

import numpy as np

from mmad import _core
from mmad.ops import _partials, checks
from mmad.python.kinds import isplain
from mmad.tape._instructions import PROVIDERS, Op, scalar_opcodes

__all__ = ["OPTIONAL", "PROVIDERS", "OptionalUfunc", "elementwise", "linear", "nonlinear", "provide", "zero_like"]

# Rules for functions of other packages are in modules of their own, which are imported when a function of it is first
# met, or an operation "package.function" is looked up by its name, as in the file of a program.
PROVIDERS["scipy.special"] = "mmad.scipy.special"
PROVIDERS["scipy.fft"] = "mmad.scipy.fft"
PROVIDERS["scipy.sparse"] = "mmad.scipy.sparse"
PROVIDERS["scipy.linalg"] = "mmad.scipy.linalg"
PROVIDERS["scipy.ndimage"] = "mmad.scipy.ndimage"
PROVIDERS["scipy.signal"] = "mmad.scipy.signal"


class OptionalUfunc:
    """A ufunc of a package that need not be installed: imported when it is called, recognised when it is met.

    Parameters
    ----------
    module, name : str
        Where it is found.

    Examples
    --------
    >>> from mmad.ops.declare import OptionalUfunc
    >>> float(OptionalUfunc("scipy.special", "erf")(0.0))
    0.0
    """

    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self, *operands):
        return getattr(importlib.import_module(self.module), self.name)(*operands)

    def __repr__(self):
        return f"{self.module}.{self.name}"

    @property
    def key(self):
        """What tells it from others."""
        return self.module, self.name

    def is_ufunc(self, ufunc):
        """Return whether this is a given ufunc; without an import, since what was met was imported."""
        return ufunc.__name__ == self.name and getattr(sys.modules.get(self.module), self.name, None) is ufunc


#: (the ufunc, the operation that it is bound to) of packages that need not be installed.
OPTIONAL = []


def bind_optional(ufunc):
    """Bind a ufunc to the operation declared for it by name, or by the rules of its package, if there is one."""
    for optional, op in OPTIONAL:
        if optional.is_ufunc(ufunc):
            _core.UFUNCS[ufunc] = op
            return
    provide(ufunc)


def provide(function):
    """Import the rules of the package that a function belongs to, if there are any and they are not imported yet."""
    for package, rules in PROVIDERS.items():
        if rules not in sys.modules and _belongs(function, package):
            importlib.import_module(rules)


def _belongs(function, package):
    """Return whether a function is a package's; a ufunc does not tell its module: look through the modules."""
    if not isinstance(function, np.ufunc):
        module = getattr(function, "__module__", None) or ""
        return module == package or module.startswith(package + ".")
    modules = [m for name, m in sys.modules.items() if name == package or name.startswith(package + ".")]
    return any(value is function for m in modules for value in list(getattr(m, "__dict__", {}).values()))


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
    infinite_at=None,
    needs_out=False,
):
    """Declare an operation on each element.

    Parameters
    ----------
    name : str
        NumPy's name; a scalar operation of the same name in `_scalar_ops.h` is used for traced numbers.
    impl : callable
        Evaluates on plain values, usually the ufunc.  A ufunc of NumPy is bound to the operation.
    *partials : callable or None
        ``partial(*operands, result)``: derivative with respect to each operand, None where there is none.
    boolean : bool
        The result is a truth value or an integer and carries no derivative.
    transposes : dict, optional
        Instead of partials, for operations that are only real-linear (conjugate) or select.
    joint : bool
        Linear in all operands of `transposes` together and not in each, see :func:`linear`.
    probes : sequence of tuples
        Points inside the domain where tests differentiate: one tuple of operands each.
    also : sequence of ufunc or OptionalUfunc
        Other ufuncs that mean the same.
    nin : int, optional
        How many operands there are, where neither the ufunc nor the partials say it.
    masks : sequence of int
        The operands whose partial is a choice, or vanishes only at infinity: where it is zero, the term is zero,
        whatever the partial is multiplied by.  ``masks=(0, 1)`` of `maximum`: an infinite or NaN cotangent of the
        result does not reach the operand that was not taken.
    saturates : dict, optional
        Operands whose partial wins in this way only where another operand, or the same one, is infinite: its position.
        ``saturates={0: 0}`` of `tanh`: at x = inf the slope 0 wins over an infinite cotangent, tanh being flat there.
        ``{0: 1}`` of `divide`: the partial 1 / y of x / y wins where y is infinite.
    infinite_at : dict, optional
        An operand, and one or two values of it at which a partial is infinite: ``infinite_at={0: (0.0,)}`` of `sqrt`.
        Where a zero cotangent meets such a value, the sweeps find out where the zero comes from (docs/conventions.md).
    needs_out : bool
        The partials use the result at complex points only (`absolute`); whether they do at real ones is found.

    Raises
    ------
    TypeError
        Something of this would not be used, or fails when it is used.

    Examples
    --------
    >>> import numpy as np
    >>> import mmad
    >>> from mmad.ops import arithmetic as a
    >>> from mmad.ops.declare import elementwise
    >>> from mmad.ops.powers import absolute
    >>> softsign = elementwise(
    ...     "softsign",
    ...     lambda x: x / (1 + np.abs(x)),
    ...     lambda x, out: a.square(a.subtract(1.0, absolute(out))),
    ...     probes=((-1.3,), (0.4,)),
    ... )
    >>> mmad.grad(softsign)(3.0), mmad.hessian(softsign)(3.0)
    (0.0625, -0.03125)
    """
    kind = "elementwise"
    ufunc = impl if isinstance(impl, np.ufunc) else None
    nin = nin or (ufunc.nin if ufunc is not None else len(partials)) or len(transposes or ())
    if not (partials or transposes or boolean):
        raise TypeError(
            f"{kind}: {name} has no partials: give one for each operand, a lambda of operands and result, or say "
            "boolean=True if the result carries no derivative"
        )
    if (partials and len(partials) != nin) or any(
        i >= nin for i in (transposes if isinstance(transposes, dict) else ())
    ):
        raise TypeError(f"{kind}: {name} has {nin} operands, which are not those that it has derivatives for")
    if (boolean and (partials or transposes)) or (partials and transposes):
        raise TypeError(f"{kind}: {name} has a derivative that would not be used")
    if ufunc is not None and nin != ufunc.nin:
        raise TypeError(f"{kind}: {name} has nin={nin}, and its ufunc {ufunc.nin} operands")
    for i, partial in enumerate(partials):
        if partial is not None:
            checks.check_rule(
                kind, name, f"the partial by operand {i}", partial, nin + 1, "the operands and the result", {}
            )
    checks.check_slopes(name, nin, partials, masks, saturates or {})
    if boolean and (probes or needs_out or infinite_at):
        raise TypeError(f"{kind}: {name} has no derivative, so its probes, needs_out or infinite_at are not used")
    checks.check_rules(kind, name, impl, nin, transposes)
    checks.check_joint(kind, name, joint, transposes)
    checks.check_probes(kind, name, probes, nin)
    names = [f for f in (ufunc, *also) if f is not None]
    for f in names:
        if not isinstance(f, np.ufunc | OptionalUfunc):
            raise TypeError(f"{kind}: {f!r} of {name} is not a ufunc; give it to @implements of mmad.numpy")
        if isinstance(f, np.ufunc) and f.nin != nin:
            raise TypeError(f"{kind}: {f!r} takes {f.nin} operands, and {name} {nin}")
        bound = {o.key: op for o, op in OPTIONAL}.get(f.key) if isinstance(f, OptionalUfunc) else _core.UFUNCS.get(f)
        if bound is not None or names.count(f) > 1:
            raise TypeError(
                f"{kind}: {f!r} of {name} is bound to an operation already, to {(bound or name)!s}; "
                "declare it once, or give a function instead of the ufunc"
            )
    in_table = name in scalar_opcodes()
    if needs_out and not (partials and in_table):
        raise TypeError(
            f"{kind}: needs_out of {name} is not used: leave it out; partials are given the result, and only what is "
            "in the scalar table, mmad/kernels/_scalar_ops.h, can do without it"
        )
    checks.check_infinite_at(name, nin, infinite_at or {}, partials and in_table)
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
        infinite_at=infinite_at,
        joint=joint,
    )
    if op.opcode >= 0 and not boolean:
        _DEFERRED.append((op, needs_out))
    for f in names:
        if isinstance(f, OptionalUfunc):
            OPTIONAL.append((f, op))
        else:
            _core.UFUNCS[f] = op
    return op


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
    raw=False,
    result=None,
    jvp=None,
):
    """Declare an operation linear in the operands that `transposes` names; see :func:`elementwise`.

    Parameters
    ----------
    name : str
    impl : callable
        ``impl(*operands, **params)``, on plain values.
    transposes : dict
        Operand -> ``transpose(ct, *operands, **params)``.  Of operations with any number of operands an object whose
        method `every` gives all cotangents at once.
    joint : bool
        Linear in those operands together, as ``put(base, value)``, whose tangent is ``put(base_dot, value_dot)``; not
        in each, as ``matmul``, whose tangent is ``x_dot @ y + x @ y_dot``.
    batch : callable, optional
        ``batch(operands, batched, **params)``; see the head of this module.
    probes : sequence of tuples
        Points where tests differentiate: the operands, and the parameters, a dict.
    nin : int
        How many operands there are.
    kind : {"structural", "window", "put", "put_index"}
        What it is to storages; other than the first are views and writes, which the tape knows.
    raw : bool
        The last operand is an index: a list or tuple stays one, instead of being made an array.  The operands of
        ``gather(x, (0, [1, 2]))``, which is ``x[0, [1, 2]]``, are two, an array and an index.
    result : callable, optional
        ``result(shapes, operands, **params)``; see the head of this module.
    jvp : callable, optional
        Replaces the pushforward that is the operation itself.

    Examples
    --------
    >>> import numpy as np
    >>> import mmad
    >>> from mmad.ops.declare import linear
    >>> flipped = linear("flipped", lambda x: x[::-1], {0: lambda ct, x: flipped(ct)})
    >>> mmad.grad(lambda x: (flipped(x) * np.arange(3.0)).sum())(np.ones(3))
    array([2., 1., 0.])
    """
    if not transposes and not hasattr(transposes, "every"):
        raise TypeError(f"linear: {name} has no transposes: give one for each operand in which it is linear")
    if kind not in ("structural", "window", "put", "put_index"):
        raise TypeError(f"linear: {name} has the kind {kind!r}; it should be structural, window, put or put_index")
    if raw and nin < 2:
        raise TypeError(
            f"linear: {name} has one operand, and raw says that the last of several is an index: leave it out"
        )
    checks.check_rules("linear", name, impl, nin, transposes, jvp, batch, result)
    checks.check_joint("linear", name, joint, transposes, jvp)
    if not hasattr(transposes, "every"):
        checks.check_probes("linear", name, probes, nin)
    return Op(
        name,
        impl,
        nin=nin,
        kind=kind,
        jvp=jvp,
        transposes=transposes,
        batch=batch,
        probes=probes,
        needs_out=False,
        raw=raw,
        result=result,
        joint=joint,
    )


def nonlinear(name, impl, jvp, *, transposes=None, batch=None, probes=(), nin=1, result=None, needs_out=True):
    """Declare an operation by its pushforward ``jvp(tangents, result, *operands, **params)``.

    Parameters
    ----------
    name, impl, batch, probes, nin, result
        As :func:`linear` takes them.
    jvp : callable
        The tangent of the result; of the tangents those that are zero are None, and so is the result if it is zero.
    transposes : dict, optional
        Replaces the transpose that is derived from the pushforward; a test compares both.
    needs_out : bool
        The rules use the result.  If not, it is None in them, and recordings do not keep it.

    Examples
    --------
    >>> import numpy as np
    >>> import mmad
    >>> from mmad.ops import arithmetic as a
    >>> from mmad.ops.declare import nonlinear
    >>> scaled_exp = nonlinear(
    ...     "scaled_exp",
    ...     lambda x, rate: np.exp(rate * x),
    ...     lambda dots, out, x, rate: a.multiply(rate, a.chain(dots[0], out)),
    ... )
    >>> mmad.grad(lambda x: scaled_exp(x, rate=2.0))(0.0)
    2.0
    """
    if jvp is None:
        raise TypeError(f"nonlinear: {name} has no jvp: say what the tangent of its result is, or declare it by linear")
    checks.check_rules("nonlinear", name, impl, nin, transposes, jvp, batch, result)
    checks.check_probes("nonlinear", name, probes, nin)
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
    """Return a plain zero of the shape and dtype of x; for a number, a number."""
    if isplain(x, float | int | complex):
        return 0.0
    return np.zeros(_core.shape_of(x), getattr(x, "dtype", np.float64))[()]
