"""Random programs: Python source that runs on plain numbers and arrays as well as on traced values.

A program takes a number `s`, a vector `v` of 4 and a matrix `m` of 3 x 4, and returns a number and a vector of 4. It is
made of assignments, branches and loops on values, element, slice, fancy and masked writes, views, in-place
operations, reductions, products, closures, exceptions, containers and derivatives taken inside. Every function used is
smooth where a random point falls, and most are bounded, so that derivatives stay of the order of one.
"""

import random

import numpy as np

import mmad

SCALAR_FUNCTIONS = (
    "np.sin({})",
    "np.tanh({})",
    "np.cos({})",
    "np.arctan({})",
    "np.exp(-{0} * {0})",
    "np.sqrt(1.0 + {0} ** 2)",
    "np.log1p({0} * {0})",
    "{} / (1.5 + np.cos({}))",
    "-{}",
    "abs({})",
    "np.square(np.sin({}))",
    "np.tanh({}) ** 3",
    "1.0 / (2.0 + np.sin({}))",
)
INDEX_SETS = ("[0, 2]", "[3, 1]", "np.array([1, 2])", "[2, 2]")
SLICES = ("1:3", ":2", "2:", "::2", "1::2", "::-2")
ROWS = ("0", "1", "-1")


class Writer:
    """Writes one random program."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines, self.depth, self.count = [], 1, 0
        self.scalars, self.vectors, self.matrices = ["s"], ["v"], ["m"]
        self.owned, self.owned_matrices, self.views, self.functions = [], [], [], []

    # ----------------------------------------------------------------------------------------- small things
    def pick(self, items):
        return self.random.choice(items)

    def chance(self, p):
        return self.random.random() < p

    def number(self):
        return repr(round(self.random.uniform(-1.5, 1.5), 3))

    def name(self, letter):
        self.count += 1
        return f"{letter}{self.count}"

    def emit(self, text):
        self.lines.append("    " * self.depth + text)

    # ----------------------------------------------------------------------------------------- expressions
    def scalar(self, depth=2):
        kind = self.random.randrange(12) if depth else self.random.randrange(3)
        if kind == 0:
            return self.pick(self.scalars)
        if kind == 1:
            return f"{self.pick(self.vectors)}[{self.random.randrange(-4, 4)}]"
        if kind == 2:
            return f"{self.pick(self.matrices)}[{self.random.randrange(3)}, {self.random.randrange(-4, 4)}]"
        if kind in (3, 4, 5):
            e = self.scalar(depth - 1)
            return "(" + self.pick(SCALAR_FUNCTIONS).replace("{}", "{0}").format(f"({e})") + ")"
        if kind in (6, 7):
            return f"({self.scalar(depth - 1)} {self.pick('+-*')} {self.scalar(depth - 1)})"
        if kind == 8:
            return f"({self.number()} {self.pick('+-*')} {self.scalar(depth - 1)})"
        if kind == 9:
            v = self.pick(self.vectors)
            return self.pick(
                (
                    f"{v}.sum()",
                    f"np.mean({v})",
                    f"{v}.max()",
                    f"np.min({v})",
                    f"({v} @ {v})",
                    f"np.dot({v}, {self.pick(self.vectors)})",
                    f"np.tanh({v}).prod()",
                )
            )
        if kind == 10 and self.functions:
            return f"{self.pick(self.functions)}({self.scalar(depth - 1)})"
        a, b = self.scalar(depth - 1), self.scalar(depth - 1)
        return self.pick(
            (f"np.where({a} > {self.number()}, {a}, {b})", f"np.maximum({a}, {b})", f"np.minimum({a}, {b})")
        )

    def vector(self, depth=2):
        kind = self.random.randrange(9) if depth else 0
        if kind <= 1:
            return self.pick(self.vectors)
        if kind == 2:
            return f"np.{self.pick(('sin', 'tanh', 'cos', 'arctan'))}({self.vector(depth - 1)})"
        if kind == 3:
            return f"({self.vector(depth - 1)} {self.pick('+-*')} {self.vector(depth - 1)})"
        if kind == 4:
            return f"({self.scalar(1)} {self.pick('+-*')} {self.vector(depth - 1)})"
        if kind == 5:
            m = self.pick(self.matrices)
            return self.pick(
                (
                    f"{m}[{self.pick(ROWS)}]",
                    f"{m}.sum(axis=0)",
                    f"(np.tanh({m} @ {self.pick(self.vectors)}) @ {m})",
                    f"np.max({m}, axis=0)",
                    f"{m}.T[:, 1]",
                    f"{m}.mean(0)",
                )
            )
        if kind == 6:
            v = self.pick(self.vectors)
            return self.pick(
                (
                    f"np.cumsum({v})",
                    f"{v}[::-1]",
                    f"np.where({v} > {self.number()}, {v}, {self.vector(1)})",
                    f"{v}[[1, 0, 3, 3]]",
                    f"np.roll({v}, 1)",
                    f"np.concatenate([{v}[2:], {v}[:2]])",
                    f"np.stack([{v}, {v}])[1]",
                    f"({v} > {self.number()}) * {v}",
                )
            )
        if kind == 7:
            return f"mmad.numpy.array([{', '.join(self.scalar(1) for _ in range(4))}])"
        return f"({self.vector(depth - 1)} / (1.0 + {self.pick(self.vectors)} ** 2))"

    def matrix(self):
        m, v = self.pick(self.matrices), self.vector(1)
        return self.pick(
            (
                f"np.tanh({m}) * {v}",
                f"{m} + {self.scalar(1)}",
                f"np.outer(np.sin({m}[:, 0]), {v})",
                f"{m} * {self.pick(self.matrices)}",
                f"({m} @ {m}.T) @ np.cos({m})",
                f"np.reshape({m}.T, (3, 4))",
                f"np.stack([{v}, np.sin({v}), {self.pick(self.vectors)}])",
            )
        )

    def condition(self):
        comparison = f"{self.scalar(1)} {self.pick('<>')} {self.number()}"
        if self.chance(0.3):
            comparison = f"{comparison} {self.pick(('and', 'or'))} {self.scalar(0)} > {self.number()}"
        return f"not ({comparison})" if self.chance(0.1) else comparison

    # ----------------------------------------------------------------------------------------- statements
    def statement(self, nesting):
        choices = [
            self.assign_scalar,
            self.assign_vector,
            self.assign_vector,
            self.assign_matrix,
            self.own,
            self.own,
            self.write,
            self.write,
            self.write,
            self.write,
            self.view,
            self.function,
        ]
        if nesting:
            choices += [self.branch, self.loop, self.while_loop, self.attempt, self.container, self.inner_derivative]
        self.pick(choices)(nesting)

    def assign_scalar(self, nesting):
        expression = self.scalar()
        name = self.name("s")
        self.emit(f"{name} = {expression}")
        self.scalars.append(name)

    def assign_vector(self, nesting):
        expression = self.vector()
        name = self.name("v")
        self.emit(f"{name} = {expression}")
        self.vectors.append(name)

    def assign_matrix(self, nesting):
        expression = self.matrix()
        name = self.name("m")
        self.emit(f"{name} = np.tanh({expression})")
        self.matrices.append(name)

    def own(self, nesting):
        """An array of the program's own, to write into."""
        if self.chance(0.3):
            expression, name = self.matrix(), self.name("a")
            self.emit(f"{name} = np.sin({expression})")
            self.owned_matrices.append(name)
            self.matrices.append(name)
            return
        expression, name = self.vector(1), self.name("w")
        self.emit(
            f"{name} = "
            + self.pick(
                (
                    f"np.zeros_like({self.pick(self.vectors)})",
                    f"({expression}) * 1.0",
                    f"np.tanh({expression})",
                    f"mmad.numpy.array({expression})",
                    "mmad.numpy.zeros(4)",
                )
            )
        )
        self.owned.append(name)
        self.vectors.append(name)

    def write(self, nesting):
        if self.views and self.chance(0.35):
            name, length = self.pick(self.views)
            self.emit(
                self.pick(
                    (
                        f"{name}[0] = {self.scalar(1)}",
                        f"{name} += {self.scalar(1)}",
                        f"{name} *= 0.5",
                        f"{name}[:] = np.sin({name})",
                        f"{name} -= np.cos({self.pick(self.vectors)}[:{length}])",
                    )
                )
            )
            return
        if self.owned_matrices and self.chance(0.4):
            a = self.pick(self.owned_matrices)
            self.emit(
                self.pick(
                    (
                        f"{a}[{self.pick(ROWS)}] = {self.vector(1)}",
                        f"{a}[:, {self.random.randrange(4)}] *= {self.scalar(1)}",
                        f"{a}[1:, ::2] = {self.scalar(1)}",
                        f"{a}.T[0] = ({self.vector(1)})[:3]",
                        f"{a}[{self.random.randrange(3)}, {self.random.randrange(4)}] = {self.scalar(1)}",
                        f"{a}[[0, 2], [1, 3]] += {self.scalar(0)}",
                        f"{a}.reshape(-1)[2:6] = {self.vector(1)}",
                        f"{a}[{a} > {self.number()}] *= 0.5",
                    )
                )
            )
            return
        if not self.owned:
            self.own(nesting)
            return
        w = self.pick(self.owned)
        cut, index = self.pick(SLICES), self.random.randrange(-4, 4)
        self.emit(
            self.pick(
                (
                    f"{w}[{index}] = {self.scalar()}",
                    f"{w}[{index}] += {self.scalar(1)}",
                    f"{w}[{index}] *= {self.scalar(1)}",
                    f"{w}[{cut}] = ({self.vector(1)})[{cut}]",
                    f"{w}[{cut}] += {self.scalar(1)}",
                    f"{w}[{cut}] *= np.cos(({self.vector(1)})[{cut}])",
                    f"{w} *= np.cos({self.vector(1)})",
                    f"{w} -= {self.scalar(1)}",
                    f"{w} += {self.vector(1)}",
                    f"{w}[{self.pick(INDEX_SETS)}] = ({self.vector(1)})[1:3]",
                    f"{w}[{self.pick(INDEX_SETS[:3])}] += {self.scalar(1)}",
                    f"np.add.at({w}, [0, 0, 3], ({self.vector(1)})[:3])",
                    f"{w}[{w} < {self.number()}] = {self.number()}",
                    f"np.sin({self.vector(1)}, out={w})",
                    f"{w}[...] = {self.vector(1)}",
                    f"{w}[1:] = {w}[:-1]",
                )
            )
        )

    def view(self, nesting):
        if not self.owned:
            return
        w = self.pick(self.owned)
        name = self.name("u")
        cut, length = self.pick((("1:3", 2), ("2:", 2), ("::2", 2), ("::-1", 4), (":3", 3)))
        self.emit(f"{name} = {w}[{cut}]")
        self.views.append((name, length))

    def function(self, nesting):
        """A closure over what there is."""
        body = self.scalar()
        other = self.pick(self.scalars)
        name = self.name("f")
        self.emit(f"def {name}(t, c={other}):")
        self.emit(f"    return np.sin(t * c) + t * np.tanh({body})")
        self.functions.append(name)

    def block(self, nesting, extra=0):
        """Statements that leave no new names behind."""
        keep = [list(x) for x in self.lists()]
        self.depth += 1 + extra
        for _ in range(self.random.randint(1, 3)):
            self.statement(nesting - 1)
        result = self.scalar(1)
        self.depth -= 1 + extra
        for mine, old in zip(self.lists(), keep, strict=True):
            mine[:] = old
        return result

    def lists(self):
        return self.scalars, self.vectors, self.matrices, self.owned, self.owned_matrices, self.views, self.functions

    def branch(self, nesting):
        condition, name = self.condition(), self.name("s")
        self.emit(f"if {condition}:")
        result = self.block(nesting)
        self.emit(f"    {name} = {result}")
        self.emit("else:")
        result = self.block(nesting)
        self.emit(f"    {name} = np.tanh({result})")
        self.scalars.append(name)

    def loop(self, nesting):
        name, start = self.name("s"), self.scalar(1)
        self.emit(f"{name} = {start}")
        self.scalars.append(name)
        i = self.name("i")
        self.emit(f"for {i} in range({self.random.randint(2, 4)}):")
        result = self.block(nesting)
        self.emit(f"    {name} = np.tanh({name} + {self.pick(self.vectors)}[{i}]) * ({result})")
        if self.owned:
            self.emit(f"    {self.pick(self.owned)}[{i}] = {name}")
        if self.chance(0.3):
            self.emit(f"    if {name} > {self.number()}:")
            self.emit("        break")

    def while_loop(self, nesting):
        name, k = self.name("s"), self.name("k")
        self.emit(f"{name}, {k} = {self.scalar(1)}, 0")
        self.emit(f"while abs({name}) > 0.3 and {k} < 6:")
        self.emit(f"    {name} = 0.7 * np.sin({name}) + 0.05 * {self.pick(self.scalars)}")
        self.emit(f"    {k} += 1")
        self.scalars.append(name)

    def attempt(self, nesting):
        name = self.name("s")
        condition = self.condition()
        self.emit("try:")
        self.emit(f"    {name} = {self.scalar(1)}")
        self.emit(f"    if {condition}:")
        self.emit(f"        raise ArithmeticError({name})")
        self.emit("except ArithmeticError as error:")
        self.emit(f"    {name} = np.cos(error.args[0]) * {self.scalar(0)}")
        self.scalars.append(name)

    def container(self, nesting):
        name, items = self.name("s"), ", ".join(self.scalar(1) for _ in range(3))
        self.emit(
            f"{name} = "
            + self.pick(
                (
                    f"sum([{items}])",
                    f"max([{items}])",
                    f"sorted([{items}])[1]",
                    f"dict(zip('abc', [{items}]))['b']",
                    f"sum(t * t for t in ({items}))",
                )
            )
        )
        self.scalars.append(name)

    def inner_derivative(self, nesting):
        if not self.functions:
            self.function(nesting)
        f, at = self.pick(self.functions), self.scalar(1)
        name = self.name("s")
        self.emit(
            f"{name} = "
            + self.pick(
                (
                    f"mmad.grad({f})({at} * 1.0)",
                    f"mmad.jvp({f}, ({at} * 1.0,), ({self.pick(self.scalars)} * 1.0,))[1]",
                    f"mmad.grad(lambda t: mmad.grad({f})(t) * t)({at} * 1.0)",
                )
            )
        )
        self.scalars.append(name)

    def program(self, length):
        for _ in range(length):
            self.statement(2)
        total = " + ".join(f"np.tanh({t})" for t in self.random.sample(self.scalars, min(3, len(self.scalars))))
        vectors = [f"np.sin({t})" for t in self.random.sample(self.vectors, min(3, len(self.vectors)))]
        self.emit(f"return {total} + ({' * '.join(vectors)}).sum(), {' + '.join(vectors)}")
        return "\n".join(["def program(s, v, m):", *self.lines])


def source(seed):
    """The source of program number `seed`."""
    writer = Writer(seed)
    return writer.program(writer.random.randint(4, 12))


def build(seed):
    """Program number `seed` as a function ``(s, v, m) -> (number, vector of 4)``."""
    namespace = {"np": np, "mmad": mmad}
    exec(compile(source(seed), f"program {seed}", "exec"), namespace)
    return namespace["program"]


def point(seed):
    """Where it is evaluated: ``(s, v, m)``."""
    rng = np.random.default_rng(seed)
    return float(rng.normal()), rng.normal(size=4), rng.normal(size=(3, 4))
