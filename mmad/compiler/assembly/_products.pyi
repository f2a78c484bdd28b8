from typing import final

@final
class Products: ...
