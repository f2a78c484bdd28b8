"""NumPy's linear algebra; its functions take traced values."""

from numpy.linalg import *  # noqa: F403
