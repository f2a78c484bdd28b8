"""The compiler: what its passes earn; `torch.compile`; accuracy; where everything was measured."""

from collections import defaultdict

from mmad.bench import all_tools
from quoted.results import duration, factor, markdown, mean, size_of

__all__ = ["TABLES", "VALUES"]


def passes(results):
    """How much longer a gradient takes, and its first call, without each pass."""
    later, first, worst = defaultdict(list), defaultdict(list), {}
    for (problem, _, n), done in results.cases("passes").items():
        whole = done["compile"]
        for name, outcome in done.items():
            if name == "compile":
                continue
            ratio = outcome.later.median / whole.later.median
            later[name].append(ratio)
            first[name].append(outcome.first.median / whole.first.median)
            if ratio >= max(later[name]):
                worst[name] = f"{problem} {size_of(n)}"
    rows = [
        [
            name.removeprefix("without-"),
            f"{mean(held):.2f}",
            f"{max(held):.2f}",
            worst[name],
            f"{mean(first[name]):.2f}",
        ]
        for name, held in sorted(later.items(), key=lambda item: -mean(item[1]))
    ]
    return markdown(["without", "later calls, mean", "largest", "where", "first calls, mean"], rows)


def inductor(results):
    """`torch.compile`, compared with mmad and JAX."""
    rows, tools = [], all_tools()
    for (problem, product, n), done in results.cases("inductor").items():
        for name, outcome in done.items():
            rows.append(
                [
                    problem,
                    product,
                    size_of(n),
                    tools[name].title,
                    duration(outcome.later.median),
                    duration(outcome.first.median),
                ]
            )
    return markdown(["problem", "product", "size", "tool", "later calls", "first call"], rows)


def accuracy(which):
    return lambda results: f"{max(row[which] for row in results.accuracy.values()):.1f}"


def places(results):
    """Return a table of the Python, commit and duration of each experiment."""
    rows = []
    for name in NAMES:
        where = results.where(name)
        rows.append([name, where["python"], (where["commit"] or "")[:10], f"{where['seconds']} s"])
    return markdown(["experiment", "Python", "commit", "took"], rows)


def packages(results):
    """Return the versions of all packages of the comparison of tools."""
    return ", ".join(f"{name} {version}" for name, version in results.where("tools")["packages"].items())


NAMES = (
    "tools",
    "growth",
    "passes",
    "inductor",
    "sparse",
    "families",
    "features",
    "design",
    "overhead",
    "guards",
    "memory",
    "threads",
    "planning",
    "regret",
)


def of_where(key, name="tools"):
    return lambda results: str(results.where(name)[key])


def package(key):
    return lambda results: results.where("tools")["packages"].get(key, "not installed")


WORDS = {"yes": "yes", "wrong": "**another number**", "": ""}


def features(results):
    """What tools do with small programs."""
    found, tools = results.experiment("features"), all_tools()
    names = list(next(iter(found.values())))
    rows = [[name, *(WORDS.get(held[tool], "refused") for tool in names)] for name, held in found.items()]
    return markdown(["program", *(tools[name].title for name in names)], rows)


VALUES = {
    "accuracy.first": accuracy(0),
    "accuracy.second": accuracy(1),
    "accuracy.operations": lambda r: str(len(r.accuracy)),
    "passes.all": lambda r: factor(
        mean([d["without-passes"].later.median / d["compile"].later.median for d in r.cases("passes").values()])
    ),
    "where.processor": of_where("processor"),
    "where.python": of_where("python"),
    "where.packages": packages,
    **{f"where.{key}": package(key) for key in ("numpy", "jax", "torch", "autograd", "casadi", "asdex", "advect")},
    "where.minutes": lambda r: f"{sum(r.where(name)['seconds'] for name in NAMES) / 60:.0f}",
}
TABLES = {"passes": passes, "inductor": inductor, "where": places, "features": features}
