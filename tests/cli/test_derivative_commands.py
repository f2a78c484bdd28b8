"""``mmad grad``, ``hvp``, ``jacobian``, ``hessian``, ``sparsity`` and ``check``: the same as the functions give, from
files and streams; and every way to use them wrongly."""

import io
import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from helpers import interpreter
from processes import COMMAND, mmad_in, python_in

import mmad

USER_MODULE = """
import numpy as np

def loss(x, scale=1.0, power=2):
    print("printed by the function")
    return scale * ((x[1:] - x[:-1] ** 2) ** power).sum() + np.exp(x).sum()

def residuals(x, shift=0.0): return x[1:] * x[:-1] - shift
def pair(x): return x, x * 2.0
def number(x): return x * x * x
def kink(x): return np.maximum(x, 0.5).sum()
def raises(x): raise ValueError("no such thing")
def asserts(x): assert x.sum() < 0, "must be negative"
def infinite(x): return np.sqrt(np.abs(x) - 0.25).sum()
def nothing(x): return None
def random(x): return (x * np.random.rand(len(x))).sum()
class Model:
    @staticmethod
    def loss(x): return np.sin(x).sum()
"""

X = np.array([0.5, -1.0, 2.0, 0.25])


def loss(x, scale=1.0, power=2):
    return scale * ((x[1:] - x[:-1] ** 2) ** power).sum() + np.exp(x).sum()


def residuals(x, shift=0.0):
    return x[1:] * x[:-1] - shift


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "own.py").write_text(USER_MODULE)
    (tmp_path / "deep" / "user.py").write_text("from own import loss\n")
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "v.npy", X[::-1] + 1.0)
    np.save(tmp_path / "scale.npy", np.array(3.0))
    np.save(tmp_path / "power.npy", np.array(4))
    np.save(tmp_path / "shift.npy", np.arange(3))
    return tmp_path


def by_process(folder, *arguments):
    return python_in(folder, COMMAND, *arguments)


def as_stream(folder, *arguments, given=b""):
    """The command as a process, with bytes as its standard input; returns the finished process with bytes."""
    command, environment = interpreter(COMMAND, *arguments)
    return subprocess.run(
        command, env=environment, cwd=folder, input=given, capture_output=True, timeout=120, check=False
    )


def written(folder, command, function, *more, run=mmad_in):
    """What a command writes about a function of ``deep/own.py``."""
    out = folder / "out.npy"
    result = run(folder, command, f"./deep/own.py:{function}", "--at", "x.npy", "--out", str(out), *more)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"{out}: float64 (")
    return np.load(out)


@pytest.mark.parametrize("run", [by_process, mmad_in])
def test_gradient(folder, run):
    np.testing.assert_array_equal(written(folder, "grad", "loss", run=run), mmad.grad(loss)(X))


def test_what_the_function_prints_is_no_result(folder):
    result = mmad_in(folder, "grad", "./deep/own.py:loss", "--at", "x.npy", "--json")
    np.testing.assert_allclose(json.loads(result.stdout)["values"], mmad.grad(loss)(X))
    assert "printed by the function" in result.stderr


def test_hessian_jacobian_product(folder):
    np.testing.assert_allclose(written(folder, "hessian", "loss"), mmad.hessian(loss)(X), rtol=1e-14)
    np.testing.assert_allclose(written(folder, "jacobian", "residuals"), mmad.jacobian(residuals)(X), rtol=1e-14)
    got = written(folder, "hvp", "loss", "--vector", "v.npy")
    np.testing.assert_allclose(got, mmad.hessian(loss)(X) @ (X[::-1] + 1.0), rtol=1e-13)


@pytest.mark.parametrize(
    ("command", "strategy"),
    [("grad", "forward"), ("hessian", "star"), ("hessian", "forward-over-forward"), ("jacobian", "rows")],
)
@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_strategy_and_mode(folder, command, strategy, mode):
    function = "residuals" if command == "jacobian" else "loss"
    got = written(folder, command, function, "--strategy", strategy, "--mode", mode, "--evaluations", "7")
    right = getattr(mmad, command)({"loss": loss, "residuals": residuals}[function])(X)
    np.testing.assert_allclose(got, right, rtol=1e-13, atol=1e-15)


