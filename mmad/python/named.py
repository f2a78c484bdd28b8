"""Find an object by name: ``MODULE:NAME``, or ``FILE.py:NAME`` for a file anywhere."""

import difflib
import importlib
import importlib.util
import os
import sys
from pathlib import Path

__all__ = ["object_named", "one_line"]


def object_named(spec):
    """Return the object that a text names.

    Parameters
    ----------
    spec : str
        ``MODULE:NAME``, where the module is imported with the current folder on the path, or ``FILE:NAME``, where the
        name of the file ends in ``.py`` or contains a folder.  NAME may have dots, as in ``Model.loss``.

    Returns
    -------
    object

    Raises
    ------
    LookupError
        If the text has another form, if there is no such module, file or name, or if importing it fails; the message
        says which.

    Examples
    --------
    >>> object_named("math:sin")(0.0)
    0.0
    """
    source, colon, name = spec.rpartition(":")
    if not (source and colon and name):
        raise LookupError(f"{spec!r} is not of the form MODULE:FUNCTION or FILE.py:FUNCTION")
    if source.endswith(".py") or os.sep in source or "/" in source:
        found = imported(source, lambda: module_of_file(source))
    else:
        found = imported(source, lambda: module_of_name(source))
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise LookupError(f"{source} has no {name!r}{similar(found, part)}") from error
    return found


def imported(source, load):
    """Return the module that `load` returns; turn whatever its code raises into a LookupError."""
    try:
        return load()
    except (LookupError, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt) or type(error) is LookupError:
            raise
        raise LookupError(f"importing {source} failed: {one_line(error)}") from error
    except ModuleNotFoundError as error:
        if error.name is not None and f"{source}.".startswith(f"{error.name}."):
            raise LookupError(f"there is no module {error.name!r} here or installed") from error
        raise LookupError(f"importing {source} failed: {error}") from error
    except BaseException as error:
        raise LookupError(f"importing {source} failed: {one_line(error)}") from error


def module_of_name(name):
    """Import a module, with the current folder on the path, where console scripts do not have it."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    return importlib.import_module(name)


def module_of_file(file):
    """Import a file as Python runs a script: with its own folder on the path."""
    path = Path(file).resolve()
    if not path.is_file():
        raise LookupError(f"there is no file {file}")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    name = path.stem
    while name in sys.modules:
        loaded = getattr(sys.modules[name], "__file__", None)
        if loaded is not None and Path(loaded).resolve() == path:
            return sys.modules[name]
        name += "_"  # another module of this name is imported already
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise LookupError(f"{file} is not a Python file: its name does not end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look up the module of a class there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def similar(found, name):
    """Return a hint with a name of similar spelling, or an empty text."""
    names = difflib.get_close_matches(name, [n for n in dir(found) if not n.startswith("_")], n=1)
    return f"; did you mean {names[0]!r}?" if names else ""


def one_line(error):
    """Return an exception as one line: its type and its message."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
