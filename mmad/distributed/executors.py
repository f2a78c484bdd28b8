"""Executors of other packages as what `mmad.sharded` needs: run the jobs of a sum, and keep data where they were sent.

======================  ==========================================================================================
executor                data
======================  ==========================================================================================
None                    stay where they are: this process evaluates
``concurrent.futures``  stay in the process that got them; a pool does not say which one gets a job, so that in time
and its like            each of its processes may have been sent all of them
a list of executors     a node of the sum always goes to the same executor: with pools of one process each, a shard is
                        sent to one process
Dask's ``Client``       are scattered once, and Dask runs a job where its data are; its workers also add up
                        large results of the nodes
======================  ==========================================================================================
"""

import collections
import concurrent.futures

import numpy as np

from mmad.distributed.sums import pairwise
from mmad.distributed.work import Absent, Key, combined, keys_of, work, work_with
from mmad.python.kinds import isplain

__all__ = ["RETIRED", "adapted"]

ATTEMPTS = 4  # to evaluate a node whose workers die
GATHERED = 1 << 20  # bytes of results that Dask's workers do not add up: a task for that takes milliseconds
LOST = (
    "mmad.sharded: the executor's workers died; give a function that makes the executor, as in "
    "mmad.sharded(f, shards, lambda: ProcessPoolExecutor(2)), and it is made again"
)
RETIRED = collections.deque(maxlen=64)  # what workers of pools need not keep; they learn of it by the next job


def adapted(executor):
    """Return an executor of any kind, a list of them, or a function that makes one, as an `Evaluator`."""
    if executor is None:
        return Evaluator()
    if hasattr(executor, "scatter") and hasattr(executor, "submit"):
        return DaskCluster(executor)
    return Pools(list(executor) if isinstance(executor, list | tuple) else [executor])


class Evaluator:
    """This process as the only worker; the base of what has others."""

    copies_to_all = False  # whether one call brings something to all workers

    def __init__(self):
        self.counts = collections.Counter(sent=0, sent_again=0, lost_workers=0)

    def workers(self):
        """Return how many jobs can run at the same time."""
        return 1

    def total(self, jobs, look_up, retired):
        """Return the sum of jobs, which together hold all shards.

        Parameters
        ----------
        jobs : list of Job
            In order.
        look_up : callable
            ``look_up(key)`` -> what workers keep under a key.
        retired : iterable of Key
            What they need not keep any more.

        Returns
        -------
        list or Missed
        """
        return summed(jobs, [work_with(j, keys_of(j), [look_up(k) for k in keys_of(j)]) for j in jobs], combined)


def summed(jobs, answers, add):
    """Return the sum of the answers to jobs, in the order of the tree."""
    nodes = {(job.lo, job.hi): answer for job, answer in zip(jobs, answers, strict=True)}
    return pairwise(0, jobs[-1].hi, lambda lo, hi: nodes.get((lo, hi)), add)


def bytes_of(job, look_up):
    """Return the bytes of a result, but for a few: those of the parameters, for each vector."""
    point = look_up(job.point) if isinstance(job.point, Key) else job.point
    return sum(x.nbytes for x in point if isplain(x, np.ndarray)) * max(1, len(job.vectors))


class LostWorkerError(RuntimeError):
    """The workers of an executor died, and it cannot be asked again."""


# ------------------------------------------------------------------------------------------------ pools
class Member:
    """One executor, or the function that makes another when its workers have died."""

    def __init__(self, given):
        self.make = None if hasattr(given, "submit") else given
        if self.make is not None and not callable(given):
            raise TypeError(
                f"mmad.sharded: an executor has a method submit(function, *args), a {type(given).__name__} has none"
            )
        self.executor = given if self.make is None else given()
        self.sent, self.generation = set(), 0

    def workers(self):
        for name in ("num_workers", "_max_workers"):  # of mpi4py; of concurrent.futures and loky
            count = getattr(self.executor, name, None)
            if type(count) is int:
                return max(count, 1)
        return 1

    def replace(self):
        """Make the executor again; return whether there is one."""
        self.sent, self.generation = set(), self.generation + 1
        self.executor = None if self.make is None else self.make()
        return self.executor is not None


