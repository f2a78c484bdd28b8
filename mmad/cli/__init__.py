"""The command line: ``mmad`` trains the digits network, ``mmad hvp`` multiplies a Hessian by a vector."""

from mmad.cli.main import main

__all__ = ["main"]
