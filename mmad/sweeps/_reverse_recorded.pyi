from typing import Any, final

from mmad.sweeps._traced_cotangents import TracedCotangents
from mmad.tape._tape import Tape

@final
class RecordedCotangents(TracedCotangents): ...

def record_reverse(
    tape: Tape,
    start: int,
    stop: int,
    seeds: list[tuple[int, Any]],
    inputs: list[int],
    forget: bool = False,
    plain: bool = False,
    linear: bool = False,
) -> list[Any]: ...
