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
    """Print how the derivative would be computed."""
    derivative, args, question = planned(arguments)
    made = attempt(lambda: derivative.plan(*args, **question.keywords), question)
    print(as_json(made.as_dict()) if arguments.json else made.explain())


def compare(arguments):
    """Run all strategies, and print what they took."""
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
    """Measure this machine."""
    for mode, c in measure(progress(arguments.quiet)).items():
        print(f"{mode}: {c.call:.2g} s a call, {c.number:.2g} s a number, {c.element:.2g} s an element")
    print(cache_file())


def planned(arguments):
    """Return the derivative function that the arguments describe, what it is called with, and the objective."""
    question = objective(arguments)
    product = arguments.product
    if product is None:
        product = "hessian" if is_number(attempt(question.value, question)) else "jacobian"
    along = ()
    if product == "hvp":
        along = (direction(arguments, question.x) if arguments.vector else np.ones_like(question.x),)
    return operator_of(product, question.function, arguments), (question.x, *along), question


def progress(quiet):
    """Return a progress bar on standard error, if there is a terminal and tqdm."""
    if quiet or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return lambda steps: tqdm(steps, leave=False)
