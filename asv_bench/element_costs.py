"""What each scalar operation takes in a block, beside what the table says: the last column of `SCALAR_OPS`.

    python asv_bench/element_costs.py            # all operations
    python asv_bench/element_costs.py erf erfc   # these

The kernel of an operation is called on blocks of float64 at the probe points of its declaration, which stay in the
first-level cache as those of the machine do.  The shortest of many calls counts, less that of a block of one element.
Some 0.2 ns of what is left are the allocation of the result.  The numbers in `mmad/kernels/_scalar_ops.h` are without
it, of Zen 3 (AVX2) and glibc 2.36 with its vector library; what is below 0.5 ns is CHEAP.
"""

import sys
from time import perf_counter

import numpy as np

import mmad  # noqa: F401  (declares the operations)
from mmad.ops._kernel_functions import KernelFunction
from mmad.tape._instructions import OPERATIONS, scalar_costs, scalar_opcodes

ELEMENTS, CALLS, ROUNDS = 1024, 10, 200
ALLOCATION = 0.2  # nanoseconds
POINTS = ((0.7, 0.3, 1.1), (-0.4, 1.2, 0.6), (1.2, -0.8, 0.2))  # of operations without probes


def shortest(function, *of_operands):
    """Return the shortest time of a call with each of some operands, in seconds, by turns."""
    best = [np.inf] * len(of_operands)
    for _ in range(ROUNDS):
        for k, operands in enumerate(of_operands):
            start = perf_counter()
            for _ in range(CALLS):
                function(*operands)
            best[k] = min(best[k], (perf_counter() - start) / CALLS)
    return best


def nanoseconds(name):
    """Return what an element of a block takes."""
    op = OPERATIONS[name]
    points = np.array([p[: op.nin] for p in op.probes or POINTS], float)
    blocks, single = ([np.resize(column, n) for column in points.T] for n in (ELEMENTS, 1))
    with np.errstate(all="ignore"):
        many, one = shortest(KernelFunction(name, op.impl), blocks, single)
    return (many - one) / (ELEMENTS - 1) * 1e9


def main(names):
    said = scalar_costs()
    for name in names or scalar_opcodes():
        measured = nanoseconds(name) - ALLOCATION
        mark = "" if 0.5 < measured / said[name] < 2 or abs(measured - said[name]) < 0.5 else "  <"
        print(f"{name:>18} {measured:6.2f} ns, the table says {said[name]:5.2f}{mark}")


if __name__ == "__main__":
    main(sys.argv[1:])
