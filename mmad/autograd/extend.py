"""What autograd offers for rules of one's own."""

from mmad.autograd.core import (
    VSpace,
    def_linear,
    defjvp,
    defjvp_argnum,
    defjvp_argnums,
    defvjp,
    defvjp_argnum,
    defvjp_argnums,
    vspace,
)
from mmad.autograd.tracer import Box, notrace_primitive, primitive

__all__ = [
    "Box", "VSpace", "def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp", "defvjp_argnum",
    "defvjp_argnums", "notrace_primitive", "primitive", "register_notrace", "vspace",
]  # fmt: skip


def register_notrace(trace_type, fun):
    """Do nothing: an operation without rules has no derivative in every mode."""
