"""Fixed points, differentiated implicitly."""

from mmad.autograd.core import defvjp, make_vjp, vspace
from mmad.autograd.tracer import primitive

__all__ = ["fixed_point"]


@primitive
def fixed_point(f, a, x0, distance, tol):
    """Return the fixed point of ``f(a)``, by iteration from x0; the derivative in a is that of the fixed point."""
    step = f(a)
    x, before = step(x0), x0
    while distance(x, before) > tol:
        x, before = step(x), x
    return x


def _pullback(y, f, a, x0, distance, tol):
    vjp, _ = make_vjp(lambda a_and_x: f(a_and_x[0])(a_and_x[1]), (a, y))

    def adjoint(given):
        inner, bar = given
        return lambda g: vspace(bar).add(make_vjp(f(inner[0]), inner[1])[0](g), bar)

    def pull(g):
        return vjp(fixed_point(adjoint, ((a, y), g), vspace(x0).zeros(), distance, tol))[0]

    return pull


defvjp(fixed_point, None, _pullback, None)
