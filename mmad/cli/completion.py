"""``mmad completion``: print a script, made by shtab, that completes commands, options and names in a shell."""

import mmad.bench as bench
from mmad.cli import arguments as declared
from mmad.cli.errors import CommandError

__all__ = ["run"]


def run(arguments):
    """Print the completion script for a shell."""
    try:
        import shtab
    except ImportError as error:
        raise CommandError('completion needs shtab, which is not installed: pip install "mmad[completion]"') from error
    print(shtab.complete(with_names(declared.parser()), shell=arguments.shell))


def with_names(parser):
    """Return the parser with the names of problems, strategies and tools as choices, which a shell can complete."""
    known = {
        "problems": bench.problem_names(),
        "strategies": ["all", *bench.all_strategies()],
        "tools": ["all", *bench.all_tools()],
    }
    commands = next(action.choices for action in parser._actions if action.dest == "command")
    for action in commands["bench"]._actions:
        if action.dest in known:
            action.choices = known[action.dest]
            if hasattr(action, "complete"):
                del action.complete  # names, not files
    return parser
