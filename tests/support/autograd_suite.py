"""Run autograd's own tests against `mmad.autograd`, and count.

    pip download --no-binary :all: --no-deps autograd==1.9.1 && tar xzf autograd-1.9.1.tar.gz
    PYTHONPATH=tests/support python tests/support/autograd_suite.py autograd-1.9.1/tests [pytest's arguments]

As a plugin of pytest this module lets ``import autograd`` give `mmad.autograd`.  docs/autograd.md lists what fails.
"""

import subprocess
import sys

import mmad.autograd

if __name__ != "__main__":
    mmad.autograd.install()


def main():
    """Run the tests in the folder that is given; return pytest's status."""
    folder, *arguments = sys.argv[1:]
    command = [sys.executable, "-m", "pytest", "-p", "autograd_suite", "-q", "--tb=line", "-c", "/dev/null"]
    command += ["--rootdir", folder, "-W", "ignore", folder, *arguments]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
