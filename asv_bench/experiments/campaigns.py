"""Comparisons of contestants on problems, as `mmad bench` makes them: which ones."""

import math
import random
from time import perf_counter, process_time

import numpy as np

from mmad.bench import all_strategies, all_tools, find_problem, problem_names
from mmad.bench.campaign import Case, cases_of
from mmad.bench.campaign import run as measure_all
from mmad.bench.families import all_family_cases

__all__ = ["CAMPAIGNS", "tools_here"]

#: They compile, or take differences, for up to minutes a case: left out, or in one comparison only.
SLOW = ("torch-compile", "ddx", "pytensor", "numdifftools")
GROWTH = (
    "rosenbrock", "log-sum-exp", "black-scholes", "gaussian-mixture", "digits", "lennard-jones-chain", "lotka-volterra",
    "neural-ode",
)  # fmt: skip
GROWTH_TOOLS = ("mmad", "mmad-eager", "jax", "autograd", "torch", "torch-autograd", "casadi-sx", "handwritten", "numpy")
PASSES = (
    "digits", "gaussian-mixture", "diagonal-lstm", "lotka-volterra", "kalman-filter", "black-scholes", "rosenbrock",
    "fisher-equation",
)  # fmt: skip
PATIENCE = 15.0  # seconds of a first call, imports included: who takes longer is out
SLOW_ALLOWED = ("inductor",)  # campaigns in which a first call may take as long as it does
MANY = ("families",)  # campaigns of many cases: first calls are timed as they are checked; processor time
INDUCTOR = ("rosenbrock", "log-sum-exp", "digits", "gaussian-mixture")


def tools_here(names=None):
    """Return the tools that are installed, of these names if any are given."""
    return [t for name, t in all_tools().items() if t.is_installed and (name in names if names else name not in SLOW)]


def tools():
    """All tools on all problems, of the second of four sizes."""
    cases = cases_of([find_problem(name) for name in problem_names()], (2,))
    return random.Random(0).sample(cases, len(cases)), tools_here()  # what is done by any time is a fair sample


def growth():
    """Gradients and Hessian-vector products of some problems in four sizes."""
    products = ("gradient", "hvp")
    return cases_of([find_problem(name) for name in GROWTH], (1, 2, 3, 4), products), tools_here(GROWTH_TOOLS)


def passes():
    """Compiled gradients without one pass of the compiler, and without all."""
    strategies = all_strategies()
    names = [name for name in strategies if name.startswith("without-")]
    chosen = [strategies[name] for name in ("compile", *names)]
    return cases_of([find_problem(name) for name in PASSES], (2, 3), ("gradient",)), chosen


def inductor():
    """`torch.compile`, mmad and JAX, on few problems."""
    cases = [Case(find_problem(name), find_problem(name).sizes[2], "gradient") for name in INDUCTOR]
    return cases, tools_here(("mmad", "jax", "torch-compile", "numpy"))


def sparse():
    """Matrices with a pattern, in two sizes: mmad, asdex, JAX, CasADi.  asdex 0.5.2 needs a JAX before 0.12."""
    patterned = [p for p in map(find_problem, problem_names()) if p.is_sparse]
    cases = cases_of(patterned, (2, 3), ("jacobian", "hessian"))
    return cases, tools_here(("mmad", "mmad-eager", "asdex", "jax", "casadi-sx"))


def families():
    """Functions of NumPy and SciPy by family, beside JAX's, in a small and a large size."""
    cases = [case for size in (2, 1) for case in cases_of(all_family_cases(), (size,))]
    return cases, tools_here(("mmad", "jax"))


CAMPAIGNS = {
    "tools": tools, "growth": growth, "passes": passes, "inductor": inductor, "sparse": sparse, "families": families,
}  # fmt: skip
SKETCH = {"tools": 6, "growth": 3, "passes": 2, "inductor": 1, "sparse": 2, "families": 13}  # cases of a quick run


def run(name, quick, say=None, save=None, known=()):
    """Measure a campaign.

    Parameters
    ----------
    name : str
        Of `CAMPAIGNS`.
    quick : bool
        Few cases, rounds and contestants: that everything runs.
    say : callable, optional
        Called with a line before each case.
    save : callable, optional
        Called with all outcomes after each case.
    known : list of Outcome
        Outcomes of cases that are not measured again.

    Returns
    -------
    list of Outcome

    Raises
    ------
    ArithmeticError
        Where a contestant of mmad's own is wrong.
    """
    cases, contestants = CAMPAIGNS[name]()
    if quick:
        cases = cases[:: max(1, len(cases) // SKETCH[name])]
    begun = set()

    def progress(k, case, contestant):
        if say is not None and k not in begun:
            begun.add(k)
            say(f"{k + 1} of {len(cases)}: {case}")

    rounds, firsts = (1, 1) if quick else (5, 0 if name in MANY else 2)
    outcomes, _ = measure_all(
        cases,
        contestants,
        rounds=rounds,
        firsts=firsts,
        progress=progress,
        known=known,
        save=save,
        patience=math.inf if name in SLOW_ALLOWED else PATIENCE,
        clock=process_time if name in MANY else perf_counter,
    )
    ours = {"mmad", "mmad-eager", *all_strategies()}
    for outcome in outcomes:
        if outcome.status == "wrong" and outcome.contestant in ours and np.isfinite(outcome.error or np.inf):
            raise ArithmeticError(f"{outcome.contestant}: {outcome.problem}, {outcome.product}: {outcome.reason}")
    return outcomes
