"""What a worker does: evaluate programs at shards of data, and add up.

A worker needs mmad and none of the user's code.  Data arrive once and stay in `KEPT`, by key; a job names the keys, and
is answered by `Absent` where something is not there, so that it is sent again.
"""

import dataclasses
import threading

from mmad.distributed.sums import added, pairwise
from mmad.errors import GuardError
from mmad.tracing import tree

__all__ = ["KEPT", "Absent", "Job", "Key", "Missed", "combined", "forget", "keys_of", "work", "work_with"]

KEPT = {}  # by (owner, number): shards as lists of leaves, programs, points
LOCK = threading.Lock()  # a pool of threads shares what is kept


@dataclasses.dataclass(frozen=True)
class Key:
    """A name for something that a worker keeps.

    Attributes
    ----------
    owner : str
        Of the sharded function that it belongs to.
    number : int
    """

    owner: str
    number: int


@dataclasses.dataclass(frozen=True)
class Job:
    """One node of a sum, to be evaluated.

    Attributes
    ----------
    lo, hi : int
        The shards of the node.
    shards : tuple of (Key, tuple of Key)
        For each its data, and the programs that may fit it, in the order in which they are tried.
    point : Key or list
        The leaves of the parameters.
    vectors : tuple of list
        The leaves of the vectors to multiply by; an empty tuple where there is nothing to multiply.
    known : dict
        Shard -> its part of the sum, where no program fits.
    """

    lo: int
    hi: int
    shards: tuple
    point: object
    vectors: tuple
    known: dict


@dataclasses.dataclass(frozen=True)
class Absent:
    """The answer of a worker that does not have some of what a job names."""

    keys: tuple


@dataclasses.dataclass(frozen=True)
class Missed:
    """The answer where a function takes a way through its branches that no program takes.

    Attributes
    ----------
    shards : tuple of int
    """

    shards: tuple


def keys_of(job):
    """Return what a job needs to be kept, in order."""
    point = (job.point,) if isinstance(job.point, Key) else ()
    return tuple(dict.fromkeys([*point, *[k for data, programs in job.shards for k in (data, *programs)]]))


def work(job, attached, retired):
    """Evaluate a job with what this process keeps.

    Parameters
    ----------
    job : Job
    attached : dict
        Key -> what is to be kept from now on.
    retired : tuple of Key or str
        What is not needed any more; of an owner, everything.

    Returns
    -------
    list, Missed or Absent
        The leaves of the result, a list for each vector.
    """
    forget(retired)
    with LOCK:
        KEPT.update(attached)
        held = {k: KEPT[k] for k in keys_of(job) if k in KEPT}
    absent = tuple(k for k in keys_of(job) if k not in held)
    return Absent(absent) if absent else evaluated(job, held)


def work_with(job, keys, values):
    """Evaluate a job with data that the executor brings along."""
    return evaluated(job, dict(zip(keys, values, strict=True)))


def forget(retired):
    """Drop what is not needed any more."""
    with LOCK:
        for gone in retired:
            for key in [gone] if isinstance(gone, Key) else [k for k in KEPT if k.owner == gone]:
                KEPT.pop(key, None)


def evaluated(job, held):
    """Return the sum of a job's shards, or which of them no program fits."""
    point = held[job.point] if isinstance(job.point, Key) else job.point
    missed = []

    def node(lo, hi):
        if hi - lo > 1:
            return None
        if lo in job.known:
            return job.known[lo]
        data, programs = job.shards[lo - job.lo]
        try:
            found = _replayed([held[k] for k in programs], point, held[data], job.vectors)
        except Exception as error:
            error.add_note(f"mmad.sharded: in shard {lo}")
            raise
        if found is None:
            missed.append(lo)
        return found or []

    def add(left, right):
        return [] if missed else added(left, right)

    total = pairwise(job.lo, job.hi, node, add)
    return Missed(tuple(missed)) if missed else total


def _replayed(programs, point, shard, vectors):
    """Return the leaves of a shard's result for each vector; None if the programs take other branches."""
    calls = [(point, shard, v) for v in vectors] or [(point, shard)]
    for program in programs:
        program.trusted = True  # sent by the process that made it: its errors are the function's own
        try:
            return [tree.flatten(program(*args))[0] for args in calls]
        except GuardError:
            continue
    return None


def combined(left, right):
    """Return the sum of two answers."""
    if isinstance(left, Missed) or isinstance(right, Missed):
        return Missed(tuple(k for x in (left, right) if isinstance(x, Missed) for k in x.shards))
    return added(left, right)
