"""Processes of their own for what must not share memory or modules."""

import os
from pathlib import Path

import mmad

__all__ = ["environment_of_mmad"]


def environment_of_mmad(*folders):
    """Return variables with which a process imports this mmad, and modules of other folders.

    Parameters
    ----------
    *folders : str
        They come before the folder of mmad.

    Returns
    -------
    dict
    """
    home = str(Path(mmad.__file__).resolve().parents[1])
    held = os.environ.get("PYTHONPATH")
    return dict(os.environ, PYTHONPATH=os.pathsep.join([*folders, home, *([held] if held else [])]))
