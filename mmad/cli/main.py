"""Arguments, dispatch, and what a failure looks like.

A command raises `CommandError` for what the person at the terminal can mend.  It becomes one line on standard
error and exit status 2; ``--traceback`` shows where it came from.  Anything else is a defect of mmad and
keeps its traceback.
"""

import argparse
import os
import sys
import traceback

from mmad import __version__
from mmad.cli.errors import CommandError

__all__ = ["main"]

DESCRIPTION = """\
Exact derivatives of plain NumPy code.

Without a command, mmad runs train-digits: it trains a tanh network on real
handwritten digits with a Newton method that is fed by Hessian-vector products,
and reports how fast and how exact they were."""

EPILOG = """\
examples:
  mmad
      the demonstration, with its defaults
  mmad train-digits --hidden 64 --seed 1
      a wider network, another split
  mmad hvp model:loss --at x.npy --vector v.npy --out hv.npy
      H(x) v for the function `loss` in model.py
  mmad plan model:residuals --at x.npy --sparse
      how its Jacobian would be computed, and why; compare measures it"""

PLAN_DESCRIPTION = """\
Print how the Jacobian of FUNCTION at x, or the Hessian of one that returns a
number, is computed: sparsity pattern, bounds, candidates with predicted times,
the choice and why the others lost."""

COMPARE_DESCRIPTION = """\
Run all strategies for the Jacobian of FUNCTION at x, or the Hessian of one that
returns a number, and print time, memory, sweeps, error and prediction."""

CALIBRATE_DESCRIPTION = """\
Measure this machine for the planner's cost model, in about half a second, and
keep the result in the user's cache directory (or MMAD_CACHE)."""

BENCH_DESCRIPTION = """\
Compare strategies of mmad, and other tools that are installed, on problems with
known derivatives: right first, then the first call and later calls at new points
apart, in turns.  A function of your own takes part as MODULE:FUNCTION with --at.

With --out DIR, results.json keeps what was measured after each problem (and says
where: processor, versions, commit), results.csv has a line for each, and pictures
show performance profiles, time against size, and when a first call pays off."""

TRAIN_DESCRIPTION = """\
Train a tanh network (64 inputs, one hidden layer, 10 classes) on the 1797
handwritten digits that come with scikit-learn: full batch, softmax
cross-entropy with a small L2 penalty, weights as a dict of arrays, and a
trust-region Newton method of SciPy fed by mmad's Hessian-vector products.
Needs  pip install "mmad[demo]" .

Exit status 1: the network stayed under 95 % test accuracy, or the
Hessian-vector product disagrees with differences of the gradient."""

