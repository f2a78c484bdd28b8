"""The command `mmad bench`."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import interpreter
from processes import COMMAND, mmad_in, python_in

from mmad.bench import all_strategies, find_problem
from mmad.bench.campaign import cases_of
from mmad.bench.measure import Outcome
from mmad.cli import bench as command
from mmad.cli import main

QUICK = ["--sizes", "1", "--products", "gradient", "--rounds", "2", "--quiet"]


def test_a_table(capsys):
    assert main(["bench", "rosenbrock", *QUICK, "--strategies", "compile", "reverse-eager", "--tools", "numpy"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].startswith("rosenbrock, gradient, n = 100")
    assert "numpy *" in out
    assert "without a derivative" in out


def test_what_there_is(capsys):
    assert main(["bench", "--list"]) == 0
    out = capsys.readouterr().out
    assert "chained Rosenbrock function" in out
    assert "the planner's choice" in out
    assert "tools:" in out


def test_results_are_kept_and_gone_on_with(tmp_path, capsys):
    arguments = ["bench", "rosenbrock", *QUICK, "--strategies", "compile", "--out", str(tmp_path / "r")]
    assert main(arguments) == 0
    held = json.loads((tmp_path / "r" / "results.json").read_text())
    assert held["outcomes"][0]["status"] == "done"
    assert held["where"]["python"]
    assert main(arguments) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0
    moved = {**held, "where": {**held["where"], "processor": "another one", "time": "yesterday"}}
    (tmp_path / "r" / "results.json").write_text(json.dumps(moved))
    assert main([*arguments, "--resume"]) == 2
    assert "measured with another processor:" in capsys.readouterr().err
    (tmp_path / "r" / "results.json").write_text(json.dumps(held))
    assert json.loads((tmp_path / "r" / "results.json").read_text()) == held


def test_a_function_of_the_users_own(tmp_path, monkeypatch, capsys):
    (tmp_path / "own_bench_model.py").write_text("import numpy as np\ndef loss(x):\n    return np.sum(np.sin(x))\n")
    np.save(tmp_path / "x.npy", np.linspace(0.1, 1.0, 4))
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "own_bench_model:loss", "--at", "x.npy", *QUICK]) == 0
    assert "loss, gradient, n = 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no problem 'nothing'"),
        (["rosenbrock", "--strategies", "nothing"], "no strategy 'nothing'"),
        (["rosenbrock", "--time", "soon"], "no duration"),
        (["math:sin"], "--at X.npy"),
        (["rosenbrock", "--products", "jacobian"], "no problem has one of these"),
    ],
)
def test_errors(arguments, message, capsys):
    assert main(["bench", *arguments, "--quiet"]) == 2
    assert message in capsys.readouterr().err


def test_no_time_left(capsys):
    assert main(["bench", "rosenbrock", *QUICK, "--strategies", "compile", "--time", "0s"]) == 0
    assert "not measured for lack of time: rosenbrock-100, gradient" in capsys.readouterr().err


def test_resources_and_pictures(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    out = tmp_path / "r"
    arguments = ["rosenbrock", *QUICK, "--strategies", "compile", "reverse-eager", "--out", str(out)]
    assert main(["bench", *arguments]) == 0
    assert " MB" in capsys.readouterr().out
    held = json.loads((out / "results.json").read_text())
    assert held["where"]["peaks"]["bytes per second"] > 0
    assert all(o["peak"] > 0 and o["operations"] > 0 for o in held["outcomes"])
    names = {path.name for path in out.iterdir()}
    drawn = ("roofline", "memory-rosenbrock-gradient", "profile", "first-and-later", "amortisation-rosenbrock-gradient")
    for name in drawn:
        assert {f"{name}.svg", f"{name}.png"} <= names
    assert main(["bench", *arguments[:-1], str(tmp_path / "s"), "--no-memory"]) == 0
    assert not (tmp_path / "s" / "roofline.svg").exists()
    assert "peaks" not in json.loads((tmp_path / "s" / "results.json").read_text())["where"]


USER = """
import numpy as np
def loss(x, scale=1.0):
    print("a line of its own")
    return scale * np.sum(np.sin(x))
def residuals(x): return x[1:] * x[:-1]
def raises(x): raise ValueError("no such thing")
def tree(x): return {"a": x, "b": x}
def kink(x): return np.maximum(x, 0.5).sum()
def tested(x):
    if np.any(x <= 0.0): raise ValueError("must be positive")
    return np.sum(np.log(x))
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "own.py").write_text(USER)
    np.save(tmp_path / "x.npy", np.array([0.5, 1.0, 1.5]))
    np.save(tmp_path / "scale.npy", np.array(3.0))
    np.save(tmp_path / "x32.npy", np.array([0.5, 1.0, 1.5], np.float32))
    np.save(tmp_path / "grid.npy", np.arange(1.0, 7.0).reshape(2, 3).T)
    np.save(tmp_path / "number.npy", np.array(0.5))
    return tmp_path


def by_process(folder, *arguments):
    return python_in(folder, COMMAND, *arguments)


def bench(folder, *arguments):
    return mmad_in(folder, "bench", *arguments, "--rounds", "2", "--quiet")


