"""asdex: sparse matrices with JAX, detected and coloured at the first call, under `jax.jit`."""

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool, refuse_branches, refuse_mutation
from mmad.bench.tools.jax import configured, traced

__all__ = ["TOOLS"]


def prepare(instance, product):
    refuse_mutation(instance)
    refuse_branches(instance)
    if product not in ("hessian", "jacobian"):
        raise NotImplementedError(f"no {product}: sparse matrices only")
    jax = configured()
    import asdex

    runner = traced(jax, getattr(asdex, product)(instance.make(jax.numpy), instance.point))
    return Runner(runner.run, runner.arguments, to_scipy)


def to_scipy(matrix):
    """Return JAX's sparse matrix as one of SciPy."""
    from scipy.sparse import coo_array

    rows, columns = matrix.indices.__array__().T
    return coo_array((matrix.data.__array__(), (rows, columns)), shape=matrix.shape).tocsr()


TOOLS = (
    Tool(
        "asdex",
        "JAX with asdex",
        prepare,
        package="asdex",
        documentation="https://github.com/adrhill/asdex",
    ),
)
