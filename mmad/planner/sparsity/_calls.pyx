"""What operations depend on that the compiler leaves to NumPy: by their axes, by zeros of matrices, or on all operands.

Operands depend on what is known of the instructions that give them; of constants, zeros are known.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free

cimport numpy as cnp

import numpy as np

from mmad.compiler._graph cimport P_ROUTINE, Graph, Payload, size_of
from mmad.kernels._machine cimport (MM_CHOLESKY, MM_INVERSE, MM_LOWER, MM_LOWER_TRANSPOSED, MM_LU, MM_SLOGDET,
                                    MM_SOLVE, MM_SOLVE_TRANSPOSED)
from mmad.planner.sparsity._elements cimport Elements, elements, uniform
from mmad.planner.sparsity._sets cimport ZERO
from mmad.planner.sparsity._systems cimport has_zeros, solved, triangle
from mmad.planner.sparsity._unions cimport ADDED, MULTIPLIED, Unions
from mmad.tape._instructions cimport KIND_ELEMENTWISE, NODE_ARRAY, OP_CONST

from mmad.planner.sparsity import axes

cnp.import_array()

cdef enum:
    SYSTEMS = 67108864  # steps that may be taken to find what linear systems with zeros depend on, a quarter of a second


cdef class Calls(Unions):
    """What is known of the instructions of a graph."""

    def __cinit__(self, int64_t n, int64_t limit, int64_t most, Graph g, list zeros, *_):
        self.g, self.given, self.constants, self.factored = g, {}, {}, {}
        self.zeros, self.spared = zeros, SYSTEMS
        self.arrays = [None] * g.n
        self.number = <int32_t *> calloc(g.n + 1, sizeof(int32_t))
        if self.number == NULL:
            raise MemoryError("no memory to find the sparsity pattern")

    def __dealloc__(self):
        free(self.number)

    cdef Elements of(self, int32_t j):
        """Return what an operand depends on, a number as an array of one; None if on nothing."""
        if self.g.nodes[j].op == OP_CONST and j not in self.given:
            if self.g.nodes[j].flags & NODE_ARRAY:
                return self.constant(j)
            return uniform(1, ZERO) if self.zeros is not None and self.g.nodes[j].v == 0 else None
        if self.g.nodes[j].flags & NODE_ARRAY:
            return self.arrays[j]
        return uniform(1, self.number[j]) if self.number[j] else None

    cdef Elements constant(self, int32_t j):
        """Return where a constant array is zero; None where it is nowhere."""
        cdef Payload w
        if self.zeros is None:
            return None
        if j not in self.constants:
            w = self.g.payload(j)
            self.constants[j] = self.zeros_of(w.value)
        return self.constants[j]

    cdef Elements zeros_of(self, object value):
        cdef Elements e
        cdef const uint8_t[::1] found
        cdef int64_t i
        if self.zeros is None or not isinstance(value, cnp.ndarray) or value.dtype.kind not in "fcbiu":
            return None
        found = np.ascontiguousarray(value == 0).reshape(-1).view(np.uint8)
        self.sets.spend(found.shape[0])
        if value.dtype.kind != "b" and not np.any(found):
            return None
        self.zeros.append(value)
        e = elements(found.shape[0])
        for i in range(found.shape[0]):
            if found[i]:
                e.sets[i] = ZERO
        return e

    cdef Elements called(self, Payload w, int32_t k):
        """Return what the results of a call of NumPy depend on: by the labels of its axes, or on all of all operands."""
        cdef tuple shape = self.g.shape(k), found
        cdef list shapes, args
        cdef Elements out = None, e
        cdef int i, how
        cdef int64_t before
        if self.g.nodes[k].flags & NODE_ARRAY and self.g.shared.types[self.g.type[k]][1].kind in "biu":
            return None
        args = [self.g.arg(k, i) for i in range(self.g.nodes[k].c)]
        shapes = [self.g.shape(j) if j >= 0 else np.shape(w.vals[i]) for i, j in enumerate(args)]
        if w.kind == P_ROUTINE:
            if w.action == MM_SLOGDET:
                return self.everything(k)
            if w.action == MM_LU and has_zeros(self.of(args[0])):
                self.factored[k] = self.of(args[0])
            before = self.sets.steps
            out = self.linear(w.action, args, shapes, before + self.spared)
            self.spared = max(0, self.spared - (self.sets.steps - before))
            if out is not None:
                return out
            return self.by_labels(args, [self.of(j) for j in args], shapes, axes.routine_labels(
                2 if w.action == MM_LU or w.action == MM_CHOLESKY or w.action >= MM_LOWER else 1, shapes, shape), shape)
        if w.op.kind == KIND_ELEMENTWISE:
            if w.op.name == "stop_gradient":
                return None
            how = MULTIPLIED if w.op.name in ("multiply", "chain", "masked", "settled") else ADDED
            for i in range(2 if how == MULTIPLIED else len(args)):
                e = self.spread(self.of(args[i]) if args[i] >= 0 else self.zeros_of(w.vals[i]), shapes[i], shape)
                out = self.united_as(out, e, how) if how == MULTIPLIED else self.union_of(out, e)
            return out if how == MULTIPLIED else self.without_zeros(out)
        if w.op.name in axes.MOVES:
            out = self.moved(w, args, shapes)
        elif w.op.name == "slide_out":
            out = self.union_of(self.slid(self.of(args[0]) if args[0] >= 0 else None, shapes[1][0], shape[0], True),
                                self.slid(self.of(args[1]) if args[1] >= 0 else None, shapes[0][0], shape[0], True))
        elif w.op.name == "slide_in" and args[0] >= 0 and (args[1] < 0 or self.of(args[1]) is None):
            out = self.slid(self.of(args[0]), shapes[1][0], shape[0], False)
        elif w.op.name in axes.RUNNING and args[0] >= 0:
            out = self.running(self.of(args[0]), shape, w.params["axis"], w.params.get("reverse", False))
        if out is not None:
            return out
        found = axes.labels(w.op.name, shapes, shape, w.params)
        if found is None:
            return self.everything(k)
        operands = [None if found[0][i] is None else self.of(j) if j >= 0 else self.zeros_of(w.vals[i])
                    for i, j in enumerate(args)]
        if w.op.name in axes.PRODUCTS and any([has_zeros(e) for e in operands]):
            return self.sum_products(operands, shapes, found, shape)
        return self.by_labels(args, operands, shapes, found, shape)

    cdef Elements by_labels(self, list args, list operands, list shapes, tuple found, tuple shape):
        """Return the union of operands by the labels of their axes."""
        cdef Elements out = None
        cdef int i
        for i in range(len(args)):
            if args[i] >= 0 and operands[i] is not None:
                e = self.without_zeros(operands[i])
                out = self.union_of(out, self.labelled(e, shapes[i], found[0][i], found[1], shape))
        return self.without_zeros(out)

    cdef Elements linear(self, int what, list args, list shapes, int64_t until):
        """Return what a routine gives for matrices with zeros; None where it has no rule, or where they count as full."""
        cdef Elements a = self.of(args[0]) if what == MM_CHOLESKY or what >= MM_LOWER else self.factored.get(args[0])
        cdef tuple shape = shapes[len(shapes) - 1]
        cdef int rank = len(shape)
        cdef int64_t n, count, sides, columns
        if what == MM_CHOLESKY:
            n = shape[rank - 1]
            return triangle(self.sets, a, n, size_of(shape) // (n * n), until) if has_zeros(a) else None
        if a is None or what == MM_LU or not has_zeros(a):
            return None
        if what == MM_INVERSE:
            n = matrix_order(shape[rank - 1])
            return solved(self.sets, a, n, a.n // (n * n), None, n, 0, False, until)
        if what != MM_SOLVE and what != MM_SOLVE_TRANSPOSED and what != MM_LOWER and what != MM_LOWER_TRANSPOSED:
            return None
        n, columns = shape[rank - 2], shape[rank - 1]
        count, sides = a.n // (n * n), size_of(shape) // (n * columns)
        return solved(self.sets, a, n, count, self.of(args[1]), columns, sides,
                      what == MM_SOLVE_TRANSPOSED or what == MM_LOWER_TRANSPOSED, until)

    cdef Elements moved(self, Payload w, list args, list shapes):
        """Return the numbers of the sets, moved by what moves the values; None where a position is not known."""
        cdef Elements out, e
        cdef int64_t k
        cdef int i
        cdef list operands = []
        cdef int32_t[::1] view
        for i in range(len(args)):
            if w.op.raw and i == w.op.nin - 1:
                if args[i] >= 0:
                    return None
                operands.append(w.vals[i])
                continue
            numbers = np.zeros(shapes[i], np.int32)
            e = self.of(args[i]) if args[i] >= 0 else None
            if e is not None:
                view = numbers.reshape(-1)
                for k in range(view.shape[0]):
                    view[k] = e.at(k)
            operands.append(numbers)
        if w.op.name in axes.ADDS and operands[0].size:
            ones = np.ones_like(operands[0])
            if np.max(w.op.impl(ones, *operands[1:], **(w.params or {}))) > 1:
                return None
        view = np.ascontiguousarray(w.op.impl(*operands, **(w.params or {})), np.int32).reshape(-1)
        out = elements(view.shape[0])
        for k in range(view.shape[0]):
            out.sets[k] = view[k]
        return out

    cdef Elements everything(self, int32_t k):
        """Let each element depend on all of all operands."""
        cdef int32_t total = 0, i, j
        for i in range(self.g.nodes[k].c):
            j = self.g.arg(k, i)
            if j >= 0 and self.of(j) is not None:
                total = self.sets.unite(total, self.all_of(self.of(j)))
        return uniform(self.g.elements(k), total) if total > 0 else None


cdef inline int64_t matrix_order(int64_t length) noexcept nogil:
    """Return the order of a matrix whose factors take so many numbers."""
    cdef int64_t n = 1
    while n * n + n < length:
        n += 1
    return n
