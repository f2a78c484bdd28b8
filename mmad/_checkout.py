"""Use the installed copy of the compiled modules where Python finds a checkout that is not built in place.

After ``pip install .`` in a checkout, Python started there finds the folder ``mmad/`` of the sources first, and nothing
compiled in it.  The package then takes all its modules from the installed copy.
"""

import sys
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path

__all__ = ["use_compiled_modules"]


def is_built(folder):
    """Return whether the compiled core lies in `folder`, for this Python."""
    return any((folder / f"_core{suffix}").exists() for suffix in EXTENSION_SUFFIXES)


def use_compiled_modules(package):
    """Let `package` import its modules from an installed copy unless those next to it are compiled.

    Raises
    ------
    ImportError
        If there is no installed copy either.
    """
    folder = Path(package.__file__).parent
    if is_built(folder):
        return
    for entry in sys.path:
        spec = PathFinder.find_spec(package.__name__, [entry])
        if spec is not None and spec.origin is not None and is_built(Path(spec.origin).parent):
            package.__path__[:] = spec.submodule_search_locations
            package.__file__ = package.__spec__.origin = spec.origin
            return
    version = ".".join(map(str, sys.version_info[:2]))
    raise ImportError(
        f"mmad in {folder.parent} is not compiled for Python {version}, and no other is installed: "
        f'run  pip install "{folder.parent}"  or, to work on mmad,  pip install -e "{folder.parent}"'
    )
