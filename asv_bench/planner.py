"""Measure the planner: sparse derivatives against CasADi and asdex, colours, detection, overhead, and regret.

    python asv_bench/planner.py                  everything, some minutes
    python asv_bench/planner.py --quick          small sizes and few rounds: that everything runs and is right
    python asv_bench/planner.py --json FILE      also write every number, with versions

Every derivative is checked against one worked out by hand or by a complex step before anything is timed.  A tool that
is not installed is left out.  The exit status is 0 whatever the numbers are, 1 where a result is wrong.
"""

import os
import sys

from peers import arguments, one_core, one_thread, run


def main():
    options = arguments(__doc__, ["casadi-mx", "asdex"])
    one_thread()
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    one_core()  # XLA's own threads stay on one core too
    import planner_alone
    import planner_blocks
    import planner_versus
    import regret
    from versus import available

    tools = available(["mmad", *options.tools])
    tasks = [
        *planner_versus.tasks(options.quick, tools),
        *planner_alone.tasks(options.quick),
        *planner_blocks.tasks(options.quick),
        *regret.tasks(options.quick),
    ]
    return run(tasks, tools, options)


if __name__ == "__main__":
    sys.exit(main())
