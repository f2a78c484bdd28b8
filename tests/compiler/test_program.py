"""Programs as things: called with right and wrong arguments, printed, saved, sent to other processes."""

import concurrent.futures
import multiprocessing
import pickle
import threading

import fuzz_files
import numpy as np
import pytest
from processes import python_in

import mmad
from mmad.compiler.program import Program
from mmad.errors import ProgramError

X = np.linspace(-1.0, 2.0, 12).reshape(3, 4)


def mixed(x, s, options):
    y = np.tanh(x) * s + options["shift"]
    y[1] = options["weights"][0] @ x
    return {"y": y, "sums": [y.sum(axis=0), (y * y).sum()], "rest": (s > 0, None, 3, "text")}


ARGUMENTS = (X, 0.7, {"shift": 0.25, "weights": (np.array([1.0, -1.0, 2.0]), 5)})


def leaves(tree):
    """What can be compared: the bytes of arrays, numbers with their types, everything else as it is."""
    if isinstance(tree, dict):
        return [leaf for k in sorted(tree) for leaf in leaves(tree[k])]
    if isinstance(tree, list | tuple):
        return [leaf for v in tree for leaf in leaves(v)]
    if isinstance(tree, np.ndarray):
        return [(tree.dtype.str, tree.shape, tree.tobytes())]
    return [(type(tree).__name__, float(tree).hex() if isinstance(tree, float) else tree)]


@pytest.fixture(scope="module")
def program():
    compiled = mmad.compile(mixed)
    compiled(*ARGUMENTS)
    return compiled.programs()[0]


def test_structure_of_the_result(program):
    got, want = program(*ARGUMENTS), mixed(*ARGUMENTS)
    assert list(got) == sorted(want)
    assert type(got["rest"]) is tuple
    assert type(got["sums"]) is list
    np.testing.assert_allclose(got["y"], want["y"], rtol=1e-14)
    np.testing.assert_allclose(got["sums"][1], want["sums"][1], rtol=1e-14)
    assert got["rest"][1:] == (None, 3, "text")
    assert bool(got["rest"][0]) is True


# ------------------------------------------------------------------------------------------------ wrong arguments
def changed(k, value):
    return tuple(value if i == k else a for i, a in enumerate(ARGUMENTS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "another structure"),
        (ARGUMENTS[:2], "another structure"),
        ((*ARGUMENTS, 1.0), "another structure"),
        (changed(2, {"shift": 0.25}), "another structure"),
        (changed(2, {"shift": 0.25, "weights": [np.ones(3), 5]}), "another structure"),
        (changed(2, {"shift": 0.25, "weight": (np.ones(3), 5)}), "another structure"),
        (changed(0, X.T), r"shape \(3, 4\) and dtype float64, called with shape \(4, 3\)"),
        (changed(0, X[0]), r"called with shape \(4,\)"),
        (changed(0, X.astype(np.float32)), "dtype float64, called with shape .* and dtype float32"),
        (changed(0, X.astype(int)), "and dtype int64"),
        (changed(0, X.tolist()), "called with a list"),
        (changed(0, 1.0), "called with a float"),
        (changed(1, "0.7"), "recorded with a float, called with a str"),
        (changed(1, True), "recorded with a float, called with a bool"),
        (changed(1, 1j), "called with a complex"),
        (changed(1, np.ones(1)), "called with a ndarray"),
        (changed(2, {"shift": 0.25, "weights": (np.ones(3), 6)}), "recorded with 5, called with 6"),
        (changed(2, {"shift": 0.25, "weights": (np.ones(3), 5.0)}), "recorded with 5, called with 5.0"),
    ],
)
def test_wrong_arguments_are_named(program, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        program(*arguments)
    assert "mixed" in str(caught.value)  # what was recorded
    assert not isinstance(caught.value, ProgramError)


def test_keywords_are_another_structure(program):
    with pytest.raises(ValueError, match="another structure"):
        program(*ARGUMENTS[:2], options=ARGUMENTS[2])


@pytest.mark.parametrize(
    "x", [np.asfortranarray(X), X.astype(">f8"), np.repeat(X, 2, axis=1)[:, ::2], X[::-1][::-1]], ids=range(4)
)
def test_layouts_of_arguments_do_not_matter(program, x):
    assert leaves(program(x, *ARGUMENTS[1:])) == leaves(program(*ARGUMENTS))


def test_read_only_and_unaligned_arguments(program):
    fixed = X.copy()
    fixed.flags.writeable = False
    shifted = np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(X.dtype).reshape(X.shape)
    assert not shifted.flags.aligned
    for x in (fixed, shifted):
        assert leaves(program(x, *ARGUMENTS[1:])) == leaves(program(*ARGUMENTS))


def test_numbers_of_other_types(program):
    want = leaves(program(X, 1.0, ARGUMENTS[2]))
    for one in (1, np.float64(1.0), np.int32(1)):
        assert leaves(program(X, one, ARGUMENTS[2])) == want


def test_static_arrays_are_compared_by_value():
    """An array of integers is part of what was recorded; a change of the caller's copy is seen."""
    index = np.array([0, 2, 2])
    f = mmad.compile(lambda x, k: x[k].sum() + len(k))
    x = np.array([1.0, 2.0, 4.0])
    assert f(x, index) == 12.0
    (program,) = f.programs()
    for p in (program, pickle.loads(pickle.dumps(program))):
        assert p(x, np.array([0, 2, 2])) == 12.0
        for other in (np.array([0, 2, 1]), np.array([0, 2]), np.array([0, 2, 2], np.int32), 0):
            with pytest.raises(ValueError, match="recorded with array"):
                p(x, other)
    index[0] = 1
    with pytest.raises(ValueError, match="recorded with array"):
        program(x, index)


# ------------------------------------------------------------------------------------------------ looking at it
def test_text(program):
    text = str(program)
    assert text.startswith("program of record of mixed")
    assert "tanh" in text
    assert "group: 12 elements of f8" in text
    assert "store" in text or "matmul" in text
    assert repr(program) == f"<Program of {program.origin}: {len(program)} instructions>"
    assert all(len(line) <= 100 for line in program.explain().splitlines()[1:])
    for words in ("recorded", "lower", "fusion", "buffers", "scalar instructions:", "fused groups:", "predicted time:"):
        assert words in program.explain()


@pytest.mark.parametrize("name", fuzz_files.bases())
def test_text_of_loaded_programs(name):
    program = Program._loads(fuzz_files.bases()[name])
    assert str(program).count("\n") >= 2
    assert "predicted time" in program.explain()
    assert f"{len(program)} instructions" in repr(program)


def test_long_runs_are_cut_in_the_text():
    def f(x):
        for _ in range(100):
            x = np.sin(x)
        return x

    assert "... 40 more" in str(mmad.record(f, 1.0).compile())


# ------------------------------------------------------------------------------------------------ files and processes
def test_pickled_programs_give_the_same_bits(program):
    want = leaves(program(*ARGUMENTS))
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(program, protocol))
        assert leaves(again(*ARGUMENTS)) == want
        assert str(again) == str(program)
        assert pickle.dumps(again, protocol) == pickle.dumps(program, protocol)


