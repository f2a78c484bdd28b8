"""What strategies cost: a model with coefficients measured on the machine.

A recording is summed up by four counts (:mod:`mmad.planner.decision._work`): operations on numbers S and on arrays A,
elements E of the arrays and multiplications F in products of matrices.  With the machine's coefficients

    pass over the recording   P = call + S number + A array + E element + F flop, and `gradient` where it is of one
    K lanes, c at a time      r K (S lane_number + E lane_element + F flop) + ceil(K / c) (b + A a)

where r is 1 forward and `reverse` backward.  The overhead of a sweep, b and a for every operation on arrays, is kept
for each direction, and for a lane by itself apart from a batch: an eager batch takes two to four times as long as a
single tangent before there is any arithmetic, backward more so than forward.  Coefficients are kept for eager sweeps
and for compiled programs.
"""

import math
from dataclasses import asdict, dataclass, fields

__all__ = ["EAGER_AND_COMPILED", "Coefficients", "Work", "recorded_instructions"]


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
    call, gradient : float
        A call, whatever it computes; what recording a gradient takes besides its operations.
    number, array, element, flop : float
        An operation on numbers; an operation on arrays, an element of it; a multiplication in a product of matrices.
    lane_number, lane_element : float
        An operation on numbers, an element, for each tangent.
    reverse : float
        A cotangent in tangents, as far as these go.
    forward_single, forward_batch, reverse_single, reverse_batch : float
        A sweep, whatever it goes over, of one lane by itself and of lanes that go together.
    forward_single_array, forward_batch_array, reverse_single_array, reverse_batch_array : float
        An operation on arrays in such a sweep, whatever their size.
    compile, compile_number, compile_array : float
        Compiling anything; for each instruction on numbers, on arrays, once for the values and for each lane.
    entry, byte : float
        Putting one nonzero into its place; writing one byte of a dense result.
    """

    call: float
    gradient: float
    number: float
    array: float
    element: float
    flop: float
    lane_number: float
    lane_element: float
    reverse: float
    forward_single: float
    forward_single_array: float
    forward_batch: float
    forward_batch_array: float
    reverse_single: float
    reverse_single_array: float
    reverse_batch: float
    reverse_batch_array: float
    compile: float
    compile_number: float
    compile_array: float
    entry: float
    byte: float

    def once(self, work, gradient=False):
        """Return the seconds of recording (eager) or running (compiled) what is differentiated."""
        return (
            self.call
            + gradient * self.gradient
            + work.numbers * self.number
            + work.arrays * self.array
            + work.elements * self.element
            + work.flops * self.flop
        )

    def single(self, work, backward=False):
        """Return the seconds of one sweep's overhead, where it goes by itself."""
        if backward:
            return self.reverse_single + work.arrays * self.reverse_single_array
        return self.forward_single + work.arrays * self.forward_single_array

    def batch(self, work, backward=False):
        """Return the seconds of the overhead of sweeps that go together; among arrays, numbers have lanes, too."""
        operations = work.arrays + (work.arrays > 0) * work.numbers
        if backward:
            return self.reverse_batch + operations * self.reverse_batch_array
        return self.forward_batch + operations * self.forward_batch_array

    def lanes(self, work, forward, backward, width):
        """Return the seconds of some tangents and cotangents, `width` of them at a time."""
        lane = work.numbers * self.lane_number + work.elements * self.lane_element + work.flops * self.flop

        def sweep(count, back):
            whole, rest = divmod(count, width)
            singles = whole * (width == 1) + (rest == 1)
            batches = whole * (width > 1) + (rest > 1)
            return (
                count * lane * (self.reverse if back else 1.0)
                + singles * self.single(work, back)
                + batches * self.batch(work, back)
            )

        return sweep(forward, False) + sweep(backward, True)

    def compiling(self, work, forward, backward, width=1):
        """Return the seconds of compiling a program with that many sweeps."""
        numbers, arrays = recorded_instructions(work, forward, backward, width)
        return self.compile + numbers * self.compile_number + arrays * self.compile_array


def recorded_instructions(work, forward, backward, width=1):
    """Return the numbers of scalar and of array instructions of a recording with its sweeps; lanes make arrays."""
    lanes = math.ceil(forward / width) + math.ceil(backward / width)
    batched = work.arrays > 0 and width > 1
    numbers = work.numbers * (1 if batched else 1 + lanes)
    return numbers, work.arrays * (1 + lanes) + batched * work.numbers * lanes


def as_dict(coefficients):
    """Return plain data, for a file."""
    return {mode: asdict(c) for mode, c in coefficients.items()}


def from_dict(data):
    """Return coefficients from plain data; raise ValueError if the data are not coefficients of this version."""
    names = {f.name for f in fields(Coefficients)}
    if not isinstance(data, dict) or set(data) != {"eager", "compiled"}:
        raise ValueError("coefficients must be given for eager and for compiled runs")
    out = {}
    for mode, values in data.items():
        if not isinstance(values, dict) or set(values) != names:
            raise ValueError(f"the coefficients of {mode} runs are not those of this version")
        if not all(
            (type(v) is float and 0 < v < 1) or (k == "reverse" and type(v) is float and 0.1 < v < 100)
            for k, v in values.items()
        ):
            raise ValueError(f"a coefficient of {mode} runs is not a plausible number of seconds")
        out[mode] = Coefficients(**values)
    return out


# Measured on an AMD EPYC (Zen 3) by `mmad calibrate`; what a compiled operation takes besides its elements is
# fitted to small problems as a whole.  In use until `mmad calibrate` has run on the machine at hand.
EAGER_AND_COMPILED = {
    "eager": Coefficients(
        call=6.5e-5, gradient=1.2e-4, number=1.6e-7, array=3.2e-6, element=1.2e-9, flop=6e-11, lane_number=4e-9,
        lane_element=9.5e-10, reverse=0.9, forward_single=4.6e-5, forward_single_array=2.6e-6, forward_batch=4.8e-5,
        forward_batch_array=6.1e-6, reverse_single=5e-5, reverse_single_array=1.5e-6, reverse_batch=5e-5,
        reverse_batch_array=8.7e-6, compile=8e-4, compile_number=1e-6, compile_array=2e-5, entry=2.3e-9, byte=1.8e-10,
    ),
    "compiled": Coefficients(
        call=1.8e-6, gradient=1e-12, number=2.7e-9, array=1.5e-8, element=2.2e-10, flop=5e-11, lane_number=6e-10,
        lane_element=3.5e-10, reverse=1.3, forward_single=4e-7, forward_single_array=3e-8, forward_batch=4e-7,
        forward_batch_array=4.5e-8, reverse_single=4e-7, reverse_single_array=3e-8, reverse_batch=4e-7,
        reverse_batch_array=6e-8, compile=8e-4, compile_number=1e-6, compile_array=2e-5, entry=2.3e-9, byte=1.8e-10,
    ),
}  # fmt: skip
