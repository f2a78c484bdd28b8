"""The line of the user's that an error comes from, or that a warning is for."""

import linecache

__all__ = ["is_users", "user_level", "user_line"]

LIBRARIES = frozenset({"mmad", "numpy", "scipy"})


def is_users(frame):
    """Return whether a frame runs code of the user's."""
    return frame.f_globals.get("__name__", "").partition(".")[0] not in LIBRARIES


def user_level(frame):
    """Return the ``stacklevel`` of the user's innermost line, for `warnings.warn` in a function called from `frame`."""
    level = 2
    while frame.f_back is not None and not is_users(frame):
        frame, level = frame.f_back, level + 1
    return level


def user_line(error):
    """Return where in the user's code an error was raised, as ``"model.py:12: y = table[k]"``; "" if nowhere."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if is_users(trace.tb_frame):
            found = trace
        trace = trace.tb_next
    if found is None:
        return ""
    path = found.tb_frame.f_code.co_filename
    text = linecache.getline(path, found.tb_lineno).strip()
    return f"{path.rsplit('/', 1)[-1]}:{found.tb_lineno}{': ' + text if text else ''}"
