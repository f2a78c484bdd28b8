"""``mmad hvp``: the Hessian-vector product of a function of the user's own, from file to file.

Everything that can be checked is checked before the function runs, and the result is renamed into place when
it is complete: a command that fails leaves the output path as it was.
"""

import importlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

import mmad
from mmad.cli.errors import CommandError

__all__ = ["run"]


def run(arguments):
    """Read, differentiate, write."""
    out = checked_output(arguments.out)
    x = read_array(arguments.at, "--at")
    v = read_array(arguments.vector, "--vector")
    if v.shape != x.shape:
        raise CommandError(f"{arguments.vector} has shape {v.shape}, but {arguments.at} has shape {x.shape}")
    function = import_function(arguments.function)
    product = differentiate(function, arguments.function, x, v.astype(x.dtype))
    write_array(out, product)
    print(f"{arguments.out}: {product.dtype} {product.shape}, norm {np.linalg.norm(product):.6g}")
    if not np.all(np.isfinite(product)):
        print(f"mmad hvp: warning: {arguments.out} holds values that are not finite", file=sys.stderr)


def checked_output(name):
    """The path to write, links followed; an error where it cannot become a file."""
    path = Path(os.path.realpath(name))
    if path.exists() and not path.is_file():
        raise CommandError(f"--out {name} is not a regular file")
    if not path.parent.is_dir():
        raise CommandError(f"--out {name}: there is no folder {path.parent}")
    return path


def read_array(name, option):
    """The floating-point array in a ``.npy`` file, in native byte order."""
    try:
        with open(name, "rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise CommandError(f"{option}: cannot read {name}: {error.strerror or error}") from error
    except (ValueError, EOFError, SyntaxError, MemoryError) as error:
        raise CommandError(f"{option}: {name} is not a complete .npy file of numbers: {error}") from error
    if not np.issubdtype(array.dtype, np.floating):
        hint = "; save it as float64" if array.dtype.kind in "biu" else ""
        raise CommandError(f"{option}: {name} holds {array.dtype}, not real floating-point numbers{hint}")
    return array.astype(array.dtype.newbyteorder("="))


def import_function(spec):
    """The function that ``MODULE:FUNCTION`` names."""
    module_name, colon, path = spec.partition(":")
    if not (module_name and colon and path):
        raise CommandError(f"{spec!r} is not of the form MODULE:FUNCTION")
    here = str(Path.cwd())
    sys.path.insert(0, here)  # a console script starts without the current folder on the path
    try:
        function = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise CommandError(f"there is no module {error.name!r} here or installed") from error
        raise CommandError(f"importing {module_name} failed: {error}") from error
    except BaseException as error:
        raise CommandError(f"importing {module_name} failed: {describe(error)}") from error
    for name in path.split("."):
        try:
            function = getattr(function, name)
        except AttributeError as error:
            raise CommandError(f"{module_name} has no {path!r}") from error
    if not callable(function):
        raise CommandError(f"{spec} is a {type(function).__name__}, not a function")
    return function


def differentiate(function, spec, x, v):
    """``H(x) v``, an array of the shape of `x`; every failure becomes a `CommandError`."""

    def checked(point):
        value = function(point)
        require_real_scalar(value, spec)
        return value

    try:
        product = mmad.hvp(checked)(x, v)
    except (CommandError, KeyboardInterrupt):
        raise
    except BaseException as error:
        verb = "raised" if fails_alone(function, x) else "cannot be differentiated:"
        raise CommandError(f"{spec} {verb} {describe(error)}") from error
    return np.asarray(product)


def fails_alone(function, x):
    """Whether the function fails on the plain array too: then differentiation is not to blame."""
    try:
        function(x.copy())
    except KeyboardInterrupt:
        raise
    except BaseException:
        return True
    return False


def require_real_scalar(value, spec):
    """An error that says what the function returned, unless it is one real floating-point number."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(value, float):
        return
    if shape is None or dtype is None:
        kind = type(value).__name__
        raise CommandError(f"{spec} must return one floating-point number, not {kind}")
    if shape != ():
        raise CommandError(f"{spec} must return one number, not an array of shape {tuple(shape)}")
    if not np.issubdtype(dtype, np.floating):
        raise CommandError(f"{spec} must return a real floating-point number, not {dtype}")


def describe(error):
    """An exception in one line: its type and what it says."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def write_array(path, array):
    """Write a ``.npy`` file that is complete or not there: to a temporary file beside it, then renamed."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            np.lib.format.write_array(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, permissions(path))
        os.replace(temporary, path)
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def permissions(path):
    """The mode the finished file gets: that of the file it replaces, or what the umask leaves of 0666."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
