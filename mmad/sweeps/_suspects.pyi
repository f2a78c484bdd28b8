from typing import Any, final

@final
class Doubts:
    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
