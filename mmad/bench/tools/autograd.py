"""HIPS autograd: NumPy under another name, traced at every call."""

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool, refuse_columns, refuse_mutation
from mmad.bench.trees import map_leaves

__all__ = ["TOOLS"]


def prepare(instance, product):
    import autograd
    import autograd.numpy as anp
    from autograd.misc.flatten import flatten

    refuse_mutation(instance)
    refuse_columns(instance, product)
    function = instance.make(anp)
    if product != "hvp":
        operators = {"gradient": autograd.grad, "jacobian": autograd.jacobian, "hessian": autograd.hessian}
        return Runner(operators[product](function), as_floats)
    # Its product takes one array only: a tree is flattened first and put together inside.
    _, tree = flatten(as_floats(instance.point))
    derivative = autograd.hessian_vector_product(lambda flat: function(tree(flat)))
    return Runner(derivative, lambda x: flatten(as_floats(x))[0])


def as_floats(tree):
    """Return numbers as Python floats, and lists as they are: autograd takes both."""
    return map_leaves(lambda leaf: leaf if hasattr(leaf, "shape") and leaf.shape else float(leaf), tree)


TOOLS = (
    Tool(
        "autograd",
        "autograd",
        prepare,
        package="autograd",
        documentation="https://github.com/HIPS/autograd/blob/master/docs/tutorial.md",
    ),
)
