from typing import final

from mmad.compiler._graph import Graph
from mmad.compiler.passes._pass import Pass

def fold(g: Graph) -> Graph: ...

@final
class Fold(Pass): ...
