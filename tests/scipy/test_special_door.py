"""Rules for functions of other packages: imported when one is met or named, and those of users."""

import math
import pickle

import numpy as np
import pytest

special = pytest.importorskip("scipy.special")
import special_table  # noqa: E402
from helpers import python  # noqa: E402

import mmad  # noqa: E402

FRESH = "import sys, numpy as np, mmad\nassert 'mmad.scipy' not in sys.modules and 'scipy' not in sys.modules\n"


def test_rules_are_imported_when_a_function_is_met():
    done = python(
        FRESH + "import scipy.special as sc\nassert 'mmad.scipy.special' not in sys.modules\n"
        "print(mmad.grad(sc.dawsn)(0.5), 'mmad.scipy.special' in sys.modules)"
    )
    slope, loaded = done.stdout.split()
    assert loaded == "True", done.stderr
    assert math.isclose(float(slope), 1 - special.dawsn(0.5), rel_tol=1e-15)


def test_programs_and_operations_are_found_by_name_in_a_fresh_process(tmp_path):
    x = np.linspace(-1.0, 2.0, 50)
    f = mmad.compile(mmad.grad(lambda x: special.dawsn(x).sum()))
    want = f(x)
    f.programs()[0].save(tmp_path / "dawsn")
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "op").write_bytes(pickle.dumps(mmad.ops.OPERATIONS["scipy.special.dawsn"]))
    done = python(
        FRESH + f"import pickle, pathlib\npath = pathlib.Path({str(tmp_path)!r})\n"
        "program = mmad.Program.load(path / 'dawsn')\n"
        "print(repr(program(np.load(path / 'x.npy')).tolist()))\n"
        "print(pickle.loads((path / 'op').read_bytes())(0.5))"
    )
    values, number = done.stdout.splitlines()
    assert eval(values) == want.tolist()
    assert float(number) == special.dawsn(0.5)


def test_a_users_rule_for_a_ufunc_of_any_package():
    cospi = special._ufuncs._sinpi  # a ufunc without a rule of ours
    with pytest.raises(TypeError, match="sinpi is not supported"):
        mmad.grad(cospi)(0.3)
    rule = mmad.primitive(
        cospi, jvp=lambda tangents, y, x: math.pi * special._ufuncs._cospi(mmad.concrete(x)) * tangents[0], bind=True
    )
    x = np.array([0.1, 0.4])
    np.testing.assert_allclose(mmad.grad(lambda x: cospi(x).sum())(x), math.pi * np.cos(math.pi * x), rtol=1e-14)
    np.testing.assert_allclose(mmad.jvp(cospi, (x,), (x,))[1], math.pi * x * np.cos(math.pi * x), rtol=1e-14)
    np.testing.assert_array_equal(cospi(x), rule(x))
    with pytest.raises(TypeError, match="has a derivative already"):
        mmad.primitive(cospi, jvp=lambda tangents, y, x: tangents[0], bind=True)


@pytest.mark.parametrize("f", [np.exp, np.sum, special.erf, special.dawsn])
def test_a_function_with_a_rule_is_not_bound_again(f):
    with pytest.raises(TypeError, match="has a derivative already"):
        mmad.primitive(f, jvp=lambda tangents, y, x: tangents[0], bind=True)


def test_what_lets_no_traced_value_answer_is_not_bound():
    with pytest.raises(TypeError, match="takes a ufunc or a function of NumPy"):
        mmad.primitive(math.erf, jvp=lambda tangents, y, x: tangents[0], bind=True)


def test_every_ufunc_has_a_rule():
    assert special_table.left_out() == []


def test_the_table_is_current():
    """Names of arguments are those of SciPy's documentation, which differs from version to version."""
    text = special_table.DOCUMENT.read_text(encoding="utf-8")
    if f"SciPy {special_table.VERSION}:" not in text:
        pytest.skip("the table is of another version of SciPy")
    assert text == special_table.document(text), "run python tests/support/special_table.py"
