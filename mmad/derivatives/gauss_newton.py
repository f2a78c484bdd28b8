"""Products with Gauss-Newton matrices, and of vectors with Hessians."""

import functools

from mmad.derivatives import second_order
from mmad.derivatives.arguments import derivative_function, floating_vector, point_and_vector
from mmad.derivatives.first_order import jvp, vjp
from mmad.derivatives.names import by_name

__all__ = ["gauss_newton_product", "vhp"]


@by_name(vector=True)
def gauss_newton_product(f, loss=None, argnums=0):
    """Return the function that multiplies a vector by the Gauss-Newton matrix J' H J, without forming it.

    Parameters
    ----------
    f : callable
        The residuals, or the outputs of a model: J is its Jacobian.
    loss : callable, optional
        Of what `f` returns, one real number: H is its Hessian there.  By default half the sum of squares, H = 1.
    argnums : int or tuple of int

    Returns
    -------
    callable
        ``G(x, v)`` -> J' H J v in the structure of x, by one forward and one reverse sweep of `f`; for several
        arguments ``G(*args, v)``.

    References
    ----------
    .. [1] Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", Neural Computation
       14 (2002), 1723-1738.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> A = np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 0.0]])
    >>> G = mmad.gauss_newton_product(lambda x: A @ x)
    >>> bool(np.allclose(G(np.zeros(2), np.array([1.0, -1.0])), A.T @ A @ [1.0, -1.0]))
    True
    """

    def operator(*args, **kwargs):
        args, v, nums = point_and_vector(f, argnums, args, "gauss_newton_product")

        def outputs(*traced):
            full = list(args)
            for k, x in zip(nums, traced, strict=True):
                full[k] = x
            return f(*full, **kwargs)

        functools.update_wrapper(outputs, f, updated=())
        point = tuple(args[k] for k in nums)
        y, pullback = vjp(outputs, *point)
        u = jvp(outputs, point, v)[1]
        found = pullback(u if loss is None else second_order.hvp(loss)(y, u))
        return found if isinstance(argnums, tuple | list) else found[0]

    operator.floating = floating_vector
    return derivative_function(f, operator, "gauss_newton_product", (gauss_newton_product, loss, argnums))


@by_name(vector=True)
def vhp(f, argnums=0):
    """Return the function that computes v' H, which is H v as Hessians are symmetric; see :func:`hvp`.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.vhp(lambda x: (x**3).sum())(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    return second_order.hvp(f, argnums)
