"""What strategies cost: a model with coefficients measured on the machine.

A recording is summed up by four counts (:mod:`mmad.planner._work`): operations on numbers S and on arrays A, elements E
of the arrays and multiplications F in products of matrices.  With the machine's coefficients

    pass over the recording   P = call + S number + A array + E element + F flop
    K lanes, c at a time      r (K S lane_number + ceil(K / c) A a + K E lane_element + K F flop)

where r is 1 forward and `reverse` backward, and a is `lane_array`, or `single_array` where one lane goes by itself: an
eager batch takes some three times as long as a single tangent before there is any arithmetic.  Coefficients are kept
for eager sweeps and for compiled programs.
"""

import math
from dataclasses import asdict, dataclass, fields

__all__ = ["EAGER_AND_COMPILED", "Coefficients", "Work"]


@dataclass(frozen=True)
class Work:
    """Counts of one recording: operations on numbers, on arrays, elements, multiplications of matrices."""

    numbers: int
    arrays: int
    elements: int
    flops: int

    @property
    def total(self):
        """A measure of length, for what a compiler has to read."""
        return self.numbers + self.arrays


@dataclass(frozen=True)
class Coefficients:
    """Seconds: of recording or running the function, of a lane, of preparation.

    Attributes
    ----------
    call : float
        A call, whatever it computes.
    number, array, element, flop : float
        An operation on numbers; an operation on arrays, an element of it; a multiplication in a product of matrices.
    lane_number, single_array, lane_array, lane_element : float
        The same for a tangent; `lane_array` once for as many lanes as go together, `single_array` for one by itself.
    reverse : float
        A cotangent in tangents.
    compile, compile_number, compile_array : float
        Compiling anything; for each instruction on numbers, on arrays, once for the values and for each lane.
    entry, byte : float
        Putting one nonzero into its place; writing one byte of a dense result.
    """

    call: float
    number: float
    array: float
    element: float
    flop: float
    lane_number: float
    single_array: float
    lane_array: float
    lane_element: float
    reverse: float
    compile: float
    compile_number: float
    compile_array: float
    entry: float
    byte: float

    def once(self, work):
        """Seconds of recording (eager) or running (compiled) what is differentiated."""
        return (
            self.call
            + work.numbers * self.number
            + work.arrays * self.array
            + work.elements * self.element
            + work.flops * self.flop
        )

    def lanes(self, work, forward, backward, width):
        """Seconds of some tangents and cotangents, `width` of them at a time."""

        def sweep(count):
            whole, rest = divmod(count, width)
            singles = whole * (width == 1) + (rest == 1)
            batches = whole * (width > 1) + (rest > 1)
            return (
                count * (work.numbers * self.lane_number + work.elements * self.lane_element + work.flops * self.flop)
                + (singles * self.single_array + batches * self.lane_array) * work.arrays
            )

        return sweep(forward) + self.reverse * sweep(backward)

    def compiling(self, work, forward, backward, width=1):
        """Seconds of compiling a program with that many sweeps."""
        lanes = 1 + math.ceil(forward / width) + math.ceil(backward / width)
        return self.compile + lanes * (work.numbers * self.compile_number + work.arrays * self.compile_array)


def as_plain(coefficients):
    """Plain data, for a file."""
    return {mode: asdict(c) for mode, c in coefficients.items()}


def from_plain(data):
    """Coefficients from plain data; ValueError where they are none."""
    names = {f.name for f in fields(Coefficients)}
    if not isinstance(data, dict) or set(data) != {"eager", "compiled"}:
        raise ValueError("coefficients are for eager and compiled runs")
    out = {}
    for mode, values in data.items():
        if not isinstance(values, dict) or set(values) != names:
            raise ValueError(f"the coefficients of {mode} runs are not those of this version")
        if not all(
            (type(v) is float and 0 < v < 1) or (k == "reverse" and type(v) is float and 0.1 < v < 100)
            for k, v in values.items()
        ):
            raise ValueError(f"a coefficient of {mode} runs is no sensible number of seconds")
        out[mode] = Coefficients(**values)
    return out


# Measured by `mmad calibrate` on an AMD EPYC (Zen 3); in use until it has been run on the machine at hand.
EAGER_AND_COMPILED = {
    "eager": Coefficients(
        call=2.5e-5, number=2e-7, array=8e-6, element=1e-9, flop=6e-11, lane_number=4e-9, single_array=4e-6,
        lane_array=1.1e-5, lane_element=1.1e-9, reverse=0.8, compile=8e-4, compile_number=1.8e-6, compile_array=3e-5,
        entry=2.5e-9, byte=1.8e-10,
    ),
    "compiled": Coefficients(
        call=4e-6, number=2e-9, array=2e-8, element=2.4e-10, flop=6e-11, lane_number=4.8e-9, single_array=1.9e-8,
        lane_array=1.5e-7, lane_element=3.3e-10, reverse=1.3, compile=8e-4, compile_number=1.8e-6, compile_array=3.5e-5,
        entry=2.5e-9, byte=1.8e-10,
    ),
}  # fmt: skip
