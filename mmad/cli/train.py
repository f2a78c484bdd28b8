"""``mmad train-digits``: train the digits network with a Newton method that uses Hessian-vector products."""

import sys
from dataclasses import dataclass
from time import perf_counter

import numpy as np

import mmad
from mmad.cli import digits
from mmad.cli.errors import CommandError

__all__ = ["run"]

GRADIENT_TOLERANCE = 1e-5  # the loss starts near 2.4; a smaller gradient no longer changes a prediction
LEAST_ACCURACY = 0.95
# Central differences of step 1e-5 are off by some 1e-10 of H v, by truncation and by rounding alike.
DIFFERENCE_STEP, DIFFERENCE_TOLERANCE = 1e-5, 1e-7
REPEATS = 15  # timings in each median; they take little time compared with the training


@dataclass
class HvpCheck:
    """The check of an HVP at one point: its relative error against differences, and its time in gradients."""

    error: float
    fresh_ratio: float
    repeated_ratio: float


def run(arguments):
    """Train and print the table; return 1 if the accuracy is too low or the Hessian-vector product is wrong."""
    try:
        import scipy.optimize
        import sklearn.datasets  # noqa: F401
        import threadpoolctl
        import tqdm
    except ImportError as error:
        message = f'train-digits needs {error.name}, which is not installed: pip install "mmad[demo]"'
        raise CommandError(message) from error
    # On matrices this small a second BLAS thread gains nothing, and on a busy machine it made all five times
    # slower by its waiting.
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        return train(arguments, scipy.optimize.minimize, tqdm.tqdm)


def train(arguments, minimize, progress_bar):
    """Train, print the table and return the exit status, with SciPy's `minimize` and tqdm's progress bar."""
    from mmad.cli.objective import Objective

    x_train, x_test, y_train, y_test = digits.data(arguments.seed)
    targets = np.eye(digits.CLASSES)[y_train]

    def function(weights):
        return digits.loss(weights, x_train, targets)

    objective = Objective(function, digits.initial_weights(arguments.hidden, arguments.seed))
    print(
        f"digits: {len(x_train)} training rows, {len(x_test)} test rows; "
        f"network 64-{arguments.hidden}-10, {objective.start.size} weights; {arguments.method}"
    )
    started = perf_counter()
    with progress_bar(total=arguments.max_iterations, unit="step", disable=arguments.quiet) as bar:

        def progress(intermediate_result):
            bar.set_postfix(loss=f"{intermediate_result.fun:.4f}", hvps=objective.products.count, refresh=False)
            bar.update()

        result = minimize(
            objective.value_and_gradient,
            objective.start,
            method=arguments.method,
            jac=True,
            hessp=objective.product,
            callback=progress,
            options={"gtol": GRADIENT_TOLERANCE, "maxiter": arguments.max_iterations},
        )
    seconds = perf_counter() - started

    weights = objective.tree(result.x)
    accuracies = digits.accuracy(weights, x_train, y_train), digits.accuracy(weights, x_test, y_test)
    check = check_product(function, weights, arguments.seed)
    print(table(result, objective, seconds, accuracies, check))
    return verdict(accuracies[1], check)


def check_product(function, weights, seed):
    """Compare ``mmad.hvp`` with central differences of ``mmad.grad``, and time the two.

    Parameters
    ----------
    function : callable
        A function of a tree of arrays that returns a real scalar.
    weights : tree of ndarray
        The point.
    seed : int
        Seed of the direction, which has length 1.

    Returns
    -------
    HvpCheck
    """
    from optree.integrations.numpy import tree_ravel

    flat, tree = tree_ravel(weights)
    direction = np.random.default_rng(seed).normal(size=flat.size)
    direction /= np.linalg.norm(direction)
    vector = tree(direction)
    grad, hvp = mmad.grad(function), mmad.hvp(function)

    def gradient_at(step):
        return tree_ravel(grad(tree(flat + step * direction)))[0]

    exact = tree_ravel(hvp(weights, vector))[0]
    differences = (gradient_at(DIFFERENCE_STEP) - gradient_at(-DIFFERENCE_STEP)) / (2 * DIFFERENCE_STEP)
    error = np.linalg.norm(exact - differences) / np.linalg.norm(differences)

    _, hessian = mmad.linearize(grad, weights)
    jobs = [lambda: grad(weights), lambda: hvp(weights, vector), lambda: hessian(vector)]
    gradient_time, fresh, repeated = interleaved_medians(jobs)
    return HvpCheck(float(error), fresh / gradient_time, repeated / gradient_time)


def interleaved_medians(jobs):
    """Return the median seconds of each job; the jobs take turns, so a slow spell of the machine affects all."""
    times = np.empty((REPEATS, len(jobs)))
    for repeat in range(REPEATS):
        for column, job in enumerate(jobs):
            start = perf_counter()
            job()
            times[repeat, column] = perf_counter() - start
    return np.median(times, axis=0)


def table(result, objective, seconds, accuracies, check):
    """Return the report as text, one aligned line for each result."""
    ended = "converged" if result.success else result.message
    rows = [
        ("loss", f"{result.fun:.6f}"),
        ("gradient norm", f"{np.linalg.norm(result.jac):.2e}"),
        ("train accuracy", f"{accuracies[0]:.2%}"),
        ("test accuracy", f"{accuracies[1]:.2%}"),
        ("iterations", f"{result.nit} in {seconds:.1f} s ({ended})"),
        ("gradients", f"{objective.gradients.count}, {objective.gradients.milliseconds_each:.2f} ms each"),
        ("HVPs", f"{objective.products.count}, {objective.products.milliseconds_each:.2f} ms each"),
        ("HVP against differences", f"{check.error:.1e} relative error"),
        (
            "HVP/gradient time",
            f"{check.fresh_ratio:.2f} alone, {check.repeated_ratio:.2f} for further ones at a point",
        ),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)


def verdict(accuracy, check):
    """Return the exit status; print a line on standard error for each failed check."""
    wrong = []
    if not accuracy >= LEAST_ACCURACY:
        wrong.append(f"test accuracy {accuracy:.2%} is under {LEAST_ACCURACY:.0%}")
    if not check.error <= DIFFERENCE_TOLERANCE:
        wrong.append(f"the HVP is off by {check.error:.1e} from differences of the gradient")
    for line in wrong:
        print(f"mmad train-digits: {line}", file=sys.stderr)
    return 1 if wrong else 0
