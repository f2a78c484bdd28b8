"""How programs are made: copied, checked, and put into the form that the machine runs."""
cimport numpy as cnp

import numpy as np

from mmad.errors import ProgramError
from mmad.kernels._machine cimport Access, BlockOp, Group, Instr, Product, Routine, has_blas
from mmad.kernels._machine import find_blas
from mmad.tape._instructions import find_operation
from mmad.vm._check import check
from mmad.vm._stream import make_stream
from mmad.vm._vm cimport Buffer, Machine, Step
from mmad.vm._vm import DATA, LISTS

cnp.import_array()


def make_machine(dict parts):
    """Return the program that these parts are, checked, whoever made them.

    Parameters
    ----------
    parts : dict
        As :func:`mmad.compiler.assembly._assemble.assemble` gives it, or a file.

    Returns
    -------
    Machine

    Raises
    ------
    ProgramError
        It is no sound program.
    """
    cdef Machine program = Machine.__new__(Machine, parts)
    check(program)
    program.prepare()
    make_stream(program)
    if (program.n_products or program.n_routines) and not has_blas():
        find_blas()
    program.ready = True
    return program


def structure_sizes():
    """Return the sizes of the machine's structures, by which files of another build are told apart."""
    return [sizeof(Instr), sizeof(Group), sizeof(Access), sizeof(BlockOp), sizeof(Step), sizeof(Product),
            sizeof(Routine), sizeof(Buffer)]


def from_description(dict description):
    """Make a program from :meth:`Program.description`, or from a file that claims to be one.

    Raises
    ------
    ProgramError
        It is no sound program.
    """
    cdef dict parts = dict(description)
    cdef list calls = []
    if set(parts) != {*DATA, *LISTS, "template", "arena"}:
        raise ProgramError("the program has other parts than a program has")
    for name in DATA:
        if type(parts.get(name)) is not bytes:
            raise ProgramError(f"the program has no {name}")
    for name in LISTS:
        if type(parts.get(name)) is not list:
            raise ProgramError(f"the program has no {name}")
    if not isinstance(parts.get("template"), cnp.ndarray) or parts["template"].dtype != np.float64 \
            or parts["template"].ndim != 1 or type(parts.get("arena")) is not int:
        raise ProgramError("the program has no numbers")
    if not all([isinstance(c, cnp.ndarray) for c in parts["constants"]]):
        raise ProgramError("the program has no constants")
    for call in parts["calls"]:
        if type(call) is not tuple or len(call) != 4:
            raise ProgramError("a call of the program is damaged")
        op = None
        if call[0] is not None:
            try:
                op = find_operation(call[0])
            except (KeyError, TypeError, AttributeError):
                raise ProgramError(f"the program calls {call[0]!r}, which is no operation here") from None
        calls.append((op, *call[1:]))
    parts["calls"], parts["watched"] = calls, []
    return make_machine(parts)
