from typing import final

from mmad._vm import Program

def check(p: Program) -> None: ...

@final
class Checker: ...
