"""Derivative functions and rules survive pickle and copy, in this process and in another one."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pickled_functions import POINT, custom_sine, custom_square, kept_square, loss, primitive_sine, squares

import mmad

VECTOR = np.array([0.5, -1.0, 2.0])

CALLS = {
    "custom_jvp": (custom_sine, lambda f: mmad.grad(lambda x: f(x).sum())(POINT)),
    "custom_vjp": (custom_square, lambda f: mmad.grad(lambda x: f(x).sum())(POINT)),
    "primitive": (primitive_sine, lambda f: mmad.grad(lambda x: f(x).sum())(POINT)),
    "checkpoint": (kept_square, lambda f: mmad.grad(lambda x: f(x).sum())(POINT)),
    "checkpoint of a function": (mmad.checkpoint(squares), lambda f: mmad.grad(lambda x: f(x).sum())(POINT)),
    "hessian_operator": (mmad.hessian_operator(loss, POINT), lambda h: h @ VECTOR),
    "jacobian_operator": (mmad.jacobian_operator(squares, POINT), lambda j: (j @ VECTOR, j.T @ VECTOR)),
    "jacobian": (mmad.jacobian(squares), lambda f: f(POINT)),
    "hessian": (mmad.hessian(loss, sparse=True), lambda f: f(POINT).toarray()),
    "program": (mmad.record(loss, POINT).compile(), lambda f: f(POINT)),
    "compile": (mmad.compile(loss), lambda f: f(POINT)),
}


@pytest.mark.parametrize("kind", CALLS)
def test_round_trip(kind):
    function, call = CALLS[kind]
    want = call(function)
    for other in (pickle.loads(pickle.dumps(function)), copy.deepcopy(function), copy.copy(function)):
        assert_array_equal(call(other), want)


def test_in_another_process(tmp_path):
    path = tmp_path / "functions.pickle"
    names = [name for name in CALLS if name not in ("program",)]
    path.write_bytes(pickle.dumps([CALLS[name][0] for name in names]))
    code = (
        "import pickle, sys; sys.path[:0] = sys.argv[2:]; import numpy as np, mmad; "
        "print(len(pickle.load(open(sys.argv[1], 'rb'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), *sys.path], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(len(names))]


def test_an_operator_keeps_its_point():
    x = POINT.copy()
    h = mmad.hessian_operator(loss, x)
    x[:] = 7.0
    assert_array_equal(pickle.loads(pickle.dumps(h)) @ VECTOR, h @ VECTOR)


def test_a_local_function_is_refused_by_pickle():
    with pytest.raises((pickle.PicklingError, AttributeError), match="local"):
        pickle.dumps(mmad.checkpoint(lambda x: x))
