from typing import final

@final
class Groups: ...

@final
class GroupBuilder: ...
