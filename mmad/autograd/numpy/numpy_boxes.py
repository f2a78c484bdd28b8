"""The class of traced arrays and numbers, for `isinstance`."""

from mmad.autograd.tracer import Box

__all__ = ["ArrayBox"]


class ArrayBox(Box):
    """Traced arrays and numbers."""
