"""Programs in threads, across forks, interrupted, and run a thousand times."""

import concurrent.futures
import contextlib
import gc
import os
import signal
import subprocess
import threading
import time
import tracemalloc

import numpy as np
import program_bytes
import pytest
from helpers import interpreter
from processes import PEAK, python_in

import mmad


def work(x, a):
    """Something of every kind of step."""
    y = np.tanh(x) * x[::-1]
    y[5] = x[0] * x[1]
    return np.cumsum(y), (a @ a.T).sum(axis=0), y.sum(), np.max(y * 2.0), x.reshape(-1, 4).sum(axis=0)


def bits(results):
    return [np.asarray(v).tobytes() for v in results]


@pytest.fixture
def threads():
    """Sets the number of threads, and puts it back."""
    yield mmad.set_num_threads
    mmad.set_num_threads(1)


@pytest.mark.parametrize("size", [40, 40_000])
def test_four_threads_at_once_give_the_same_bits(size):
    rng = np.random.default_rng(0)
    points = [(rng.normal(size=size), rng.normal(size=(30, 40))) for _ in range(8)]
    program = mmad.record(work, *points[0]).compile()
    want = [bits(program(*p)) for p in points]
    start, found = threading.Barrier(4), [None] * 4

    def run(k):
        start.wait()
        found[k] = [[bits(program(*p)) for p in points] for _ in range(10)]

    workers = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert all(part == want for parts in found for part in parts)


def windows(x):
    """Writes and sums that overlap within a row: threads take rows."""
    y = np.sin(x) * 1.0
    y[:, 1:] += x[:, :-1] * x[:, 1:]
    y[:, :-2] += np.cos(x[:, 2:])
    return y


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_threads_over_lanes(threads, rows):
    """Rows whose parts overlap; what is added up may be so in another order."""
    x = np.random.default_rng(rows).normal(size=(rows, 60_000))
    programs = [
        mmad.compile(mmad.grad(lambda x: (windows(x) ** 2).sum())),
        mmad.compile(lambda x: (windows(x).sum(axis=1), windows(x).max(axis=1), windows(x).sum(axis=0))),
        mmad.compile(lambda x: mmad.jvp(windows, (x,), (x[::-1] * 2.0,))[1]),
    ]
    want = [p(x) for p in programs]
    for n in (2, 3, 8):
        threads(n)
        for p, w in zip(programs, want, strict=True):
            for got, right in zip(p(x), w, strict=True):
                np.testing.assert_allclose(got, right, rtol=1e-12, atol=1e-12)


def test_threads_over_colours(threads):
    def banded(x):
        y = np.sin(x) * 2
        for k in range(1, 4):
            y[k:] += np.cos(x[:-k]) * x[k:]
        return y

    x = np.random.default_rng(5).normal(size=120_000)
    for strategy in ("columns", "rows"):
        J = mmad.jacobian(banded, strategy=strategy, mode="compiled", sparse=True)
        want = J(x).data
        for n in (2, 3):
            threads(n)
            np.testing.assert_array_equal(J(x).data, want)
            np.testing.assert_array_equal(J(x).data, want)
        threads(1)


def test_threads_within_a_run(threads):
    """Elements are the same bit by bit; sums are added in another order."""
    x = np.random.default_rng(1).normal(size=400_000)

    def f(x):
        y = np.exp(-x * x) + x
        z = y * 1.0
        z[1:] += y[:-1]
        return y, z, y.max(), y.min(), y.sum(), x.reshape(-1, 4).sum(axis=1), (x[1:] * x[:-1]).sum()

    program = mmad.record(f, x).compile()
    one = program(x)
    for n in (2, 3, 7):
        threads(n)
        for got, want in zip(program(x)[:4], one[:4], strict=True):
            np.testing.assert_array_equal(got, want)
        for got, want in zip(program(x)[4:], one[4:], strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-15 * 50, atol=1e-12)
        threads(1)
        assert bits(program(x)) == bits(one)


