"""Benchmarks for airspeed velocity: strategies, tools and products of mmad, on the problems of `mmad.bench`."""

import os
import sys
from pathlib import Path

# Before NumPy is imported, or it has no effect.  Processor time counts all threads, so there must be one.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

# What the scripts beside this folder measure too stands there, once.
sys.path.append(str(Path(__file__).parents[1]))
