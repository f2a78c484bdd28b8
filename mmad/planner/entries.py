"""The plans of one function, found by shapes of arguments and by structures of recordings."""

from collections import OrderedDict
from dataclasses import dataclass

from mmad.planner.decision.plan import Plan
from mmad.replay.compiled import Compiled

__all__ = ["Entries", "Entry"]

KEPT = 32  # plans of one function, with their programs; the least recently used goes: each may hold a large pattern


@dataclass(slots=True, eq=False)
class Entry:
    """A plan and what belongs to it.

    Attributes
    ----------
    number : int
        By which a program says what plan it is of.
    plan : Plan
    replay : Compiled or None
        The compiled function that evaluates by the plan.
    checked : bool
        Whether the pattern was compared with a product.
    """

    number: int
    plan: Plan
    replay: Compiled | None = None
    checked: bool = False


class Entries:
    """At most :data:`KEPT` plans, the last used kept.  Callers hold a lock where they change it."""

    def __init__(self):
        self.by_number, self.by_shape, self.by_structure = OrderedDict(), {}, {}
        self.count = 0  # of plans so far

    def __len__(self):
        return len(self.by_number)

    def __iter__(self):
        return iter(self.by_number.values())

    def at(self, number):
        """Return the plan of a number, or None if it was forgotten."""
        return self.by_number.get(number)

    def use(self, entry):
        """Note that a plan is used."""
        if entry.number in self.by_number:
            self.by_number.move_to_end(entry.number)

    def add(self, plan, structure, replay=None):
        """Return the entry of a new plan for recordings of a structure."""
        while len(self.by_number) >= KEPT:
            _, old = self.by_number.popitem(last=False)
            self.forget(lambda entry: entry is old)  # noqa: B023
        self.count += 1
        entry = self.by_number[self.count] = self.by_structure[structure] = Entry(self.count, plan, replay)
        return entry

    def forget(self, which):
        """Find no plan any more of which `which(entry)` holds; programs of it still find it."""
        for found in (self.by_shape, self.by_structure):
            for key in [key for key, entry in found.items() if which(entry)]:
                del found[key]
