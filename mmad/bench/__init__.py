"""Problems to differentiate, with known derivatives, for tests, benchmarks and the command ``mmad bench``.

Nothing here is imported by ``import mmad``.

>>> from mmad.bench import find_problem
>>> problem = find_problem("rosenbrock")
>>> problem.sizes
(100, 1000, 10000, 1000000)
>>> instance = problem.at(100)
>>> x = next(instance.points())
>>> import numpy as np, mmad
>>> np.allclose(mmad.grad(instance.make(np))(x), instance.gradient(x))
True
"""

from mmad.bench.contestant import Contestant, Runner
from mmad.bench.problem import Instance, ModelProblem
from mmad.bench.registry import all_problems, all_strategies, all_tools, find_problem, problem_names
from mmad.bench.strategies._registry import strategy
from mmad.bench.tools._tool import Tool

__all__ = [
    "Contestant",
    "Instance",
    "ModelProblem",
    "Runner",
    "Tool",
    "all_problems",
    "all_strategies",
    "all_tools",
    "find_problem",
    "problem_names",
    "strategy",
]
