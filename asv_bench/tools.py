"""The tools that are compared, each behind the same two calls.

A tool turns a problem into a call without arguments that returns a gradient or a Hessian-vector product, as
that tool's users would write it.  Its inputs are made beforehand and its result stays of its own kind, so no
tool pays for a conversion; `to_numpy` is used outside the timed part only.  To add a tool, write a class with
these methods and list it in `TOOLS`.
"""

import importlib
import sys
from importlib import metadata

import numpy as np

from mmad.bench.trees import map_leaves

__all__ = ["TOOLS", "Tool", "available"]


class Tool:
    """What a tool provides; `package` is what is imported and whose version is reported."""

    name = ""
    package = ""

    def version(self):
        return metadata.version(self.package)

    def gradient(self, problem):
        """A call that returns the gradient at the problem's point."""
        raise NotImplementedError

    def hvps(self, problem):
        """Calls that return the Hessian-vector product, by what the way is called."""
        raise NotImplementedError

    def to_numpy(self, tree):
        """The result as NumPy arrays."""
        return map_leaves(np.asarray, tree)


class Mmad(Tool):
    name = package = "mmad"

    def version(self):
        try:
            return metadata.version("mmad")
        except metadata.PackageNotFoundError:
            return "in place"

    def gradient(self, problem):
        import mmad

        gradient, point = mmad.grad(problem.make(np)), problem.point
        return lambda: gradient(point)

    def hvps(self, problem):
        import mmad

        function, point, direction = problem.make(np), problem.point, problem.direction
        hvp = mmad.hvp(function)
        _, product = mmad.linearize(mmad.grad(function), point)
        return {"": lambda: hvp(point, direction), "further ones at a point": lambda: product(direction)}


class Autograd(Tool):
    name = package = "autograd"

    def gradient(self, problem):
        import autograd

        gradient, point = autograd.grad(problem.make(autograd.numpy)), problem.point
        return lambda: gradient(point)

    def hvps(self, problem):
        import autograd
        import autograd.misc

        # Its HVP takes one array only, so a tree is flattened first and put together inside, as its users do.
        point, tree = autograd.misc.flatten(problem.point)
        direction, _ = autograd.misc.flatten(problem.direction)
        function = problem.make(autograd.numpy)
        whole = isinstance(problem.point, np.ndarray)
        hvp = autograd.hessian_vector_product(function if whole else lambda flat: function(tree(flat)))
        return {"": lambda: hvp(point, direction)}


class Torch(Tool):
    name, package = "PyTorch", "torch"

    def __init__(self):
        import torch

        torch.set_num_threads(1)
        self.torch = torch

    def tensors(self, tree, requires_grad=False):
        def tensor(array):
            return self.torch.tensor(array, dtype=self.torch.float64, requires_grad=requires_grad)

        return map_leaves(tensor, tree)

    @staticmethod
    def leaves(tree):
        if isinstance(tree, dict):
            return tuple(tree.values())
        return tree if isinstance(tree, tuple) else (tree,)

    @staticmethod
    def rebuilt(tree, leaves):
        if isinstance(tree, dict):
            return dict(zip(tree, leaves, strict=True))
        return tuple(leaves) if isinstance(tree, tuple) else leaves[0]

    def gradient(self, problem):
        function, point = problem.make(self.torch), self.tensors(problem.point, requires_grad=True)
        leaves, differentiate = self.leaves(point), self.torch.autograd.grad
        return lambda: self.rebuilt(point, differentiate(function(point), leaves))

    def hvps(self, problem):
        """Forward over reverse with torch.func, and the older way, reverse over reverse."""
        function, torch = problem.make(self.torch), self.torch
        point, direction = self.tensors(problem.point), self.tensors(problem.direction)
        taped = self.tensors(problem.point, requires_grad=True)
        leaves, tangents = self.leaves(taped), self.leaves(direction)

        def forward_over_reverse():
            return torch.func.jvp(torch.func.grad(function), (point,), (direction,))[1]

        def reverse_over_reverse():
            first = torch.autograd.grad(function(taped), leaves, create_graph=True)
            return self.rebuilt(taped, torch.autograd.grad(first, leaves, tangents))

        return {"": forward_over_reverse, "reverse over reverse": reverse_over_reverse}

    def to_numpy(self, tree):
        return map_leaves(lambda tensor: tensor.detach().numpy(), tree)


TOOLS = {"mmad": Mmad, "autograd": Autograd, "torch": Torch}


def available(known, names):
    """The tools of these names, without those that are not installed.

    Parameters
    ----------
    known : dict of str to type
        The tools that there are, such as `TOOLS`.
    names : list of str

    Returns
    -------
    list
    """
    tools = []
    for name in names:
        if name not in known:
            raise SystemExit(f"no tool {name!r}; known: {', '.join(known)}")
        try:
            importlib.import_module(known[name].package)
        except ImportError:
            if name == "mmad":
                raise SystemExit("mmad is not installed: pip install . in the checkout first") from None
            print(f"{name} is not installed and is left out", file=sys.stderr)
        else:
            tools.append(known[name]())
    return tools
