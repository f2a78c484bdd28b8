from collections.abc import Callable
from typing import Any, final

from typing_extensions import disjoint_base

from mmad.replay._captures import Check
from mmad.vm._vm import Machine

PLAIN: int
WIN: int
EXACT: int
POLE: tuple[str, int]

@final
class ArgumentPattern: ...

@final
class Signature:
    checks: list[Check]
    root: Replay | None
    latest: Replay | None
    count: int
    eager: bool
    hits: int
    misses: int
    recording: float
    running: float
    def __init__(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], checks: list[Check], values: list[Any]
    ) -> None: ...
    def traces(self) -> list[Replay]: ...

@final
class Replay:
    facts: Any
    def __init__(
        self, program: Machine, structure: Any, givers: list[Callable[[Any], Any] | None], zeros: int
    ) -> None: ...
    @property
    def zeros(self) -> int: ...
    @property
    def program(self) -> Machine: ...
    @property
    def structure(self) -> Any: ...
    @property
    def givers(self) -> list[Callable[[Any], Any] | None]: ...
    @property
    def children(self) -> dict[Any, Replay]: ...
    def give(self, found: list[Any]) -> Any: ...

@disjoint_base
class Dispatcher:
    recent: Signature | None
    calls: int
    replays: int
    guard_failures: int
    def __init__(self, state: Any) -> None: ...
    def note_errors(self) -> None: ...
    def run(self, t: Replay, values: list[Any]) -> list[Any] | tuple[Any, Any]: ...
    def replay(self, s: Signature, values: list[Any]) -> tuple[Replay, list[Any] | tuple[int, Any]]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

def set_eager(function: Callable[..., Any] | None) -> None: ...
