"""Declare the commands, their arguments, and the text of ``--help``."""

import argparse

from mmad import __version__
from mmad.cli import commands as run
from mmad.planner.decision.task import COLORED, DENSE, MODES, STRUCTURED

__all__ = ["FILE", "parser"]

DESCRIPTION = """\
Exact derivatives of plain NumPy code.

Without a command, mmad runs train-digits: it trains a tanh network on real
handwritten digits with a Newton method that uses Hessian-vector products, and
reports how fast and how exact these were."""

EPILOG = """\
examples:
  mmad
      the demonstration, with its defaults
  mmad grad ./model.py:loss --at x.npy --out g.npy
      the gradient of the function `loss` in model.py at the point in x.npy
  mmad hvp model:loss --at x.npy --vector v.npy --out hv.npy
      H(x) v for the function `loss` of the module `model`
  mmad plan model:residuals --at x.npy --sparse
      how its Jacobian would be computed, and why; `mmad compare` measures that
  mmad bench model:loss --at x.npy --out results
      measure every way to differentiate it, and draw pictures"""

FUNCTION = """\
FUNCTION is ordinary NumPy code; its first argument is one floating-point array,
the point.  It is named by its module, which is imported with the current folder
on the path, or by its file.  What it prints goes to standard error."""

DERIVATIVES = {
    "grad": (
        "write the gradient of a function of your own",
        "Write the gradient of FUNCTION, which returns one number, at x.",
        "mmad grad ./model.py:loss --at x.npy --out g.npy",
    ),
    "hvp": (
        "write the Hessian-vector product of a function of your own",
        "Write H(x) v, the Hessian of FUNCTION at x times the vector v.\nFUNCTION returns one number.",
        "mmad hvp model:loss --at x.npy --vector v.npy --out hv.npy",
    ),
    "jacobian": (
        "write the Jacobian of a function of your own",
        "Write the Jacobian of FUNCTION, which returns an array, at x: of the shape of\n"
        "the result followed by that of x, or with --sparse a matrix as .npz.",
        "mmad jacobian ./model.py:residuals --at x.npy --sparse --out jacobian.npz",
    ),
    "hessian": (
        "write the Hessian of a function of your own",
        "Write the Hessian of FUNCTION, which returns one number, at x: of the shape of x\n"
        "twice, or with --sparse a matrix as .npz.",
        "mmad hessian ./model.py:loss --at x.npy --strategy star --out h.npy",
    ),
}

OUTPUT = """\
The result is written to --out, a .npy file that appears under its name only when
it is complete, or printed with --json.  On any error nothing is written and the
exit status is 2."""

SPARSITY = """\
Say where the Hessian of FUNCTION at x may be nonzero, or the Jacobian of one that
returns an array.  With --out, the pattern is written as a sparse matrix (.npz,
read by scipy.sparse.load_npz) or drawn (.svg)."""

CHECK = """\
Check the derivatives of FUNCTION at x: forward and reverse mode against
differences, and against each other.  Exit status 1: they disagree, because the
function has a kink at x, say, or because a custom derivative rule is wrong."""

PLAN = """\
Print how the Jacobian of FUNCTION at x, or the Hessian of one that returns a
number, is computed: sparsity pattern, bounds, candidates with predicted times,
the choice and why the others lost."""

COMPARE = """\
Run all strategies for the Jacobian of FUNCTION at x, or the Hessian of one that
returns a number, and print time, memory, sweeps, error and prediction."""

CALIBRATE = """\
Measure this machine for the planner's cost model, in about half a second, and
keep the result in the user's cache directory (or MMAD_CACHE)."""

BENCH = """\
Compare strategies of mmad, and other tools that are installed, on problems with
known derivatives.  Results are checked first; then first calls, and later calls at
new points, are timed separately, in turns.  Give a function of your own as
MODULE:FUNCTION or FILE.py:FUNCTION, with --at.

With --out DIR, results are saved to results.json after each problem, together with
processor, versions and commit; results.csv has a line for each result, and pictures
show performance profiles, time against size, memory and arithmetic intensity, and
when a first call pays off.  An interruption keeps the results so far."""

BENCH_EXAMPLES = """\
examples:
  mmad bench rosenbrock bratu --sizes 1 2 3 --tools all --out results
      the default strategies and all tools that are installed
  mmad bench ./model.py:loss --at x.npy --strategies all --out results --time 10m
      a function of your own, for ten minutes; go on with --resume"""

TRAIN = """\
Train a tanh network (64 inputs, one hidden layer, 10 classes) on the 1797
handwritten digits that come with scikit-learn: full batch, softmax
cross-entropy with a small L2 penalty, weights as a dict of arrays, and one of
SciPy's trust-region Newton methods with mmad's Hessian-vector products.
Needs  pip install "mmad[demo]" .

Exit status 1: the network stayed under 95 % test accuracy, or the
Hessian-vector product disagrees with differences of the gradient."""