def test_further_arguments(folder):
    got = written(folder, "grad", "loss", "--arg", "scale=scale.npy", "--arg", "power=power.npy")
    np.testing.assert_allclose(got, mmad.grad(loss)(X, scale=3.0, power=4), rtol=1e-15)
    got = written(folder, "hvp", "loss", "--vector", "v.npy", "--arg", "power=power.npy")
    np.testing.assert_allclose(got, mmad.hvp(loss)(X, X[::-1] + 1.0, power=4), rtol=1e-14)
    np.testing.assert_allclose(
        written(folder, "jacobian", "residuals", "--arg", "shift=shift.npy"), mmad.jacobian(residuals)(X), rtol=1e-15
    )


def test_sparse_matrices(folder):
    sparse = pytest.importorskip("scipy.sparse")
    for command, function, right in (
        ("jacobian", "residuals", mmad.jacobian(residuals)(X)),
        ("hessian", "loss", mmad.hessian(loss)(X)),
    ):
        result = mmad_in(
            folder, command, f"./deep/own.py:{function}", "--at", "x.npy", "--sparse", "--out", "m.npz"
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert "stored elements" in result.stdout
        np.testing.assert_allclose(sparse.load_npz(folder / "m.npz").toarray(), right, rtol=1e-14)
    shown = mmad_in(folder, "jacobian", "./deep/own.py:residuals", "--at", "x.npy", "--sparse", "--json")
    held = json.loads(shown.stdout)
    matrix = sparse.coo_array((held["values"], (held["rows"], held["columns"])), shape=held["shape"])
    np.testing.assert_allclose(matrix.toarray(), mmad.jacobian(residuals)(X), rtol=1e-14)


def test_a_file_imports_from_its_own_folder(folder):
    result = by_process(folder, "grad", "deep/user.py:loss", "--at", "x.npy", "--out", "g.npy")
    assert result.returncode == 0, result.stderr
    np.testing.assert_allclose(np.load(folder / "g.npy"), mmad.grad(loss)(X))


def test_a_file_called_like_a_module(folder):
    (folder / "json.py").write_text("import numpy as np\ndef f(x): return (x ** 3).sum()\n")
    result = by_process(folder, "grad", "./json.py:f", "--at", "x.npy", "--json")
    assert result.returncode == 0, result.stderr
    np.testing.assert_allclose(json.loads(result.stdout)["values"], 3 * X**2)


def test_standard_streams(folder):
    given = (folder / "x.npy").read_bytes()
    result = as_stream(folder, "grad", "./deep/own.py:loss", "--at", "-", "--out", "-", given=given)
    assert result.returncode == 0, result.stderr
    np.testing.assert_array_equal(np.load(io.BytesIO(result.stdout)), mmad.grad(loss)(X))
    assert b"printed by the function" in result.stderr
    result = as_stream(
        folder, "hvp", "./deep/own.py:loss", "--at", "x.npy", "--vector", "-", "--out", "-", "--json", given=given
    )  # fmt: skip
    np.testing.assert_allclose(np.load(io.BytesIO(result.stdout)), mmad.hvp(loss)(X, X))
    result = as_stream(folder, "grad", "./deep/own.py:loss", "--at", "-", "--json", given=b"")
    assert result.returncode == 2
    assert b"the standard input is not a complete .npy file" in result.stderr


def test_json(folder):
    result = mmad_in(folder, "hessian", "./deep/own.py:loss", "--at", "x.npy", "--json")
    held = json.loads(result.stdout)
    right = mmad.hessian(loss)(X)
    np.testing.assert_allclose(held["values"], right)
    assert held["shape"] == [4, 4]
    assert held["dtype"] == "float64"
    assert held["finite"] is True
    np.testing.assert_allclose(held["norm"], np.linalg.norm(right))
    result = mmad_in(folder, "grad", "./deep/own.py:infinite", "--at", "x.npy", "--json", "--out", "g.npy")
    held = json.loads(result.stdout)
    assert (held["finite"], held["norm"], held["out"]) == (False, None, "g.npy")
    assert "values" not in held
    assert "not finite" in result.stderr


@pytest.mark.parametrize("dtype", ["f2", "f4", "g"])
def test_other_precisions_as_json(folder, dtype):
    np.save(folder / "x.npy", X.astype(dtype))
    held = json.loads(mmad_in(folder, "grad", "./deep/own.py:Model.loss", "--at", "x.npy", "--json").stdout)
    assert held["dtype"] == str(np.dtype(dtype))
    np.testing.assert_allclose(held["values"], np.cos(X), rtol=1e-2 if dtype == "f2" else 1e-6)


@pytest.mark.parametrize("dtype", ["f4", "f8", ">f8"])
@pytest.mark.parametrize("x", [X, X.reshape(2, 2).T, X[::2], np.array(0.5), X[:0]], ids=str)
def test_other_points(folder, dtype, x):
    np.save(folder / "x.npy", x.astype(dtype))
    for command in ("grad", "hessian"):
        out = folder / "o.npy"
        result = mmad_in(folder, command, "./deep/own.py:Model.loss", "--at", "x.npy", "--out", str(out))
        assert result.returncode == 0, result.stderr
        assert np.load(out).shape == x.shape * (1 if command == "grad" else 2)
    result = mmad_in(folder, "jacobian", "./deep/own.py:number", "--at", "x.npy", "--out", str(out))
    assert np.load(out).shape == x.shape * 2
    np.testing.assert_allclose(np.load(out).sum(), (3 * x**2).sum(), rtol=1e-5)


def test_sparsity(folder):
    result = mmad_in(folder, "sparsity", "./deep/own.py:loss", "--at", "x.npy", "--json")
    held = json.loads(result.stdout)
    pattern = mmad.sparsity(loss, X, order=2)
    assert (held["matrix"], held["shape"], held["nonzeros"]) == ("hessian", [4, 4], pattern.nnz)
    np.testing.assert_array_equal(held["rows"], pattern.rows)
    np.testing.assert_array_equal(held["columns"], pattern.indices)
    result = mmad_in(folder, "sparsity", "./deep/own.py:residuals", "--at", "x.npy")
    assert "Jacobian of ./deep/own.py:residuals: 3 x 4, 6 nonzeros, density 50 %" in result.stdout
    result = mmad_in(folder, "sparsity", "./deep/own.py:loss", "--at", "x.npy", "--order", "1")
    assert "1 x 4, 4 nonzeros" in result.stdout


def test_sparsity_in_files(folder):
    sparse = pytest.importorskip("scipy.sparse")
    assert mmad_in(folder, "sparsity", "./deep/own.py:loss", "--at", "x.npy", "--out", "p.npz").returncode == 0
    dense = mmad.sparsity(loss, X, order=2).todense()
    np.testing.assert_array_equal(sparse.load_npz(folder / "p.npz").toarray() != 0, dense)
    assert mmad_in(folder, "sparsity", "./deep/own.py:loss", "--at", "x.npy", "--out", "p.svg").returncode == 0
    assert ElementTree.parse(folder / "p.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"


def test_check(folder):
    result = mmad_in(folder, "check", "./deep/own.py:loss", "--at", "x.npy", "--arg", "scale=scale.npy")
    assert result.returncode == 0, result.stderr
    assert "forward over reverse" in result.stdout
    assert "they agree" in result.stdout
    held = json.loads(mmad_in(folder, "check", "./deep/own.py:residuals", "--at", "x.npy", "--json").stdout)
    assert held["agrees"] is True
    assert held["worst"] == max(c["error"] for c in held["comparisons"]) < 1
    assert {c["order"] for c in held["comparisons"]} == {1, 2}


def test_check_that_fails(folder):
    """At a kink the second derivative does not exist, and differences are far from any number."""
    result = mmad_in(folder, "check", "./deep/own.py:kink", "--at", "x.npy")
    assert result.returncode == 1
    assert "disagree" in result.stderr
    held = json.loads(mmad_in(folder, "check", "./deep/own.py:kink", "--at", "x.npy", "--json").stdout)
    assert held["agrees"] is False
    assert held["reason"]


def test_check_of_what_is_never_the_same_names_the_function(folder):
    result = mmad_in(folder, "check", "./deep/own.py:random", "--at", "x.npy")
    assert result.returncode == 1
    assert "check_derivatives of random (own.py:" in result.stderr


def test_an_archive_is_refused_with_a_hint(folder):
    np.savez(folder / "x.npz", X)
    result = mmad_in(folder, "grad", "./deep/own.py:loss", "--at", "x.npz", "--json")
    assert result.returncode == 2
    assert "save one array by itself" in result.stderr


def test_an_assertion_of_the_functions_own(folder):
    result = mmad_in(folder, "check", "./deep/own.py:asserts", "--at", "x.npy")
    assert result.returncode == 2
    assert "raised AssertionError: must be negative" in result.stderr


COMMANDS = ("grad", "hvp", "jacobian", "hessian", "sparsity", "check", "plan", "compare")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(folder, command):
    text = mmad_in(folder, command, "--help").stdout
    assert f"example:\n  mmad {command} " in text
    for option in ("--at", "--arg", "--json"):
        assert option in text


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["./deep/absent.py:loss", "--at", "x.npy"], "there is no file ./deep/absent.py"),
        (["./deep/own.py:los", "--at", "x.npy"], "did you mean 'loss'?"),
        (["./deep/own.py", "--at", "x.npy"], "FILE.py:FUNCTION"),
        (["./deep:loss", "--at", "x.npy"], "there is no file ./deep"),
        (["./x.npy:loss", "--at", "x.npy"], "does not end in .py"),
        (["./deep/own.py:np.pi", "--at", "x.npy"], "not a function"),
        (["./deep/own.py:raises", "--at", "x.npy"], "raised ValueError: no such thing"),
        (["./deep/own.py:loss", "--at", "x.npy", "--arg", "other=scale.npy"], "unexpected keyword argument 'other'"),
        (["./deep/own.py:loss", "--at", "x.npy", "--arg", "scale"], "NAME=FILE"),
        (["./deep/own.py:loss", "--at", "x.npy", "--arg", "scale=absent.npy"], "cannot read absent.npy"),
        (
            ["./deep/own.py:loss", "--at", "x.npy", "--arg", "scale=scale.npy", "--arg", "scale=power.npy"],
            "--arg scale is given twice",
        ),
        (["./deep/own.py:loss", "--at", "-", "--arg", "scale=-"], "only one array"),
        (["./deep/own.py:loss"], "--at"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_used_wrongly(folder, command, arguments, said):
    vector = ["--vector", "v.npy"] if command == "hvp" else []
    result = mmad_in(folder, command, *arguments, *vector, "--json")
    assert result.returncode == 2
    assert result.stdout == ""
    assert said in result.stderr, result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["grad", "./deep/own.py:residuals"], "must return one number, not an array of shape (3,)"),
        (["hessian", "./deep/own.py:pair"], "not tuple"),
        (["jacobian", "./deep/own.py:pair"], "write a function that returns one array"),
        (["jacobian", "./deep/own.py:nothing"], "must return numbers or arrays, not None"),
        (["grad", "./deep/own.py:nothing"], "must return one floating-point number, not NoneType"),
        (["grad", "./deep/own.py:loss", "--strategy", "star"], "invalid choice: 'star'"),
        (["grad", "./deep/own.py:loss", "--sparse"], "unrecognized arguments: --sparse"),
        (["plan", "./deep/own.py:loss", "--strategy", "rows"], "strategy must be one of"),
        (["plan", "./deep/own.py:loss", "--product", "hvp", "--sparse"], "--sparse is for matrices"),
        (["hessian", "./deep/own.py:loss", "--out", "absent/h.npy"], "there is no folder"),
    ],
)
def test_what_does_not_fit(folder, arguments, said):
    result = mmad_in(folder, *arguments, "--at", "x.npy", "--json")
    assert result.returncode == 2
    assert said in result.stderr
    assert not list(folder.glob("*h.npy"))


