"""`compile`: record once, replay from then on, record again where a guard fails."""

import collections
import contextlib
import functools
import gc
import inspect
import os
import sys
import threading
import time
import types
import warnings

import numpy as np

from mmad._core import Traced, own_arithmetic
from mmad.compiler import compile_tape, selected, uncollected
from mmad.compiler.program import Program, argument_of, giver, results_of, skeleton
from mmad.errors import CaptureError, PatternError, TraceError
from mmad.ops._singularities import products
from mmad.python.amounts import size_in_bytes
from mmad.python.kinds import isplain
from mmad.python.lines import is_users, user_level, user_line
from mmad.replay._captures import STATIC, changed
from mmad.replay._dispatch import EXACT, PLAIN, POLE, WIN, Dispatcher, Replay, Signature
from mmad.replay._ran import Ran
from mmad.replay.captures import Captures, key_of, wanted
from mmad.replay.computed import computed_with
from mmad.tape.contexts import STATE, open_tape, wrappers_open
from mmad.tracing import tree
from mmad.tracing.leaves import describe
from mmad.tracing.results import finished
from mmad.tracing.trace import Trace
from mmad.transforms.tape import record

__all__ = ["compile"]

TRACES = 64  # variants kept for one signature
AT_ONCE = 4  # of them that are recorded when they are first met; more only where recordings pay
UNPAID = 32  # misses after which a signature is given up if there is no replay for each `UNPAID` of them
SIGNATURES = 256  # kept, those used last: combinations of shapes, static values and captured ones
UNSETTLED = 4  # runs that changed what the function captures, after which it runs eagerly
SAVED = 1 << 22  # bytes of a captured array that is copied before the function runs, and put back if that wrote to it
CHECKED_CALLS = 3  # calls that check=True runs both ways


def branches(run, leaves):
    """Return the user's lines where Python looks at a value, as " (file:line)"; found by recording line by line."""
    seen, guards = [], set()
    tape = None

    def line(frame, event, _):
        nonlocal tape
        if not is_users(frame):
            return None
        tape = open_tape() if tape is None else tape
        if tape is not None:
            seen.append((len(tape), frame.f_code.co_filename, frame.f_lineno))
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        with uncollected():  # what the collector calls looks at no value
            tape = record(run, *leaves)
    except Exception:  # the call itself will raise it again
        return ""
    finally:
        sys.settrace(before)
    places = iter(seen)
    following, current = next(places, None), None
    for k in range(len(tape)):
        while following is not None and following[0] <= k:
            following, current = next(places, None), following
        if current is not None and tape.node(k)[0] == "guard":
            guards.add(f"{os.path.basename(current[1])}:{current[2]}")
    return f" ({', '.join(sorted(guards)[:3])})" if guards else ""


def _again(f, check, passes, memory):
    return compile(f, check=check, passes=passes, memory=memory)


def compile(f=None, *, check=False, passes=None, memory=None):
    """Return a function that is recorded at its first call and replayed at later ones.

    Parameters
    ----------
    f : callable
        Any function of numbers, arrays and trees of them, or a derivative function such as ``mmad.grad(f)``.  Without
        it, a decorator: ``@mmad.compile(memory="1GB")``.
    check : bool
        Run the first calls both ways and raise if they disagree: for functions that may depend on more than their
        arguments (random numbers, files, attributes of objects).
    passes : iterable of str, optional
        The compiler's passes to run, of ``mmad.compiler.PASSES``; by default all.
    memory : int or str, optional
        Bytes, or as in "500MB", that a program may take besides its arguments and results.  Where what a reverse sweep
        needs would take more, arrays are computed again instead of being kept.

    Returns
    -------
    callable
        With ``stats()``, counts of calls, replays, recordings and guard failures, and ``programs()``, what was
        compiled.

    Notes
    -----
    Another structure, shape or dtype of the arguments, another value of an argument that is not floating-point, and
    another value of what the function reads from closures, globals, containers and attributes of the user's objects are
    recorded separately.  Where Python looks at a value (a branch, an index) a guard is left; a replay whose guard fails
    is recorded again, and both are kept.  The contents of captured arrays are read, or watched, at every call.  Not
    seen: random numbers, files, attributes found by computed names, what lies inside of objects of installed libraries.

    Raises
    ------
    MemoryError
        A program does not fit into `memory`.
    TraceError
        With `check`, where a replay and the function disagree.
    ValueError
        There is no pass of that name.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> g = mmad.compile(mmad.grad(lambda x: 2 * x if x > 0 else 3 * x))
    >>> g(1.0), g(-1.0), g(2.0)
    (2.0, 3.0, 2.0)
    >>> g.stats()["records"]
    2
    """
    if f is None:
        return functools.partial(compile, check=check, passes=passes, memory=memory)
    if not callable(f):
        raise TypeError(f"mmad.compile takes a function, not {type(f).__name__}")
    return functools.wraps(f, updated=())(Compiled(f, check, selected(passes), size_in_bytes(memory, "compile")))


