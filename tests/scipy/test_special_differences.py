"""The functions of scipy.special that mpmath does not have: derivatives against differences of SciPy's values."""

import numpy as np
import pytest

special = pytest.importorskip("scipy.special")

import mmad  # noqa: E402
from mmad.scipy.special import RULES  # noqa: E402

NAMES = [
    "berp", "beip", "kerp", "keip", "kelvin", "itj0y0", "iti0k0", "it2j0y0", "it2i0k0", "itstruve0", "itmodstruve0",
    "it2struve0", "itairy", "besselpoly", "pbwa", "pbdv", "pbvv", "mathieu_cem", "mathieu_sem", "mathieu_modcem1",
    "mathieu_modcem2", "mathieu_modsem1", "mathieu_modsem2",
    *(f"{kind}_{what}{cv}" for kind in ("pro", "obl") for what in ("ang1", "rad1") for cv in ("", "_cv")),
]  # fmt: skip


def difference(f, x, h):
    """The derivative by differences of order six."""
    weights = (45.0, -9.0, 1.0)
    return sum(w * (f(x + k * h) - f(x - k * h)) for k, w in enumerate(weights, 1)) / (60.0 * h)


@pytest.mark.parametrize("name", NAMES)
def test_against_differences(name):
    rule = RULES[name]
    for point in rule.points:
        for k in range(rule.results):
            for i in rule.differentiable:

                def f(x, k=k, i=i, point=point):
                    y = rule.function(*point[:i], x, *point[i + 1 :])
                    return y if rule.results == 1 else y[k]

                slope = lambda x, f=f: mmad.jvp(f, (x,), (1.0,))[1]
                tolerance = 1e-4 if name == "itairy" else 2e-6  # SciPy's values of it have seven digits
                x, h = point[i], 1e-2 * (30.0 if "_cem" in name or "_sem" in name else 1.0)
                np.testing.assert_allclose(slope(x), difference(f, x, h), rtol=tolerance, atol=1e-9)
                second = mmad.jvp(slope, (x,), (1.0,))[1]
                np.testing.assert_allclose(second, difference(slope, x, h), rtol=2e-6, atol=1e-9)
