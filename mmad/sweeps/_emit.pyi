from contextlib import AbstractContextManager
from typing import Any

from typing_extensions import disjoint_base

from mmad.tape._instructions import Op
from mmad.tape._tape import Tape

@disjoint_base
class Sweep: ...

def emit_reverse(
    tape: Tape, start: int, stop: int, seeds: list[tuple[int, Any]], inputs: list[int], forget: bool = False
) -> list[Any]: ...
def uncut() -> AbstractContextManager[None]: ...
def unknown(g: Any) -> Any: ...
def poisoned(op: Op, mark: Any, ct: Any, vals: tuple[Any, ...], out: Any, active: list[bool]) -> Any: ...
