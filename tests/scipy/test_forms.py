"""Every call of SciPy that the tables list: its value, its derivatives in both modes to second order, compiled."""

import importlib
import inspect

import numpy as np
import pytest
import scipy
import scipy_forms
from scipy_forms import DROP_IN, FORMS, REFUSED, inner

import mmad
from mmad.python import scipy_names

TAKEN = [form for form in FORMS if form.way != REFUSED]


#: SciPy has had everything that the forms call since this version.
HAS_ALL = (1, 16)


def skip_if_missing(form):
    """Skip a form that an older SciPy does not take."""
    if tuple(map(int, scipy.__version__.split(".")[:2])) < HAS_ALL:
        try:
            form.call(form.space, *form.points)
        except (AttributeError, TypeError, ValueError) as e:
            pytest.skip(f"SciPy {scipy.__version__}: {e}")


#: What gives integers that depend on data, or chooses points, sizes or steps by them; and forms with a state of theirs.
RECORDED_AGAIN = {
    "ndimage.extrema", "ndimage.minimum_position", "ndimage.maximum_position", "ndimage.rotate", "integrate.solve_ivp",
    "optimize.newton", "optimize.minimize",
}  # fmt: skip


def function(form):
    return form.loss(lambda *points: form.call(form.space, *points))


def close(got, want, tolerance):
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * max(1.0, abs(want)))


@pytest.mark.parametrize("form", TAKEN, ids=[f"{k}-{f.name}" for k, f in enumerate(TAKEN)])
def test_a_form(form):
    skip_if_missing(form)
    value, first, second = form.tolerances
    f, argnums = function(form), tuple(range(len(form.points)))
    close(*form.value(), value)
    v, w = form.direction(1), form.direction(2)
    slope = form.slope(v)
    gradient = mmad.grad(f, argnums=argnums)
    if form.slow:
        close(inner(gradient(*form.points), v), slope, first)
        return
    close(mmad.jvp(f, form.points, v)[1], slope, first)
    close(inner(gradient(*form.points), v), slope, first)
    compiled = mmad.compile(gradient)
    other = tuple(p * 1.001 for p in form.points)
    for _ in range(2):
        close(inner(compiled(*form.points), w), inner(gradient(*form.points), w), 1e-9)
    close(inner(compiled(*other), w), inner(gradient(*other), w), 1e-9)
    if form.name not in RECORDED_AGAIN:
        counts = []
        for seed in (3, 4, 5):
            compiled(*[p + 1e-3 * np.asarray(d)[()] for p, d in zip(form.points, form.direction(seed), strict=True)])
            counts.append(compiled.counts["records"])
        assert counts[0] == counts[-1]  # the first points may be singular
        assert not compiled.counts["eager"]
    if form.order >= 2:
        curvature = form.slope(v, w)
        close(inner(mmad.jvp(gradient, form.points, v)[1], w), curvature, second)
        close(inner(mmad.grad(lambda *p: mmad.jvp(f, p, v)[1], argnums=argnums)(*form.points), w), curvature, second)


@pytest.mark.parametrize("form", [f for f in FORMS if f.way == REFUSED], ids=repr)
def test_a_refusal_names_the_function(form):
    with pytest.raises(Exception, match=form.name.rpartition(".")[2]):
        mmad.vjp(lambda *p: form.call(form.space, *p), *form.points)


def test_the_tables_are_current():
    text = scipy_forms.DOCUMENT.read_text(encoding="utf-8")
    assert text == scipy_forms.document(text), "run python tests/support/scipy_forms.py"


def modules():
    return sorted(scipy_names.DROP_IN)


@pytest.mark.parametrize("module", modules())
def test_the_names_of_a_module(module):
    """What messages advise is what the module defines, and what the tables list."""
    ours = importlib.import_module(f"mmad.{module}")
    names = {name for name in ours.__all__ if not inspect.ismodule(getattr(ours, name))}
    advised = set(scipy_names.DROP_IN[module].split())
    assert names == {name for name in advised if hasattr(importlib.import_module(module), name)}
    listed = {f.name for f in FORMS if f.way == DROP_IN}
    assert {f"{module}.{name}".removeprefix("scipy.") for name in names} <= listed
    assert set(dir(importlib.import_module(module))) <= set(dir(ours))
