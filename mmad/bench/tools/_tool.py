"""Define a tool, and the functions that the modules of tools share."""

import importlib.util
from dataclasses import dataclass
from importlib import metadata

from mmad.bench.contestant import Contestant

__all__ = ["MOST_COLUMNS", "Tool", "along", "refuse_branches", "refuse_columns", "refuse_mutation"]

MOST_COLUMNS = 4000  # columns of a dense matrix: its n^2 elements then take 128 MB


@dataclass(frozen=True)
class Tool(Contestant):
    """A package that computes derivatives.

    Attributes
    ----------
    package : str
        The package to import.
    distribution : str
        The distribution to install, if its name differs from the package's; its version is reported.
    documentation : str
        The address of the documentation that recommends this use.
    is_control : bool
        Whether it computes the function alone, without a derivative, to show the speed of plain NumPy.
    """

    package: str = ""
    distribution: str = ""
    documentation: str = ""
    is_control: bool = False

    @property
    def is_installed(self):
        """Whether the package is installed; it is not imported to find out."""
        return importlib.util.find_spec(self.package) is not None

    @property
    def version(self):
        """The installed version; "in place" for a checkout that is not installed."""
        try:
            return metadata.version(self.distribution or self.package)
        except metadata.PackageNotFoundError:
            return "in place"


def along(instance, product):
    """Return a tuple with the direction of a Hessian-vector product; an empty tuple for other products."""
    return (instance.direction,) if product == "hvp" else ()


def refuse_branches(instance):
    """Raise NotImplementedError if the function branches on values: a tool that traces once would keep one branch."""
    if "branches" in instance.problem.tags:
        raise NotImplementedError("the function branches on values")


def refuse_mutation(instance):
    """Raise NotImplementedError if the function writes into arrays."""
    if "mutation" in instance.problem.tags:
        raise NotImplementedError("the function writes into arrays")


def refuse_columns(instance, product, most=MOST_COLUMNS):
    """Raise NotImplementedError if a dense matrix would have too many columns."""
    if product in ("hessian", "jacobian") and instance.inputs > most:
        raise NotImplementedError(f"a dense matrix of {instance.inputs} columns, more than {most}")
