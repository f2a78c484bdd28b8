"""Containers as vectors."""

from mmad.tracing.ravel import ravel_pytree

__all__ = ["flatten", "flatten_func"]


def flatten(value):
    """Return the numbers of a container as a vector, and the function that makes the container of a vector."""
    return ravel_pytree(value)


def flatten_func(func, example):
    """Return a function of containers as one of vectors, the function that undoes it, and an example as a vector."""
    vector, unflatten = flatten(example)
    return (lambda x, *args: flatten(func(unflatten(x), *args))[0]), unflatten, vector
