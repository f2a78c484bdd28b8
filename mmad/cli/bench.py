"""``mmad bench``: compare strategies and tools on problems from the shell."""

import difflib
import re
import sys
from pathlib import Path
from time import perf_counter

import mmad.bench as bench
from mmad.bench.campaign import cases_of
from mmad.bench.campaign import run as measure_all
from mmad.bench.profiles import by_case
from mmad.bench.provenance import differences, provenance
from mmad.bench.results import duration, load, save, save_csv
from mmad.bench.user_function import problem_of
from mmad.bench.work import peaks
from mmad.cli.errors import CommandError
from mmad.cli.inputs import import_function, read_array, read_keywords, user_code
from mmad.cli.plan import progress
from mmad.python.named import one_line

__all__ = ["run"]

DEFAULT = ("auto", "auto-often", "compile")
INTERRUPTED = 130  # the exit status that a shell gives an interrupted command
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def run(arguments):
    """Measure, and print a table; if a folder is given, write results and pictures, also after an interruption."""
    if arguments.list:
        return show()
    problems = chosen_problems(arguments)
    contestants = chosen_contestants(arguments)
    cases = cases_of(problems, arguments.sizes, arguments.products)
    if not cases:
        raise CommandError("no problem has one of these sizes and products")
    seconds = seconds_of(arguments.time)
    known, where = earlier(arguments)
    resources = arguments.memory if arguments.memory is not None else arguments.out is not None
    where = where or provenance() | ({"peaks": peaks()} if resources else {})
    outcomes, left, interrupted = list(known), [], False

    def keep(found):
        outcomes[:] = found
        if arguments.out is not None:
            save(arguments.out, found, where)

    with user_code(), Bar(arguments.quiet, cases, contestants, known, seconds) as bar:
        try:
            found, left = measure_all(
                cases, contestants, known=known, seconds=seconds, rounds=arguments.rounds, progress=bar.turn, save=keep,
                resources=resources,
            )  # fmt: skip
            outcomes[:] = found
        except KeyboardInterrupt:
            interrupted = True
    wanted = {case.key for case in cases}
    if shown := [o for o in outcomes if (o.problem, o.product, o.n) in wanted]:
        print(table(shown))
    for case in left:
        print(f"not measured for lack of time: {case}", file=sys.stderr)
    if arguments.out is not None and outcomes:
        save_csv(arguments.out, outcomes)
        pictures(outcomes, arguments.out, where)
    if not interrupted:
        return 0
    print("\nmmad bench: interrupted", file=sys.stderr)
    if arguments.out is not None and outcomes:
        print(f"the results so far are in {arguments.out}; go on with --resume", file=sys.stderr)
    return INTERRUPTED


def earlier(arguments):
    """Return the outcomes in the folder --out and their provenance, to go on with; nothing without --resume."""
    if arguments.out is None:
        if arguments.resume:
            raise CommandError("--resume continues from the results in a folder: name it with --out")
        return [], {}
    if Path(arguments.out).exists() and not Path(arguments.out).is_dir():
        raise CommandError(f"--out {arguments.out} is not a folder")
    try:
        known, where = load(arguments.out)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise CommandError(f"the results in {arguments.out} cannot be read: {one_line(error)}") from error
    if known and not arguments.resume:
        raise CommandError(f"{arguments.out} holds results already; go on with --resume, or name another folder")
    changed = differences(where, provenance()) if where else []
    if changed:
        raise CommandError(f"{arguments.out} was measured with another {', '.join(changed)}: name another folder")
    return known, where


