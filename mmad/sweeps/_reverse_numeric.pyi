from typing import Any, final

from mmad.sweeps._reverse import Cotangents
from mmad.tape._tape import Tape

@final
class NumericCotangents(Cotangents):
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

def reverse_sweep(tape: Tape, seeds: list[tuple[int, Any]], inputs: list[int]) -> list[Any]: ...
