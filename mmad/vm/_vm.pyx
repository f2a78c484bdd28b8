"""The virtual machine: programs and their execution.

Design
------
* A :class:`Program` is immutable and plain data: scalar instructions, groups, matrix products and calls, in steps.  All
  of it is checked when the program is made, wherever it comes from, so that running needs no checks.
* Every run has a :class:`Workspace` (slots of numbers, addresses of buffers, the arena they live in), taken from a pool,
  so threads may run one program at once, and after the first run nothing is allocated but the results.
* The interpreter's lock is released in long steps; Ctrl-C is looked for between their parts.
"""
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport INT32_MAX, INT64_MAX, int32_t, int64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

cimport numpy as cnp

from time import perf_counter

import numpy as np

from mmad.errors import ProgramError
from mmad.kernels._arrays cimport checksum
from mmad.kernels._machine cimport (ACCESS_INDEX, ACCESS_LINEAR, ACCESS_SCALAR, BASE_ACCESSES, BASE_ARENA,
                                    BASE_BUFFERS, BASE_CODE, BASE_MOVING, BASE_PRODUCTS, BASE_ROUTINES, BASE_SCRATCH,
                                    BASE_SLOTS, BASE_ZERO, LONGEST_PRODUCT, MM_F64, MM_SINGULAR, MM_THREADS,
                                    TOTAL_ADD, TOTAL_MINIMUM, VM_END, VM_GUARD, VM_LOAD, VM_SINCOS, VM_STORE,
                                    VM_TRUTH, Access, BlockOp, Group, Instr, KernelCall, Product, Routine, calls_run,
                                    combine, group_clear, group_run, group_run_parallel, group_scratch, keep_poles,
                                    kernel_of, product, routine, routine_failed, rows_at_once, scalars_prepare,
                                    scalars_run)
from mmad.kernels._pool cimport pool_enter, pool_exit
from mmad.ops._singularities cimport at_singularity, kinked
from mmad.tape._instructions cimport Op, scalar_arity, scalar_name
from mmad.tape._instructions import OPERATIONS

cnp.import_array()

cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyTypeObject:
        pass
    PyTypeObject PyArray_Type
    object PyArray_NewFromDescr(PyTypeObject *subtype, cnp.dtype descr, int nd, const cnp.npy_intp *dims,
                                const cnp.npy_intp *strides, void *data, int flags, PyObject *obj)
    int PyArray_SetBaseObject(cnp.ndarray arr, object obj) except -1
    bint PyArray_ISCARRAY_RO(cnp.ndarray arr) nogil

cdef enum:
    LONG = 8192        # steps of this much work release the interpreter's lock
    CHUNK = 4194304    # elements or instructions between two looks for Ctrl-C
    PARALLEL = 262144  # steps of this much work are divided between threads
    LARGE = 65536      # bytes from which results come from the pool
    ALIGNMENT = 64


cdef int _threads = 1


def set_num_threads(int n):
    """Let compiled functions use several threads in long elementwise loops.

    Parameters
    ----------
    n : int
        1 (as it is from the start) to 64.  The BLAS has its own setting for matrix products (``OPENBLAS_NUM_THREADS``,
        ``threadpoolctl``).

    Raises
    ------
    ValueError

    Examples
    --------
    >>> import mmad
    >>> mmad.set_num_threads(2)
    >>> mmad.get_num_threads()
    2
    >>> mmad.set_num_threads(1)
    """
    global _threads
    if not 1 <= n <= MM_THREADS:
        raise ValueError(f"the number of threads is 1 to {MM_THREADS}, not {n}")
    _threads = n


def get_num_threads():
    """Return how many threads compiled functions use; see :func:`set_num_threads`."""
    return _threads


cdef double zero = 0.0

DATA = ("code", "groups", "accesses", "ops", "steps", "products", "routines", "buffers")  # arrays of C structures
LISTS = ("tables", "calls", "constants", "inputs", "results")

cdef tuple ROUTINES = ("lu", "cholesky", "inverse", "det", "slogdet", "solve", "solve transposed", "solve lower",
                       "solve lower transposed", "cofactor")
cdef tuple ACTIONS = ("set", "add", "maximum", "minimum", "total", "largest", "smallest", "direct")


