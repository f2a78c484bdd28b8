"""``mmad plan``, ``mmad compare`` and ``mmad calibrate``: what they print, and every way to use them wrongly."""

import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from helpers import interpreter
from processes import COMMAND, mmad_in, python_in

USER_MODULE = """
import sys
import numpy as np

def rosenbrock(x): return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()
def neighbours(x): return x[1:] * x[:-1]
def pair(x): return x, x * 2.0
def raises(x): raise ValueError("two\\n  lines")
def loses_track(x): return float(x[0]) ** 2
def exits(x): sys.exit(7)
def vector_of_integers(x): return x.astype(int)
def complex_(x): return x * 1j
def changes_its_argument(x):
    x *= 2.0
    return x
not_a_function = 3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    (folder / "user.py").write_text(USER_MODULE)
    np.save(folder / "x.npy", np.linspace(0.1, 1.0, 80))
    np.save(folder / "i.npy", np.arange(3))
    (folder / "text.npy").write_text("no array")
    (folder / "cache").mkdir()
    return folder


@pytest.fixture(autouse=True)
def cache(folder, monkeypatch):
    monkeypatch.setenv("MMAD_CACHE", str(folder / "cache"))


def by_process(folder, *arguments):
    return python_in(folder, COMMAND, *arguments)


@pytest.mark.parametrize("command", ["plan", "compare", "calibrate"])
def test_help(command, folder):
    result = mmad_in(folder, command, "--help")
    assert result.returncode == 0
    assert f"mmad {command}" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_help_names_the_commands(folder):
    text = mmad_in(folder, "--help").stdout
    assert all(f"    {command} " in text for command in ("plan", "compare", "calibrate"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["user:rosenbrock"], ["80 x 80", "238 nonzeros", "star", "chosen"]),
        (["user:neighbours"], ["79 x 80", "158 nonzeros", "chosen"]),
        (["user:neighbours", "--sparse", "--evaluations", "1000"], ["evaluations 1000", "compiled"]),
        (["user:neighbours", "--memory", "10MB"], ["chosen"]),
        (["user:rosenbrock", "--product", "jacobian"], ["1 x 80", "reverse"]),
        (["user:pair"], ["160 x 80"]),
        (["user:changes_its_argument"], ["80 x 80"]),
    ],
)
def test_plan(arguments, said, folder):
    result = mmad_in(folder, "plan", *arguments, "--at", "x.npy")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert max(map(len, result.stdout.splitlines())) <= 80
    for text in said:
        assert text in result.stdout


def test_compare(folder):
    result = by_process(folder, "compare", "user:neighbours", "--at", "x.npy")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""  # no bar without a terminal
    for strategy in ("forward", "reverse", "columns", "rows", "bicoloring"):
        assert strategy in result.stdout


def test_calibrate(folder):
    result = by_process(folder, "calibrate")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    path = folder / "cache" / "coefficients.json"
    assert result.stdout.splitlines()[-1] == str(path)
    assert set(json.loads(path.read_text())["coefficients"]) == {"eager", "compiled"}
    assert by_process(folder, "plan", "user:neighbours", "--at", "x.npy").returncode == 0


def test_a_damaged_cache(folder):
    path = folder / "cache" / "coefficients.json"
    path.write_bytes(b"\x00garbage")
    result = by_process(folder, "plan", "user:neighbours", "--at", "x.npy")
    assert result.returncode == 0, result.stderr
    assert "chosen" in result.stdout
    json.loads(path.read_text())


@pytest.mark.parametrize("command", ["plan", "compare"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere:f", "--at", "x.npy"], "nowhere"),
        (["user:nothing", "--at", "x.npy"], "nothing"),
        (["user:not_a_function", "--at", "x.npy"], "not_a_function"),
        (["user", "--at", "x.npy"], "MODULE:FUNCTION"),
        (["user:rosenbrock", "--at", "missing.npy"], "missing.npy"),
        (["user:rosenbrock", "--at", "text.npy"], "text.npy"),
        (["user:rosenbrock", "--at", "i.npy"], "i.npy"),
        (["user:raises", "--at", "x.npy"], "two lines"),
        (["user:exits", "--at", "x.npy"], "SystemExit"),
        (["user:loses_track", "--at", "x.npy"], "cannot be differentiated"),
        (["user:complex_", "--at", "x.npy"], "complex"),
        (["user:neighbours", "--at", "x.npy", "--product", "hessian"], "one real number"),
        (["user:neighbours", "--at", "x.npy", "--memory", "lots"], "memory"),
        (["user:neighbours", "--at", "x.npy", "--evaluations", "0"], "evaluations"),
        (["user:neighbours", "--at", "x.npy", "--product", "other"], "invalid choice"),
        (["user:neighbours"], "--at"),
        ([], "required"),
    ],
)
def test_used_wrongly(command, arguments, said, folder):
    result = mmad_in(folder, command, *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if ": error: " in line]
    assert len(errors) == 1


def test_nothing_fits(folder):
    result = mmad_in(folder, "plan", "user:neighbours", "--at", "x.npy", "--memory", "10B")
    assert result.returncode == 2
    assert "no strategy fits into 10 bytes" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("more", "bar"), [([], True), (["--quiet"], False)])
def test_a_bar_on_a_terminal(more, bar, folder):
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    pytest.importorskip("tqdm")
    command, environment = interpreter(COMMAND, "compare", "user:neighbours", "--at", "x.npy", *more)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # no bar fits into no columns
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=theirs, stdin=subprocess.DEVNULL
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert (b"%|" in shown) == bar
    assert b"columns" in out
