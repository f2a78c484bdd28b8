"""The order of a sum: one binary tree over the shards, however many workers add it up.

The node of the shards ``lo`` to ``hi`` is the sum of its two halves.  A worker adds up one node or several; the nodes
above them are added up by the caller or by the executor.  No number of workers and no order of arrival changes which
two numbers are added, so the bits of a result are the same.
"""

import heapq

from mmad.python.kinds import isplain

__all__ = ["added", "cut", "middle", "pairwise"]


def middle(lo, hi):
    """Return where the node of the shards `lo` to `hi` is divided."""
    return (lo + hi + 1) // 2


def pairwise(lo, hi, node, add):
    """Return the sum of the shards `lo` to `hi`.

    Parameters
    ----------
    lo, hi : int
    node : callable
        ``node(lo, hi)`` -> the sum of a node, or None where its halves are to be added; of one shard never None.
    add : callable
        ``add(left, right)`` -> their sum.
    """
    found = node(lo, hi)
    if found is not None:
        return found
    mid = middle(lo, hi)
    return add(pairwise(lo, mid, node, add), pairwise(mid, hi, node, add))


def cut(count, parts):
    """Return nodes that together hold all shards, in order: as many as asked for, or one for each shard.

    The largest node is halved until there are enough.

    Examples
    --------
    >>> cut(8, 3), cut(2, 5)
    ([(0, 2), (2, 4), (4, 8)], [(0, 1), (1, 2)])
    """
    nodes = [(-count, 0, count)]
    while len(nodes) < parts and nodes[0][0] < -1:
        _, lo, hi = heapq.heappop(nodes)
        mid = middle(lo, hi)
        heapq.heappush(nodes, (lo - mid, lo, mid))
        heapq.heappush(nodes, (mid - hi, mid, hi))
    return sorted((lo, hi) for _, lo, hi in nodes)


def added(left, right):
    """Return the sum of two lists of leaves for each of several evaluations; what is no number is the same in both."""
    return [
        [x if x is None or isplain(x, str | bytes) else x + y for x, y in zip(a, b, strict=True)]
        for a, b in zip(left, right, strict=True)
    ]
