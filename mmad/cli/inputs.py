"""Read the function, the point and the further arguments of a command, from files or standard input."""

import contextlib
import functools
import io
import sys
from dataclasses import dataclass

import numpy as np

from mmad.cli.errors import CommandError
from mmad.python.named import object_named, one_line

__all__ = [
    "UserFunction",
    "attempt",
    "import_function",
    "objective",
    "read_array",
    "read_keywords",
    "require_real_scalar",
    "user_code",
]

STREAM = "-"


@dataclass(frozen=True)
class UserFunction:
    """A function of the user's own, and the point at which to differentiate it.

    Attributes
    ----------
    name : str
        Its name on the command line.
    function : callable
    x : ndarray of floats
        The point, the first argument of the function.
    keywords : dict
        Further arguments by name; they are constants.
    """

    name: str
    function: object
    x: np.ndarray
    keywords: dict

    def value(self):
        """Call the function with a copy of the point, and return its result."""
        return self.function(self.x.copy(), **self.keywords)

    @property
    def of_scalar_value(self):
        """The function, with an error if its value is not one real number."""

        def checked(x, **keywords):
            value = self.function(x, **keywords)
            require_real_scalar(value, self.name)
            return value

        return functools.update_wrapper(checked, self.function, updated=())

    @property
    def of_the_point(self):
        """The function of the point alone, with its further arguments bound."""

        def bound(x):
            return self.function(x, **self.keywords)

        return functools.update_wrapper(bound, self.function, updated=())


def objective(arguments):
    """Return the objective that the arguments describe."""
    read = [arguments.at, getattr(arguments, "vector", None), *(file for _, file in arguments.arg)]
    if read.count(STREAM) > 1:
        raise CommandError("only one array can be read from the standard input: give the others as files")
    x = read_array(arguments.at, "--at")
    keywords = read_keywords(arguments.arg)
    return UserFunction(arguments.function, import_function(arguments.function), x, keywords)


def read_keywords(named):
    """Return further arguments by name, read from pairs of names and files; a 0-d array becomes a number."""
    keywords = {}
    for name, file in named:
        if name in keywords:
            raise CommandError(f"--arg {name} is given twice")
        array = read_array(file, f"--arg {name}", kinds="biufc")
        keywords[name] = array if array.ndim else array[()]
    return keywords


def import_function(spec):
    """Return the function that ``MODULE:FUNCTION`` or ``FILE.py:FUNCTION`` names."""
    try:
        with user_code():
            function = object_named(spec)
    except LookupError as error:
        raise CommandError(str(error)) from error
    if not callable(function):
        raise CommandError(f"{spec} is a {type(function).__name__}, not a function")
    return function


def read_array(name, option, kinds="f"):
    """Return the array in a ``.npy`` file, or on standard input for ``-``, in native byte order.

    Parameters
    ----------
    name : str
    option : str
        The option that gave the name, for messages.
    kinds : str
        The accepted kinds of dtypes; floating-point numbers by default.
    """
    try:
        if name == STREAM:
            name = "the standard input"
            array = np.lib.format.read_array(io.BytesIO(sys.stdin.buffer.read()))  # NumPy cannot read from pipes
        else:
            with open(name, "rb") as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise CommandError(f"{option}: cannot read {name}: {error.strerror or error}") from error
    except (ValueError, EOFError, SyntaxError, MemoryError) as error:
        hint = "; from an archive, save one array by itself with np.save" if name.endswith(".npz") else ""
        raise CommandError(f"{option}: {name} is not a complete .npy file of numbers: {error}{hint}") from error
    if array.dtype.kind not in kinds:
        hint = "; save it as float64" if array.dtype.kind in "biu" else ""
        what = "real floating-point numbers" if kinds == "f" else "numbers"
        raise CommandError(f"{option}: {name} holds {array.dtype}, not {what}{hint}")
    return array.astype(array.dtype.newbyteorder("="))


@contextlib.contextmanager
def user_code():
    """Redirect what the user's code prints to standard error, because standard output is for results."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def attempt(call, objective):
    """Call something that runs the user's function; turn every failure into a `CommandError` that says what failed."""
    with user_code():
        try:
            return call()
        except (CommandError, KeyboardInterrupt):
            raise
        except BaseException as error:
            verb = "raised" if fails_alone(objective) else "cannot be differentiated:"
            raise CommandError(f"{objective.name} {verb} {one_line(error)}") from error


def fails_alone(objective):
    """Return whether the function also fails on the plain array; if so, differentiation is not the cause."""
    try:
        objective.value()
    except KeyboardInterrupt:
        raise
    except BaseException:
        return True
    return False


def require_real_scalar(value, spec):
    """Raise CommandError if the function did not return one real floating-point number; say what it returned."""
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
