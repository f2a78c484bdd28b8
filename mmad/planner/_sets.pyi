from typing import final

UNLIMITED: int

class Exhausted(Exception): ...

@final
class Sets: ...
