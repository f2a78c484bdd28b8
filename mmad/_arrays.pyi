from typing import Any

from numpy.typing import NDArray

def chain(bar: Any, p: Any) -> Any: ...
def window(
    base: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], of: tuple[int, ...]
) -> NDArray[Any]: ...
