"""Greedy colourings of patterns, and the order in which a compressed matrix is solved for its entries.

Sources: Gebremedhin, Manne, Pothen, "What color is your Jacobian? Graph coloring for computing derivatives", SIAM Review
47 (2005), 629-705 (distance-2, orders); Gebremedhin, Tarafdar, Manne, Pothen, "New acyclic and star coloring algorithms with
application to computing Hessians", SIAM J. Sci. Comput. 29 (2007), 1042-1072 (algorithms 4.1 and 3.1).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc


cimport numpy as cnp

import numpy as np

from mmad.kernels._breath cimport breathe

cnp.import_array()


cdef int32_t[::1] filled(int64_t n, int32_t value):
    """A new array of n equal numbers."""
    return np.full(n, value, np.int32)


def distance_2(const int64_t[::1] rows, const int32_t[::1] columns, const int64_t[::1] starts,
               const int32_t[::1] members, const int32_t[::1] order, const uint8_t[::1] counts):
    """Colours of columns, of which no two of one colour share a row that counts.

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
    """Colours of vertices, of which neighbours differ and no path of four has only two.

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
    """The colours of w's neighbours are not v's."""
    cdef int64_t z
    cdef int32_t x
    for z in range(starts[w], starts[w + 1]):
        x = neighbors[z]
        if x != v and x != w and color[x] >= 0:
            forbidden[color[x]] = v


def acyclic(const int64_t[::1] starts, const int32_t[::1] neighbors, const int64_t[::1] edge, const int32_t[::1] order,
            int64_t limit):
    """Colours of vertices, of which neighbours differ and no cycle has only two; parameters as of :func:`star`."""
    cdef int64_t n = starts.shape[0] - 1, m = neighbors.shape[0], q, k, z, steps = 0, taken = 0
    cdef int32_t v, w, x, c, root, other
    colors = np.full(n, -1, np.int32)
    cdef int32_t[::1] color = colors
    cdef int32_t[::1] forbidden = filled(n + 2, -1)
    cdef int32_t[::1] first_of = filled(n + 2, -1)
    cdef int64_t[::1] first_edge = np.zeros(n + 2, np.int64)
    cdef int32_t[::1] visit_of = filled(m + 1, -1), visit_to = filled(m + 1, -1)  # by tree
    cdef int32_t[::1] parent = np.arange(m + 1, dtype=np.int32)                    # trees of edges
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
                breathe(&taken, 4 * (starts[w + 1] - starts[w]))
                for z in range(starts[w], starts[w + 1]):
                    x = neighbors[z]
                    if x == w or x == v or color[x] < 0 or forbidden[color[x]] == v:
                        continue
                    root = find(parent, <int32_t> edge[z])
                    if visit_of[root] != v:
                        visit_of[root], visit_to[root] = v, w
                    elif visit_to[root] != w:
                        forbidden[color[x]] = v
            c = 0
            while forbidden[c] == v:
                c += 1
            color[v] = c
            for k in range(starts[v], starts[v + 1]):
                w = neighbors[k]
                if w == v or color[w] < 0:
                    continue
                if first_of[color[w]] != v:
                    first_of[color[w]] = v
                    first_edge[color[w]] = edge[k]
                else:
                    root, other = find(parent, <int32_t> edge[k]), find(parent, <int32_t> first_edge[color[w]])
                    parent[root] = other
                for z in range(starts[w], starts[w + 1]):
                    x = neighbors[z]
                    if x != w and x != v and color[x] == c:
                        root, other = find(parent, <int32_t> edge[k]), find(parent, <int32_t> edge[z])
                        parent[root] = other
    return None if steps > limit else colors


cdef inline int32_t find(int32_t[::1] parent, int32_t e) noexcept nogil:
    while parent[e] != e:
        parent[e] = parent[parent[e]]
        e = parent[e]
    return e


def smallest_last(const int64_t[::1] starts, const int32_t[::1] neighbors):
    """Vertices, each of smallest degree among those before it; in linear time (Matula and Beck, J. ACM 30, 1983)."""
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
    """Whether each entry is the only one in its row of its column's colour; -1 is none."""
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


