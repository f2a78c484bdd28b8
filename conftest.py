"""Decide which mmad the tests import.

The checkout holds the source folder ``mmad/``, which cannot be imported until it is built in place.  The
tests take the first of these that exists:

1. the mmad that Python finds, if its compiled modules are there (installed, or built in place);
2. the installed one, if Python found the unbuilt source folder first (``python -m pytest``);
3. the source folder built in place, if nothing is installed.
"""

import importlib.machinery
import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent


def built(folder):
    """Whether the compiled core lies in `folder`, for this interpreter."""
    return any((folder / f"_core{suffix}").exists() for suffix in importlib.machinery.EXTENSION_SUFFIXES)


def choose():
    """Put the folder of the mmad to test where the import finds it."""
    spec = importlib.util.find_spec("mmad")
    found = None if spec is None or spec.origin is None else Path(spec.origin).resolve().parent
    if found == ROOT / "mmad" and not built(found):
        sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
        importlib.invalidate_caches()
        found = importlib.util.find_spec("mmad")
    if found is None:
        if not built(ROOT / "mmad"):
            raise pytest.UsageError('mmad is not built: run  pip install ".[test]"  first')
        sys.path.insert(0, str(ROOT))


# Programs that the tests start must not look into the folder they are started in either.
os.environ["PYTHONSAFEPATH"] = "1"

if "mmad" not in sys.modules:
    choose()


def pytest_report_header():
    import mmad

    return f"mmad: {Path(mmad.__file__).parent}"
