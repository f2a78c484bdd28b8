from typing import Any, final

from mmad.sweeps._forward import Tangents
from mmad.tape._tape import Tape

@final
class NumericTangents(Tangents):
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

def made_by_arithmetic(tape: Tape, k: int, where: Any, seeds: list[tuple[int, Any]]) -> Any: ...
def vanishes(tape: Tape, suspects: list[tuple[int, Any]], seeds: list[tuple[int, Any]]) -> bool: ...
def forward_sweep(
    tape: Tape, seeds: list[tuple[int, Any]], outputs: list[int], cache: dict[int, Any] | None = None
) -> list[Any]: ...
