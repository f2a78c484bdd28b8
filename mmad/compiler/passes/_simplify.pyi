from typing import final

from mmad.compiler._graph import Graph

def simplify(g: Graph) -> Graph: ...

@final
class Simplifier: ...

@final
class Growing: ...

@final
class Stores: ...
