"""Contract of doubts about numbers."""
from libc.stdint cimport int32_t, uint8_t

from mmad.ops._singularities cimport Singularity
from mmad.sweeps._cells cimport Cells
from mmad.sweeps._suspects cimport Doubts
from mmad.tape._instructions cimport NODE_SPOILT, Node


cdef inline bint at_point(const Singularity *q, const Node *nodes, const Node *p, bint rooted) noexcept nogil:
    """Whether a scalar instruction is at a point where a partial of it may be infinite, or may not exist."""
    cdef double v
    if q.operand < 0 or p.flags & NODE_SPOILT:
        return False
    v = nodes[p.a if q.operand == 0 else p.b].v
    return v == q.first or v == q.second or (rooted and v != v and q.first != q.first)


cdef int doubt_back(Cells cells, const uint8_t *mask, int32_t k, Doubts doubts) except -1
cdef int doubt_forward(Cells cells, int32_t k, Doubts doubts) except -1
