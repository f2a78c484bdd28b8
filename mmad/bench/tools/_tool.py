"""What a tool is, and what the modules of tools share."""

import importlib.util
from dataclasses import dataclass
from importlib import metadata

from mmad.bench.contestant import Contestant

__all__ = ["MOST_COLUMNS", "Tool", "along", "refuse_branches", "refuse_columns", "refuse_mutation"]

MOST_COLUMNS = 4000  # of a dense matrix: its n^2 elements then take 128 MB


@dataclass(frozen=True)
class Tool(Contestant):
    """A package that computes derivatives.

    Attributes
    ----------
    package : str
        What is imported.
    distribution : str
        What is installed, whose version counts.
    documentation : str
        Where it says how it is to be used.
    is_control : bool
        It computes the function and no derivative: what a machine makes of plain NumPy.
    """

    package: str = ""
    distribution: str = ""
    documentation: str = ""
    is_control: bool = False

    @property
    def is_installed(self):
        """Whether the package can be imported; it is not imported here."""
        return importlib.util.find_spec(self.package) is not None

    @property
    def version(self):
        """The version that is installed; "in place" for a checkout."""
        try:
            return metadata.version(self.distribution or self.package)
        except metadata.PackageNotFoundError:
            return "in place"


def along(instance, product):
    """Return the direction of a Hessian-vector product in a tuple, or none."""
    return (instance.direction,) if product == "hvp" else ()


def refuse_branches(instance):
    """Raise where Python branches on values: a tool that traces once would follow one branch for ever."""
    if "branches" in instance.problem.tags:
        raise NotImplementedError("the function branches on values")


def refuse_mutation(instance):
    """Raise where the function writes into arrays."""
    if "mutation" in instance.problem.tags:
        raise NotImplementedError("the function writes into arrays")


def refuse_columns(instance, product, most=MOST_COLUMNS):
    """Raise where a dense matrix has too many columns."""
    if product in ("hessian", "jacobian") and instance.inputs > most:
        raise NotImplementedError(f"a dense matrix of {instance.inputs} columns, more than {most}")
