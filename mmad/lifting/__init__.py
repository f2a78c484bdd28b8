"""Code that knows nothing of mmad: copies in which traced values pass where plain numbers do."""

from mmad.lifting.lift import lift

__all__ = ["lift"]
