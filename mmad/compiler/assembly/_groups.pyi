from typing import final

@final
class Groups: ...
