from collections.abc import Callable
from typing import final

from mmad.compiler._graph import Graph
from mmad.compiler.assembly._units import Units

def fitting(g: Graph, memory: int, units_of: Callable[[Graph], Units]) -> tuple[Graph, int]: ...

@final
class Recompute: ...
