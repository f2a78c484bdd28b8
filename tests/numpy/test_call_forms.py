"""The table of NumPy's functions in `docs/numpy.md` says what their call forms do."""

import numpy as np
import pytest
from numpy_forms import FORMS
from numpy_names import NOT_CONCERNED, REFUSED, public_names
from numpy_surface import PAGE, row, runs_of, table

TEXT = PAGE.read_text()
LINES = {line.split("`")[1]: line for line in TEXT.splitlines() if line.startswith("| `")}
NAMES = public_names()
SAME_NUMPY = f"NumPy {np.__version__}:" in TEXT

needs_same_numpy = pytest.mark.skipif(not SAME_NUMPY, reason="the table is of another version of NumPy")


def line_of(name, runs):
    return f"| {' | '.join(row(name, runs))} |".replace("  ", " ")


@needs_same_numpy
def test_every_public_name_is_in_the_table():
    assert set(NAMES) == set(LINES)


def test_every_form_and_every_reason_is_of_a_public_name():
    named = {form.name for form in FORMS}
    reasons = set(REFUSED) | {name for names in NOT_CONCERNED.values() for name in names.split()}
    assert not named & reasons
    assert not SAME_NUMPY or named | reasons <= set(NAMES)


@needs_same_numpy
@pytest.mark.parametrize("part", range(4))
def test_a_part_of_the_table_is_what_the_forms_do(part):
    chosen = sorted({form.name for form in FORMS})[part::24]
    for name, runs in runs_of(chosen).items():
        assert line_of(name, runs) == LINES[name], [run.modes for run in runs]


@needs_same_numpy
@pytest.mark.slow
def test_the_table_is_what_the_forms_do(capsys):
    text, works, total = table()
    with capsys.disabled():
        print(f"\n{works} of {total} call forms of NumPy work in every mode")
    assert text == TEXT
