"""Every declared operation, and the points at which tests evaluate and differentiate it."""

import importlib
import pkgutil

import numpy as np
import pytest

import mmad.numpy
import mmad.ops
from mmad.tape._instructions import OPERATIONS, Op


def declared():
    """The operations that mmad itself declares: those its modules name, and what those were made from."""
    names = set()
    for package in (mmad.ops, mmad.numpy):
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            names |= {v.name for v in vars(module).values() if isinstance(v, Op)}
    return names | {name for name in ("max_weights", "min_weights") if name in OPERATIONS}


NAMES = sorted(declared())
DIFFERENTIABLE = [name for name in NAMES if not OPERATIONS[name].boolean]
# Their derivative is not that of their evaluation; tested apart, below, in numpy/test_eigenbases.py and
# numpy/test_decompositions.py.
APART = {"stop_gradient", "astype", "tied", "tanh_slope", "agreed", "turned_freely", "checked_free"}
WITH_PARTIALS = [name for name in NAMES if OPERATIONS[name].partials is not None and name not in APART]

A = np.array([[0.3, -1.2, 0.8], [1.7, 0.4, -0.6]])
B = np.array([[0.9, -0.5], [1.1, 0.2], [-1.4, 0.7]])
C = np.cos(np.arange(12.0)).reshape(2, 3, 2)
V = np.array([0.7, -0.3, 1.1])
ROWS = {"offset": 1, "shape": (2, 2), "strides": (3, 1), "of": (2, 3)}
BACK = {"offset": 5, "shape": (2, 3), "strides": (-3, -1), "of": (2, 3)}
SPREAD = {"offset": 0, "shape": (2, 2, 3), "strides": (0, 3, 1), "of": (2, 3)}
OVERLAP = {"offset": 0, "shape": (2, 2), "strides": (1, 1), "of": (3,)}
INDEX = np.array([2, 0, 0, 1])
ALONG = np.array([[0, 2], [1, 1]])

#: Probe points of the structural operations that do not carry their own.
PROBES = {
    "window": ((A, ROWS), (A, BACK), (A, SPREAD), (V, OVERLAP)),
    "embed": ((A[:, 1:], ROWS), (A, BACK), (np.stack([A, 2 * A]), SPREAD), (B[:2], OVERLAP)),
    "put": ((A, B[:2], ROWS), (A, 1.3, BACK)),
    "gather": ((V, INDEX), (A, (np.array([1, 0, 1]), np.array([2, 2, 0]))), (A, A > 0), (C, INDEX[1:3])),
    "scatter_add": (
        (np.arange(4.0), INDEX, {"shape": (3,)}),
        (np.arange(4.0), A > 0, {"shape": (2, 3)}),
        (V, (np.array([1, 0, 1]), np.array([2, 2, 2])), {"shape": (2, 3)}),
    ),
    "put_index": ((V, np.array([0.5, 1.5, 2.5, 3.5]), INDEX), (A, 0.4, A > 0)),
    "concatenate": ((A, B.T, {"axis": 0}), (A, C[0].T, A[:, :1], {"axis": 1})),
    "sum": (
        (A, {"axis": (0, 1), "keepdims": False}),
        (C, {"axis": (1,), "keepdims": True}),
        (C, {"axis": (0, 2), "keepdims": False}),
    ),
    "matmul": ((A, B), (V, B), (A, V), (V, V[::-1]), (C, B.T), (B.T, C), (C, C[:1].swapaxes(1, 2))),
    "max": ((A, {"axis": (1,), "keepdims": False}), (C, {"axis": (0, 2), "keepdims": True})),
    "max_weights": ((A, {"axis": (1,)}),),
    "cumsum": ((A, {"axis": 1, "reverse": False}), (C, {"axis": 0, "reverse": True})),
    "cummax": ((A, {"axis": 1, "reverse": False}),),
    "recurrence": ((A, A[::-1], {"axis": 1, "reverse": False}), (C, C + 1.0, {"axis": 1, "reverse": True})),
    "prod": (
        (A, {"axis": (1,), "keepdims": False}),
        (np.array([[0.0, 1.3, 2.0]]), {"axis": (1,), "keepdims": True}),
        (np.array([0.0, 1.3, 0.0]), {"axis": (0,), "keepdims": False}),
    ),
    "slide_out": ((A[0], V),),
    "slide_in": ((np.cos(np.arange(5.0)), V),),
    "sinc": ((A, {"order": 0}), (np.array([0.0, 0.3]), {"order": 0}), (A, {"order": 2})),
    "frexp_scale": ((A, {"part": 0}), (A, {"part": 1})),
    "next_step": ((A, A + 1.0),),
    "round": ((A, {"decimals": 0}),),
    "spacing": ((A,),),
    "take_along": ((A, ALONG, {"axis": 1, "unique": False}),),
    "add_along": ((B[:2], ALONG, {"axis": 1, "unique": False, "shape": (2, 3)}),),
}
PROBES |= {
    "min": PROBES["max"],
    "min_weights": PROBES["max_weights"],
    "cumprod": PROBES["cumsum"],
    "cummin": PROBES["cummax"],
}


def probes(op):
    """The probe points of an operation, as (operands, params)."""
    points = op.probes or PROBES.get(op.name, ())
    return [(p[:-1], p[-1]) if p and isinstance(p[-1], dict) else (tuple(p), {}) for p in points]


CASES = [
    pytest.param(name, k, id=f"{name}-{k}")
    for name in DIFFERENTIABLE
    if name not in APART
    for k in range(max(1, len(probes(OPERATIONS[name]))))
]


def case(name, k):
    points = probes(OPERATIONS[name])
    assert points, f"operation {name} has no probe points"
    return OPERATIONS[name], *points[k]


def inexact(x):
    return isinstance(x, float | complex | np.inexact) or (isinstance(x, np.ndarray) and x.dtype.kind in "fc")


def differentiable(op, operands):
    """Positions of the operands that the operation has a derivative in."""
    positions = []
    for i, x in enumerate(operands):
        if not inexact(x):
            continue
        if (
            op.jvp is not None
            or (op.transposes is not None and i in op.transposes)
            or (op.partials is not None and op.partials[i] is not None)
        ):
            positions.append(i)
    return positions
