from typing import final

from mmad.vm._vm import Machine

def check(p: Machine) -> None: ...

@final
class Checker: ...
