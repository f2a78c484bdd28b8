"""Measure the peak memory of a contestant in a process of its own."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from mmad.bench.processes import environment_of_mmad
from mmad.bench.registry import all_strategies, all_tools, find_problem
from mmad.bench.user_function import UserProblem, keep, problem_in

__all__ = ["peak_memory", "resident_bytes"]

CODE = "import sys; from mmad.bench.memory import report; report(*sys.argv[1:])"


def resident_bytes(peak=False):
    """Return the resident memory of this process in bytes, now or at its peak.

    On Linux the value comes from /proc: the peak of getrusage begins at that of the parent process.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    field = "VmHWM:" if peak else "VmRSS:"
    return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith(field)))


def peak_memory(contestant, instance, product, timeout=None):
    """Return by how many bytes a process grows that prepares a contestant and runs it three times.

    Parameters
    ----------
    contestant : str
        The name of a tool or strategy of `mmad.bench`.
    instance : Instance
        An instance of a problem of `mmad.bench`, or of a function that was given by name.
    product : str
    timeout : float, optional
        The time limit in seconds.

    Returns
    -------
    int

    Raises
    ------
    NotImplementedError
        If the contestant cannot do the problem.
    RuntimeError
        If it fails, or if the process cannot find the problem.
    TimeoutError
        If the process takes longer than `timeout`.
    """
    with tempfile.TemporaryDirectory() as folder:
        problem = instance.problem.name
        if isinstance(instance.problem, UserProblem):
            problem = keep(instance.problem, folder)
        return _grown(contestant, instance, product, problem, timeout)


def _grown(contestant, instance, product, problem, timeout):
    """Start a process that measures a contestant, and return by how many bytes it grows."""
    size = json.dumps(instance.n)
    command = [sys.executable, "-c", CODE, contestant, problem, size, product]
    # Not in the caller's folder: it may hold a checkout of mmad that is not built.
    here = str(Path(__file__).parent.parent.parent)
    try:
        result = subprocess.run(
            command, cwd=here, env=environment_of_mmad(), capture_output=True, text=True, check=False, timeout=timeout
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{contestant} on {instance.name}: longer than {timeout:.0f} s") from error
    if result.returncode:
        line = (result.stderr.strip().splitlines() or ["no message"])[-1]
        refused = line.startswith("NotImplementedError")
        raise (NotImplementedError if refused else RuntimeError)(f"{contestant} on {instance.name}: {line}")
    return int(result.stdout.split()[-1])


def report(name, problem, size, product):
    """Measure a contestant in this process, and print by how many bytes the process grows."""
    n = json.loads(size)
    model = problem_in(problem) if Path(problem).is_dir() else find_problem(problem)
    instance = model.at(tuple(n) if isinstance(n, list) else n)
    contestant = {**all_strategies(), **all_tools()}[name]
    args = [instance.point, *([instance.direction] if product == "hvp" else [])]
    before = resident_bytes()
    runner = contestant.prepare(instance, product)
    given = [runner.arguments(arg) for arg in args]
    for _ in range(3):
        runner.run(*given)
    print(resident_bytes(peak=True) - before)
