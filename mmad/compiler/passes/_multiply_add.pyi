from typing import final

from mmad.compiler._graph import Graph
from mmad.compiler.passes._pass import Pass

def multiply_add(g: Graph) -> Graph: ...

@final
class MultiplyAdd(Pass): ...
