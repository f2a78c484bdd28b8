"""Random programs, differentiated by every strategy of the planner, eagerly and compiled, on branches back and forth.

Half of them apply a program of `tests/support/programs.py` to the rows of a matrix: the Jacobian has blocks, pattern
and branches are each program's own.  The others are short programs on vectors, with neighbours, gathered elements,
numbers that everything depends on, and branches: what blocks and waists are found in.
"""

import os
import random
import warnings

import array_programs
import numpy as np
import programs
import pytest

import mmad
from mmad.errors import StructureError
from mmad.planner.decision.task import COLORED, DENSE, STRUCTURED

COUNT = int(os.environ.get("MMAD_RANDOM_PROGRAMS", "12"))
FIRST = int(os.environ.get("MMAD_RANDOM_FIRST", "0"))
ROWS = 2
TAME = 1e4  # derivatives beyond it: rounding errors of different orders of evaluation grow as large


def rows_program(seed):
    """A program of numbers and small arrays as a function of a vector, and points on as many branches as there are."""
    program = programs.build(seed)
    z = np.concatenate([np.ravel(v) for k in range(ROWS) for v in programs.point(seed + k)])
    d = np.random.default_rng([seed, 3]).normal(size=z.size)

    def f(z):
        parts = []
        for row in z.reshape(ROWS, 17):
            number, vector = program(row[0], row[1:5], row[5:].reshape(3, 4))
            parts += [np.reshape(number, 1), vector]
        return np.concatenate(parts)

    return f, [z, z, z - 0.3 * d, z - 0.3 * d, z]


def vector_program(seed):
    """A program on vectors of some length, with a branch in every few steps."""
    plan = random.Random(seed)
    n = plan.choice((20, 70, 90))
    index = np.random.default_rng(seed).integers(0, n, n)
    steps = [plan.randrange(9) for _ in range(plan.randrange(3, 8))]
    places = [(plan.random(), plan.random(), plan.randrange(n)) for _ in steps]
    reduced = plan.random() < 0.3

    def f(x):
        values = [x]
        for step, (p, q, place) in zip(steps, places, strict=True):
            a, b = values[int(p * len(values))], values[int(q * len(values))]
            unary = array_programs.UNARY[int(p * len(array_programs.UNARY))]
            binary = array_programs.BINARY[int(q * len(array_programs.BINARY))]
            if step <= 1:
                values.append(unary(a))
            elif step <= 3:
                values.append(binary(a, b))
            elif step == 4:
                values.append(a[index] * b)
            elif step == 5:
                c = np.sin(a)
                c[1:] += a[:-1] * b[1:]
                values.append(c)
            elif step == 6:
                values.append(np.tanh(a * b.sum() / n) if p < 0.5 else np.tanh((a @ b) / n) * np.linspace(0.5, 1.0, n))
            elif a[place] > 0.3:
                values.append(unary(a) * b)
            else:
                values.append(np.roll(a, 1) + b)
        return np.sin(values[-1][::2] * values[-1][1::2]) if reduced else values[-1]

    rng = np.random.default_rng([seed, 4])
    z, other = rng.normal(size=(2, n))
    return f, [z, z, other, other, z]


def program_of(seed):
    return rows_program(seed) if seed % 2 else vector_program(seed)


def agree(make, f, strategies, points, reference, rtol):
    want = [reference(f)(z) for z in points]
    if not all(np.abs(w).max() < TAME for w in want):
        pytest.skip("ill-conditioned")
    for strategy in strategies:
        for mode in ("eager", "compiled"):
            for sparse in (False, True):
                F = make(f, strategy=strategy, mode=mode, sparse=sparse)
                for z, right in zip(points, want, strict=True):
                    try:
                        got = F(z)
                    except StructureError:
                        assert strategy in ("blocks", "waist")
                        continue
                    except (TypeError, ValueError):  # forward mode does not write into arrays that are not its own
                        if strategy != "reverse-over-forward":
                            raise
                        continue
                    got = got.toarray() if sparse else got
                    np.testing.assert_allclose(
                        got, right, rtol, rtol * np.abs(right).max(), err_msg=f"{strategy}, {mode}, sparse={sparse}"
                    )


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_jacobians(seed):
    f, points = program_of(seed)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strategies = (*DENSE["jacobian"], *COLORED["jacobian"], *STRUCTURED["jacobian"])
        agree(mmad.jacobian, f, strategies, points, mmad.jacfwd, 1e-9)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_hessians(seed):
    f, points = program_of(seed)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strategies = ("forward-over-reverse", "reverse-over-reverse", "reverse-over-forward", "star", "blocks")
        agree(
            mmad.hessian, lambda z: np.tanh(f(z)).sum(), strategies, points, lambda f: mmad.jacfwd(mmad.grad(f)), 1e-8
        )
