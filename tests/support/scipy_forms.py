"""Calls of SciPy on traced values, one line each: what the tests differentiate, and what docs/scipy.md lists.

A call gets a namespace first: `scipy` itself, or `mmad.scipy`.  The reference is an oracle, or the call with SciPy's
own functions and plain values, differentiated by differences; it shares nothing with mmad.  ``python
tests/support/scipy_forms.py`` writes the tables of docs/scipy.md from here.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from scipy_fourier import transforms
from scipy_linear_algebra import linear_algebra

import mmad
import mmad.scipy
from mmad.derivatives.references import mixed_difference

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scipy.md"
PLAIN, DROP_IN, REFUSED = "plain", "mmad.scipy", "refused"
STEPS = (1e-3, 4e-3)  # of differences of eighth order in double precision, by the order of the derivative


@dataclasses.dataclass
class Form:
    """A call of SciPy on traced values.

    Parameters
    ----------
    name : str
        The function, without ``scipy.``; two forms of one function make one row.
    call : callable
        ``call(sp, *points)``, where `sp` is `scipy` or `mmad.scipy`; gives an array, a number or a tuple of them.
    points : tuple
        Arrays and floats, all of which are differentiated.
    way : str
        PLAIN, DROP_IN or REFUSED: which namespace takes traced values.
    oracle : callable, optional
        ``oracle(*points)``: the same by other means.  Default: SciPy.
    reason : str
        Why it is refused, or a remark.
    tolerances : tuple of float
        Of values, first and second derivatives.
    order : int
        The highest order of derivatives that is tried here.
    """

    name: str
    call: Callable[..., Any]
    points: tuple[Any, ...]
    way: str = DROP_IN
    oracle: Callable[..., Any] | None = None
    reason: str = ""
    tolerances: tuple[float, float, float] = (1e-12, 1e-8, 1e-6)
    order: int = 2

    def __repr__(self):
        return self.name

    @property
    def space(self):
        """The namespace that takes traced values."""
        return scipy if self.way == PLAIN else mmad.scipy

    def loss(self, f):
        """Return the function `f` as a number: a weighted sum of all it returns."""

        def weighted(*points):
            rng, total = np.random.default_rng(5), 0.0
            results = f(*points)
            for y in results if isinstance(results, tuple | list) else (results,):
                w = rng.normal(size=np.shape(y))
                y = (y.real + 0.3 * y.imag) if np.iscomplexobj(y) else y
                total = total + (w * y).sum() if np.ndim(y) else total + float(w) * y
            return total

        return weighted

    def value(self):
        """Return the weighted sum on traced values, and by the reference."""
        program = mmad.vjp(self.loss(lambda *p: self.call(self.space, *p)), *self.points)[0]
        return float(program), float(self.loss(self.reference)(*self.points))

    def reference(self, *points):
        """The call on plain values."""
        points = [float(p) if np.ndim(p) == 0 else p for p in points]
        return self.oracle(*points) if self.oracle else self.call(scipy, *points)

    def direction(self, seed):
        """Return a random direction in the space of the points."""
        rng = np.random.default_rng(seed)
        return tuple(0.3 * rng.normal(size=np.shape(p))[()] for p in self.points)

    def slope(self, *directions):
        """Return the reference's derivative along directions."""
        points = tuple(np.asarray(p, float) for p in self.points)
        f = self.loss(self.reference)
        return float(mixed_difference(lambda *p: f(*p), points, list(directions), STEPS[len(directions) - 1]))


def inner(xs, ys):
    """The inner product of two tuples of arrays."""
    return float(sum(np.sum(np.asarray(x) * np.asarray(y)) for x, y in zip(xs, ys, strict=True)))


RNG = np.random.default_rng(1)
PAIR = POINTS, OTHERS = np.split(np.sqrt(2 + RNG.permutation(np.arange(27.0))).reshape(9, 3), [4])
DISTANCES = RNG.uniform(0.5, 1.0, 6)
WEIGHTS = np.array([0.3, 1.2, 0.7])


