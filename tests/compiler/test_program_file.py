"""Files of programs that were made to deceive: everything that the checks of the loader have to catch."""

import copy
import hashlib
import json
import sys

import fuzz_files
import numpy as np
import pytest
from processes import PEAK, python_in
from program_bytes import LAYOUTS, Parts, refused, sealed

import mmad
from mmad.compiler import program_file
from mmad.compiler.program import Program
from mmad.vm._make import structure_sizes

FILES = fuzz_files.bases()
F8 = {"d": "<f8"}


def of(name):
    return Parts(FILES[name])


def items(x):
    """Of the JSON that stands for a tuple."""
    return x["t"]


# ------------------------------------------------------------------------------------------------ the tools themselves
def test_layouts_are_those_of_the_machine():
    assert [dtype.itemsize for dtype in LAYOUTS.values()] == structure_sizes()


@pytest.mark.parametrize("name", FILES)
def test_files_taken_apart_and_put_together_are_loaded(name):
    data = of(name).dumps()
    assert fuzz_files.attempt(data) in ("ran", "stopped")  # the latter where a guard fails at the worker's arguments
    assert Program._loads(data)._dumps() == Program._loads(FILES[name])._dumps()


# ------------------------------------------------------------------------------------------------ bytes
def test_damage_is_found_by_the_checksum():
    data = FILES["fused"]
    rng = np.random.default_rng(0)
    for k in {0, 8, 16, 47, 48, len(data) - 1, *rng.integers(0, len(data), 200).tolist()}:
        flipped = bytearray(data)
        flipped[k] ^= 1 << int(rng.integers(8))
        refused(bytes(flipped))
    for length in (0, 7, 47, 48, 100, len(data) // 2, len(data) - 1):
        refused(data[:length])
    refused(data + b"\0", "checksum")


def test_lengths_of_the_header():
    parts = of("fused")
    header = json.dumps(parts.header).encode()
    for length in (0, 1, len(header) - 1, len(header) + 64, program_file.LONGEST_HEADER + 1, 2**31, 2**63, 2**64 - 1):
        refused(sealed(header, bytes(parts.arrays), length))
    for header in (
        b"[]",
        b"{}",
        b"null",
        b"[" * 100000,
        b'{"a":' * 50000,
        b"\xff\xfe",
        b"1" * 5000,
        b"NaN",
        b'{"machine":1}',
    ):
        refused(sealed(header, b""))


def test_other_machines():
    for key, value in {"order": "middle", "sizes": [1, 2], "operations": {}}.items():
        parts = of("scalars")
        parts.header["machine"][key] = value
        refused(parts, "another version")


# ------------------------------------------------------------------------------------------------ the list of arrays
@pytest.mark.parametrize(
    "entry",
    [
        None,
        [],
        ["<f8", [1]],
        ["<f8", 1, 0],
        ["<f8", [-1], 0],
        ["<f8", [2**62], 0],
        ["<f8", [2**61, 0, 8], -64],
        ["<f8", [1.0], 0],
        ["<f8", [True], 0],
        ["<f8", [1] * 65, 0],
        ["<f8", [2**31, 2**31, 2**31], 0],
        ["<f8", [1], 2**70],
        ["<f8", [1], None],
        ["|O", [1], 0],
        ["O", [1], 0],
        ["zz", [1], 0],
        ["<f3", [1], 0],
        ["<f8,<f8", [1], 0],
        ["<U4", [1], 0],
        ["<M8[s]", [1], 0],
        ["|V8", [1], 0],
        ["(2,)f8", [1], 0],
        [8, [1], 0],
    ],
    ids=str,
)
def test_entries_of_arrays(entry):
    parts = of("fused")
    parts.header["arrays"][0] = entry
    refused(parts)


def test_arrays_do_not_overlap():
    parts = of("fused")
    parts.header["arrays"][2][2] = parts.header["arrays"][1][2]
    refused(parts, "overlap")


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        {"z": 0},
        {"f": 3},
        {"f": "0x1p99999"},
        {"c": {}},
        {"c": ["0x0p0"]},
        {"t": 5},
        {"m": 3},
        {"m": [[1]]},
        {"m": [[[], 1]]},
        {"s": [1, 2, 3, 4]},
        {"d": "O"},
        {"a": -1},
        {"a": 10**6},
        {"b": None},
        {"t": 1, "m": []},
    ],
    ids=str,
)
def test_values(value):
    parts = of("calls")
    parts.entry("calls")[1][0]["t"][2]["m"].append(["axis", value])
    refused(parts)


# ------------------------------------------------------------------------------------------------ the description
@pytest.mark.parametrize("name", [pair[0] for pair in of("calls").header["program"]["m"]])
@pytest.mark.parametrize("value", [None, 3, [], {"t": []}, [None], [{"t": []}], [3], "text"], ids=str)
def test_parts_of_other_types(name, value):
    parts = of("gathers" if name == "tables" else "calls")
    parts.entry(name)[1] = value
    data = parts.dumps()
    if value == "text" and name == "origin":
        assert fuzz_files.attempt(data) == "ran"
    else:
        refused(data)


@pytest.mark.parametrize("name", [pair[0] for pair in of("calls").header["program"]["m"]])
def test_missing_and_extra_parts(name):
    parts = of("calls")
    parts.header["program"]["m"].remove(parts.entry(name))
    refused(parts)
    parts = of("calls")
    parts.header["program"]["m"].append([name + "2", 0])
    refused(parts)


