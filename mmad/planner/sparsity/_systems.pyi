from typing import final

@final
class Paths: ...
