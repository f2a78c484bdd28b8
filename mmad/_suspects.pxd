"""Contract of the search for zeros that meet an infinite derivative."""
cdef bint singular(int opcode) noexcept nogil
