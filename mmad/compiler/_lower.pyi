from typing import final

from mmad._tape import Tape
from mmad.compiler._graph import Graph

def lower(tape: Tape) -> Graph: ...
def lower_between(tape: Tape, inputs: list[int], outputs: list[int]) -> Graph: ...

@final
class Lowering: ...
