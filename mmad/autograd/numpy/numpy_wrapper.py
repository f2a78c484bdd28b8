"""What autograd's users take from its wrapper of NumPy."""

import numpy as np

__all__ = ["metadata", "numpy_version"]

numpy_version = np.__version__


def metadata(x):
    """Return shape, dimensions, dtype, and whether an array is complex."""
    return np.shape(x), np.ndim(x), np.result_type(x), np.iscomplexobj(x)
