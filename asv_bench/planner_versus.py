"""Sparse Hessians and Jacobians by several tools, each as its users would call it many times at one shape."""

import numpy as np
from measure import Job, Timing, compare
from report import Row, Task, duration
from tools import Mmad, Tool

import mmad
from mmad.bench import find_problem

__all__ = ["SPARSE", "tasks"]


class PlannedMmad(Mmad):
    def hessian(self, problem):
        """A call that gives the sparse Hessian of a problem at its point."""
        derivative, point = mmad.hessian(problem.make(np), sparse=True, evaluations=1000), problem.point
        return lambda: derivative(point)

    def to_numpy(self, matrix):
        return _dense(matrix)


class Asdex(Tool):
    """asdex under `jax.jit`, in double precision; the argument lies on the device beforehand."""

    name = package = "asdex"

    def __init__(self):
        import asdex
        import jax

        self.asdex, self.jax = asdex, jax
        jax.config.update("jax_enable_x64", True)
        # Handing work to another thread and waiting for it would cost JAX some 10 us a call on one core.
        jax.config.update("jax_cpu_enable_async_dispatch", False)

    def hessian(self, problem):
        # Of its three modes the one that is fastest on these problems.
        derivative = self.asdex.hessian(problem.make(self.jax.numpy), problem.point, mode="rev_over_fwd")
        compiled, point = self.jax.jit(derivative), self.jax.numpy.asarray(problem.point)
        return lambda: self.jax.block_until_ready(compiled(point))

    def to_numpy(self, matrix):
        return np.asarray(matrix.todense())


class Casadi(Tool):
    """The graph of scalars or of matrices, whichever is faster here, called by its buffer interface."""

    name, package = "CasADi", "casadi"

    def __init__(self, symbols="MX"):
        self.symbols = symbols

    def hessian(self, problem):
        import casadi

        point = problem.point
        x = getattr(casadi, self.symbols).sym("x", point.size)
        # `sum` of a CasADi vector is not a method: the function of the benchmarks, written out in CasADi's words.
        value = casadi.sum1(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)
        hessian, _ = casadi.hessian(value, x)
        function = casadi.Function("h", [x], [hessian])
        entries = np.zeros(hessian.nnz())
        buffer, fill = function.buffer()
        buffer.set_arg(0, memoryview(point))
        buffer.set_res(0, memoryview(entries))
        columns, rows = hessian.sparsity().get_triplet()[::-1]

        def evaluate():
            fill()
            return entries, rows, columns, point.size

        evaluate.buffer = buffer  # the addresses in it do not keep the arrays alive
        return evaluate

    def to_numpy(self, result):
        entries, rows, columns, n = result
        dense = np.zeros((n, n))
        dense[rows, columns] = entries
        return dense


SPARSE = {"mmad": PlannedMmad, "casadi": Casadi, "asdex": Asdex}
BARS = {"CasADi": 1 / 3, "asdex": 1.0}


def tasks(quick, tools):
    return [
        Task("Rosenbrock Hessian", lambda: hessian_rows(200 if quick else 10_000, tools, 3 if quick else 21)),
        Task("arrowhead Jacobian", lambda: arrowhead_rows(50 if quick else 500, 3 if quick else 15)),
    ]


def hessian_rows(n, tools, rounds):
    """The sparse Hessian of the chained Rosenbrock function: compiled, later calls."""
    problem = find_problem("rosenbrock").at(n)
    small = find_problem("rosenbrock").at(60)
    for tool in tools:  # right where the matrix can be written down; at full size all tools' sums agree
        compare({tool.name: Job(tool.hessian(small), tool.to_numpy)}, small.hessian(small.point), 1)
    timings = compare({tool.name: Job(tool.hessian(problem), tool.to_numpy) for tool in tools}, None, rounds)
    found, ours = [], timings["mmad"]
    for tool in tools:
        if tool.name == "mmad":
            continue
        ratio, bar = ours.median / timings[tool.name].median, BARS[tool.name]
        found.append(
            Row(
                f"Rosenbrock n = {n}, sparse Hessian",
                duration(ours.median),
                f"{tool.name} {duration(timings[tool.name].median)}",
                f"{ratio:.2f}",
                f"<= {bar:.2f}",
                ratio <= bar,
                {"ratio": ratio, **{name: vars(t) for name, t in timings.items()}},
            )
        )
    return found


def _dense(matrix):
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def arrowhead_rows(n, rounds):
    """The arrowhead Jacobian by both sides, and by the better of one."""
    problem = find_problem("arrowhead").at(n)
    jobs = {}
    for strategy in ("auto", "columns", "rows", "forward", "reverse"):  # of one side, with colours and without
        dense = strategy in ("forward", "reverse")  # which are faster where the result is dense, too
        derivative = mmad.jacobian(problem.make(np), strategy=strategy, sparse=not dense, evaluations=1000)
        jobs[strategy] = Job(lambda d=derivative: d(problem.point), _dense)
        derivative(problem.point)
        if strategy == "auto":
            plan = derivative.plan(problem.point)
    timings: dict[str, Timing] = compare(jobs, problem.jacobian(problem.point), rounds)
    name, colors = f"arrowhead Jacobian n = {n}", plan.coloring
    one = min((s for s in timings if s != "auto"), key=lambda s: timings[s].median)
    ratio = timings["auto"].median / timings[one].median
    sweeps = f"{colors.row_count} VJP, {colors.column_count} JVP"
    return [
        Row(f"{name}, sweeps", sweeps, "", plan.strategy, "1 VJP, 2 JVP", sweeps == "1 VJP, 2 JVP"),
        Row(
            f"{name}, against one direction",
            duration(timings["auto"].median),
            f"by {one} {duration(timings[one].median)}",
            f"{ratio:.3f}",
            "<= 0.1",
            ratio <= 0.1,
            {"ratio": ratio, **{s: vars(t) for s, t in timings.items()}},
        ),
    ]
