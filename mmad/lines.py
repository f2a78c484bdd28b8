"""The line of the user's that an error comes from."""

import linecache

__all__ = ["user_line"]

LIBRARIES = frozenset({"mmad", "numpy", "scipy"})


def user_line(error):
    """Return where in the user's code an error was raised, as ``"model.py:12: y = table[k]"``; "" if nowhere."""
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in LIBRARIES:
            found = trace
        trace = trace.tb_next
    if found is None:
        return ""
    path = found.tb_frame.f_code.co_filename
    text = linecache.getline(path, found.tb_lineno).strip()
    return f"{path.rsplit('/', 1)[-1]}:{found.tb_lineno}{': ' + text if text else ''}"
