"""Declarations: what would not be used is refused."""

import numpy as np
import pytest

from mmad.ops.declare import elementwise, linear, nonlinear
from mmad.tape._instructions import OPERATIONS


def partial(*operands):
    return 1.0


UNUSED = {
    "masks beyond the operands": lambda n: elementwise(n, np.negative, partial, masks=(1,)),
    "masks without a partial": lambda n: elementwise(n, np.add, partial, None, masks=(1,)),
    "saturates without a partial": lambda n: elementwise(n, np.add, partial, None, saturates={1: 0}),
    "saturates beyond the operands": lambda n: elementwise(n, np.negative, partial, saturates={0: 1}),
    "masks beside transposes": lambda n: elementwise(n, np.negative, transposes={0: partial}, masks=(0,)),
    "probes without a derivative": lambda n: elementwise(n, np.isnan, boolean=True, probes=((1.0,),)),
    "needs_out without a derivative": lambda n: elementwise(n, np.isnan, boolean=True, needs_out=True),
    "joint without transposes": lambda n: elementwise(n, np.negative, partial, joint=True),
    "partials and transposes": lambda n: elementwise(n, np.negative, partial, transposes={0: partial}),
    "too many partials": lambda n: elementwise(n, np.negative, partial, partial),
    "nin beside a ufunc": lambda n: elementwise(n, np.isnan, boolean=True, nin=2),
    "also without a ufunc": lambda n: elementwise(n, np.negative, partial, also=(np.fix,)),
    "linear transpose": lambda n: linear(n, np.negative, {1: partial}),
    "nonlinear transpose": lambda n: nonlinear(n, np.negative, partial, transposes={1: partial}),
    "no jvp": lambda n: nonlinear(n, np.negative, None),
}


def test_too_few_operands():
    with pytest.raises(TypeError, match="2 operands are expected"):
        OPERATIONS["tanh_slope"].impl(1.0)


@pytest.mark.parametrize("what", UNUSED)
def test_what_would_not_be_used_is_refused(what):
    with pytest.raises(TypeError, match="never_declared"):
        UNUSED[what]("never_declared")
    assert "never_declared" not in OPERATIONS


def test_partials_are_given_operands_and_result_only():
    with pytest.raises(TypeError, match="takes order besides the operands and the result"):
        elementwise("with_a_parameter", np.sinh, lambda x, out, order=0: x)
