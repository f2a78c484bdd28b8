from typing import Any

from mmad.tape._instructions import Op

def pull(
    op: Op,
    ct: Any,
    vals: tuple[Any, ...],
    out: Any,
    params: dict[str, Any] | None,
    out_shape: tuple[int, ...],
    active: list[bool],
) -> list[Any]: ...
def pull_through(
    op: Op,
    ct: Any,
    vals: tuple[Any, ...],
    out: Any,
    out_shape: tuple[int, ...],
    active: list[bool],
) -> list[Any]: ...
def kink_of(op: Op, vals: tuple[Any, ...]) -> Any: ...
def spoilt(ct: Any, lost: Any, p: Any) -> Any: ...
def push(
    op: Op,
    dots: list[Any],
    vals: tuple[Any, ...],
    out: Any,
    params: dict[str, Any] | None,
    out_shape: tuple[int, ...],
    out_dtype: Any,
    partials: list[Any] | None = None,
) -> Any: ...
def set_transpose_of(function: Any) -> None: ...
