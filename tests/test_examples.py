"""Every example runs, warns of nothing, and prints what it promises."""

import re
from pathlib import Path

import pytest
from processes import python_in

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"

PROMISES = {
    "custom_rule.py": r"derivative, rule +0\.98\d+",
    "fit_ode.py": r"a: 1\.\d+ \+- 0\.\d+",
    "newton_cg.py": r"a strict minimum",
    "quickstart.py": r"H v +\[",
}


def numbers_after(text, label):
    line = next(line for line in text.splitlines() if line.startswith(label))
    return [float(word) for word in re.findall(r"-?\d+\.?\d*(?:e[-+]\d+)?", line.removeprefix(label))]


def run(name, tmp_path):
    code = f"import runpy, warnings; warnings.simplefilter('error'); runpy.run_path({str(EXAMPLES / name)!r})"
    result = python_in(tmp_path, code)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def test_every_example_is_listed():
    assert sorted(PROMISES) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", PROMISES)
def test_example(name, tmp_path):
    output = run(name, tmp_path)
    assert re.search(PROMISES[name], output), output


def test_quickstart_products_agree(tmp_path):
    assert numbers_after(run("quickstart.py", tmp_path), "largest difference")[0] < 1e-12


def test_custom_rule_agrees_with_the_loop(tmp_path):
    output = run("custom_rule.py", tmp_path)
    rule, loop = (numbers_after(output, f"derivative, {way}")[0] for way in ("rule", "loop"))
    assert rule == pytest.approx(loop, rel=1e-9)
