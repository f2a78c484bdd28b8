from typing import final

from mmad.compiler._graph import Graph
from mmad.tape._tape import Tape

def lower(tape: Tape) -> Graph: ...
def lower_between(tape: Tape, inputs: list[int], outputs: list[int], for_dependence: bool = False) -> Graph: ...

@final
class Lowering: ...
