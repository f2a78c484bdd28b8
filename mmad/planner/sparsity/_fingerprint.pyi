from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmad.tracing.trace import Trace

def fingerprint(trace: Trace) -> int: ...
def constants_of(trace: Trace) -> Any: ...
def counted(trace: Trace) -> NDArray[np.intp]: ...
