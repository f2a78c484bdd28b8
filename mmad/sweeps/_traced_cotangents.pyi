from typing_extensions import disjoint_base

from mmad.sweeps._reverse import Cotangents

@disjoint_base
class TracedCotangents(Cotangents): ...
