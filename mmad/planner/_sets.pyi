from typing import final

@final
class Sets: ...
