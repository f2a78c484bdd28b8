"""Exceptions of mmad's own."""

__all__ = [
    "CaptureError",
    "GuardError",
    "LaneDivergence",
    "NanError",
    "OtherNumberError",
    "OtherResultError",
    "PatternError",
    "ProgramError",
    "RepeatedEigenvalueError",
    "StructureError",
    "TraceError",
    "UnsupportedError",
    "ValidationError",
]


class TraceError(RuntimeError):
    """A traced value was used where its trace cannot follow: after its call has ended, or in another trace."""


class CaptureError(TraceError):
    """An array that a trace captured was changed in place after it had been used."""


class GuardError(TraceError):
    """A tape was evaluated where Python would have seen another value than in the recorded run."""


class LaneDivergence(BaseException):
    """Python asked for one value, and the lanes disagree; no ``except Exception`` of the user's may take it."""


class OtherResultError(LaneDivergence, GuardError):
    """A function gave what Python saw, or a shape, otherwise than in the recorded run or in another lane."""


class NanError(FloatingPointError):
    """A derivative, or the value of its function, is NaN; `mmad.debug_nans` raises it.

    Attributes
    ----------
    operation : str or None
        The operation that gave NaN, or whose derivative did; "input" for an argument that is NaN.
    file, line : str or None, int
        The line of the user's code.
    sweep : str
        "function", "forward", "reverse", "forward over reverse" and so on; "argument".
    index : tuple of int or None
        The first element that is NaN.
    """

    def __init__(self, message, operation=None, file=None, line=0, sweep="", index=None):
        super().__init__(message)
        self.operation, self.file, self.line, self.sweep, self.index = operation, file, line, sweep, index


class UnsupportedError(TypeError):
    """An operation has no rule for what was asked; the message names the operation and the argument."""


class OtherNumberError(TypeError):
    """A number of a type of its own (a fraction, a decimal) was given to what takes floats and arrays."""


class RepeatedEigenvalueError(UnsupportedError):
    """A derivative does not exist at a repeated eigenvalue, or not by the rule that was tried."""


class ProgramError(ValueError):
    """A program, or the file of one, is damaged or not one of this version."""


class PatternError(ValueError):
    """A sparsity pattern does not belong to the function it was given for."""


class StructureError(ValueError):
    """A strategy was asked for that needs a structure which the function does not have."""


class ValidationError(AssertionError):
    """A tape is malformed; the message names the instruction and what is wrong with it."""
