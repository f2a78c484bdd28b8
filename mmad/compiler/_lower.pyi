from typing import final

from mmad._tape import Tape
from mmad.compiler._graph import Graph

def lower(tape: Tape) -> Graph: ...

@final
class Lowering: ...
