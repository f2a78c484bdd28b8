"""The command line: ``mmad`` trains the digits network; the other commands take functions of one's own."""

from mmad.cli.main import main

__all__ = ["main"]
