"""What solutions of linear systems, inverses and Cholesky factors depend on, by the zeros of the matrix.

1. Element (i, j) of an inverse is a sum of products along paths from i to j, where an element (a, b) of the matrix that
   is not zero leads from a to b, over the determinant.  Where there is no path it is zero, whatever the values are.
2. The tangent of X = inv(A) B is inv(A) (dB - dA X).  So element (i, c) of X depends on the elements (j, c) of B, and on
   the elements (j, k) of A where element (k, c) of X is not zero, for every j that a path leads to from i.
3. A Cholesky factor is zero where neither the matrix nor a product of two earlier elements of one column is not.
4. This costs more than to let every element depend on all, so it ends where it has taken a number of steps.

Sources: Gilbert, "Predicting structure in sparse matrix computations", SIAM J. Matrix Anal. Appl. 15, 1994.
"""
from libc.stdint cimport int32_t, int64_t

import numpy as np

from mmad.planner.sparsity._elements cimport Elements, elements
from mmad.planner.sparsity._sets cimport ZERO, Sets

cdef enum:
    PATHS = 4194304  # pairs with a path that are kept; where there would be more, the matrix counts as full


cdef bint has_zeros(Elements e):
    """Return whether an element is known to be zero."""
    cdef int64_t i
    if e is None:
        return False
    if e.sets == NULL:
        return e.common < 0
    for i in range(e.n):
        if e.sets[i] < 0:
            return True
    return False


cdef class Paths:
    """The elements of a matrix that are not zero, by rows, and which rows a path leads to from each."""

    cdef int64_t n
    cdef int64_t[::1] begin, start  # of each row among the elements; of each row among those reached
    cdef int32_t[::1] column, sets, reached
    cdef bint moves  # an element depends on something

    cdef bint find(self, Sets s, Elements a, int64_t n, int64_t at, bint turned, int64_t until) except -1:
        """Fill this for the matrix at a position, or its transpose; return False where there are too many paths."""
        cdef int64_t i, k, count = 0, head, done
        cdef int32_t v, j
        cdef int32_t[::1] seen = np.full(n, -1, np.int32)
        self.n, self.moves = n, False
        self.begin, self.start = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
        s.spend(n * n)
        for i in range(n * n):
            count += a.at(at + i) >= 0
        self.column, self.sets = np.empty(count, np.int32), np.empty(count, np.int32)
        self.reached = np.empty(min(n * n, PATHS), np.int32)
        count = 0
        for i in range(n):
            for k in range(n):
                v = a.at(at + (k * n + i if turned else i * n + k))
                if v >= 0:
                    self.column[count], self.sets[count] = <int32_t> k, v
                    self.moves = self.moves or v > 0
                    count += 1
            self.begin[i + 1] = count
        done = 0
        for i in range(n):
            head = done
            if s.steps > until or (done + n > PATHS and n * n > PATHS):
                return False
            self.reached[done], seen[i] = <int32_t> i, <int32_t> i
            done += 1
            while head < done:
                j = self.reached[head]
                head += 1
                s.spend(self.begin[j + 1] - self.begin[j] + 1)
                for k in range(self.begin[j], self.begin[j + 1]):
                    if seen[self.column[k]] != i:
                        seen[self.column[k]] = <int32_t> i
                        self.reached[done] = self.column[k]
                        done += 1
            self.start[i + 1] = done
        return True


cdef Elements solved(Sets s, Elements a, int64_t n, int64_t of_a, Elements b, int64_t columns, int64_t of_b, bint turned,
                     int64_t until):
    """Return the solutions of systems, or inverses where `of_b` is 0; None after as many steps as `until`.

    `of_a` matrices of order n, or their transposes, and `of_b` right sides of so many columns, one for all or as many.
    """
    cdef int64_t count = max(of_a, of_b), m, i, c, k, r, terms, at
    cdef int32_t v
    cdef Elements out = elements(count * n * columns)
    cdef Paths p = Paths()
    cdef int32_t[::1] right = np.empty(n, np.int32), moved = np.empty(n, np.int32), list_ = np.empty(2 * n + 1, np.int32)
    cdef int32_t[::1] alive = np.empty(n, np.int32)
    for m in range(count):
        if (m == 0 or of_a > 1) and not p.find(s, a, n, m * n * n if of_a > 1 else 0, turned, until):
            return None
        at = m * n * columns if of_b > 1 else 0
        for c in range(columns):
            s.spend(p.start[n] + (p.begin[n] if p.moves else 0) + n)
            for i in range(n):
                right[i] = (0 if i == c else ZERO) if of_b == 0 else 0 if b is None else b.at(at + i * columns + c)
            for i in range(n):
                alive[i] = 0
                for k in range(p.start[i], p.start[i + 1]):
                    if right[p.reached[k]] >= 0:
                        alive[i] = 1
                        break
            for i in range(n):
                moved[i] = 0
                terms = 0
                if p.moves:
                    for k in range(p.begin[i], p.begin[i + 1]):
                        if alive[p.column[k]] and p.sets[k] > 0:
                            list_[terms] = p.sets[k]
                            terms += 1
                    if terms:
                        moved[i] = s.unite_many(&list_[0], terms, 1)
            for i in range(n):
                terms = 0
                if s.steps > until:
                    return None
                if alive[i]:
                    for k in range(p.start[i], p.start[i + 1]):
                        r = p.reached[k]
                        if right[r] > 0:
                            list_[terms] = right[r]
                            terms += 1
                        if moved[r] > 0:
                            list_[terms] = moved[r]
                            terms += 1
                    v = s.unite_many(&list_[0], terms, 1) if terms else 0
                else:
                    v = ZERO
                out.sets[m * n * columns + i * columns + c] = v
    return out


cdef Elements triangle(Sets s, Elements a, int64_t n, int64_t count, int64_t until):
    """Return the Cholesky factors of matrices, of which the lower triangles count; None after as many steps as `until`."""
    cdef int64_t m, i, j, k, at, terms
    cdef bint some
    cdef int32_t v
    cdef Elements out = elements(count * n * n)
    cdef int32_t[::1] list_ = np.empty(2 * n + 2, np.int32)
    for m in range(count):
        at = m * n * n
        for i in range(n):
            for j in range(i + 1, n):
                out.sets[at + i * n + j] = ZERO
            if s.steps > until:
                return None
            for j in range(i + 1):
                s.spend(j + 1)
                v = a.at(at + i * n + j)
                some, terms = v >= 0 or i == j, 0
                if v > 0:
                    list_[0], terms = v, 1
                for k in range(j):
                    if out.sets[at + i * n + k] >= 0 and out.sets[at + j * n + k] >= 0:
                        some = True
                        list_[terms], list_[terms + 1] = out.sets[at + i * n + k], out.sets[at + j * n + k]
                        terms += 2
                if some and i != j:
                    list_[terms] = out.sets[at + j * n + j]
                    terms += 1
                out.sets[at + i * n + j] = ZERO if not some else s.unite_many(&list_[0], terms, 1) if terms else 0
    return out
