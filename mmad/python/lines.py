"""Find the line of the user's code that raised an error, or to which a warning refers."""

import linecache

__all__ = ["is_users", "user_level", "user_line"]

LIBRARIES = frozenset({"mmad", "numpy", "scipy"})


def is_users(frame):
    """Return whether a frame runs the user's code: no code of mmad, NumPy or SciPy."""
    return frame.f_globals.get("__name__", "").partition(".")[0] not in LIBRARIES


def user_level(frame):
    """Return the ``stacklevel`` of the user's innermost frame, for `warnings.warn` in a function that `frame` calls."""
    level = 2
    while frame.f_back is not None and not is_users(frame):
        frame, level = frame.f_back, level + 1
    return level


def user_line(error):
    """Return the user's line that raised an error, as ``"model.py:12: y = table[k]"``; "" if there is none."""
    innermost, trace = None, error.__traceback__
    while trace is not None:
        if is_users(trace.tb_frame):
            innermost = trace
        trace = trace.tb_next
    if innermost is None:
        return ""
    path = innermost.tb_frame.f_code.co_filename
    text = linecache.getline(path, innermost.tb_lineno).strip()
    return f"{path.rsplit('/', 1)[-1]}:{innermost.tb_lineno}{': ' + text if text else ''}"
