from typing import final

from mmad.compiler._graph import Graph
from mmad.compiler.passes._pass import Pass

def share(g: Graph) -> Graph: ...

@final
class Share(Pass): ...
