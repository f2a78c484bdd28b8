"""``mmad plan``, ``mmad compare`` and ``mmad calibrate``: the planner from the shell."""

import sys

import numpy as np

import mmad
from mmad.cli.errors import CommandError
from mmad.cli.hvp import describe, fails_alone, import_function, read_array
from mmad.planner.decision.calibration import cache_file
from mmad.planner.decision.calibration import calibrate as measure

__all__ = ["calibrate", "compare", "plan"]


def plan(arguments):
    """Print how the derivative would be computed."""
    derivative, x = planned(arguments)
    print(attempt(lambda: derivative.plan(x), derivative, x, arguments).explain())


def compare(arguments):
    """Run all strategies, and print what they took."""
    derivative, x = planned(arguments)
    print(attempt(lambda: derivative.compare(x, progress=progress(arguments.quiet)), derivative, x, arguments))


def calibrate(arguments):
    """Measure this machine."""
    for mode, c in measure(progress(arguments.quiet)).items():
        print(f"{mode}: {c.call:.2g} s a call, {c.number:.2g} s a number, {c.element:.2g} s an element")
    print(cache_file())


def planned(arguments):
    """The derivative function that the arguments describe, and the point."""
    x = read_array(arguments.at, "--at")
    function = import_function(arguments.function)
    product = arguments.product
    if product is None:
        value = attempt(lambda: function(x.copy()), function, x, arguments)
        product = "hessian" if np.shape(value) == () else "jacobian"
    operator = {"jacobian": mmad.jacobian, "hessian": mmad.hessian}[product]
    try:
        return operator(
            function, sparse=arguments.sparse, evaluations=arguments.evaluations, memory=arguments.memory
        ), x
    except ValueError as error:
        raise CommandError(str(error)) from error


def attempt(call, function, x, arguments):
    """Call; every failure becomes a `CommandError`."""
    try:
        return call()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        inner = getattr(function, "__wrapped__", function)
        verb = "raised" if fails_alone(inner, x) else "cannot be differentiated:"
        raise CommandError(f"{arguments.function} {verb} {describe(error)}") from error


def progress(quiet):
    """A progress bar on standard error, if there is a terminal and tqdm."""
    if quiet or not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return lambda steps: tqdm(steps, leave=False)
