"""Gradients and Hessian-vector products that choose how they are computed: the mode, and whether to compile.

There is no matrix and no pattern: a gradient is one reverse sweep or, of few unknowns, a forward one for each; a
product is one sweep over a recorded gradient, or the gradient of a directional derivative.  What is recorded has the
value of the function, and of a product the gradient, in it.
"""

import functools

from mmad.derivatives.arguments import floating_vector, plain, point_and_vector, scalar_output, tangent_pairs
from mmad.derivatives.first_order import grad, jvp, value_and_grad
from mmad.derivatives.jacobians import in_blocks
from mmad.derivatives.recorded import inexact_leaf
from mmad.derivatives.second_order import hvp, value_grad_hvp
from mmad.planner.by_plan import in_trees, nested_hessian
from mmad.planner.planned import PlannedHessian, PlannedJacobian
from mmad.replay import compiled
from mmad.tracing import tree
from mmad.tracing.results import finished, in_kind_of, is_static

__all__ = ["PlannedGradient", "PlannedProduct", "PlannedValueAndGradient", "PlannedValueGradProduct"]


FEW = 5  # evaluations that take less time than compiling


class ByComplexArguments:
    """Derivatives by complex arguments: of one sweep, so there is nothing to choose but whether to compile."""

    def _settling(self, key, args, kwargs):
        if self._any_complex(self._key(args)[1]):
            return self.by_complex(*args, **kwargs), None
        return super()._settling(key, args, kwargs)

    def _traced(self, tape, args, kwargs, leaves):
        return (
            self.by_complex_eagerly(*args, **kwargs)
            if self._any_complex(leaves)
            else super()._traced(tape, args, kwargs, leaves)
        )

    @staticmethod
    def _any_complex(leaves):
        return any(not is_static(x) and inexact_leaf(x).kind == "c" for x in leaves)

    @functools.cached_property
    def by_complex_eagerly(self):
        """The operator without a plan."""
        given = {"has_aux": True} if self.options.has_aux else {}
        return self.operator(self.f, self.argnums, **given)

    @functools.cached_property
    def by_complex(self):
        """The same, compiled if it is called often enough."""
        mode = self.options.mode
        often = mode == "compiled" or (mode == "auto" and self.options.expected > FEW)
        return compiled.compile(self.by_complex_eagerly) if often else self.by_complex_eagerly


class PlannedGradient(ByComplexArguments, PlannedJacobian):
    """See :func:`mmad.grad`."""

    product = "grad"
    matrix = False
    operator, usual = staticmethod(grad), "reverse"

    def select(self, trace):
        """Have the value differentiated, and return the rest: the auxiliary data."""
        out, aux = scalar_output(trace, self.name, self.options.has_aux)
        trace.outputs, trace.out_tree = [out], tree.LEAF
        return aux if trace.nested else plain(aux)

    def unplanned(self, args, kwargs):
        return self.operator(self.f, self.argnums, self.options.has_aux)(*args, **kwargs)

    def _by_shape(self, r):
        return self._with_value(r, in_blocks(r, r.jacobian(True), self.single))

    def run(self, plan, r, sparse, new=False):
        return self._with_value(r, super().run(plan, r, sparse, new))

    def _with_value(self, r, gradient):
        return (gradient, r.rest) if self.options.has_aux else gradient


class PlannedValueAndGradient(PlannedGradient):
    """See :func:`mmad.value_and_grad`."""

    name = "value_and_grad"
    operator = staticmethod(value_and_grad)

    def _with_value(self, r, gradient):
        (value,) = r.trace.outputs
        value = value if r.trace.nested else finished(value)
        return ((value, r.rest) if self.options.has_aux else value), gradient


class PlannedProduct(ByComplexArguments, PlannedHessian):
    """See :func:`mmad.hvp`."""

    product = "hvp"
    matrix = False
    operator, usual = staticmethod(hvp), "forward-over-reverse"

    def __call__(self, *args, **kwargs):
        return super().__call__(*floating_vector(args), **kwargs)

    def record(self, args, kwargs):
        point, v, nums = point_and_vector(self.f, self.argnums, args, self.name)
        r = super().record(point, kwargs)
        pairs = tangent_pairs(tuple(point[k] for k in nums), v, str(r.trace.origin))
        r.vector = r.columns.join([d for _, leaves in pairs for _, d in leaves])
        return r

    def places(self, args):
        point, _, nums = point_and_vector(self.f, self.argnums, args, self.name)
        return (*nums, len(point))

    def _key(self, args):
        point, v, _ = point_and_vector(self.f, self.argnums, args, self.name)
        key, leaves = super()._key(point)
        return key, [*leaves, *tree.flatten(v)[0]]

    def unplanned(self, args, kwargs):
        return self.operator(self.f, self.argnums)(*args, **kwargs)

    def _by_shape(self, r):
        return self._with_value(r, self._in_trees(r, r.columns.split(r.push(r.vector))))

    def run(self, plan, r, sparse, new=False):
        if plan.strategy == "forward-over-reverse":
            return self._by_shape(r)
        if plan.strategy == "reverse-over-reverse":
            product = r.pull(r.vector)
        else:
            product = nested_hessian(lambda f, x: grad(lambda y: jvp(f, (y,), (r.vector,))[1])(x), r)
        return self._with_value(r, self._in_trees(r, r.columns.split(product)))

    def _in_trees(self, r, parts):
        """Return a value for each leaf of what is differentiated by, in the tree that the arguments are."""
        pairs = zip(r.trace.leaves, parts, strict=True)
        out = in_trees(r.trace, [None if new is None else in_kind_of(new, x) for x, new in pairs])
        return out[0] if self.single else tuple(out)

    def _with_value(self, r, product):
        return product


class PlannedValueGradProduct(PlannedProduct):
    """See :func:`mmad.value_grad_hvp`."""

    name = "value_grad_hvp"
    operator = staticmethod(value_grad_hvp)

    def differentiated(self, nums):
        return value_and_grad(self.f, self.argnums if self.single else nums)

    def select(self, trace):
        """Have the gradient differentiated, and return the rest: the value."""
        value, *trace.outputs = trace.outputs
        trace.out_tree = tree.flatten(trace.outputs)[1]
        return value if trace.nested else finished(value)

    def _with_value(self, r, product):
        nested, pairs = r.trace.nested, zip(r.trace.outputs, r.trace.inputs, strict=True)
        gradient = [None if x is None else g if nested else finished(g) for g, x in pairs]
        return r.rest, self._in_trees(r, gradient), product
