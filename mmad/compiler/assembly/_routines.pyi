from typing import final

@final
class Routines: ...
