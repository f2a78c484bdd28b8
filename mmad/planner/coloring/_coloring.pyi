from typing import Any

from numpy.typing import NDArray

def distance_2(
    rows: NDArray[Any],
    columns: NDArray[Any],
    starts: NDArray[Any],
    members: NDArray[Any],
    order: NDArray[Any],
    counts: NDArray[Any],
) -> NDArray[Any]: ...
def star(
    starts: NDArray[Any], neighbors: NDArray[Any], edge: NDArray[Any], order: NDArray[Any], limit: int
) -> NDArray[Any] | None: ...
def acyclic(
    starts: NDArray[Any], neighbors: NDArray[Any], edge: NDArray[Any], order: NDArray[Any], limit: int
) -> NDArray[Any] | None: ...
def smallest_last(starts: NDArray[Any], neighbors: NDArray[Any]) -> NDArray[Any]: ...
def alone(rows: NDArray[Any], columns: NDArray[Any], color: NDArray[Any]) -> NDArray[Any]: ...
def elimination(
    rows: NDArray[Any],
    columns: NDArray[Any],
    mirror: NDArray[Any],
    row_color: NDArray[Any],
    column_color: NDArray[Any],
    colors: int,
    offset: int,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], int]: ...
def substitute(
    compressed: NDArray[Any],
    entry: NDArray[Any],
    source: NDArray[Any],
    other: NDArray[Any],
    mirror: NDArray[Any],
    data: NDArray[Any],
) -> None: ...
def gather(
    blocks: list[NDArray[Any]],
    count: int,
    m: int,
    total: int,
    n: int,
    line: NDArray[Any],
    at: NDArray[Any],
    data: NDArray[Any],
) -> None: ...
