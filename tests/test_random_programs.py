"""Random programs, every mode and transform against every other, plain evaluation and differences.

``MMAD_RANDOM_PROGRAMS=5000`` runs more of them than the normal 300, ``MMAD_RANDOM_FIRST=1000`` others.
"""

import os

import numpy as np
import programs
import pytest
import reference

import mmad
from mmad.tracing import tree

COUNT = int(os.environ.get("MMAD_RANDOM_PROGRAMS", "300"))
FIRST = int(os.environ.get("MMAD_RANDOM_FIRST", "0"))
SEEDS = range(FIRST, FIRST + COUNT)
ARGUMENTS = (0, 1, 2)

#: Central difference of order six: offsets and weights of f(x + offset h) / h.
OFFSETS, WEIGHTS = (1, 2, 3), (3 / 4, -3 / 20, 1 / 60)


def flat(x):
    """All numbers of a tree as one vector."""
    leaves = tree.flatten(x)[0]
    return np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in leaves])


def unflat(z):
    """Arguments of a program from 17 numbers."""
    return float(z[0]), np.array(z[1:5]), np.array(z[5:]).reshape(3, 4)


def close(got, want, rtol=1e-10):
    """Agreement relative to the largest number: programs may cancel."""
    got, want = flat(got), flat(want)
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * (1e-3 + np.abs(want).max(initial=0.0)))


def difference(f, z, d, h):
    """The directional derivative of a vector function by differences of order six."""
    return sum(w * (f(z + o * h * d) - f(z - o * h * d)) for o, w in zip(OFFSETS, WEIGHTS, strict=True)) / h


def by_differences(f, z, d):
    """The directional derivative and an estimate of its error, which is large at a kink or a jump."""
    coarse, fine = difference(f, z, d, 4e-3), difference(f, z, d, 2e-3)
    return fine, np.abs(coarse - fine).max(initial=0.0)


class Case:
    """One program, the point and the direction."""

    def __init__(self, seed):
        self.program, self.x = programs.build(seed), programs.point(seed)
        self.z = flat(self.x)
        self.d = np.random.default_rng([seed, 1]).normal(size=17)
        self.dots = unflat(self.d)
        self.scalar = lambda *a: self.program(*a)[0]
        self.vector = lambda *a: self.program(*a)[1]

    def derivative(self):
        """The directional derivative of everything it returns, by differences of the plain program, and its error."""
        with np.errstate(all="ignore"):
            return by_differences(lambda z: flat(self.program(*unflat(z))), self.z, self.d)

    def tame(self):
        """Whether rounding errors stay small: a few programs multiply numbers until they are large, or oscillate."""
        derivative, error = self.derivative()
        return np.abs(derivative).max(initial=0.0) < 1e3 and error < 1e2


@pytest.fixture(params=SEEDS)
def case(request):
    """A random program at a random point."""
    found = Case(request.param)
    if not found.tame():
        pytest.skip("ill-conditioned")
    return found


def test_gradient_value_and_tangent_agree_with_the_plain_program(case):
    value, vector = case.program(*unflat(case.z))
    got, gradient = mmad.value_and_grad(case.scalar, ARGUMENTS)(*case.x)
    close(got, value, 1e-12)
    (y, w), (y_dot, w_dot) = mmad.jvp(case.program, case.x, case.dots)
    close((y, w), (value, vector), 1e-12)
    close(y_dot, flat(gradient) @ case.d)
    w, pullback = mmad.vjp(case.vector, *case.x)
    close(flat(pullback(np.array([1.0, -2.0, 0.5, 3.0]))) @ case.d, flat(w_dot) @ [1.0, -2.0, 0.5, 3.0])
    close(mmad.linearize(case.vector, *case.x)[1](*case.dots), w_dot)
    want, error = case.derivative()
    if error < 1e-7:
        np.testing.assert_allclose(flat((y_dot, w_dot)), want, rtol=1e-6, atol=1e-7)


def test_differences_apply_to_most_programs():
    cases = [Case(seed) for seed in SEEDS]
    assert sum(case.derivative()[1] < 1e-7 for case in cases) > 0.8 * COUNT
    assert sum(case.tame() for case in cases) > 0.97 * COUNT


