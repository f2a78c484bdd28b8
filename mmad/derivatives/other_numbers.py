"""The derivative operators at numbers of other types: fractions, decimals, mpmath's, numbers with uncertainties.

The usual operators hand over to these where they meet such a number (`OtherNumberError`), so that nothing else pays for
them.  Values are computed by the type's own arithmetic, eagerly.
"""

import contextlib

from mmad.derivatives.arguments import name_of, positions
from mmad.errors import OtherNumberError
from mmad.python.kinds import isplain
from mmad.scalars.functions import Operation
from mmad.scalars.kinds import concrete_of, is_complex, is_other_number, one_like, zero_like
from mmad.scalars.traced import OtherDual, OtherNode, OtherNumber, apply, new_other_level, sweep
from mmad.tracing import tree
from mmad.tracing.leaves import ArgumentPlace, plain_leaf
from mmad.tracing.results import is_static

__all__ = [
    "among",
    "by_rule",
    "derivative_of",
    "gradient_of",
    "hessian_of",
    "jacobian_of",
    "product_of",
    "pullback_of",
    "pushforward_of",
]


class OtherTrace:
    """One run of a function on numbers of other types, recorded."""

    def __init__(self, f, argnums, args, kwargs, what):
        self.f, self.what, self.level = f, what, new_other_level()
        self.nums, self.single = positions(f, argnums, args, what), not isinstance(argnums, tuple | list)
        args, self.structures, self.inputs = list(args), [], []
        for k in self.nums:
            leaves, structure = tree.flatten(args[k])
            nodes = [
                x if is_static(x) else self._input(x, ArgumentPlace(what, k, args[k], i)) for i, x in enumerate(leaves)
            ]
            self.structures.append((structure, len(leaves)))
            self.inputs += nodes
            args[k] = tree.unflatten(structure, nodes)
        self.result = f(*args, **kwargs)
        self.outputs, self.out_tree = tree.flatten(self.result)

    def _input(self, x, where):
        with contextlib.suppress(OtherNumberError):
            plain_leaf(x, where)  # which refuses what else is no number
        if hasattr(x, "shape") and x.shape:
            raise TypeError(f"{where}: an array beside numbers of other types; pass numbers, in lists or dicts")
        return OtherNode(self.level, x)

    def below(self, x):
        """Return a result without this derivative's level."""
        return x.inner if isplain(x, OtherNode) and x.level == self.level else x

    def values(self):
        """Return what the function returned."""
        return tree.unflatten(self.out_tree, [self.below(y) for y in self.outputs])

    def pull(self, cts):
        """Return the cotangents of the arguments, a list with a tree for each."""
        pairs = zip(self.outputs, cts, strict=True)
        found = sweep([(y, ct) for y, ct in pairs if isplain(y, OtherNode) and y.level == self.level])
        leaves = [x if is_static(x) else _in_type_of(found.get(x.order), x.inner) for x in self.inputs]
        out, at = [], 0
        for structure, count in self.structures:
            out.append(tree.unflatten(structure, leaves[at : at + count]))
            at += count
        return out[0] if self.single else tuple(out)

    def only(self):
        """Return the one real number that the function returned."""
        if len(self.outputs) != 1 or is_static(self.outputs[0]) or is_complex(concrete_of(self.outputs[0])):
            raise TypeError(f"{self.what} of {name_of(self.f)}: the function must return one real number")
        return self.outputs[0]


def among(x):
    """Return whether a tree holds a number of another type."""
    return any(map(is_other_number, tree.flatten(x)[0]))


def _one(y):
    value = concrete_of(y)
    return one_like(value) if not is_static(value) else value


def _in_type_of(g, x):
    """Return a derivative in the type of the number that it belongs to: no dependence, or a constant one, is an int."""
    value = concrete_of(x)
    if g is None:
        return zero_like(value)
    return type(value)(g) if isplain(g, int) and not hasattr(value, "nominal_value") else g


def gradient_of(f, argnums, args, kwargs, has_aux=False, what="grad"):
    """Return value, gradient and auxiliary data."""
    aux = []

    def value(*a, **kw):
        y = f(*a, **kw)
        if has_aux:
            aux.append(tree.map(lambda v: v if is_static(v) else concrete_of(v), y[1]))
            y = y[0]
        return y

    t = OtherTrace(value, argnums, args, kwargs, what)
    y = t.only()
    return t.below(y), t.pull([_one(y)]), aux[0] if has_aux else None


