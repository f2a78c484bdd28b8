"""References and mode runners shared by the tests.

A language test is a Python program and a straight-line *reference* for it. The reference is evaluated by
mpmath in 60 digits and differentiated by central differences, so it is exact to far below double rounding and
shares no code with mmad. `check` runs the program in one mode and compares.
"""

import copy
import dataclasses
import os
import pathlib
import subprocess
import sys

import mpmath
import numpy as np

import mmad

#: "value" runs the program on plain numbers: it proves that the test itself is right.
MODES = ("value", "fwd", "rev", "fwd_over_rev", "rev_over_rev", "rev_over_fwd", "fwd_over_fwd")

RTOL = 1e-11  # a few hundred ulp: the programs are short and well conditioned
ATOL = 1e-13

_DIGITS = 60
_STEP = mpmath.mpf(10) ** -12  # truncation 1e-24, cancellation in second differences 1e-36


def flatten(tree):
    """All numbers of a tree of dicts, sequences, dataclasses and arrays, as one float64 vector."""
    if isinstance(tree, dict):
        parts = [flatten(leaf) for leaf in tree.values()]
    elif dataclasses.is_dataclass(tree):
        parts = [flatten(getattr(tree, field.name)) for field in dataclasses.fields(tree)]
    elif isinstance(tree, (list, tuple)):
        parts = [flatten(leaf) for leaf in tree]
    else:
        return np.asarray(tree, dtype=np.float64).ravel()
    return np.concatenate([*parts, np.zeros(0)])


def unflatten(tree, flat):
    """A tree of the structure of `tree` with the numbers of the vector `flat`."""
    numbers = iter(flat)

    def build(node):
        if isinstance(node, dict):
            return type(node)((key, build(leaf)) for key, leaf in node.items())
        if dataclasses.is_dataclass(node):
            fields = {field.name: build(getattr(node, field.name)) for field in dataclasses.fields(node)}
            return dataclasses.replace(node, **fields)
        if isinstance(node, tuple) and hasattr(node, "_fields"):
            return type(node)(*(build(leaf) for leaf in node))
        if isinstance(node, (list, tuple)):
            return type(node)(build(leaf) for leaf in node)
        if isinstance(node, np.ndarray):
            return np.array([next(numbers) for _ in range(node.size)], dtype=node.dtype).reshape(node.shape)
        return type(node)(next(numbers))

    return build(tree)


def tree_dot(a, b):
    """The inner product of two trees of one structure; the numbers of `a` may be traced."""
    if isinstance(a, dict):
        return sum(tree_dot(a[key], b[key]) for key in a)
    if dataclasses.is_dataclass(a):
        return sum(tree_dot(getattr(a, field.name), getattr(b, field.name)) for field in dataclasses.fields(a))
    if isinstance(a, (list, tuple)):
        return sum(tree_dot(p, q) for p, q in zip(a, b, strict=True))
    return (a * b).sum() if np.ndim(b) else a * b


def reference(program, x, v):
    """Value, gradient and Hessian-vector product of ``program(m, x)`` by 60-digit differences.

    Parameters
    ----------
    program : callable
        Takes the mpmath context and a list of its numbers, returns one of its numbers.
    x, v : ndarray, shape (n,), float64
        The point and the direction.

    Returns
    -------
    value : float
    gradient, product : ndarray, shape (n,), float64
    """
    with mpmath.workdps(_DIGITS):
        base, direction, h = [mpmath.mpf(t) for t in x], [mpmath.mpf(t) for t in v], _STEP

        def at(i, step, along):
            point = [b + along * d for b, d in zip(base, direction, strict=True)]
            point[i] += step
            return mpmath.mpf(program(mpmath.mp, point))

        indices = range(len(base))
        value = float(program(mpmath.mp, list(base)))
        gradient = [float((at(i, h, 0) - at(i, -h, 0)) / (2 * h)) for i in indices]
        product = [float((at(i, h, h) - at(i, h, -h) - at(i, -h, h) + at(i, -h, -h)) / (4 * h * h)) for i in indices]
    return value, np.array(gradient), np.array(product)


def second_order(mode, f, x, v):
    """The Hessian-vector product of `f` in one mix of modes; the curvature v.H.v for "fwd_over_fwd"."""
    if mode == "fwd_over_rev":
        return mmad.hvp(f)(x, v)
    if mode == "rev_over_rev":
        return mmad.grad(lambda t: tree_dot(mmad.grad(f)(t), v))(x)

    def directional(t):
        return mmad.jvp(f, (t,), (v,))[1]

    if mode == "rev_over_fwd":
        return mmad.grad(directional)(x)
    if mode == "fwd_over_fwd":
        return mmad.jvp(directional, (x,), (v,))[1]
    raise ValueError(mode)


def check(mode, f, x, program, v=None, rtol=RTOL):
    """Run `f` at the tree `x` in one mode of `MODES` and compare with the straight-line `program(m, x)`."""
    flat = flatten(x)
    if v is None:
        v = unflatten(x, np.random.default_rng(7).normal(size=flat.size))
    value, gradient, product = reference(program, flat, flatten(v))
    before = copy.deepcopy(x)
    if mode == "value":
        got, want = f(x), value
        before = x  # a program may change its own argument; only a derivative may not
    elif mode == "fwd":
        got, want = mmad.jvp(f, (x,), (v,)), [value, gradient @ flatten(v)]
    elif mode == "rev":
        got, want = mmad.value_and_grad(f)(x), [value, *gradient]
    elif mode == "fwd_over_fwd":
        got, want = second_order(mode, f, x, v), product @ flatten(v)
    else:
        got, want = second_order(mode, f, x, v), product
    np.testing.assert_allclose(flatten(got), np.atleast_1d(want), rtol=rtol, atol=ATOL)
    np.testing.assert_array_equal(flatten(x), flatten(before), err_msg="the caller's argument was changed")


def derivative(mode, f):
    """The derivative of a function of one number by ``"fwd"`` or ``"rev"``; nests."""
    if mode == "rev":
        return mmad.grad(f)
    return lambda x: mmad.jvp(f, (x,), (1.0,))[1]


def interpreter(code, *arguments):
    """The command and the environment that run `code` in a fresh interpreter with the same mmad."""
    environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    home = str(pathlib.Path(mmad.__file__).resolve().parents[1])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [home, environment.get("PYTHONPATH")]))
    return [sys.executable, "-c", code, *map(str, arguments)], environment


def python(code, *arguments, timeout=120):
    """Run `code` in a fresh interpreter that imports the same mmad; returns the finished process."""
    command, environment = interpreter(code, *arguments)
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
