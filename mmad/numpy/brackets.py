"""`np.r_` and `np.c_`, also of traced values."""

import numpy as np

from mmad._core import shape_of
from mmad.numpy.joining import as_operand
from mmad.numpy.shaping import plain_like
from mmad.ops import arithmetic as a
from mmad.ops.movement import concatenate, gather, reshape, size
from mmad.python.kinds import isplain
from mmad.tape.constants import has_traced


class Joining:
    """Joins what is given in brackets, as `np.r_` and `np.c_` do.

    NumPy's own object says where the elements go: it joins arrays of positions, with which they are taken.
    """

    def __init__(self, numpy_object):
        self.numpy_object = numpy_object

    def __getitem__(self, key):
        keys = key if isplain(key, tuple) else (key,)
        if not any(has_traced(k) for k in keys):
            return self.numpy_object[key]
        places, typed, parts, count = [], [], [], 0
        for k in keys:
            if isplain(k, str):
                places.append(k)
                typed.append(k)
                continue
            x = as_operand(np.r_[k] if isplain(k, slice) else k)
            n = size(shape_of(x))
            places.append(np.arange(count, count + n).reshape(shape_of(x))[()])
            parts.append(reshape(x, (n,)))
            typed.append(np.zeros(shape_of(x), x.dtype) if shape_of(x) else plain_like(k))
            count += n
        order, dtype = self.numpy_object[tuple(places)], self.numpy_object[tuple(typed)].dtype
        parts = [p if p.dtype == dtype else a.astype(p, dtype=dtype) for p in parts]
        return gather(concatenate(*parts, axis=0), np.asarray(order))

    def __len__(self):
        return 0


r_ = Joining(np.r_)
c_ = Joining(np.c_)
