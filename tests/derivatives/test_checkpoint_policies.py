"""What a checkpoint keeps, and what is computed twice."""

import numpy as np
import pytest
import scipy.linalg

import mmad
from mmad.errors import CaptureError
from mmad.scipy import linalg

RNG = np.random.default_rng(4)
W, X = RNG.normal(size=(2, 3, 3))
POLICIES = ("nothing", "products", "everything", lambda name: name in ("matmul", "tanh"))


def layers(w, x):
    y = np.tanh(w @ x)
    y += np.linalg.solve(w @ w.T + 4.0 * np.eye(3), y)
    y[0] *= 2.0  # written into, after a product was kept
    return np.sin(w @ y) @ x


def loss(f):
    return lambda w: (f(w, f(w, X)) ** 2).sum()


@pytest.mark.parametrize("policy", POLICIES)
def test_derivatives_are_those_of_the_function(policy):
    kept = loss(mmad.checkpoint(layers, policy=policy))
    plain = loss(layers)
    v = RNG.normal(size=(3, 3))
    np.testing.assert_allclose(mmad.grad(kept)(W), mmad.grad(plain)(W), rtol=1e-12)
    np.testing.assert_allclose(mmad.jvp(kept, (W,), (v,))[1], mmad.jvp(plain, (W,), (v,))[1], rtol=1e-12)
    np.testing.assert_allclose(mmad.hvp(kept)(W, v), mmad.hvp(plain)(W, v), rtol=1e-11)
    np.testing.assert_allclose(mmad.hessian(kept)(W), mmad.hessian(plain)(W), rtol=1e-10, atol=1e-10)
    compiled = mmad.compile(mmad.grad(kept))
    for scale in (1.0, 1.5, 0.5):
        np.testing.assert_allclose(compiled(scale * W), mmad.grad(plain)(scale * W), rtol=1e-11)
    batch = np.stack([W, 2 * W])
    np.testing.assert_allclose(
        mmad.vmap(mmad.grad(kept))(batch), [mmad.grad(plain)(W), mmad.grad(plain)(2 * W)], rtol=1e-11
    )


@pytest.mark.parametrize(("policy", "runs"), [("nothing", 1), ("products", 0), ("everything", 0)])
def test_what_is_kept_is_not_computed_again(policy, runs, monkeypatch):
    calls, expm = [], scipy.linalg.expm

    def counted(m):
        calls.append(m.shape)
        return expm(m)

    monkeypatch.setattr(scipy.linalg, "expm", counted)
    f = mmad.checkpoint(lambda x: np.sin(linalg.expm(np.cos(x))), policy=policy)
    _, pull = mmad.vjp(lambda x: f(x).sum(), X)
    calls.clear()
    (got,) = pull(1.0)
    assert calls.count((3, 3)) == runs
    monkeypatch.undo()
    np.testing.assert_allclose(got, mmad.grad(lambda x: np.sin(linalg.expm(np.cos(x))).sum())(X), rtol=1e-12)


def test_functions_of_the_user_are_run_again():
    calls = []

    def costly(x):
        calls.append(1)
        return np.exp(x)

    exp = mmad.primitive(costly, jvp=lambda tangents, y, x: y * tangents[0])
    f = mmad.checkpoint(lambda x: exp(x) @ x, policy=lambda name: True)
    np.testing.assert_allclose(mmad.grad(lambda x: f(x))(X[0]), np.exp(X[0]) * (1 + X[0]), rtol=1e-12)
    assert len(calls) == 2


def test_several_results_and_trees():
    f = mmad.checkpoint(lambda p: {"a": p["w"] @ p["w"], "b": (p["w"].sum(), 3)}, policy="products")

    def total(p):
        r = f(p)
        return (r["a"] * X).sum() * r["b"][0] * r["b"][1]

    want = mmad.grad(lambda p: ((p["w"] @ p["w"]) * X).sum() * p["w"].sum() * 3)({"w": W})
    np.testing.assert_allclose(mmad.grad(total)({"w": W})["w"], want["w"], rtol=1e-12)


def test_another_way_is_an_error():
    ways = iter([1, 2])
    f = mmad.checkpoint(lambda x: x @ x if next(ways) == 1 else x @ x @ x, policy="products")
    with pytest.raises(CaptureError, match="another way"):
        mmad.grad(lambda x: f(x).sum())(W)


def test_policies_are_checked():
    with pytest.raises(ValueError, match="'dots'"):
        mmad.checkpoint(layers, policy="dots")
