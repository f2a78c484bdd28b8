from typing import Any

from mmad.vm._vm import Machine

DATA: tuple[str, ...]
LISTS: tuple[str, ...]

def make_machine(parts: dict[str, Any]) -> Machine: ...
def structure_sizes() -> list[int]: ...
def from_description(description: dict[str, Any]) -> Machine: ...
