from typing_extensions import disjoint_base

from mmad.planner.sparsity._unions import Unions

@disjoint_base
class Calls(Unions): ...
