"""``mmad`` and ``mmad train-digits``: the report, the verdict, and what happens without the extra."""

import re

import numpy as np
import pytest
from processes import COMMAND, mmad_in, python_in

import mmad
from mmad.cli import digits


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What plain ``mmad`` prints, run once."""
    pytest.importorskip("sklearn")
    pytest.importorskip("tqdm")
    result = python_in(tmp_path_factory.mktemp("empty"), COMMAND, timeout=280)
    assert result.returncode == 0, result.stderr
    return result


def number(report, name):
    """The first number in the line of `name`."""
    found = re.search(rf"^  {re.escape(name)}\s+([-+.e\d]+)", report.stdout, re.MULTILINE)
    assert found, report.stdout
    return float(found[1])


def test_plain_mmad_trains_the_digits_network(report):
    assert "1347 training rows, 450 test rows" in report.stdout
    assert "network 64-32-10, 2410 weights" in report.stdout
    assert number(report, "test accuracy") >= 95
    assert number(report, "train accuracy") >= 99
    assert "converged" in report.stdout


def test_report_has_every_line(report):
    assert 0 < number(report, "loss") < 0.3
    assert number(report, "gradient norm") < 1e-5
    assert number(report, "iterations") > 5
    assert number(report, "gradients") > 5
    assert number(report, "HVPs") > 100
    assert re.search(r"HVPs +\d+, \d+\.\d\d ms each", report.stdout)
    assert 0 < number(report, "HVP against differences") < 1e-7
    assert number(report, "HVP/gradient time") > 0


def test_progress_bar(report):
    assert "step" in report.stderr
    assert "hvps=" in report.stderr
    assert "loss=" in report.stderr


def test_too_few_steps_are_reported_as_wrong(tmp_path):
    pytest.importorskip("sklearn")
    result = python_in(tmp_path, COMMAND, "train-digits", "--max-iterations", "1", "--hidden", "3", "--quiet")
    assert result.returncode == 1
    assert "is under 95%" in result.stderr
    assert "step" not in result.stderr
    assert "network 64-3-10" in result.stdout


def test_other_method_and_seed(tmp_path):
    pytest.importorskip("sklearn")
    result = python_in(
        tmp_path,
        COMMAND,
        "train-digits",
        "--method",
        "trust-ncg",
        "--seed",
        "3",
        "--hidden",
        "12",
        "--quiet",
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert "trust-ncg" in result.stdout
    assert number(result, "test accuracy") >= 95


@pytest.mark.parametrize("absent", ["sklearn", "tqdm", "scipy"])
def test_without_the_extra(tmp_path, absent):
    block = f"import sys; sys.modules[{absent!r}] = None; "
    result = python_in(tmp_path, block + COMMAND)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert 'pip install "mmad[demo]"' in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["train-digits", "--hidden", "0"],
        ["train-digits", "--hidden", "many"],
        ["train-digits", "--seed", "-1"],
        ["train-digits", "--max-iterations", "0"],
        ["train-digits", "--method", "newton"],
        ["train-digits", "surplus"],
        ["unknown"],
        ["--unknown"],
    ],
)
def test_wrong_arguments_are_one_line(tmp_path, arguments):
    result = mmad_in(tmp_path, *arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("mmad")
    assert "--help" in result.stderr


def test_help_and_version(tmp_path):
    top = mmad_in(tmp_path, "--help").stdout
    assert "train-digits" in top
    assert "hvp" in top
    assert "examples:" in top
    train = mmad_in(tmp_path, "train-digits", "--help").stdout
    for option in ("--hidden", "--seed", "--method", "--max-iterations", "--quiet", "--traceback"):
        assert option in train
    product = mmad_in(tmp_path, "hvp", "--help").stdout
    for option in ("MODULE:FUNCTION", "--at", "--vector", "--out", "--traceback"):
        assert option in product
    assert mmad_in(tmp_path, "--version").stdout == f"mmad {mmad.__version__}\n"


def small_problem():
    rng = np.random.default_rng(5)
    x, targets = rng.random((7, 64)), np.eye(10)[rng.integers(10, size=7)]
    return (lambda weights: digits.loss(weights, x, targets)), digits.initial_weights(3, 1)


def test_objective_agrees_with_itself():
    pytest.importorskip("scipy")
    from mmad.cli.objective import Objective

    function, weights = small_problem()
    objective = Objective(function, weights)
    flat, rng = objective.start, np.random.default_rng(6)
    value, gradient = objective.value_and_gradient(flat)
    assert value == pytest.approx(function(weights), rel=1e-14)
    assert gradient.shape == flat.shape == (64 * 3 + 3 + 30 + 10,)
    u, v = rng.normal(size=(2, flat.size))
    step = 1e-5
    differences = objective.value_and_gradient(flat + step * v)[1] - objective.value_and_gradient(flat - step * v)[1]
    product = objective.product(flat, v)
    np.testing.assert_allclose(product, differences / (2 * step), atol=1e-9)
    assert u @ product == pytest.approx(v @ objective.product(flat, u), rel=1e-11)
    assert (objective.gradients.count, objective.products.count) == (3, 2)


def test_a_product_at_another_point_uses_that_point():
    from mmad.cli.objective import Objective

    function, weights = small_problem()
    objective = Objective(function, weights)
    v = np.random.default_rng(7).normal(size=objective.start.size)
    point = objective.start.copy()
    first = objective.product(point, v)
    point += 0.5  # the optimiser may reuse its array
    second = objective.product(point, v)
    _, expected = mmad.linearize(mmad.grad(function), objective.tree(point))
    fresh = Objective(function, objective.tree(point))
    np.testing.assert_array_equal(second, fresh.product(fresh.start, v))
    assert not np.allclose(first, second)
    np.testing.assert_allclose(second[-10:], expected(objective.tree(v))["w2"].ravel()[-10:], rtol=1e-12)


def test_wrong_products_are_noticed():
    from mmad.cli.train import HvpCheck, verdict

    assert verdict(0.97, HvpCheck(1e-10, 2.0, 1.0)) == 0
    assert verdict(0.97, HvpCheck(1e-3, 2.0, 1.0)) == 1
    assert verdict(0.97, HvpCheck(float("nan"), 2.0, 1.0)) == 1
    assert verdict(0.94, HvpCheck(1e-10, 2.0, 1.0)) == 1
    assert verdict(float("nan"), HvpCheck(1e-10, 2.0, 1.0)) == 1