def _distances():
    """Every metric in `cdist` and `pdist`, and the functions of two vectors."""
    one = "braycurtis canberra chebyshev cityblock correlation cosine euclidean jensenshannon sqeuclidean minkowski"
    metrics = "euclidean cityblock chebyshev correlation canberra seuclidean mahalanobis jensenshannon"
    u, v = POINTS[0], OTHERS[0]

    def both(metric, **kw):
        yield Form("spatial.distance.cdist", lambda sp, x, y: sp.spatial.distance.cdist(x, y, metric, **kw), PAIR)
        yield Form("spatial.distance.pdist", lambda sp, x: sp.spatial.distance.pdist(x, metric, **kw), (POINTS,))

    for metric in metrics.split():
        yield from both(metric)
    yield from both("minkowski", p=3.0, w=WEIGHTS)
    for name in one.split():
        yield Form(f"spatial.distance.{name}", lambda sp, u, v, k=name: getattr(sp.spatial.distance, k)(u, v), (u, v))
    yield Form(
        "spatial.distance.seuclidean", lambda sp, u, v, w: sp.spatial.distance.seuclidean(u, v, w), (u, v, WEIGHTS)
    )
    yield Form(
        "spatial.distance.mahalanobis",
        lambda sp, u, v, w: sp.spatial.distance.mahalanobis(u, v, np.diag(w)),
        (u, v, WEIGHTS),
    )
    yield Form("spatial.distance.squareform", lambda sp, v: sp.spatial.distance.squareform(v), (DISTANCES,))
    yield Form(
        "spatial.distance.squareform",
        lambda sp, v: sp.spatial.distance.squareform(sp.spatial.distance.squareform(v) * 2),
        (DISTANCES,),
    )


def _special():
    """The functions of scipy.special that are no ufuncs; tests/scipy/test_special.py has the others."""
    x = np.array([0.3, 1.2, 2.1])

    def one(name, *before, after=(), point=x):
        return Form(f"special.{name}", lambda sp, x: getattr(sp.special, name)(*before, x, *after), (point,))

    yield from (one(name) for name in ("logsumexp", "softmax", "log_softmax", "factorial"))
    yield one("diric", after=(5,))
    yield one("multigammaln", after=(2,), point=x + 1)
    yield from (one(f"spherical_{kind}n", 2) for kind in "jyik")
    yield one("polygamma", 1)
    yield one("legendre_p", 3, point=x / 3)
    yield one("assoc_legendre_p", 3, 1, point=x / 3)
    yield one("sph_legendre_p", 3, 1)
    yield Form("special.sph_harm_y", lambda sp, x, y: sp.special.sph_harm_y(3, 1, x, y), (x, x + 1))
    for name in ("comb", "perm"):
        yield Form(f"special.{name}", lambda sp, n, k, name=name: getattr(sp.special, name)(n, k), (x + 4, x))


#: All forms.  One line is one call; add a group of your own with a function like those above.
FORMS = [*_distances(), *linear_algebra(Form), *_special(), *transforms(Form)]


def rows():
    """The rows of the tables, by module: a dict of lists of cells."""
    tables = {}
    for name in sorted({form.name for form in FORMS}):
        forms = [form for form in FORMS if form.name == name]
        form = forms[0]
        remark = next((f.reason for f in forms if f.reason), "")
        taken = form.way != REFUSED
        module = name.rpartition(".")[0]
        tables.setdefault(module, []).append(
            (
                f"`{name.rpartition('.')[2]}`",
                {PLAIN: "plain call", DROP_IN: f"`mmad.scipy.{name}`", REFUSED: "refused"}[form.way],
                "forward, reverse" if taken else "",
                ("all" if max(f.order for f in forms) >= 2 else "first") if taken else "",
                remark,
            )
        )
    return tables


def text_of(tables):
    """The generated part of docs/scipy.md."""
    lines = []
    for module, found in sorted(tables.items()):
        lines += [f"## `scipy.{module}`", "", "| function | how | modes | orders | remarks |", "|---|---|---|---|---|"]
        lines += ["| " + " | ".join(cells).replace("|  |", "| |") + " |" for cells in found]
        lines.append("")
    return "\n".join(lines)


BEGIN, END = "<!-- generated: begin -->\n", "<!-- generated: end -->\n"


def document(text):
    """The document with the tables of today."""
    head, rest = text.split(BEGIN)
    counts = {way: len({f.name for f in FORMS if f.way == way}) for way in (PLAIN, DROP_IN, REFUSED)}
    count = (
        f"{counts[PLAIN] + counts[DROP_IN]} functions take traced values: {counts[PLAIN]} as SciPy's own, "
        f"{counts[DROP_IN]} under the names of `mmad.scipy`; {counts[REFUSED]} are refused by design.\n\n"
    )
    return head + BEGIN + count + text_of(rows()) + END + rest.split(END)[1]


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
