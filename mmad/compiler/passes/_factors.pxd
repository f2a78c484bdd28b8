"""Contract of products of matrices whose factors repeat themselves."""
from libc.stdint cimport int32_t

from mmad.compiler._graph cimport Graph


cdef int32_t product_of_factors(Graph g, Graph out, int32_t k, const int32_t *to) except -1
