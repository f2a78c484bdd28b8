"""Gradients and Hessian-vector products that choose how they are computed: the mode, and whether to compile.

There is no matrix and no pattern: a gradient is one reverse sweep or, of few unknowns, a forward one for each; a
product is one sweep over a recorded gradient, or the gradient of a directional derivative.
"""

from mmad import tree
from mmad.api import grad, jvp, point_and_vector, scalar_output, tangent_pairs
from mmad.matrices import rows_of
from mmad.planner.evaluate import in_structure, nested
from mmad.planner.planned import PlannedHessian, PlannedJacobian
from mmad.tracing import finished, restore

__all__ = ["PlannedGradient", "PlannedProduct"]


class PlannedGradient(PlannedJacobian):
    """See :func:`mmad.grad`."""

    product = "grad"
    matrix = False

    def record(self, args, kwargs):
        r = super().record(args, kwargs)
        scalar_output(r.trace, self.product, False)
        return r

    def _by_shape(self, r):
        return rows_of(r.trace, self.single)


class PlannedProduct(PlannedHessian):
    """See :func:`mmad.hvp`."""

    product = "hvp"
    matrix = False

    def record(self, args, kwargs):
        point, v, nums = point_and_vector(self.f, self.argnums, args, self.product)
        r = super().record(point, kwargs)
        pairs = tangent_pairs(tuple(point[k] for k in nums), v, str(r.trace.origin))
        r.vector = r.columns.join([d for _, leaves in pairs for _, d in leaves])
        return r

    def _key(self, args):
        point, v, _ = point_and_vector(self.f, self.argnums, args, self.product)
        key, leaves = super()._key(point)
        return key, [*leaves, *tree.flatten(v)[0]]

    def _by_shape(self, r):
        return self._in_structure(r, r.push(r.vector))

    def run(self, plan, r, sparse, new=False):
        if plan.strategy == "forward-over-reverse":
            return self._by_shape(r)
        if plan.strategy == "reverse-over-reverse":
            return self._in_structure(r, r.pull(r.vector))
        return self._in_structure(r, nested(lambda f, x: grad(lambda y: jvp(f, (y,), (r.vector,))[1])(x), r))

    def _in_structure(self, r, product):
        """A vector as a tree, as the arguments are."""
        parts = zip(r.trace.leaves, r.columns.split(product), strict=True)
        out = in_structure(r.trace, [None if new is None else restore(new, finished(x)) for x, new in parts])
        return out[0] if self.single else tuple(out)
