"""Peak memory of a process that computes one derivative, Python, NumPy and the arguments included."""

import numpy as np

import mmad
from mmad.bench import find_problem

from ._suite import Suite, benchmark


@benchmark("Whole processes")
class Peak(Suite):
    """The function is the control: what the others take more is theirs."""

    params = (("rosenbrock", "log-sum-exp"), (1_000, 1_000_000))
    param_names = ("problem", "n")

    def setup(self, problem, n):
        instance = find_problem(problem).at(n)
        self.function, self.x, self.v = instance.make(np), instance.point, instance.direction

    def peakmem_function(self, *_):
        """The function alone."""
        self.function(self.x)

    def peakmem_gradient(self, *_):
        """Reverse mode, eagerly."""
        mmad.grad(self.function)(self.x)

    def peakmem_compiled_gradient(self, *_):
        """Recording, compiling, and two runs of the program."""
        gradient = mmad.compile(mmad.grad(self.function))
        gradient(self.x)
        gradient(self.x)

    def peakmem_hvp(self, *_):
        """Forward over reverse, eagerly."""
        mmad.hvp(self.function)(self.x, self.v)

    def peakmem_compiled_hvp(self, *_):
        """Recording, compiling, and two runs of the program."""
        product = mmad.compile(mmad.hvp(self.function))
        product(self.x, self.v)
        product(self.x, self.v)


@benchmark("Sparse Hessian")
class PeakOfHessian(Suite):
    """Detection, colouring, and two evaluations."""

    params = (1_000, 100_000)
    param_names = ("n",)

    def setup(self, n):
        instance = find_problem("rosenbrock").at(n)
        self.function, self.x = instance.make(np), instance.point

    def peakmem_hessian(self, n):
        """Eagerly."""
        hessian = mmad.hessian(self.function, sparse=True, mode="eager")
        hessian(self.x)
        hessian(self.x)

    def peakmem_compiled_hessian(self, n):
        """Compiled."""
        hessian = mmad.hessian(self.function, sparse=True, mode="compiled")
        hessian(self.x)
        hessian(self.x)
