"""Which code is lifted along, and which is left as it is.

Followed is the Python code of every package that lifted code reaches, whether it belongs to the same package or not.
Left are the standard library, NumPy, SciPy (their functions have stand-ins or rules of their own), mmad, other tools
that trace, test runners, and whatever has no Python code: Cython, C, Rust.  Exceptions, enumerations and classes with
a metaclass of their own are left, too: code compares them by identity.
"""

import abc
import enum
import sys

__all__ = ["follows", "is_followed_class"]

LEFT = frozenset(sys.stdlib_module_names | {"numpy", "scipy", "mmad"}) - {"__main__", "this", "antigravity"}
TRACERS = frozenset(("autograd", "casadi", "jax", "jaxlib", "numba", "tensorflow", "torch"))
TOOLS = frozenset(("_pytest", "pytest", "pluggy", "hypothesis", "cloudpickle", "matplotlib", "IPython", "tqdm"))


def follows(module, leave=frozenset()):
    """Return whether functions of a module are lifted along.

    Parameters
    ----------
    module : str or None
        Its full name.
    leave : set of str
        Further packages and modules to leave.

    Examples
    --------
    >>> follows("psychrolib"), follows("math"), follows("numpy.linalg"), follows("a.b", {"a"})
    (True, False, False, False)
    """
    if not isinstance(module, str):
        return False
    root = module.partition(".")[0]
    if root in LEFT or root in TRACERS or root in TOOLS:
        return False
    return not leave or not any(module == name or module.startswith(f"{name}.") for name in leave)


def is_followed_class(cls, leave=frozenset()):
    """Return whether a class gets a lifted copy: a class statement made it, and code does not compare it."""
    return (
        type(cls) in (type, abc.ABCMeta)
        and follows(cls.__module__, leave)
        and bool(cls.__flags__ & 1 << 9)  # made at run time
        and not issubclass(cls, BaseException | enum.Enum)
    )
