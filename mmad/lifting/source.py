"""Compile the functions of a module again, with calls of types of numbers that understand traced values.

A name is enough for a module (`math`, `np`) and for a function: it stands for another one in copied functions.  It is
not enough for what is a type as well: `float` is called, and stands in ``isinstance(x, float)``, in ``dtype=float``
and in ``type(x) is float``.  So these are compiled again, from the source of the whole module, each node at its
place, so that files, lines and columns in tracebacks stay:

- calls of `float`, `complex`, `type`, of NumPy's types of floats by name or attribute, of ``type(x)`` and
  ``x.__class__``, and such types as the first argument of `map`;
- ``y.copy()``, ``y.astype(...)``, ``y.flatten()``, whose results are new arrays; sums and products that are assigned
to a name whose elements are written to in the same function;
- the comparison that moves the brackets of a bisection.

Code is looked up by equality with what the module's source gives, compiled as it is: where the file has changed since,
or there is no source, the function keeps its code, and `float` of a traced value raises.
"""

import ast
import linecache
import threading
import types

from mmad.lifting.brackets import tests_of_searches

__all__ = ["BRACKET", "CALL", "FRESH", "recompiled"]

CALL, FRESH, BRACKET = "__mmad_called__", "__mmad_fresh__", "__mmad_bracketed__"

TYPES = frozenset(("float", "complex", "type", "dtype"))  # dtype: a name for one of them
NUMPY_TYPES = frozenset(
    ("float64", "float32", "double", "single", "longdouble", "complex128", "complex64", "cdouble", "float_", "complex_")
)
FRESH_METHODS = frozenset(("copy", "astype", "flatten"))
LOCK = threading.Lock()
FILES = {}  # (file, flags) -> {(name, code): code compiled again}


class Rewrite(ast.NodeTransformer):
    """Replace calls, and nothing else, so that the code objects of the two compilations correspond."""

    def __init__(self, searches, file):
        self.searches, self.file, self.stored = set(map(id, searches)), file, [frozenset()]

    def visit_FunctionDef(self, node):
        self.stored.append(_stored_names(node))
        self.generic_visit(node)
        self.stored.pop()
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_JoinedStr(self, node):  # its parts have no places of their own before Python 3.12
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        if id(node) in self.searches:  # a sign of its last argument
            node.args[-1] = self.bracket(node.args[-1])
        f = node.func
        if isinstance(f, ast.Name) and f.id == "map" and node.args and _is_type(node.args[0]):
            node.args[0] = _call(CALL, node.args[0])
        if _is_type(f) or _is_class_of(f):
            node.func = _call(CALL, f)
        elif isinstance(f, ast.Attribute) and f.attr in FRESH_METHODS:
            return _call(FRESH, node)
        return node

    def visit_Assign(self, node):
        self.generic_visit(node)
        names = {t.id for t in node.targets if isinstance(t, ast.Name)}
        if names & self.stored[-1] and isinstance(node.value, ast.BinOp | ast.UnaryOp):
            node.value = _call(FRESH, node.value)
        return node

    def visit_If(self, node):
        self.generic_visit(node)
        if id(node) in self.searches:
            for part in ast.walk(node.test):
                if isinstance(part, ast.Compare):
                    part.left = self.bracket(part.left)
                    part.comparators = [self.bracket(v) for v in part.comparators]
        return node

    visit_IfExp = visit_If  # noqa: N815

    def bracket(self, node):
        return _call(BRACKET, node, ast.copy_location(ast.Constant(f"{self.file}:{node.lineno}"), node))


def _is_type(f):
    if isinstance(f, ast.Name):
        return f.id in TYPES or f.id in NUMPY_TYPES
    return isinstance(f, ast.Attribute) and f.attr in NUMPY_TYPES


def _is_class_of(f):
    if isinstance(f, ast.Attribute):
        return f.attr == "__class__"
    if not isinstance(f, ast.Call):
        return False
    inner = f.func  # type(x), which has been replaced already
    return isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == CALL


def _call(name, *args):
    """Return a call of a helper at the place of its first argument."""
    at = args[0]
    f = ast.copy_location(ast.Name(name, ast.Load()), at)
    return ast.copy_location(ast.Call(f, list(args), []), at)


def _stored_names(function):
    """Return the names in a function whose elements are written to."""
    out = set()
    for node in ast.walk(function):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for t in targets:
            for part in ast.walk(t) if isinstance(t, ast.AST) else ():
                if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name):
                    out.add(part.value.id)
    return frozenset(out)


def _codes(code):
    """Yield a code object and those inside of it, in the order of the source."""
    yield code
    for c in code.co_consts:
        if isinstance(c, types.CodeType):
            yield from _codes(c)


FUTURE = 0x1FF0000  # flags of ``from __future__ import``


def _compiled(file, flags, names):
    """Return the code objects of a file as it is, each with the one that is compiled again."""
    text = "".join(linecache.getlines(file, names))
    if not text:
        return {}
    try:
        tree = ast.parse(text, file)
        before = compile(text, file, "exec", flags, dont_inherit=True)
        rewritten = Rewrite(tests_of_searches(tree), file).visit(tree)
        after = compile(rewritten, file, "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    first, second = list(_codes(before)), list(_codes(after))
    if [c.co_qualname for c in first] != [c.co_qualname for c in second]:
        return {}
    out = {}
    for old, new in zip(first, second, strict=True):
        if old.co_freevars == new.co_freevars and old != new:
            out.setdefault((old.co_qualname, old), new)
            out.setdefault(_place(old), new)
    return out


def _place(code):
    return code.co_qualname, code.co_firstlineno, code.co_freevars, code.co_argcount


def recompiled(f):
    """Return the code of a function, compiled again if it contains what a name is not enough for.

    Parameters
    ----------
    f : function
    """
    code = f.__code__
    key = code.co_filename, code.co_flags & FUTURE
    with LOCK:
        if key not in FILES:
            FILES[key] = _compiled(*key, f.__globals__)
        found = FILES[key].get((code.co_qualname, code))
        if found is None and any(name[:1] == "@" for name in code.co_names + code.co_varnames):
            found = FILES[key].get(_place(code))  # pytest has rewritten assert statements in it
        return code if found is None else found
