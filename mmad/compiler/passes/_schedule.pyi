from typing import final

from mmad.compiler._graph import Graph

def schedule(g: Graph) -> Graph: ...

@final
class Scheduler: ...
