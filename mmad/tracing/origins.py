"""For which line of the user's code, and in which step of which sweep, an instruction was recorded.

1. Python reports each line that the user's code comes to (`sys.settrace`), and where a call returns to.
2. The recorded sweeps, and dual numbers, report each instruction whose derivative they are about to record
   (`Tape.observer`, `watch_tangents`).
3. Each report is kept with the length of the tape: an instruction belongs to the last report before it.

Without a report, nothing is asked: a tape that is recorded otherwise pays for none of this.
"""

import bisect
import contextlib
import dataclasses
import linecache
import sys

from mmad.python.lines import is_users
from mmad.tape.contexts import open_tape
from mmad.wrappers._dual import watch_tangents

__all__ = ["Origin", "Origins"]


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where an instruction comes from.

    Attributes
    ----------
    file : str or None
        The path of the user's code; None where no line of it was running.
    line : int
        Its number there; 0 if there is none.
    sweeps : tuple of str
        "forward" and "reverse", the last sweep first; empty for an instruction of the function itself.
    base : int or str or None
        What the first sweep differentiated: an instruction of the function, or the name of an operation.
    """

    file: str | None = None
    line: int = 0
    sweeps: tuple[str, ...] = ()
    base: int | str | None = None

    @property
    def text(self):
        """The line of code, without indentation; "" where it cannot be read."""
        return linecache.getline(self.file, self.line).strip() if self.file else ""

    def __str__(self):
        if self.file is None:
            return "unknown line"
        where = f"{self.file.rsplit('/', 1)[-1]}:{self.line}"
        return f"{where}: {self.text}" if self.text else where


class Origins:
    """Context in which the origins of a tape's instructions are noted.

    Parameters
    ----------
    tape : Tape
        A fresh tape.
    """

    def __init__(self, tape):
        self.tape, self.ends, self.states, self.outer = tape, [], [], []
        self.step, self.place = None, (None, 0)

    def __enter__(self):
        self.tape.observer = self._sweep
        self.before = sys.gettrace(), watch_tangents(self._tangent)
        sys.settrace(self._called)
        return self

    def __exit__(self, *_):
        sys.settrace(self.before[0])
        watch_tangents(self.before[1])
        self.tape.observer = None

    def _note(self):
        """Keep the present state for the instructions from here on."""
        n, state = len(self.tape), (self.step, self.place)
        if self.ends and self.ends[-1] == n:
            self.states[-1] = state
        else:
            self.ends.append(n)
            self.states.append(state)

    # --- what Python reports --------------------------------------------------------------------
    def _called(self, frame, event, _):
        return self._line if is_users(frame) and open_tape() is self.tape else None

    def _line(self, frame, event, _):
        if event == "line":
            self.place = frame.f_code.co_filename, frame.f_lineno
            self._note()
        elif event == "return" and self.step is None:
            while frame.f_back is not None:
                frame = frame.f_back
                if is_users(frame):
                    self.place = frame.f_code.co_filename, frame.f_lineno
                    self._note()
                    break
        return self._line

    # --- what the sweeps and the dual numbers report --------------------------------------------
    def _sweep(self, kind, k):
        if kind == "end":
            self.step, self.place = self.outer.pop()
        elif k == -1:
            self.outer.append((self.step, self.place))
        else:  # until a rule of the user's own comes to a line
            self.step, self.place = (kind, k), (None, 0)
        self._note()

    def _tangent(self, kind, name):
        if open_tape() is not self.tape:
            return
        if kind == "end":
            self.step, self.place = self.outer.pop()
        else:
            self.outer.append((self.step, self.place))
            self.step = kind, (name, self.step)
        self._note()

    # --- what an evaluation of another tape reports ---------------------------------------------
    @contextlib.contextmanager
    def taking(self):
        """Open a context in which instructions have the origins that are given to `take`."""
        self._sweep("taken", -1)
        yield
        self._sweep("end", -1)

    def take(self, origin):
        """Give the instructions from here on the origin of one of another tape."""
        self._sweep("taken", origin)

    # --- reading it -----------------------------------------------------------------------------
    def of(self, k):
        """Return the `Origin` of instruction k."""
        at = bisect.bisect_right(self.ends, k) - 1
        if at < 0:
            return Origin()
        step, (file, line) = self.states[at]
        sweeps, base = [], None
        while step is not None:
            kind, what = step
            if kind == "tangent":
                sweeps.append("forward")
                base, step = what
                continue
            inner = what if kind == "taken" else self.of(what)
            sweeps += [*(() if kind == "taken" else (kind,)), *inner.sweeps]
            base = inner.base if inner.base is not None or kind == "taken" else what
            if file is None:
                file, line = inner.file, inner.line
            break
        return Origin(file, line, tuple(sweeps), base)
