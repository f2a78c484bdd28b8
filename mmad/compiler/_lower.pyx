"""From a recorded tape to the compiler's graph.

1. Instructions that neither a result nor a guard needs are left out.
2. Elementwise operations on float64, float32 and truth values become single instructions; every operand is an
   instruction.
3. Views become windows; what moves elements into a new array (sums, embeds, scatters, joins, extrema) becomes `collect`:
   each operand through a map, set, added, or the larger taken.
4. `max_weights` and its like are written in terms of comparisons and sums.
5. What has no instruction becomes a call of its NumPy implementation.

Kept: the value of every result, and what every guard looks at.  Captured arrays stay references, read at every run.
"""
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

cimport numpy as cnp

import numpy as np

from mmad.compiler._graph cimport (ADD, MAXIMUM, MINIMUM, MM_BOOL, MM_F32, MM_F64, MM_I64, MM_RANK, NODE_SINGLE, P_CALL,
                                   P_COLLECT, P_CONSTANT, P_GUARD, P_INPUT, P_MATMUL, P_PUT, P_ROUTINE, P_WINDOW,
                                   SET, TYPE_OTHER, Graph, Map, Payload, Shared, code_of, new_map_of, new_payload, size_of,
                                   strides_of)
from mmad.kernels._arrays cimport checksum, taken_shape
from mmad.kernels._machine cimport (MM_CHOLESKY, MM_COFACTOR, MM_DET, MM_INVERSE, MM_LOWER, MM_LOWER_TRANSPOSED,
                                    MM_LU, MM_SLOGDET, MM_SOLVE, MM_SOLVE_TRANSPOSED)
from mmad.tape._instructions cimport (KIND_ELEMENTWISE, KIND_PUT, KIND_PUT_INDEX, KIND_WINDOW, NODE_ARRAY, NODE_BOOL,
                                      NODE_STRONG, OP_CONST, OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_LOAD, OP_REC,
                                      OP_STORE, Node, Op, Rec, SC_divide, SC_multiply, SC_positive, SC_tied,
                                      operands_of)
from mmad.tape._tape cimport Tape

cnp.import_array()


cdef extern from "_vm.h" nogil:
    enum:
        MM_SMALL


cdef extern from "_node.h" nogil:
    enum:
        SC_equal, SC_isnan, SC_logical_and, SC_logical_not, SC_logical_or, SC_logical_xor, SC_rint, SC_trunc

cdef object F64 = np.dtype(np.float64)
cdef object F32 = np.dtype(np.float32)
cdef object BOOL = np.dtype(np.bool_)
cdef object I64 = np.dtype(np.int64)
cdef object I32 = np.dtype(np.int32)

cdef enum:
    RECENT = 64

cdef enum:
    W_EMBED = 1
    W_SUM = 2
    W_MAXIMUM = 3
    W_MINIMUM = 4
    W_MAX_WEIGHTS = 5
    W_MIN_WEIGHTS = 6
    W_CONCATENATE = 7
    W_GATHER = 8
    W_SCATTER = 9
    W_MATMUL = 10
    W_ROUTINE = 11
    W_ROUND = 12

# What has instructions of its own, by name.
cdef dict _WAYS = {"embed": W_EMBED, "sum": W_SUM, "max": W_MAXIMUM, "min": W_MINIMUM, "max_weights": W_MAX_WEIGHTS,
                   "min_weights": W_MIN_WEIGHTS, "concatenate": W_CONCATENATE, "gather": W_GATHER,
                   "scatter_add": W_SCATTER, "matmul": W_MATMUL, "sum_of_squares": W_MATMUL,
                   "round": W_ROUND, "solve": W_ROUTINE, "inv": W_ROUTINE, "det": W_ROUTINE,
                   "slogdet": W_ROUTINE, "cholesky": W_ROUTINE, "cofactor": W_ROUTINE}

# The instruction for an operation that is not in the scalar table: on real numbers it is the identity, on truth values logic.
cdef dict _SAME = {"stop_gradient": SC_positive, "astype": SC_positive, "conjugate": SC_positive, "real": SC_positive}
cdef dict _LOGIC = {"bitwise_and": SC_logical_and, "bitwise_or": SC_logical_or, "bitwise_xor": SC_logical_xor,
                    "invert": SC_logical_not}

# The routine of the machine for what is computed from one matrix.
cdef dict _ROUTINES = {"inv": MM_INVERSE, "det": MM_DET, "slogdet": MM_SLOGDET, "cholesky": MM_CHOLESKY,
                       "cofactor": MM_COFACTOR}


cdef inline bint is_known(object dtype):
    return dtype is F64 or dtype is F32 or dtype is BOOL or dtype == F64 or dtype == F32 or dtype == BOOL


