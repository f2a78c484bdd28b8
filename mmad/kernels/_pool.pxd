"""Contract of the array memory pool."""

cdef object pool_enter()
cdef int pool_exit(object previous) except -1
