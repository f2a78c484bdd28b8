from typing import final

@final
class Vector: ...

@final
class Records: ...
