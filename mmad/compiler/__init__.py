"""From a recorded tape to a program: passes over a graph, units, registers and buffers.

====================  =========================================================================================
pass                  what it does (each module states its steps and what it keeps)
====================  =========================================================================================
``fold``              operations on constants are done once
``simplify``          operations that need not be done, or can be cheaper
``powers``            powers with constant exponents become products
``share``             what is computed twice is computed once
``multiply_add``      a product that is only added to something becomes part of the sum
``schedule``          numbers that wait for each other are computed further apart
``dead``              what nothing needs is left out
``fusion``            elementwise operations of one shape become one loop, with what they are summed or stored into
``in_place``          a version of an array that nothing else reads is written over
``sincos``            sine and cosine of one number are one instruction
``buffers``           buffers whose lives do not overlap share memory
``order``             large programs finish one part of a result before the next, where that takes less memory
``recompute``         where a memory is given and too small: arrays are computed again instead of being kept
====================  =========================================================================================
"""

from mmad.compiler.pipeline import PASSES, compile_tape, selected, uncollected

__all__ = ["PASSES", "compile_tape", "selected", "uncollected"]
