"""Run a command, and report its failure.

A command raises `CommandError` for an error that the user can correct.  It is printed as one line on standard error,
and the exit status is 2; ``--traceback`` shows where it was raised.  Any other exception is a defect of mmad and keeps
its traceback.
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
        The exit status: 0; 1 if ``train-digits`` or ``check`` found a result that is not good enough; 2 after an error;
        130 after an interruption; 141 if the reader of the output has gone.

    Raises
    ------
    SystemExit
        If argparse ends the program itself: after ``--help``, and on a wrong argument.
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
    except BrokenPipeError:  # the reader of the output (head, less) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
