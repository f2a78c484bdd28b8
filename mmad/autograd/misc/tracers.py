"""Autograd's constant graphs."""

import functools

__all__ = ["const_graph"]


def const_graph(fun, *args, **kwargs):
    """Return the function with its first arguments given; it is not cached: `mmad.compile` replays functions."""

    @functools.wraps(fun)
    def call(*rest):
        return fun(*args, *rest, **kwargs)

    return call
