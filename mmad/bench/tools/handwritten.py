"""Derivatives written by hand in C++, for a few problems: the speed that a tool could reach.

They are compiled for this processor at the first use, with optimisations that reorder sums, and are called through
ctypes.  Every call writes its result into the same array.
"""

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from mmad.bench.contestant import Runner
from mmad.bench.problems import gaussian_mixture
from mmad.bench.tools._tool import Tool, along
from mmad.bench.trees import flatten, unflatten

__all__ = ["TOOLS"]

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = ("-O3", "-march=native", "-ffast-math", "-fPIC", "-c")


class CompiledByHand(Tool):
    """Code of mmad's own, for which the compiler must be installed."""

    @property
    def is_installed(self):
        """Whether there is a C++ compiler."""
        return compiler() is not None

    @property
    def version(self):
        """The compiler's version."""
        return subprocess.run([compiler(), "-dumpfullversion"], capture_output=True, text=True).stdout.strip()


def compiler():
    """Return the path of the C++ compiler; None if there is none."""
    return shutil.which(os.environ.get("CXX", "c++"))


@cache
def library():
    """Return the compiled functions."""
    with tempfile.TemporaryDirectory() as folder:
        compiled, path = Path(folder) / "handwritten.o", Path(folder) / "handwritten.so"
        subprocess.run([compiler(), *FLAGS, str(SOURCE), "-o", str(compiled)], check=True, capture_output=True)
        # Linked without -ffast-math: with it GCC adds code that makes the process flush subnormal numbers to zero.
        subprocess.run([compiler(), "-shared", str(compiled), "-o", str(path)], check=True, capture_output=True)
        return ctypes.CDLL(str(path))


def prepare(instance, product):
    """Return the runner of the function that has the names of the problem and the product."""
    name = f"{instance.problem.name.replace('-', '_')}_{product}"
    function = getattr(library(), name, None)
    if function is None:
        raise NotImplementedError(f"no {product} of {instance.problem.name} is written by hand")
    function.restype = None
    sizes = instance.n if isinstance(instance.n, tuple) else (instance.n,)
    given = [np.zeros(instance.inputs) for _ in range(1 + len(along(instance, product)))]
    result, held = np.zeros(instance.inputs), []
    if instance.problem.name == "gaussian-mixture":
        held.append(np.ascontiguousarray(gaussian_mixture.data(instance.n)))
    arguments = [ctypes.c_void_p(array.ctypes.data) for array in (*given, result, *held)]
    arguments += [ctypes.c_ssize_t(size) for size in sizes]

    def run(*args):
        for array, arg in zip(given, args, strict=True):
            array[:] = arg
        function(*arguments)
        return result

    run.arrays = held  # keep the arrays alive: ctypes holds only their addresses
    return Runner(run, flatten, lambda vector: unflatten(vector.copy(), instance.point))


TOOLS = (
    CompiledByHand(
        "handwritten",
        "C++ by hand, for a few problems",
        prepare,
        package="ctypes",
        documentation="https://gcc.gnu.org/onlinedocs/gcc/Optimize-Options.html",
    ),
)
