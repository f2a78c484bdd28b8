"""SciPy's L-BFGS-B on Rosenbrock's function, with derivatives from each tool and by differences."""

from quoted.results import duration, factor, markdown

__all__ = ["TABLES", "VALUES"]

WORDS = {"differences": "differences", "mmad": "mmad", "jax": "JAX", "autograd": "autograd"}


def runs(results):
    """Return the measured runs by number of unknowns and tool."""
    found = {}
    for row in results.experiment("optimisers")["rows"]:
        found.setdefault(row["n"], {})[row["tool"]] = row
    return found


def table(results):
    """Return first and later runs, and evaluations, a row for each number of unknowns and tool."""
    rows = [
        [n, WORDS[tool], duration(row["first"]), duration(row["later"]), f"{row['evaluations']:,}".replace(",", " ")]
        for n, tools in runs(results).items()
        for tool, row in tools.items()
    ]
    return markdown(["unknowns", "derivatives", "first run", "later run", "evaluations"], rows)


def over_mmad(tool, n, which):
    def ratio(results):
        held = runs(results)[n]
        return factor(held[tool][which] / held["mmad"][which])

    return ratio


VALUES = {
    f"optimisers.{which}.{tool}.{n}": over_mmad(tool, n, which)
    for which in ("first", "later")
    for tool in ("differences", "jax", "autograd")
    for n in (2, 10, 100, 1000)
}
TABLES = {"optimisers": table}
