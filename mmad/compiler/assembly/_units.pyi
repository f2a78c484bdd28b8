from typing import Self, final

from mmad.compiler._graph import Graph

@final
class Units:
    def __new__(cls, g: Graph, fuse: bool = True, in_place: bool = True) -> Self: ...
    @property
    def n(self) -> int: ...
