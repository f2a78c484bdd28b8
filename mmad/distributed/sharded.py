"""`sharded`: a sum over shards of data with value, gradient and Hessian, by the workers of an executor."""

import dataclasses
import functools
import itertools
import threading
import uuid
import weakref

import numpy as np

from mmad._core import Traced
from mmad.derivatives.arguments import name_of, tangent_pairs
from mmad.derivatives.custom import primitive
from mmad.derivatives.operators import operator_of_products
from mmad.distributed.executors import RETIRED, adapted
from mmad.distributed.recordings import ShardPrograms, signature_of
from mmad.distributed.sums import cut
from mmad.distributed.work import Job, Key, Missed, forget
from mmad.errors import UnsupportedError
from mmad.python.kinds import isplain
from mmad.tracing import tree
from mmad.tracing.ravel import ravel_pytree

__all__ = ["sharded"]

INLINE = 1 << 16  # bytes of parameters that go with every job; more are sent to a worker once, and named


def sharded(f, shards, executor=None, *, parts=None):
    """Return the sum of a function over shards of data, evaluated and differentiated by an executor's workers.

    Parameters
    ----------
    f : callable
        ``f(params, shard)`` -> one real number; `params` is any tree.
    shards : sequence of trees
        Arrays, tuples, dicts, ...; their shapes may differ.
    executor : optional
        What has ``submit(function, *args)`` and gives futures: executors of `concurrent.futures`, loky and
        `mpi4py.futures`; a `dask.distributed.Client`; a list of executors, each of which keeps its shards; a function
        without arguments that makes an executor, and makes it again when its workers have died.  Without it this
        process evaluates.
    parts : int, optional
        How many jobs an evaluation is; by default as many as there are workers, or four times as many where that is no
        power of two.

    Returns
    -------
    Sharded
        =========================  ==================================================================================
        method                     gives
        =========================  ==================================================================================
        ``S(params)``              the value; inside of other functions it is differentiated, twice if need be
        ``S.value_and_grad(p)``    value and gradient, in the structure of p
        ``S.grad(p)``              the gradient
        ``S.hvp(p, v)``            the product of the Hessian with a vector in the structure of p
        ``S.hessian_operator(p)``  the Hessian as a `scipy.sparse.linalg.LinearOperator`
        ``S.stats()``              counts: evaluations, recordings, data sent, data sent again, workers lost
        =========================  ==================================================================================

    Notes
    -----
    `f` is recorded here, once for shards of the same shapes, and workers get the programs: they need mmad, but not the
    code of `f`, which may be a lambda or a closure.  Integers and truth values in a shard are part of its program, as
    for :func:`compile`: shards with other integers are recorded by themselves.  Where `f` takes a branch that was not
    recorded, the shard is evaluated here, and workers get the new program.

    The partial sums are added in the order of one binary tree over the shards, whatever the workers: results have the
    same bits for every executor and every number of workers, if their processors and libraries are the same.

    Raises
    ------
    UnsupportedError
        `f` cannot be recorded.

    See Also
    --------
    compile, minimize

    Examples
    --------
    >>> import numpy as np, mmad
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> shards = [np.arange(6.0), np.arange(6.0, 10.0)]
    >>> with ThreadPoolExecutor(2) as executor:
    ...     S = mmad.sharded(lambda p, x: ((p["a"] * x - p["b"]) ** 2).sum(), shards, executor)
    ...     value, gradient = S.value_and_grad({"a": 1.0, "b": 0.5})
    >>> float(value), gradient
    (242.5, {'a': 525.0, 'b': -80.0})
    """
    return Sharded(f, shards, executor, parts)


