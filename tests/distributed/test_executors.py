"""`mmad.sharded` by processes, loky, Dask and MPI: the bits of one process, and workers that die."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, wait
from pathlib import Path

import numpy as np
import pytest
from logistic import GRADIENT, HESSIAN, POINT, SHARDS, VALUE, VECTOR, likelihood, ravelled

import mmad
from mmad.distributed.executors import LostWorkerError

HERE, PACKAGE = Path(__file__).resolve().parent.parent, Path(mmad.__file__).resolve().parent
SCALES = 1.0, 0.5, 2.0


def pool(count=1):
    """Processes that are not forked: a process with threads must not be."""
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"))


def assert_as_here(S):
    """Compare with one process, bit by bit, and with the closed form."""
    one = mmad.sharded(lambda p, s: likelihood(p, s), SHARDS)
    for scale in SCALES:
        p = {"w": scale * POINT["w"], "b": POINT["b"]}
        assert S(p) == one(p)
        value, gradient = S.value_and_grad(p)
        assert value == one(p)
        np.testing.assert_array_equal(ravelled(gradient), ravelled(one.grad(p)))
        np.testing.assert_array_equal(ravelled(S.hvp(p, VECTOR)), ravelled(one.hvp(p, VECTOR)))
    H = S.hessian_operator(POINT)
    for _ in range(2):
        np.testing.assert_allclose(H @ np.eye(4), HESSIAN, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(S(POINT), VALUE, rtol=1e-13)
    np.testing.assert_allclose(ravelled(S.grad(POINT)), GRADIENT, rtol=1e-12)


def kill(pid):
    """End a process that this test has started."""
    os.kill(pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


def kill_one(executor):
    """End a process of an executor of `concurrent.futures`, and wait until the executor has noticed."""
    process = next(iter(executor._processes.values()))
    kill(process.pid)
    process.join(30)


# ------------------------------------------------------------------------------------------------ processes
def test_processes():
    """A lambda, which pickle cannot send: the programs are sent."""
    with pool(2) as executor:
        assert_as_here(mmad.sharded(lambda p, s: likelihood(p, s), SHARDS, executor))


def test_executors_of_one_process_keep_their_shards():
    with pool() as one, pool() as other:
        S = mmad.sharded(lambda p, s: likelihood(p, s), SHARDS, [one, other])
        assert_as_here(S)
        assert S.stats()["sent_again"] == 0
        kill_one(one)
        assert_as_here(S)
        assert S.stats()["lost_workers"] == 1


def test_a_lost_pool_raises():
    with pool() as executor:
        S = mmad.sharded(lambda p, s: likelihood(p, s), SHARDS, executor)
        S(POINT)
        kill_one(executor)
        for _ in range(2):
            with pytest.raises(LostWorkerError, match="a function that makes the executor"):
                S(POINT)


def test_a_lost_pool_is_made_again():
    made = []

    def make():
        made.append(pool())
        return made[-1]

    try:
        S = mmad.sharded(lambda p, s: likelihood(p, s), SHARDS, make)
        S(POINT)
        kill_one(made[0])
        assert_as_here(S)
        assert (len(made), S.stats()["lost_workers"]) == (2, 1)
    finally:
        for executor in made:
            executor.shutdown()


def test_shards_that_kill_every_worker_raise():
    class Deadly:
        """An executor whose workers die of every job."""

        def submit(self, function, *args):
            future = pool_of_one.submit(os._exit, 1)
            wait([future])
            return future

    pool_of_one, count = None, itertools.count()

    def make():
        nonlocal pool_of_one
        next(count)
        if pool_of_one is not None:
            pool_of_one.shutdown()
        pool_of_one = pool()
        return Deadly()

    with pytest.raises(LostWorkerError, match="shards 0 to 4"):
        mmad.sharded(likelihood, SHARDS, make)(POINT)
    pool_of_one.shutdown()
    assert next(count) == 5


def test_an_error_in_a_process_names_the_shard():
    with pool() as executor:
        f = lambda p, s: np.linalg.inv(s - p * np.eye(2)).sum()
        S = mmad.sharded(f, [np.diag([k + 1.0, k + 2.0]) for k in range(0, 8, 2)], executor)
        assert np.isfinite(S.grad(0.5))
        with pytest.raises(np.linalg.LinAlgError) as caught:
            S.grad(5.0)
        assert "mmad.sharded: in shard 2" in caught.value.__notes__
        assert np.isfinite(S.grad(0.5))


def test_loky():
    loky = pytest.importorskip("loky")
    S = mmad.sharded(lambda p, s: likelihood(p, s), SHARDS, lambda: loky.get_reusable_executor(2))
    try:
        assert_as_here(S)
        kill(next(iter(loky.get_reusable_executor(2)._processes)))
        assert_as_here(S)
        assert S.stats()["lost_workers"] >= 1
    finally:
        loky.get_reusable_executor().shutdown(wait=True)


# ------------------------------------------------------------------------------------------------ Dask
@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_dask(client):
    S = mmad.sharded(lambda p, s: likelihood(p, s), SHARDS, client)
    assert_as_here(S)
    assert S.stats()["sent_again"] == 0
    where = client.has_what()
    keys = {S.evaluator.futures[data].key for data, *_ in S.shards}
    assert sorted(len(keys.intersection(held)) for held in where.values()) == [2, 3]  # each shard on one worker


def test_dask_copies_large_parameters_to_all_workers(client):
    p, shards = np.linspace(-1.0, 1.0, 20_000), [np.array([1.0, 2.0]), np.array([3.0])]
    S = mmad.sharded(lambda p, s: (p**3).sum() * s.sum(), shards, client)
    for scale in SCALES:
        np.testing.assert_allclose(S.grad(scale * p), 18.0 * (scale * p) ** 2, rtol=1e-13)
    assert len(S.evaluator.futures) <= 2 + 2 + 1  # shards, their programs, the last point


def test_dask_adds_large_results_up_on_its_workers(client):
    """Without any to come back but the sum, with the bits of one process, and where a branch is met."""
    p, shards = np.linspace(-1.0, 1.0, 40_000), [np.array([1.0, 0.1]), np.array([3.0, 0.7]), np.array([-0.3, 0.2])] * 2
    f = lambda p, s: (p**3 if s[0] > 0 else p**2).sum() * s.sum()
    S, one = mmad.sharded(f, shards, client, parts=6), mmad.sharded(f, shards)
    gathered = []
    gather = client.gather
    client.gather = gathered.append
    try:
        for _ in range(2):
            np.testing.assert_array_equal(S.grad(p), one.grad(p))
    finally:
        client.gather = gather
    assert gathered == []
    np.testing.assert_allclose(S.grad(p), 2 * (4.8 * 3 * p**2 - 0.1 * 2 * p), rtol=1e-12)


def test_branches_on_dask(client):
    S = mmad.sharded(lambda p, s: p * s if s > 0 else p**2 * s, [1.0, -2.0, 3.0, -4.0], client)
    for p in (0.5, 2.0):
        assert S.value_and_grad(p) == (4.0 * p - 6.0 * p**2, 4.0 - 12.0 * p)


def test_an_error_on_dask_names_the_shard(client):
    f = lambda p, s: np.linalg.inv(s - p * np.eye(2)).sum()
    S = mmad.sharded(f, [np.diag([k + 1.0, k + 2.0]) for k in range(0, 8, 2)], client)
    assert np.isfinite(S.grad(0.5))
    with pytest.raises(np.linalg.LinAlgError) as caught:
        S.grad(5.0)
    assert "mmad.sharded: in shard 2" in caught.value.__notes__
    assert np.isfinite(S.grad(0.5))


def test_dask_futures_end_with_the_sum(client):
    S = mmad.sharded(lambda p, s: likelihood(p, s), SHARDS, client)
    S(POINT)
    keys = {f.key for f in S.evaluator.futures.values()}
    del S
    for _ in range(100):
        if not client.run_on_scheduler(lambda dask_scheduler: keys & set(dask_scheduler.tasks)):
            break
        client.run_on_scheduler(lambda: None)
    assert not client.run_on_scheduler(lambda dask_scheduler: keys & set(dask_scheduler.tasks))


def test_a_lost_worker_of_dask(client):
    S = mmad.sharded(lambda p, s: likelihood(p, s), SHARDS, client)
    assert_as_here(S)
    kill(min(client.run(os.getpid).values()))
    assert_as_here(S)
    assert_as_here(S)
    assert S.stats()["sent_again"] > 0


# ------------------------------------------------------------------------------------------------ MPI
MPI = """
import sys
import numpy as np
import mmad
from mpi4py import MPI
from mpi4py.futures import MPIPoolExecutor
from logistic import POINT, SHARDS, VECTOR, likelihood, ravelled

