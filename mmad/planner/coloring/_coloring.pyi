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
def smallest_last(starts: NDArray[Any], neighbors: NDArray[Any]) -> NDArray[Any]: ...
def alone(rows: NDArray[Any], columns: NDArray[Any], color: NDArray[Any]) -> NDArray[Any]: ...
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
