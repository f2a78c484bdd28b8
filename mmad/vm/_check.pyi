from typing import final

from mmad.vm._vm import Program

def check(p: Program) -> None: ...

@final
class Checker: ...
