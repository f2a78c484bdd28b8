"""Checks of derivatives by differences, with autograd's arguments."""

import itertools

from mmad.autograd.core import make_jvp, make_vjp, vspace
from mmad.autograd.wrap_util import get_name, unary_to_nary

__all__ = ["check_equivalent", "check_grads", "check_jvp", "check_vjp", "combo_check", "scalar_close"]

TOL = RTOL = 1e-6
EPS = 1e-6  # of central differences


def scalar_close(a, b):
    """Return whether two numbers agree, absolutely or relatively."""
    return abs(a - b) < TOL or abs(a - b) / abs(a + b) < RTOL


def check_equivalent(x, y):
    """Raise if two values are not of one vector space, or differ along a random vector."""
    one, other = vspace(x), vspace(y)
    assert one == other, f"VSpace mismatch:\nx: {one}\ny: {other}"
    v = one.randn()
    assert scalar_close(one.inner_prod(x, v), one.inner_prod(y, v)), f"Value mismatch:\nx: {x}\ny: {y}"


def _difference(f, x, v):
    """Return the central difference of f along v."""
    space = vspace(x)
    above = f(space.add(x, space.scalar_mul(v, EPS / 2)))
    below = f(space.add(x, space.scalar_mul(v, -EPS / 2)))
    result = vspace(above)
    return result.scalar_mul(result.add(above, result.scalar_mul(below, -1.0)), 1.0 / EPS)


def check_vjp(f, x):
    """Raise if the pullback of a function disagrees with differences."""
    vjp, y = make_vjp(f, x)
    space, space_y = vspace(x), vspace(y)
    v, w = space.randn(), space_y.randn()
    g = space.covector(vjp(space_y.covector(w)))
    assert vspace(g) == space, f"VSpace mismatch: {vspace(g)} for {space}"
    exact, numeric = space.inner_prod(v, g), space_y.inner_prod(w, _difference(f, x, v))
    assert scalar_close(numeric, exact), (
        f"Derivative (VJP) check of {get_name(f)} failed with arg {x}:\nanalytic: {exact}\nnumeric:  {numeric}"
    )


def check_jvp(f, x):
    """Raise if the pushforward of a function disagrees with differences."""
    v = vspace(x).randn()
    check_equivalent(make_jvp(f, x)(v)[1], _difference(f, x, v))


@unary_to_nary
def check_grads(f, x, modes=("fwd", "rev"), order=2):
    """Raise if derivatives disagree with differences: in these modes, up to this order."""
    if "fwd" in modes:
        check_jvp(f, x)
        if order > 1:
            v = vspace(x).randn()
            check_grads(_named(f, "jvp", lambda x, v: make_jvp(f, x)(v)[1]), (0, 1), modes, order=order - 1)(x, v)
    if "rev" in modes:
        check_vjp(f, x)
        if order > 1:
            v = vspace(f(x)).randn()
            check_grads(_named(f, "vjp", lambda x, v: make_vjp(f, x)[0](v)), (0, 1), modes, order=order - 1)(x, v)


def _named(f, what, derivative):
    derivative.__name__ = f"{what}_{get_name(f)}"
    return derivative


def combo_check(fun, *args, **kwargs):
    """Return a function that checks derivatives for all combinations of arguments from lists."""

    def check(*lists, **named):
        for values in itertools.product(*lists):
            for chosen in itertools.product(*[[(k, v) for v in vs] for k, vs in named.items()]):
                check_grads(fun, *args, **kwargs)(*values, **dict(chosen))

    return check
