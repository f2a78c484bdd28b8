"""Build the Cython extensions; everything else about the project stands in pyproject.toml.

Every ``mmad/**/*.pyx`` becomes an extension named after its path.  Compiler directives are given here only: a
header in a ``.pyx`` would defeat the checked build.  Where a check cannot be (of None without the GIL) or must not (of
the overflow of a hash), the function or file says so.

A performance hint of Cython fails a build with ``MMAD_STRICT=1``, as ``.ci/run`` makes it; a user's build does not ask
for hints.

``MMAD_CHECKED=1`` builds with bounds, wraparound, initialisation and overflow checks, assertions and debug
symbols; the tests pass in that build too.
"""

import os
import re
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

PACKAGE = "mmad"
CHECKED = os.environ.get("MMAD_CHECKED", "0") not in ("", "0")
STRICT = not CHECKED and os.environ.get("MMAD_STRICT", "0") not in ("", "0")  # the checks are what hints complain of
MODE = "checked" if CHECKED else "release"

KERNELS = Path(PACKAGE) / "kernels"  # the C sources and headers

# CFLAGS=-O0 asks for a build in a third of the time.
ASKED = os.environ.get("CFLAGS", "").split()
OPTIMISED = CHECKED or any(flag.startswith("-O") for flag in ASKED)  # by flags of its own

# What an extension is linked with besides its own source: module name -> arguments of Extension
# (sources, libraries, extra_compile_args, ...).
LINKED: dict[str, dict[str, list[str]]] = {
    "mmad.kernels._machine": {
        "sources": sorted(str(path) for path in KERNELS.glob("*.c")),
        "extra_compile_args": [] if OPTIMISED or os.name == "nt" else ["-O3"],  # loops to be vectorised
    },
}

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": CHECKED,
    "wraparound": CHECKED,
    "initializedcheck": CHECKED,
    "overflowcheck": CHECKED,
    "nonecheck": CHECKED,
    "cdivision": True,
    "embedsignature": True,
    "binding": True,
    "show_performance_hints": STRICT,
}

# No -ffast-math: NaN, infinities and signed zeros mean something in a derivative.  errno is never read,
# and of the processor's exception flags only that of a division by zero, where too many do no harm; a loop that must
# not raise a flag that it would not raise one by one is not vectorised.
# Python's own flags ask for debug information, which would be four fifths of the wheel; CFLAGS=-g asks for it again.
DEBUG = CHECKED or "-g" in ASKED
COMPILE_ARGS = {
    # A checked difference of two pointers would be one of bytes, not of elements.
    "unix": ["-O1", "-g", "-UNDEBUG", "-Werror=int-conversion"]
    if CHECKED
    else [
        *([] if OPTIMISED else ["-O2"]),
        "-fno-math-errno",
        "-fno-trapping-math",
        "-Werror=implicit-function-declaration",
        *([] if DEBUG else ["-g0"]),
    ],
    "msvc": ["/std:c11", "/experimental:c11atomics", *(["/Od", "/UNDEBUG"] if CHECKED else ["/O2"])],
}
# What -O3 does to loops; the rest of it makes a build longer, and no program faster.
VECTORISED = ["-ftree-vectorize", "-fvect-cost-model=dynamic"]
LINK_ARGS = {"unix": [] if DEBUG else ["-Wl,-x" if sys.platform == "darwin" else "-Wl,-s"]}  # strip symbols


NAMES_A_FILE = re.compile(
    r"""^\s*(?:cdef\s+extern\s+from\s+"(?P<extern>[^"<>]+\.h)"
             | \#\s*include\s+"(?P<include>[^"]+)"
             | (?:from\s+(?P<module>mmad[\w.]*)\s+cimport\b)
             | (?:cimport\s+(?P<whole>mmad[\w.]*)))""",
    re.MULTILINE | re.VERBOSE,
)


def headers_of(sources: list[str]) -> list[str]:
    """Return the package's C headers that sources include, directly or through a ``.pxd`` or another header."""
    pending, seen = [Path(source) for source in sources], set()
    while pending:
        path = pending.pop()
        if path in seen or not path.exists():
            continue
        seen.add(path)
        if path.suffix == ".pyx":
            pending.append(path.with_suffix(".pxd"))
        for match in NAMES_A_FILE.finditer(path.read_text()):
            header, module = match["extern"] or match["include"], match["module"] or match["whole"]
            if header:
                pending.append(KERNELS / header)
            else:
                pending.append(Path(*module.split(".")).with_suffix(".pxd"))
    return sorted(str(path) for path in seen if path.suffix == ".h")


def extensions() -> list[Extension]:
    """Return one extension for each ``.pyx`` in the package."""
    found = []
    for path in sorted(Path(PACKAGE).rglob("*.pyx")):
        name = ".".join(path.with_suffix("").parts)
        linked = dict(LINKED.get(name, {}))
        sources = [str(path), *linked.pop("sources", [])]
        found.append(
            Extension(
                name,
                sources,
                include_dirs=[str(KERNELS)],
                depends=headers_of(sources),
                # The oldest NumPy that is supported, whichever one the headers are of.
                define_macros=[
                    (name, "NPY_2_0_API_VERSION") for name in ("NPY_NO_DEPRECATED_API", "NPY_TARGET_VERSION")
                ],
                **linked,
            )
        )
    return found


