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
and operations by name.  The checksum finds damage; :mod:`mmad.vm._check`, through which every program goes, refuses a
file that was made to deceive.

Reading takes no more memory than twice the file and 64 MB, and time in proportion to its length:

1. The characters of the header that begin a value are counted before it is parsed: each stands for an object of known
   size (:data:`COSTS`), and all of them have to fit into :data:`OBJECTS`.
2. An array is copied out of the file when the description names it, once, and as what it is named: an array, a number
   or bytes.
3. Keys that are not text may be chosen so that a dict takes quadratic time, so a dict has few of them
   (:data:`OTHER_KEYS`).
"""

import hashlib
import json
import re
import sys
from math import prod

import numpy as np

from mmad.errors import ProgramError
from mmad.python.kinds import isplain
from mmad.tape._instructions import scalar_opcodes
from mmad.vm._make import structure_sizes

__all__ = ["dumps", "loads"]

MAGIC = b"MMADPRG1"
LONGEST_HEADER = 1 << 21  # bytes
OBJECTS = 56 << 20  # bytes that the objects of a header may take, as JSON gives them and decoded: most of the 64 MB
COSTS = {b"[": 180, b"{": 200, b'"': 30, b",": 20}  # bytes, at most, of a list, a dict of one key, half a text, an item
OTHER_KEYS = 256  # of a dict: numbers, say; the hash of a text is not known beforehand
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
            if sum(type(k) is not str for k in x) > OTHER_KEYS:
                raise ProgramError(
                    f"a program that holds a dict with more than {OTHER_KEYS} keys besides text cannot be saved"
                )
            return {"m": [[self(k), self(v)] for k, v in x.items()]}
        if kind is slice:
            return {"s": [self(x.start), self(x.stop), self(x.step)]}
        if x is Ellipsis:
            return {"e": 0}
        if isinstance(x, np.dtype) and not x.hasobject and x.names is None and x.subdtype is None:
            return {"d": x.str}
        if isplain(x, np.generic) and not x.dtype.hasobject:
            return {"n": self.array(np.asarray(x))}
        if isinstance(x, bytes):
            return {"b": self.array(np.frombuffer(x, np.uint8))}
        if isplain(x, np.ndarray) and not x.dtype.hasobject and x.dtype.names is None:
            return {"a": self.array(x)}
        raise ProgramError(f"a program that holds a {type(x).__name__} cannot be saved")

    def array(self, x):
        """Store an array and return its number."""
        key = id(x)
        if key not in self.places:
            self.places[key] = len(self.arrays)
            self.arrays.append(x)
        return self.places[key]


class Decoder:
    """Values of JSON."""

    def __init__(self, arrays):
        self.arrays, self.made = arrays, {}

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
        """Encode what is not a value of JSON."""
        if tag == "f":
            return float.fromhex(v)
        if tag == "c":
            return complex(float.fromhex(v[0]), float.fromhex(v[1]))
        if tag == "t":
            return tuple([self(w, depth) for w in v])
        if tag == "m":
            return self.map(v, depth)
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
        if v not in self.made:  # once, however often it is named: memory stays within that of the file
            self.made[v] = tag, self.arrays.take(v, tag)
        kind, made = self.made[v]
        if kind != tag:
            raise ProgramError("the description of the program names an array as two things")
        return made

    def map(self, pairs, depth):
        """Return a dict."""
        out, others = {}, 0
        for k, w in pairs:
            k = self(k, depth)
            others += type(k) is not str
            if others > OTHER_KEYS:
                raise ProgramError(f"a dict of the program has more than {OTHER_KEYS} keys besides text")
            out[k] = self(w, depth)
        return out


def plain_dtype(text):
    """Return a dtype of numbers, from its text."""
    if not isinstance(text, str) or not DTYPE.fullmatch(text):
        raise ProgramError(f"{text!r} is not a dtype of a program")
    try:
        return np.dtype(text)
    except TypeError:
        raise ProgramError(f"{text!r} is not a dtype of a program") from None


# ------------------------------------------------------------------------------------------------ bytes
def machine_format():
    """Return what a file depends on besides its contents."""
    return {
        "order": sys.byteorder,
        "sizes": structure_sizes(),
        "operations": {k: v[0] for k, v in scalar_opcodes().items()},
    }


def dumps(description):
    """Return the bytes of a description.

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
    header = json.dumps(
        {"machine": machine_format(), "arrays": listing, "program": body}, separators=(",", ":")
    ).encode()
    header += b" " * (-len(header) % ALIGNMENT)
    if len(header) > LONGEST_HEADER or objects_of(header) > OBJECTS:
        raise ProgramError(
            f"the program's description takes {len(header)} bytes, and {objects_of(header)} once it is read; a file "
            f"holds {LONGEST_HEADER} and {OBJECTS}: it makes too many calls of NumPy functions to be saved"
        )
    body = header + b"".join(chunks)
    return MAGIC + len(header).to_bytes(8, "little") + hashlib.sha256(body).digest() + body


def loads(data):
    """Return the description in the bytes of a file.

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
    text = bytes(view[48 : 48 + length])
    if objects_of(text) > OBJECTS:
        raise ProgramError(f"the description of the program would take {objects_of(text)} bytes, the most is {OBJECTS}")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProgramError(f"the header of the program's file cannot be read: {error}") from None
    if (
        type(header) is not dict
        or set(header) != {"machine", "arrays", "program"}
        or type(header["arrays"]) is not list
    ):
        raise ProgramError("the header of the program's file is incomplete")
    if header["machine"] != machine_format():
        raise ProgramError("the program was compiled by another version of mmad or on another kind of machine")
    del text
    arrays = Arrays(view[48 + length :], header.pop("arrays"))
    description = Decoder(arrays)(header.pop("program"))
    if type(description) is not dict:
        raise ProgramError("the file holds no program")
    return description


def objects_of(text):
    """Return the bytes that the objects of a header may take at most, by its characters."""
    return sum(cost * text.count(c) for c, cost in COSTS.items()) + 5 * len(text)  # its text, of wide characters


class Arrays:
    """The arrays of a file; together they are no larger than the file."""

    def __init__(self, view, listing):
        self.view, self.listing, end = view, listing, 0
        for entry in listing:
            if type(entry) is not list or len(entry) != 3:
                raise ProgramError("the list of the program's arrays is damaged")
            text, shape, at = entry
            dtype = plain_dtype(text)
            if type(shape) is not list or len(shape) > 64 or not all(type(d) is int and 0 <= d < 2**62 for d in shape):
                raise ProgramError("the list of the program's arrays is damaged")
            size = prod(shape)
            if type(at) is not int or at < end or at > len(view) or size * dtype.itemsize > len(view) - at:
                raise ProgramError("the program's file is cut off, or its arrays overlap")
            end = at + size * dtype.itemsize

    def __len__(self):
        return len(self.listing)

    def take(self, k, tag):
        """Return a copy of one, as an array, as bytes (tag "b"), or as a number ("n")."""
        text, shape, at = self.listing[k]
        dtype = np.dtype(text)
        part = self.view[at : at + prod(shape) * dtype.itemsize]
        if tag == "b":
            return bytes(part)
        if tag == "n" and shape:
            raise ProgramError("the description of the program names an array as a number")
        made = np.frombuffer(part, dtype).reshape(shape).copy()
        return made[()] if tag == "n" else made
