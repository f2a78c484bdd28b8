from typing import Any

import numpy as np

from mmad._instructions import Op

def bind() -> None: ...
def suspected(op: Op, ct: Any, vals: tuple[Any, ...], out: Any, active: list[bool]) -> np.ndarray | None: ...
