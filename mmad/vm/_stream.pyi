from typing import final

from mmad.vm._vm import Machine

def make_stream(p: Machine) -> None: ...

@final
class Maker: ...
