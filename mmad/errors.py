"""Exceptions of mmad's own."""

__all__ = [
    "CaptureError",
    "PatternError",
    "ProgramError",
    "RepeatedEigenvalueError",
    "StructureError",
    "TraceError",
    "UnsupportedError",
]


class TraceError(RuntimeError):
    """A traced value was used where its trace cannot follow: after its call has ended, or in another trace."""


class CaptureError(TraceError):
    """An array that a trace captured was changed in place after it had been used."""


class UnsupportedError(TypeError):
    """An operation has no rule for what was asked; the message names the operation and the argument."""


class RepeatedEigenvalueError(UnsupportedError):
    """A derivative does not exist at a repeated eigenvalue, or not by the rule that was tried."""


class ProgramError(ValueError):
    """A program, or the file of one, is damaged or not one of this version."""


class PatternError(ValueError):
    """A sparsity pattern does not belong to the function it was given for."""


class StructureError(ValueError):
    """A strategy was asked for that needs a structure which the function does not have."""
