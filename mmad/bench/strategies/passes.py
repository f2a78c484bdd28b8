"""Run `mmad.compile` without each pass of the compiler, and without all of them, to show what each pass gains."""

from functools import partial

import numpy as np

import mmad
from mmad.bench.strategies._registry import strategy
from mmad.compiler.pipeline import PASSES

OPERATORS = {"gradient": mmad.grad, "hvp": mmad.hvp}


def compiled(passes, instance, product):
    """Return the compiled derivative."""
    if product not in OPERATORS:
        raise NotImplementedError(f"no {product}: passes are compared on gradients and Hessian-vector products")
    return mmad.compile(OPERATORS[product](instance.make(np)), passes=passes)


def _declare():
    every = {f"without-{off.replace('_', '-')}": [p for p in PASSES if p != off] for off in PASSES}
    for name, passes in {"compile": PASSES, "without-passes": (), **every}.items():
        function = partial(compiled, tuple(passes))
        function.__doc__ = "compiled" if name == "compile" else f"compiled {name.replace('-', ' ')}"
        strategy(name)(function)


_declare()
