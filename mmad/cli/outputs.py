"""Write results: to a file, to standard output, or as JSON.

A command checks that it can write the output before it runs the function.  It writes to a temporary file and renames
that when it is complete, so a command that fails leaves the output path unchanged.
"""

import io
import json
import math
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from mmad.cli.errors import CommandError

__all__ = ["as_json", "checked_output", "give", "write_bytes"]

STREAM = "-"


def checked_output(name):
    """Return the path to write to, with links resolved; raise CommandError if no file can be written there.

    Returns
    -------
    Path, "-" or None
        "-" for standard output; None if nothing is to be written.
    """
    if name is None or name == STREAM:
        return name
    path = Path(os.path.realpath(name))
    if path.exists() and not path.is_file():
        raise CommandError(f"--out {name} is not a regular file")
    if not path.parent.is_dir():
        raise CommandError(f"--out {name}: there is no folder {path.parent}")
    return path


def give(arguments, out, result):
    """Write a result, or print it as JSON; print its dtype, shape and norm.

    Parameters
    ----------
    arguments : argparse.Namespace
    out : path, "-" or None
        As `checked_output` returns it.
    result : ndarray or sparse array
    """
    is_sparse = hasattr(result, "tocoo")
    values = result.data if is_sparse else result
    finite, norm = bool(np.all(np.isfinite(values))), float(np.linalg.norm(np.ravel(values)))
    if out is not None:
        write_bytes(out, encoded(result))
    if arguments.json and out != STREAM:
        facts = {
            "command": arguments.command, "function": arguments.function, "shape": list(result.shape),
            "dtype": str(result.dtype), "norm": norm, "finite": finite, "out": arguments.out,
        }  # fmt: skip
        print(as_json(facts | ({} if out else elements(result))))
    elif out != STREAM:
        stored = f", {result.nnz} stored elements" if is_sparse else ""
        print(f"{arguments.out}: {result.dtype} {result.shape}{stored}, norm {norm:.6g}")
    if not finite:
        where = "the result" if out in (None, STREAM) else arguments.out
        print(f"mmad {arguments.command}: warning: {where} holds values that are not finite", file=sys.stderr)


def elements(result):
    """Return the elements of a result as lists."""
    if hasattr(result, "tocoo"):
        coo = result.tocoo()
        return {"rows": coo.row.tolist(), "columns": coo.col.tolist(), "values": coo.data.tolist()}
    return {"values": result.tolist()}


def encoded(result):
    """Return an array as the bytes of a ``.npy`` file, or a sparse array as those of SciPy's ``.npz`` file."""
    file = io.BytesIO()
    if hasattr(result, "tocoo"):
        import scipy.sparse

        scipy.sparse.save_npz(file, result)
    else:
        np.lib.format.write_array(file, result, allow_pickle=False)
    return file.getvalue()


def as_json(tree):
    """Return a tree of plain values as JSON; numbers that are not finite become null."""
    return json.dumps(_plain(tree), indent=1, allow_nan=False)


def _plain(node):
    if isinstance(node, dict):
        return {str(key): _plain(item) for key, item in node.items()}
    if isinstance(node, (list, tuple)):
        return [_plain(item) for item in node]
    if isinstance(node, np.floating):  # `item` of a long double returns a long double, which JSON does not take
        node = float(node)
    if isinstance(node, np.generic):
        return node.item()
    if isinstance(node, float) and not math.isfinite(node):
        return None
    return node


def write_bytes(path, data):
    """Write to standard output; or to a temporary file in the same folder, and rename that when it is complete."""
    if path == STREAM:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, permissions(path))
        os.replace(temporary, path)
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def permissions(path):
    """Return the mode of the finished file: that of the file it replaces, or 0666 without the bits of the umask."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
