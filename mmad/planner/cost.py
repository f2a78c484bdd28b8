"""What strategies cost: a model with coefficients measured on the machine.

A recording is summed up by four counts (:mod:`mmad.planner._work`): operations on numbers S and on arrays A, elements E
of the arrays and multiplications F in products of matrices.  With the machine's coefficients

    pass over the recording   P = S number + A array + E element + F flop
    K lanes, c at a time      r (K S lane_number + ceil(K / c) A lane_array + K E lane_element + K F flop)

where r is 1 forward and `reverse` backward.  Coefficients are kept for eager sweeps and for compiled programs.
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
    lane_number, lane_array, lane_element : float
        The same for a tangent; `lane_array` once for as many lanes as go together.
    reverse : float
        A cotangent in tangents.
    compile, compile_number, compile_array : float
        Compiling anything; for each instruction on numbers, on arrays.
    entry, byte : float
        Putting one nonzero into its place; writing one byte of a dense result.
    """

    call: float
    number: float
    array: float
    element: float
    flop: float
    lane_number: float
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
            return (
                count * (work.numbers * self.lane_number + work.elements * self.lane_element + work.flops * self.flop)
                + math.ceil(count / width) * work.arrays * self.lane_array
            )

        return sweep(forward) + self.reverse * sweep(backward)

    def compiling(self, work, forward, backward):
        """Seconds of compiling a program with that many sweeps."""
        lanes = 1 + forward + self.reverse * backward
        return self.compile + work.numbers * lanes * self.compile_number + 3 * work.arrays * self.compile_array


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


# Measured on an AMD EPYC at 2.4 GHz by `mmad calibrate`; in use until it has been run on the machine at hand.
EAGER_AND_COMPILED = {
    "eager": Coefficients(
        call=1.7e-5, number=1.2e-7, array=9e-7, element=3.5e-10, flop=4e-11, lane_number=4.2e-9, lane_array=5.3e-6,
        lane_element=5.7e-10, reverse=1.2, compile=1e-3, compile_number=4e-7, compile_array=1e-5,
        entry=1.2e-9, byte=3e-11,
    ),
    "compiled": Coefficients(
        call=1.2e-6, number=2e-9, array=1e-8, element=1e-10, flop=4e-11, lane_number=3.7e-9, lane_array=1.2e-7,
        lane_element=3.4e-10, reverse=1.1, compile=1e-3, compile_number=4e-7, compile_array=1e-5,
        entry=1.2e-9, byte=3e-11,
    ),
}  # fmt: skip
