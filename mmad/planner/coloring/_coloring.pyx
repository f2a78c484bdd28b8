"""Greedy colourings of patterns, and reading the entries off compressed products.

Sources: Gebremedhin, Manne, Pothen, "What color is your Jacobian? Graph coloring for computing derivatives", SIAM Review
47 (2005), 629-705 (distance-2, orders); Gebremedhin, Tarafdar, Manne, Pothen, "New acyclic and star coloring algorithms with
application to computing Hessians", SIAM J. Sci. Comput. 29 (2007), 1042-1072 (algorithm 4.1).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc


cimport numpy as cnp

import numpy as np

from mmad.kernels._breath cimport breathe

cnp.import_array()


cdef int32_t[::1] filled(int64_t n, int32_t value):
    """Return a new array of n equal numbers."""
    return np.full(n, value, np.int32)


def distance_2(const int64_t[::1] rows, const int32_t[::1] columns, const int64_t[::1] starts,
               const int32_t[::1] members, const int32_t[::1] order, const uint8_t[::1] counts):
    """Return colours of columns, of which no two of one colour share a row that counts.

    Parameters
    ----------
    rows, columns : the pattern in compressed rows
    starts, members : the same in compressed columns
    order : columns, in the order in which they are coloured
    counts : a truth value a row

    Returns
    -------
    ndarray of int32, shape (n,)
    """
    cdef int64_t n = starts.shape[0] - 1, q, k, z, taken = 0
    cdef int32_t j, i, c
    colors = np.full(n, -1, np.int32)
    cdef int32_t[::1] color = colors
    cdef int32_t[::1] forbidden = filled(n + 1, -1)
    with nogil:
        for q in range(order.shape[0]):
            j = order[q]
            for k in range(starts[j], starts[j + 1]):
                i = members[k]
                if not counts[i]:
                    continue
                breathe(&taken, rows[i + 1] - rows[i])
                for z in range(rows[i], rows[i + 1]):
                    c = color[columns[z]]
                    if c >= 0:
                        forbidden[c] = j
            c = 0
            while forbidden[c] == j:
                c += 1
            color[j] = c
    return colors


def star(const int64_t[::1] starts, const int32_t[::1] neighbors, const int64_t[::1] edge, const int32_t[::1] order,
         int64_t limit):
    """Return colours of vertices, of which neighbours differ and no path of four has only two.

    Parameters
    ----------
    starts, neighbors : a symmetric pattern; its diagonal does not count
    edge : for each entry the number of its edge, the same for both of its ends
    order : vertices, in the order in which they are coloured
    limit : steps after which it is given up

    Returns
    -------
    ndarray of int32, or None where the limit is reached
    """
    cdef int64_t n = starts.shape[0] - 1, q, k, z, steps = 0, taken = 0
    cdef int32_t v, w, x, c, p
    cdef bint found
    colors = np.full(n, -1, np.int32)
    cdef int32_t[::1] color = colors
    cdef int32_t[::1] forbidden = filled(n + 2, -1)
    cdef int32_t[::1] first_of = filled(n + 2, -1), first_to = filled(n + 2, -1)  # by colour: the first edge to it
    cdef int64_t[::1] first_edge = np.zeros(n + 2, np.int64)
    cdef int32_t[::1] treated = filled(n + 1, -1)
    cdef int32_t[::1] star_of = filled(neighbors.shape[0] + 1, -1)   # by edge
    cdef int32_t[::1] hub = filled(neighbors.shape[0] + 1, -1)       # by star
    cdef int32_t stars = 0
    with nogil:
        for q in range(n):
            v = order[q]
            for k in range(starts[v], starts[v + 1]):
                w = neighbors[k]
                if w != v and color[w] >= 0:
                    forbidden[color[w]] = v
                    steps += starts[w + 1] - starts[w]
            if steps > limit:
                break
            for k in range(starts[v], starts[v + 1]):
                w = neighbors[k]
                if w == v or color[w] < 0:
                    continue
                breathe(&taken, 2 * (starts[w + 1] - starts[w]))
                c = color[w]
                if first_of[c] == v:
                    p = first_to[c]
                    if treated[p] != v:
                        treat(starts, neighbors, color, forbidden, v, p)
                        treated[p] = v
                    treat(starts, neighbors, color, forbidden, v, w)
                    treated[w] = v
                else:
                    first_of[c], first_to[c], first_edge[c] = v, w, edge[k]
                    for z in range(starts[w], starts[w + 1]):
                        x = neighbors[z]
                        if x != w and x != v and color[x] >= 0 and x == hub[star_of[edge[z]]]:
                            forbidden[color[x]] = v
            c = 0
            while forbidden[c] == v:
                c += 1
            color[v] = c
            # The stars that the new edges belong to.
            for k in range(starts[v], starts[v + 1]):
                w = neighbors[k]
                if w == v or color[w] < 0:
                    continue
                found = False
                for z in range(starts[w], starts[w + 1]):
                    x = neighbors[z]
                    if x != v and x != w and color[x] == c:
                        hub[star_of[edge[z]]] = w
                        star_of[edge[k]] = star_of[edge[z]]
                        found = True
                        break
                if found:
                    continue
                p = first_to[color[w]]
                if first_of[color[w]] == v and p != w:
                    star_of[edge[k]] = star_of[first_edge[color[w]]]
                    hub[star_of[edge[k]]] = v
                else:
                    star_of[edge[k]] = stars
                    stars += 1
    return None if steps > limit else colors


cdef inline void treat(const int64_t[::1] starts, const int32_t[::1] neighbors, const int32_t[::1] color,
                       int32_t[::1] forbidden, int32_t v, int32_t w) noexcept nogil:
    """Forbid v the colours of w's neighbours."""
    cdef int64_t z
    cdef int32_t x
    for z in range(starts[w], starts[w + 1]):
        x = neighbors[z]
        if x != v and x != w and color[x] >= 0:
            forbidden[color[x]] = v


