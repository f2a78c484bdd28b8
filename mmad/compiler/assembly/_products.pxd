"""Contract of the products of matrices."""
from libc.stdint cimport int32_t

from mmad.compiler._graph cimport Graph
from mmad.compiler.assembly._buffers cimport Buffers
from mmad.compiler.assembly._groups cimport Groups
from mmad.compiler.assembly._records cimport Records
from mmad.compiler.assembly._views cimport Views
from mmad.kernels._machine cimport Product


cdef class Products:
    cdef Graph g
    cdef Buffers buffers
    cdef Views views
    cdef Groups groups
    cdef Records records
    cdef bint add(self, int32_t u, int32_t k) except -1
    cdef tuple matrix(self, int32_t k, int32_t u, int side)
    cdef bint product(self, tuple a, tuple b, tuple shape, Product *p) except -1
