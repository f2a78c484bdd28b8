"""Run the call forms of `numpy_forms.py` in every mode, and write the table of NumPy's public functions.

A form is run on plain arrays first, and then on traced ones: the results must have NumPy's values, shapes and dtypes.
Derivatives are compared with central differences of the plain function, second derivatives with differences of the
gradient.  ``python tests/support/numpy_surface.py`` writes `docs/numpy.md`, and
``python tests/support/numpy_surface.py NAME ...`` shows what fails in the forms of these names.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
from numpy_forms import FORMS
from numpy_names import REFUSED, not_concerned, public_names

import mmad

PAGE = Path(__file__).parents[2] / "docs" / "numpy.md"

MODES = ("forward", "reverse", "second order", "compiled", "float32", "complex128")
STEP = 1e-5  # of differences: their error is some 1e-10 of the third derivative, and rounding 1e-11
RTOL = 2e-6


class WrongError(AssertionError):
    """A result that is not the right one."""


def leaves(result):
    """Return the arrays and numbers of a result, in order."""
    if isinstance(result, tuple | list):
        return [leaf for part in result for leaf in leaves(part)]
    return [result]


def kind_of(leaf):
    """Return the kind of dtype of a number, an array, or something else ("O")."""
    if hasattr(leaf, "dtype"):
        return leaf.dtype.kind
    return np.asarray(leaf).dtype.kind if isinstance(leaf, bool | int | float | complex) else "O"


def same_kind(got, want, tolerance=1e-12):
    """Raise :class:`WrongError` unless two results have the same shapes, dtypes and values."""
    got, want = leaves(got), leaves(want)
    if len(got) != len(want):
        raise WrongError(f"{len(got)} results instead of {len(want)}")
    for g, w in zip(got, want, strict=True):
        if np.shape(g) != np.shape(w):
            raise WrongError(f"shape {np.shape(g)} instead of {np.shape(w)}")
        if hasattr(w, "dtype") and getattr(g, "dtype", np.asarray(w).dtype) != w.dtype:
            raise WrongError(f"dtype {g.dtype} instead of {w.dtype}")
        values = mmad.concrete(g)
        if kind_of(w) in "fc":
            np.testing.assert_allclose(values, w, rtol=tolerance, atol=tolerance)
        else:
            np.testing.assert_array_equal(values, w)


def weighted(result, seed=5):
    """Return a sum of all floating-point results with weights: what is differentiated."""
    rng = np.random.default_rng(seed)
    total = 0.0
    for leaf in leaves(result):
        if kind_of(leaf) not in "fc":
            continue
        w = rng.uniform(0.5, 1.5, np.shape(leaf))
        if kind_of(leaf) == "c":
            total = total + (w * np.real(leaf)).sum() - (w * w * np.imag(leaf)).sum()
        else:
            total = total + (w.astype(leaf.dtype) * leaf if hasattr(leaf, "dtype") else w * leaf).sum()
    return total


def like(points, seed):
    """Return a direction for each argument."""
    rng = np.random.default_rng(seed)

    def draw(x):
        v = rng.normal(size=np.shape(x))
        v = v + 1j * rng.normal(size=np.shape(x)) if np.iscomplexobj(x) else v
        return v if np.ndim(x) else complex(v) if np.iscomplexobj(x) else float(v)

    return tuple(draw(x) for x in points)


def moved(points, direction, step):
    """Return the arguments moved along a direction."""
    return tuple(x + step * v for x, v in zip(points, direction, strict=True))


def product(xs, ys):
    """Return the real inner product of two tuples of arguments."""
    return sum(float(np.real(np.sum(np.conj(x) * y))) for x, y in zip(xs, ys, strict=True))


def close(got, want, rtol=RTOL):
    """Raise :class:`WrongError` unless two derivatives agree."""
    scale = max([1.0, *(float(np.max(np.abs(w), initial=0.0)) for w in leaves(want))])
    for g, w in zip(leaves(got), leaves(want), strict=True):
        if not np.allclose(g, w, rtol=rtol, atol=rtol * scale):
            raise WrongError(f"derivative {g} instead of {w}")


class Run:
    """What a form does: its kind, and for every mode True, or why it fails; None where NumPy takes no such argument."""

    def __init__(self, form):
        self.form, self.points = form, form.points
        self.modes, self.calls = {}, 0  # calls of NumPy in the compiled gradient
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.plain = form.call(*self.points)
            self.kind = "differentiable" if any(kind_of(v) in "fc" for v in leaves(self.plain)) else "integer-valued"
            for mode in MODES:
                try:
                    self.modes[mode] = getattr(self, mode.replace(" ", "_"))()
                except Exception as error:  # whatever goes wrong is what the table is to say
                    self.modes[mode] = f"{type(error).__name__}: {error}"

    @property
    def works(self):
        """Whether every mode works that NumPy has."""
        return all(result in (True, None) for result in self.modes.values())

    def loss(self, points, plain=None, tolerance=1e-12):
        """Return the weighted results at `points`, compared with the plain ones."""
        result = self.form.call(*points)
        if plain is not None:
            same_kind(result, plain, tolerance)
        return weighted(result)

    def slope(self, points, direction, step=STEP):
        """Return the derivative of the plain function along a direction, by differences."""
        ahead, behind = (self.loss(moved(points, direction, s)) for s in (step, -step))
        return (ahead - behind) / (2 * step)

    def forward(self, points=None, plain=None):
        """Compare pushforwards with differences."""
        points, plain = points or self.points, self.plain if plain is None else plain
        for seed in (1, 2):
            v = like(points, seed)
            got = mmad.jvp(lambda *x: self.loss(x, plain), points, v)[1]
            close(got, self.slope(points, v))
        return True

    def gradient(self, points):
        """Return the gradient in all arguments."""
        return mmad.grad(lambda x: self.loss(x))(points)

    def reverse(self, points=None, plain=None):
        """Compare gradients with differences."""
        points, plain = points or self.points, self.plain if plain is None else plain
        gradient = mmad.grad(lambda x: self.loss(x, plain))(points)
        for seed in (1, 2):
            v = like(points, seed)
            close(product(gradient, v), self.slope(points, v))
        return True

    def second_order(self):
        """Compare Hessian-vector products with differences of the gradient."""
        v = like(self.points, 3)
        got = mmad.hvp(lambda x: self.loss(x))(self.points, v)
        ahead, behind = (self.gradient(moved(self.points, v, s)) for s in (STEP, -STEP))
        close(got, [(p - q) / (2 * STEP) for p, q in zip(ahead, behind, strict=True)], 20 * RTOL)
        return True

    def compiled(self):
        """Compare a compiled gradient, at a point where it was not recorded, with the eager one."""
        compiled = mmad.compile(mmad.grad(lambda x: self.loss(x)))
        compiled(self.points)
        self.calls = mmad.record(lambda x: self.gradient(x), self.points).compile().counts()["calls"]
        near = moved(self.points, tuple(np.abs(v) for v in like(self.points, 4)), 1e-3)
        close(list(compiled(near)), list(self.gradient(near)), 1e-12)
        return True

    def float32(self):
        """Compare the gradient in float32 with that in float64; results have the dtypes that NumPy gives."""
        if not self.form.as_float32:
            return None
        points = tuple(np.asarray(x, np.complex64 if np.iscomplexobj(x) else np.float32)[()] for x in self.points)
        plain = self.form.call(*points)
        got = mmad.grad(lambda x: self.loss(x, plain, 1e-4))(points)
        for g, x in zip(got, points, strict=True):
            if g.dtype != x.dtype:
                raise WrongError(f"the gradient has dtype {g.dtype} instead of {x.dtype}")
        close(list(got), list(self.gradient(self.points)), 2e-3)
        return True

    def complex128(self):
        """Compare derivatives at complex arguments, where NumPy takes them, with differences."""
        if any(np.iscomplexobj(x) for x in self.points):
            return self.reverse() and self.forward()
        if not self.form.as_complex:
            return None
        points = tuple(x + 0.3j * v for x, v in zip(self.points, like(self.points, 6), strict=True))
        try:
            plain = self.form.call(*points)
        except Exception:
            return None
        if self.kind == "integer-valued":
            return self.reverse(points, plain)
        return self.reverse(points, plain) and self.forward(points, plain)


# ------------------------------------------------------------------------------------------------------ the table
HEAD = """# NumPy's functions on traced values

