"""Declarations: what would not be used, or would fail when it is used, is refused, with what to write."""

import itertools
import textwrap

import numpy as np
import pytest
from helpers import python
from operation_cases import WITH_PARTIALS

from mmad.ops._kernel_functions import KernelFunction
from mmad.ops._singularities import at_singularity
from mmad.ops.declare import OptionalUfunc, elementwise, linear, nonlinear
from mmad.tape._instructions import OPERATIONS


def partial(*operands):
    return 1.0


def ten(x):
    return 10.0 * x


def scaled(x, factor):
    return x * factor


def twice(ct, x):
    return 2.0 * ct


#: What is wrong -> (a declaration, words of the error).
REFUSED = {
    "masks beyond the operands": (lambda n: elementwise(n, ten, partial, masks=(1,)), "no partial by operand 1"),
    "masks without a partial": (
        lambda n: elementwise(n, lambda x, y: x, partial, None, masks=(1,)),
        "no partial by operand 1",
    ),
    "masks twice": (lambda n: elementwise(n, ten, partial, masks=(0, 0)), "operand 0 in masks, and again"),
    "masks and saturates": (
        lambda n: elementwise(n, ten, partial, masks=(0,), saturates={0: 0}),
        "operand 0 in masks, and again",
    ),
    "saturates without a partial": (
        lambda n: elementwise(n, lambda x, y: x, partial, None, saturates={1: 0}),
        "no partial by operand 1",
    ),
    "saturates beyond the operands": (
        lambda n: elementwise(n, ten, partial, saturates={0: 1}),
        "no operand 1, at whose infinity",
    ),
    "masks beside transposes": (
        lambda n: elementwise(n, ten, transposes={0: twice}, masks=(0,)),
        "no partial by operand 0",
    ),
    "no derivative": (lambda n: elementwise(n, ten, nin=1), "boolean=True"),
    "probes without a derivative": (
        lambda n: elementwise(n, ten, nin=1, boolean=True, probes=((1.0,),)),
        "no derivative, so its probes",
    ),
    "needs_out without a derivative": (
        lambda n: elementwise(n, ten, nin=1, boolean=True, needs_out=True),
        "no derivative, so its probes, needs_out",
    ),
    "needs_out outside the scalar table": (
        lambda n: elementwise(n, ten, partial, needs_out=True),
        "needs_out of never_declared is not used",
    ),
    "infinite_at without a derivative": (
        lambda n: elementwise(n, ten, nin=1, boolean=True, infinite_at={0: (0.0,)}),
        "infinite_at are not used",
    ),
    "infinite_at outside the scalar table": (
        lambda n: elementwise(n, ten, partial, infinite_at={0: (0.0,)}),
        "scalar table",
    ),
    "joint without transposes": (lambda n: elementwise(n, ten, partial, joint=True), "no transposes"),
    "joint of one operand": (lambda n: elementwise(n, ten, transposes={0: twice}, joint=True), "one operand only"),
    "partials and transposes": (lambda n: elementwise(n, ten, partial, transposes={0: twice}), "would not be used"),
    "too many partials": (lambda n: elementwise(n, np.negative, partial, partial), "1 operands"),
    "nin beside partials": (lambda n: elementwise(n, ten, partial, nin=2), "2 operands"),
    "nin beside a ufunc": (lambda n: elementwise(n, np.isnan, boolean=True, nin=2), "its ufunc 1 operands"),
    "a partial that takes too little": (
        lambda n: elementwise(n, ten, lambda x: 10.0),
        "is given the operands and the result, which it does not take",
    ),
    "a partial that takes more": (
        lambda n: elementwise(n, ten, lambda x, out, order=0: 10.0),
        "takes order besides the operands and the result",
    ),
    "a partial that is a number": (lambda n: elementwise(n, ten, 10.0), "should be a function"),
    "impl that is no function": (lambda n: elementwise(n, 10.0, partial), "impl of never_declared"),
    "also without a ufunc": (lambda n: elementwise(n, ten, partial, also=(np.fix,)), "is not a ufunc"),
    "also of other operands": (lambda n: elementwise(n, ten, partial, also=(np.ldexp,)), "takes 2 operands"),
    "a ufunc that is bound": (lambda n: elementwise(n, np.negative, partial), "is bound to an operation already"),
    "also that is bound": (lambda n: elementwise(n, ten, partial, also=(np.sin,)), "already, to <op sin>"),
    "an optional ufunc that is bound": (
        lambda n: elementwise(n, ten, partial, also=(OptionalUfunc("scipy.special", "erf"),)),
        "scipy.special.erf of never_declared is bound",
    ),
    "a probe of another length": (
        lambda n: elementwise(n, ten, partial, probes=((1.0, 2.0),)),
        "tuple of its 1 operands",
    ),
    "a probe that is no tuple": (lambda n: elementwise(n, ten, partial, probes=(1.0,)), "probes=\\(\\(0.5,\\),\\)"),
    "a kernel that is not there": (
        lambda n: elementwise(n, KernelFunction(n, ten), partial),
        "add a line X\\(never_declared",
    ),
    "a kernel without a formula": (
        lambda n: elementwise(n, KernelFunction("sin", None), partial) or n,
        "sin has no formula",
    ),
    "linear: no transposes": (lambda n: linear(n, ten, {}), "no transposes"),
    "linear: transpose of another operand": (
        lambda n: linear(n, ten, {1: twice}),
        "transpose by operand 1 is not used",
    ),
    "linear: transpose with an unknown parameter": (
        lambda n: linear(n, ten, {0: lambda ct, x, factor=1: ct}),
        "takes factor besides the cotangent and the operands",
    ),
    "linear: transpose without the parameter": (
        lambda n: linear(n, scaled, {0: twice}),
        "by name factor, which it does not take",
    ),
    "linear: result without the parameter": (
        lambda n: linear(n, scaled, {0: lambda ct, x, factor: ct}, result=lambda shapes, vals: shapes[0]),
        "result of never_declared",
    ),
    "linear: batch with an unknown parameter": (
        lambda n: linear(n, ten, {0: twice}, batch=lambda vals, batched, axis: vals[0]),
        "batch of never_declared",
    ),
    "linear: joint of one operand": (lambda n: linear(n, ten, {0: twice}, joint=True), "one operand only"),
    "linear: joint beside a jvp": (
        lambda n: linear(
            n,
            lambda x, y: x + y,
            {0: lambda ct, x, y: ct, 1: lambda ct, x, y: ct},
            nin=2,
            joint=True,
            jvp=lambda dots, out, x, y: dots[0],
        ),
        "a jvp of its own",
    ),
    "linear: raw of one operand": (lambda n: linear(n, ten, {0: twice}, raw=True), "raw"),
    "linear: kind": (lambda n: linear(n, ten, {0: twice}, kind="elementwise"), "structural, window, put or put_index"),
    "linear: probe": (lambda n: linear(n, ten, {0: twice}, probes=((1.0, 2.0),)), "tuple of its 1 operands"),
    "nonlinear: no jvp": (lambda n: nonlinear(n, ten, None), "no jvp"),
    "nonlinear: jvp without the result": (
        lambda n: nonlinear(n, ten, lambda dots, x: dots[0]),
        "the tangents, the result and the operands, which it does not take",
    ),
    "nonlinear: jvp with an unknown parameter": (
        lambda n: nonlinear(n, ten, lambda dots, out, x, order=1: dots[0]),
        "takes order besides",
    ),
    "nonlinear: transpose of another operand": (
        lambda n: nonlinear(n, ten, lambda dots, out, x: dots[0], transposes={1: twice}),
        "transpose by operand 1 is not used",
    ),
    "nonlinear: probe": (
        lambda n: nonlinear(n, ten, lambda dots, out, x: dots[0], probes=((1.0, 2.0, {}),)),
        "tuple of its 1 operands",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_not_be_used_is_refused(what):
    declare, words = REFUSED[what]
    with pytest.raises(TypeError, match=words) as caught:
        declare("never_declared")
    assert "never_declared" in str(caught.value) or "sin" in str(caught.value)
    assert "never_declared" not in OPERATIONS


def test_rules_that_take_anything_are_taken():
    """Parameters with a default may be left out by rules; what takes *args or **params is not looked at further."""
    op = linear(
        "test: any rule",
        lambda x, factor=2.0: x * factor,
        {0: lambda ct, *operands, **params: ct * params.get("factor", 2.0)},
        batch=lambda *args: args[0][0],
        probes=((1.0, {"factor": 3.0}), (1.0,)),
    )
    try:
        assert op(3.0) == 6.0
    finally:
        del OPERATIONS["test: any rule"]


def test_what_is_said_of_a_constant_partial_is_refused():
    """Whether a partial is a constant, and whether it reads the result, is seen once all operations are declared."""
    code = """
        import numpy as np
        from mmad.ops import declare
        from mmad.tape._instructions import OPERATIONS
        del OPERATIONS["kink"]
        declare.elementwise("kink", lambda x: x, {partial}, {said})
        try:
            declare.finish()
        except TypeError as error:
            print(error)
    """
    for partial, said, words in (
        ("lambda x, out: 2.0", "masks=(0,)", "by operand 0 is 2.0 everywhere, so masks is not used"),
        ("lambda x, out: 0.0", "saturates={0: 0}", "is 0.0 everywhere, so saturates is not used"),
        ("lambda x, out: out * out", "needs_out=True", "needs_out is not used"),
    ):
        done = python(textwrap.dedent(code).format(partial=partial, said=said))
        assert words in done.stdout, done.stderr


SPECIAL = (0.0, 1.0, -1.0, 0.5, 2.0, -2.0)
SCALARS = [n for n in WITH_PARTIALS if OPERATIONS[n].opcode >= 0]


@pytest.mark.parametrize("name", SCALARS)
def test_infinite_partials_are_declared(name):
    """Every partial that is infinite at 0, 1 or -1, and no other, is in `infinite_at`."""
    op = OPERATIONS[name]
    found = set()
    points = list(itertools.product(SPECIAL, repeat=op.nin))
    for point, dtype in itertools.product(points, (float, complex)):
        with np.errstate(all="ignore"):
            point = tuple(np.array([x], dtype) for x in point)
            try:
                partials = [p(*point, op.impl(*point)) for p in op.partials if p is not None]
            except TypeError:  # an operation of real numbers
                continue
        if any(np.isinf(p).any() for p in partials):
            assert at_singularity(op, point), (
                f"a partial of {name} is infinite at {point}: declare infinite_at={{operand: (value,)}}"
            )
            found |= {(i, v) for i, values in (op.infinite_at or {}).items() for v in values if point[i][0] == v}
    declared = {(i, v) for i, values in (op.infinite_at or {}).items() for v in values}
    assert found == declared, f"no partial of {name} is infinite where infinite_at says so"


def test_too_few_operands():
    with pytest.raises(TypeError, match="2 operands are expected"):
        OPERATIONS["tanh_slope"].impl(1.0)