@pytest.mark.parametrize("product", [[], ["--product", "grad"], ["--product", "hvp", "--vector", "v.npy"]])
def test_plans_as_json(folder, product):
    common = ["./deep/own.py:loss", "--at", "x.npy", "--arg", "power=power.npy", "--json", *product]
    held = json.loads(mmad_in(folder, "plan", *common, "--mode", "eager").stdout)
    assert held["mode"] == "eager"
    assert held["strategy"] in {c["strategy"] for c in held["candidates"]} or not held["candidates"]
    assert held["product"] == (product[1] if product else "hessian")
    held = json.loads(mmad_in(folder, "compare", *common).stdout)
    assert held["chosen"] in {m["strategy"] for m in held["measurements"]}
    done = [m for m in held["measurements"] if not m["skipped"]]
    assert all(m["low"] <= m["time"] <= m["high"] for m in done)


def test_a_forced_plan(folder):
    held = mmad_in(
        folder, "plan", "./deep/own.py:loss", "--at", "x.npy", "--strategy", "star", "--mode", "compiled", "--json"
    )  # fmt: skip
    held = json.loads(held.stdout)
    assert (held["strategy"], held["mode"], held["coloring"]["kind"]) == ("star", "compiled", "star")


def test_a_comparison_is_drawn(folder):
    pytest.importorskip("matplotlib")
    result = mmad_in(
        folder, "compare", "./deep/own.py:residuals", "--at", "x.npy", "--plot", str(folder / "c.svg")
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert ElementTree.parse(folder / "c.svg").getroot().tag.endswith("svg")
    result = mmad_in(folder, "compare", "./deep/own.py:residuals", "--at", "x.npy", "--plot", "absent/c.png")
    assert result.returncode == 2
    assert "--plot absent/c.png" in result.stderr


def test_only_what_is_needed_is_imported(folder):
    code = (
        "import sys; from mmad.cli import main; main(sys.argv[1:]); "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'matplotlib', 'scipy', 'rich', 'tqdm', 'shtab'}), "
        "'mmad.bench' in sys.modules)"
    )
    result = python_in(folder, code, "grad", "./deep/own.py:Model.loss", "--at", "x.npy", "--out", "g.npy")
    assert result.stdout.splitlines()[-1] == "[] False"
    result = python_in(folder, f"import mmad, sys; {code.partition('main(sys.argv[1:]); ')[2]}")
    assert result.stdout.splitlines()[-1] == "[] False", result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion(folder, shell):
    pytest.importorskip("shtab")
    text = mmad_in(folder, "completion", shell).stdout
    for word in ("train-digits", "jacobian", "rosenbrock", "finite-differences"):
        assert word in text


