"""The cost of an operation, of a guard, of memory, of threads."""

from itertools import pairwise

from mmad.bench import all_tools
from quoted.results import duration, factor, markdown, megabytes

__all__ = ["TABLES", "VALUES"]


def operation(results):
    """The cost of an operation on arrays by tool."""
    found = results.experiment("overhead")["arrays"]["tools"]
    tools = all_tools()
    rows = [
        [tools[name].title, duration(fit["operation"]), duration(fit["sample"]), f"{100 * fit['spread']:.0f} %"]
        for name, fit in sorted(found.items(), key=lambda entry: entry[1]["operation"])
    ]
    return markdown(["tool", "an operation", "a sample more", "largest misfit"], rows)


def numbers(results):
    held = results.experiment("overhead")["numbers"]
    return held["recorded"] - held["plain"]


def chain(stage):
    return lambda results: duration(results.experiment("overhead")["chain"][stage])


def chain_bytes(results):
    held = results.experiment("overhead")["chain"]
    return f"{held['bytes'] / held['operations']:.0f}"


def element(results):
    held = results.experiment("overhead")["elements"]
    return duration(held["seconds"][-1] / held["sizes"][-1])


def doubling(results):
    seconds = results.experiment("overhead")["elements"]["seconds"]
    ratios = [after / before for before, after in pairwise(seconds)]
    return f"{min(ratios):.1f} to {max(ratios):.1f}"


def guards(results):
    """What guards cost."""
    rows = [
        [kind, held["guards"], duration(held["without"]), duration(held["with"]), duration(max(held["each"], 0.0))]
        for kind, held in results.experiment("guards").items()
    ]
    return markdown(["guard", "guards", "without", "with", "each"], rows)


def memory(results):
    """Growth of memory by case and tool."""
    found, tools = results.experiment("memory"), all_tools()
    names = list(dict.fromkeys(name for here in found.values() for name in here))
    rows = [
        [case, *(megabytes(here[name]) if isinstance(here.get(name), int) else "" for name in names)]
        for case, here in found.items()
    ]
    return markdown(["problem, product", *(tools[name].title for name in names)], rows)


def threads(results):
    """One thread and two."""
    rows = [
        [case, duration(held["1"]), duration(held["2"]), factor(held["1"] / held["2"])]
        for case, held in results.experiment("threads").items()
    ]
    return markdown(["problem, product", "one thread", "two", "times as fast"], rows)


def of_tool(name):
    return lambda results: duration(results.experiment("overhead")["arrays"]["tools"][name]["operation"])


VALUES = {
    **{
        f"overhead.{name}": of_tool(name)
        for name in ("mmad", "mmad-eager", "jax", "torch", "torch-autograd", "autograd")
    },
    "overhead.number": lambda r: duration(numbers(r)),
    "overhead.number.plain": lambda r: duration(r.experiment("overhead")["numbers"]["plain"]),
    "overhead.chain.record": chain("record"),
    "overhead.chain.differentiate": chain("differentiate"),
    "overhead.chain.free": chain("free"),
    "overhead.chain.bytes": chain_bytes,
    "overhead.element": element,
    "overhead.doubling": doubling,
    "guards.number": lambda r: duration(max(0.0, r.experiment("guards")["a comparison of numbers"]["each"])),
    "guards.element": lambda r: duration(r.experiment("guards")["a comparison of an element, 1000 elements"]["each"]),
}
TABLES = {"overhead.operation": operation, "guards": guards, "memory": memory, "threads": threads}
