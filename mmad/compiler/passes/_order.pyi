from typing import final

from mmad.compiler._graph import Graph

def order(g: Graph) -> Graph: ...

@final
class Order: ...
