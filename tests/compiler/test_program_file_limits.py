"""Reading a program's file takes at most twice the file and 64 MB, and time in proportion to it, whatever it holds."""

import json
import tracemalloc

import numpy as np
import pytest
from program_bytes import sealed

import mmad
from mmad.compiler import program_file
from mmad.errors import ProgramError

MARGIN = 64 * 10**6
ITEMS = {
    "lists": "[]",
    "nested lists": "[[[[1]]]]",
    "tuples": '{"t":[]}',
    "nested tuples": '{"t":[{"t":[1,2]},3]}',
    "dicts": '{"m":[["k",1]]}',
    "numbers": "1",
    "long numbers": "1" * 300,
    "floats": '{"f":"0x1p0"}',
    "slices": '{"s":[1,2,3]}',
    "dtypes": '{"d":"<f8"}',
    "text": '"abcdefgh"',
    "wide text": '"é€"',
    "astral text": '"\\ud83d\\ude00abcdefghijklmn"',
    "repeated keys": '{"f":"0x1p0","f":"0x1p0"}',
}


def file_of(program, arrays=(), data=b""):
    """A file whose description is JSON text."""
    text = json.dumps(
        {"machine": program_file.machine_format(), "arrays": list(arrays), "program": None}, separators=(",", ":")
    )
    header = text.replace('"program":null', f'"program":{program}').encode()
    return sealed(header + b" " * (-len(header) % 64), data)


def repeated(item, size):
    """A dict with one list of so many bytes."""
    return '{"m":[["a",[' + ",".join([item] * max(1, size // (len(item.encode()) + 1))) + "]]]}"


def reading(data):
    """What reading gives or raises, and the bytes that it takes at most besides the file itself."""
    tracemalloc.start()
    try:
        found = program_file.loads(data)
    except ProgramError as error:
        found = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return found, peak


@pytest.mark.parametrize("name", ITEMS)
def test_objects_take_no_more_than_is_counted(name):
    data = file_of(repeated(ITEMS[name], 60_000))
    text = data[48:]
    found, peak = reading(data)
    assert isinstance(found, dict)
    assert peak <= len(text) + program_file.objects_of(text)


def test_what_is_counted_is_limited():
    assert program_file.LONGEST_HEADER + program_file.OBJECTS <= MARGIN
    for item in ITEMS.values():
        data = file_of(repeated(item, program_file.LONGEST_HEADER - 4000))
        if program_file.objects_of(data[48:]) > program_file.OBJECTS:
            found, peak = reading(data)
            assert isinstance(found, ProgramError)
            assert peak <= 2 * len(data)


def test_lists_nested_deeply():
    for depth in (41, 500, 10_000):
        data = file_of('{"m":[["a",' + "[" * depth + "]" * depth + "]]}")
        found, peak = reading(data)
        assert isinstance(found, ProgramError)
        assert peak <= len(data) + MARGIN


@pytest.mark.parametrize("tag", ["a", "b"])
def test_an_array_is_copied_once(tag):
    size = 2_000_000 // 64 * 64
    named = ",".join(f'["{k}",{{"{tag}":0}}]' for k in range(10))
    data = file_of('{"m":[' + named + "]}", [["|u1", [size], 0]], bytes(size))
    found, peak = reading(data)
    assert len(found) == 10
    assert len({id(v) for v in found.values()}) == 1
    assert peak <= size + 10**5


def test_an_array_is_one_thing():
    for first, second in ("ab", "ba", "an"):
        data = file_of(f'{{"m":[["x",{{"{first}":0}}],["y",{{"{second}":0}}]]}}', [["<f8", [], 0]], bytes(64))
        with pytest.raises(ProgramError, match="two things"):
            program_file.loads(data)
    with pytest.raises(ProgramError, match="as a number"):
        program_file.loads(file_of('{"m":[["x",{"n":0}]]}', [["<f8", [8], 0]], bytes(64)))


def test_many_arrays_of_nothing():
    data = file_of(repeated('{"a":0}', 10_000), [["<f8", [0], 0]] * 20_000)
    _, peak = reading(data)
    assert peak <= len(data) + MARGIN


class Counted(int):
    """A number that counts how often it is compared."""

    compared = 0

    __hash__ = int.__hash__

    def __eq__(self, other):
        Counted.compared += 1
        return int.__eq__(self, other)


def test_keys_whose_hashes_collide():
    """Numbers that are equal modulo 2**61 - 1 have one hash: a dict of n takes n**2 / 2 comparisons."""
    modulus = 2**61 - 1
    collisions = {Counted(modulus * k) for k in range(1, 50)}
    assert len(collisions) == 49
    assert Counted.compared > 1000
    most = program_file.OTHER_KEYS
    for keys in ("{}", '{{"t":[{}]}}', '{{"f":"0x1p{}"}}'):
        pairs = [f"[{keys.format(modulus * k if '0x' not in keys else k)},0]" for k in range(1, most + 2)]
        with pytest.raises(ProgramError, match=f"more than {most} keys"):
            program_file.loads(file_of('{"m":[' + ",".join(pairs) + "]}"))
        assert len(program_file.loads(file_of('{"m":[' + ",".join(pairs[:-1]) + "]}"))) == most
    text = ",".join(f'["{k}",0]' for k in range(10 * most))
    assert len(program_file.loads(file_of('{"m":[' + text + "]}"))) == 10 * most


def test_what_cannot_be_read_is_not_written():
    with pytest.raises(ProgramError, match="keys besides text"):
        program_file.dumps({"x": dict.fromkeys(range(1000))})
    with pytest.raises(ProgramError, match="once it is read"):
        program_file.dumps({"x": [[]] * 400_000})


def test_programs_of_many_calls_are_still_saved():
    def f(x):
        for _ in range(2000):
            x = np.cumsum(x) * 1.001
        return x.sum()

    program = mmad.record(mmad.grad(f), np.ones(4)).compile()
    data = program._dumps()
    assert reading(data)[1] <= len(data) + MARGIN
    np.testing.assert_array_equal(mmad.Program._loads(data)(np.ones(4)), program(np.ones(4)))
