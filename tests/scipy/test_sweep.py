"""Functions of SciPy called with traced arguments give the right derivative or an error that names the function.

`python tests/support/scipy_sweep.py` calls all of SciPy, which takes minutes; here are modules that take seconds.
"""

import pytest

pytest.importorskip("resource")
import scipy_sweep

MODULES = ["cluster.vq", "fft", "ndimage", "signal", "sparse.linalg", "spatial.distance", "stats.mstats"]


@pytest.mark.parametrize("module", MODULES)
def test_a_module(module):
    found = scipy_sweep.sweep(module)
    assert {kind for _, _, kind, _ in found} >= {"named"}
    wrong = [call for call in found if call[2] in ("unnamed", "WRONG", "crashed")]
    assert not wrong