def test_jacobians_agree(case):
    forward = mmad.jacfwd(case.vector, ARGUMENTS)(*case.x)
    close(forward, mmad.jacrev(case.vector, ARGUMENTS)(*case.x))
    _, w_dot = mmad.jvp(case.vector, case.x, case.dots)
    close(sum(np.reshape(j, (4, -1)) @ flat(d) for j, d in zip(forward, case.dots, strict=True)), w_dot)


def test_second_derivatives_agree(case):
    def f(z):
        return case.scalar(z[0], z[1:5], z[5:].reshape(3, 4))

    product = mmad.hvp(f)(case.z, case.d)
    hessian = mmad.hessian(f, strategy="forward-over-reverse")(case.z)
    close(hessian @ case.d, product, 1e-9)
    close(mmad.hessian(f, strategy="reverse-over-reverse")(case.z), hessian, 1e-9)
    close(hessian, hessian.T, 1e-9)
    want, error = by_differences(mmad.grad(f), case.z, case.d)
    if error < 1e-6:
        np.testing.assert_allclose(product, want, rtol=1e-5, atol=1e-6)


def agrees(tape, args, want, rtol=1e-10):
    """A tape is well formed, and gives `want` by mmad's evaluator and by the reference interpreter."""
    mmad.validate(tape)
    leaves = [x for a in args for x in tree.flatten(a)[0]]
    close(tape(*args), want, rtol)
    close(reference.run(tape, [np.copy(x) if isinstance(x, np.ndarray) else x for x in leaves]), want, rtol)


def test_tape_and_its_transforms(case):
    y = case.program(*unflat(case.z))
    tape = mmad.record(case.program, *case.x)
    agrees(tape, case.x, y, 1e-12)
    y, y_dot = mmad.jvp(case.program, case.x, case.dots)
    agrees(tape.pushforward(), (*case.x, *case.dots), (y, y_dot))
    y_bar = (0.7, np.array([1.0, -2.0, 0.5, 3.0]))
    x_bar = mmad.vjp(case.program, *case.x)[1](y_bar)
    agrees(tape.pullback(), (*case.x, y_bar), x_bar)
    linear = tape.linearize()
    agrees(linear, case.dots, y_dot)
    agrees(linear.transpose(), (y_bar,), x_bar)
    agrees(linear.transpose().transpose(), (case.dots,), (y_dot,))
    twice = tuple(np.stack([np.asarray(v)] * 2) for v in case.x)
    agrees(tape.batch(2), twice, [np.stack([np.asarray(v)] * 2) for v in y])


def test_second_order_tapes(case):
    zero = (0.0, np.zeros(4))
    y_bar = (1.0, np.zeros(4))
    gradient = mmad.grad(case.scalar, ARGUMENTS)
    x_bar, product = mmad.jvp(gradient, case.x, case.dots)
    tape = mmad.record(case.program, *case.x)
    agrees(tape.pullback().pushforward(), (*case.x, y_bar, *case.dots, zero), (x_bar, product), 1e-9)
    forward = tape.pushforward().pullback()
    bars = forward(*case.x, *case.dots, ((0.0, np.zeros(4)), y_bar))
    close(bars[:3], product, 1e-9)
    close(bars[3:], x_bar, 1e-9)


def test_tape_elsewhere_is_right_or_refuses(case):
    tape = mmad.record(case.program, *case.x)
    for scale in (1e-3, 0.3, 2.0):
        x = unflat(case.z + scale * case.d)
        try:
            got = tape(*x)
        except mmad.GuardError:
            continue
        close(got, case.program(*unflat(flat(x))), 1e-11)


def test_compiled_replays_agree(case):
    """Recorded at one point, replayed there and elsewhere: value, gradient and Hessian-vector product."""

    def product(*args):
        return mmad.hvp(case.scalar, ARGUMENTS)(*args, case.dots)

    compiled = mmad.compile(mmad.value_and_grad(case.scalar, ARGUMENTS)), mmad.compile(product)
    plain = mmad.value_and_grad(case.scalar, ARGUMENTS), product
    for z in (case.z, case.z, case.z + 0.01 * case.d, case.z - 0.3 * case.d, case.z):
        for g, f in zip(compiled, plain, strict=True):
            with np.errstate(all="ignore"):
                close(g(*unflat(z)), flat(f(*unflat(z))))