class Sharded:
    """A sum over shards of data; see :func:`sharded`."""

    def __init__(self, f, shards, executor, parts):
        if not callable(f):
            raise TypeError(f"mmad.sharded takes a function, not {type(f).__name__}")
        functools.update_wrapper(self, f, updated=())
        self.f, self.parts, self.owner = f, parts, uuid.uuid4().hex
        self.numbers, self.lock = itertools.count(), threading.RLock()
        self.held, self.shards, self.points = {}, [], {}
        for k, shard in enumerate(shards):
            leaves, structure = tree.flatten(shard)
            if any(isinstance(x, Traced) for x in leaves):
                raise TypeError(f"mmad.sharded: shard {k} is traced; shards are plain data")
            self.shards.append((self._keep(leaves), structure, signature_of(leaves)))
        if not self.shards:
            raise ValueError("mmad.sharded: there is no shard")
        if parts is not None and (not isplain(parts, int) or parts < 1):
            raise ValueError(f"mmad.sharded: parts must be a positive integer, not {parts!r}")
        self.evaluator = adapted(executor)
        self.programs, self.retired, self.latest = {}, [], (None, None)
        self.counts = {"evaluations": 0, "recordings": 0, "evaluated_here": 0}
        weakref.finalize(self, _retire, self.owner)

    # ------------------------------------------------------------------------------------ values and derivatives
    def __call__(self, params):
        """Return the sum."""
        leaves, _ = tree.flatten(params)
        if any(isinstance(x, Traced) for x in leaves):
            return self._traced(params)
        return self._sum("value", params)[0][0]

    def value_and_grad(self, params):
        """Return the sum and its gradient, in the structure of the parameters."""
        value, *gradient = self._sum("gradient", params)[0]
        return value, self._like(params, gradient)

    def grad(self, params):
        """Return the gradient, in the structure of the parameters."""
        return self.value_and_grad(params)[1]

    def hvp(self, params, v):
        """Return the product of the Hessian with a vector, both in the structure of the parameters."""
        return self._like(params, self._sum("product", params, [self._vector(params, v)])[0])

    def hessian_operator(self, params):
        """Return the Hessian at a point as a linear operator on the raveled parameters.

        ``@`` of a matrix multiplies all columns in one evaluation.  The point is sent to a worker once.

        Returns
        -------
        scipy.sparse.linalg.LinearOperator, shape (n, n)
        """
        vector, unravel = ravel_pytree(params)
        if vector.dtype.kind not in "f":
            raise TypeError(f"mmad.sharded: a Hessian operator is of real parameters, these are {vector.dtype}")
        point = unravel(vector.copy())  # the point as it was
        key = self._keep(tree.flatten(point)[0])

        def products(matrix):
            vs = [unravel(np.ascontiguousarray(c)) for c in matrix.T]
            found = self._sum("product", point, [self._vector(point, v) for v in vs], key) if vs else []
            columns = [ravel_pytree(x)[0] for x in found]
            return np.array(columns, vector.dtype).reshape(len(vs), len(vector)).T

        operator = operator_of_products(products, len(vector), vector.dtype)
        weakref.finalize(operator, self._drop, key)
        return operator

    def stats(self):
        """Return counts of what has happened so far.

        Returns
        -------
        dict
            Of "evaluations", "recordings", shards "evaluated_here" because no program fitted; data "sent" to executors
            and "sent_again"; "lost_workers".
        """
        return {**self.counts, **self.evaluator.counts}

    def __repr__(self):
        return f"<sharded {name_of(self.f)}: {len(self.shards)} shards>"

    # ------------------------------------------------------------------------------------ one evaluation
    def _sum(self, what, params, vectors=(), point=None):
        """Return the leaves of the result for each vector, or of the only one.

        Parameters
        ----------
        what : {"value", "gradient", "product"}
        params : tree
        vectors : list of list
            Leaves.
        point : Key, optional
            Under which workers keep the leaves of the parameters.
        """
        leaves, structure = tree.flatten(params)
        if any(isinstance(x, Traced) for x in leaves):
            raise TypeError("mmad.sharded: derivatives are of plain parameters; to differentiate them, call S(params)")
        with self.lock:
            self.counts["evaluations"] += 1
            given = point if point is not None else self._point(leaves)
            like = (what, structure, signature_of(leaves), tuple(signature_of(v) for v in vectors[:1]))
            known, stale = {}, {}
            try:
                while True:
                    jobs = self._jobs(like, leaves, given, vectors, known, stale)
                    retired, self.retired = self.retired, []
                    answer = self.evaluator.total(jobs, self.held.__getitem__, retired)
                    if not isinstance(answer, Missed):
                        return answer
                    for k in answer.shards:
                        known[k] = self._here(like, k, leaves, vectors)
                        self.counts["evaluated_here"] += 1
            finally:
                if given is not point:
                    self._drop(given)

    def _jobs(self, like, leaves, point, vectors, known, fresh):
        """Return the jobs of an evaluation; what has no program yet is recorded."""
        needed = []
        for k, (data, structure, signature) in enumerate(self.shards):
            kind = like, structure, signature
            if kind not in fresh:
                if kind in self.programs and self.programs[kind].recording.is_stale():
                    for key in self.programs.pop(kind).keys.values():
                        self._drop(key)
                if kind not in self.programs:
                    self._here(like, k, leaves, vectors[:1])
                fresh[kind] = True
            needed.append((data, tuple(self.programs[kind].keys.values())))
        workers = self.evaluator.workers()
        parts = self.parts or (workers if workers & (workers - 1) == 0 else 4 * workers)
        return [
            Job(lo, hi, tuple(needed[lo:hi]), point, tuple(vectors), {k: known[k] for k in known if lo <= k < hi})
            for lo, hi in cut(len(needed), parts)
        ]

    def _here(self, like, k, leaves, vectors):
        """Evaluate a shard in this process, and keep the programs of the ways that were taken."""
        data, structure, signature = self.shards[k]
        kind = like, structure, signature
        entry = self.programs.get(kind) or ProgramKeys(ShardPrograms(self.f, like[0], (like[1], structure)), {})
        try:
            found = entry.recording.call(leaves, self.held[data], vectors)
        except Exception as error:
            error.add_note(f"mmad.sharded: in shard {k}")
            raise
        self.programs[kind] = entry
        for program in entry.recording.programs:
            if program.machine not in entry.keys:
                entry.keys[program.machine] = self._keep(program)
                self.counts["recordings"] += 1
        return found

    # ------------------------------------------------------------------------------------ what workers keep
    def _keep(self, value):
        """Return a new key for something that workers keep."""
        key = Key(self.owner, next(self.numbers))
        self.held[key] = value
        return key

    def _drop(self, key):
        """Let workers forget something."""
        if isinstance(key, Key):
            self.held.pop(key, None)
            self.retired.append(key)

    def _point(self, leaves):
        """Return the leaves of the parameters as they go with a job: themselves, or a key where they are large."""
        size = sum(x.nbytes for x in leaves if isplain(x, np.ndarray))
        return self._keep(leaves) if self.evaluator.copies_to_all and size > INLINE else leaves

    # ------------------------------------------------------------------------------------ trees
    @staticmethod
    def _vector(params, v):
        """Return the leaves of a vector, checked against the parameters."""
        ((_, pairs),) = tangent_pairs((params,), (v,), "mmad.sharded: hvp")
        return [x if dot is None else dot for x, dot in pairs]

    @staticmethod
    def _like(params, leaves):
        return tree.unflatten(tree.flatten(params)[1], leaves)

    # ------------------------------------------------------------------------------------ inside of other functions
    def _traced(self, params):
        """Return the sum for traced parameters: an operation with a first and a second derivative."""
        vector, unravel = ravel_pytree(params)
        if vector.dtype.kind != "f":
            raise UnsupportedError(
                f"mmad.sharded: inside of other functions parameters are real, these are {vector.dtype}; "
                "S.value_and_grad(params) takes complex ones"
            )
        return operation_of(self, unravel)(vector)

    def _value_kept(self, vector, unravel):
        """Return the value; the gradient comes with it, and is kept for the sweep that follows."""
        value, gradient = self.value_and_grad(unravel(vector))
        self.latest = vector.tobytes(), ravel_pytree(gradient)[0]
        return value

    def _gradient_kept(self, vector, unravel):
        at, gradient = self.latest
        if at == vector.tobytes() and not self._is_stale():
            return gradient.copy()
        return ravel_pytree(self.grad(unravel(vector)))[0]

    def _is_stale(self):
        return any(entry.recording.is_stale() for entry in self.programs.values())


@dataclasses.dataclass
class ProgramKeys:
    """Recordings of one kind, and the keys of their programs, by machine, in the order in which they were made."""

    recording: ShardPrograms
    keys: dict


def operation_of(total, unravel):
    """Return a sharded sum as an operation on one real vector, which can be differentiated twice."""

    def value(p):
        return total._value_kept(p, unravel)

    def gradient(p):
        return total._gradient_kept(p, unravel)

    def product(p, v):
        return ravel_pytree(total.hvp(unravel(p), unravel(v)))[0]

    def third(*_):
        raise UnsupportedError("mmad.sharded: inside of other functions a sum has two derivatives, no third")

    times = primitive(product, jvp=third, name="product of sharded")
    slope = primitive(
        gradient, jvp=lambda dots, y, p: times(p, dots[0]), vjp=lambda ct, y, p: (times(p, ct),),
        name="gradient of sharded",
    )  # fmt: skip
    return primitive(
        value, jvp=lambda dots, y, p: (slope(p) * dots[0]).sum(), vjp=lambda ct, y, p: (ct * slope(p),), name="sharded"
    )


def _retire(owner):
    """Let workers forget all that belongs to a sum that nobody uses any more."""
    forget((owner,))
    RETIRED.append(owner)