def test_threads_within_runs_that_are_at_once(threads):
    """One caller has the threads, the others work alone: each gets what it is due."""
    threads(2)
    x = np.random.default_rng(2).normal(size=(6, 300_000))
    program = mmad.record(lambda x: np.exp(-x * x) + x, x[0]).compile()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for got, row in zip(pool.map(program, list(x) * 3), list(x) * 3, strict=True):
            np.testing.assert_allclose(got, np.exp(-row * row) + row, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("n", [0, -1, 65, 1000])
def test_numbers_of_threads_that_there_are_not(n):
    with pytest.raises(ValueError, match=f"1 to 64, not {n}"):
        mmad.set_num_threads(n)
    assert mmad.get_num_threads() == 1


# ------------------------------------------------------------------------------------------------ other processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fork_after_threads_have_run(tmp_path):
    result = python_in(
        tmp_path,
        """
import os, warnings
import numpy as np, mmad
warnings.simplefilter("ignore")  # Python warns of forks in processes with threads; this is about them
mmad.set_num_threads(2)
x = np.linspace(0.0, 1.0, 400_000)
program = mmad.record(lambda x: (np.exp(x) * x, (x * x).sum()), x).compile()
want = program(x)
for _ in range(3):
    child = os.fork()
    if child == 0:
        got = program(x)
        os._exit(0 if (got[0] == want[0]).all() and got[1] == want[1] else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), bool((program(x)[0] == want[0]).all()))
""",
    )
    assert result.stdout.split() == ["0", "True"] * 3, result.stderr


ENDLESS = """
import numpy as np, mmad, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may have it ignored
sys.path.insert(0, sys.argv[1])
from program_bytes import Parts
from mmad.compiler.program import Program
mmad.set_num_threads(int(sys.argv[2]))
program = mmad.record(lambda x: np.broadcast_to(x[:, None], (64, 9)).sum(), np.ones(64)).compile()
parts = Parts(program._dumps())
group, access, step = parts.records("groups"), parts.records("accesses"), parts.records("steps")
group["size"], step["work"] = 64 << 40, 64 << 40
access["shape"][0][1] = 1 << 40
access["strides"][0][:2] = (1, 0)
endless = Program._loads(parts.dumps())
try:
    print("started", flush=True)
    endless(np.ones(64))
except KeyboardInterrupt:
    print("interrupted", endless.machine is not None, program(np.ones(64)))
"""


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
@pytest.mark.parametrize("count", [1, 2])
def test_interrupt(count):
    """A run that would take hours ends where somebody presses Ctrl-C, and another one can follow."""
    command, environment = interpreter(ENDLESS, os.path.dirname(program_bytes.__file__), count)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline().strip() == "started"
            time.sleep(0.5)  # it runs by now: there are hours ahead of it
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert output.split() == ["interrupted", "True", "576.0"]


# ------------------------------------------------------------------------------------------------ memory
def test_a_thousand_runs_leave_nothing_behind():
    x, a = np.linspace(-1.0, 1.0, 400), np.eye(12)
    program = mmad.record(work, x, a).compile()
    guarded = mmad.record(lambda x: x * 2.0 if x > 0 else -x, 1.0).compile()

    def once():
        program(x, a)
        with contextlib.suppress(mmad.GuardError):
            guarded(-1.0)

    for _ in range(20):
        once()
    tracemalloc.start()
    try:
        once()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            once()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 8000  # eight bytes a run


def test_results_are_in_no_cycle():
    """They are freed with their last reference, not when the collector comes round."""
    x = np.linspace(0.1, 1.0, 20)
    program = mmad.record(lambda x: {"a": np.exp(x), "b": (x * 2.0, [x + 1.0])}, x).compile()
    gc.collect()
    gc.disable()
    try:
        program(x)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_memory_of_the_process_does_not_grow(tmp_path):
    """Also what is allocated in C: programs made and dropped, results large and small, guards that fail."""
    result = python_in(
        tmp_path,
        PEAK
        + """
import gc, pickle
import numpy as np, mmad
x = np.linspace(0.1, 1.0, 20_000)
def f(x):
    y = np.exp(x) * x[::-1]
    y[3] = 2.0
    return y, np.cumsum(y), (y if y.sum() > 0 else -y)
tape = mmad.record(f, x)
program = tape.compile()
def once():
    program(x)
    try:
        program(-x * 100.0)
    except mmad.GuardError:
        pass
    pickle.loads(pickle.dumps(tape.compile()))(x)
for _ in range(100):
    once()
gc.collect()
before = peak()
for _ in range(1000):
    once()
print(peak() - before)
""",
    )
    assert int(result.stdout) < 8e6, result.stderr  # one leaked result a run would be 160e6


def test_bytes_of_a_program_do_not_grow():
    x = np.ones(100)
    program = mmad.record(lambda x: np.sin(x) * x[::-1], x).compile()
    before = program.nbytes, program.workspace
    for _ in range(100):
        program(x)
    assert (program.nbytes, program.workspace) == before


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers of processor time")
@pytest.mark.parametrize("how", ["eager", "compiled", "stack"])
def test_signals_are_seen_during_a_long_product(how):
    """A timer's handler runs many times before a product of two large matrices is done, which has its usual value."""
    rng = np.random.default_rng(0)
    if how == "stack":
        a, b = rng.standard_normal((2, 1000, 1500)), rng.standard_normal((2, 1500, 900))
    else:
        a, b = rng.standard_normal((1600, 1500)), rng.standard_normal((1500, 1300))
    product = mmad.compile(np.matmul)
    if how == "eager":

        def product(a, b):
            return mmad.jvp(lambda a: a @ b, (a,), (np.zeros_like(a),))[0]

    seen = []
    product(a, b)
    before = signal.signal(signal.SIGVTALRM, lambda *_: seen.append(1))
    try:
        start = time.process_time()
        want = a @ b
        step = (time.process_time() - start) / 50
        signal.setitimer(signal.ITIMER_VIRTUAL, step, step)
        got = product(a, b)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    assert len(seen) > 2
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-11)
