"""Read and print amounts of memory, and find how much memory is available."""

import os
import re

from mmad.python.kinds import isplain

__all__ = ["available_bytes", "readable", "size_in_bytes"]

UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def size_in_bytes(text, what):
    """Return a size such as '500MB' as a number of bytes; numbers and None are returned unchanged."""
    if text is None or (isplain(text, int) and not isplain(text, bool) and text > 0):
        return text
    found = re.fullmatch(r"(\d+(?:\.\d*)?) ?(\w*)", text) if isinstance(text, str) else None
    if found is None or found[2] not in UNITS:
        raise ValueError(f"{what}: memory must be a number of bytes or as '500MB', not {text!r}")
    return int(float(found[1]) * UNITS[found[2]])


def readable(n):
    """Return a number of bytes as text with three digits and a unit."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= scale:
            return f"{n / scale:.3g} {unit}"
    return f"{n} bytes"


def available_bytes():
    """Return the number of bytes that can be allocated: the free memory, or the process's limit if that is less."""
    free = [_free()]
    try:
        import resource
    except ImportError:  # Windows
        return free[0]
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        soft, _ = resource.getrlimit(kind)
        if soft != resource.RLIM_INFINITY:
            free.append(soft)
    return min(free)


def _free():
    """Return the number of bytes of free memory; a very large number if the system does not report it."""
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 1 << 62