@pytest.mark.parametrize("name", ["inputs", "results"])
@pytest.mark.parametrize(
    "place",
    [[], {"t": []}, {"t": [[]]}, {"t": ["slot"]}, {"t": ["slot", -1]}, {"t": ["slot", 10**6]}, {"t": ["where", 1]}],
    ids=str,
)
def test_places_of_inputs_and_results(name, place):
    parts = of("fused")
    parts.entry(name)[1][0] = place
    refused(parts)


@pytest.mark.parametrize(
    "operand", [[], {"t": []}, {"t": ["view"]}, {"t": ["slot", 9999, 1]}, {"t": ["value"]}, {"t": [0]}], ids=str
)
def test_operands_of_calls(operand):
    parts = of("calls")
    items(items(parts.entry("calls")[1][0])[1])[0] = operand
    refused(parts)


def test_views_of_calls():
    for k, value in [
        (1, 99),
        (2, -1),
        (2, 10**9),
        (3, {"t": [10**6]}),
        (4, {"t": [10**6]}),
        (4, {"t": [-1]}),
        (5, {"d": "<c16"}),
    ]:
        parts = of("calls")
        spec = items(items(items(parts.entry("calls")[1][0])[1])[0])
        assert spec[0] == "view"
        spec[k] = value
        refused(parts)


def test_operations_by_name():
    for name in ("os.system", "eval", 3, None, {"t": []}):
        parts = of("calls")
        items(parts.entry("calls")[1][0])[0] = name
        refused(parts)


def test_constant_data_is_made_once(tmp_path):
    """A header can name one array many thousand times: memory has to stay within that of the file."""
    parts = of("calls")
    size = 1 << 23
    parts.header["arrays"].append(["|u1", [size], len(parts.arrays)])
    parts.arrays += bytes(size)
    parts.entry("calls")[1].append([{"b": len(parts.header["arrays"]) - 1}] * 20000)
    (tmp_path / "file").write_bytes(parts.dumps())
    assert peak_of_loading(tmp_path, "file") < 2 * size + (64 << 20)


# ------------------------------------------------------------------------------------------------ around the machine
@pytest.mark.parametrize(
    "argument",
    [
        [],
        {"t": []},
        "static",
        {"t": ["static"]},
        {"t": ["number"]},
        {"t": ["array", {"t": [2, 2]}, F8]},
        {"t": ["array", 5, F8]},
    ],
    ids=str,
)
def test_arguments(argument):
    parts = of("gathers")
    parts.entry("arguments")[1][0] = argument
    refused(parts)


@pytest.mark.parametrize(
    "result", [[], {"t": []}, {"t": ["constant"]}, {"t": ["number", "complex"]}, {"t": ["number", "float"]}], ids=str
)
def test_results(result):
    parts = of("gathers")
    parts.entry("outcomes")[1][0] = result
    refused(parts)


def test_text_is_text():
    """A dtype is equal to its name, but is no key where the name is one."""
    parts = of("fused")
    assert items(parts.entry("outcomes")[1][1]) == ["number", "float64"]
    items(parts.entry("outcomes")[1][1])[1] = F8
    refused(parts)


def test_structures():
    leaf = {"t": ["leaf", None]}
    deep = leaf
    for _ in range(30):
        deep = {"t": ["list", [deep]]}
    for structure in (
        leaf,
        deep,
        {"t": ["tuple", []]},
        {"t": ["set", [leaf]]},
        {"t": ["dict", [leaf]]},
        {"t": ["dict", [[[], leaf]]]},
    ):
        parts = of("gathers")
        items(parts.entry("structures")[1])[0] = copy.deepcopy(structure)
        if structure in (leaf, deep):  # sound, but for no arguments that there are: the number of leaves is right
            parts.header["program"]["m"].remove(parts.entry("origin"))
        refused(parts)


# ------------------------------------------------------------------------------------------------ memory
def peak_of_loading(folder, name):
    """Bytes by which loading a file, or refusing it, raises the peak memory of a process."""
    result = python_in(
        folder,
        PEAK
        + """
import resource, sys
import numpy as np, mmad
from mmad.compiler.program import Program
mmad.record(lambda x: x * 2.0, 1.0).compile()
data = open(sys.argv[1], "rb").read()
before = peak()
limit = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + 2 * len(data) + (256 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    Program._loads(data)
except mmad.ProgramError:
    pass
print(peak() - before)
""",
        name,
    )
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_loading_is_bounded(tmp_path):
    """At most twice the file and 64 MB."""
    constant = np.arange(2.0e6)
    mmad.record(lambda x: (constant * x).sum(), 2.0).compile().save(tmp_path / "large")
    size = (tmp_path / "large").stat().st_size
    assert size > 16e6
    assert peak_of_loading(tmp_path, "large") < 2 * size + (64 << 20)
    for text in ("[" + "[]," * 600000 + "0]", "[" + '{"t":[]},' * 200000 + "0]", "[" + "1.5," * 400000 + "0]"):
        parts = of("calls")
        parts.header["program"] = "X"
        header = json.dumps(parts.header).replace('"X"', text).encode()[: program_file.LONGEST_HEADER]
        (tmp_path / "header").write_bytes(sealed(header, bytes(parts.arrays)))
        assert peak_of_loading(tmp_path, "header") < 2 * len(header) + (64 << 20)


# ------------------------------------------------------------------------------------------------ random ones
def test_random_corruptions():
    """`python tests/support/fuzz_files.py --count 100000` runs many more."""
    found = fuzz_files.run(10**6, 10**6 + 1500)
    assert not found.failures
    assert found.counts["refused"] > 500
    assert found.counts["ran"] > 50


def test_checksum_is_over_header_and_arrays():
    data = FILES["calls"]
    assert data[16:48] == hashlib.sha256(data[48:]).digest()
