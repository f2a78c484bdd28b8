"""``mmad bench``: strategies and tools, compared on problems from the shell."""

import re
import sys
from pathlib import Path

import mmad.bench as bench
from mmad.bench.campaign import cases_of
from mmad.bench.campaign import run as measure_all
from mmad.bench.profiles import by_case
from mmad.bench.provenance import differences, provenance
from mmad.bench.results import duration, load, save, save_csv
from mmad.bench.user_function import problem_of
from mmad.cli.errors import CommandError
from mmad.cli.inputs import import_function, read_array
from mmad.cli.plan import progress
from mmad.python.named import one_line

__all__ = ["run"]

DEFAULT = ("auto", "auto-often", "compile")
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def run(arguments):
    """Measure, and print a table; write results and pictures where a folder is given."""
    if arguments.list:
        return show()
    problems = chosen_problems(arguments)
    contestants = chosen_contestants(arguments)
    cases = cases_of(problems, arguments.sizes, arguments.products)
    if not cases:
        raise CommandError("no problem has one of these sizes and products")
    seconds = seconds_of(arguments.time)
    known, where = load(arguments.out) if arguments.out and arguments.resume else ([], {})
    if arguments.out and not arguments.resume and load(arguments.out)[0]:
        raise CommandError(f"{arguments.out} holds results already; go on with --resume, or name another folder")
    here = provenance()
    changed = differences(where, here) if where else []
    if changed:
        raise CommandError(f"{arguments.out} was measured with another {', '.join(changed)}: name another folder")
    where = where or here
    keep = None if arguments.out is None else lambda outcomes: save(arguments.out, outcomes, where)
    bar = progress(arguments.quiet)
    steps = None if bar is None else bar(range(len(cases) * len(contestants)))

    def turn(k, case, name):
        steps.set_description(f"{case}: {name}", refresh=False)
        steps.update()

    try:
        outcomes, left = measure_all(
            cases, contestants, known=known, seconds=seconds, rounds=arguments.rounds,
            progress=None if steps is None else turn, save=keep,
        )  # fmt: skip
    except KeyboardInterrupt:
        if arguments.out is not None:
            print(f"\nwhat was measured is in {arguments.out}; go on with --resume", file=sys.stderr)
        raise
    finally:
        if steps is not None:
            steps.close()
    wanted = {case.key for case in cases}
    print(table([o for o in outcomes if (o.problem, o.product, o.n) in wanted]))
    for case in left:
        print(f"not begun for lack of time: {case}", file=sys.stderr)
    if arguments.out is not None:
        save_csv(arguments.out, outcomes)
        pictures(outcomes, arguments.out)
    return 0


def show():
    """Print what there is."""
    tools = {t.name: t.title + " (not installed)" * (not t.is_installed) for t in bench.all_tools().values()}
    strategies = {name: strategy.title for name, strategy in bench.all_strategies().items()}
    problems = {problem.name: problem.title for problem in bench.all_problems()}
    for title, entries in (("problems", problems), ("strategies", strategies), ("tools", tools)):
        print(f"{title}:")
        for name, text in sorted(entries.items()):
            print(f"  {name:<32} {text}")


def chosen_problems(arguments):
    """The problems that the arguments name, a function of the user's own among them."""
    problems = []
    for name in arguments.problems or bench.problem_names():
        if ":" in name:
            problems.append(user_problem(name, arguments.at))
            continue
        try:
            problems.append(bench.find_problem(name))
        except LookupError as error:
            raise CommandError(str(error)) from error
    return problems


def user_problem(name, at):
    """A function of the user's own as a problem."""
    if at is None:
        raise CommandError(f"{name} needs a point: --at X.npy")
    function, x = import_function(name), read_array(at, "--at")
    try:
        return problem_of(name, function, x)
    except Exception as error:
        raise CommandError(f"{name} cannot be compared: {one_line(error)}") from error


def chosen_contestants(arguments):
    """Strategies and tools by name; tools that are not installed are named and left out."""
    strategies, tools = bench.all_strategies(), bench.all_tools()
    names = arguments.strategies if arguments.strategies is not None else () if arguments.tools else DEFAULT
    found = []
    for given, known, kind in ((names, strategies, "strategy"), (arguments.tools or (), tools, "tool")):
        for name in known if "all" in given else given:
            if name not in known:
                raise CommandError(f"no {kind} {name!r}; mmad bench --list names them all")
            if kind == "tool" and not known[name].is_installed:
                print(f"{name} is not installed and is left out", file=sys.stderr)
                continue
            found.append(known[name])
    if not found:
        raise CommandError("nothing to compare: none of the tools is installed")
    return found


def seconds_of(text):
    """Seconds of a duration such as 90s, 10m or 2h."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None:
        raise CommandError(f"--time {text} is no duration such as 90s, 10m or 2h")
    return float(match[1]) * UNITS[match[2] or "s"]


def table(outcomes):
    """Outcomes as text: a block for each case, the fastest later call first, then what was not done and why."""
    best = {key: min(o.later.median for o in done.values()) for key, done in by_case(outcomes).items()}
    width = max((len(o.contestant) for o in outcomes), default=0) + 2
    lines, last = [], None

    def rank(outcome):
        return outcome.control, float("inf") if outcome.later is None else outcome.later.median

    keys = list(dict.fromkeys((o.problem, o.product, o.n) for o in outcomes))
    for outcome in sorted(outcomes, key=lambda o: (keys.index((o.problem, o.product, o.n)), rank(o))):
        key = outcome.problem, outcome.product, outcome.n
        if key != last:
            size = "-".join(map(str, key[2])) if isinstance(key[2], tuple) else key[2]
            heading = f"{key[0]}, {key[1]}, n = {size}"
            columns = f"{'later call':>10}  {'of best':>8}  {'first call':>10}"
            lines += ["" if lines else None, f"{heading:<{width + 2}}  {columns}"]
            last = key
        if outcome.status != "done":
            lines.append(f"  {outcome.contestant:<{width}}  {outcome.status}: {first_sentence(outcome.reason)}")
            continue
        ratio = outcome.later.median / best.get(key, outcome.later.median)
        name = outcome.contestant + " *" * outcome.control
        later, first = duration(outcome.later.median), duration(outcome.first.median)
        lines.append(f"  {name:<{width}}  {later:>10}  {ratio:>8.3g}  {first:>10}")
    if any(outcome.control for outcome in outcomes):
        lines.append("\n* the function itself, without a derivative")
    return "\n".join(line for line in lines if line is not None)


def first_sentence(text):
    """The first line of a reason, cut where it is long."""
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= 90 else line[:87] + "..."


def pictures(outcomes, folder):
    """Draw, if matplotlib is there."""
    try:
        from mmad.bench.figures import draw

        made = draw(outcomes, Path(folder))
    except ImportError:
        print("pictures need matplotlib: pip install matplotlib", file=sys.stderr)
        return
    print(f"\n{len(made)} pictures, results.json and results.csv are in {folder}")