def pullback_of(f, primals):
    """Return the value and the pullback; see `mmad.vjp`."""
    t = OtherTrace(f, tuple(range(len(primals))), primals, {}, "vjp")

    def pullback(y_bar):
        cts = tree.flatten(y_bar)[0]
        if len(cts) != len(t.outputs):
            raise ValueError(f"vjp of {name_of(f)}: the cotangent must have the structure of the result")
        return t.pull([_in_type_of(ct, y) for ct, y in zip(cts, t.outputs, strict=True)])

    return t.values(), pullback


def pushforward_of(f, primals, tangents):
    """Return the value and the directional derivative; see `mmad.jvp`."""
    level, args = new_other_level(), []
    for x, d in zip(primals, tangents, strict=True):
        (xs, structure), ds = tree.flatten(x), tree.flatten(d)[0]
        if len(xs) != len(ds):
            raise ValueError(f"jvp of {name_of(f)}: a tangent must have the structure of its argument")
        duals = [v if is_static(v) else OtherDual(level, v, _in_type_of(t, v)) for v, t in zip(xs, ds, strict=True)]
        args.append(tree.unflatten(structure, duals))
    outputs, structure = tree.flatten(f(*args))
    own = [isplain(y, OtherDual) and y.level == level for y in outputs]
    ys = [y.inner if mine else y for y, mine in zip(outputs, own, strict=True)]
    dots = [y.tangent if mine else y if is_static(y) else None for y, mine in zip(outputs, own, strict=True)]
    dots = [d if is_static(y) else _in_type_of(d, y) for d, y in zip(dots, ys, strict=True)]
    return tree.unflatten(structure, ys), tree.unflatten(structure, dots)


def derivative_of(f, x, order):
    """Return the derivative of some order of a function of one number."""
    if order == 0:
        return f(x)
    return derivative_of(lambda v: pushforward_of(f, (v,), (_one(v),))[1], x, order - 1)


def product_of(f, argnums, args, kwargs, what):
    """Return value, gradient and Hessian-vector product, forward over reverse."""
    *args, v = args
    nums = positions(f, argnums, args, what)
    single = not isinstance(argnums, tuple | list)

    def value_and_gradient(*moving):
        full = list(args)
        for k, x in zip(nums, moving, strict=True):
            full[k] = x
        return gradient_of(f, argnums, full, kwargs, False, what)[:2]

    (y, g), (_, hv) = pushforward_of(value_and_gradient, tuple(args[k] for k in nums), (v,) if single else tuple(v))
    return y, g, hv


def jacobian_of(f, argnums, args, kwargs, what="jacobian"):
    """Return the Jacobian, by a reverse sweep for each number of the result: a tree of trees like the arguments."""
    t = OtherTrace(f, argnums, args, kwargs, what)
    rows = []
    for k, y in enumerate(t.outputs):
        if is_static(y):
            rows.append(y)
            continue
        seeds = [_one(z) * (1 if j == k else 0) if not is_static(z) else z for j, z in enumerate(t.outputs)]
        rows.append(t.pull(seeds))
    return tree.unflatten(t.out_tree, rows)


def hessian_of(f, argnums, args, kwargs):
    """Return the Hessian, a tree in a tree."""
    return jacobian_of(lambda *a, **kw: gradient_of(f, argnums, a, kw)[1], argnums, args, kwargs, "hessian")


def by_rule(rules, args):
    """Return a function with a rule for tangents at traced numbers of other types."""
    if rules.push is None or any(not isplain(x, OtherNumber) and hasattr(x, "shape") and x.shape for x in args):
        raise OtherNumberError(
            f"{rules.name}: numbers of other types need a rule for tangents (jvp=), and numbers as all its arguments"
        )

    def part(k):
        def push(t, *operands_and_out):
            *operands, out = operands_and_out
            dots = tuple(t if j == k else x * 0 for j, x in enumerate(operands))
            return rules.push(None, tuple(operands), dots, out)

        return push

    return apply(Operation(rules.name, rules.body, *map(part, range(len(args)))), *args)