class Bar:
    """A progress bar over the measurements that remain, one step for each contestant and case, with the time left."""

    def __init__(self, quiet, cases, contestants, known, seconds):
        found = {}
        for outcome in known:
            found.setdefault((outcome.problem, outcome.product, outcome.n), set()).add(outcome.contestant)
        self.todo = [
            k for k, case in enumerate(cases) if not {c.name for c in contestants} <= found.get(case.key, set())
        ]
        self.names = [contestant.name for contestant in contestants]
        self.end = None if seconds is None else perf_counter() + seconds
        make = progress(quiet)
        self.bar = None if make is None else make(range(len(self.todo) * len(self.names)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()

    def turn(self, k, case, name):
        """Show that a contestant's turn begins."""
        if self.bar is None:
            return
        self.bar.n = self.todo.index(k) * len(self.names) + self.names.index(name)
        self.bar.set_description(f"{case}: {name}", refresh=False)
        if self.end is not None:
            self.bar.set_postfix_str(f"{max(self.end - perf_counter(), 0.0):.0f} s of --time left", refresh=False)
        self.bar.refresh()


def show():
    """Print the names and titles of all problems, strategies and tools."""
    tools = {t.name: t.title + " (not installed)" * (not t.is_installed) for t in bench.all_tools().values()}
    strategies = {name: strategy.title for name, strategy in bench.all_strategies().items()}
    problems = {problem.name: problem.title for problem in bench.all_problems()}
    for title, entries in (("problems", problems), ("strategies", strategies), ("tools", tools)):
        print(f"{title}:")
        for name, text in sorted(entries.items()):
            print(f"  {name:<32} {text}")


def chosen_problems(arguments):
    """Return the problems that the arguments name, including functions of the user's own."""
    problems = []
    for name in arguments.problems or bench.problem_names():
        if ":" in name:
            problems.append(user_problem(name, arguments))
            continue
        try:
            problems.append(bench.find_problem(name))
        except LookupError as error:
            raise CommandError(str(error)) from error
    return problems


def user_problem(name, arguments):
    """Return a function of the user's own as a problem."""
    if arguments.at is None:
        raise CommandError(f"{name} needs a point: --at X.npy")
    function, x = import_function(name), read_array(arguments.at, "--at")
    keywords = read_keywords(arguments.arg)
    try:
        with user_code():
            return problem_of(name, function, x, keywords=keywords, is_named=True)
    except AssertionError as error:
        raise CommandError(f"{name} cannot be compared: its derivatives disagree (see mmad check)") from error
    except Exception as error:
        raise CommandError(f"{name} cannot be compared: {one_line(error)}") from error


def chosen_contestants(arguments):
    """Return the strategies and tools that the arguments name; report tools that are not installed, and omit them."""
    strategies, tools = bench.all_strategies(), bench.all_tools()
    names = arguments.strategies if arguments.strategies is not None else () if arguments.tools else DEFAULT
    found = []
    for given, known, kind in ((names, strategies, "strategy"), (arguments.tools or (), tools, "tool")):
        for name in known if "all" in given else given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise CommandError(f"no {kind} {name!r}; {hint}mmad bench --list names them all")
            if kind == "tool" and not known[name].is_installed:
                print(f"{name} is not installed and is left out", file=sys.stderr)
                continue
            found.append(known[name])
    if not found:
        raise CommandError("nothing to compare: none of the tools is installed")
    return found


def seconds_of(text):
    """Return the seconds of a duration such as 90s, 10m or 2h."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None:
        raise CommandError(f"--time {text} is no duration such as 90s, 10m or 2h")
    return float(match[1]) * UNITS[match[2] or "s"]


def table(outcomes):
    """Return outcomes as text: a block for each case, the fastest later call first, then what failed and why."""
    best = {key: min(o.later.median for o in done.values()) for key, done in by_case(outcomes).items()}
    width = max((len(o.contestant) for o in outcomes), default=0) + 2
    has_memory = any(outcome.peak is not None for outcome in outcomes)
    lines, last = [], None

    def rank(outcome):
        return outcome.control, float("inf") if outcome.later is None else outcome.later.median

    keys = list(dict.fromkeys((o.problem, o.product, o.n) for o in outcomes))
    for outcome in sorted(outcomes, key=lambda o: (keys.index((o.problem, o.product, o.n)), rank(o))):
        key = outcome.problem, outcome.product, outcome.n
        if key != last:
            size = "-".join(map(str, key[2])) if isinstance(key[2], tuple) else key[2]
            heading = f"{key[0]}, {key[1]}, n = {size}"
            columns = f"{'later call':>10}  {'of best':>8}  {'first call':>10}" + f"  {'memory':>9}" * has_memory
            lines += ["" if lines else None, f"{heading:<{width + 2}}  {columns}"]
            last = key
        if outcome.status != "done":
            lines.append(f"  {outcome.contestant:<{width}}  {outcome.status}: {first_sentence(outcome.reason)}")
            continue
        ratio = outcome.later.median / best.get(key, outcome.later.median)
        name = outcome.contestant + " *" * outcome.control
        later, first = duration(outcome.later.median), duration(outcome.first.median)
        memory = "" if outcome.peak is None else f"  {outcome.peak / 1e6:>6.3g} MB"
        lines.append(f"  {name:<{width}}  {later:>10}  {ratio:>8.3g}  {first:>10}{memory}")
    if any(outcome.control for outcome in outcomes):
        lines.append("\n* the function itself, without a derivative")
    return "\n".join(line for line in lines if line is not None)


def first_sentence(text):
    """Return the first line of a reason, shortened if it is long."""
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= 90 else line[:87] + "..."


def pictures(outcomes, folder, where):
    """Draw pictures of the outcomes if matplotlib is installed."""
    try:
        from mmad.bench.figures import draw

        made = draw(outcomes, Path(folder), where)
    except ImportError:
        print("pictures need matplotlib: pip install matplotlib", file=sys.stderr)
        return
    print(f"\n{len(made)} pictures, results.json and results.csv are in {folder}")
