"""Contract of the groups."""
from libc.stdint cimport int32_t, int64_t, uint8_t

from mmad.compiler._graph cimport Graph
from mmad.compiler.assembly._buffers cimport Buffers
from mmad.compiler.assembly._records cimport Records, Vector
from mmad.compiler.assembly._units cimport Units
from mmad.compiler.assembly._views cimport Views
from mmad.kernels._machine cimport Access, Group

cdef enum:
    HASHES = 256  # chains of loads


# A virtual register of a group.
cdef struct Register:
    int32_t where    # V_...
    int32_t end      # the last operation that reads it; -1: none
    int32_t number   # its number in the group
    int32_t next     # of the registers that end together
    int32_t buffer   # what the operation that makes it writes to directly; -1: nothing
    bint whole       # one number that is looked at element by element


cdef struct Load:
    Access access
    int32_t reg
    int32_t next     # of those with the same hash


cdef struct Store:
    Access access
    int32_t reg
    int32_t node     # the collection or put that it is a part of; -1: it is an operation's own result


cdef class Groups:
    cdef Units units
    cdef Graph g
    cdef bint reuse
    cdef Views views
    cdef Buffers buffers
    cdef Records records
    cdef uint8_t *cleared  # by node: a group clears this accumulator
    cdef int32_t *reg      # by node: its register in the group at hand
    cdef int32_t *seen     # by node: the last unit that loaded it,
    cdef int32_t *seen_as  # for an instruction of this type
    # The group at hand.
    cdef int32_t u
    cdef int precision
    cdef Vector registers, loads, ops, stores
    cdef int32_t[HASHES] known
    cdef int add(self, int32_t u) except -1
    cdef int copy(self, Access *load, int32_t b, tuple shape) except -1
    cdef Register *register(self, int32_t r) noexcept
    cdef int32_t virtual(self, int where) except -1
    cdef int32_t operand_of(self, int32_t k, int32_t j) except -1
    cdef int32_t load(self, int32_t j, tuple shape) except -1
    cdef int numbers(self, int32_t a, int32_t b, int32_t c, int arity) noexcept
    cdef int parts(self) except -1
    cdef int to_front(self, int32_t at, int32_t n) except -1
    cdef int set_first(self, int32_t k) except -1
    cdef int number(self, Group *head) except -1
    cdef int emit(self, int64_t size) except -1
    cdef int divisible(self, int64_t block, tuple shape) except? -1
    cdef int64_t row(self, tuple shape) except? -1
    cdef int take_over(self) except -1


cdef int chain_of(const Access *x) noexcept
