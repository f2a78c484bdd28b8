from typing import final

@final
class Elements: ...

@final
class Walk: ...
