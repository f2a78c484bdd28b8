"""The file of a program taken apart, and put together again with a checksum that is right."""

import hashlib
import json

import numpy as np
import pytest

from mmad.compiler.program import Program
from mmad.errors import ProgramError

#: The C structures of `mmad/kernels/_vm.h` and `mmad/vm/_vm.pxd`, in the order of `mmad.vm._make.structure_sizes`.
LAYOUTS = {
    "code": np.dtype([("op", "u2"), ("flags", "u2"), ("r", "i4"), ("a", "i4"), ("b", "i4"), ("c", "i4")], align=True),
    "groups": np.dtype(
        [
            ("size", "i8"),
            *(
                (name, "i4")
                for name in ("block", "registers", "scratch", "loads", "ops", "stores", "type", "divisible")
            ),
            *((name, "u8") for name in ("load", "store", "op")),
        ],
        align=True,
    ),
    "accesses": np.dtype(
        [
            *((name, "u1") for name in ("mode", "type", "action", "clear")),
            ("reg", "u2"),
            ("buffer", "i4"),
            ("rank", "i4"),
            ("offset", "i8"),
            ("extent", "i8"),
            ("shape", "i8", 8),
            ("strides", "i8", 8),
            ("table", "u8"),
        ],
        align=True,
    ),
    "ops": np.dtype([*((name, "u2") for name in ("op", "r", "a", "b", "c", "variant")), ("kernel", "u8")], align=True),
    "steps": np.dtype([("kind", "i4"), ("index", "i4"), ("work", "i8")], align=True),
    "products": np.dtype(
        [
            *((name, "i4") for name in ("a", "b", "c", "pad")),
            *((name, "i8") for name in ("m", "n", "k", "count")),
            *((f"{x}_{name}", "i8") for x in "ab" for name in ("offset", "row", "column", "step")),
        ],
        align=True,
    ),
    "routines": np.dtype(
        [
            *((name, "i4") for name in ("what", "a", "b", "c")),
            *((name, "i8") for name in ("n", "k", "count", "a_offset", "a_step", "b_offset", "b_step")),
        ],
        align=True,
    ),
    "buffers": np.dtype([("bytes", "i8"), ("offset", "i8"), ("home", "i4"), ("index", "i4")], align=True),
}


class Parts:
    """Header and arrays of a program's file.

    Parameters
    ----------
    data : bytes
    """

    def __init__(self, data):
        length = int.from_bytes(data[8:16], "little")
        self.header = json.loads(data[48 : 48 + length])
        self.arrays = bytearray(data[48 + length :])

    def entry(self, name):
        """The pair [name, value] of one part of the description."""
        return next(pair for pair in self.header["program"]["m"] if pair[0] == name)

    def records(self, name):
        """The C structures of a part, to be changed in place: an array of records that shares the file's memory."""
        _, (size,), at = self.header["arrays"][self.entry(name)[1]["b"]]
        return np.frombuffer(memoryview(self.arrays)[at : at + size], LAYOUTS[name])

    def dumps(self):
        """The bytes of the file, with a checksum that is right."""
        header = json.dumps(self.header, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 64)
        return sealed(header, bytes(self.arrays))


def sealed(header, arrays, length=None):
    """The bytes of a file of this header and these arrays; `length`: that the file claims its header to have."""
    body = header + arrays
    length = len(header) if length is None else length
    return b"MMADPRG1" + length.to_bytes(8, "little") + hashlib.sha256(body).digest() + body


def refused(parts, match=None):
    """Assert that loading raises ProgramError: `parts` are the bytes of a file, or what it was taken apart into."""
    data = parts if isinstance(parts, bytes) else parts.dumps()
    with pytest.raises(ProgramError, match=match):
        Program._loads(data)
