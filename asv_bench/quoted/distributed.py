"""Sums over shards of data by several workers."""

from quoted.results import duration, factor, markdown, megabytes, percent, size_of

__all__ = ["TABLES", "VALUES"]


def held(results):
    return results.experiment("distributed")


def cost(by, what):
    return lambda results: duration(held(results)[by][what])


def model(results):
    """Return the table of the modelled workers."""
    rows = [
        [m["workers"], duration(m["seconds"]), factor(m["speed-up"]), percent(m["efficiency"])]
        for m in held(results)["model"]
    ]
    return markdown(["workers", "a product", "times as fast", "efficiency"], rows)


VALUES = {
    "distributed.rows": lambda r: size_of(held(r)["rows"]),
    "distributed.features": lambda r: str(held(r)["features"]),
    "distributed.data": lambda r: megabytes(held(r)["bytes"]),
    "distributed.load": lambda r: f"{held(r)['load']:.0f}",
    **{
        f"distributed.{what}.{n}": lambda r, what=what, n=n: duration(held(r)[what][n])
        for what in ("busiest", "elapsed")
        for n in ("1", "2")
    },
    "distributed.shorter.rows": lambda r: size_of(held(r)["shorter"]["rows"]),
    **{f"distributed.shorter.{n}": lambda r, n=n: duration(held(r)["shorter"]["least"][n]) for n in ("1", "2")},
    "distributed.shorter-ratio": lambda r: factor(held(r)["shorter"]["least"]["1"] / held(r)["shorter"]["least"]["2"]),
    "distributed.busiest-ratio": lambda r: factor(held(r)["busiest ratio"]),
    "distributed.elapsed-ratio": lambda r: factor(held(r)["elapsed ratio"]),
    "distributed.evaluation": cost("overhead", "evaluation"),
    "distributed.job": cost("overhead", "job"),
    "distributed.job.dask": cost("overhead by Dask", "job"),
}
TABLES = {"distributed.model": model}
