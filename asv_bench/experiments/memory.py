"""By how much the memory of a process grows that prepares a derivative and runs it three times, for several tools.

Each is a process of its own (`mmad.bench.memory`).  What importing and preparing the tool takes belongs to it:
compilers count with their own memory.  A function that is only evaluated, by NumPy, is the control.
"""

from experiments.campaigns import tools_here
from mmad.bench import find_problem
from mmad.bench.memory import peak_memory

__all__ = ["run"]

CASES = (
    ("rosenbrock", "gradient"), ("rosenbrock", "hvp"), ("digits", "hvp"), ("fisher-equation", "gradient"),
    ("gaussian-mixture", "gradient"),
)  # fmt: skip
TOOLS = ("mmad", "mmad-eager", "jax", "autograd", "torch", "torch-autograd", "casadi-sx", "numpy")


def run(quick):
    """Return bytes by case and tool; a reason where there are none."""
    found = {}
    for name, product in CASES[:2] if quick else CASES:
        problem = find_problem(name)
        instance = problem.at(problem.sizes[0 if quick else 3])
        here = found[f"{instance.name}, {product}"] = {}
        for tool in tools_here(TOOLS):
            try:
                here[tool.name] = peak_memory(tool.name, instance, product)
            except (NotImplementedError, RuntimeError) as error:
                here[tool.name] = str(error)[:200]
    return found
