"""Functions of scipy.special where their arguments are cut off, and where searches stop at a bound: as SciPy's own."""

import numpy as np
import pytest
import scipy.special as sc

import mmad

# SciPy uses whole k and n: the derivative by p is that at these.
WHOLE = [
    (sc.bdtr, (0.9, 2.7, 0.6), (0, 2, 0.6)),
    (sc.bdtrc, (0.9, 2.7, 0.6), (0, 2, 0.6)),
    (sc.bdtri, (0.9, 2.7, 0.4), (0, 2, 0.4)),
    (sc.nbdtr, (1.4, 2.5, 0.5), (1, 2, 0.5)),
    (sc.nbdtrc, (1.4, 2.5, 0.5), (1, 2, 0.5)),
    (sc.nbdtri, (1.4, 2.5, 0.5), (1, 2, 0.5)),
    (sc.smirnov, (2.6, 0.6), (2, 0.6)),
    (sc.smirnovi, (2.6, 0.4), (2, 0.4)),
    (sc.pdtr, (1.4, 0.6), (1, 0.6)),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("f", "given", "whole"), WHOLE, ids=lambda v: getattr(v, "__name__", ""))
def test_arguments_that_scipy_makes_whole(f, given, whole):
    def of_last(point):
        return mmad.grad(lambda p: f(*point[:-1], p)), mmad.hessian(lambda p: f(*point[:-1], p))

    for here, there in zip(of_last(given), of_last(whole), strict=True):
        assert here(given[-1]) == there(whole[-1])
        assert np.isfinite(here(given[-1]))


# Where the search for an inverse stops at a bound, and outside a support, the function is constant.
FLAT = [
    (sc.bdtrik, (0.25, 0.16, 0.3)),
    (sc.nbdtrik, (0.69, 0.21, 0.637)),
    (sc.stdtridf, (0.9, 0.45)),
    (sc.pdtrik, (0.01, 4.0)),
    (sc.fdtridfd, (3.0, 0.999, 1.6)),
    (sc.tklmbda, (1.2, 1.5)),
    (sc.tklmbda, (-1.2, 1.5)),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("f", "point"), FLAT, ids=lambda v: getattr(v, "__name__", ""))
def test_where_a_function_is_constant(f, point):
    for i, x in enumerate(point):

        def of_one(t, i=i):
            return f(*point[:i], t, *point[i + 1 :])

        h = 1e-4 * abs(x)
        assert of_one(x - h) == of_one(x) == of_one(x + h)
        assert mmad.grad(of_one)(x) == 0.0
        assert mmad.hessian(of_one)(x) == 0.0