def test_saved_in_one_process_and_loaded_in_another(program, tmp_path):
    program.save(tmp_path / "program")
    (tmp_path / "arguments").write_bytes(pickle.dumps(ARGUMENTS))
    result = python_in(
        tmp_path,
        """
import pickle, mmad
with open("arguments", "rb") as file:
    arguments = pickle.load(file)
with open("results", "wb") as file:
    pickle.dump(mmad.Program.load("program")(*arguments), file)
""",
    )
    assert result.returncode == 0, result.stderr
    assert leaves(pickle.loads((tmp_path / "results").read_bytes())) == leaves(program(*ARGUMENTS))


def test_captured_arrays_are_saved_as_they_are():
    captured = np.array([1.0, 2.0])
    program = mmad.record(lambda x: (x * captured).sum(), np.ones(2)).compile()
    saved = pickle.loads(pickle.dumps(program))
    assert saved(np.ones(2)) == 3.0
    captured[0] = 10.0
    assert saved(np.ones(2)) == 3.0


@pytest.mark.parametrize(
    "captured", [np.zeros((0, 3)), np.ones((2, 3))[:, ::2], np.asfortranarray(X), np.float64(2.0), X > 0]
)
def test_captured_arrays_of_every_kind(captured):
    program = mmad.record(lambda x: (x * captured).sum() + x, 2.0).compile()
    assert pickle.loads(pickle.dumps(program))(3.0) == program(3.0)
    assert program(3.0) == pytest.approx((3.0 * captured).sum() + 3.0, rel=1e-15)


def test_what_cannot_be_saved(tmp_path):
    own = mmad.primitive(np.sinc, jvp=lambda dots, y, x: dots[0] * y)
    program = mmad.record(lambda x: own(x) * 2.0, X).compile()
    np.testing.assert_allclose(program(X), np.sinc(X) * 2.0)
    for write in (pickle.dumps, lambda p: p.save(tmp_path / "program")):
        with pytest.raises(ProgramError, match="the user's own, cannot be saved"):
            write(program)
    assert not (tmp_path / "program").exists()


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Program.load(tmp_path / "nothing")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ProgramError, match="not the file of a program"):
        Program.load(tmp_path / "empty")


def test_process_pool(program):
    context = multiprocessing.get_context("spawn")
    points = [(X * k, 0.1 * k, ARGUMENTS[2]) for k in range(6)]
    with concurrent.futures.ProcessPoolExecutor(2, context) as pool:
        results = list(pool.map(program, *zip(*points, strict=True)))
    assert [leaves(r) for r in results] == [leaves(program(*p)) for p in points]


def test_thread_pool(program):
    points = [(X * k, 0.1 * k, ARGUMENTS[2]) for k in range(50)]
    want = [leaves(program(*p)) for p in points]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert [leaves(r) for r in pool.map(lambda p: program(*p), points)] == want
        assert [leaves(pickle.loads(b)(*points[3])) for b in pool.map(pickle.dumps, [program] * 8)] == [want[3]] * 8


def test_thread_that_ends_leaves_the_program(program):
    found = []
    thread = threading.Thread(target=lambda: found.append(program(*ARGUMENTS)))
    thread.start()
    thread.join()
    assert leaves(found[0]) == leaves(program(*ARGUMENTS))


def test_dask_cluster(program):
    distributed = pytest.importorskip("distributed")
    given = {"n_workers": 1, "processes": True, "dashboard_address": ":0"}  # other tests have clusters, too
    with distributed.LocalCluster(**given) as cluster, distributed.Client(cluster) as client:
        assert leaves(client.submit(program, *ARGUMENTS).result(60)) == leaves(program(*ARGUMENTS))
