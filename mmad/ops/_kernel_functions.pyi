from collections.abc import Callable
from typing import Any, final

@final
class KernelFunction:
    def __init__(self, name: str, formula: Callable[..., Any], half: bool = True) -> None: ...
    def __call__(self, *args: Any) -> Any: ...