if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        S, one = (mmad.sharded(lambda p, s: likelihood(p, s), SHARDS, e) for e in (executor, None))
        for scale in (1.0, 0.5, 2.0):
            p = {"w": scale * POINT["w"], "b": POINT["b"]}
            assert S.value_and_grad(p)[0] == S(p) == one(p)
            np.testing.assert_array_equal(ravelled(S.grad(p)), ravelled(one.grad(p)))
            np.testing.assert_array_equal(ravelled(S.hvp(p, VECTOR)), ravelled(one.hvp(p, VECTOR)))
        H = S.hessian_operator(POINT)
        np.testing.assert_array_equal(H @ np.eye(4), one.hessian_operator(POINT) @ np.eye(4))
        ranks = {f.result() for f in [executor.submit(MPI.COMM_WORLD.Get_rank) for _ in range(20)]}
        print("workers", executor.num_workers, "ranks", *sorted(ranks))
"""


@pytest.mark.slow  # MPI's processes wait without sleeping
def test_mpi(tmp_path):
    pytest.importorskip("mpi4py")
    mpiexec = os.path.join(os.path.dirname(sys.executable), "mpiexec")
    if not os.path.exists(mpiexec):
        pytest.skip("no mpiexec beside the interpreter: pip install mpich")
    (tmp_path / "script.py").write_text(MPI)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, (PACKAGE.parent, HERE / "support"))))
    environment.pop("PYTHONSAFEPATH", None)  # mpi4py takes the first entry of the path for that of the script
    command = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", "script.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("workers 2 ranks "), done.stdout
    assert set(done.stdout.split()[3:]) <= {"1", "2"}
