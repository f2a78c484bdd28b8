from typing import final

@final
class Buffers: ...