@contextmanager
def captured_stderr(lines: list[str]):
    """Collect what this process and its children write to file descriptor 2, then pass it on."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            text = sink.read().decode(errors="replace")
            sys.stderr.write(text)
            lines.extend(text.splitlines())


def translated(of: list[Extension]) -> list[Extension]:
    """Return the extensions with C files instead of Cython files."""
    from Cython.Build import cythonize

    folder = Path("build") / f"cython-{MODE}"
    done = cythonize(
        [Extension(ext.name, list(ext.sources), include_dirs=[str(KERNELS)]) for ext in of],
        compiler_directives=DIRECTIVES,
        build_dir=str(folder),
        nthreads=os.cpu_count() or 1,
    )
    # Cython copies headers there, where the compiler finds them first, and leaves the copy of one that has moved.
    for copy in folder.rglob("*.h"):
        copy.unlink()
    return done


class BuildExtensions(build_ext):
    """Run Cython when extensions are built, and fail a strict build on a performance hint.

    Cython prints a hint once, when it translates the file, and has no switch that makes it an error.  The
    hints are read from what it prints; the C file is then removed, so that the next build translates it, and
    fails, again.
    """

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1
        # Timestamps cannot tell a checked object from a release one.
        self.stamp = Path(self.build_temp) / "mode"
        if not self.stamp.exists() or self.stamp.read_text() != MODE:
            self.force = True

    def build_extensions(self):
        import numpy

        output: list[str] = []
        with captured_stderr(output):
            sources = {ext.name: ext.sources for ext in translated(self.extensions)}
        self.refuse_hints(output, sources)
        if not OPTIMISED and self.compiler.compiler_type == "unix" and self.links("", ["-Werror", *VECTORISED]):
            COMPILE_ARGS["unix"] += VECTORISED
        for ext in self.extensions:
            ext.sources = sources[ext.name]
            ext.include_dirs = [*ext.include_dirs, numpy.get_include()]
            ext.extra_compile_args = [
                *COMPILE_ARGS.get(self.compiler.compiler_type, []),
                *ext.extra_compile_args,
            ]
            ext.extra_link_args = [*LINK_ARGS.get(self.compiler.compiler_type, []), *ext.extra_link_args]
            if ext.name == "mmad.kernels._machine":
                self.use_vector_math(ext)
        super().build_extensions()
        self.stamp.parent.mkdir(parents=True, exist_ok=True)
        self.stamp.write_text(MODE)

    def use_vector_math(self, ext):
        """Let the block kernels use glibc's vector math library (since 2.35), where it can be linked."""
        if self.compiler.compiler_type != "unix":
            return
        if self.links("", ["-fopenmp-simd"]):
            ext.extra_compile_args.append("-fopenmp-simd")
        probe = """
            __attribute__((simd("notinbranch"), const)) double tanh(double);
            __attribute__((simd("notinbranch"), const)) float tanhf(float);
            void f(double *r, const double *a, float *s, const float *b, int n) {
                _Pragma("omp simd") for (int i = 0; i < n; i++) r[i] = tanh(a[i]);
                _Pragma("omp simd") for (int i = 0; i < n; i++) s[i] = tanhf(b[i]);
            }
        """
        if self.links(probe, ["-O3", "-fopenmp-simd", "-fno-math-errno"], ["mvec", "m"]):
            ext.libraries = [*ext.libraries, "mvec", "m"]
            ext.define_macros = [*ext.define_macros, ("MMAD_LIBMVEC", "1")]

    def links(self, source, arguments, libraries=()):
        """Whether the compiler takes a source and links it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "probe.c"
            path.write_text(source + "\nint main(void) { return 0; }\n")
            try:
                with captured_stderr([]):
                    objects = self.compiler.compile([str(path)], output_dir=folder, extra_postargs=arguments)
                    self.compiler.link_executable(objects, "probe", output_dir=folder, libraries=list(libraries))
            except (CompileError, LinkError):
                return False
        return True

    @staticmethod
    def refuse_hints(output, sources):
        pattern = re.compile(rf"performance hint: (?:.*[/\\])?({PACKAGE}[/\\][^:]*)")
        hints = [line for line in output if pattern.match(line)]
        if not hints:
            return
        named = {".".join(Path(pattern.match(line)[1]).with_suffix("").parts) for line in hints}
        for name in named if named <= set(sources) else sources:
            Path(sources[name][0]).unlink(missing_ok=True)
        raise SystemExit("\n".join([f"{len(hints)} Cython performance hint(s), treated as errors:", *hints]))


if __name__ == "__main__":
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildExtensions})
