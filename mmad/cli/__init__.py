"""The command line: ``mmad`` trains the digits network; the other commands take a function of the user's own."""

from mmad.cli.main import main

__all__ = ["main"]
