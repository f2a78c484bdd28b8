"""One instruction of a tape as a small record: the form in which tapes are printed, checked and interpreted."""

import dataclasses

import numpy as np

from mmad.python.kinds import isplain
from mmad.tape._instructions import scalar_op, scalar_opcodes

__all__ = ["Instruction", "decode"]

_SCALAR = {name: scalar_op(code) for name, (code, _) in scalar_opcodes().items()}
_FLOAT, _BOOL = np.dtype(np.float64), np.dtype(bool)
ARRAY, SUPERSEDED, STRONG, TRUTH = 1, 4, 8, 16  # flags of a node, see _node.h


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Instruction:
    """One instruction.

    Attributes
    ----------
    id : int
        The value it defines; a guard defines none.
    name : str
        Name of the operation; or input, const, load, store, guard.
    op : Op or None
        The operation, None for the five above.
    operands : tuple of int
        The values it uses; -1 stands for a constant.
    constants : tuple
        The constants, None where the operand is a value.
    params : dict
        Parameters of the operation; `index` of load and store, `value` of const and guard.
    shape : tuple of int
    dtype : numpy.dtype
    array : bool
        Whether the result is an array (also of shape ()), not a number.
    weak : bool
        A Python float, which does not promote other dtypes (NEP 50).
    in_place : bool
        For writes: nothing else reads the version written over.
    snapshot : bool
        For views: the base is written in place later, so the elements have to be copied.
    """

    id: int
    name: str
    op: object
    operands: tuple
    constants: tuple
    params: dict
    shape: tuple
    dtype: np.dtype
    array: bool
    weak: bool = False
    in_place: bool = False
    snapshot: bool = False

    @property
    def writes(self):
        """Whether it makes a new version of a storage."""
        return self.name in ("store", "put", "put_index")

    def __str__(self):
        uses = [_text_of(c) if k < 0 else f"%{k}" for k, c in zip(self.operands, self.constants, strict=True)]
        params = dict(self.params)
        if self.name == "guard":
            return f"      guard {uses[0]} is {_text_of(params['value'])}"
        if self.name == "load":
            text = f"load {uses[0]}[{_index(params.pop('index'))}]"
        elif self.name == "store":
            text = f"store {uses[0]}[{_index(params.pop('index'))}] <- {uses[1]}"
        elif self.name == "const":
            text = f"const {_text_of(params.pop('value'))}"
        else:
            text = " ".join([self.name, ", ".join(uses)]).strip()
        text += "".join(f" {k}={v}" for k, v in params.items())
        return f"{'%' + str(self.id):>5} = {text:<40} : {_type(self)}"


def _type(i):
    if i.array:
        return f"{i.dtype}[{','.join(map(str, i.shape))}]"
    return "float" if i.weak else str(i.dtype)


def _index(index):
    return ", ".join(map(str, index))


def _text_of(c):
    if isplain(c, np.ndarray):
        return np.array2string(c, threshold=4, edgeitems=1, precision=4, separator=",").replace("\n", "")
    if isinstance(c, tuple):
        return f"({', '.join(map(_text_of, c))})"
    return str(c)


def decode(tape, k, inputs):
    """Return instruction k of a tape.

    Parameters
    ----------
    tape : Tape
    k : int
    inputs : set of int
        The tape's own inputs; those of a recording inside of it, for the transpose of one operation, are constants.

    Returns
    -------
    Instruction
    """
    name, args, value = tape.node(k)
    flags, rec = tape.flags(k), tape.record_of(k)
    array = bool(flags & ARRAY)
    if name == "guard":
        seen = rec.out if rec is not None else bool(value) if flags & TRUTH else value
        return Instruction(k, name, None, args, (None,), {"value": seen}, (), _FLOAT, False)
    if array:
        shape, dtype, weak = tuple(rec.shape), np.dtype(rec.dtype), False
    else:
        shape, dtype = (), _BOOL if flags & TRUTH else _FLOAT
        weak = not flags & (STRONG | TRUTH)
    if name == "input" and k in inputs:
        return Instruction(k, name, None, (), (), {}, shape, dtype, array, weak)
    if name in ("input", "const"):
        value = rec.out if array else _number(value, flags)
        return Instruction(k, "const", None, (), (), {"value": value}, shape, dtype, array, weak)
    if name == "load":
        index = tuple(int(i) for i in np.unravel_index(args[1], tape.record_of(args[0]).shape))
        return Instruction(k, name, None, args[:1], (None,), {"index": index}, shape, dtype, array, weak)
    if name == "store":
        index = tuple(int(i) for i in np.unravel_index(args[2], shape))
        return Instruction(
            k, name, None, args[:2], (None, None), {"index": index}, shape, dtype, array, weak, tape.is_version(args[0])
        )
    if rec is None:
        return Instruction(k, name, _SCALAR[name], args, (None,) * len(args), {}, shape, dtype, array, weak)
    constants = tuple(v if j < 0 else None for j, v in zip(rec.args, rec.vals, strict=True))
    base = rec.args[0] if name in ("put", "put_index", "window") else -1
    version = base >= 0 and tape.is_version(base)
    snapshot = name == "window" and version and bool(tape.flags(base) & SUPERSEDED)
    return Instruction(
        k,
        name,
        rec.op,
        rec.args,
        constants,
        rec.params or {},
        shape,
        dtype,
        array,
        weak,
        version and name != "window",
        snapshot,
    )


def _number(value, flags):
    return bool(value) if flags & TRUTH else np.float64(value) if flags & STRONG else value
