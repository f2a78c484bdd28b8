"""Where derivatives are looked at for NaN, if `mmad.debug_nans` asks for it.

The derivatives that this layer computes are compared here; what to do about one that holds NaN is set by a higher
layer, which can record the function again.
"""

import threading

__all__ = ["NANS"]


class NanWatch:
    """Whether results are looked at, and by whom.

    Attributes
    ----------
    on : bool
        Whether any thread asks; what is read where nobody does.
    examine, examine_forward : callable
        What looks at a sweep and at dual numbers; a higher layer sets them.
    """

    def __init__(self):
        self.on, self.examine, self.examine_forward = False, None, None
        self.local, self.lock, self.count = threading.local(), threading.Lock(), 0

    def asked(self):
        """Return whether this thread asks."""
        return getattr(self.local, "depth", 0) > 0

    def change(self, depth):
        """Set how many times this thread asks; return what it was."""
        before = getattr(self.local, "depth", 0)
        self.local.depth = depth
        with self.lock:
            self.count += (depth > 0) - (before > 0)
            self.on = self.count > 0
        return before


NANS = NanWatch()