This page is generated: `python tests/support/numpy_surface.py` runs every call form of `tests/support/numpy_forms.py`,
and the tests compare. A function has a line. Its derivatives have been compared with differences of the plain function,
and its results have NumPy's values, shapes and dtypes:

- **differentiable**: it has derivatives; those of piecewise constant functions are zero;
- **integer-valued**: the result is integers, truth values or text, and plain; a compiled function records again where
  they are others;
- **refused**: there is an error; the line says why, or what to write;
- **not concerned**: it neither takes nor gives numbers that could have a derivative;
- **missing**: there is an error that names it.

A column says "yes" if every form works and "no" if one does not; it is empty where NumPy itself takes no such argument.
"forward" and "reverse" are first derivatives, "second" is forward over reverse mode, "compiled" is a gradient by
`mmad.compile`, called at other points than it was recorded at: "yes" if mmad's own kernels compute it, "by NumPy" if
the program calls NumPy for a part of it in one of the forms. "forms" counts the calls that were tried. NumPy has no
protocol for some functions (`np.array`, `np.vectorize`, `np.r_`, lists of traced numbers): these are called by their
names in `mmad.numpy`, which is NumPy for all else. Nor has it one for `numpy.polynomial`: the forms call
`mmad.numpy.polynomial`, whose functions and classes have NumPy's code and arrays that accept traced values. NumPy's own
work on real traced numbers one by one, and return arrays of objects; fits, roots and complex numbers are refused there.
"""

COLUMNS = ("forward", "reverse", "second", "compiled", "float32", "complex128")
SECTIONS = {
    "": "numpy",
    "ndarray": "Methods and attributes of arrays",
    "ufunc": "Methods of ufuncs",
    "random": "numpy.random",
    "emath": "numpy.emath",
    "lib": "numpy.lib",
    "linalg": "numpy.linalg",
    "fft": "numpy.fft",
    "polynomial": "numpy.polynomial",
}


def row(name, runs):
    """Return the line of the table for a public name, from the runs of its forms."""
    if runs:
        kinds = [run.kind for run in runs]
        kind = "differentiable" if "differentiable" in kinds else "integer-valued"
        cells = []
        for mode in MODES:
            results = [run.modes[mode] for run in runs if run.modes[mode] is not None]
            cells.append("" if not results else "yes" if all(r is True for r in results) else "no")
        if cells[MODES.index("compiled")] == "yes" and any(run.calls for run in runs):
            cells[MODES.index("compiled")] = "by NumPy"
        if not any(cell == "yes" for cell in cells):
            kind, cells = "missing", [""] * len(MODES)
        return [f"`{name}`", kind, *cells, str(len(runs))]
    reason = not_concerned(name)
    if reason is not None:
        return [f"`{name}`", f"not concerned: {reason}", *[""] * len(MODES), ""]
    status = f"refused: {REFUSED[name]}" if name in REFUSED else "missing"
    return [f"`{name}`", status, *[""] * len(MODES), ""]


def runs_of(names):
    """Return the runs of the forms of each name."""
    runs = {name: [] for name in names}
    for form in FORMS:
        if form.name in runs:
            runs[form.name].append(Run(form))
    return runs


def table():
    """Return the text of the page, how many forms work in every mode, and how many there are."""
    runs = runs_of(public_names())
    every = [run for found in runs.values() for run in found]
    works = sum(run.works for run in every)
    rows = [row(name, found) for name, found in runs.items()]
    kinds = [cells[1].partition(":")[0] for cells in rows]
    counted = ", ".join(
        f"{kinds.count(kind)} are {kind}"
        for kind in ("differentiable", "integer-valued", "refused", "not concerned", "missing")
    )
    text = HEAD + (
        f"\nNumPy {np.__version__}: {works} of {len(every)} call forms work in every mode. "
        f"Of {len(rows)} names, {counted}.\n"
    )
    for prefix, title in SECTIONS.items():
        inside = [cells for cells in rows if section_of(cells[0].strip("`")) == prefix]
        text += f"\n## {title}\n\n| function | result | {' | '.join(COLUMNS)} | forms |\n|{'---|' * 9}\n"
        text += "".join(f"| {' | '.join(cells)} |\n".replace("  ", " ") for cells in inside)
    return text, works, len(every)


def section_of(name):
    """Return the prefix of the section that a name belongs to."""
    first = name.partition(".")[0]
    return first if "." in name and first in SECTIONS else ""


def show(names):
    """Print what fails in the forms of these names."""
    for name, runs in runs_of(names).items():
        for run in runs:
            print(f"{name}, line {run.form.call.__code__.co_firstlineno}: {'works' if run.works else 'fails'}")
            for mode, result in run.modes.items():
                if result not in (True, None):
                    print(f"    {mode}: {result[:300].replace(chr(10), ' ')}")


if __name__ == "__main__":
    if sys.argv[1:]:
        show(sys.argv[1:])
    else:
        text, works, total = table()
        PAGE.write_text(text)
        print(f"{works} of {total} forms work in every mode")
