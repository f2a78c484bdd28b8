"""PyTorch: `torch.func`, the same under `torch.compile`, and `torch.autograd`; in double precision on one thread."""

from functools import partial

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool, refuse_branches, refuse_columns, refuse_mutation
from mmad.bench.trees import leaves_of, map_leaves

__all__ = ["TOOLS"]


def prepare(is_compiled, instance, product):
    import torch

    refuse_mutation(instance)
    refuse_columns(instance, product)
    if is_compiled:
        refuse_branches(instance)
        if "scalars" in instance.problem.tags:
            raise NotImplementedError("a long loop over numbers, which takes minutes to compile")
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    function = instance.make(torch)
    operators = {
        "gradient": torch.func.grad,
        "hvp": lambda f: lambda x, v: torch.func.jvp(torch.func.grad(f), (x,), (v,))[1],
        "hessian": torch.func.hessian,
        "jacobian": torch.func.jacrev,
    }
    derivative = operators[product](function)
    return Runner(
        torch.compile(derivative) if is_compiled else derivative,
        lambda x: map_leaves(lambda leaf: torch.as_tensor(leaf, dtype=torch.float64), x),
        lambda result: map_leaves(lambda leaf: leaf.detach().numpy(), result),
    )


def prepare_backward(instance, product):
    """Use `torch.autograd` on tensors that require gradients, twice for a Hessian-vector product."""
    import torch

    refuse_mutation(instance)
    if product not in ("gradient", "hvp"):
        raise NotImplementedError(f"no {product}: gradients and Hessian-vector products")
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    function, differentiate = instance.make(torch), torch.autograd.grad

    def gradient(x):
        return differentiate(function(x), leaves_of(x))

    def hvp(x, v):
        leaves = leaves_of(x)
        return differentiate(differentiate(function(x), leaves, create_graph=True), leaves, leaves_of(v))

    def asking(x):
        return map_leaves(lambda leaf: torch.tensor(leaf, dtype=torch.float64, requires_grad=True), x)

    return Runner(
        {"gradient": gradient, "hvp": hvp}[product], asking, lambda found: [leaf.detach().numpy() for leaf in found]
    )


DOCUMENTATION = "https://docs.pytorch.org/docs/stable/func.html"
BACKWARD = "https://docs.pytorch.org/docs/stable/autograd.html"
TOOLS = (
    Tool("torch", "PyTorch, torch.func", partial(prepare, False), package="torch", documentation=DOCUMENTATION),
    Tool(
        "torch-compile", "PyTorch, torch.compile", partial(prepare, True), package="torch", documentation=DOCUMENTATION
    ),
    Tool("torch-autograd", "PyTorch, torch.autograd", prepare_backward, package="torch", documentation=BACKWARD),
)