cdef class Workspace:
    """What one run writes to."""

    def __cinit__(self, Machine p):
        cdef int32_t k
        self.slots = <double *> malloc((p.n_slots + 2) * sizeof(double))
        self.at = <char **> calloc(p.n_buffers + 1, sizeof(char *))
        self.base = <char **> calloc(BASE_MOVING + p.n_moving, sizeof(char *))
        self.threads = _threads
        self.memory = <char *> malloc(p.arena + p.scratch * self.threads + 2 * ALIGNMENT)
        if self.slots == NULL or self.at == NULL or self.base == NULL or self.memory == NULL:
            raise MemoryError("no memory to run the program")
        self.arena = <char *> ((<uintptr_t> self.memory + ALIGNMENT - 1) & ~<uintptr_t> (ALIGNMENT - 1))
        memcpy(self.slots, p.template, (p.n_slots + 2) * sizeof(double))
        for k in range(p.n_buffers):
            if p.buffers[k].home == HOME_ARENA:
                self.at[k] = self.arena + p.scratch * self.threads + p.buffers[k].offset
        self.base[BASE_SCRATCH], self.base[BASE_ARENA] = self.arena, self.arena + p.scratch * self.threads
        self.base[BASE_SLOTS], self.base[BASE_BUFFERS] = <char *> self.slots, <char *> self.at
        self.base[BASE_ACCESSES], self.base[BASE_PRODUCTS] = <char *> p.accesses, <char *> p.products
        self.base[BASE_ROUTINES] = <char *> p.routines
        self.base[BASE_CODE], self.base[BASE_ZERO] = <char *> p.code, <char *> &zero
        self.objects = [None] * p.n_objects
        self.results = []

    def __dealloc__(self):
        free(self.slots)
        free(self.at)
        free(self.base)
        free(self.memory)


cdef inline int64_t index_of(const Instr *p) noexcept:
    """Return the element that a load or store is of."""
    return (<int64_t> p.c << 32) | <int64_t> <unsigned int> p.b


