"""The file of a program: plain data, checked before anything is made of it.

========  ==================================================================================================
bytes     what
========  ==================================================================================================
8         ``MMADPRG1``
8         length of the header, little-endian
32        SHA-256 of everything that follows
header    JSON: byte order, sizes of the machine's structures, names of the operations, and the description
arrays    one after the other, each at a multiple of 64 bytes from the end of the header
========  ==================================================================================================

Nothing is executed by reading: the description holds numbers, text, tuples, slices, dtypes and references to arrays,
and operations by name.  Reading allocates the arrays, which are no larger than the file, and the description, whose
size is limited (:data:`LONGEST_HEADER`).  Damage is found by the checksum; a file that was made to deceive meets
:mod:`mmad._check`, which every program goes through.
"""

import hashlib
import json
import re
import sys

import numpy as np

from mmad._instructions import scalar_opcodes
from mmad._vm import structure_sizes
from mmad.errors import ProgramError

__all__ = ["dumps", "loads"]

MAGIC = b"MMADPRG1"
LONGEST_HEADER = 1 << 21  # its text becomes objects some thirty times its size: 64 MB
ALIGNMENT = 64
DEEPEST = 40
DTYPE = re.compile("[<>|][biufc][0-9]{1,2}")


# ------------------------------------------------------------------------------------------------ values as JSON
class Encoder:
    """Values as JSON, arrays apart."""

    def __init__(self):
        self.arrays, self.places = [], {}

    def __call__(self, x):
        kind = type(x)
        if x is None or kind in (bool, int, str):
            return x
        if kind is float:
            return {"f": x.hex()}
        if kind is complex:
            return {"c": [x.real.hex(), x.imag.hex()]}
        if kind is list:
            return [self(v) for v in x]
        if kind is tuple:
            return {"t": [self(v) for v in x]}
        if kind is dict:
            return {"m": [[self(k), self(v)] for k, v in x.items()]}
        if kind is slice:
            return {"s": [self(x.start), self(x.stop), self(x.step)]}
        if x is Ellipsis:
            return {"e": 0}
        if isinstance(x, np.dtype) and not x.hasobject and x.names is None and x.subdtype is None:
            return {"d": x.str}
        if isinstance(x, np.generic) and not x.dtype.hasobject:
            return {"n": self.array(np.asarray(x))}
        if isinstance(x, bytes):
            return {"b": self.array(np.frombuffer(x, np.uint8))}
        if isinstance(x, np.ndarray) and not x.dtype.hasobject and x.dtype.names is None:
            return {"a": self.array(x)}
        raise ProgramError(f"a program that holds a {type(x).__name__} cannot be saved")

    def array(self, x):
        """The number of an array."""
        key = id(x)
        if key not in self.places:
            self.places[key] = len(self.arrays)
            self.arrays.append(x)
        return self.places[key]


class Decoder:
    """Values of JSON."""

    def __init__(self, arrays):
        self.arrays, self.data = arrays, {}

    def __call__(self, x, depth=0):
        if depth > DEEPEST:
            raise ProgramError("the description of the program is nested too deeply")
        if x is None or type(x) in (bool, int, str):
            return x
        if type(x) is list:
            return [self(v, depth + 1) for v in x]
        if type(x) is not dict or len(x) != 1:
            raise ProgramError("the description of the program holds something unknown")
        ((tag, v),) = x.items()
        try:
            return self.tagged(tag, v, depth + 1)
        except (TypeError, ValueError, LookupError, OverflowError) as error:
            raise ProgramError(f"the description of the program is damaged: {error}") from None

    def tagged(self, tag, v, depth):
        """What is not a value of JSON."""
        if tag == "f":
            return float.fromhex(v)
        if tag == "c":
            return complex(float.fromhex(v[0]), float.fromhex(v[1]))
        if tag == "t":
            return tuple([self(w, depth) for w in v])
        if tag == "m":
            return {self(k, depth): self(w, depth) for k, w in v}
        if tag == "s":
            return slice(*[self(w, depth) for w in v])
        if tag == "e":
            return Ellipsis
        if tag == "d":
            return plain_dtype(v)
        if tag not in ("a", "n", "b"):
            raise ProgramError("the description of the program holds something unknown")
        if type(v) is not int or not 0 <= v < len(self.arrays):
            raise ProgramError("the description of the program names an array that is not there")
        if tag == "a":
            return self.arrays[v]
        if tag == "n":
            return self.arrays[v][()]
        if v not in self.data:  # once, however often it is named: memory stays within that of the file
            self.data[v] = self.arrays[v].tobytes()
        return self.data[v]


