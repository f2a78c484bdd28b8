"""What decisions of the design are worth."""

from quoted.results import duration, factor

__all__ = ["VALUES"]


def lanes(key):
    return lambda results: duration(results.experiment("design")["lanes"][key])


def gradients(results):
    held = results.experiment("design")["lanes"]
    return factor(held["hessian"] / held["gradient"])


def pool(way, product):
    return lambda results: duration(results.experiment("design")["pool"][way][product])


def nested(results):
    held = results.experiment("design")["nested"]
    return duration(held["seconds"] / held["operations"])


VALUES = {
    "design.hessian": lanes("hessian"),
    "design.hessian.gradients": gradients,
    "design.products": lanes("products"),
    "design.linearized": lanes("linearized"),
    "design.nested": nested,
    **{f"design.pool.{way}.{p}": pool(way, p) for way in ("with", "without") for p in ("gradient", "hvp")},
}
TABLES = {}
