"""Array memory kept between traces; see `_pool.h`.

The pool is NumPy's allocator only between :func:`pool_enter` and :func:`pool_exit`, in the calling context (a context
variable of NumPy's), so other threads and code outside of mmad never see it.  An array remembers its allocator, and may
outlive the trace.
"""
from cpython.pycapsule cimport PyCapsule_New

cimport numpy as cnp

import os

cnp.import_array()


cdef extern from "_pool.h" nogil:
    ctypedef struct PoolHandler:
        pass
    PoolHandler pool_handler
    size_t pool_cached, pool_bound
    void c_pool_clear "pool_clear"() noexcept


cdef extern from "numpy/arrayobject.h":
    object PyDataMem_SetHandler(object handler)


cdef object _handler = PyCapsule_New(<void *> &pool_handler, "mem_handler", NULL)


cdef object pool_enter():
    """Let NumPy allocate from the pool; return what `pool_exit` needs."""
    return PyDataMem_SetHandler(_handler) if pool_bound else None


cdef int pool_exit(object previous) except -1:
    if previous is not None:
        PyDataMem_SetHandler(previous)
    return 0


def enter():
    """Let NumPy allocate from the pool in this context; return a token for :func:`leave`."""
    return pool_enter()


def leave(token):
    """Undo :func:`enter`."""
    pool_exit(token)


def clear_pool():
    """Give the memory that mmad keeps for its next call back to the system.

    Examples
    --------
    >>> import mmad
    >>> mmad.clear_pool()
    """
    c_pool_clear()


def cached_bytes():
    """Return the bytes the pool keeps now."""
    return pool_cached


def set_bound(n):
    """Keep at most n bytes between calls (0: use NumPy's own allocator)."""
    global pool_bound
    pool_bound = n
    c_pool_clear()


if "MMAD_POOL_BYTES" in os.environ:
    set_bound(int(os.environ["MMAD_POOL_BYTES"]))
