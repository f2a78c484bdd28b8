"""The tasks that every tool solves: one row for mmad against each of the others."""

from dataclasses import asdict

from measure import Job, compare
from report import Row, Task, duration

from mmad.bench import find_problem

__all__ = ["tasks"]

# What is asked: how many times the peer's time mmad's must fit in, by task and peer.
BARS = {
    "Lotka-Volterra, 500 RK4 steps over scalars, gradient": {"PyTorch": 30.0, "autograd": 150.0},
    "Rosenbrock n = 100, gradient": {"PyTorch": 2.5, "autograd": 5.0},
    "Rosenbrock n = 100, HVP": {"PyTorch": 8.0},
    "digits network 64-32-10, 1347 rows, gradient": {"PyTorch": 1.0},
    "digits network 64-32-10, 1347 rows, HVP": {"PyTorch": 1.25},
}


def tasks(quick, tools):
    """Gradients and Hessian-vector products of each problem."""
    rounds = 3 if quick else 25
    steps, rows = (20, 200) if quick else (500, 1347)
    ode, banana = find_problem("lotka-volterra").at(steps), find_problem("rosenbrock").at(100)
    ode_name = f"Lotka-Volterra, {steps} RK4 steps over scalars, gradient"
    found = [
        gradient_task(ode_name, ode, tools, min(rounds, 7)),
        gradient_task("Rosenbrock n = 100, gradient", banana, tools, rounds),
        hvp_task("Rosenbrock n = 100, HVP", banana, tools, rounds),
    ]
    if not quick:
        large = find_problem("rosenbrock").at(1_000_000)
        found.append(gradient_task("Rosenbrock n = 10^6, gradient", large, tools, 9))
        found.append(hvp_task("Rosenbrock n = 10^6, HVP", large, tools, 9))
    for hidden, examples in ((32, rows),) if quick else ((32, rows), (128, 1797)):
        network = find_problem("digits").at((hidden, examples))
        name = f"digits network 64-{hidden}-10, {examples} rows"
        found.append(gradient_task(f"{name}, gradient", network, tools, rounds))
        found.append(hvp_task(f"{name}, HVP", network, tools, rounds))
    return found


def gradient_task(name, problem, tools, rounds):
    def run():
        jobs = {tool.name: Job(tool.gradient(problem), tool.to_numpy) for tool in tools}
        return rows(name, compare(jobs, problem.gradient(problem.point), rounds))

    return Task(name, run)


def hvp_task(name, problem, tools, rounds):
    def run():
        jobs = {}
        for tool in tools:
            for way, call in tool.hvps(problem).items():
                jobs[f"{tool.name}, {way}" if way else tool.name] = Job(call, tool.to_numpy)
        return rows(name, compare(jobs, problem.hvp(problem.point, problem.direction), rounds))

    return Task(name, run)


def rows(name, timings):
    """mmad against each peer; then each other way that mmad offers, against mmad's first."""
    ours = timings["mmad"]
    found = []
    for peer, theirs in timings.items():
        if peer == "mmad":
            continue
        other_way = peer.startswith("mmad, ")
        task = f"{name}, {peer.removeprefix('mmad, ')}" if other_way else name
        ratio = ours.median / theirs.median if other_way else theirs.median / ours.median
        bar = BARS.get(name, {}).get(peer)
        met = None if bar is None else ratio >= bar
        found.append(
            Row(
                task,
                duration(theirs.median if other_way else ours.median),
                f"mmad alone {duration(ours.median)}" if other_way else f"{peer} {duration(theirs.median)}",
                f"{ratio:.2f}",
                "" if bar is None else f">= {bar:g}",
                met,
                {"mmad": asdict(ours), peer: asdict(theirs), "ratio": ratio},
            )
        )
    return found