COMPLETION = """\
Print a script that completes commands, options and names in a shell.  The command
needs  pip install "mmad[completion]" ; the script does not."""

COMPLETION_EXAMPLES = """\
examples:
  mmad completion bash > ~/.local/share/bash-completion/completions/mmad
  mmad completion zsh > ~/.zfunc/_mmad      # with ~/.zfunc in fpath, before compinit"""

#: The functions with which each shell completes the name of a file, for shtab.
FILE = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}

RAW = argparse.RawDescriptionHelpFormatter


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {value}")
    return value


def natural(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative: {value}")
    return value


def named_file(text):
    name, equals, file = text.partition("=")
    if not (name.isidentifier() and equals and file):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=FILE")
    return name, file


positive.__name__ = natural.__name__ = "integer"  # argparse names the type in its message


def example(*lines):
    """Return the examples at the end of a command's help."""
    return "\n".join(["example:", *(f"  {line}" for line in lines)])


def strategies(*products):
    """Return the names of the planner's strategies for the given products."""
    kinds = (table[product] for product in products for table in (DENSE, COLORED, STRUCTURED))
    return ["auto", *dict.fromkeys(name for kind in kinds for name in kind)]


def add_file(group, *names, **options):
    """Add an argument whose value is the name of a file."""
    group.add_argument(*names, **options).complete = FILE


def objective_options():
    """Return the parser of the arguments that all commands on a function of the user's own share."""
    shared = _Parser(add_help=False)
    add_file(shared, "function", metavar="FUNCTION", help="MODULE:FUNCTION or FILE.py:FUNCTION, as in ./model.py:loss")
    add_file(shared, "--at", required=True, metavar="X.npy", help="the point x, a floating-point array; - to read it")
    add_file(
        shared, "--arg", action="append", default=[], type=named_file, metavar="NAME=FILE",
        help="another argument of the function, by name, as a .npy file; it is a constant; may be repeated",
    )  # fmt: skip
    shared.add_argument("--json", action="store_true", help="print JSON")
    return shared


def planner_options(*products):
    """Return the parser of the options that say how a derivative is computed."""
    shared = _Parser(add_help=False)
    shared.add_argument(
        "--strategy", choices=strategies(*products), default="auto", metavar="NAME",
        help=f"how it is computed: {', '.join(strategies(*products))} (default: auto)",
    )  # fmt: skip
    shared.add_argument(
        "--mode", choices=MODES, default="auto", help="whether the derivative is compiled (default: auto)"
    )
    shared.add_argument("--evaluations", type=positive, metavar="N", help="how often it will be evaluated")
    shared.add_argument("--memory", metavar="SIZE", help="memory that it may take, such as 500MB")
    return shared


def add_out(command, text):
    add_file(command, "--out", metavar="FILE", help=f"{text}; - for standard output")


def add_derivatives(add, shared, of_function):
    """Add the commands that write derivatives, find their sparsity or check them."""
    for name, (title, description, shown) in DERIVATIVES.items():
        command = add(
            name, [shared, of_function, planner_options(name)], title,
            f"{description}\n\n{FUNCTION}\n\n{OUTPUT}", example(shown),
        )  # fmt: skip
        if name == "hvp":
            add_file(command, "--vector", required=True, metavar="V.npy", help="the vector v, of the shape of x")
        if name in ("jacobian", "hessian"):
            command.add_argument("--sparse", action="store_true", help="as a sparse matrix")
        add_out(command, "where the result is written")
        command.set_defaults(run=run.derivative, sparse=False)

    sparsity = add(
        "sparsity", [shared, of_function], "say where a Jacobian or Hessian may be nonzero",
        f"{SPARSITY}\n\n{FUNCTION}", example("mmad sparsity ./model.py:loss --at x.npy --out pattern.svg"),
    )  # fmt: skip
    sparsity.add_argument("--order", type=int, choices=[1, 2], help="1: the Jacobian; 2: the Hessian")
    add_out(sparsity, "where the pattern is written, .npz or .svg")
    sparsity.set_defaults(run=run.sparsity)

    check = add(
        "check", [shared, of_function], "check the derivatives of a function of your own", f"{CHECK}\n\n{FUNCTION}",
        example("mmad check ./model.py:loss --at x.npy"),
    )  # fmt: skip
    check.add_argument("--order", type=int, choices=[1, 2], default=2, help="highest order (default: 2)")
    check.add_argument(
        "--reference", choices=["differences", "extended", "complex step"], default="differences",
        help="what the derivatives are compared with (default: differences)",
    )  # fmt: skip
    check.set_defaults(run=run.check)


def add_planner(add, shared, of_function):
    """Add ``mmad plan`` and ``mmad compare``."""
    products = ("grad", "hvp", "jacobian", "hessian")
    for name, description, title in (
        ("plan", PLAN, "say how a derivative is computed"),
        ("compare", COMPARE, "run and measure all strategies for a derivative"),
    ):
        command = add(
            name, [shared, of_function, planner_options(*products)], title, f"{description}\n\n{FUNCTION}",
            example(f"mmad {name} ./model.py:residuals --at x.npy --sparse --evaluations 1000"),
        )  # fmt: skip
        command.add_argument(
            "--product", choices=products, metavar="PRODUCT",
            help="grad, hvp, jacobian or hessian; default: the Hessian of a function that returns a number, else the "
            "Jacobian",
        )  # fmt: skip
        add_file(command, "--vector", metavar="V.npy", help="of a Hessian-vector product (default: ones)")
        command.add_argument("--sparse", action="store_true", help="as a sparse matrix")
        command.add_argument("--quiet", action="store_true", help="no progress bar")
        if name == "compare":
            add_file(command, "--plot", metavar="FILE", help="draw the comparison, as .svg or .png; needs matplotlib")
        command.set_defaults(run=run.planner)


def add_bench(add, shared):
    """Add ``mmad bench``."""
    bench = add("bench", [shared], "compare strategies and tools on problems", BENCH, BENCH_EXAMPLES)
    add_file(
        bench, "problems", nargs="*", metavar="PROBLEM",
        help="default: all of them; or MODULE:FUNCTION, FILE.py:FUNCTION",
    )  # fmt: skip
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
    add_file(bench, "--at", metavar="X.npy", help="the point of a function of your own")
    add_file(
        bench, "--arg", action="append", default=[], type=named_file, metavar="NAME=FILE",
        help="another argument of a function of your own, by name; may be repeated",
    )  # fmt: skip
    bench.add_argument("--rounds", type=positive, default=7, metavar="N", help="timings of a later call (default: 7)")
    bench.add_argument("--time", metavar="DURATION", help="stop after it: 90s, 10m, 2h")
    bench.add_argument(
        "--memory", action=argparse.BooleanOptionalAction, default=None,
        help="measure memory too, each in a process of its own, and count operations; default: with --out",
    )  # fmt: skip
    add_file(bench, "--out", metavar="DIR", help="keep results and pictures there")
    bench.add_argument("--resume", action="store_true", help="continue from the results in --out")
    bench.add_argument("--quiet", action="store_true", help="no progress bar")
    bench.set_defaults(run=run.bench)


def add_train(add, shared):
    """Add ``mmad train-digits``."""
    train = add(
        "train-digits", [shared], "train a network on handwritten digits by Hessian-vector products (the default)",
        TRAIN, example("mmad train-digits --hidden 64 --seed 1"),
    )  # fmt: skip
    train.add_argument("--hidden", type=positive, default=32, metavar="N", help="hidden units (default: 32)")
    train.add_argument(
        "--method", choices=["trust-krylov", "trust-ncg"], default="trust-krylov",
        help="SciPy's trust-region Newton method (default: trust-krylov)",
    )  # fmt: skip
    train.add_argument(
        "--max-iterations", type=positive, default=200, metavar="N", help="stop after N steps (default: 200)"
    )
    train.add_argument(
        "--seed", type=natural, default=0, metavar="N", help="seed of the split and the weights (default: 0)"
    )
    train.add_argument("--quiet", action="store_true", help="no progress bar")
    train.set_defaults(run=run.train)


def parser():
    """Return the parser of the command ``mmad``."""
    top = _Parser(prog="mmad", description=DESCRIPTION, epilog=EPILOG, formatter_class=RAW)
    top.add_argument("--version", action="version", version=f"mmad {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def add(name, parents, title, description, epilog):
        return commands.add_parser(
            name, parents=parents, formatter_class=RAW, help=title, description=description, epilog=epilog
        )

    shared, of_function = _Parser(add_help=False), objective_options()
    shared.add_argument("--traceback", action="store_true", help="on an error, show the Python traceback too")
    add_train(add, shared)
    add_derivatives(add, shared, of_function)
    add_planner(add, shared, of_function)
    add_bench(add, shared)
    calibrate = add(
        "calibrate", [shared], "measure this machine for the planner's cost model", CALIBRATE,
        example("mmad calibrate"),
    )  # fmt: skip
    calibrate.add_argument("--quiet", action="store_true", help="no progress bar")
    calibrate.set_defaults(run=run.planner)
    completion = add(
        "completion", [shared], "print a script that completes mmad's arguments in a shell", COMPLETION,
        COMPLETION_EXAMPLES,
    )  # fmt: skip
    completion.add_argument("shell", choices=["bash", "zsh", "tcsh"], help="which shell")
    completion.set_defaults(run=run.completion)
    return top