def elimination(const int64_t[::1] rows, const int32_t[::1] columns, const int64_t[::1] mirror,
                const int32_t[::1] row_color, const int32_t[::1] column_color, int64_t colors, int64_t offset):
    """The order in which a compressed matrix gives up its entries, each equation that has one unknown left solving it.

    Parameters
    ----------
    rows, columns : the pattern in compressed rows
    mirror : ndarray of int64
        For each entry the one that is equal to it: itself, or in a symmetric matrix the one across the diagonal.
    row_color, column_color : ndarray of int32
        Colours; -1 is none.  A symmetric matrix has no `row_color` that counts.
    colors : int
        Number of column colours.
    offset : int
        Number of columns, which is the length of the products with rows.

    Returns
    -------
    entry, source, other : ndarray of int64
        Entries in order; where in the compressed arrays, end to end, each is read, and from where else it is taken away (-1
        nowhere).
    depth : int
        Longest chain of substitutions.
    """
    cdef int64_t m = rows.shape[0] - 1, nnz = columns.shape[0], i, k, e, at, count = 0, top = 0, place, equations
    cdef int64_t depth = 0, taken = 0
    cdef int which
    cdef int64_t row_colors = 0
    for i in range(row_color.shape[0]):
        row_colors = max(row_colors, row_color[i] + 1)
    equations = colors * m + row_colors * offset
    cdef int32_t[::1] unknown = filled(equations + 1, 0)
    cdef int64_t[::1] which_one = np.zeros(equations + 1, np.int64)  # the unknown entries of an equation, combined by xor
    cdef int64_t[::1] stack = np.empty(2 * nnz + 1, np.int64)
    cdef int64_t[::1] first = np.full(nnz + 1, -1, np.int64), second = np.full(nnz + 1, -1, np.int64)
    cdef int32_t[::1] level = filled(equations + 1, 0)
    cdef uint8_t[::1] solved = np.zeros(nnz + 1, np.uint8)
    entries, sources, others = np.empty(nnz, np.int64), np.empty(nnz, np.int64), np.empty(nnz, np.int64)
    cdef int64_t[::1] entry = entries, source = sources, other = others
    with nogil:
        for i in range(m):
            breathe(&taken, 4 * (rows[i + 1] - rows[i]))
            for k in range(rows[i], rows[i + 1]):
                e = min(k, mirror[k])
                if column_color[columns[k]] >= 0:
                    at = column_color[columns[k]] * m + i
                    if first[e] < 0:
                        first[e] = at
                    else:
                        second[e] = at
                    unknown[at] += 1
                    which_one[at] ^= e
                if row_color.shape[0] and row_color[i] >= 0:
                    at = colors * m + row_color[i] * offset + columns[k]
                    if first[e] < 0:
                        first[e] = at
                    else:
                        second[e] = at
                    unknown[at] += 1
                    which_one[at] ^= e
        for at in range(equations):
            if unknown[at] == 1 and top < 2 * nnz:
                stack[top] = at
                top += 1
        while top:
            breathe(&taken, 8)
            top -= 1
            at = stack[top]
            if unknown[at] != 1:
                continue
            e = which_one[at]
            if solved[e]:
                continue
            solved[e] = 1
            entry[count], source[count], other[count] = e, at, -1
            depth = max(depth, level[at])
            for which in range(2):
                place = first[e] if which == 0 else second[e]
                if place < 0:
                    continue
                unknown[place] -= 1
                which_one[place] ^= e
                if place != at:
                    other[count] = place
                    level[place] = max(level[place], level[at] + 1)
                    if unknown[place] == 1:
                        stack[top] = place
                        top += 1
            count += 1
    return entries[:count].copy(), sources[:count].copy(), others[:count].copy(), depth


ctypedef fused real:
    float
    double


def substitute(real[::1] compressed, const int64_t[::1] entry, const int64_t[::1] source, const int64_t[::1] other,
               const int64_t[::1] mirror, real[::1] data):
    """Solve for the entries in the order of :func:`elimination`; `compressed` is used up."""
    cdef int64_t q, taken = 0
    cdef real value
    with nogil:
        for q in range(entry.shape[0]):
            breathe(&taken, 4)
            value = compressed[source[q]]
            data[entry[q]] = value
            data[mirror[entry[q]]] = value
            if other[q] >= 0:
                compressed[other[q]] -= value


def gather(list blocks, int64_t count, int64_t m, int64_t total, int64_t n, const uint16_t[::1] line,
           const int32_t[::1] at, real[::1] data):
    """``data[k] = lines[line[k]][at[k]]``, `lines` being the rows of the blocks, one block after the other.

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
