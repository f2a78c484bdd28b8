"""MyGrad: NumPy's functions on its own arrays, and `backward`."""

import numpy as np

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool
from mmad.bench.trees import map_leaves

__all__ = ["TOOLS"]


def prepare(instance, product):
    import mygrad

    if product != "gradient":
        raise NotImplementedError(f"no {product}: first derivatives of a number only")
    function = instance.make(np)

    def run(x):
        tensors = map_leaves(mygrad.tensor, x)
        function(tensors).backward()
        return map_leaves(lambda tensor: tensor.grad, tensors)

    def to_numpy(result):
        return map_leaves(lambda leaf: np.array(0.0) if leaf is None else np.asarray(leaf), result)

    return Runner(run, to_numpy=to_numpy)


TOOLS = (
    Tool(
        "mygrad",
        "MyGrad",
        prepare,
        package="mygrad",
        documentation="https://mygrad.readthedocs.io/en/latest/intro.html",
    ),
)
