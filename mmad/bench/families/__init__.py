"""Functions of NumPy and SciPy by family, to be differentiated by mmad and by JAX: a line each.

>>> from mmad.bench.families import all_families, find_family_case
>>> sorted(all_families())[:3]
['cumulative', 'elementwise', 'fourier']
>>> case = find_family_case("fourier: rfft")
>>> case.sizes
(16, 4096)
"""

from mmad.bench.families.case import FamilyCase, Namespace, jax_namespace, numpy_namespace
from mmad.bench.families.numpy_cases import CASES as NUMPY_CASES
from mmad.bench.families.scipy_cases import CASES as SCIPY_CASES

__all__ = [
    "FamilyCase",
    "Namespace",
    "all_families",
    "all_family_cases",
    "find_family_case",
    "jax_namespace",
    "numpy_namespace",
]


def all_family_cases():
    """Return all cases, NumPy's first."""
    return [*NUMPY_CASES, *SCIPY_CASES]


def all_families():
    """Return the cases by the name of their family."""
    found = {}
    for case in all_family_cases():
        found.setdefault(case.family, []).append(case)
    return found


def find_family_case(name):
    """Return the case of a name such as ``"fourier: rfft"``.

    Raises
    ------
    LookupError
        If there is no such case.
    """
    for case in all_family_cases():
        if case.name == name:
            return case
    raise LookupError(f"no case {name!r}; there are: {', '.join(case.name for case in all_family_cases())}")