class Pools(Evaluator):
    """Executors with ``submit(function, *args)`` -> future."""

    def __init__(self, executors):
        super().__init__()
        if not executors:
            raise ValueError("mmad.sharded: the list of executors is empty")
        self.members = [Member(e) for e in executors]

    def workers(self):
        return sum(m.workers() for m in self.members)

    def total(self, jobs, look_up, retired):
        RETIRED.extend(retired)
        slots = [m for m in self.members for _ in range(m.workers())]
        started, answers = [], []
        try:
            for k, job in enumerate(jobs):
                started.append(self._start(job, slots, k, look_up, ()))
            for member, generation, _, new in started:  # only now: each process of a pool may need them
                if member.generation == generation:
                    member.sent.update(new)
            for k, job in enumerate(jobs):
                answers.append(self._finish(job, slots, k, look_up, started[k]))
        finally:
            for _, _, future, _ in started:
                future.cancel()
        return summed(jobs, answers, combined)

    def _start(self, job, slots, k, look_up, missing):
        """Submit a job, with the data that were never sent to its executor or are missing there."""
        for _ in range(ATTEMPTS):
            member = self._living(slots, k)
            new = [x for x in keys_of(job) if x not in member.sent]
            again = [x for x in keys_of(job) if x in missing and x not in new]
            attached = {x: look_up(x) for x in (*new, *again)}
            generation = member.generation
            try:
                future = member.executor.submit(work, job, attached, tuple(RETIRED))
            except concurrent.futures.BrokenExecutor as error:
                self._lost(member, generation, error)
                continue
            self.counts.update(sent=len(new), sent_again=len(again))
            return member, generation, future, new
        raise LostWorkerError(f"mmad.sharded: the workers die, of all executors, {ATTEMPTS} times")

    def _finish(self, job, slots, k, look_up, started):
        """Return the answer to a job; send data again that a worker does not have, and all that a lost worker had."""
        losses, missing = 0, set()  # all that any process lacked: the job may come to another one the next time
        while True:
            member, generation, future, _ = started
            try:
                answer = future.result()
                if not isinstance(answer, Absent):
                    return answer
                missing.update(answer.keys)
            except (concurrent.futures.BrokenExecutor, concurrent.futures.CancelledError) as error:
                losses += 1
                self._lost(member, generation, error)
                if losses == ATTEMPTS:
                    raise LostWorkerError(
                        f"mmad.sharded: workers died {ATTEMPTS} times at the shards {job.lo} to {job.hi - 1}"
                    ) from error
            started = self._start(job, slots, k, look_up, missing)
            if started[0].generation == started[1]:
                started[0].sent.update(started[3])

    def _living(self, slots, k):
        """Return the member for node k: its own, or another where that is dead."""
        living = slots if slots[k % len(slots)].executor is not None else [m for m in slots if m.executor is not None]
        if not living:
            raise LostWorkerError(LOST)
        return living[k % len(living)]

    def _lost(self, member, generation, error):
        """Note that an executor's workers have died; raise if nothing is left to ask."""
        if member.generation != generation:
            return  # noted, and made again, where another job was waited for
        self.counts["lost_workers"] += 1
        if not member.replace() and all(m.executor is None for m in self.members):
            raise LostWorkerError(LOST) from error


# ------------------------------------------------------------------------------------------------ Dask
class DaskCluster(Evaluator):
    """A `dask.distributed.Client`: shards are scattered over the workers, programs and points copied to all."""

    copies_to_all = True

    def __init__(self, client):
        super().__init__()
        self.client, self.futures, self.known, self.slots = client, {}, set(), []

    def workers(self):
        """Return the number of threads of the workers, as they are now."""
        self.slots = [a for a, threads in sorted(self.client.nthreads().items()) for _ in range(threads)]
        return max(1, len(self.slots))

    def total(self, jobs, look_up, retired):
        for key in retired:
            self.futures.pop(key, None)
        for _ in range(ATTEMPTS - 1):
            try:
                return self._asked(jobs, look_up)
            except concurrent.futures.CancelledError:  # a worker took scattered data with it
                self.counts["lost_workers"] += 1
                self.workers()
        return self._asked(jobs, look_up)

    def _asked(self, jobs, look_up):
        """Return the sum; raise CancelledError where data that it needs were lost."""
        self._scatter(jobs, look_up)
        submit, answers = self.client.submit, []
        for job in jobs:
            keys = keys_of(job)
            answers.append(submit(work_with, job, keys, [self.futures[k] for k in keys], pure=False))
        if bytes_of(jobs[0], look_up) * len(jobs) <= GATHERED:
            return summed(jobs, self.client.gather(answers), combined)
        return summed(jobs, answers, lambda left, right: submit(combined, left, right, pure=False)).result()

    def _scatter(self, jobs, look_up):
        """Send what is not on the cluster, each node's shards to one worker."""
        self.futures = {k: v for k, v in self.futures.items() if v.status == "finished"}
        for number, job in enumerate(jobs):
            shards = {data for data, _ in job.shards}
            for key in keys_of(job):
                if key in self.futures:
                    continue
                self.counts["sent_again" if key in self.known else "sent"] += 1
                self.known.add(key)
                value = look_up(key)
                there = {"workers": [self.slots[number % len(self.slots)]]} if key in shards and self.slots else {}
                there["broadcast"] = key not in shards
                (self.futures[key],) = self.client.scatter([value], hash=False, **there)
