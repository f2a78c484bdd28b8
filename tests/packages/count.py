"""Count the functions of unmodified packages whose derivatives are right, plainly and lifted.

Run it where the packages of ``requirements.txt`` are installed::

    python -m venv packages && packages/bin/pip install -r tests/packages/requirements.txt
    PYTHONPATH=. packages/bin/python tests/packages/count.py

A function is *right* if its gradient, in reverse and in forward mode, agrees with differences; an *error* raises, and
its message is printed; WRONG is a gradient that disagrees, and the script then fails.
"""

import argparse
import collections
import itertools
import linecache
import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np

import mmad

ROWS = Path(__file__).with_name("table.txt")
COUNTER = itertools.count(1)
SECONDS = 60  # for one function


def table():
    """Return the rows of the table: area, package, imports, expression, point."""
    rows = []
    for text in ROWS.read_text().splitlines():
        if text and text[0] != "#":
            area, package, imports, expression, at = text.split(" | ")
            rows.append((area, package, imports.replace("\\n", "\n"), expression, list(map(float, at.split(",")))))
    return rows


def plain_number(value):
    """Return the value of a result as a float."""
    value = np.asarray(value, dtype=float)
    return float(value.reshape(-1)[0])


def differences(f, x):
    """Return the gradient by central differences of fourth order, and an estimate of its error."""
    found = []
    for scale in (1e-3, 2e-4):
        out = np.zeros(len(x))
        for k in range(len(x)):
            h = scale * (abs(x[k]) or 1.0)
            e = np.zeros(len(x))
            e[k] = h
            one, two = (plain_number(f(x + s * e)) - plain_number(f(x - s * e)) for s in (1, 2))
            out[k] = (8 * one - two) / (12 * h)
        found.append(out)
    return found[1], np.abs(found[0] - found[1]).max()


def function_of(imports, expression):
    """Return a function of x from its line in the table."""
    space, file = {"__name__": "line_of_table"}, f"line {next(COUNTER)} of {ROWS}"
    text = f"{imports}\ndef function(x):\n    return {expression}\n"
    linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file
    exec(compile(text, file, "exec"), space)
    return space["function"]


def scalar(f):
    """Return a function whose result is a number or an array of no dimensions."""

    def value(x):
        y = f(x)
        return y.reshape(()) if getattr(y, "shape", ()) not in ((), None) and y.size == 1 else y

    return value


def state(f, x, want, error):
    """Return "right", "WRONG" or "error", and what to say."""
    try:
        reverse = np.asarray(mmad.grad(scalar(f))(x), float)
        forward = np.asarray(mmad.jacfwd(scalar(f))(x), float).reshape(-1)
    except Exception as e:
        notes = " | ".join(getattr(e, "__notes__", ()))
        return "error", f"{type(e).__name__}: {e} {notes}"
    scale = max(np.abs(want).max(), 1e-300)
    tolerance = 1e-5 * scale + 3 * error
    for got in (reverse, forward):
        if not np.all(np.abs(got - want) <= tolerance):
            return "WRONG", f"{got} for {want}"
    return "right", ""


def too_long(*_):
    raise TimeoutError(f"more than {SECONDS} s")


def run(row):
    """Return the states of a row: plainly, lifted."""
    _area, _package, imports, expression, at = row
    x = np.array(at, float)
    try:
        f = function_of(imports, expression)
        value = plain_number(f(x))
        want, error = differences(f, x)
    except Exception as e:
        return ("not run", str(e)), ("not run", f"{type(e).__name__}: {e}")
    lifted = mmad.lift(f)
    same = plain_number(lifted(x)) == value
    return state(f, x, want, error), state(lifted, x, want, error) if same else ("WRONG", "another value")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="a text in the package or the expression")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    signal.signal(signal.SIGALRM, too_long)
    counts = [collections.Counter(), collections.Counter()]
    for row in table():
        if options.only not in row[1] + row[3]:
            continue
        signal.alarm(SECONDS)
        try:
            states = run(row)
        except TimeoutError as e:
            states = (("error", str(e)), ("error", str(e)))
        finally:
            signal.alarm(0)
        for count, (what, _) in zip(counts, states, strict=True):
            count[what] += 1
        (plain, _), (lifted, why) = states
        print(f"{row[1]:24} {plain:8} {lifted:8} {row[3][:60]:60} {why[:600]}", flush=True)
    for name, count in zip(("plain", "lifted"), counts, strict=True):
        print(f"{name}: {sum(count.values())} functions of {len({r[1] for r in table()})} packages: {dict(count)}")
    return 1 if any(count["WRONG"] for count in counts) else 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # packages that start threads do not hold it up
