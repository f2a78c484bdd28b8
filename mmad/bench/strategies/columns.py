"""Compute derivatives column by column: by dual numbers, by differences, by complex steps."""

import numpy as np

import mmad
from mmad.bench.complex_step import complex_step_gradient, complex_step_jacobian
from mmad.bench.strategies._registry import strategy
from mmad.bench.trees import add_scaled, flatten, unflatten

MOST = {1: 1000, 2: 60}  # columns that are computed one by one, by order of the derivative
FIRST, SECOND = np.finfo(float).eps ** (1 / 3), np.finfo(float).eps ** (1 / 4)  # steps of central differences


def unit_trees(instance, order=1):
    """Return the unit vectors in the structure of a point; raise NotImplementedError if there are too many."""
    if instance.inputs > MOST[order]:
        raise NotImplementedError(f"{instance.inputs} columns one by one, more than {MOST[order]}")
    return [unflatten(unit, instance.point) for unit in np.eye(instance.inputs)]


@strategy("dual-numbers")
def dual_numbers(instance, product):
    """Dual numbers, a run for each column."""
    function = instance.make(np)
    units = unit_trees(instance, 2 if product == "hessian" else 1)

    def slope(x, v):
        return mmad.jvp(function, (x,), (v,))[1]

    def second(x, v, w):
        return mmad.jvp(lambda y: slope(y, v), (x,), (w,))[1]

    return {
        "gradient": lambda x: unflatten(np.array([float(slope(x, e)) for e in units]), x),
        "jacobian": lambda x: np.stack([flatten(slope(x, e)) for e in units], axis=1),
        "hvp": lambda x, v: unflatten(np.array([float(second(x, e, v)) for e in units]), x),
        "hessian": lambda x: np.array([[float(second(x, d, e)) for d in units] for e in units]),
    }[product]


@strategy("finite-differences", rtol=1e-3)
def finite_differences(instance, product):
    """Central differences."""
    function = instance.make(np)
    units = unit_trees(instance, 2 if product == "hessian" else 1)

    def moved(x, *moves):
        for v, step in moves:
            x = add_scaled(x, v, step)
        return flatten(function(x))

    def slope(x, v):
        return (moved(x, (v, FIRST)) - moved(x, (v, -FIRST))) / (2.0 * FIRST)

    def second(x, v, w):
        h = SECOND
        up, down = moved(x, (v, h), (w, h)), moved(x, (v, -h), (w, -h))
        return ((up - moved(x, (v, h), (w, -h)) - moved(x, (v, -h), (w, h)) + down) / (4.0 * h * h)).item()

    return {
        "gradient": lambda x: unflatten(np.array([slope(x, e).item() for e in units]), x),
        "jacobian": lambda x: np.stack([slope(x, e) for e in units], axis=1),
        "hvp": lambda x, v: unflatten(np.array([second(x, e, v) for e in units]), x),
        "hessian": lambda x: np.array([[second(x, d, e) for d in units] for e in units]),
    }[product]


@strategy("complex-step")
def complex_step(instance, product):
    """Complex steps through NumPy."""
    if product not in ("gradient", "jacobian"):
        raise NotImplementedError(f"no {product}: a complex step gives first derivatives")
    if "complex" not in instance.problem.tags:
        raise NotImplementedError("the function does not accept complex arguments")
    unit_trees(instance)
    function = instance.make(np)
    derivative = {"gradient": complex_step_gradient, "jacobian": complex_step_jacobian}[product]
    return lambda x: derivative(function, x)
