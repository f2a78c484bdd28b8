"""`wirtinger`: derivatives by a complex variable and by its conjugate."""

from mmad._core import dtype_of, shape_of
from mmad.derivatives.arguments import derivative_function, positions
from mmad.derivatives.first_order import vjp
from mmad.derivatives.names import by_name
from mmad.tracing import tree
from mmad.tracing.leaves import describe
from mmad.tracing.results import is_static

__all__ = ["wirtinger"]


@by_name
def wirtinger(f, argnums=0):
    """Return the function that computes the two Wirtinger derivatives, df/dz and df/dconj(z), in reverse mode.

    With z = x + iy they are (df/dx - i df/dy) / 2 and (df/dx + i df/dy) / 2.  Where the second is zero the function is
    holomorphic, and the first its complex derivative.

    Parameters
    ----------
    f : callable
        With one number as its result, complex or real.
    argnums : int, str, or tuple of them
        The arguments z: complex numbers, arrays, or trees of them.

    Returns
    -------
    callable
        ``(df/dz, df/dconj(z))``, each of the structure of z; for several arguments each a tuple.

    Raises
    ------
    TypeError
        z is real, or the result is not one number.

    Notes
    -----
    One recording, and two reverse sweeps, one where the result is real.  The gradient of a real function (`grad`) is
    twice its derivative by conj(z).

    References
    ----------
    .. [1] Kreutz-Delgado, "The Complex Gradient Operator and the CR-Calculus", arXiv:0906.4835.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.wirtinger(lambda z: z * z * np.conj(z))(1 + 2j)      # 2 z conj(z) and z z
    ((10+0j), (-3+4j))
    """
    single = not isinstance(argnums, tuple | list)

    def operator(*args, **kwargs):
        nums, what = positions(f, argnums, args, "wirtinger"), describe(f, "wirtinger")
        for k in nums:
            for leaf in tree.flatten(args[k])[0]:
                if not is_static(leaf) and dtype_of(leaf).kind != "c":
                    raise TypeError(f"{what}: argument {k} is not complex; use mmad.grad, or pass x + 0j")

        def of_selected(*moving):
            full = list(args)
            for k, z in zip(nums, moving, strict=True):
                full[k] = z
            return f(*full, **kwargs)

        y, pullback = vjp(of_selected, *[args[k] for k in nums])
        if len(tree.flatten(y)[0]) != 1 or is_static(y) or shape_of(y) != ():
            raise TypeError(f"{what}: the function must return one number; use mmad.jvp along 1 and along 1j")
        real = tree.flatten(pullback(1.0))[0]
        imaginary = tree.flatten(pullback(1j))[0] if dtype_of(y).kind == "c" else [None] * len(real)
        pairs = [_pair(u, v) for u, v in zip(real, imaginary, strict=True)]
        structure = tree.flatten(tuple(args[k] for k in nums))[1]
        by_z, by_conjugate = (tree.unflatten(structure, [pair[way] for pair in pairs]) for way in (0, 1))
        return (by_z[0], by_conjugate[0]) if single else (by_z, by_conjugate)

    return derivative_function(f, operator, "wirtinger", (wirtinger, argnums))


def _pair(u, v):
    """Return the derivatives by z and by its conjugate from the gradients of the real and the imaginary part."""
    if is_static(u):
        return u, u
    if v is None:
        return u.conjugate() / 2, u / 2
    return (u.conjugate() + 1j * v.conjugate()) / 2, (u + 1j * v) / 2
