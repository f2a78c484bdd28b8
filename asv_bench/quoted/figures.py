"""The figures of the documents, drawn from the committed results."""

from pathlib import Path

from mmad.bench import figures
from quoted.results import Results
from quoted.tools import NEVER_COMPARED

__all__ = ["draw_all"]

TIMES = (("rosenbrock", "hvp"), ("lotka-volterra", "gradient"), ("gaussian-mixture", "gradient"))


def draw_all(folder, results=None):
    """Draw the performance profile, first against later calls, times against sizes and amortisation.

    Parameters
    ----------
    folder : path
    results : Results, optional
    """
    results, folder = results or Results(), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tools = [o for o in results.outcomes("tools") if o.contestant not in NEVER_COMPARED]
    figures._profile(tools, folder)
    figures._first_against_later(tools, folder)
    for problem, product in TIMES:
        name = f"{problem}-{product}"
        sizes = {key[2]: done for key, done in results.cases("growth").items() if key[:2] == (problem, product)}
        figures._times(f"{problem}, {product}", sizes, folder / f"times-{name}")
        largest = list(sizes)[-1]
        figures._amortisation(f"{problem}, {product}, n = {largest}", sizes[largest], folder / f"amortisation-{name}")
