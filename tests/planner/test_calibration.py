"""Coefficients of the machine: measured once, kept in a file that may be damaged, foreign or impossible to write."""

import dataclasses
import json
import os
import sys

import pytest
from processes import python_in

from mmad.planner.decision import calibration
from mmad.planner.decision.cost import EAGER_AND_COMPILED, Coefficients, Work, as_dict, from_dict


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache directory of its own; nothing is measured, what is asked for is counted."""
    monkeypatch.setenv("MMAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(calibration, "_known", None)
    measured = []

    def measure(progress=None):
        measured.append(progress)
        return FOUND

    monkeypatch.setattr(calibration, "measure", measure)
    return tmp_path / "cache" / "coefficients.json", measured


FOUND = {mode: dataclasses.replace(c, call=c.call * 2) for mode, c in EAGER_AND_COMPILED.items()}


def fresh():
    calibration._known = None
    return calibration.coefficients()


def test_without_a_file_nothing_is_measured(cache):
    path, measured = cache
    assert fresh() == EAGER_AND_COMPILED
    assert not measured
    assert not path.exists()


def test_kept_for_processes_to_come(cache):
    path, measured = cache
    assert calibration.calibrate() == FOUND
    assert path.exists()
    assert fresh() == FOUND
    assert len(measured) == 1
    assert os.listdir(path.parent) == [path.name]


def written(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def good():
    return {"machine": calibration.machine_identity(), "coefficients": as_dict(FOUND)}


DAMAGED = {
    "empty": lambda: b"",
    "no JSON": lambda: b"{",
    "binary": lambda: bytes(range(256)),
    "deep": lambda: b"[" * 100_000,
    "a list": lambda: [1, 2],
    "a number": lambda: 3,
    "nothing": lambda: None,
    "no machine": lambda: {"coefficients": as_dict(FOUND)},
    "another machine": lambda: good() | {"machine": ["vax", "", "elsewhere", 1, "2.7", "1.0"]},
    "no coefficients": lambda: {"machine": calibration.machine_identity()},
    "one mode": lambda: good() | {"coefficients": {"eager": as_dict(FOUND)["eager"]}},
    "no numbers": lambda: good() | {"coefficients": {"eager": 1, "compiled": 2}},
    "one less": lambda: changed(lambda c: c.pop("call")),
    "one more": lambda: changed(lambda c: c.update(other=1.0)),
    "negative": lambda: changed(lambda c: c.update(call=-1.0)),
    "hours": lambda: changed(lambda c: c.update(call=3600.0)),
    "text": lambda: changed(lambda c: c.update(call="1e-6")),
    "truth": lambda: changed(lambda c: c.update(call=True)),
    "not finite": lambda: json.dumps(changed(lambda c: c.update(call=1.0))).replace("1.0", "NaN", 1).encode(),
}


def changed(change):
    data = good()
    change(data["coefficients"]["eager"])
    return data


def test_a_good_file_is_read(cache):
    path, measured = cache
    written(path, good())
    assert fresh() == FOUND
    assert not measured


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_or_foreign_is_measured_again(name, cache):
    path, measured = cache
    written(path, DAMAGED[name]())
    assert fresh() == FOUND
    assert len(measured) == 1
    assert calibration.read(path) == FOUND  # and the file is good again


def test_a_directory_that_cannot_be_made(cache, tmp_path):
    _, measured = cache
    (tmp_path / "cache").write_text("a file in the way")
    assert calibration.calibrate() == FOUND
    assert fresh() in (FOUND, EAGER_AND_COMPILED)
    assert measured


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs rights")
def test_a_directory_that_cannot_be_written(cache):
    path, _ = cache
    path.parent.mkdir()
    path.parent.chmod(0o500)
    assert calibration.calibrate() == FOUND
    assert not path.exists()


def test_where_it_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("MMAD_CACHE", str(tmp_path))
    assert calibration.cache_file() == tmp_path / "coefficients.json"
    monkeypatch.delenv("MMAD_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert calibration.cache_file() == tmp_path / "xdg" / "mmad" / "coefficients.json"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert calibration.cache_file() == tmp_path / ".cache" / "mmad" / "coefficients.json"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert calibration.cache_file() == tmp_path / "Library" / "Caches" / "mmad" / "coefficients.json"


def test_measured():
    """In a process of its own: all coefficients are positive and below a second, and a plan uses them."""
    found = calibration.measure()
    assert set(found) == {"eager", "compiled"}
    assert from_dict(json.loads(json.dumps(as_dict(found)))) == found


def test_a_damaged_cache_in_a_process(tmp_path):
    (tmp_path / "coefficients.json").write_text("}")
    code = (
        "import os; os.environ['MMAD_CACHE'] = os.getcwd()\n"
        "import numpy as np, mmad\n"
        "print(mmad.jacobian(lambda x: x[1:] * x[:-1], sparse=True)(np.ones(200)).nnz)"
    )
    result = python_in(tmp_path, code)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["398"]
    json.loads((tmp_path / "coefficients.json").read_text())


# ------------------------------------------------------------------------------------------------ the model
C = Coefficients(
    call=1e-3, gradient=5e-3, number=1e-6, array=1e-5, element=1e-9, flop=1e-10, lane_number=2e-6, lane_element=2e-9,
    reverse=2.0, forward_single=1e-4, forward_single_array=1e-5, forward_batch=2e-4, forward_batch_array=2e-5,
    reverse_single=3e-4, reverse_single_array=3e-5, reverse_batch=4e-4, reverse_batch_array=4e-5, compile=1e-2,
    compile_number=1e-6, compile_array=1e-5, entry=1e-9, byte=1e-10,
)  # fmt: skip


def test_a_pass_over_the_recording():
    assert C.once(Work(0, 0, 0, 0)) == 1e-3
    assert C.once(Work(0, 0, 0, 0), gradient=True) == pytest.approx(6e-3)
    assert C.once(Work(5, 0, 0, 0)) == pytest.approx(1e-3 + 5e-6)
    assert C.once(Work(5, 3, 1000, 100)) == pytest.approx(1e-3 + 5e-6 + 3e-5 + 1e-6 + 1e-8)


def test_lanes():
    """Arithmetic for each lane, overhead for each sweep; in a batch among arrays numbers are arrays, too."""
    w, one = Work(5, 3, 1000, 0), 5 * 2e-6 + 1000 * 2e-9
    single, batch, single_back, batch_back = 1e-4 + 3e-5, 2e-4 + 8 * 2e-5, 3e-4 + 9e-5, 4e-4 + 8 * 4e-5
    assert C.lanes(w, 1, 0, 1) == pytest.approx(one + single)
    assert C.lanes(w, 0, 1, 1) == pytest.approx(2 * one + single_back)
    assert C.lanes(w, 4, 0, 1) == pytest.approx(4 * (one + single))
    assert C.lanes(w, 4, 0, 4) == pytest.approx(4 * one + batch)
    assert C.lanes(w, 0, 4, 4) == pytest.approx(8 * one + batch_back)
    assert C.lanes(w, 5, 0, 4) == pytest.approx(5 * one + batch + single)
    assert C.lanes(w, 6, 0, 4) == pytest.approx(6 * one + 2 * batch)
    assert C.lanes(w, 0, 0, 8) == 0
    assert C.batch(Work(5, 0, 0, 0)) == C.forward_batch