class Compiled(Dispatcher):
    """A compiled function; see :func:`compile`."""

    def __init__(self, f, check, passes, memory):
        super().__init__(STATE)
        self.f, self.check, self.passes, self.memory = f, check, passes, memory
        self.floating = getattr(f, "floating", None)  # what makes floats of integers that are no configuration
        self.signatures, self.lock = {}, threading.Lock()
        self.ran, self.objects_seen = (
            {},
            {},
        )  # by identity: code that ran, with its globals, and objects that it was called with
        self.captures, self.unsettled, self.never = Captures(f), 0, ""
        self.counts = dict.fromkeys(("records", "eager"), 0)
        self.unused = 0  # signatures in a row that were forgotten before they were replayed
        self.seconds, self.warned = 0.0, False

    def general(self, args, kwargs):
        """Handle a call that is not quite like the one before."""
        self.calls += 1
        if self.floating is not None:
            args = self.floating(args)
        leaves, structure = tree.flatten((args, kwargs))
        if open_tape() is not None or wrappers_open() or any(isinstance(x, Traced) for x in leaves):
            return self.f(*args, **kwargs)  # inside another derivative the function itself is traced
        if self.never:
            self._eager(self.never)
            return self.f(*args, **kwargs)
        self.note_errors()
        places = self._parts(args, kwargs, leaves)
        captures = self.captures
        if changed(captures.checks) is not None:
            captures = self.captures = self._captures()
        refused = [p.refused for p in (captures, *places.values()) if p.refused] or self._reporting()
        if any(isinstance(x, collections.OrderedDict) and [*x] != [*dict.keys(x)] for x in _containers((args, kwargs))):
            refused.append("takes an OrderedDict whose keys were moved")
        if refused:
            self._eager(refused[0])
            return self.f(*args, **kwargs)
        key, values = self._signature(leaves, structure, captures, places, _orders((args, kwargs)))
        with self.lock:
            signature = self.signatures.pop(key, None)
            new = signature is None
            if new:
                self._make_room()
                signature = Signature(args, kwargs, captures.checks, values)
            self.signatures[key] = signature  # the one used last is at the end
        signature.checks = captures.checks  # equal contents may lie in other places now
        self.recent = None if self.check else signature
        if signature.eager:
            return self.eagerly(args, kwargs)
        if new and self.unused >= SIGNATURES:
            self._warn("is called with ever new combinations of arguments and of what it captures")
            return self._missed(signature, args, kwargs)  # recorded when it comes again
        branch = None
        if signature.root is not None:
            trace, results = branch = self.replay(signature, values)
            if isinstance(results, list):
                return self._checked(trace.give(results), args, kwargs)
        return self._record(signature, branch, args, kwargs, leaves, structure, values, places)

    def stats(self):
        """Return what has happened so far.

        Returns
        -------
        dict
            Counts of calls, replays, recordings, guard failures and calls that ran eagerly; of traces kept
            ("variants"), their instructions and bytes; the seconds that recording and compiling took.
        """
        traces = self.traces()
        return {
            "calls": self.calls,
            "replays": self.replays,
            "guard_failures": self.guard_failures,
            **self.counts,
            "variants": len(traces),
            "instructions": sum(len(t.program) for t in traces),
            "bytes": sum(t.program.nbytes for t in traces),
            "seconds": self.seconds,
        }

    def __repr__(self):
        return f"<{describe(self.f, 'compile')}: {self.calls} calls, {len(self.traces())} programs>"

    def traces(self):
        """Return every trace that is kept."""
        return [t for s in list(self.signatures.values()) for t in s.traces()]

    def programs(self):
        """Return the programs compiled so far, one a trace, to be looked at, called and saved.

        Returns
        -------
        list of mmad.Program

        Raises
        ------
        ProgramError
            Arguments or results hold objects of the user's classes.
        """
        out = []
        for t in self.traces():
            structure, arguments, results, origin = t.facts
            ends = structure, t.structure
            shapes = [
                skeleton(tree.unflatten(s, [0.0] * n))
                for s, n in zip(ends, (len(arguments), len(results)), strict=True)
            ]
            out.append(Program(t.program, arguments, results, tuple(shapes), origin))
        return out

    def __reduce__(self):
        return _again, (self.f, self.check, tuple(self.passes), self.memory)

    def _captures(self):
        """Return what the function reads now."""
        return Captures(self.f, list(self.ran.values()), list(self.objects_seen.values()))

    def _parts(self, args, kwargs, leaves):
        """Return the places in arguments, and in what hangs on them, that are neither numbers nor arrays; by identity.

        Classes of arguments are what the function reads, too.
        """
        objects = [
            x for x in leaves if not isplain(x, (*STATIC, np.ndarray)) or (type(x) is np.ndarray and x.dtype.hasobject)
        ]
        objects += [x for x in _configuration((args, kwargs)) if not isplain(x, (*STATIC, np.ndarray))]
        classes = {type(x) for x in _objects((args, kwargs))}
        new = [c for c in classes if id(c) not in self.captures.places and id(c) not in self.objects_seen]
        if new:
            self.objects_seen.update({id(c): c for c in new})
            self._extend(self._captures())
        return {id(x): self.captures.part(x) for x in objects}

    def _extend(self, captures):
        """Add further places that the function reads: what was recorded without them does not depend on them."""
        before, self.captures = self.captures, captures
        kept = {}
        for (structure, key, *rest), signature in self.signatures.items():
            if key == before.key:
                signature.checks = captures.checks
                kept[structure, captures.key, *rest] = signature
            else:
                kept[structure, key, *rest] = signature
        self.signatures, self.recent = kept, None

    def _found(self, ran, parts):
        """Return whether code that ran reads places that were not known."""
        known = self.captures
        given = set().union(*[p.places for p in parts])
        codes = [(code, names) for code, names in ran.codes if id(code) not in known.codes]
        objects = [x for x in ran.objects if id(x) not in known.places and id(x) not in given]
        if not codes and not objects:
            return False
        self.ran.update({id(code): (code, names) for code, names in codes})
        self.objects_seen.update({id(x): x for x in objects})
        loose = [code for code, _ in codes if code.co_freevars]
        if loose:  # functions that nothing known leads to
            for f in gc.get_referrers(*loose):
                if isinstance(f, types.FunctionType) and f.__closure__ and id(f) not in ran.young:
                    self.objects_seen[id(f)] = f
        captures = self._captures()
        places = {(c.kind, id(c.owner), c.name) for c in known.checks}
        new = any((c.kind, id(c.owner), c.name) not in places for c in captures.checks)
        self._extend(captures)
        return new or len(captures.arrays) > len(known.arrays)

    @staticmethod
    def _reporting():
        """Return why a call is eager under these settings of `np.errstate`, in a list; empty if it is not."""
        ways = {"call", "print", "log"}.intersection(np.geterr().values())
        return [f"is called under np.errstate({ways.pop()!r})"] if ways else []

    def _signature(self, leaves, structure, captures, places, orders):
        """Return what a recording depends on, and the values that it does not depend on."""
        errors = tuple(np.geterr().items())
        items = [structure, captures.key, orders, errors if "raise" in dict(errors).values() else None]
        items += [p.key for p in places.values()]
        values = []
        for x in leaves:
            if type(x) is float or type(x) is np.float64:
                items.append(type(x))
                values.append(float(x))
            elif isplain(x, np.inexact):
                items.append(type(x))
                values.append(np.array(x))
            elif isplain(x, np.ndarray) and x.dtype.kind in "fc":
                own_arithmetic(x, describe(self.f, "compile"))
                items.append((x.shape, x.dtype.newbyteorder("=")))
                values.append(
                    x
                    if x.flags.c_contiguous and x.flags.aligned and x.dtype.isnative
                    else np.array(x, dtype=x.dtype.newbyteorder("="), order="C")
                )
            elif isplain(x, np.ndarray | np.generic):
                items.append((type(x), x.shape, x.dtype, x.tobytes()))
            else:
                items.append(key_of(x, not isinstance(x, set | frozenset)))
        return tuple(items), values

    def _record(self, signature, where, args, kwargs, leaves, structure, values, parts):
        """Record one more way; `where` is the trace and the guard that it branches off at."""
        moving = [
            k
            for k, x in enumerate(leaves)
            if type(x) is float or isplain(x, np.inexact) or (isplain(x, np.ndarray) and x.dtype.kind in "fc")
        ]

        places, parts, returned, consumed = parts, list(parts.values()), [], []
        arrays = [*self.captures.arrays, *[a for p in parts for a in p.arrays]]
        exact = where is not None and (where[0].zeros == EXACT or where[1] == POLE)
        heeds = "raise" in np.geterr().values() or self.captures.heeds()
        looked = Ran(wanted) if not all(p.plain for p in (self.captures, *parts)) else None

        def run(*traced):
            full = list(leaves)
            for k, x in zip(moving, traced, strict=True):
                full[k] = x
            a, kw = tree.unflatten(structure, full)
            tape = open_tape()
            tape.heeds, tape.exact = heeds, exact
            tape.expect(arrays)
            with looked or contextlib.nullcontext():
                lengths = [(x, len(x)) for x in _containers((a, kw))]
                returned.append(self.f(*a, **kw))
                consumed.extend(x for x, n in lengths if len(x) != n)
            return returned[-1]

        functools.update_wrapper(run, self.f, updated=())
        if not self._pays(signature):
            signature.eager = signature.misses >= max(1, signature.hits) * UNPAID
            if (signature.eager or signature.count >= TRACES) and not self.warned:
                contents = where is not None and where[1][0] == -1  # as `Program.run` says it
                what = "contents of a captured array; make it an argument" if contents else "ways through its branches"
                lines = "" if contents else branches(run, [leaves[k] for k in moving])
                self._warn(f"has met ever new {what}{lines}")
            return self._missed(signature, args, kwargs)
        start = time.perf_counter()
        self.counts["records"] += 1
        saved = [(x, x.copy() if x.nbytes <= SAVED else None) for x in arrays if x.flags.writeable]
        recorded = False
        try:
            with uncollected():
                tape = record(run, *[leaves[k] for k in moving], live=True)
                tape.watch(arrays, computed_with(self.captures))
                written = tape.settle()
                recorded = True
                if written:
                    return self._written(saved, returned[-1], args, kwargs)
                if not consumed:
                    new = looked is not None and self._found(looked, parts)
                    machine = compile_tape(tape, self.passes, time.perf_counter() - start, self.memory)
                    results = results_of(tape)
                    zeros = EXACT if exact else WIN if products(tape) else PLAIN
                    trace = Replay(machine, tape.out_tree, [giver(r) for r in results], zeros)
                    trace.facts = structure, [argument_of(x) for x in leaves], results, str(tape.origin)
                del tape  # before the collector is on again, which would look at every record first
        except CaptureError:
            if recorded or any(before is None for _, before in saved):
                raise
            return self._written(saved, None, args, kwargs)
        except Exception as error:
            if recorded or isinstance(error, PatternError):  # a wrong pattern stays wrong eagerly
                raise
            return self._unrecordable(signature, error, args, kwargs)
        if consumed:
            self.never = "takes out of an argument, or puts into it"
            self._eager(self.never)
            return self.f(*args, **kwargs)
        took = time.perf_counter() - start
        self.seconds += took
        signature.recording += took
        if self._settled(parts) and not new:  # what new places held before the run is not known
            self._keep(signature, where, trace)
        found = self.run(trace, values)
        if found == POLE and not new:
            return self._record(signature, (trace, POLE), args, kwargs, leaves, structure, values, places)
        if not isinstance(found, list):
            # A number that Python looked at comes out with another rounding than when it was recorded.
            self.counts["eager"] += 1
            return self.f(*args, **kwargs)
        return self._checked(trace.give(found), args, kwargs)

    def _unrecordable(self, signature, error, args, kwargs):
        """Call the function itself where the recording of it failed; it raises what is its own error."""
        result = self.f(*args, **kwargs)
        if signature.root is None:
            signature.eager = True
        line = user_line(error)
        self._eager(f"cannot be recorded{' at ' + line if line else ''} ({type(error).__name__}: {error})")
        return result

    def _pays(self, signature):
        """Return whether to record one more way: so far recordings have taken less time than the calls that they serve.

        The first few are always recorded.  After that recordings are paid for by calls: as they are, without programs,
        those so far would have taken twice as long as all recordings took.
        """
        s = signature
        if s.count >= TRACES:
            return False
        if s.count < AT_ONCE:
            return True
        return s.hits > 0 and s.misses > 0 and (s.hits + s.misses) * s.running > 2.0 * s.recording

    def forget_hits(self):
        """Count the replays so far as none: they were of one point, and do not show that later calls are served."""
        for signature in list(self.signatures.values()):
            signature.hits = 0

    def _missed(self, signature, args, kwargs):
        """Run the function where another recording does not pay."""
        signature.misses += 1
        self.counts["eager"] += 1
        start = time.perf_counter()
        result = self.f(*args, **kwargs)
        signature.running = min(signature.running, time.perf_counter() - start)
        return result

    def eagerly(self, args, kwargs):
        """Handle a call of a signature that was given up."""
        self.counts["eager"] += 1
        return self.f(*args, **kwargs)

    def _written(self, saved, returned, args, kwargs):
        """Return the result of a run that has written to an array that it captures, or else of the function itself.

        What a run gave that wrote to an array after it had read it cannot be trusted: a derivative in it may have read
        the array after it was written to.
        """
        why = "writes into an array that it captures, or that it makes without traced values in it"
        self._eager(why)
        self.unsettled += 1
        if self.unsettled >= UNSETTLED:
            self.never = why
        if returned is not None:
            with contextlib.suppress(TraceError):  # what was not computed in the run cannot be now
                found, structure = tree.flatten(returned)
                return tree.unflatten(structure, [finished(x) for x in found])
        for x, before in saved:
            if before is not None:
                x[...] = before
        return self.f(*args, **kwargs)

    def _settled(self, argument_places):
        """Return whether the run that was recorded has left alone what it reads: a replay would not change it again."""
        places = (changed(p.checks) for p in (self.captures, *argument_places))
        place = next((p for p in places if p is not None), None)
        if place is None:
            self.unsettled = 0
            return True
        self.unsettled += 1
        if self.unsettled >= UNSETTLED:
            self.never = f"changes what it captures ({place.describe()}) at every call"
        return False

    def _make_room(self):
        """Forget the signature that was not used for longest where there are too many."""
        while len(self.signatures) >= SIGNATURES:
            old = self.signatures.pop(next(iter(self.signatures)))
            self.unused = 0 if old.hits else self.unused + 1

    def _keep(self, signature, branch, trace):
        """Put a trace where its guards lead."""
        with self.lock:
            if branch is None and signature.root is None:
                signature.root = trace
            elif branch is not None:
                branch[0].children[branch[1]] = trace
            signature.count += 1
            signature.latest = trace

    def _eager(self, why):
        self.recent = None
        self._warn(why)
        self.counts["eager"] += 1

    def _warn(self, why):
        """Say once that calls run the function, at the user's line."""
        if not self.warned:
            self.warned = True
            text = f"{describe(self.f, 'compile')} {why}: such calls run eagerly"
            warnings.warn(text, RuntimeWarning, stacklevel=user_level(sys._getframe(1)))

    def _checked(self, result, args, kwargs):
        """Return the result; compare it with the function's own where that is asked for."""
        if not self.check or self.calls > CHECKED_CALLS:
            return result
        got, want = tree.flatten(result)[0], tree.flatten(self.f(*args, **kwargs))[0]
        same = len(got) == len(want) and all(
            np.allclose(x, y, rtol=1e-9, atol=1e-12, equal_nan=True)
            if isplain(y, float | complex | np.ndarray | np.generic)
            else x == y
            for x, y in zip(got, want, strict=True)
        )
        if not same:
            raise TraceError(
                f"{describe(self.f, 'compile')}: the replay and the function disagree; it depends on something "
                "besides its arguments (random numbers, a file, an attribute of an object), or writes to it"
            )
        self._compare_values(args, kwargs)
        return result

    def _compare_values(self, args, kwargs):
        """Raise where the function that is differentiated gives another value when it is traced than by itself."""
        g = inspect.unwrap(self.f)
        if g is self.f:
            return
        try:
            want = tree.flatten(g(*args, **kwargs))[0]
            got = [finished(y) for y in Trace(g, args, kwargs, (0,), "compile").outputs]
        except Exception:  # g takes other arguments than its derivative does
            return
        for x, y in zip(got, want, strict=True):
            if isplain(y, float | complex | np.ndarray | np.generic) and not np.allclose(
                x, y, rtol=1e-5 if np.result_type(y).itemsize < 8 else 1e-9, atol=1e-12, equal_nan=True
            ):
                raise TraceError(
                    f"{describe(g, 'compile')}: the value of the traced run is {x}, that of the function itself {y}: "
                    "it takes another branch when it is traced, because it tests `type(x)` or swallows an exception"
                )


