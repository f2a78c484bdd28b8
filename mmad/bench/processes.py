"""Prepare separate processes for measurements that must not share memory or modules."""

import os
from pathlib import Path

import mmad

__all__ = ["environment_of_mmad"]


def environment_of_mmad(*folders):
    """Return environment variables with which a process imports this mmad, and modules in other folders.

    Parameters
    ----------
    *folders : str
        Folders to search before that of mmad.

    Returns
    -------
    dict
    """
    home = str(Path(mmad.__file__).resolve().parents[1])
    held = os.environ.get("PYTHONPATH")
    return dict(os.environ, PYTHONPATH=os.pathsep.join([*folders, home, *([held] if held else [])]))
