"""Contract of the products of matrices."""
from libc.stdint cimport int32_t

from mmad._machine cimport Product
from mmad.compiler._buffers cimport Buffers
from mmad.compiler._graph cimport Graph
from mmad.compiler._groups cimport Groups
from mmad.compiler._records cimport Records
from mmad.compiler._views cimport Views


cdef class Products:
    cdef Graph g
    cdef Buffers buffers
    cdef Views views
    cdef Groups groups
    cdef Records records
    cdef bint add(self, int32_t u, int32_t k) except -1
    cdef tuple matrix(self, int32_t k, int32_t u, int side)
    cdef bint product(self, tuple a, tuple b, tuple shape, Product *p) except -1
