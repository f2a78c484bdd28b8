from typing import final

UNLIMITED: int

class Exhausted(Exception): ...  # noqa: N818

@final
class Sets: ...
