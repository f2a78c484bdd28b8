from collections.abc import Sequence
from typing import Any, final

from numpy.typing import NDArray

from mmad.compiler._graph import Graph

def dependence(
    g: Graph,
    columns: Sequence[int | None],
    n: int,
    limit: int = ...,
    most: int = ...,
    room: int = ...,
    zeros: Any = None,
) -> tuple[list[tuple[NDArray[Any], NDArray[Any]]], bool]: ...

@final
class Propagation: ...
