"""Dispatch, and what a failure looks like.

A command raises `CommandError` for what the person at the terminal can mend.  It becomes one line on standard
error and exit status 2; ``--traceback`` shows where it came from.  Anything else is a defect of mmad and
keeps its traceback.
"""

import os
import sys
import traceback

from mmad.cli.arguments import parser
from mmad.cli.errors import CommandError

__all__ = ["main"]


def main(argv=None):
    """Run one command.

    Parameters
    ----------
    argv : list of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        The exit status: 0, or 1 where ``train-digits`` or ``check`` found a result wanting, or 2 after an error.

    Raises
    ------
    SystemExit
        Where argparse ends the program itself: after ``--help`` and on a wrong argument.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    arguments = parser().parse_args(argv or ["train-digits"])
    try:
        status = arguments.run(arguments) or 0
        sys.stdout.flush()
        return status
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
