"""Compare `mmad.compile` with jax.jit: same problems, same process, one core, in turns, medians.

    python asv_bench/compiled.py [--quick] [--only WORD]

Every result is checked against derivatives worked out by hand before anything is timed.
"""

import argparse
import os
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds")
    parser.add_argument("--only", metavar="WORD", default="", help="only the tasks whose name contains WORD")
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"  # before NumPy is imported, or it has no effect
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # XLA's own threads stay on one core too
    import jax
    import jax.numpy as jnp
    import numpy as np
    from benchmarks import problems, problems_compiled
    from measure import Job, compare
    from peers import table
    from report import Row, duration

    import mmad

    jax.config.update("jax_enable_x64", True)

    def jobs(problem):
        x, v, f, g = problem.point, problem.direction, problem.make(np), problem.make(jnp)
        dx, dv = jax.device_put(x), jax.device_put(v)
        gradient, hvp = mmad.compile(mmad.grad(f)), mmad.compile(mmad.hvp(f))
        peer, slope = jax.jit(jax.grad(g)), jax.grad(g)
        product = jax.jit(lambda a, b: jax.jvp(slope, (a,), (b,))[1])
        yield "gradient", lambda: gradient(x), lambda: jax.block_until_ready(peer(dx)), lambda: problem.gradient(x)
        yield "HVP", lambda: hvp(x, v), lambda: jax.block_until_ready(product(dx, dv)), problem.hvp

    sizes = {100: 0.7, 10_000: 1.2} | ({} if options.quick else {1_000_000: 1.5})
    work = [(problems.rosenbrock(n), bar, ("gradient", "HVP")) for n, bar in sizes.items()]
    work.append((problems_compiled.log_sum_exp(1000 if options.quick else 1_000_000), 0.7, ("gradient",)))
    rows = []
    for problem, bar, kinds in work:
        for kind, ours, theirs, right in jobs(problem):
            task = f"{problem.name} {kind}"
            if kind not in kinds or options.only not in task:
                continue
            both = {"mmad": Job(ours, np.asarray), "jax": Job(theirs, np.asarray)}
            try:
                times = compare(both, right(), 3 if options.quick else 15)
            except ArithmeticError as error:
                print(f"wrong result: {task}: {error}", file=sys.stderr)
                return 1
            a, b = times["mmad"], times["jax"]
            pairs = (("", a.median, b.median, bar), (", first call", a.first, b.first, 0.05))
            for suffix, mine, other, limit in pairs:
                ratio = f"{mine / other:.3g}x"
                met = mine / other <= limit
                rows.append(Row(task + suffix, duration(mine), f"jax {duration(other)}", ratio, f"<= {limit}", met))
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
