"""Pictures of sparsity patterns as SVG, without matplotlib: exact for small ones, shades of grey for large ones."""

import numpy as np

__all__ = ["shares", "svg"]

MOST = 64  # rows and columns of squares; a picture takes some 50 kB at most
SIDE = 256  # pixels of the longer side
SHADES = (0.0, 0.1, 0.4)  # share of a square's entries from which on it is darker


def shares(pattern, most=MOST):
    """Return the share of each square's elements that are entries.

    Parameters
    ----------
    pattern : Pattern
    most : int
        Squares in a row and in a column.

    Returns
    -------
    ndarray, shape (min(m, most), min(n, most))
    """
    m, n = pattern.shape
    rows, columns = min(m, most), min(n, most)
    if not rows or not columns:
        return np.zeros((rows, columns))
    down = np.arange(m) * rows // m
    across = np.arange(n) * columns // n
    counts = np.bincount(down[pattern.rows] * columns + across[pattern.indices], minlength=rows * columns)
    sizes = np.outer(np.bincount(down, minlength=rows), np.bincount(across, minlength=columns))
    return counts.reshape(rows, columns) / sizes


def svg(pattern, standalone=False):
    """Return a picture of a pattern.

    Parameters
    ----------
    pattern : Pattern
    standalone : bool
        For a file of its own, on white; otherwise in the colour of the text around it.

    Returns
    -------
    str
    """
    filled = shares(pattern)
    rows, columns = filled.shape
    high, wide = max(rows, 1), max(columns, 1)
    m, n = pattern.shape
    scale = SIDE / max(high, wide)
    edge = 1 / scale
    name = f"{m} x {n}, {pattern.nnz} nonzeros"
    attributes = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
    parts = [
        f'<svg{attributes} role="img" width="{scale * wide + 2:.0f}" height="{scale * high + 2:.0f}" '
        f'viewBox="{-edge:g} {-edge:g} {wide + 2 * edge:g} {high + 2 * edge:g}"><title>{name}</title>',
        f'<rect width="{wide}" height="{high}" fill="{"white" if standalone else "none"}" stroke="currentColor" '
        f'stroke-width="{edge:g}" stroke-opacity="0.4"/>',
    ]
    level = sum((filled > bound).astype(int) for bound in SHADES)
    for k in range(1, len(SHADES) + 1):
        path = "".join(f"M{a} {row}h{b - a}v1h{a - b}z" for row in range(rows) for a, b in _runs(level[row] == k))
        if path:
            parts.append(f'<path d="{path}" fill="currentColor" fill-opacity="{k / len(SHADES):.2f}"/>')
    return "".join([*parts, "</svg>"])


def _runs(chosen):
    """Yield the first and one past the last of each run of chosen squares."""
    bounds = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(np.int8), [0]])))
    return zip(bounds[::2].tolist(), bounds[1::2].tolist(), strict=True)
