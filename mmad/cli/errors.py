"""The one exception that the commands raise on purpose."""

__all__ = ["CommandError"]


class CommandError(Exception):
    """Something the person at the terminal can mend; shown as one line, exit status 2."""
