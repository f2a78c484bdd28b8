from typing import Any, final

from mmad.sweeps._forward import Tangents
from mmad.tape._tape import Tape

@final
class Doubtful:
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

@final
class RecordedTangents(Tangents):
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

def record_forward(
    tape: Tape,
    start: int,
    stop: int,
    seeds: list[tuple[int, Any]],
    outputs: list[int],
    plain: bool = False,
    linear: bool = False,
) -> list[Any]: ...
