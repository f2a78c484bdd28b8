"""Programs started by the tests in a folder of their own, and the command ``mmad`` run there without a new process."""

import contextlib
import importlib
import io
import subprocess
import sys
import warnings
from pathlib import Path

from helpers import interpreter

from mmad.cli import main

COMMAND = "import sys; from mmad.cli import main; sys.exit(main())"  # what the console script does

# For code that is run by `python_in`.  `ru_maxrss` begins with that of the process that started it.
PEAK = """
import re, resource, sys
def peak():
    'Bytes that this process has held at the most.'
    try:
        with open("/proc/self/status") as status:
            return 1024 * int(re.search(r"VmHWM:\\s*(\\d+)", status.read())[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
"""


def python_in(folder, code, *arguments, timeout=120):
    """Run `code` in `folder` by a fresh interpreter with the same mmad; returns the finished process."""
    command, environment = interpreter(code, *arguments)
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False
    )


def mmad_in(folder, *arguments):
    """Run ``mmad ARGUMENTS`` in `folder` in this process, which saves a second; returns it as a finished process."""
    out, err = io.StringIO(), io.StringIO()
    path, modules = list(sys.path), set(sys.modules)
    with contextlib.chdir(folder), shown_warnings(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        importlib.invalidate_caches()
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.dont_write_bytecode, sys.path[:] = before, path
            for name in set(sys.modules) - modules:
                file = getattr(sys.modules[name], "__file__", None)
                if file is not None and Path(file).is_relative_to(folder):
                    del sys.modules[name]
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@contextlib.contextmanager
def shown_warnings():
    """Write warnings to the standard error stream, as a process of its own does, instead of raising them."""

    def show(message, category, filename, lineno, file=None, line=None):
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.showwarning = show
        yield
