"""Contract of the search for zeros that meet an infinite derivative."""
cdef bint singular(int opcode, bint rooted) noexcept nogil
cdef bint kinked(int opcode) noexcept nogil

cdef enum:
    NODE_SPOILT = 64  # a slope of a norm whose product is spoilt (`_rules.spoilt`): a zero cotangent of it is structural
