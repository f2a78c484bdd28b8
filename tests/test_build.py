"""What setup.py promises: modules named by their path, hints that fail the build, a build with checks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("Cython")
pytest.importorskip("setuptools")

SETUP = Path(__file__).resolve().parents[1] / "setup.py"

# Of the environment the tests run in, what would reach a build and a program that are to stand alone.
OUTSIDE = ("PYTHONPATH", "PYTHONSAFEPATH", "MMAD_CHECKED", "MMAD_STRICT")

MODULE = """
cdef double second(double* x, int n) noexcept nogil:
    return x[1] if n > 1 else 0.0

def element(double[:] x, Py_ssize_t i):
    return x[i]

def total(double[:] x):
    return x[0] + second(&x[0], <int>x.shape[0])
"""

HINT = """
cdef void double_it(double* x) nogil:
    x[0] *= 2

def doubled(double x):
    double_it(&x)
    return x
"""


@pytest.fixture
def project(tmp_path):
    """A checkout with one extension in a subpackage."""
    shutil.copy(SETUP, tmp_path)
    package = tmp_path / "mmad" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "mmad" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "part.pyx").write_text(MODULE)
    return tmp_path


def start(project, command, **variables):
    environment = {key: value for key, value in os.environ.items() if key not in OUTSIDE}
    environment.update(variables)
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=200, check=False
    )


def build(project, **variables):
    return start(project, [sys.executable, "setup.py", "-q", "build_ext", "--inplace"], **variables)


def run(project, code):
    return start(project, [sys.executable, "-c", f"import numpy as np; from mmad.inner import part; {code}"])


def test_modules_are_named_by_their_path_and_nothing_is_left_in_the_sources(project):
    result = build(project)
    assert result.returncode == 0, result.stderr
    assert run(project, "print(part.total(np.array([1.0, 2.0])))").stdout == "3.0\n"
    assert not list((project / "mmad").rglob("*.c"))


def test_the_checked_build_checks_and_replaces_the_other(project):
    assert build(project).returncode == 0
    assert build(project, MMAD_CHECKED="1").returncode == 0
    result = run(project, "part.element(np.ones(2), 2)")
    assert "IndexError: Out of bounds" in result.stderr
    assert run(project, "print(part.element(np.array([1.0, 2.0]), -1))").stdout == "2.0\n"


def test_a_performance_hint_fails_a_strict_build_every_time(project):
    (project / "mmad" / "slow.pyx").write_text(HINT)
    for _ in range(2):
        result = build(project, MMAD_STRICT="1")
        assert result.returncode != 0
        assert "treated as errors" in result.stderr
        assert "Exception check on 'double_it'" in result.stderr
    (project / "mmad" / "slow.pyx").write_text(HINT.replace(" nogil", " noexcept nogil"))
    result = build(project, MMAD_STRICT="1")
    assert result.returncode == 0, result.stderr


def test_a_performance_hint_does_not_fail_the_build_of_a_user(project):
    (project / "mmad" / "slow.pyx").write_text(HINT)
    result = build(project)
    assert result.returncode == 0, result.stderr
    assert "performance hint" not in result.stdout + result.stderr
