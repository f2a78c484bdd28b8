from typing import final

from mmad.vm._vm import Program

def make_stream(p: Program) -> None: ...

@final
class Maker: ...