def plain_dtype(text):
    """A dtype of numbers, from its text."""
    if not isinstance(text, str) or not DTYPE.fullmatch(text):
        raise ProgramError(f"{text!r} is no dtype of a program")
    try:
        return np.dtype(text)
    except TypeError:
        raise ProgramError(f"{text!r} is no dtype of a program") from None


# ------------------------------------------------------------------------------------------------ bytes
def machine():
    """What a file depends on beside its contents."""
    return {
        "order": sys.byteorder,
        "sizes": structure_sizes(),
        "operations": {k: v[0] for k, v in scalar_opcodes().items()},
    }


def dumps(description):
    """The bytes of a description.

    Parameters
    ----------
    description : dict
        Numbers, text, containers, dtypes and arrays.

    Returns
    -------
    bytes

    Raises
    ------
    ProgramError
        Something in it cannot be saved.
    """
    encode = Encoder()
    body = encode(description)
    listing, chunks, at = [], [], 0
    for x in encode.arrays:
        data = np.ascontiguousarray(x).tobytes()
        listing.append([x.dtype.str, list(x.shape), at])
        padding = -len(data) % ALIGNMENT
        chunks += [data, b"\0" * padding]
        at += len(data) + padding
    header = json.dumps({"machine": machine(), "arrays": listing, "program": body}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % ALIGNMENT)
    if len(header) > LONGEST_HEADER:
        raise ProgramError(
            f"the program's description takes {len(header)} bytes, a file holds {LONGEST_HEADER}: it makes too many "
            "calls of NumPy functions to be saved"
        )
    body = header + b"".join(chunks)
    return MAGIC + len(header).to_bytes(8, "little") + hashlib.sha256(body).digest() + body


def loads(data):
    """The description in the bytes of a file.

    Raises
    ------
    ProgramError
        The file is damaged, of another machine or version, or no program at all.
    """
    view = memoryview(data)
    if len(view) < 48 or bytes(view[:8]) != MAGIC:
        raise ProgramError("this is not the file of a program (or one of another version of mmad)")
    length = int.from_bytes(view[8:16], "little")
    if not 0 < length <= min(LONGEST_HEADER, len(view) - 48):
        raise ProgramError("the file of the program is cut off or damaged")
    if hashlib.sha256(view[48:]).digest() != bytes(view[16:48]):
        raise ProgramError("the file of the program is damaged: its checksum is wrong")
    try:
        header = json.loads(bytes(view[48 : 48 + length]))
    except (ValueError, RecursionError) as error:
        raise ProgramError(f"the header of the program's file cannot be read: {error}") from None
    if (
        type(header) is not dict
        or set(header) != {"machine", "arrays", "program"}
        or type(header["arrays"]) is not list
    ):
        raise ProgramError("the header of the program's file is incomplete")
    if header["machine"] != machine():
        raise ProgramError("the program was compiled by another version of mmad or on another kind of machine")
    arrays = read_arrays(view[48 + length :], header["arrays"])
    description = Decoder(arrays)(header["program"])
    if type(description) is not dict:
        raise ProgramError("the file holds no program")
    return description


def read_arrays(view, listing):
    """The arrays of a file, copied; together they are no larger than the file."""
    out, end = [], 0
    for entry in listing:
        if type(entry) is not list or len(entry) != 3:
            raise ProgramError("the list of the program's arrays is damaged")
        text, shape, at = entry
        dtype = plain_dtype(text)
        if type(shape) is not list or len(shape) > 64 or not all(type(d) is int and 0 <= d < 2**62 for d in shape):
            raise ProgramError("the list of the program's arrays is damaged")
        size = 1
        for d in shape:
            size *= d
        if type(at) is not int or at < end or at > len(view) or size * dtype.itemsize > len(view) - at:
            raise ProgramError("the program's file is cut off, or its arrays overlap")
        end = at + size * dtype.itemsize
        out.append(np.frombuffer(view[at:end], dtype).reshape(shape).copy())
    return out
