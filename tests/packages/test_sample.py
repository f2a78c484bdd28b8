"""The rows of the table whose packages are installed: never a wrong derivative."""

import importlib.util

import count
import pytest

SMALL = {
    "psychrolib": "psychrolib", "geographiclib": "geographiclib", "mpmath": "mpmath", "pandas": "pandas",
    "einops": "einops", "hsluv": "hsluv", "haversine": "haversine",
}  # fmt: skip
ROWS = [row for row in count.table() if row[1] in SMALL]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[3])
def test_never_wrong(row):
    if importlib.util.find_spec(SMALL[row[1]]) is None:
        pytest.skip(f"{row[1]} is not installed")
    for state, why in count.run(row):
        assert state in ("right", "error"), why


def test_every_row_has_five_parts():
    assert len(count.table()) > 100
