"""Corrupted files of programs, guided by coverage.

``python tests/support/fuzz_coverage.py CORPUS -max_total_time=600``

Needs atheris (``pip install atheris``).  Files are changed as `fuzz_files.py` does it; those that reach something new
are kept in the folder CORPUS, which is made and filled with whole programs where it is not there.  What is new is a
line of the loader's Python, a message of the compiled checks, or a mix of steps that a program ran.  Further arguments
are libFuzzer's.
"""

import random
import sys
import zlib
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["mmad.compiler.program", "mmad.compiler.program_file"]):
    import fuzz_files
    from program_bytes import Parts

    from mmad.compiler.explain import predicted
    from mmad.compiler.program import Program
    from mmad.errors import ProgramError

LONGEST = 1 << 16  # bytes of a file
SECONDS = 0.5  # that a program may be expected to take


@atheris.instrument_func
def seen(number):
    """A path of its own for every number below 4096."""
    path = 0
    for k in range(12):
        if number >> k & 1:
            path += 1
        elif path > k // 2:
            path -= 1
    return path


def feature(text):
    """Text that is the same for the same reason: without its numbers."""
    seen(zlib.crc32("".join(c for c in text if not c.isdigit()).encode()) % 4096)


def one_input(data):
    try:
        program = Program._loads(data)
    except ProgramError as error:
        feature(str(error))
        return
    steps = program.machine.step_list()
    feature(" ".join(str(s[0]) for s in steps[:8]))
    if predicted(program.machine) < SECONDS and program.workspace < 1 << 28:
        feature(fuzz_files.attempt(data))


def changed(data, size, seed):
    """A custom mutator: one to three changes that keep to the structure of a file."""
    rng = random.Random(seed)
    try:
        parts = Parts(data)
        for _ in range(rng.choice([1, 1, 2, 3])):
            rng.choice(fuzz_files.CHANGES)(rng, parts)
        return parts.dumps()[:size]
    except (TypeError, KeyError, ValueError, IndexError, StopIteration):
        return rng.choice(list(FILES.values()))[:size]


FILES = fuzz_files.bases()

if __name__ == "__main__":
    corpus = Path(sys.argv[1])
    if not corpus.exists():
        corpus.mkdir(parents=True)
        for name, data in FILES.items():
            (corpus / name).write_bytes(data)
    random.seed(0)
    options = [f"-max_len={LONGEST}", "-timeout=60", "-rss_limit_mb=4096", *sys.argv[2:]]
    atheris.Setup([sys.argv[0], str(corpus), *options], one_input, custom_mutator=changed)
    atheris.Fuzz()
