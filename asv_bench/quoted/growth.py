"""Gradients and Hessian-vector products in four sizes: against the function, each other, C++ by hand, and time."""

from collections import defaultdict

from mmad.bench.profiles import crossing
from quoted.results import duration, factor, markdown, mean, size_of

__all__ = ["TABLES", "VALUES"]

HAND = "handwritten"


def ratios(results, way="mmad"):
    """Return gradient over function, and product over gradient, by problem and size."""
    cases, found = results.cases("growth"), {}
    functions = {
        (o.problem, o.n): o.later.median for o in results.outcomes("growth") if o.control and o.product == "gradient"
    }
    for (problem, product, n), done in cases.items():
        if product == "gradient" and way in done:
            gradient = done[way].later.median
            hvp = cases.get((problem, "hvp", n), {}).get(way)
            found[problem, n] = gradient / functions[problem, n], hvp and hvp.later.median / gradient
    return found


def orders(results):
    """Gradient over function and Hessian-vector product over gradient, compiled and eager."""
    compiled, eager = ratios(results), ratios(results, "mmad-eager")
    rows = []
    for (problem, n), (gradient, hvp) in compiled.items():
        others = eager.get((problem, n), (None, None))
        cells = [factor(r) if r else "" for r in (gradient, hvp, *others)]
        rows.append([problem, size_of(n), *cells])
    head = ["problem", "size", "gradient / function", "HVP / gradient", "the same, eager", "the same, eager"]
    return markdown(head, rows)


def by_hand(results):
    """Later calls of mmad against C++ written by hand."""
    rows = []
    for (problem, product, n), done in results.cases("growth").items():
        if HAND in done and "mmad" in done:
            ours, theirs = done["mmad"].later.median, done[HAND].later.median
            rows.append([problem, product, size_of(n), duration(ours), duration(theirs), factor(ours / theirs)])
    return markdown(["problem", "product", "size", "mmad", "C++ by hand", "mmad's over it"], rows)


def over_hand(results):
    """Return mmad's time over that of C++ by hand, in all cases that are written."""
    cases = results.cases("growth").values()
    return [d["mmad"].later.median / d[HAND].later.median for d in cases if HAND in d and "mmad" in d]


def times(results):
    """Later calls by tool, problem, product and size."""
    names = ("mmad", "mmad-eager", "jax", "torch", "torch-autograd", "autograd", "casadi-sx", HAND)
    rows = []
    for (problem, product, n), done in results.cases("growth").items():
        rows.append(
            [problem, product, size_of(n), *(duration(done[x].later.median) if x in done else "" for x in names)]
        )
    return markdown(["problem", "product", "size", *names], rows)


def first_calls(results):
    """First calls, and after how many evaluations compiling has paid for itself."""
    rows = []
    for (problem, product, n), done in results.cases("growth").items():
        if "mmad" not in done or "mmad-eager" not in done:
            continue
        pays = crossing(done["mmad"], done["mmad-eager"])
        slower = done["mmad"].later.median >= done["mmad-eager"].later.median
        cells = [
            duration(done[x].first.median) if x in done else "" for x in ("mmad", "mmad-eager", "jax", "casadi-sx")
        ]
        rows.append([problem, product, size_of(n), *cells, "never" if slower else f"{pays or 1:.0f}"])
    head = [
        "problem", "product", "size", "mmad, compiled", "mmad, eager", "JAX", "CasADi, SX", "compiling pays after",
    ]  # fmt: skip
    return markdown(head, rows)


def geometric(which, way="mmad"):
    def text(results):
        return factor(mean([pair[which] for pair in ratios(results, way).values() if pair[which]]))

    return text


def most(which, way="mmad"):
    return lambda results: factor(max(pair[which] for pair in ratios(results, way).values() if pair[which]))


def first_over(name):
    def text(results):
        cases = results.cases("growth").values()
        return factor(mean([d[name].first.median / d["mmad"].first.median for d in cases if name in d and "mmad" in d]))

    return text


def by_size(results):
    """Mean over problems of HVP over gradient for each of the four sizes."""
    found = defaultdict(list)
    sizes = defaultdict(list)
    for (problem, n), (_, hvp) in ratios(results).items():
        sizes[problem].append(n)
        if hvp:
            found[len(sizes[problem])].append(hvp)
    return markdown(["size", *map(str, found)], [["HVP / gradient, mean", *(factor(mean(v)) for v in found.values())]])


VALUES = {
    "growth.hvp-over-gradient": geometric(1),
    "growth.hvp-over-gradient.most": most(1),
    "growth.hvp-over-gradient.eager": geometric(1, "mmad-eager"),
    "growth.gradient-over-function": geometric(0),
    "growth.gradient-over-function.eager": geometric(0, "mmad-eager"),
    "growth.by-hand": lambda r: factor(mean(over_hand(r))),
    "growth.by-hand.least": lambda r: factor(min(over_hand(r))),
    "growth.by-hand.most": lambda r: factor(max(over_hand(r))),
    "growth.first.jax": first_over("jax"),
    "growth.first.casadi": first_over("casadi-sx"),
}
TABLES = {
    "growth.orders": orders,
    "growth.by-hand": by_hand,
    "growth.times": times,
    "growth.first-calls": first_calls,
    "growth.by-size": by_size,
}
