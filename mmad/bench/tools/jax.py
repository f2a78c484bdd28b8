"""JAX: derivatives under `jax.jit`, in double precision, of arguments that lie on the device."""

from mmad.bench.contestant import Runner
from mmad.bench.tools._tool import Tool, refuse_branches, refuse_columns, refuse_mutation
from mmad.bench.trees import map_leaves

__all__ = ["TOOLS", "configured", "traced"]


def configured():
    """Return the module, set up for double precision on one core."""
    import jax

    jax.config.update("jax_enable_x64", True)
    # On one core, passing work to another thread and waiting for it would cost some 10 us a call.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    return jax


def traced(jax, derivative):
    """Return the runner of a derivative under jit."""
    compiled = jax.jit(derivative)

    def to_numpy(result):
        return map_leaves(lambda leaf: leaf.__array__(), result)

    return Runner(
        lambda *args: jax.block_until_ready(compiled(*args)), lambda x: map_leaves(jax.numpy.asarray, x), to_numpy
    )


def prepare(instance, product):
    refuse_mutation(instance)
    refuse_branches(instance)
    refuse_columns(instance, product)
    jax = configured()
    function = instance.make(jax.numpy)
    # The cookbook's rule: forward mode for tall matrices and square ones, reverse mode for wide ones.
    is_wide = product == "jacobian" and jax.eval_shape(function, instance.point).size < instance.inputs
    operators = {
        "gradient": jax.grad,
        "hvp": lambda f: lambda x, v: jax.jvp(jax.grad(f), (x,), (v,))[1],
        "hessian": jax.hessian,
        "jacobian": jax.jacrev if is_wide else jax.jacfwd,
    }
    return traced(jax, operators[product](function))


TOOLS = (
    Tool(
        "jax",
        "JAX, jit",
        prepare,
        package="jax",
        documentation="https://docs.jax.dev/en/latest/notebooks/autodiff_cookbook.html",
    ),
)