cdef class Machine:
    """A compiled tape.

    Made by :func:`mmad.vm._make.make_machine`, which checks it; it never changes, and threads may share it.

    Parameters
    ----------
    parts : dict
        As :func:`mmad.compiler.assemble` gives it, or a file.
    """

    def __cinit__(self, dict parts):
        self.code = <Instr *> taken(parts, "code", sizeof(Instr), &self.n_code)
        self.groups = <Group *> taken(parts, "groups", sizeof(Group), &self.n_groups)
        self.accesses = <Access *> taken(parts, "accesses", sizeof(Access), &self.n_accesses)
        self.ops = <BlockOp *> taken(parts, "ops", sizeof(BlockOp), &self.n_ops)
        self.steps = <Step *> taken(parts, "steps", sizeof(Step), &self.n_steps)
        self.products = <Product *> taken(parts, "products", sizeof(Product), &self.n_products)
        self.routines = <Routine *> taken(parts, "routines", sizeof(Routine), &self.n_routines)
        self.buffers = <Buffer *> taken(parts, "buffers", sizeof(Buffer), &self.n_buffers)
        template = np.ascontiguousarray(parts["template"], dtype=np.float64)
        self.n_slots = template.size
        self.template = <double *> malloc((self.n_slots + 2) * sizeof(double))
        if self.template == NULL:
            raise MemoryError("no memory for the program")
        memcpy(self.template, cnp.PyArray_DATA(template), self.n_slots * sizeof(double))
        self.template[self.n_slots], self.template[self.n_slots + 1] = 1.0, -0.0
        self.arena = parts["arena"]
        self.constants, self.tables, self.watched = parts["constants"], parts["tables"], parts["watched"]
        self.calls, self.input_specs, self.result_specs = parts["calls"], parts["inputs"], parts["results"]
        self.parts = parts
        self.pool = []

    def __init__(self, parts):
        raise TypeError("programs are made by mmad.vm._make.make_machine, which checks them")

    def __dealloc__(self):
        free(self.code)
        free(self.groups)
        free(self.accesses)
        free(self.ops)
        free(self.steps)
        free(self.products)
        free(self.routines)
        free(self.buffers)
        free(self.template)
        free(self.input_places)
        free(self.result_places)
        free(self.stream)
        free(self.plan)
        free(self.place)
        free(self.moving)
        free(self.constant)

    cdef int prepare(self) except -1:
        """Put addresses for numbers, now that all are known to be right; and what is faster for what was given."""
        cdef Group *g
        cdef Access *x
        cdef int32_t k, at = 0, op = 0
        cdef int i
        cdef size_t need
        scalars_prepare(self.code, self.n_code, self.n_slots, self.n_slots + 1)
        self.scratch = 0
        for k in range(self.n_groups):
            g = self.groups + k
            g.load, g.store, g.op = self.accesses + at, self.accesses + at + g.loads, self.ops + op
            at += g.loads + g.stores
            op += g.ops
            for i in range(g.ops):
                g.op[i].kernel = kernel_of(g.type, g.op[i].op, g.op[i].variant)
            need = group_scratch(g)
            self.scratch = max(self.scratch, <int64_t> need)
        self.scratch = (self.scratch + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT
        for k in range(self.n_accesses):
            x = self.accesses + k
            if x.mode == ACCESS_INDEX:
                x.table = <const int64_t *> cnp.PyArray_DATA(<cnp.ndarray> self.tables[<uintptr_t> x.table - 1])
        self.input_places = self.places(self.input_specs)
        self.result_places = self.places(self.result_specs)
        self.n_objects = sum([self.buffers[k].home == HOME_OBJECT for k in range(self.n_buffers)])
        constants = [k for k in range(self.n_buffers) if self.buffers[k].home == HOME_CONSTANT]
        self.n_constant = <int32_t> len(constants)
        self.constant = <int32_t *> malloc((self.n_constant + 1) * sizeof(int32_t))
        if self.constant == NULL:
            raise MemoryError("no memory for the program")
        for k in range(self.n_constant):
            self.constant[k] = constants[k]
        self.n_own = sum([self.result_places[k].kind == 1 for k in range(len(self.result_specs))])
        self.size = 0
        for k in range(self.n_steps):
            self.size += <int32_t> min(self.steps[k].work, <int64_t> INT32_MAX // 2) if self.steps[k].kind == STEP_SCALARS \
                else self.groups[self.steps[k].index].ops + 1 if self.steps[k].kind == STEP_GROUP else 1
        return 0

    cdef Port *places(self, list specs) except NULL:
        cdef Port *out = <Port *> malloc((len(specs) + 1) * sizeof(Port))
        cdef int i
        if out == NULL:
            raise MemoryError("no memory for the program")
        for i in range(len(specs)):
            out[i].kind, out[i].index = -1, -1
            if specs[i] is not None:
                out[i].kind = {"slot": 0, "buffer": 1, "own": 1, "object": 2, "copy": 3}[specs[i][0]]
                out[i].index = specs[i][1]
        return out

    def __len__(self):
        return self.size

    @property
    def nbytes(self):
        """Bytes of the program, without the arrays that it captured, and of one workspace."""
        return (self.n_code * sizeof(Instr) + self.n_groups * sizeof(Group) + self.n_accesses * sizeof(Access)
                + self.n_ops * sizeof(BlockOp) + self.n_calls * sizeof(KernelCall)
                + self.n_steps * sizeof(Step) + self.n_slots * 2 * sizeof(double)
                + self.workspace)

    @property
    def workspace(self):
        """Bytes that one run needs besides inputs, results and what calls give."""
        return self.arena + self.scratch

    def report(self):
        """Return what the compiler noted: (pass, instructions after it, seconds), in order."""
        return self.parts.get("report", [])

    def interface(self):
        """Return where inputs come in and results go out."""
        return self.input_specs, self.result_specs

    def step_list(self):
        """Return the steps as plain records, for printing and for estimating their cost.

        Returns
        -------
        list of tuple
            ``("scalars", [(name, result, operands)])``, ``("group", elements, block, scratch, loads, operations, stores)``,
            ``("matmul", count, m, k, n, places)``, ``("routine", name, count, n, k, places, work)`` or
            ``("call", name, operands, result)``.
        """
        return [self.step_record(self.steps + k) for k in range(self.n_steps)]

    cdef tuple step_record(self, const Step *s):
        cdef Group *g
        cdef Product *q
        cdef Routine *r
        cdef BlockOp *o
        cdef int i, arity
        cdef list ops = []
        if s.kind == STEP_SCALARS:
            return "scalars", self.instruction_list(s.index)
        if s.kind == STEP_GROUP:
            g = self.groups + s.index
            for i in range(g.ops):
                o = g.op + i
                arity = scalar_arity(o.op)
                ops.append((scalar_name(o.op).decode(), o.r, (o.a, o.b, o.c)[:arity]))
            return ("group", g.size, g.block, g.scratch, "f8" if g.type == MM_F64 else "f4",
                    [access_record(g.load + i) for i in range(g.loads)], ops,
                    [access_record(g.store + i) for i in range(g.stores)])
        if s.kind == STEP_MATMUL:
            q = self.products + s.index
            return "matmul", q.count, q.m, q.k, q.n, (q.a, q.b, q.c)
        if s.kind == STEP_ROUTINE:
            r = self.routines + s.index
            return "routine", ROUTINES[r.what], r.count, r.n, r.k, (r.a, r.b, r.c), s.work
        op, operands, _, what = self.calls[s.index]
        return "call", "guard" if op is None else op.name, operands, what

    cdef list instruction_list(self, int32_t at):
        cdef bytes code = self.parts["code"]  # as it was given
        cdef const Instr *p = <const Instr *> <char *> code + at
        cdef list out = []
        while p.op != VM_END:
            if p.op == VM_LOAD:
                out.append(("load", f"%{p.r}", (f"buffer {p.a}", f"[{index_of(p)}]")))
            elif p.op == VM_STORE:
                out.append(("store", f"buffer {p.r} [{index_of(p)}]", (f"%{p.a}",)))
            elif p.op == VM_SINCOS:
                out.append(("sincos", f"%{p.r}, %{p.c}", (f"%{p.a}",)))
            elif p.op == VM_GUARD:
                out.append(("guard", None, (f"%{p.a}", repr(self.template[p.b]))))
            else:
                operands = (p.a, p.b, p.c)[:scalar_arity(p.op)]
                out.append((scalar_name(p.op).decode(), f"%{p.r}", tuple([f"%{j}" for j in operands])))
            p += 1
        return out

    def buffer_list(self):
        """Return the buffers as (bytes, home, offset in the arena)."""
        names = ("arena", "input", "constant", "result", "object")
        return [(self.buffers[k].bytes, names[self.buffers[k].home], self.buffers[k].offset) for k in range(self.n_buffers)]

    def description(self):
        """Return everything that a file has to hold; captured arrays as they are now.

        Raises
        ------
        ProgramError
            An operation is the user's own.
        """
        calls = []
        for op, operands, params, what in self.calls:
            if op is not None and OPERATIONS.get(op.name) is not op:
                raise ProgramError(f"a program that calls {op.name}, an operation of the user's own, cannot be saved")
            calls.append((None if op is None else op.name, operands, params, what))
        out = {name: self.parts[name] for name in DATA}
        out.update(arena=self.arena, template=self.parts["template"], tables=self.tables, calls=calls,
                   constants=[np.array(c, order="C") for c in self.constants], inputs=self.input_specs,
                   results=self.result_specs)
        return out

    # ------------------------------------------------------------------------------------ running
    def run(self, list values):
        """Run at inputs of the recorded shapes and dtypes.

        Parameters
        ----------
        values : list
            float or C-contiguous ndarray for each input; arrays are read, never written to.

        Returns
        -------
        list or tuple
            A float or ndarray for each traced result (None where a result is constant); a tuple, the guard's number and
            what it saw, if one fails.
        """
        cdef Workspace w
        cdef object out
        if not self.ready:
            raise ProgramError("the program has not been checked")
        if self.watched:
            changed = changes(self.watched)
            if changed is not None:
                return -1, changed
        w = self.pool.pop() if self.pool else None
        if w is None or w.threads != _threads:
            w = Workspace.__new__(Workspace, self)
        self.enter(w, values)
        out = self.execute(w)
        if out is None:
            out = self.leave(w)
        else:
            w.results = []
        if len(self.pool) < 8:
            self.pool.append(w)
        return out

    cdef int enter(self, Workspace w, list values) except -1:
        """Set addresses and numbers of inputs, constants and results."""
        cdef int i
        cdef int32_t k
        cdef cnp.ndarray arr
        cdef Port *p
        cdef tuple spec
        if len(values) != len(self.input_specs):
            raise ValueError(f"the program takes {len(self.input_specs)} values, not {len(values)}")
        for i in range(len(values)):
            p = self.input_places + i
            if p.kind == 0:
                w.slots[p.index] = values[i]
            elif p.kind == 1:
                arr = values[i]
                w.at[p.index] = <char *> cnp.PyArray_DATA(arr)
        for i in range(self.n_constant):
            k = self.constant[i]
            arr = self.constants[self.buffers[k].index]
            if not PyArray_ISCARRAY_RO(arr):
                arr = np.array(arr, order="C")
                w.results.append(arr)
            w.at[k] = <char *> cnp.PyArray_DATA(arr)
        for i in range(len(self.result_specs)):
            p = self.result_places + i
            if p.kind == 1:
                spec = self.result_specs[i]
                arr = self.fresh(spec[2], spec[3], self.buffers[p.index].bytes)
                w.at[p.index] = <char *> cnp.PyArray_DATA(arr)
                w.results.append(arr)
        return 0

    cdef cnp.ndarray fresh(self, tuple shape, object dtype, int64_t nbytes):
        """Return a new array; a large one from the pool of memory that has been used before."""
        if nbytes < LARGE and len(shape) <= 8:
            return small(shape, dtype)
        pool = pool_enter()
        try:
            return np.empty(shape, dtype)
        finally:
            pool_exit(pool)

    cdef list leave(self, Workspace w):
        """Return the results, and leave nothing of them behind."""
        cdef list out = []
        cdef int i, own = 0
        cdef Port *p
        cdef tuple spec
        cdef list fresh = w.results
        for i in range(len(self.result_specs)):
            p = self.result_places + i
            if p.kind < 0:
                out.append(None)
            elif p.kind == 0:
                out.append(w.slots[p.index])
            elif p.kind == 1:
                out.append(fresh[len(fresh) - self.n_own + own])
                own += 1
            else:
                spec = self.result_specs[i]
                if p.kind == 2:
                    out.append(w.objects[self.buffers[p.index].index])
                else:
                    out.append(np.array(self.view(w, spec[1], spec[2], spec[3], spec[4], spec[5])))
        w.results = []
        for i in range(self.n_objects):
            w.objects[i] = None
        return out

    cdef object execute(self, Workspace w):
        """Run every step; return None, or the number of a guard that does not hold and what it sees."""
        cdef int32_t k
        cdef object found
        for k in range(self.n_moving):
            w.base[BASE_MOVING + k] = w.at[self.moving[k]]
        for k in range(self.n_plan):
            if self.plan[k].step < 0:
                self.calls_of(w, self.plan + k)
            else:
                found = self.step(w, self.steps + self.plan[k].step)
                if found is not None:
                    return found
        return None

    cdef int calls_of(self, Workspace w, const Stretch *q) except -1:
        """Run a stretch of the stream."""
        if q.work < LONG:
            calls_run(self.stream + q.start, self.stream + q.stop, w.base)
        else:
            with nogil:
                calls_run(self.stream + q.start, self.stream + q.stop, w.base)
            PyErr_CheckSignals()
        if self.n_routines:
            failed()
        return 0

    def profile(self, list values):
        """Run once, step by step, with the seconds that every one took, in the order of :meth:`step_list`."""
        cdef Workspace w
        cdef int32_t k
        cdef list out = []
        if not self.ready:
            raise ProgramError("the program has not been checked")
        w = Workspace.__new__(Workspace, self)
        self.enter(w, values)
        for k in range(self.n_steps):
            start = perf_counter()
            if self.step(w, self.steps + k) is not None:
                break
            out.append(perf_counter() - start)
        return out

    cdef object step(self, Workspace w, const Step *s):
        cdef const Instr *broken
        cdef Routine *r
        if s.kind == STEP_SCALARS:
            if s.work < LONG:
                broken = scalars_run(self.code + s.index, w.slots, w.at)
            else:
                with nogil:
                    broken = scalars_run(self.code + s.index, w.slots, w.at)
                PyErr_CheckSignals()
            if broken != NULL:
                v = w.slots[broken.a]
                return broken.c, (v != 0) if broken.flags & VM_TRUTH else v if v == v else "nan"
        elif s.kind == STEP_GROUP:
            self.group(w, self.groups + s.index, s.work)
        elif s.kind == STEP_MATMUL:
            self.multiply(w, self.products + s.index, s.work)
        elif s.kind == STEP_ROUTINE:
            r = self.routines + s.index
            with nogil:
                routine(r, <double *> w.at[r.a], <double *> w.at[r.b], <double *> w.at[r.c])
            PyErr_CheckSignals()
            failed()
        else:
            return self.call(w, <tuple> self.calls[s.index])
        return None

    cdef int multiply(self, Workspace w, const Product *q, int64_t work) except -1:
        """Compute products of matrices; long ones some rows at a time, so that Ctrl-C ends them."""
        cdef double *c = <double *> w.at[q.c]
        cdef Product part = q[0]
        cdef int64_t i, j, rows
        if work < LONG:
            product(q, <double *> w.at[q.a], <double *> w.at[q.b], c)
            return 0
        if work <= LONGEST_PRODUCT:
            with nogil:
                product(q, <double *> w.at[q.a], <double *> w.at[q.b], c)
            PyErr_CheckSignals()
            return 0
        rows = rows_at_once(q.n * q.k)
        part.count = 1
        for i in range(q.count):
            for j in range(0, q.m, rows):
                part.m = min(rows, q.m - j)
                part.a_offset, part.b_offset = q.a_offset + i * q.a_step + j * q.a_row, q.b_offset + i * q.b_step
                with nogil:
                    product(&part, <double *> w.at[q.a], <double *> w.at[q.b], c + (i * q.m + j) * q.n)
                PyErr_CheckSignals()
        return 0

    cdef int group(self, Workspace w, const Group *g, int64_t work) except -1:
        cdef double totals[64]
        cdef double part[64]
        cdef int64_t lo, hi
        cdef int i
        cdef int done = 0
        if work < LONG:
            group_clear(g, w.at)
            group_run(g, w.at, w.slots, w.arena, 0, g.size, 0, INT64_MAX, totals)
        else:
            if w.threads > 1 and work >= PARALLEL and g.size <= CHUNK * <int64_t> w.threads:
                with nogil:
                    group_clear(g, w.at)
                    done = group_run_parallel(g, w.at, w.slots, w.arena, self.scratch, w.threads, totals)
            if not done:
                hi = min(g.size, <int64_t> CHUNK // g.block * g.block)
                with nogil:
                    group_clear(g, w.at)
                    group_run(g, w.at, w.slots, w.arena, 0, hi, 0, INT64_MAX if hi == g.size else 1, totals)
                while hi < g.size:
                    PyErr_CheckSignals()
                    lo, hi = hi, min(g.size, hi + <int64_t> CHUNK // g.block * g.block)
                    with nogil:
                        group_run(g, w.at, w.slots, w.arena, lo, hi, INT64_MAX,
                                  1 if hi < g.size else INT64_MAX - 1, part)
                    for i in range(g.stores):
                        if TOTAL_ADD <= g.store[i].action <= TOTAL_MINIMUM:
                            totals[i] = combine(g.store[i].action, totals[i], part[i])
            PyErr_CheckSignals()
        for i in range(g.stores):
            if TOTAL_ADD <= g.store[i].action <= TOTAL_MINIMUM:
                w.slots[g.store[i].buffer] = totals[i]
        return 0

    # ------------------------------------------------------------------------------------ calls
    cdef object view(self, Workspace w, int32_t b, object offset, tuple shape, object strides, object dtype):
        """Return an array of a buffer's elements, read-only."""
        cdef cnp.npy_intp dims[64]
        cdef cnp.npy_intp steps[64]
        cdef int nd = len(shape), k
        cdef cnp.dtype descr = dtype
        cdef Py_ssize_t size = descr.itemsize
        cdef cnp.ndarray r
        if strides is None:  # a table of positions
            flat = self.view(w, b, 0, (self.buffers[b].bytes // size,), (1,), dtype)
            return flat[self.tables[offset]].reshape(shape)
        for k in range(nd):
            dims[k], steps[k] = shape[k], <Py_ssize_t> strides[k] * size
        Py_INCREF(descr)
        r = PyArray_NewFromDescr(&PyArray_Type, descr, nd, dims, steps, w.at[b] + <Py_ssize_t> offset * size, 0, NULL)
        Py_INCREF(w)
        PyArray_SetBaseObject(r, w)
        return r

    cdef object operand(self, Workspace w, tuple spec, bint own):
        if spec[0] == "value":
            return spec[1]
        if spec[0] == "slot":
            v = w.slots[<int32_t> spec[1]]
            return v if spec[2] == 1 else np.float64(v) if spec[2] == 2 else v != 0
        r = self.view(w, spec[1], spec[2], spec[3], spec[4], spec[5])
        return np.array(r) if own else r

    cdef object call(self, Workspace w, tuple call):
        """Run one call; return None, or a guard that fails and what it sees."""
        cdef Op op = call[0]
        cdef tuple what = call[3]
        cdef dict params = call[2]
        cdef bint own
        cdef cnp.ndarray arr
        cdef int32_t b
        cdef int64_t nbytes
        if what[0] == "guard":
            return failed_guard(self.operand(w, call[1][0], False), what[1], what[2])
        own = OPERATIONS.get(op.name) is not op  # the user's own: it may keep what it is given
        operands = tuple([self.operand(w, spec, own) for spec in call[1]])
        keep_poles(not kinked(op.opcode) and at_singularity(op, operands))  # NumPy clears the processor's flags
        with np.errstate(all="ignore"):
            r = op.impl(*operands, **params)
        if what[0] == "slot":
            w.slots[<int32_t> what[1]] = r
            return None
        b = what[1]
        if what[0] == "buffer":
            arr = np.ascontiguousarray(r, dtype=what[3])
        else:
            arr = np.array(r, order="C") if not isinstance(r, cnp.ndarray) or not PyArray_ISCARRAY_RO(r) \
                or cnp.PyArray_BASE(<cnp.ndarray> r) != NULL or own else r
        if (<object> arr).shape != what[2] or arr.dtype != what[3]:
            raise TypeError(f"{op.name} gave an array of shape {(<object> arr).shape} and dtype {arr.dtype}; when it was "
                            f"recorded it gave {what[2]} and {what[3]}")
        if what[0] == "buffer":
            nbytes = self.buffers[b].bytes
            memcpy(w.at[b], cnp.PyArray_DATA(arr), nbytes)
        else:
            w.objects[self.buffers[b].index] = arr
            w.at[b] = <char *> cnp.PyArray_DATA(arr)
            if self.place[b]:
                w.base[self.place[b]] = w.at[b]
        return None


cdef int failed() except -1:
    """Raise LinAlgError if a routine of this thread has failed, as NumPy's does."""
    cdef int why = routine_failed()
    if why:
        raise np.linalg.LinAlgError("Singular matrix" if why == MM_SINGULAR else "Matrix is not positive definite")
    return 0


cdef tuple access_record(const Access *x):
    """Return a load or store as (register, action, place)."""
    if x.mode == ACCESS_SCALAR or TOTAL_ADD <= x.action <= TOTAL_MINIMUM:
        return x.reg, ACTIONS[x.action], f"%{x.buffer}"
    if x.mode == ACCESS_INDEX:
        return x.reg, ACTIONS[x.action], f"buffer {x.buffer} by table"
    if x.mode == ACCESS_LINEAR:
        return x.reg, ACTIONS[x.action], f"buffer {x.buffer} [{x.offset}:]"
    axes = " ".join([f"{x.shape[i]}*{x.strides[i]}" for i in range(x.rank)])
    return x.reg, ACTIONS[x.action], f"buffer {x.buffer} [{x.offset} + {axes}]"


cdef cnp.ndarray small(tuple shape, cnp.dtype descr):
    """Return an array of up to eight axes, with nothing in it yet."""
    cdef cnp.npy_intp dims[8]
    cdef int k
    for k in range(len(shape)):
        dims[k] = shape[k]
    Py_INCREF(descr)
    return PyArray_NewFromDescr(&PyArray_Type, descr, <int> len(shape), dims, NULL, NULL, 0, NULL)


cdef object failed_guard(object now, object seen, int number):
    """Return None if a guard on an array holds, else its number and what it sees."""
    if isinstance(seen, cnp.ndarray):
        if np.array_equal(now, seen, equal_nan=seen.dtype.kind in "fc"):
            return None
        return number, np.ascontiguousarray(now).tobytes()
    value = bool(now) if isinstance(seen, bool) else now.item()
    return None if value == seen else (number, value)


cdef object changes(list watched):
    """Return None if the index arrays that tables were made from are what they were, else their checksums."""
    now = tuple([checksum(index) for index, _ in watched])
    return None if all([a == b for a, (_, b) in zip(now, watched)]) else now


cdef void *taken(dict parts, str name, Py_ssize_t item, int32_t *count) except? NULL:
    """Return a copy of a part; its number of items goes to `count`."""
    cdef bytes data = parts[name]
    cdef void *out
    if len(data) % item:
        raise ProgramError(f"the program's {name} are cut off: {len(data)} bytes are no multiple of {item}")
    out = malloc(len(data) + 1)
    if out == NULL:
        raise MemoryError("no memory for the program")
    memcpy(out, <char *> data, len(data))
    count[0] = <int32_t> (len(data) // item)
    return out