cdef inline bint is_memory(object dtype):
    """Return whether the machine reads and writes memory of this dtype."""
    return is_known(dtype) or dtype == I64 or dtype == I32


cdef inline bint is_real(object dtype):
    return dtype is F64 or dtype is F32 or dtype == F64 or dtype == F32


def lower(Tape tape):
    """Return the graph of a tape.

    Parameters
    ----------
    tape : mmad.Tape
        Recorded with guards; it is not kept.

    Returns
    -------
    Graph
    """
    cdef Lowering w = Lowering(tape)
    w.mark(tape.outputs, True)
    return w.run(tape.inputs, tape.outputs)


def lower_between(Tape tape, list inputs, list outputs, bint for_dependence=False):
    """Return the part of a tape that leads to some instructions, without guards; its inputs are any instructions.

    Parameters
    ----------
    tape : Tape
        Guarded or not; it may still be open.
    inputs, outputs : list of int
        Instructions; -1 for a value that is not on the tape.
    for_dependence : bool
        Keep `stop_gradient`, which is otherwise the identity: whoever asks what depends on what tells them apart.

    Returns
    -------
    Graph
    """
    cdef Lowering w = Lowering(tape)
    w.stops = for_dependence
    w.mark(outputs, False)
    return w.run(inputs, outputs)


