"""Compare `mmad.compile` with jax.jit and CasADi: same problems, same process, one core, in turns, medians.

    python asv_bench/compiled.py                  the whole comparison, some minutes
    python asv_bench/compiled.py --quick          small sizes and few rounds: that everything runs and is right
    python asv_bench/compiled.py --json FILE      also write every number, with versions

Every result is checked against derivatives worked out by hand or by a complex step before anything is timed.  First
calls, which record and compile, are timed apart from later ones.  A tool that is not installed is left out.  The exit
status is 0 whatever the ratios are, 1 where a result is wrong.
"""

import os
import sys

from peers import arguments, one_core, one_thread, run


def main():
    options = arguments(__doc__, ["jax", "casadi-sx"])
    one_thread()
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    cores = one_core()  # XLA's own threads stay on one core too
    import compiled_alone
    import compiled_versus
    from versus import available

    tools = available(["mmad", *options.tools])
    tasks = [*compiled_versus.tasks(options.quick, tools), *compiled_alone.tasks(options.quick, cores)]
    return run(tasks, tools, options)


if __name__ == "__main__":
    sys.exit(main())
