"""The command `mmad bench`."""

import json

import numpy as np
import pytest

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
    assert "not begun for lack of time: rosenbrock-100, gradient" in capsys.readouterr().err
