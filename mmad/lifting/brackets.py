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


def tests_of_searches(tree):
    """Return the ``if`` statements of a syntax tree that decide which bracket a bisection moves."""
    found = []
    for loop in ast.walk(tree):
        if not isinstance(loop, ast.While | ast.For):
            continue
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
