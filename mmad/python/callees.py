"""Name the functions of libraries that a frame runs, or that its current line calls.

A library is what is installed: NumPy, SciPy, Python's own modules, packages of ``site-packages``.  What the user
differentiates is not a library, even if it is installed.
"""

import ast
import functools
import itertools
import linecache
import sys
import types

import numpy as np

from mmad.python.kinds import isplain

__all__ = ["Callee", "asker", "called", "called_text", "is_library", "package_of", "run_name"]

ARRAYS = frozenset(("numpy", "scipy"))
FOLDERS = ("site-packages", "dist-packages")


class Callee:
    """A function of a library that is called.

    Parameters
    ----------
    name : str
        As it is written, from the library's public module on: ``scipy.stats.norm.pdf``.
    own : str
        As the function calls itself, where `name` is an alias of it.
    arguments : list of object
        The values of the names in the arguments of the call.
    """

    def __init__(self, name, own="", arguments=()):
        self.name, self.own, self.arguments = name, own or name, arguments


def package_of(frame):
    """Return the name of the package that a frame belongs to."""
    return frame.f_globals.get("__name__", "").partition(".")[0]


@functools.lru_cache(maxsize=512)
def _installed(package):
    file = getattr(sys.modules.get(package), "__file__", None) or ""
    return any(folder in file for folder in FOLDERS)


def is_library(package, users=""):
    """Return whether a package is a library, and not the package `users`, from which the differentiated function is."""
    if package in ("mmad", "builtins", "__main__", ""):
        return False
    return package in ARRAYS or package in sys.stdlib_module_names or (package != users and _installed(package))


def _public_module(module):
    first, *rest = module.split(".")
    return ".".join([first.lstrip("_"), *(part for part in rest if not part.startswith("_"))])


def _public(module, name):
    """Return the name under which a function of a library is documented."""
    if module == "numpy._core._methods":
        return "numpy.ndarray." + name.lstrip("_")
    return ".".join([_public_module(module), name.removesuffix(".__init__").removesuffix(".__call__")])


def _name_of(value):
    """Return the public name of a function, class or other object of a library; "" if it is of none."""
    if isplain(value, np.ufunc):
        return f"{'numpy' if getattr(np, value.__name__, None) is value else 'scipy.special'}.{value.__name__}"
    module = getattr(value, "__module__", None) or type(value).__module__
    if not isinstance(module, str) or not is_library(module.partition(".")[0]):
        return ""
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str):
        return _public(module, name)
    home = _public_module(module)
    names = vars(sys.modules[home]).items() if home in sys.modules else ()
    found = next((key for key, member in names if member is value and not key.startswith("_")), None)
    return f"{home}.{found or type(value).__name__}"


def run_name(frame):
    """Return the public name of the library function that a frame runs, "" where that is a wrapper around it."""
    code, module = frame.f_code, frame.f_globals.get("__name__", "")
    if "<locals>" in code.co_qualname:
        return ""
    function = frame.f_globals.get(code.co_name)
    if "." not in code.co_qualname:
        return _public(getattr(function, "__module__", None) or module, code.co_qualname)
    this = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    if type(this).__module__.partition(".")[0] == module.partition(".")[0] and not hasattr(this, "__array_ufunc__"):
        kind = type(this) if code.co_name in ("__init__", "__new__") or not callable(this) else this
        return f"{_name_of(kind)}.{code.co_name}".removesuffix(".__init__").removesuffix(".__call__")
    return _public(module, code.co_qualname)


def _source(code, lasti):
    """Return the source text of an instruction; None if it cannot be found."""
    first, last, begin, end = next(itertools.islice(code.co_positions(), lasti // 2, None), (None,) * 4)
    if first is None or last is None or begin is None or end is None:
        return None
    lines = [linecache.getline(code.co_filename, k).encode() for k in range(first, last + 1)]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][begin:]
    return b"".join(lines).decode(errors="replace") or None


def called_text(frame, lasti):
    """Return the name that a frame's current instruction calls, as it is written; "" if it is no call of a name."""
    text = (_source(frame.f_code, lasti) or "").partition("(")
    return text[0].strip() if text[1] and "\n" not in text[0] else ""


def called(frame, lasti):
    """Return what a frame's current instruction calls as a `Callee`; None if it is no call of a library's function."""
    try:
        call = ast.parse((_source(frame.f_code, lasti) or "").strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None
    if not isinstance(call, ast.Call):
        return None
    root, parts = call.func, []
    while isinstance(root, ast.Attribute):
        root, parts = root.value, [root.attr, *parts]
    given = [node for part in (*call.args, *(k.value for k in call.keywords)) for node in ast.walk(part)]
    if not isinstance(root, ast.Name):
        if parts and hasattr(np.ndarray, parts[-1]) and isinstance(root, ast.Call | ast.Subscript):
            return Callee(f"numpy.ndarray.{parts[-1]}")
        return None
    names = {**frame.f_globals, **frame.f_locals}
    arguments = [names.get(node.id) for node in given if isinstance(node, ast.Name)]
    name, own = _walk(names.get(root.id), parts)
    return Callee(name, own, arguments) if name else None


def _walk(value, parts):
    """Return the public names, as written and of its own, of what attributes of a value lead to; or two empty texts."""
    name = ""
    for k, part in enumerate(parts):
        if type(value) is np.ndarray:
            return f"numpy.ndarray.{part}", ""
        if isinstance(value, types.ModuleType):
            name = f"{_public_module(value.__name__)}.{part}"
            value = vars(value).get(part) if part in vars(value) else getattr(value, part, None)
        elif isinstance(value, type):
            name, value = f"{_name_of(value)}.{part}", getattr(value, part, None)
        else:
            name = name or _name_of(value)
            return (".".join([name, *parts[k:]]), "") if is_library(name.partition(".")[0]) else ("", "")
    own = _name_of(value) if callable(value) else ""
    if not own:
        return "", ""
    return (name if is_library(name.partition(".")[0]) else own), own


def asker(frame):
    """Return the name of the library function that asks for a plain number, starting at the innermost frame; or ""."""
    stack = []
    while frame is not None and package_of(frame) != "mmad":
        stack.append(frame)
        frame = frame.f_back
    users = package_of(stack[-1]) if stack else ""
    name = ""
    for inner in stack:
        if not is_library(package_of(inner), users):
            callee = called(inner, inner.f_lasti)
            return callee.name if callee else name
        name = run_name(inner) or name
    return name