@pytest.mark.parametrize("at", ["x.npy", "grid.npy", "number.npy"])
def test_a_function_by_its_file(folder, at):
    result = bench(
        folder, "./deep/own.py:loss", "--at", at, "--arg", "scale=scale.npy", "--strategies", "auto", "compile",
        "finite-differences", "--out", "r",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "a line of its own" not in result.stdout
    held = json.loads((folder / "r" / "results.json").read_text())["outcomes"]
    assert {o["product"] for o in held} == {"gradient", "hvp", "hessian"}
    assert {o["contestant"] for o in held if o["status"] != "done"} == {"compile"}  # it has no matrices
    assert all(o["peak"] is not None for o in held if o["status"] == "done")


def test_a_function_with_many_results(folder):
    for at, n in (("x.npy", 3), ("grid.npy", 6)):
        result = bench(folder, "./deep/own.py:residuals", "--at", at, "--strategies", "auto", "rows-eager")
        assert result.returncode == 0, result.stderr
        assert f"residuals, jacobian, n = {n}" in result.stdout
        assert "wrong" not in result.stdout


def test_single_precision(folder):
    result = bench(folder, "./deep/own.py:loss", "--at", "x32.npy", "--strategies", "auto", "compile")
    assert result.returncode == 0, result.stderr
    assert "wrong" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["./deep/own.py:raises", "--at", "x.npy"], "cannot be compared: ValueError: no such thing"),
        (["./deep/own.py:tree", "--at", "x.npy"], "must return one number or one array of numbers, not dict"),
        (["./deep/own.py:los", "--at", "x.npy"], "did you mean 'loss'?"),
        (["./deep/own.py:loss", "--at", "absent.npy"], "cannot read absent.npy"),
        (["./deep/own.py:loss", "--at", "x.npy", "--arg", "other=scale.npy"], "unexpected keyword argument 'other'"),
        (["./deep/own.py:loss"], "--at X.npy"),
        (["./deep/own.py:kink", "--at", "x.npy"], "derivatives disagree (see mmad check)"),
        (["rosenbrock", "--strategies", "compil"], "did you mean 'compile'?"),
        (["rosenbrok"], "did you mean 'rosenbrock'?"),
        (["rosenbrock", "--resume"], "name it with --out"),
        (["rosenbrock", "--out", "x.npy"], "is not a folder"),
        (["rosenbrock", "--out", "damaged", "--resume"], "cannot be read"),
    ],
)
def test_used_wrongly(folder, arguments, message):
    (folder / "damaged").mkdir()
    (folder / "damaged" / "results.json").write_text('{"where": ')
    result = bench(folder, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")
def test_interrupted_by_a_signal(folder):
    """What was measured is kept, shown and drawn, and gone on with."""
    arguments = [
        "bench", "rosenbrock", "--sizes", "1", "--rounds", "2", "--strategies", "compile", "auto", "--no-memory",
        "--out", "r",
    ]  # fmt: skip
    first, environment = interpreter(COMMAND, *arguments)
    assert "rosenbrock, hessian" in by_process(folder, *arguments).stdout
    held = (folder / "r" / "results.json").read_text()
    process = subprocess.Popen(
        [*first[:3], "bench", "rosenbrock", "lennard-jones-chain", "--sizes", "1", "--rounds", "1000000",
         "--strategies", "compile", "auto", "--no-memory", "--out", "r", "--resume"],
        env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # in the background it is ignored
    )  # fmt: skip
    time.sleep(4.0)  # it is measuring, or about to
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "rosenbrock, hessian" in out
    assert "go on with --resume" in err
    assert "Traceback" not in err
    assert (folder / "r" / "results.json").read_text() == held
    assert (folder / "r" / "results.csv").exists()
    assert by_process(folder, *arguments, "--resume").returncode == 0


class Shown:
    """A progress bar that keeps what it was told."""

    def __init__(self, steps):
        self.total, self.n, self.told = len(steps), 0, []

    def set_description(self, text, refresh):
        self.text = text

    def set_postfix_str(self, text, refresh):
        self.text += f" [{text}]"

    def refresh(self):
        self.told.append((self.n, self.text))

    def close(self):
        self.told.append("closed")


def test_the_bar_counts_what_is_left(monkeypatch):
    monkeypatch.setattr(command, "progress", lambda quiet: Shown)
    cases = cases_of([find_problem("rosenbrock")], (1,))
    strategies = all_strategies()
    two = [strategies["compile"], strategies["auto"]]
    known = [Outcome(c.name, "rosenbrock", cases[0].product, 100, 100, "cannot") for c in two]
    with command.Bar(False, cases, two, known, 60.0) as bar:
        assert bar.bar.total == 2 * (len(cases) - 1)
        bar.turn(1, cases[1], "compile")
        bar.turn(2, cases[2], "auto")
    told = bar.bar.told
    assert [n for n, _ in told[:2]] == [0, 3]
    assert told[1][1].startswith("rosenbrock-100, hvp: auto [")
    assert told[1][1].endswith("s of --time left]")
    assert told[2] == "closed"
