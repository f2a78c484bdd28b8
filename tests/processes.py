"""Programs started by the tests in a folder of their own."""

import subprocess

from helpers import interpreter


def python_in(folder, code, *arguments, timeout=120):
    """Run `code` in `folder` by a fresh interpreter with the same mmad; returns the finished process."""
    command, environment = interpreter(code, *arguments)
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False
    )
