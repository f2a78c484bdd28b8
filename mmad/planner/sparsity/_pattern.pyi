from typing import Any

from numpy.typing import NDArray

def transposed(
    indptr: NDArray[Any], indices: NDArray[Any], n: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]: ...
def canonical(indptr: NDArray[Any], indices: NDArray[Any], n: int) -> bool: ...
def column_counts(indices: NDArray[Any], n: int) -> NDArray[Any]: ...
def row_numbers(indptr: NDArray[Any]) -> NDArray[Any]: ...
def sums(
    parts: list[NDArray[Any]],
    sizes: NDArray[Any],
    starts: NDArray[Any],
    number: NDArray[Any],
    place: NDArray[Any],
    data: NDArray[Any],
) -> None: ...
