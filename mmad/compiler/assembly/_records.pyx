"""What the virtual machine reads, while a program is put together: C structures end to end."""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from mmad.kernels._machine cimport Access, BlockOp, Group, Instr, Product, Routine
from mmad.vm._vm cimport Step


cdef class Vector:
    """A growing array of C structures."""

    def __cinit__(self, Py_ssize_t item):
        self.item = item

    def __dealloc__(self):
        free(self.data)

    cdef void *add(self) except NULL:
        """Return room for one more, zeroed; it is valid until the next one is added."""
        cdef Py_ssize_t capacity
        cdef void *grown
        if self.n >= self.capacity:
            capacity = self.capacity + (self.capacity >> 1) + 32
            grown = realloc(self.data, capacity * self.item)
            if grown == NULL:
                raise MemoryError("no memory to compile the trace")
            self.data, self.capacity = <char *> grown, capacity
        self.n += 1
        memset(self.data + (self.n - 1) * self.item, 0, self.item)
        return self.data + (self.n - 1) * self.item

    cdef bytes take(self):
        return self.data[:self.n * self.item] if self.n else b""


cdef class Records:
    """The steps of a program and what they refer to; each kind of step adds its own."""

    def __cinit__(self):
        self.code, self.groups, self.accesses = Vector(sizeof(Instr)), Vector(sizeof(Group)), Vector(sizeof(Access))
        self.ops, self.steps, self.products = Vector(sizeof(BlockOp)), Vector(sizeof(Step)), Vector(sizeof(Product))
        self.routines = Vector(sizeof(Routine))
        self.calls, self.listing = [], []

    cdef int step(self, int kind, int32_t index, int64_t work) except -1:
        cdef Step *step = <Step *> self.steps.add()
        step.kind, step.index, step.work = kind, index, work
        return 0