def smallest_last(const int64_t[::1] starts, const int32_t[::1] neighbors):
    """Return the vertices, each of smallest degree among those before it; in linear time (Matula and Beck, J. ACM 30, 1983)."""
    cdef int64_t n = starts.shape[0] - 1, q, k, d, low = 0, taken = 0
    cdef int32_t v, w, u
    result = np.empty(n, np.int32)
    cdef int32_t[::1] order = result
    cdef int32_t[::1] head = filled(n + 1, -1), after = filled(n + 1, -1), before = filled(n + 1, -1)
    cdef int64_t[::1] degree = np.diff(np.asarray(starts))
    for v in range(n):
        d = min(degree[v], n)
        degree[v] = d
        after[v] = head[d]
        if head[d] >= 0:
            before[head[d]] = v
        head[d] = v
    with nogil:
        for q in range(n - 1, -1, -1):
            while head[low] < 0:
                low += 1
            v = head[low]
            head[low] = after[v]
            if after[v] >= 0:
                before[after[v]] = -1
            order[q] = v
            degree[v] = -1
            breathe(&taken, 4 * (starts[v + 1] - starts[v]))
            for k in range(starts[v], starts[v + 1]):
                w = neighbors[k]
                d = degree[w]
                if d <= 0:
                    continue
                u = before[w]
                if u >= 0:
                    after[u] = after[w]
                else:
                    head[d] = after[w]
                if after[w] >= 0:
                    before[after[w]] = u
                degree[w] = d - 1
                after[w], before[w] = head[d - 1], -1
                if head[d - 1] >= 0:
                    before[head[d - 1]] = w
                head[d - 1] = w
                if d - 1 < low:
                    low = d - 1
    return result


def alone(const int64_t[::1] rows, const int32_t[::1] columns, const int32_t[::1] color):
    """Return whether each entry is the only one in its row of its column's colour; -1 is none."""
    cdef int64_t m = rows.shape[0] - 1, i, k, taken = 0
    cdef int32_t c, most = -1
    result = np.zeros(columns.shape[0], np.uint8)
    cdef uint8_t[::1] out = result
    for k in range(color.shape[0]):
        most = max(most, color[k])
    cdef int64_t[::1] last = np.full(most + 1, -1, np.int64)  # the entry of this row that has the colour
    with nogil:
        for i in range(m):
            breathe(&taken, rows[i + 1] - rows[i])
            for k in range(rows[i], rows[i + 1]):
                c = color[columns[k]]
                if c < 0:
                    continue
                if last[c] >= rows[i]:
                    out[last[c]] = 0
                else:
                    last[c] = k
                    out[k] = 1
    return result


ctypedef fused real:
    float
    double


def gather(list blocks, int64_t count, int64_t m, int64_t total, int64_t n, const uint16_t[::1] line,
           const int32_t[::1] at, real[::1] data):
    """Set ``data[k] = lines[line[k]][at[k]]``, `lines` being the rows of the blocks, one block after the other.

    Parameters
    ----------
    blocks : list of ndarray, two-dimensional, in C order, of the type of `data`
    count, m : int
        The first `count` lines have m elements,
    total, n : int
        the others, up to `total`, n of them.
    line, at : ndarray, shape (k,)
        Within these bounds.
    data : ndarray, shape (k,)
        Written.
    """
    cdef int64_t q = 0, r, width, taken = 0
    cdef cnp.ndarray block
    cdef int kind = cnp.NPY_FLOAT32 if sizeof(real) == 4 else cnp.NPY_FLOAT64
    cdef real **lines = <real **> malloc((total + 1) * sizeof(real *))  # freed below
    if lines == NULL:
        raise MemoryError
    try:
        for block in blocks:
            if block.ndim != 2 or not cnp.PyArray_IS_C_CONTIGUOUS(block) or cnp.PyArray_TYPE(block) != kind:
                raise ValueError("a block of products is a matrix in C order, of the type of the entries")
            width = block.shape[1]
            for r in range(block.shape[0]):
                if q >= total or width != (m if q < count else n):
                    raise ValueError(f"the products are not {count} of length {m} and {total - count} of length {n}")
                lines[q] = <real *> cnp.PyArray_DATA(block) + r * width
                q += 1
        if q != total or line.shape[0] != data.shape[0] or at.shape[0] != data.shape[0]:
            raise ValueError(f"{q} products where there are {total} colours")
        with nogil:
            for q in range(data.shape[0]):
                breathe(&taken, 1)
                data[q] = lines[line[q]][at[q]]
    finally:
        free(lines)
