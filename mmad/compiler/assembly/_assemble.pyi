from typing import Any, final

from mmad.compiler.assembly._units import Units

def assemble(units: Units, reuse: bool, sincos: bool) -> dict[str, Any]: ...

@final
class Assembler: ...
