"""The Python code that runs while a function is recorded, and the objects that it is called with.

1. While a :class:`Ran` is entered, the interpreter's profile function of this thread reports every call of Python code.
   One that was set before goes on to be called, and is set again at the end.
2. The first call of a code object asks `wanted` about the globals of its function: code of libraries is left alone.
3. Of every call of other code that has names in it, the arguments that are objects of the user's classes are noted,
   by weak references: what the function makes and drops lives no longer than it does in a plain run.
"""
from cpython.object cimport PyObject
from libc.stdint cimport uintptr_t
from libc.stdlib cimport calloc, free

import gc
from weakref import ref

cdef extern from *:
    """
    #include <Python.h>
    #include <frameobject.h>

    /* What a recording replaces, and where it goes on being called. */
    typedef struct { Py_tracefunc function; PyObject *object; } mm_profile;

    static mm_profile mm_profile_now(void)
    {
        PyThreadState *t = PyThreadState_Get();
        mm_profile p = {t->c_profilefunc, t->c_profileobj};
        return p;
    }
    """
    ctypedef struct PyFrameObject:
        pass
    ctypedef int (*Py_tracefunc)(PyObject *, PyFrameObject *, int, PyObject *) except -1
    ctypedef struct Profile "mm_profile":
        Py_tracefunc function
        PyObject *object
    Profile mm_profile_now()
    void PyEval_SetProfile(Py_tracefunc function, PyObject *object)
    object PyFrame_GetCode(PyFrameObject *frame)
    int PyTrace_CALL
    int Py_TPFLAGS_HEAPTYPE
    void Py_XINCREF(PyObject *o)
    void Py_XDECREF(PyObject *o)

cdef enum:
    ROOM = 1024  # for code objects, at first

cdef frozenset _APART = frozenset(("builtins", "functools", "numpy", "mmad"))  # their objects are nobody's state


cdef struct CodeThatRan:
    uintptr_t code
    int look  # whether arguments are looked at


cdef class Ran:
    """What runs, while this is entered.

    Parameters
    ----------
    wanted : callable
        Whether code whose function has these globals counts.

    Attributes
    ----------
    codes : list of (code object, dict)
        The code that counts, and the globals of its function.
    objects : list
        Objects of the user's classes that it was called with, and that there were before; the classes of all.
    """

    cdef readonly list codes, objects
    cdef readonly set young  # identities of what was made meanwhile and may be collected
    cdef object wanted
    cdef dict seen, arguments, kinds
    cdef list kept
    cdef CodeThatRan *table
    cdef size_t room, count
    cdef Profile before

    def __init__(self, wanted):
        self.codes, self.objects, self.wanted = [], [], wanted
        self.seen, self.arguments, self.kept, self.kinds = {}, {}, [], {}
        self.room, self.count, self.young = ROOM, 0, set()
        self.table = <CodeThatRan *> calloc(ROOM, sizeof(CodeThatRan))
        if self.table == NULL:
            raise MemoryError("no memory to record")

    def __dealloc__(self):
        free(self.table)

    def __enter__(self):
        gc.collect(0)  # what there is now is not young any more; recordings run without the collector
        self.before = mm_profile_now()
        Py_XINCREF(self.before.object)
        PyEval_SetProfile(called, <PyObject *> self)
        return self

    def __exit__(self, *_):
        cdef Profile now = mm_profile_now()
        if now.function == called and now.object == <PyObject *> self:
            PyEval_SetProfile(self.before.function, self.before.object)
        Py_XDECREF(self.before.object)
        if self.seen or any([code.co_freevars for code, _ in self.codes]):
            self.young = young = {id(x) for x in gc.get_objects(0)}
            met = [x for x in [r() if type(r) is ref else r for r in self.seen.values()] if x is not None]
            classes = {type(x): None for x in met}
            self.objects = [x for x in met if id(x) not in young and not isinstance(x, type)]
            self.objects += [c for c in (*classes, *[x for x in met if isinstance(x, type)]) if id(c) not in young]
        self.seen = {}

    cdef CodeThatRan *entry(self, uintptr_t code) noexcept:
        """Return where a code object is, or would be."""
        cdef size_t h = (code >> 4) * 0x9E3779B97F4A7C15u
        h = (h >> 20) & (self.room - 1)
        while self.table[h].code and self.table[h].code != code:
            h = (h + 1) & (self.room - 1)
        return self.table + h

    cdef int grow(self) except -1:
        cdef CodeThatRan *old = self.table
        cdef size_t room = self.room, k
        self.table = <CodeThatRan *> calloc(4 * room, sizeof(CodeThatRan))
        if self.table == NULL:
            self.table = old
            raise MemoryError("no memory to record")
        self.room = 4 * room
        for k in range(room):
            if old[k].code:
                self.entry(old[k].code)[0] = old[k]
        free(old)
        return 0

    cdef int meet(self, PyFrameObject *frame) except -1:
        """Note a call of Python code."""
        cdef object code = PyFrame_GetCode(frame)
        cdef CodeThatRan *e = self.entry(<uintptr_t> <PyObject *> code)
        if not e.code:
            e.code = <uintptr_t> <PyObject *> code
            self.kept.append(code)  # so that no other object gets its address
            self.count += 1
            names = (<object> <PyObject *> frame).f_globals
            if self.wanted(names):
                self.codes.append((code, names))
                if code.co_names:
                    e.look = 1
                    count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 4) + bool(code.co_flags & 8)
                    self.arguments[id(code)] = code.co_varnames[:count]
            if 2 * self.count > self.room:
                look = e.look
                self.grow()
                if not look:
                    return 0
            elif not e.look:
                return 0
        elif not e.look:
            return 0
        found = (<object> <PyObject *> frame).f_locals
        for name in self.arguments[id(code)]:
            self.note(found.get(name))
        return 0

    cdef int note(self, object x) except -1:
        """Note an argument: objects of classes that are written in Python count, and such classes."""
        if type(x) is tuple:  # *args
            for v in <tuple> x:
                self.note(v)
            return 0
        counts = self.kinds.get(type(x))
        if counts is None:
            counts = isinstance(x, type) or (bool(type(x).__flags__ & Py_TPFLAGS_HEAPTYPE)
                                             and type(x).__module__.partition(".")[0] not in _APART)
            self.kinds[type(x)] = counts
        if counts:
            known = self.seen.get(id(x))
            if known is None or (type(known) is ref and known() is not x):  # another one may have lain there
                self.seen[id(x)] = ref(x) if type(x).__weakrefoffset__ else x
        return 0


cdef int called(PyObject *ran, PyFrameObject *frame, int what, PyObject *arg) except -1:
    """Handle an event of the interpreter: the profile function."""
    cdef Ran r = <Ran> ran
    if r.before.function != NULL and r.before.function(r.before.object, frame, what, arg) == -1:
        return -1
    if what == PyTrace_CALL:
        r.meet(frame)
    return 0
