from typing import final

from mmad.compiler._graph import Graph
from mmad.compiler.passes._pass import Pass

def simplify(g: Graph) -> Graph: ...

@final
class Growing: ...

@final
class Stores: ...

@final
class Simplify(Pass): ...
