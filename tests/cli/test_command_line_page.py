"""The commands of ``docs/command_line.md`` run, in the folder that the page describes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import interpreter
from processes import COMMAND, mmad_in

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "command_line.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model.py").write_text(re.search(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)[1])
    saved = re.findall(r"`np\.save\(\"([\w.]+)\", (.*?)\)`", PAGE)
    assert len(saved) == 3
    for name, made in saved:
        np.save(tmp_path / name, eval(made, {"np": np}))
    return tmp_path


@pytest.mark.parametrize("line", LINES)
def test_a_line_runs(folder, line):
    if "completion" in line:
        pytest.importorskip("shtab")
    if "--plot" in line:
        pytest.importorskip("matplotlib")
    if "--sparse" in line:
        pytest.importorskip("scipy")
    if any(sign in line for sign in "|>"):
        return run_in_shell(folder, line)
    words = line.split()
    assert words.pop(0) == "mmad"
    result = mmad_in(folder, *words)
    assert result.returncode == 0, result.stderr
    if "--json" in words:
        json.loads(result.stdout)
    if "--out" in words:
        assert (folder / words[words.index("--out") + 1]).exists()
    return None


def run_in_shell(folder, line):
    """Pipes and redirections, with mmad as a function of the shell."""
    if sys.platform == "win32":
        pytest.skip("needs a shell")
    command, environment = interpreter(COMMAND)
    quoted = " ".join("'" + part.replace("'", "'\\''") + "'" for part in command)
    script = f'set -e -o pipefail\nmmad() {{ {quoted} "$@"; }}\n{line}\n'
    result = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    made = folder / (line.split()[-1])
    assert made.stat().st_size > 0


def test_every_command_has_a_row_and_an_example(folder):
    text = mmad_in(folder, "--help").stdout
    commands = re.findall(r"^    ([a-z][a-z-]*)", text.partition("commands:")[2], flags=re.MULTILINE)
    assert len(commands) >= 12
    for command in commands:
        assert f"`mmad {command}`" in PAGE, command
        if command not in ("calibrate", "train-digits"):
            assert any(f"mmad {command} " in line for line in LINES), command
