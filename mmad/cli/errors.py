"""Define the exception that the commands raise for errors of use."""

__all__ = ["CommandError"]


class CommandError(Exception):
    """An error that the user can correct; it is printed as one line, and the exit status is 2."""
