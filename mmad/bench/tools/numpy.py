"""NumPy, the control: the function alone."""

import numpy as np

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool

__all__ = ["TOOLS"]


def prepare(instance, product):
    function = instance.make(np)
    return Runner(lambda x, *_: function(x))


TOOLS = (
    Tool(
        "numpy",
        "NumPy, the function alone",
        prepare,
        package="numpy",
        documentation="https://numpy.org/doc/stable",
        is_control=True,
    ),
)
