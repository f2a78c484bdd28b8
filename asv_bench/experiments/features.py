"""What tools do with small programs: right, refused, or another number without a word.

Each program is an ordinary Python function of an array of three numbers; it computes with the namespace that the tool's
documentation asks for, except where the row says that it is NumPy's.  The gradient is compared with complex steps or
with one by hand.  Compiled rows run under the tool's compiler (`mmad.compile`, `jax.jit`, `advect.stage`), at another
point than the one that was recorded, where the branch goes another way.
"""

import numpy as np

from mmad.bench import all_tools

__all__ = ["PROGRAMS", "run"]

X = np.array([0.7, -0.4, 1.9])


def vectorised(xp, x):
    return xp.sum(xp.sin(x) * x)


def branch(xp, x):
    return x[0] * x[0] if x[1] > 0.0 else x[0] * x[2]


def data_dependent_loop(xp, x):
    y = x[2]
    while y < 20.0:
        y = y * x[2]
    return y * x[0]


def recursion(xp, x):
    def power(n):
        return 1.0 if n == 0 else x[0] * power(n - 1)

    return power(5) + x[1]


def element_write(xp, x):
    y = xp.zeros(3)
    for i in range(3):
        y[i] = x[i] * x[i]
    return xp.sum(y * x)


def element_write_like(xp, x):
    y = xp.zeros_like(x)
    for i in range(3):
        y[i] = x[i] * x[i]
    return xp.sum(y * x)


def write_through_view(xp, x):
    y = x * 2.0
    view = y[1:]
    view *= y[:-1]
    return xp.sum(y * y)


def dictionary(xp, x):
    held = {"a": x[0] * x[1]}
    held["b"] = held["a"] * x[2]
    return held["a"] + held["b"]


def exception(xp, x):
    try:
        if x[1] < 0.0:
            raise ValueError(x[0])
    except ValueError as error:
        return error.args[0] * x[2]
    return x[1]


def user_type(xp, x):
    return (Vector(x[0], x[1]) + Vector(x[2], x[0])).dot(Vector(x[1], x[2]))


class Vector:
    """Two numbers of any kind."""

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __add__(self, other):
        return Vector(self.a + other.a, self.b + other.b)

    def dot(self, other):
        return self.a * other.a + self.b * other.b


def generator(xp, x):
    def partial_sums():
        total = 0.0
        for i in range(3):
            total = total + x[i] * x[i]
            yield total

    return sum(partial_sums())


#: The program, whether it is run with NumPy's own namespace, under the compiler, what is asked for.
PROGRAMS = {
    "operations on whole arrays": (vectorised, False, False),
    "the same, with NumPy's own functions": (vectorised, True, False),
    "a branch on a value": (branch, False, False),
    "the same, compiled, the other branch later": (branch, False, True),
    "a loop as long as the data say": (data_dependent_loop, False, False),
    "the same, compiled, longer later": (data_dependent_loop, False, True),
    "recursion": (recursion, False, False),
    "writing elements of np.zeros(n)": (element_write, True, False),
    "writing elements of np.zeros_like(x)": (element_write_like, True, False),
    "the same, with the tool's own zeros_like": (element_write_like, False, False),
    "the same, with NumPy's, compiled": (element_write_like, True, True),
    "in-place operators through a view": (write_through_view, False, False),
    "dictionaries": (dictionary, False, False),
    "exceptions that carry values": (exception, False, False),
    "classes with operators": (user_type, False, False),
    "generators": (generator, False, False),
}
OTHER = np.array([0.9, 0.6, 1.2])  # the other branch, and a longer loop


def complex_step(function, x):
    """Return the gradient by complex steps; comparisons look at the real part."""
    h, found = 1e-30, np.zeros(3)
    for i in range(3):
        values = [Real(v, h if i == k else 0.0) for k, v in enumerate(x)]
        found[i] = function(values).b / h
    return found


class Real:
    """A number and its tangent, for programs on elements."""

    def __init__(self, a, b=0.0):
        self.a, self.b = a, b

    def __add__(self, other):
        o = other if isinstance(other, Real) else Real(other)
        return Real(self.a + o.a, self.b + o.b)

    def __mul__(self, other):
        o = other if isinstance(other, Real) else Real(other)
        return Real(self.a * o.a, self.a * o.b + self.b * o.a)

    __radd__, __rmul__ = __add__, __mul__

    def __lt__(self, other):
        return self.a < other

    def __gt__(self, other):
        return self.a > other


BY_HAND = {
    vectorised: lambda x: np.sin(x) + x * np.cos(x),
    element_write: lambda x: 3.0 * x * x,
    element_write_like: lambda x: 3.0 * x * x,
    # y = 2 x, then y1 = y1 y0, y2 = y2 y1 with the y1 from before: the right side is read first.
    write_through_view: lambda x: np.array(
        [8 * x[0] + 32 * x[0] * x[1] ** 2, 32 * x[0] ** 2 * x[1] + 32 * x[1] * x[2] ** 2, 32 * x[1] ** 2 * x[2]]
    ),
}


def gradients():
    """Return, by tool: the namespace, the gradient of a function, and the same compiled, or None."""
    found = {}
    tools = {name: tool for name, tool in all_tools().items() if tool.is_installed}
    import mmad

    found["mmad"] = np, mmad.grad, lambda f: mmad.compile(mmad.grad(f)), np.asarray
    if "jax" in tools:
        import jax

        jax.config.update("jax_enable_x64", True)
        found["jax"] = jax.numpy, jax.grad, lambda f: jax.jit(jax.grad(f)), jax.numpy.asarray
    if "autograd" in tools:
        import autograd
        import autograd.numpy

        found["autograd"] = autograd.numpy, autograd.grad, None, np.asarray
    if "torch" in tools:
        import torch

        torch.set_default_dtype(torch.float64)
        found["torch"] = torch, torch.func.grad, None, torch.as_tensor
    if "advect" in tools:
        import advect

        def staged(f):
            return advect.stage(advect.grad(f), X)

        found["advect"] = np, advect.grad, staged, np.asarray
    return found


def tried(name, tool):
    """Return "yes", "refused", or "wrong"."""
    program, with_numpy, is_compiled = PROGRAMS[name]
    xp, gradient, compiled, wrap = tool
    if is_compiled and compiled is None:
        return ""

    def function(x):
        return program(np if with_numpy else xp, x)

    right = BY_HAND.get(program) or (lambda x: complex_step(lambda values: program(None, values), x))
    try:
        derivative = (compiled if is_compiled else gradient)(function)
        points = (X, OTHER) if is_compiled else (X,)
        got = [np.asarray(derivative(wrap(x.copy()))) for x in points]
    except Exception as error:  # each tool has its own; that it refuses is what is asked
        return f"refused: {type(error).__name__}"
    is_right = all(np.allclose(g, right(x), rtol=1e-12, atol=0.0) for g, x in zip(got, points, strict=True))
    return "yes" if is_right else "wrong"


def run(quick):
    """Return what each tool does with each program."""
    tools = gradients()
    return {name: {tool: tried(name, held) for tool, held in tools.items()} for name in PROGRAMS}
