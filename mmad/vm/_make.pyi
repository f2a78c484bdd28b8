from typing import Any

from mmad.vm._vm import Program

DATA: tuple[str, ...]
LISTS: tuple[str, ...]

def make_program(parts: dict[str, Any]) -> Program: ...
def structure_sizes() -> list[int]: ...
def from_description(description: dict[str, Any]) -> Program: ...
