"""SciPy's functions that autograd has, of traced values."""

from mmad.autograd.scipy import integrate, linalg, signal, special, stats

__all__ = ["integrate", "linalg", "signal", "special", "stats"]