def _objects(tree_of):
    """Return the objects of the user's classes in arguments."""
    waiting, seen = [tree_of], set()
    while waiting:
        x = waiting.pop()
        if id(x) in seen or isplain(x, (*STATIC, np.ndarray)):
            continue
        seen.add(id(x))
        if isinstance(x, dict):
            waiting.extend(x.values())
        elif isinstance(x, list | tuple | set | frozenset):
            waiting.extend(x)
        if type(x).__flags__ & tree.HEAP_TYPE and not isinstance(x, type):
            yield x
            waiting.extend(getattr(x, "__dict__", {}).values())


def _configuration(tree_of):
    """Return what hangs on objects among the arguments and is no leaf of them: attributes without derivative."""
    for x in _objects(tree_of):
        if type(x) in tree._registered:
            yield from [v for v in tree._attributes(x).values() if not tree._differentiable(v)]


def _containers(arguments):
    """Return the containers among the arguments that can be changed."""
    waiting = [*arguments[0], *arguments[1].values()]
    while waiting:
        x = waiting.pop()
        if isinstance(x, dict | list | tuple | collections.deque):
            if not isinstance(x, tuple):
                yield x
            waiting.extend(x.values() if isinstance(x, dict) else x)


def _orders(arguments):
    """Return the keys of dicts among the arguments, in their order: leaves come in another."""
    return tuple([tuple(x) for x in (arguments[1], *_containers(arguments)) if isinstance(x, dict)])
