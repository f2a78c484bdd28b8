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
    "grad": (mmad.grad(loss), lambda f: f(POINT)),
    "value_and_grad": (mmad.value_and_grad(loss, 0), lambda f: f(POINT)[1]),
    "hvp": (mmad.hvp(loss), lambda f: f(POINT, VECTOR)),
    "hvp, planned": (mmad.hvp(loss, evaluations=100), lambda f: f(POINT, VECTOR)),
    "value_grad_hvp": (mmad.value_grad_hvp(loss), lambda f: f(POINT, VECTOR)[2]),
    "grad of a gradient": (mmad.jacfwd(mmad.grad(loss)), lambda f: f(POINT)),
    "vmap": (mmad.vmap(mmad.hvp(loss), in_axes=(None, 0)), lambda f: f(POINT, np.eye(3))),
    "jacfwd": (mmad.jacfwd(squares), lambda f: f(POINT)),
    "jacrev": (mmad.jacrev(squares), lambda f: f(POINT)),
    "derivative": (mmad.derivative(squares, 2), lambda f: f(1.5)),
    "derivative_tensor": (mmad.derivative_tensor(loss, 3), lambda f: f(POINT)),
    "linearize": (mmad.linearize(squares, POINT)[1], lambda f: f(VECTOR)),
    "vjp": (mmad.vjp(squares, POINT)[1], lambda f: f(VECTOR)[0]),
    "compiled grad": (mmad.compile(mmad.grad(loss)), lambda f: f(POINT)),
    "compiled hvp": (mmad.compile(mmad.hvp(loss)), lambda f: f(POINT, VECTOR)),
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
    h, j = mmad.hessian_operator(loss, x), mmad.linearize(squares, x)[1]
    x[:] = 7.0
    assert_array_equal(pickle.loads(pickle.dumps(h)) @ VECTOR, h @ VECTOR)
    assert_array_equal(pickle.loads(pickle.dumps(j))(VECTOR), j(VECTOR))


def test_a_linear_map_of_an_outer_derivative_is_refused():
    def f(x):
        pickle.dumps(mmad.linearize(squares, x)[1])
        return x.sum()

    with pytest.raises(TypeError, match="belongs to a point of an outer derivative"):
        mmad.grad(f)(POINT)


class Model:
    weights = POINT

    gradient = mmad.grad(lambda self, x: (self.weights * x**2).sum(), argnums=1)


def test_derivative_functions_are_methods():
    assert_array_equal(Model().gradient(VECTOR), 2 * POINT * VECTOR)
    assert mmad.grad(loss).__wrapped__ is loss
    assert mmad.grad(loss).__name__ == "grad_loss"


def test_a_local_function_is_refused_by_pickle():
    with pytest.raises((pickle.PicklingError, AttributeError), match="local"):
        pickle.dumps(mmad.checkpoint(lambda x: x))