cdef class Lowering:
    cdef Tape tape
    cdef Graph g
    cdef bint stops     # `stop_gradient` is a call
    cdef int32_t *to
    cdef uint8_t *live
    cdef dict captured  # array by identity -> instruction
    cdef dict maps      # parameters of a window by identity -> map
    cdef PyObject *shape[RECENT]  # shapes, dtypes and types of recent results
    cdef PyObject *dtype[RECENT]
    cdef int32_t[RECENT] type

    def __cinit__(self, Tape tape):
        self.captured, self.maps = {}, {}
        self.tape, self.g = tape, Graph.__new__(Graph)
        self.live = <uint8_t *> calloc(tape.n + 1, 1)
        self.to = <int32_t *> malloc((tape.n + 1) * sizeof(int32_t))
        if self.live == NULL or self.to == NULL:
            raise MemoryError("no memory to compile the trace")

    def __dealloc__(self):
        free(self.live)
        free(self.to)

    cdef Graph run(self, list inputs, list outputs):
        cdef Tape tape = self.tape
        cdef int32_t k
        cdef Node *p
        for k in range(tape.n):
            self.to[k] = -1
            if not self.live[k]:
                continue
            p = tape.nodes + k
            if p.op == SC_tied:
                self.to[k] = self.to[p.a]
            elif p.op >= OP_FIRST_SCALAR:
                self.to[k] = self.g.push(p.op, p.flags & (NODE_BOOL | NODE_STRONG), self.to[p.a],
                                         self.to[p.b] if p.b >= 0 else -1, self.to[p.c] if p.c >= 0 else -1, 0.0, 0)
            else:
                self.to[k] = self.other(k)
        self.g.inputs = [self.to[k] if k >= 0 and self.live[k] else -1 for k in inputs]
        self.g.outputs = [-1 if k < 0 else self.to[k] for k in outputs]
        return self.g

    cdef int mark(self, list outputs, bint guards) except -1:
        """Mark what the results, and if wanted the guards, need."""
        cdef Tape tape = self.tape
        cdef uint8_t *live = self.live
        cdef const int32_t *operand
        cdef int32_t k, i, n
        cdef Node *p
        cdef bint tied
        for k in outputs:
            if k >= 0:
                live[k] = 1
        for k in range(tape.n - 1, -1, -1):
            p = tape.nodes + k
            if p.op == OP_GUARD and guards:
                live[k] = 1
            if not live[k]:
                continue
            operand = operands_of(tape, k, &n)
            tied = p.op == SC_tied or p.op == OP_REC and (<Rec> tape.recs[p.a]).op.opcode == SC_tied
            for i in range(1 if tied else n):
                if operand[i] >= 0:
                    live[operand[i]] = 1
        return 0

    cdef int32_t other(self, int32_t k) except -1:
        """Append anything but a scalar operation."""
        cdef Tape tape = self.tape
        cdef Graph g = self.g
        cdef Node *p = tape.nodes + k
        cdef Rec rec
        cdef int flags = p.flags & (NODE_ARRAY | NODE_BOOL | NODE_STRONG)
        if p.op == OP_CONST and not flags & NODE_ARRAY:
            return g.constant(p.v)
        if p.op == OP_INPUT and not flags & NODE_ARRAY:
            if k not in tape.inputs:
                return g.constant(p.v)  # an input of a transpose recorded inside: it never changes
            return g.push(OP_INPUT, flags, -1, -1, -1, 0.0, 0)
        if p.op == OP_LOAD:
            return g.push(OP_LOAD, 0, self.to[p.a], p.b, p.c, 0.0, 0)
        if p.op == OP_STORE:
            return g.push(OP_STORE, NODE_ARRAY, self.to[p.a], self.to[p.b], -1, p.v, g.type[self.to[p.a]])
        if p.op == OP_GUARD:
            return self.guard(p)
        rec = <Rec> tape.recs[p.a]
        if p.op == OP_INPUT and k in tape.inputs:
            return g.push_payload(OP_INPUT, flags, g.shared.keep(new_payload(P_INPUT, None, (), None)), NULL, 0,
                                  g.type_of(rec.shape, rec.dtype))
        if p.op == OP_INPUT or p.op == OP_CONST:
            return self.array_constant(rec.out, flags)
        return self.record(rec, flags)

    cdef int32_t guard(self, const Node *p) except -1:
        cdef Payload w
        cdef int32_t a = self.to[p.a]
        if p.c < 0 and not self.tape.nodes[p.a].flags & NODE_ARRAY:
            return self.g.push(OP_GUARD, p.flags & NODE_BOOL, a, -1, -1, p.v, 0)
        w = new_payload(P_GUARD, None, (), None)
        if p.c >= 0:
            w.value = (<Rec> self.tape.recs[p.c]).out
        else:
            w.value = bool(p.v) if p.flags & NODE_BOOL else p.v
        return self.g.push_payload(OP_GUARD, 0, self.g.shared.keep(w), &a, 1, 0)

    cdef int32_t array_constant(self, object value, int flags) except -1:
        """Append a captured array; a view of a contiguous array becomes a window of that array, so that nothing is copied."""
        cdef Payload w
        cdef Map m
        cdef int32_t k
        base = value
        while not base.flags.c_contiguous and isinstance(base.base, cnp.ndarray):
            base = base.base
        m = map_of(value, base) if base is not value and base.flags.c_contiguous else None
        if m is None:
            base = value
        found = self.captured.get(id(base))
        if found is None:
            w = new_payload(P_CONSTANT, None, (), None)
            w.value = base
            found = self.g.push_payload(OP_CONST, flags | NODE_ARRAY, self.g.shared.keep(w), NULL, 0,
                                        self.g.type_of(base.shape, base.dtype))
            self.captured[id(base)] = found
        k = found
        return k if m is None else self.g.window(k, m, flags | NODE_ARRAY, self.g.type_of(value.shape, value.dtype))

    cdef int32_t operand(self, Rec rec, int i) except -1:
        """Return operand i of an elementwise operation as an instruction."""
        cdef int32_t j = rec.at[i]
        if j >= 0:
            return self.to[j]
        v = rec.vals[i]
        if isinstance(v, cnp.ndarray):
            return self.array_constant(v, NODE_BOOL if (<object> v).dtype.kind in "biu" else 0)
        return self.g.constant(float(v))

    cdef int32_t number(self, Rec rec, int i) except -1:
        """Return operand i of an elementwise operation on numbers, which may be an array of one element."""
        cdef int32_t k = self.operand(rec, i)
        return self.element(k) if self.g.nodes[k].flags & NODE_ARRAY else k

    cdef int32_t element(self, int32_t k) except -1:
        """Append the number that an array of one element holds."""
        cdef Graph g = self.g
        if g.precision(k) != MM_F64:
            k = g.push(SC_positive, NODE_ARRAY, k, -1, -1, 0.0, g.type_of(g.shape(k), F64))
        return g.push(OP_LOAD, 0, k, 0, 0, 0.0, 0)

    cdef int32_t on_arrays(self, Rec rec, int op, int flags, int32_t type) except -1:
        """Append an elementwise operation on arrays."""
        return self.g.push(op, flags, self.operand(rec, 0), self.operand(rec, 1) if rec.op.nin > 1 else -1,
                           self.operand(rec, 2) if rec.op.nin > 2 else -1, 0.0, type)

    cdef int32_t on_numbers(self, Rec rec, int op, int flags) except -1:
        """Append an elementwise operation on numbers."""
        return self.g.push(op, flags, self.number(rec, 0), self.number(rec, 1) if rec.op.nin > 1 else -1,
                           self.number(rec, 2) if rec.op.nin > 2 else -1, 0.0, 0)

    cdef int opcode(self, Rec rec) except -2:
        """Return the instruction that an elementwise operation is; -1 if it is none."""
        cdef Op op = rec.op
        if op.opcode >= 0:
            return op.opcode
        if self.stops and op.name == "stop_gradient":
            return -1
        if op.name == "astype" and rec.dtype.kind in "iu":
            return SC_trunc if is_real(self.dtype_at(rec, 0)) else SC_positive
        if rec.dtype == BOOL:
            return SC_logical_not if op.name == "astype" else _LOGIC.get(op.name, -1)
        return _SAME.get(op.name, -1)

    cdef int32_t record(self, Rec rec, int flags) except -1:
        cdef Graph g = self.g
        cdef int32_t type = self.type_of(rec) if flags & NODE_ARRAY else 0
        cdef int precision, way, op
        cdef bint truth
        cdef dict q = rec.params
        if rec.op.opcode == SC_tied and rec.at[0] >= 0:
            return self.to[rec.at[0]]
        if rec.op.kind == KIND_ELEMENTWISE:
            op = self.opcode(rec)
            precision = self.elementwise(rec, op)
            truth = rec.op.opcode < 0 and rec.dtype == BOOL and rec.op.name == "astype"  # not(not(x))
            if precision < 0 or truth and not flags & NODE_ARRAY:
                return self.call(rec, flags, type)
            if flags & NODE_ARRAY:
                op = self.on_arrays(rec, op, flags | (NODE_SINGLE if precision else 0), type)
                return g.push(SC_logical_not, flags, op, -1, -1, 0.0, type) if truth else op
            if not precision:
                return self.on_numbers(rec, op, flags)
            return self.element(self.on_arrays(rec, op, flags | NODE_ARRAY | NODE_SINGLE, g.type_of((), rec.dtype)))
        way = _WAYS.get(rec.op.name, 0)
        if not (way or rec.op.kind == KIND_WINDOW or rec.op.kind == KIND_PUT or rec.op.kind == KIND_PUT_INDEX) \
                or not self.all_known(rec):
            return self.call(rec, flags, type)
        if rec.op.kind == KIND_WINDOW:
            return self.window(rec, flags, type)
        if not is_real(rec.dtype):
            return self.call(rec, flags, type)
        if way == W_ROUND:
            return self.round(rec, flags, type)
        if way == W_EMBED:
            return self.collect(ADD, flags, type, self.operand(rec, 0), self.map(q))
        if way == W_SUM and self.dtype_at(rec, 0) == rec.dtype:
            return self.reduction(ADD, flags, type, self.operand(rec, 0), self.shape_at(rec, 0), q["axis"])
        if way == W_MAXIMUM or way == W_MINIMUM:
            return self.reduction(MAXIMUM if way == W_MAXIMUM else MINIMUM, flags, type, self.operand(rec, 0),
                                  self.shape_at(rec, 0), q["axis"])
        if way == W_MAX_WEIGHTS or way == W_MIN_WEIGHTS:
            return self.weights(rec, MAXIMUM if way == W_MAX_WEIGHTS else MINIMUM, flags, type)
        if way == W_CONCATENATE and len({self.dtype_at(rec, i) for i in range(rec.n)}) == 1:
            return self.join(rec, flags, type)
        if rec.op.kind == KIND_PUT and self.is_storable(rec):
            return self.put(rec, self.map(q), flags, type)
        if rec.op.kind == KIND_PUT_INDEX and rec.at[2] < 0 and self.is_storable(rec):
            return self.put(rec, indexed(rec.vals[2], self.shape_at(rec, 0)), flags, type)
        if way == W_GATHER and rec.at[1] < 0:
            return self.gather(rec, flags, type)
        if way == W_SCATTER and rec.at[1] < 0 and rec.at[0] >= 0 \
                and self.tape.nodes[rec.at[0]].flags & NODE_ARRAY:
            return self.collect(ADD, flags, type, self.operand(rec, 0), indexed(rec.vals[1], q["shape"]))
        if way == W_MATMUL and rec.dtype == F64 and self.dtype_at(rec, 0) == F64 \
                and self.dtype_at(rec, rec.n - 1) == F64:
            return self.matmul(rec, flags, type)
        if way == W_ROUTINE:
            return self.routine(rec, flags, type)
        return self.call(rec, flags, type)

    cdef int32_t type_of(self, Rec rec) except -1:
        """Return the type of a record's result."""
        cdef PyObject *shape = <PyObject *> rec.shape
        cdef PyObject *dtype = <PyObject *> rec.dtype
        cdef size_t h = (<size_t> shape >> 4 ^ <size_t> shape >> 9) % RECENT
        if self.shape[h] != shape or self.dtype[h] != dtype:
            self.shape[h], self.dtype[h], self.type[h] = shape, dtype, self.g.type_of(rec.shape, rec.dtype)
        return self.type[h]

    cdef Map map(self, dict q):
        """Return the map of a window, given by its parameters."""
        found = self.maps.get(<Py_ssize_t> <void *> q)
        if found is None:
            found = self.g.shared.map_of(new_map_of(q["offset"], q["shape"], q["strides"]))
            self.maps[<Py_ssize_t> <void *> q] = found
        return found

    cdef int elementwise(self, Rec rec, int op) except -2:
        """Return the precision of an elementwise operation, 0 double, 1 single; -1 if NumPy has to do it."""
        cdef bint double = False, single = False, wide = False, cast = rec.op.opcode < 0
        cdef uint8_t code
        cdef int32_t i
        if op < 0 or len(rec.shape) > MM_RANK or not (is_memory(rec.dtype) if rec.op.name == "astype"
                                                      else is_known(rec.dtype)):
            return -1
        for i in range(rec.n):
            code = self.precision(rec, i)
            if code == TYPE_OTHER:
                return -1
            double = double or code == MM_F64
            single = single or code == MM_F32
            wide = wide or code == MM_I64
        if rec.op.boolean:
            return -1 if wide and not double and not single else 1 if single and not double and not wide else 0
        if rec.dtype is F64:
            return 0
        if cast and rec.op.name == "astype":
            if rec.dtype == F32:
                return -1 if wide else 1 if single else 0
            if rec.dtype.kind == "i" and not is_real(self.dtype_at(rec, 0)) and not self.dtype_at(rec, 0) == BOOL:
                return -1  # from one integer dtype to another
            return 1 if single and rec.dtype.kind != "f" else 0
        if rec.dtype == BOOL:
            return -1
        return 1 if rec.dtype == F32 else 0

    cdef uint8_t precision(self, Rec rec, int i) except? 254:
        """Return how operand i promotes.

        MM_F64; MM_F32; MM_I64, which is as MM_F64 with floating-point numbers; MM_BOOL for what promotes to neither: truth
        values, Python's numbers, small integers; or TYPE_OTHER.
        """
        cdef int32_t j = rec.at[i]
        if j >= 0:
            if self.tape.nodes[j].flags & NODE_ARRAY:
                return promotion(self.g.precision(self.to[j]), (<tuple> self.g.types[self.g.type[self.to[j]]])[1])
            if self.tape.nodes[j].flags & NODE_BOOL:
                return MM_BOOL
            return MM_F64 if self.tape.nodes[j].flags & NODE_STRONG else MM_BOOL
        v = rec.vals[i]
        if type(v) is float or type(v) is int:
            return MM_BOOL
        if isinstance(v, cnp.ndarray) or isinstance(v, np.generic):
            return promotion(code_of(v.dtype), v.dtype)
        return MM_BOOL if isinstance(v, (float, bool, int)) else TYPE_OTHER

    cdef int32_t call(self, Rec rec, int flags, int32_t type) except -1:
        """Append a call of the operation's NumPy implementation."""
        cdef Payload w = new_payload(P_CALL, rec.op, rec.vals, rec.params if rec.params is not None else {})
        cdef int32_t k = self.g.push(OP_REC, flags, -1, -1, -1, 0.0, type)
        w.kinds = kinds(self.tape, rec)
        self.g.set_operands(k, self.g.shared.keep(w), [self.to[rec.at[i]] if rec.at[i] >= 0 else -1 for i in range(rec.n)])
        return k

    cdef tuple shape_at(self, Rec rec, int i):
        """Return the shape of operand i."""
        cdef int32_t j = rec.at[i]
        return self.g.shape(self.to[j]) if j >= 0 else np.shape(rec.vals[i])

    cdef object dtype_at(self, Rec rec, int i):
        """Return the dtype of operand i; a number is float64."""
        cdef int32_t j = rec.at[i]
        if j < 0:
            return rec.vals[i].dtype if isinstance(rec.vals[i], cnp.ndarray) else np.asarray(rec.vals[i]).dtype
        return (<tuple> self.g.types[self.g.type[self.to[j]]])[1] if self.tape.nodes[j].flags & NODE_ARRAY else F64

    cdef bint is_storable(self, Rec rec) except -1:
        """Return whether what a write puts into an array is a number, or an array that the machine converts."""
        if rec.at[1] < 0:
            return not isinstance(rec.vals[1], cnp.ndarray) or is_known(rec.vals[1].dtype)
        return self.dtype_at(rec, 1) == rec.dtype

    cdef bint all_known(self, Rec rec) except -1:
        """Return whether result and first operand are of dtypes and ranks that the machine knows."""
        cdef int i
        if len(rec.shape) > MM_RANK or code_of(rec.dtype) == TYPE_OTHER or code_of(self.dtype_at(rec, 0)) == TYPE_OTHER:
            return False
        for i in range(rec.n):
            if (rec.at[i] >= 0 or isinstance(rec.vals[i], cnp.ndarray)) \
                    and len(self.shape_at(rec, i)) > MM_RANK:
                return False
        return True

    cdef int32_t collect(self, int action, int flags, int32_t type, int32_t x, Map m) except -1:
        """Append one operand, collected through a map."""
        cdef Shared shared = self.g.shared
        return self.g.push_payload(OP_REC, flags, shared.payload_of(P_COLLECT, action, None, (shared.map_of(m),)), &x, 1,
                                   type)

    cdef int32_t put(self, Rec rec, Map m, int flags, int32_t type) except -1:
        """Append a new version of the first operand, in which the second has been written."""
        cdef Shared shared = self.g.shared
        cdef int32_t[2] args
        args[0] = self.operand(rec, 0)
        args[1] = self.operand(rec, 1)
        return self.g.push_payload(OP_REC, flags, shared.payload_of(P_PUT, SET, rec.op, (shared.map_of(m),)), args, 2, type)

    cdef int32_t reduction(self, int action, int flags, int32_t type, int32_t x, tuple shape, object axis) except -1:
        """Append a reduction over axes; equal ones are equal instructions, whatever becomes of the axes reduced."""
        cdef Graph g = self.g
        cdef tuple kept = tuple([d for i, d in enumerate(shape) if i not in axis])
        cdef tuple wanted
        cdef int32_t r
        cdef Map m = reduction_map(shape, axis)
        if not flags & NODE_ARRAY:
            return self.collect(action, flags, 0, x, m)
        wanted, dtype = g.types[type]
        if not kept and dtype == F64:
            r = self.collect(action, 0, 0, x, m)
            return g.push(SC_positive, flags, r, -1, -1, 0.0, type)
        if kept == wanted:
            return self.collect(action, flags, type, x, m)
        r = self.collect(action, NODE_ARRAY, g.type_of(kept, dtype), x, m)
        return g.window(r, new_map_of(0, wanted, strides_of(wanted)), flags, type)

    cdef int32_t window(self, Rec rec, int flags, int32_t type) except -1:
        cdef dict q = rec.params
        cdef int32_t base = self.operand(rec, 0)
        if not self.g.nodes[base].flags & NODE_ARRAY:  # a number in every place
            return self.g.push(SC_positive, flags, base, -1, -1, 0.0, type)
        return self.g.window(base, self.map(q), flags, type)

    cdef int32_t round(self, Rec rec, int flags, int32_t type) except -1:
        """Append rounding to decimals as NumPy does it: of the number times a power of ten, which it is divided by then."""
        cdef Graph g = self.g
        cdef int32_t x = self.operand(rec, 0), tens
        cdef int decimals = rec.params["decimals"]
        cdef int before = SC_multiply if decimals > 0 else SC_divide, after = SC_divide if decimals > 0 else SC_multiply
        if self.dtype_at(rec, 0) != rec.dtype:
            return self.call(rec, flags, type)
        if rec.dtype == F32:
            flags |= NODE_SINGLE
        if decimals:
            tens = g.constant(10.0 ** abs(decimals))
            x = g.push(before, flags, x, tens, -1, 0.0, type)
        x = g.push(SC_rint, flags, x, -1, -1, 0.0, type)
        return g.push(after, flags, x, tens, -1, 0.0, type) if decimals else x

    cdef int32_t weights(self, Rec rec, int action, int flags, int32_t type) except -1:
        """Append the share of each element in an extreme: elements that tie share it equally, a NaN takes it all."""
        cdef Graph g = self.g
        cdef int32_t x = self.operand(rec, 0)
        cdef int32_t truth = g.type_of(rec.shape, BOOL)
        cdef tuple axis = rec.params["axis"]
        cdef tuple kept = tuple([1 if i in axis else d for i, d in enumerate(rec.shape)])
        cdef int32_t small = g.type_of(kept, rec.dtype)
        cdef int single = NODE_SINGLE if rec.dtype == F32 else 0
        cdef int32_t top, hit, count
        top = self.reduction(action, NODE_ARRAY, small, x, rec.shape, axis)
        hit = g.push(SC_equal, NODE_ARRAY | NODE_BOOL | single, x, top, -1, 0.0, truth)
        hit = g.push(SC_logical_or, NODE_ARRAY | NODE_BOOL | single, hit,
                     g.push(SC_isnan, NODE_ARRAY | NODE_BOOL | single, x, -1, -1, 0.0, truth), -1, 0.0, truth)
        hit = g.push(SC_positive, NODE_ARRAY | single, hit, -1, -1, 0.0, type)
        count = self.reduction(ADD, NODE_ARRAY, small, hit, rec.shape, axis)
        return g.push(SC_divide, flags | single, hit, count, -1, 0.0, type)

    cdef int32_t join(self, Rec rec, int flags, int32_t type) except -1:
        cdef Graph g = self.g
        cdef int axis = rec.params["axis"]
        cdef tuple strides = strides_of(rec.shape), shape
        cdef list args = [], maps = []
        cdef int64_t at = 0
        cdef int32_t k
        if axis < 0:
            axis += len(rec.shape)
        for i in range(rec.n):
            shape = self.shape_at(rec, i)
            args.append(self.operand(rec, i))
            maps.append(g.shared.map_of(new_map_of(at * <int64_t> strides[axis], shape, strides)))
            at += <int64_t> shape[axis]
        k = g.push(OP_REC, flags, -1, -1, -1, 0.0, type)
        g.set_operands(k, g.shared.payload_of(P_COLLECT, SET, None, tuple(maps)), args)
        return k

    cdef int32_t gather(self, Rec rec, int flags, int32_t type) except -1:
        cdef int32_t base = self.operand(rec, 0)
        cdef Map m
        if not flags & NODE_ARRAY or not self.g.nodes[base].flags & NODE_ARRAY:
            return self.call(rec, flags, type)
        m = new_map_of(0, rec.shape, ())
        m.table, m.source = table_of(rec.vals[1], self.shape_at(rec, 0))
        return self.g.window(base, m, flags, type)

    cdef int32_t matmul(self, Rec rec, int flags, int32_t type) except -1:
        """Append a product of matrices; of two vectors, a product and a sum."""
        cdef Graph g = self.g
        cdef int last = rec.n - 1  # the sum of squares is the product of its operand with itself
        cdef tuple sx = self.shape_at(rec, 0), sy = self.shape_at(rec, last)
        cdef int32_t x = self.operand(rec, 0), y = self.operand(rec, last)
        cdef int32_t[2] args
        if len(sx) == 1 and len(sy) == 1:
            x = g.push(SC_multiply, NODE_ARRAY, x, y, -1, 0.0, g.type_of(sx, F64))
            return self.reduction(ADD, flags, type, x, sx, (0,))
        args[0], args[1] = x, y
        return g.push_payload(OP_REC, flags, g.shared.payload_of(P_MATMUL, SET, rec.op, ()), args, 2, type)

    # ------------------------------------------------------------------------------------ linear algebra
    cdef int32_t routine(self, Rec rec, int flags, int32_t type) except -1:
        """Append linear algebra of float64 matrices: their factors, an instruction of its own, and what is made of them."""
        cdef Graph g = self.g
        cdef tuple shape = self.shape_at(rec, 0), lead = shape[:len(shape) - 2]
        cdef int64_t n = shape[len(shape) - 1]
        cdef int32_t m, r
        cdef int what
        for i in range(rec.n):
            if self.dtype_at(rec, i) != F64 or 0 in self.shape_at(rec, i) or len(self.shape_at(rec, i)) > MM_RANK:
                return self.call(rec, flags, type)
        if rec.op.name == "solve":
            return self.solve(rec, flags, type)
        what = _ROUTINES[rec.op.name]
        if what == MM_COFACTOR and n > MM_SMALL:  # large ones need singular values where they are nearly singular
            return self.call(rec, flags, type)
        m = self.operand(rec, 0)
        if what == MM_CHOLESKY or what == MM_COFACTOR:
            return self.push_routine(what, rec.op, flags, type, m, -1)
        m = self.factors(m, lead, n)
        if flags & NODE_ARRAY:
            return self.push_routine(what, rec.op, flags, type, m, -1)
        r = self.push_routine(what, rec.op, NODE_ARRAY, g.type_of((1,), F64), m, -1)
        return g.push(OP_LOAD, 0, r, 0, 0, 0.0, 0)

    cdef int32_t push_routine(self, int what, Op op, int flags, int32_t type, int32_t a, int32_t b) except -1:
        cdef int32_t[2] args
        args[0], args[1] = a, b
        return self.g.push_payload(OP_REC, flags, self.g.shared.payload_of(P_ROUTINE, what, op, ()), args,
                                   1 if b < 0 else 2, type)

    cdef int32_t factors(self, int32_t m, tuple lead, int64_t n) except -1:
        """Append the factors of matrices; those of one matrix are one instruction once pass `share` has been there."""
        return self.push_routine(MM_LU, None, NODE_ARRAY, self.g.type_of((*lead, n * n + n), F64), m, -1)

    cdef int32_t solve(self, Rec rec, int flags, int32_t type) except -1:
        cdef Graph g = self.g
        cdef tuple shape = self.shape_at(rec, 0), sides = self.shape_at(rec, 1)
        cdef int64_t count = size_of(rec.shape[:len(rec.shape) - 2]), n = shape[len(shape) - 1]
        cdef int32_t m, b
        cdef bint turned
        if size_of(shape[:len(shape) - 2]) not in (1, count) or size_of(sides[:len(sides) - 2]) not in (1, count):
            return self.call(rec, flags, type)
        m, b = self.operand(rec, 0), self.operand(rec, 1)
        turned = self.is_transposed(m, shape)
        if turned:
            m = g.arg(m, 0)
            if g.shape(m) != shape:  # of other axes, as those of tensorsolve
                m = g.window(m, new_map_of(0, shape, strides_of(shape)), NODE_ARRAY, g.type_of(shape, F64))
        if g.nodes[m].op == OP_REC and g.payload(m).kind == P_ROUTINE and g.payload(m).action == MM_CHOLESKY:
            return self.push_routine(MM_LOWER_TRANSPOSED if turned else MM_LOWER, rec.op, flags, type, m, b)
        m = self.factors(m, shape[:len(shape) - 2], n)
        return self.push_routine(MM_SOLVE_TRANSPOSED if turned else MM_SOLVE, rec.op, flags, type, m, b)

    cdef bint is_transposed(self, int32_t k, tuple shape) except -1:
        """Return whether an instruction transposes the matrices of a whole array."""
        cdef Graph g = self.g
        cdef Map m
        cdef int rank = len(shape)
        if g.nodes[k].op != OP_REC or g.payload(k).kind != P_WINDOW or shape[rank - 1] == 1:
            return False
        m = g.payload(k).maps[0]
        if m.table is not None or m.offset or g.elements(g.arg(k, 0)) != m.size or not g.nodes[g.arg(k, 0)].flags & NODE_ARRAY:
            return False
        strides = strides_of(shape)
        wanted = (*strides[:len(strides) - 2], 1, shape[rank - 1])
        return all([d == 1 or s == t for d, s, t in zip(shape, m.strides, wanted)])


