"""Work with arguments that are trees: an array or a number, or dicts and tuples of them."""

import numpy as np

__all__ = ["add_scaled", "flatten", "leaves_of", "map_leaves", "unflatten", "with_leaves"]


def map_leaves(function, tree, *others):
    """Return a tree of a function's results; it is applied to each leaf and to the leaves of `others` in its place."""
    if isinstance(tree, dict):
        return {key: map_leaves(function, tree[key], *(other[key] for other in others)) for key in tree}
    if isinstance(tree, (tuple, list)):
        return type(tree)(map_leaves(function, *leaves) for leaves in zip(tree, *others, strict=True))
    return function(tree, *others)


def leaves_of(tree):
    """Return the leaves as a list; those of a dict are in the order of its sorted keys."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves_of(tree[key])]
    if isinstance(tree, (tuple, list)):
        return [leaf for item in tree for leaf in leaves_of(item)]
    return [tree]


def flatten(tree):
    """Return all numbers of a tree as one vector."""
    return np.concatenate([np.ravel(np.asarray(leaf)) for leaf in leaves_of(tree)] or [np.zeros(0)])


def add_scaled(x, v, factor):
    """Return ``x + factor * v``, leaf by leaf."""
    return map_leaves(lambda a, b: a + factor * b, x, v)


def with_leaves(tree, leaves):
    """Return a tree of the same structure with other leaves, given in the order of `leaves_of`."""
    order = iter(leaves)

    def taken(node):
        if isinstance(node, dict):
            built = {key: taken(node[key]) for key in sorted(node)}
            return {key: built[key] for key in node}
        if isinstance(node, (tuple, list)):
            return type(node)(taken(item) for item in node)
        return next(order)

    return taken(tree)


def unflatten(vector, tree):
    """Return the numbers of a vector in the structure of a tree: the inverse of `flatten`."""
    leaves = leaves_of(tree)
    pieces = np.split(vector, np.cumsum([np.size(leaf) for leaf in leaves])[:-1])
    shaped = [p.reshape(np.shape(leaf)) if np.ndim(leaf) else p[0] for p, leaf in zip(pieces, leaves, strict=True)]
    return with_leaves(tree, shaped)
