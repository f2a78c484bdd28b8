"""``mmad hvp`` from file to file, and every way it can be used wrongly."""

import os
import stat
import sys

import numpy as np
import pytest
from processes import COMMAND, mmad_in, python_in

USER_MODULE = """
import sys
import numpy as np

def rosenbrock(x):
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()

def loop(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total

class Model:
    @staticmethod
    def loss(x):
        return np.sin(x).sum()

def changes_its_argument(x):
    x *= 2.0
    return (x ** 3).sum()

def constant(x): return 3.0
def infinite(x): return np.sqrt(np.abs(x) - 0.25).sum()
def vector(x): return x * 2.0
def one_element(x): return (x * x).sum(keepdims=True)
def pair(x): return x.sum(), x.sum()
def nothing(x): return None
def integer(x): return 3
def truth(x): return x[0] > 0
def boolean(x): return True
def text(x): return "loss"
def complex_(x): return (x * 1j).sum()
def loses_track(x): return float(x[0]) ** 2
def raises(x): raise ValueError("two\\n  lines")
def exits(x): sys.exit(7)
def two_arguments(x, y): return x.sum()
def recurses(x): return recurses(x)
not_a_function = 3
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "user.py").write_text(USER_MODULE)
    (tmp_path / "broken.py").write_text("def f(x:\n")
    (tmp_path / "raises_on_import.py").write_text("raise RuntimeError('no licence')\n")
    (tmp_path / "needs_more.py").write_text("import surely_not_installed\n")
    (tmp_path / "exits_on_import.py").write_text("import sys; sys.exit(0)\n")
    np.save(tmp_path / "x.npy", np.array([0.5, -1.0, 2.0, 0.25]))
    np.save(tmp_path / "v.npy", np.array([1.0, 0.0, -2.0, 3.0]))
    return tmp_path


def hvp(folder, function="user:rosenbrock", at="x.npy", vector="v.npy", out="hv.npy", *more, run=mmad_in):
    return run(folder, "hvp", function, "--at", at, "--vector", vector, "--out", out, *more)


def by_process(folder, *arguments):
    """``mmad ARGUMENTS`` in `folder`; like the console script it starts without the folder on its path."""
    return python_in(folder, COMMAND, *arguments)


def rosenbrock_hessian(x):
    """By hand."""
    n = len(x)
    h = np.zeros((n, n))
    for i in range(n - 1):
        h[i, i] += 1200 * x[i] ** 2 - 400 * x[i + 1] + 2
        h[i, i + 1] -= 400 * x[i]
        h[i + 1, i] -= 400 * x[i]
        h[i + 1, i + 1] += 200
    return h


def assert_refused(folder, result, *words, before):
    assert result.returncode == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("mmad hvp: error: ")
    for word in words:
        assert word in lines[0], lines[0]
    assert sorted(path.name for path in folder.iterdir() if path.name != "__pycache__") == before


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("run", [by_process, mmad_in])
@pytest.mark.parametrize("function", ["user:rosenbrock", "user:loop"])
def test_product_is_written(folder, function, run):
    result = hvp(folder, function, run=run)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "hv.npy" in result.stdout
    x, v, product = (np.load(folder / name) for name in ("x.npy", "v.npy", "hv.npy"))
    np.testing.assert_allclose(product, rosenbrock_hessian(x) @ v, rtol=1e-13)
    assert product.dtype == np.float64


def test_attribute_of_a_class(folder):
    assert hvp(folder, "user:Model.loss").returncode == 0
    x, v, product = (np.load(folder / name) for name in ("x.npy", "v.npy", "hv.npy"))
    np.testing.assert_allclose(product, -np.sin(x) * v, rtol=1e-14)


def test_function_may_change_its_argument(folder):
    assert hvp(folder, "user:changes_its_argument").returncode == 0
    x, v, product = (np.load(folder / name) for name in ("x.npy", "v.npy", "hv.npy"))
    np.testing.assert_allclose(product, 48 * x * v, rtol=1e-13)


def test_constant_function_has_a_zero_product(folder):
    assert hvp(folder, "user:constant").returncode == 0
    np.testing.assert_array_equal(np.load(folder / "hv.npy"), np.zeros(4))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.astype(">f8"),
        lambda a: np.asfortranarray(a.reshape(2, 2)),
        lambda a: a.reshape(2, 1, 2),
        lambda a: a[:0],
    ],
    ids=["big-endian", "fortran", "3-d", "empty"],
)
def test_other_layouts(folder, change):
    for name in ("x.npy", "v.npy"):
        np.save(folder / name, change(np.load(folder / name)))
    result = hvp(folder, "user:Model.loss")
    assert result.returncode == 0, result.stderr
    x, v, product = (np.load(folder / name) for name in ("x.npy", "v.npy", "hv.npy"))
    np.testing.assert_allclose(product, -np.sin(x) * v, rtol=1e-14)
    assert product.shape == x.shape


def test_scalar_point(folder):
    np.save(folder / "x.npy", np.array(0.5))
    np.save(folder / "v.npy", np.array(2.0))
    result = hvp(folder, "user:Model.loss")
    assert result.returncode == 0, result.stderr
    np.testing.assert_allclose(np.load(folder / "hv.npy"), -2 * np.sin(0.5), rtol=1e-15)


def test_float32_stays_float32(folder):
    np.save(folder / "x.npy", np.load(folder / "x.npy").astype(np.float32))
    assert hvp(folder, "user:Model.loss").returncode == 0
    x, v, product = (np.load(folder / name) for name in ("x.npy", "v.npy", "hv.npy"))
    assert product.dtype == np.float32
    np.testing.assert_allclose(product, -np.sin(x) * v, rtol=1e-6)


def test_values_that_are_not_finite_are_written_with_a_warning(folder):
    result = hvp(folder, "user:infinite")
    assert result.returncode == 0
    assert "not finite" in result.stderr
    np.testing.assert_array_equal(np.isfinite(np.load(folder / "hv.npy")), [True, True, True, False])


def test_existing_output_is_replaced_and_keeps_its_mode(folder):
    out = folder / "hv.npy"
    out.write_text("old")
    out.chmod(0o640)
    assert hvp(folder).returncode == 0
    assert np.load(out).shape == (4,)
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


def test_output_through_a_symbolic_link(folder):
    (folder / "real.npy").write_text("old")
    (folder / "hv.npy").symlink_to("real.npy")
    assert hvp(folder).returncode == 0
    assert (folder / "hv.npy").is_symlink()
    assert np.load(folder / "real.npy").shape == (4,)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("user", ["MODULE:FUNCTION"]),
        (":rosenbrock", ["MODULE:FUNCTION"]),
        ("user:", ["MODULE:FUNCTION"]),
        ("absent:f", ["no module 'absent'"]),
        ("absent.deeper:f", ["no module 'absent'"]),
        ("broken:f", ["importing broken failed", "SyntaxError"]),
        ("raises_on_import:f", ["importing raises_on_import failed", "no licence"]),
        ("needs_more:f", ["importing needs_more failed", "surely_not_installed"]),
        ("exits_on_import:f", ["importing exits_on_import failed", "SystemExit"]),
        ("user:absent", ["user has no 'absent'"]),
        ("user:Model.absent", ["user has no 'Model.absent'"]),
        ("user:not_a_function", ["int", "not a function"]),
        ("user:vector", ["one number", "shape (4,)"]),
        ("user:one_element", ["one number", "shape (1,)"]),
        ("user:pair", ["not tuple"]),
        ("user:nothing", ["not NoneType"]),
        ("user:integer", ["not int"]),
        ("user:truth", ["not bool"]),
        ("user:boolean", ["not bool"]),
        ("user:text", ["not str"]),
        ("user:complex_", ["complex128"]),
        ("user:loses_track", ["cannot be differentiated", "TypeError"]),
        ("user:raises", ["raised ValueError: two lines"]),
        ("user:exits", ["raised SystemExit: 7"]),
        ("user:two_arguments", ["raised TypeError", "'y'"]),
        ("user:recurses", ["raised RecursionError"]),
    ],
)
def test_wrong_function(folder, function, words):
    before = names(folder)
    assert_refused(folder, hvp(folder, function), *words, before=before)


@pytest.mark.parametrize("option", ["at", "vector"])
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.unlink(), ["cannot read", "No such file"]),
        (lambda path: (path.unlink(), path.mkdir()), ["cannot read", "Is a directory"]),
        (lambda path: path.write_bytes(b""), ["not a complete .npy file"]),
        (lambda path: path.write_text("1.0 2.0\n"), ["not a complete .npy file"]),
        (lambda path: path.write_bytes(path.read_bytes()[:-4]), ["not a complete .npy file"]),
        (lambda path: path.write_bytes(path.read_bytes()[:40]), ["not a complete .npy file"]),
        (lambda path: np.save(path, np.array([{}, 1.0]), allow_pickle=True), ["not a complete .npy file"]),
        (lambda path: np.save(path, np.arange(4)), ["int64", "save it as float64"]),
        (lambda path: np.save(path, np.ones(4, bool)), ["bool", "save it as float64"]),
        (lambda path: np.save(path, np.ones(4) * 1j), ["complex128", "not real"]),
        (lambda path: np.save(path, np.array(["a"] * 4)), ["not real floating-point"]),
        (lambda path: np.save(path, np.ones(3)), ["shape (3,)", "shape (4,)"]),
        (lambda path: np.save(path, np.ones((4, 1))), ["shape (4, 1)", "shape (4,)"]),
    ],
    ids=[
        *("absent", "folder", "empty", "text", "cut-data", "cut-header", "pickled"),
        *("int", "bool", "complex", "string", "short", "column"),
    ],
)
def test_wrong_array(folder, option, make, words):
    make(folder / ("x.npy" if option == "at" else "v.npy"))
    before = names(folder)
    assert_refused(folder, hvp(folder), *words, before=before)


def test_npz_is_refused(folder):
    np.savez(folder / "x.npz", np.ones(4))
    assert_refused(folder, hvp(folder, at="x.npz"), "not a complete .npy file", before=names(folder))


def test_header_that_asks_for_too_much_memory(folder):
    content = (folder / "x.npy").read_bytes().replace(b"(4,), }" + b" " * 12, b"(400000000000000,),}")
    (folder / "x.npy").write_bytes(content)
    assert_refused(folder, hvp(folder), "x.npy is not a complete .npy file", before=names(folder))


def test_output_folder_is_missing(folder):
    result = hvp(folder, out="absent/hv.npy")
    assert_refused(folder, result, "no folder", before=names(folder))


def test_output_is_a_folder(folder):
    (folder / "hv.npy").mkdir()
    assert_refused(folder, hvp(folder), "not a regular file", before=names(folder))


@pytest.mark.skipif(sys.platform == "win32", reason="modes of folders")
def test_output_folder_is_read_only(folder):
    locked = folder / "locked"
    locked.mkdir(mode=0o500)
    if os.access(locked, os.W_OK):
        pytest.skip("this user may write anywhere")
    assert_refused(folder, hvp(folder, out="locked/hv.npy"), "cannot write", before=names(folder))


@pytest.mark.skipif(sys.platform != "linux", reason="a full device")
def test_a_full_disk_leaves_the_old_output(folder):
    (folder / "hv.npy").write_text("old")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))"
    code = f"import sys, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); {limit}"
    arguments = ["hvp", "user:rosenbrock", "--at", "x.npy", "--vector", "v.npy", "--out", "hv.npy"]
    before = names(folder)
    result = python_in(
        folder,
        f"{code}; sys.dont_write_bytecode = True; from mmad.cli import main; sys.exit(main())",
        *arguments,
    )
    assert_refused(folder, result, "cannot write", "File too large", before=before)
    assert (folder / "hv.npy").read_text() == "old"


@pytest.mark.parametrize("run", [by_process, mmad_in])
@pytest.mark.parametrize(("function", "word"), [("user:raises", "ValueError"), ("user:exits", "SystemExit: 7")])
def test_an_error_leaves_the_old_output(folder, run, function, word):
    (folder / "hv.npy").write_text("old")
    before = names(folder)
    assert_refused(folder, hvp(folder, function, run=run), word, before=before)
    assert (folder / "hv.npy").read_text() == "old"


def test_traceback_on_request(folder):
    result = hvp(folder, "user:raises", "x.npy", "v.npy", "hv.npy", "--traceback")
    assert result.returncode == 2
    assert "Traceback (most recent call last)" in result.stderr
    assert 'raise ValueError("two' in result.stderr
    assert result.stderr.splitlines()[-1] == "mmad hvp: error: user:raises raised ValueError: two lines"


@pytest.mark.parametrize("missing", ["--at", "--vector", "--out"])
def test_a_missing_option_is_one_line(folder, missing):
    options = {"--at": "x.npy", "--vector": "v.npy", "--out": "hv.npy"}
    del options[missing]
    result = mmad_in(folder, "hvp", "user:rosenbrock", *(part for pair in options.items() for part in pair))
    assert_refused(folder, result, missing, "--help", before=names(folder))
