"""Which functions of SciPy have a twin in `mmad.scipy` that takes traced values: what messages advise to write."""

__all__ = ["DROP_IN", "advice"]

#: SciPy's module -> the names that our module of the same name defines.
DROP_IN = {
    "scipy.spatial.distance": """
        braycurtis canberra cdist chebyshev cityblock correlation cosine euclidean jensenshannon mahalanobis minkowski
        pdist seuclidean sqeuclidean squareform
    """,
}


def advice(name):
    """Return what to write instead of a function of SciPy with a traced value, or an empty text.

    Examples
    --------
    >>> advice("scipy.spatial.distance.pdist")
    'write mmad.scipy.spatial.distance.pdist(...)'
    >>> advice("numpy.interp")
    ''
    """
    module, _, function = name.rpartition(".")
    return f"write mmad.{name}(...)" if function in DROP_IN.get(module, "").split() else ""
