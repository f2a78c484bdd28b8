"""Amounts of memory, as people write them."""

import re

__all__ = ["size_in_bytes"]

UNITS = {"": 1, "B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def size_in_bytes(text, what):
    """'500MB' as a number of bytes; a number as it is; None as None."""
    if text is None or (isinstance(text, int) and not isinstance(text, bool) and text > 0):
        return text
    found = re.fullmatch(r"(\d+(?:\.\d*)?) ?(\w*)", text) if isinstance(text, str) else None
    if found is None or found[2] not in UNITS:
        raise ValueError(f"{what}: memory must be a number of bytes or as '500MB', not {text!r}")
    return int(float(found[1]) * UNITS[found[2]])