cdef uint8_t promotion(uint8_t code, object dtype) except? 254:
    """Return how an operand of this dtype promotes, see `Lowering.precision`."""
    if code <= MM_BOOL or code == TYPE_OTHER:
        return code
    return MM_I64 if dtype.itemsize >= 4 else MM_BOOL


cdef Map map_of(object view, object base):
    """Return a view as a window of its C-contiguous base; None if it is none of whole elements."""
    cdef int64_t size = view.dtype.itemsize, offset
    if view.dtype != base.dtype or any([s % size for s in view.strides]):
        return None
    offset = <int64_t> (view.__array_interface__["data"][0] - base.__array_interface__["data"][0])
    low, high = np.lib.array_utils.byte_bounds(view)
    start = base.__array_interface__["data"][0]
    if offset % size or (view.size and (low < start or high > start + base.nbytes)):
        return None
    return new_map_of(offset // size, view.shape,
                      tuple([s // size if d != 1 else 0 for d, s in zip(view.shape, view.strides)]))


cdef Map reduction_map(tuple shape, object axis):
    """Return the map that sums over axes: where each element goes."""
    cdef tuple kept = tuple([1 if i in axis else d for i, d in enumerate(shape)])
    cdef tuple strides = strides_of(kept)
    return new_map_of(0, shape, tuple([0 if i in axis else s for i, s in enumerate(strides)]))


cdef Map indexed(object index, tuple shape):
    """Return the map of an index: where in an array of this shape each element that it takes lies."""
    cdef Map m = new_map_of(0, taken_shape(shape, index), ())
    m.table, m.source = table_of(index, shape)
    return m


cdef tuple table_of(object index, tuple shape):
    """Return the positions that an index takes from an array of this shape, and what tells whether the index has changed."""
    flat = np.arange(size_of(shape), dtype=np.int64).reshape(shape)[index]
    sources = [i for i in (index if isinstance(index, tuple) else (index,)) if isinstance(i, cnp.ndarray)]
    return np.ascontiguousarray(flat).reshape(-1), tuple([(i, checksum(i)) for i in sources])


cdef tuple kinds(Tape tape, Rec rec):
    """Return how operands are handed over: 0 array, 1 float, 2 NumPy float64 (where it promotes, NEP 50), 3 truth value."""
    cdef int32_t j
    cdef list out = []
    foreign = any([isinstance(v, cnp.ndarray) and v.dtype != np.float64 for v in rec.vals]) or any(
        [rec.at[i] >= 0 and tape.nodes[rec.at[i]].flags & NODE_ARRAY and tape.rec_of(rec.at[i]).dtype != np.float64
         for i in range(rec.n)])
    for i in range(rec.n):
        j = rec.at[i]
        if j < 0 or tape.nodes[j].flags & NODE_ARRAY:
            out.append(0)
        elif tape.nodes[j].flags & NODE_BOOL:
            out.append(3)
        else:
            out.append(2 if foreign and tape.nodes[j].flags & NODE_STRONG else 1)
    return tuple(out)
