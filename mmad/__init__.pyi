"""Types of the public names.

Derivatives of unannotated functions, lambdas for example, take their types from the arguments they are called with.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, ParamSpec, Protocol, TypeVar, overload

import numpy as numpy
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator

from mmad._core import ScalarVar as ScalarVar
from mmad._core import Var as Var
from mmad._core import concrete as concrete
from mmad.compiler.program import Program as Program
from mmad.derivatives import implicit as implicit
from mmad.derivatives.checking import Report
from mmad.derivatives.custom import custom_jvp as custom_jvp
from mmad.derivatives.custom import custom_vjp as custom_vjp
from mmad.derivatives.nans import debug_nans as debug_nans
from mmad.errors import GuardError as GuardError
from mmad.errors import NanError as NanError
from mmad.errors import PatternError as PatternError
from mmad.errors import ProgramError as ProgramError
from mmad.errors import StructureError as StructureError
from mmad.errors import TraceError as TraceError
from mmad.errors import UnsupportedError as UnsupportedError
from mmad.errors import ValidationError as ValidationError
from mmad.kernels._pool import clear_pool as clear_pool
from mmad.optimization.constraint import Constraint
from mmad.optimization.ipopt import IpoptProblem
from mmad.optimization.objective import Goal
from mmad.planner import Coloring as Coloring
from mmad.planner import Pattern as Pattern
from mmad.planner import Plan as Plan
from mmad.planner.decision.compare import Comparison
from mmad.tape._storage import ArrayVar as ArrayVar
from mmad.tracing import tree as tree
from mmad.transforms.tape import Tape as Tape
from mmad.vm._vm import get_num_threads as get_num_threads
from mmad.vm._vm import set_num_threads as set_num_threads
from mmad.wrappers._dual import Dual as Dual

__version__: str

def __dir__() -> list[str]: ...

_T = TypeVar("_T")
_R = TypeVar("_R")
_R_co = TypeVar("_R_co", covariant=True)
_P = ParamSpec("_P")
_F = TypeVar("_F", bound=Callable[..., Any])
_C = TypeVar("_C", bound=type)

_Function = Callable[..., Any]
_Numeric = Callable[..., complex | numpy.number[Any] | NDArray[Any]]  # not a tree
_Places = tuple[int | str, ...] | list[int | str]
_Argnums = int | str | _Places
_Mode = Literal["auto", "forward", "reverse"]
_Memory = int | float | str | None

# Derivatives with respect to the first argument are like it.
class _Planned(Protocol):
    def plan(self, *args: Any, **kwargs: Any) -> Plan: ...
    def compare(self, *args: Any, rounds: int = 5, progress: Any = None, **kwargs: Any) -> Comparison: ...

class _Gradient(_Planned, Protocol):
    def __call__(self, x: _T, /, *args: Any, **kwargs: Any) -> _T: ...

class _GradientAndAux(_Planned, Protocol):
    def __call__(self, x: _T, /, *args: Any, **kwargs: Any) -> tuple[_T, Any]: ...

class _ValueAndGradient(_Planned, Protocol[_R_co]):
    def __call__(self, x: _T, /, *args: Any, **kwargs: Any) -> tuple[_R_co, _T]: ...

class _ValueGradientProduct(_Planned, Protocol[_R_co]):
    def __call__(self, x: _T, /, *args: Any, **kwargs: Any) -> tuple[_R_co, _T, _T]: ...

class _Several(_Planned, Protocol):
    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, ...]: ...

class _Matrix(_Planned, Protocol):
    @overload
    def __call__(self, x: NDArray[Any], /, *args: Any, **kwargs: Any) -> NDArray[Any]: ...
    @overload
    def __call__(self, x: Any, /, *args: Any, **kwargs: Any) -> Any: ...

class _Other(_Planned, Protocol):
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

class _Tensor(Protocol):
    def __call__(self, x: Any, /, *args: Any, **kwargs: Any) -> NDArray[Any]: ...
    def plan(self, x: Any, /, *args: Any, **kwargs: Any) -> Any: ...

@overload
def grad(
    f: _Function,
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _Gradient: ...
@overload
def grad(
    f: _Function,
    argnums: Literal[0] = 0,
    *,
    has_aux: Literal[True],
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _GradientAndAux: ...
@overload
def grad(
    f: _Function,
    argnums: _Places,
    has_aux: bool = False,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _Several: ...
@overload
def grad(
    f: _Function,
    argnums: int | str = 0,
    has_aux: bool = False,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _Other: ...
@overload
def value_and_grad(
    f: Callable[..., _R],
    argnums: Literal[0] = 0,
    has_aux: Literal[False] = False,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _ValueAndGradient[_R]: ...
@overload
def value_and_grad(
    f: _Function,
    argnums: _Argnums = 0,
    has_aux: bool = False,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _Several: ...
@overload
def hvp(
    f: _Function,
    argnums: Literal[0] = 0,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _Gradient: ...
@overload
def hvp(
    f: _Function,
    argnums: _Places,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _Several: ...
@overload
def hvp(
    f: _Function,
    argnums: int | str = 0,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _Other: ...
@overload
def value_grad_hvp(
    f: Callable[..., _R],
    argnums: Literal[0] = 0,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _ValueGradientProduct[_R]: ...
@overload
def value_grad_hvp(
    f: _Function,
    argnums: _Argnums = 0,
    *,
    strategy: str = "auto",
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
) -> _Several: ...
@overload
def jacobian(
    f: _Numeric,
    argnums: Literal[0] = 0,
    strategy: str = "auto",
    *,
    sparse: Literal[False] = False,
    format: str = "csr",
    pattern: Any = None,
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
    factored: Literal[False] = False,
    has_aux: Literal[False] = False,
) -> _Matrix: ...
@overload
def jacobian(
    f: _Function,
    argnums: _Argnums = 0,
    strategy: str = "auto",
    *,
    sparse: bool = False,
    format: str = "csr",
    pattern: Any = None,
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
    factored: bool = False,
    has_aux: bool = False,
) -> _Other: ...
@overload
def hessian(
    f: _Function,
    argnums: Literal[0] = 0,
    strategy: str = "auto",
    *,
    sparse: Literal[False] = False,
    format: str = "csr",
    pattern: Any = None,
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
    has_aux: Literal[False] = False,
) -> _Matrix: ...
@overload
def hessian(
    f: _Function,
    argnums: _Argnums = 0,
    strategy: str = "auto",
    *,
    sparse: bool = False,
    format: str = "csr",
    pattern: Any = None,
    evaluations: int | None = None,
    memory: _Memory = None,
    mode: _Mode = "auto",
    has_aux: bool = False,
) -> _Other: ...

class _Pair(Protocol):
    def __call__(self, z: _T, /, *args: Any, **kwargs: Any) -> tuple[_T, _T]: ...

class _Dense(Protocol):
    @overload
    def __call__(self, x: NDArray[Any], /, *args: Any, **kwargs: Any) -> NDArray[Any]: ...
    @overload
    def __call__(self, x: Any, /, *args: Any, **kwargs: Any) -> Any: ...

@overload
def jacfwd(f: _Numeric, argnums: Literal[0] = 0) -> _Dense: ...
@overload
def jacfwd(f: _Function, argnums: _Argnums = 0) -> Callable[..., Any]: ...
@overload
def jacrev(f: _Numeric, argnums: Literal[0] = 0) -> _Dense: ...
@overload
def jacrev(f: _Function, argnums: _Argnums = 0) -> Callable[..., Any]: ...
@overload
def jvp(
    f: Callable[..., _R], primals: Sequence[Any], tangents: Sequence[Any], has_aux: Literal[False] = False
) -> tuple[_R, _R]: ...
@overload
def jvp(
    f: Callable[..., tuple[_R, _T]], primals: Sequence[Any], tangents: Sequence[Any], has_aux: Literal[True]
) -> tuple[_R, _R, _T]: ...
@overload
def vjp(
    f: Callable[..., _R], *primals: Any, has_aux: Literal[False] = False
) -> tuple[_R, Callable[[_R], tuple[Any, ...]]]: ...
@overload
def vjp(
    f: Callable[..., tuple[_R, _T]], *primals: Any, has_aux: Literal[True]
) -> tuple[_R, Callable[[_R], tuple[Any, ...]], _T]: ...
@overload
def linearize(f: Callable[..., _R], *primals: Any, has_aux: Literal[False] = False) -> tuple[_R, Callable[..., _R]]: ...
@overload
def linearize(
    f: Callable[..., tuple[_R, _T]], *primals: Any, has_aux: Literal[True]
) -> tuple[_R, Callable[..., _R], _T]: ...
def hessian_diagonal(f: _Function) -> Callable[..., Any]: ...
def laplacian(f: _Function) -> Callable[..., Any]: ...
def divergence(f: _Function) -> Callable[..., Any]: ...
def curl(f: _Function) -> Callable[..., Any]: ...
def gauss_newton_product(f: _Function, loss: _Function | None = None, argnums: _Argnums = 0) -> Callable[..., Any]: ...
def vhp(f: _Function, argnums: _Argnums = 0) -> Callable[..., Any]: ...
@overload
def wirtinger(f: _Function, argnums: Literal[0] = 0) -> _Pair: ...
@overload
def wirtinger(f: _Function, argnums: _Argnums = 0) -> Callable[..., tuple[Any, Any]]: ...
def derivative(f: Callable[..., _R], order: int = 1) -> Callable[..., _R]: ...
@overload
def taylor(f: _Numeric, x: Any, v: Any, order: int, *, higher: Sequence[Any] = ()) -> NDArray[Any]: ...
@overload
def taylor(f: _Function, x: Any, v: Any, order: int, *, higher: Sequence[Any] = ()) -> Any: ...
def derivative_tensor(f: _Function, order: int, strategy: str = "auto") -> _Tensor: ...
def hessian_operator(f: _Function, x: Any) -> LinearOperator: ...
def jacobian_operator(f: _Function, x: Any) -> LinearOperator: ...
@overload
def vmap(f: _Numeric, in_axes: Any = 0, out_axes: int = 0) -> Callable[..., NDArray[Any]]: ...
@overload
def vmap(f: _Function, in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]: ...
def sparsity(f: _Function, *args: Any, argnums: _Argnums = 0, order: int = 1, **kwargs: Any) -> Pattern: ...
def check_derivatives(
    f: _Function,
    args: Sequence[Any],
    order: int = 2,
    modes: Iterable[str] = ("forward", "reverse"),
    *,
    reference: str | Callable[..., float] = "differences",
    rtol: float | None = None,
    atol: float | None = None,
    seed: int = 0,
) -> Report: ...
def checkpoint(f: _F, policy: str | Callable[[str], bool] = "nothing") -> _F: ...
def forward(f: _F) -> _F: ...
def checkpointed_loop(
    step: Callable[[_T], _T], state: _T, n: int, *, snapshots: int | None = None, block: int | None = None
) -> _T: ...

class _Recordings(Protocol):
    def stats(self) -> dict[str, Any]: ...
    def programs(self) -> list[Program]: ...

class _Compiled(_Recordings, Protocol[_P, _R_co]):
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R_co: ...

class _CompiledGradient(_Recordings, _Gradient, Protocol): ...
class _CompiledValueAndGradient(_Recordings, _ValueAndGradient[_R_co], Protocol[_R_co]): ...
class _CompiledMatrix(_Recordings, _Matrix, Protocol): ...

@overload
def compile(
    f: _Gradient, *, check: bool = False, passes: Iterable[str] | None = None, memory: _Memory = None
) -> _CompiledGradient: ...
@overload
def compile(
    f: _ValueAndGradient[_R], *, check: bool = False, passes: Iterable[str] | None = None, memory: _Memory = None
) -> _CompiledValueAndGradient[_R]: ...
@overload
def compile(
    f: _Matrix, *, check: bool = False, passes: Iterable[str] | None = None, memory: _Memory = None
) -> _CompiledMatrix: ...
@overload
def compile(
    f: Callable[_P, _R], *, check: bool = False, passes: Iterable[str] | None = None, memory: _Memory = None
) -> _Compiled[_P, _R]: ...
@overload
def compile(
    f: None = None, *, check: bool = False, passes: Iterable[str] | None = None, memory: _Memory = None
) -> Callable[[Callable[_P, _R]], _Compiled[_P, _R]]: ...
def hook(function: Callable[[Any], Any], x: _T) -> _T: ...
def clip_gradient(x: _T, low: Any = None, high: Any = None, *, norm: float | None = None) -> _T: ...
def stop_gradient(x: _T) -> _T: ...
def straight_through(f: _F, surrogate: Callable[..., Any] | None = None) -> _F: ...
def lift(target: _T, *, leave: str | Iterable[str] = (), replace: dict[Any, Any] | None = None) -> _T: ...
@overload
def primitive(
    f: _F,
    *,
    jvp: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    name: str | None = None,
    bind: bool = False,
) -> _F: ...
@overload
def primitive(
    f: None = None,
    *,
    jvp: Callable[..., Any] | None = None,
    vjp: Callable[..., Any] | None = None,
    name: str | None = None,
    bind: bool = False,
) -> Callable[[_F], _F]: ...
def record(f: _Function, *args: Any, live: bool = False, lines: bool = False) -> Tape: ...
def register(
    cls: _C,
    flatten_function: Callable[[Any], tuple[Any, Any]] | None = None,
    unflatten_function: Callable[[Any, Any], Any] | None = None,
) -> _C: ...
def validate(tape: Tape) -> Tape: ...
def ravel_pytree(tree_: _T) -> tuple[NDArray[Any], Callable[[Any], _T]]: ...
def objective(
    f: _Function, x0: Any = None, *, args: tuple[Any, ...] = (), mode: Literal["compiled", "eager"] = "compiled"
) -> Goal: ...
def constraint(
    f: _Function,
    lower: float | NDArray[Any] = ...,
    upper: float | NDArray[Any] = ...,
    *,
    x0: Any = None,
    args: tuple[Any, ...] = (),
    mode: Literal["compiled", "eager"] = "compiled",
) -> Constraint: ...
def ipopt_problem(
    f: _Function,
    x0: Any,
    constraints: Constraint | Sequence[Constraint] = (),
    *,
    args: tuple[Any, ...] = (),
    mode: Literal["compiled", "eager"] = "compiled",
) -> IpoptProblem: ...
def minimize(
    f: _Function,
    x0: Any,
    args: tuple[Any, ...] = (),
    method: str | Callable[..., Any] | None = None,
    *,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    mode: Literal["compiled", "eager"] = "compiled",
) -> Any: ...

class _Sharded(Protocol):
    def __call__(self, params: Any, /) -> Any: ...
    def value_and_grad(self, params: _T, /) -> tuple[Any, _T]: ...
    def grad(self, params: _T, /) -> _T: ...
    def hvp(self, params: _T, v: Any, /) -> _T: ...
    def hessian_operator(self, params: Any, /) -> LinearOperator: ...
    def stats(self) -> dict[str, int]: ...

def sharded(
    f: Callable[[Any, Any], Any], shards: Iterable[Any], executor: Any = None, *, parts: int | None = None
) -> _Sharded: ...

__all__ = [
    "ArrayVar",
    "Coloring",
    "Dual",
    "GuardError",
    "NanError",
    "Pattern",
    "PatternError",
    "Plan",
    "Program",
    "ProgramError",
    "ScalarVar",
    "StructureError",
    "Tape",
    "TraceError",
    "UnsupportedError",
    "ValidationError",
    "Var",
    "check_derivatives",
    "checkpoint",
    "checkpointed_loop",
    "clear_pool",
    "clip_gradient",
    "compile",
    "concrete",
    "constraint",
    "curl",
    "custom_jvp",
    "custom_vjp",
    "debug_nans",
    "derivative",
    "derivative_tensor",
    "divergence",
    "forward",
    "gauss_newton_product",
    "get_num_threads",
    "grad",
    "hessian",
    "hessian_diagonal",
    "hessian_operator",
    "hook",
    "hvp",
    "implicit",
    "ipopt_problem",
    "jacfwd",
    "jacobian",
    "jacobian_operator",
    "jacrev",
    "jvp",
    "laplacian",
    "lift",
    "linearize",
    "minimize",
    "numpy",
    "objective",
    "primitive",
    "ravel_pytree",
    "record",
    "register",
    "set_num_threads",
    "sharded",
    "sparsity",
    "stop_gradient",
    "straight_through",
    "taylor",
    "tree",
    "validate",
    "value_and_grad",
    "value_grad_hvp",
    "vhp",
    "vjp",
    "vmap",
    "wirtinger",
]
