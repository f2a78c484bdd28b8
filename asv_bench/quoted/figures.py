"""The figures of the documents, drawn from the committed results."""

from pathlib import Path

from mmad.bench import figures
from quoted.results import Results
from quoted.tools import NEVER_COMPARED

__all__ = ["SHOWN", "draw_all"]

#: Of each campaign, the pictures that the documents show.
SHOWN = {
    "tools": ("profile", "first-and-later"),
    "growth": ("times-rosenbrock-hvp", "times-lotka-volterra-gradient", "amortisation-gaussian-mixture-gradient"),
}


def draw_all(folder, results=None):
    """Draw the pictures of the documents, as SVG and PNG.

    Parameters
    ----------
    folder : path
    results : Results, optional
    """
    results = results or Results()
    Path(folder).mkdir(parents=True, exist_ok=True)
    for campaign, names in SHOWN.items():
        outcomes = [o for o in results.outcomes(campaign) if campaign == "growth" or o.contestant not in NEVER_COMPARED]
        figures.draw(outcomes, folder, only=names)
