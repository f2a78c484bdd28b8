from typing import Any

from typing_extensions import disjoint_base

from mmad._tape import Tape

@disjoint_base
class Sweep: ...

def bind() -> None: ...
def emit_reverse(
    tape: Tape, start: int, stop: int, seeds: list[tuple[int, Any]], inputs: list[int], forget: bool = False
) -> list[Any]: ...
