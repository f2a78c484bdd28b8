"""Find loops that search by bisection, whose result has no derivative of its own.

Each step of a bisection copies a point into one of two brackets, according to a comparison.  The point that is left
is a mean of the brackets, so its derivative is a mean of theirs: zero if they are constants, and another wrong number
if they are not.  The root moves with the function that is compared, which the arithmetic of the loop does not
contain.

A loop counts as such a search if it has an ``if`` whose branches copy one and the same name into two others, and if
every assignment to that name in the loop computes it of both (another one may be a step of Newton's method, which has a
derivative of its own)::

    while high - low > tolerance:
        middle = (low + high) / 2
        if f(middle) > target:
            high = middle
        else:
            low = middle

The other form of the search moves a point to one side or the other by steps, each a fixed part of the one before::

    while step > tolerance:
        step /= 2
        x += step if f(x) < target else -step

It counts as one if an ``if`` has a branch for each side, or if the step is multiplied with a sign (`math.copysign`,
`numpy.sign`, a conditional expression), and if the loop gives the step no other value.
"""

import ast

from mmad.errors import UnsupportedError

__all__ = ["bracketed", "tests_of_searches"]


def _copies(statements):
    """Return the (target, source) texts of plain copies of names or attributes among statements."""
    out = set()
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
                out |= {
                    (ast.unparse(t), ast.unparse(node.value))
                    for t in node.targets
                    if isinstance(t, ast.Name | ast.Attribute)
                }
    return out


def _computed(loop):
    """Return the names that each name is computed of in a loop, in each of its assignments."""
    out = {}
    for node in ast.walk(loop):
        if isinstance(node, ast.Assign | ast.AugAssign):
            read = {ast.unparse(v) for v in ast.walk(node.value) if isinstance(v, ast.Name | ast.Attribute)}
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for part in target.elts if isinstance(target, ast.Tuple) else [target]:
                    name = ast.unparse(part)
                    out[name] = out[name] & read if name in out else read
    return out


def _moves(statement):
    """Return the name that a statement adds to or subtracts from, which of the two, and what; or None."""
    if isinstance(statement, ast.AugAssign):
        target, op, by = statement.target, statement.op, statement.value
    elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        target, op, by = statement.targets[0], statement.value.op, statement.value.right
        if ast.unparse(target) != ast.unparse(statement.value.left):
            return None
    else:
        return None
    return (ast.unparse(target), type(op), by) if isinstance(op, ast.Add | ast.Sub) else None


def _is_fraction(statement):
    """Return whether a statement multiplies or divides a name by a constant."""
    if isinstance(statement, ast.AugAssign):
        return isinstance(statement.op, ast.Div | ast.Mult) and isinstance(statement.value, ast.Constant)
    value = statement.value
    if not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.Div | ast.Mult):
        return False
    parts = [value.left, value.right] if isinstance(value.op, ast.Mult) else [value.left]
    others = [v for v in (value.left, value.right) if isinstance(v, ast.Constant)]
    return bool(others) and ast.unparse(statement.targets[0]) in map(ast.unparse, parts)


def _names(node):
    return {ast.unparse(v) for v in ast.walk(node) if isinstance(v, ast.Name | ast.Attribute)}


def _is_sign(node):
    """Return whether an expression is a sign, or a value with a sign: ``copysign(1, x)``, ``d if x > 0 else -d``."""
    if isinstance(node, ast.IfExp):
        first, second = ast.unparse(node.body), ast.unparse(node.orelse)
        return first == f"-{second}" or second == f"-{first}"
    if not isinstance(node, ast.Call) or not node.args:
        return False
    return getattr(node.func, "attr", getattr(node.func, "id", None)) in ("copysign", "sign")


def _decided_by(names, reads):
    """Return the names that names are computed of in a loop, and those of which they are."""
    names = set(names)
    while more := {r for name in names for r in reads.get(name, ())} - names:
        names |= more
    return names


def _sides(loop):
    """Return what decides in a loop to which side a point moves: ``if`` statements, conditional expressions, calls."""
    assigned = [v for v in ast.walk(loop) if isinstance(v, ast.Assign | ast.AugAssign)]
    fractions, others, signs, reads = set(), set(), {}, {}
    for v in assigned:
        names = {ast.unparse(t) for t in (v.targets if isinstance(v, ast.Assign) else [v.target])}
        (fractions if _is_fraction(v) else others).update(names)
        for name in names:
            reads.setdefault(name, set()).update(_names(v.value))
        if _is_sign(v.value):
            signs |= dict.fromkeys(names, v.value)
    steps, found = fractions - others, []
    if not steps:
        return found
    moved = {id(v): m for v in assigned if (m := _moves(v)) and _names(m[2]) & steps}
    for node in ast.walk(loop):
        if isinstance(node, ast.If) and node.orelse:
            first, second = (
                {m[:2] for part in branch for v in ast.walk(part) if (m := moved.get(id(v))) and _names(m[2]) <= steps}
                for branch in (node.body, node.orelse)
            )
            both = {a for a, one in first for b, two in second if a == b and one is not two}
            if both & _decided_by(_names(node.test), reads):
                found.append(node)
        elif id(node) in moved:
            target, _, by = moved[id(node)]
            given = [v for v in ast.walk(by) if _is_sign(v)] + [signs[name] for name in _names(by) & set(signs)]
            found += [v for v in given if target in _decided_by(_names(_deciding(v)), reads)]
    return found


def _deciding(sign):
    return sign.test if isinstance(sign, ast.IfExp) else sign.args[-1]


def tests_of_searches(tree):
    """Return what decides in a syntax tree which bracket a bisection moves: ``if`` statements, calls of signs."""
    found = []
    for loop in ast.walk(tree):
        if not isinstance(loop, ast.While | ast.For):
            continue
        found += [node for node in _sides(loop) if node not in found]
        computed = None
        for node in ast.walk(loop):
            if not isinstance(node, ast.If) or not node.orelse:
                continue
            first, second = _copies(node.body), _copies(node.orelse)
            if not first or not second:
                continue
            computed = _computed(loop) if computed is None else computed
            if (
                any(m == n and a != b and {a, b} <= computed.get(m, set()) for a, m in first for b, n in second)
                and node not in found
            ):
                found.append(node)
    return found


def bracketed(value, traced, where):
    """Return a compared value; raise if it is traced.

    Parameters
    ----------
    value : object
    traced : type
    where : str
        File and line of the comparison.
    """
    if isinstance(value, traced):
        raise UnsupportedError(
            f"{where}: this loop is a search by bisection, and it compares traced values: followed step by step, the "
            "result has the derivative of the brackets, not of the root. Search with plain numbers (mmad.concrete), "
            "and take the derivative from the equation by one Newton step, x - g(x, p) / dg/dx, as docs/lift.md shows; "
            "mmad.lift(..., replace={function: yours}) puts your function there"
        )
    return value