@pytest.mark.skipif(sys.platform == "win32", reason="bash")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("mmad gr", ["grad"]),
        ("mmad hessian --strategy s", ["star"]),
        ("mmad bench --tools ja", ["jax"]),
        ("mmad grad ./de", ["./deep"]),
    ],
)
def test_completion_in_bash(folder, typed, offered):
    pytest.importorskip("shtab")
    (folder / "script.sh").write_text(mmad_in(folder, "completion", "bash").stdout)
    words = typed.split()
    code = (
        f"source script.sh; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; COMP_LINE='{typed}'; "
        f"COMP_POINT={len(typed)}; $(complete -p mmad | sed 's/.*-F \\([^ ]*\\).*/\\1/') mmad {words[-1]} {words[-2]}; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    try:
        result = subprocess.run(
            ["bash", "--norc", "-c", code], cwd=folder, capture_output=True, text=True, timeout=60, check=False
        )
    except FileNotFoundError:
        pytest.skip("there is no bash")
    assert result.stdout.split() == offered, result.stderr


def test_completion_without_shtab(folder):
    result = python_in(folder, f"import sys; sys.modules['shtab'] = None; {COMMAND}", "completion", "bash")
    assert result.returncode == 2
    assert 'pip install "mmad[completion]"' in result.stderr
