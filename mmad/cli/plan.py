"""``mmad plan``, ``mmad compare`` and ``mmad calibrate``: the planner from the shell."""

import sys

import numpy as np

from mmad.cli.derivatives import direction, operator_of
from mmad.cli.errors import CommandError
from mmad.cli.inputs import attempt, objective
from mmad.cli.outputs import as_json
from mmad.planner.decision.calibration import cache_file
from mmad.planner.decision.calibration import calibrate as measure
from mmad.python.kinds import is_number

__all__ = ["calibrate", "compare", "plan", "progress"]


def plan(arguments):
    """Print the plan for a derivative."""
    derivative, args, question = planned(arguments)
    made = attempt(lambda: derivative.plan(*args, **question.keywords), question)
    print(as_json(made.as_dict()) if arguments.json else made.explain())


def compare(arguments):
    """Run and measure all strategies for a derivative; print and draw the comparison."""
    derivative, args, question = planned(arguments)
    bar = progress(arguments.quiet)
    made = attempt(lambda: derivative.compare(*args, progress=bar, **question.keywords), question)
    if arguments.plot is not None:
        try:
            import matplotlib

            matplotlib.use("Agg")
            axes = made.plot()
            axes.figure.savefig(arguments.plot)
            matplotlib.pyplot.close(axes.figure)
        except (ImportError, ValueError, OSError) as error:
            raise CommandError(f"--plot {arguments.plot}: {error}") from error
    print(as_json(made.as_dict()) if arguments.json else made)


def calibrate(arguments):
    """Measure the coefficients of the cost model on this machine; print them and the file that holds them."""
    for mode, c in measure(progress(arguments.quiet)).items():
        print(f"{mode}: {c.call:.2g} s a call, {c.number:.2g} s a number, {c.element:.2g} s an element")
    print(cache_file())


def planned(arguments):
    """Return the derivative function that the arguments describe, the arguments to call it with, and the objective."""
    question = objective(arguments)
    product = arguments.product
    if product is None:
        product = "hessian" if is_number(attempt(question.value, question)) else "jacobian"
    along = ()
    if product == "hvp":
        along = (direction(arguments, question.x) if arguments.vector else np.ones_like(question.x),)
    return operator_of(product, question.function, arguments), (question.x, *along), question


def progress(quiet):
    """Return a function that shows a progress bar on standard error; None without a terminal or without tqdm."""
    if quiet or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return lambda steps: tqdm(steps, leave=False)
