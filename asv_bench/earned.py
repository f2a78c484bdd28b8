"""What parts of the planner earn that choices do without: each part taken out, and what that costs.

python asv_bench/earned.py colours         searches for colourings with a colour less
python asv_bench/earned.py races           races of candidates whose prices are close
python asv_bench/earned.py calibration     coefficients measured on this machine
"""

import sys
from time import process_time

import numpy as np
from experiments import regret

import mmad
from mmad.planner import planned, racing
from mmad.planner.coloring import coloring
from mmad.planner.decision import calibration, cost

LONGEST = 10_000  # unknowns of the problems that coefficients are judged by


def brusselator(n):
    """The pattern of a reaction and diffusion of two species on n x n points, periodic."""
    at = np.arange(n * n).reshape(n, n)
    near = [at, np.roll(at, 1, 0), np.roll(at, -1, 0), np.roll(at, 1, 1), np.roll(at, -1, 1)]
    rows = [np.tile(at.ravel(), 6) + k * n * n for k in range(2)]
    columns = [np.concatenate([*[v.ravel() + k * n * n for v in near], at.ravel() + (1 - k) * n * n]) for k in range(2)]
    return mmad.Pattern.from_coordinates(np.concatenate(rows), np.concatenate(columns), (2 * n * n,) * 2)


def colours():
    """Colours and milliseconds of colouring, with and without exchange."""
    tries = coloring._tries
    found = []
    for n in range(4, 41):
        pattern, row = brusselator(n), []
        for left_out in ("", "exchange"):
            coloring._tries = lambda *a, left_out=left_out: (t for t in tries(*a) if t[0] != left_out)
            start = process_time()
            row += [coloring.column_coloring(pattern).count, 1e3 * (process_time() - start)]
        found.append(row)
        print(f"brusselator {n} x {n}: {row[0]} colours, {row[1]:.1f} ms; without {row[2]}, {row[3]:.1f} ms")
    coloring._tries = tries
    found = np.array(found)
    fewer = (found[:, 0] < found[:, 2]).sum()
    a, ms, b, others = found.mean(0)
    print(f"fewer in {fewer} of {len(found)}; {a:.2f} instead of {b:.2f} in the mean, {ms:.1f} and {others:.1f} ms")


def races():
    """Plans in which a race chose another candidate than the prices, and what that was faster by."""
    times, run = [], racing.Race.__call__

    def noted(self, candidate):
        seconds = run(self, candidate)
        times.append((candidate, seconds))
        return seconds

    racing.Race.__call__ = noted
    plans, raced, gains = 0, 0, []
    for cell in regret.cells(False):
        for evaluations in (10, 1000, 100_000):
            times.clear()
            plan = cell.derivative(evaluations=evaluations).plan(cell.point)
            plans, raced = plans + 1, raced + bool(times)
            if not times:
                continue
            first, chosen = times[0][0], (plan.strategy, plan.mode)
            if (first.strategy, first.mode) != chosen:
                gains.append(times[0][1] / next(t for c, t in times if (c.strategy, c.mode) == chosen))
                print(f"{cell.name}, {evaluations}: {chosen} instead of {first.strategy, first.mode}, {gains[-1]:.2f}")
    mean = np.exp(np.mean(np.log(gains)))
    print(f"{plans} plans, {raced} raced, {len(gains)} changed; faster by {mean:.2f} (mean), {max(gains):.2f} (most)")


def calibrated():
    """Regret of plans by the coefficients that are built in, and by those measured here; planning left out."""
    known = {"built in": cost.EAGER_AND_COMPILED, "measured": calibration.measure()}
    regrets = {(name, e): [] for name in known for e in regret.EVALUATIONS}
    for cell in regret.cells(False):
        if cell.size > LONGEST:
            continue
        contestants = regret.timed(cell, regret.forced(cell), 3)
        for e in regret.EVALUATIONS:
            costs = {(c.options["strategy"], c.options["mode"]): c.cost(e) for c in contestants}
            for name, coefficients in known.items():
                planned.coefficients = racing.coefficients = lambda coefficients=coefficients: coefficients
                plan = cell.derivative(evaluations=e).plan(cell.point)
                taken = costs.get((plan.strategy, plan.mode))
                if taken is not None:
                    regrets[name, e].append(max(1.0, taken / min(costs.values())))
    for (name, e), found in regrets.items():
        mean = np.exp(np.mean(np.log(found)))
        print(f"{name}, E = {e}: {len(found)} plans, regret {mean:.3f} in the mean, at most {max(found):.2f}")


if __name__ == "__main__":
    {"colours": colours, "races": races, "calibration": calibrated}[sys.argv[1]]()
