"""The figures of docs/how_it_works.md and docs/compiler.md about lanes, replay and nesting: medians, one thread.

python asv_bench/figures.py
"""

import statistics
import time

import numpy as np

import mmad
from mmad.bench import find_problem


def median(function, runs=15):
    """Median seconds of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    """Print each figure on a line."""
    problem, n = find_problem("rosenbrock").at(200), 200
    f, x, eye = problem.make(np), problem.point, np.eye(n)
    product = mmad.hvp(f)
    _, push = mmad.linearize(mmad.grad(f), x)
    hessian = mmad.hessian(f)(x)
    np.testing.assert_allclose(np.array([push(v) for v in eye]), hessian, rtol=1e-12, atol=1e-9)
    gradient, whole = median(lambda: mmad.grad(f)(x)), median(lambda: mmad.hessian(f)(x))
    print(f"Hessian, n = {n}: {1e3 * whole:.2f} ms, {whole / gradient:.0f} gradients")
    print(f"{n} calls of hvp: {1e3 * median(lambda: [product(x, v) for v in eye]):.1f} ms")
    print(f"{n} products with one linearize: {1e3 * median(lambda: [push(v) for v in eye]):.1f} ms")

    problem = find_problem("lotka-volterra").at(500)
    plain = mmad.grad(problem.make(np))
    replay = mmad.compile(plain)
    for name, g in (("recorded and swept", plain), ("replayed", replay)):
        print(f"500 RK4 steps, gradient {name}: {1e3 * median(lambda g=g: g(problem.point)):.2f} ms")

    def chain(x, length=100_000):
        for _ in range(length):
            x = x * 1.0000001
        return x

    second = mmad.grad(mmad.grad(chain))
    print(f"second derivative of a chain of multiplications: {1e9 * median(lambda: second(1.0), 5) / 1e5:.0f} ns each")


if __name__ == "__main__":
    main()