HVP_DESCRIPTION = """\
Write H(x) v, the Hessian of FUNCTION at x times the vector v, to a .npy file.

FUNCTION takes one floating-point array and returns one number; it is ordinary
NumPy code.  MODULE is imported with the current folder on the path.  The
output appears under its name only when it is complete; on any error nothing is
written and the exit status is 2."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def _natural(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative: {value}")
    return value


_positive.__name__ = _natural.__name__ = "integer"  # argparse names the type in its message


def _train(arguments):
    from mmad.cli.train import run

    return run(arguments)


def _hvp(arguments):
    from mmad.cli.hvp import run

    return run(arguments)


def _planner(arguments):
    from mmad.cli import plan

    return getattr(plan, arguments.command)(arguments)


def _bench(arguments):
    from mmad.cli.bench import run

    return run(arguments)


def _parser():
    raw = argparse.RawDescriptionHelpFormatter
    shared = _Parser(add_help=False)
    shared.add_argument("--traceback", action="store_true", help="on an error, show the Python traceback too")

    parser = _Parser(prog="mmad", description=DESCRIPTION, epilog=EPILOG, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"mmad {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    train = commands.add_parser(
        "train-digits",
        parents=[shared],
        formatter_class=raw,
        description=TRAIN_DESCRIPTION,
        help="train a network on handwritten digits by Hessian-vector products (the default)",
    )
    train.add_argument("--hidden", type=_positive, default=32, metavar="N", help="hidden units (default: 32)")
    train.add_argument(
        "--method",
        choices=["trust-krylov", "trust-ncg"],
        default="trust-krylov",
        help="SciPy's trust-region Newton method (default: trust-krylov)",
    )
    train.add_argument(
        "--max-iterations", type=_positive, default=200, metavar="N", help="stop after N steps (default: 200)"
    )
    train.add_argument(
        "--seed", type=_natural, default=0, metavar="N", help="seed of the split and the weights (default: 0)"
    )
    train.add_argument("--quiet", action="store_true", help="no progress bar")
    train.set_defaults(run=_train)

    hvp = commands.add_parser(
        "hvp",
        parents=[shared],
        formatter_class=raw,
        description=HVP_DESCRIPTION,
        help="write the Hessian-vector product of a function of your own",
    )
    hvp.add_argument("function", metavar="MODULE:FUNCTION", help="the function, for example model:loss")
    hvp.add_argument("--at", required=True, metavar="X.npy", help="the point x, a floating-point array")
    hvp.add_argument("--vector", required=True, metavar="V.npy", help="the vector v, of the shape of x")
    hvp.add_argument("--out", required=True, metavar="HV.npy", help="where H(x) v is written")
    hvp.set_defaults(run=_hvp)

    for name, description, text in (
        ("plan", PLAN_DESCRIPTION, "say how a Jacobian or Hessian is computed"),
        ("compare", COMPARE_DESCRIPTION, "run and measure all strategies for a Jacobian or Hessian"),
    ):
        plan = commands.add_parser(name, parents=[shared], formatter_class=raw, description=description, help=text)
        plan.add_argument("function", metavar="MODULE:FUNCTION", help="the function, for example model:loss")
        plan.add_argument("--at", required=True, metavar="X.npy", help="the point x, a floating-point array")
        plan.add_argument(
            "--product", choices=["jacobian", "hessian"],
            help="default: the Hessian of a function that returns a number, else the Jacobian",
        )  # fmt: skip
        plan.add_argument("--sparse", action="store_true", help="as a sparse matrix")
        plan.add_argument("--evaluations", type=_positive, metavar="N", help="how often it will be evaluated")
        plan.add_argument("--memory", metavar="SIZE", help="what it may take, as 500MB")
        plan.add_argument("--quiet", action="store_true", help="no progress bar")
        plan.set_defaults(run=_planner)

    bench = commands.add_parser(
        "bench", parents=[shared], formatter_class=raw, description=BENCH_DESCRIPTION,
        help="compare strategies and tools on problems",
    )  # fmt: skip
    bench.add_argument("problems", nargs="*", metavar="PROBLEM", help="default: all of them; or MODULE:FUNCTION")
    bench.add_argument("--list", action="store_true", help="name the problems, strategies and tools, and end")
    bench.add_argument("--strategies", nargs="+", metavar="NAME", help="default: auto, auto-often and compile; or all")
    bench.add_argument("--tools", nargs="+", metavar="NAME", help="default: none; or all that are installed")
    bench.add_argument(
        "--products", nargs="+", choices=["gradient", "hvp", "hessian", "jacobian"], metavar="PRODUCT",
        help="gradient, hvp, hessian or jacobian; default: what each problem is about",
    )  # fmt: skip
    bench.add_argument(
        "--sizes", nargs="+", type=int, choices=[1, 2, 3, 4], default=[1, 2], metavar="K",
        help="which of a problem's sizes, 1 (small) to 4 (large); default: 1 2",
    )  # fmt: skip
    bench.add_argument("--at", metavar="X.npy", help="the point of a function of your own")
    bench.add_argument("--rounds", type=_positive, default=7, metavar="N", help="timings of a later call (default: 7)")
    bench.add_argument("--time", metavar="DURATION", help="begin nothing new after it: 90s, 10m, 2h")
    bench.add_argument("--out", metavar="DIR", help="keep results and pictures there")
    bench.add_argument("--resume", action="store_true", help="go on with what --out holds")
    bench.add_argument("--quiet", action="store_true", help="no progress bar")
    bench.set_defaults(run=_bench)

    calibrate = commands.add_parser(
        "calibrate", parents=[shared], formatter_class=raw, description=CALIBRATE_DESCRIPTION,
        help="measure this machine for the planner's cost model",
    )  # fmt: skip
    calibrate.add_argument("--quiet", action="store_true", help="no progress bar")
    calibrate.set_defaults(run=_planner)
    return parser


def main(argv=None):
    """Run one command.

    Parameters
    ----------
    argv : list of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        The exit status: 0, or 1 where ``train-digits`` found its result wanting, or 2 after an error.

    Raises
    ------
    SystemExit
        Where argparse ends the program itself: after ``--help`` and on a wrong argument.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser().parse_args(argv or ["train-digits"])
    try:
        return arguments.run(arguments) or 0
    except CommandError as error:
        if arguments.traceback:
            traceback.print_exc()
        line = " ".join(str(error).split())
        print(f"mmad {arguments.command}: error: {line}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nmmad {arguments.command}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output (head, less) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
