"""Vector spaces of arrays."""

from mmad.autograd.spaces import VSpace

__all__ = ["ArrayVSpace", "ComplexArrayVSpace"]

ArrayVSpace = ComplexArrayVSpace = VSpace
