"""Describe the machine and the software of a measurement, without which its numbers mean nothing."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import numpy as np

import mmad

__all__ = ["differences", "provenance"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PACKAGES = (
    "numpy", "scipy", "jax", "torch", "autograd", "casadi", "asdex", "advect", "mygrad", "pytensor", "numdifftools",
    "sparsediffpy", "ddx-ad",
)  # fmt: skip


def provenance():
    """Return a description of this machine and its software.

    Returns
    -------
    dict
        Time, processor, governor of its frequency, number of processors, system, versions, commit of the source folder
        and whether the folder has changes, and the environment variables that set numbers of threads.
    """
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "governor": first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "mmad": mmad.__version__,
        "commit": commit(),
        "blas": blas(),
        "packages": {name: version for name in PACKAGES if (version := version_of(name))},
        "threads": {name: os.environ.get(name) for name in THREADS},
    }


def differences(one, other):
    """Return the names of the entries that differ between two provenances; their results cannot be compared.

    The time and the measured speeds are never twice the same, and are ignored.
    """
    return sorted(name for name in {*one, *other} - {"time", "peaks"} if one.get(name) != other.get(name))


def processor():
    """Return the name of the processor."""
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def read(path):
    """Return the text of a file; an empty text if there is no such file."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def first_line(path):
    """Return the first line of a file; None if there is none."""
    return next(iter(read(path).splitlines()), None)


def version_of(name):
    """Return the version of an installed package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def blas():
    """Return the name and version of NumPy's BLAS."""
    facts = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return " ".join(str(facts.get(key, "")) for key in ("name", "version")).strip()


def commit():
    """Return the commit of the checkout that mmad runs from, with "+" if it has changes; None without a checkout."""
    folder = Path(mmad.__file__).resolve().parents[1]
    if not (folder / ".git").exists():
        return None
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
        changes = subprocess.run(["git", "status", "--porcelain", "-uno"], cwd=folder, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if changes.stdout.strip() else "")
