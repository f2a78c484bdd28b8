"""Decide which mmad the tests import.

The tests take the first of these that exists:

1. the mmad that Python finds, if its compiled modules are there (installed, or built in place);
2. the installed one, if Python found the unbuilt source folder first (``mmad/_checkout.py``);
3. the source folder built in place, if nothing is installed.
"""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent

# Programs that the tests start must not look into the folder they are started in either.
os.environ["PYTHONSAFEPATH"] = "1"

if importlib.util.find_spec("mmad") is None:
    sys.path.insert(0, str(ROOT))
try:
    import mmad
except ImportError as error:
    if "is not compiled" not in str(error):
        raise
    raise pytest.UsageError(str(error)) from None


def pytest_report_header():
    return f"mmad: {Path(mmad.__file__).parent}"
