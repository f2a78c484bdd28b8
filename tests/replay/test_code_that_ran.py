"""Settings, profile functions and threads while a compiled function is recorded."""

import sys
import threading
import warnings

import numpy as np
import pytest

import mmad
from mmad.replay._ran import Ran

X = np.array([1.0, 2.0])


class Holder:
    def __init__(self, k=2.0):
        self.k = k

    def __getitem__(self, i):
        return self.k * (i + 1)

    def __len__(self):
        return int(self.k)

    def __call__(self, x):
        return x * self.k

    @property
    def double(self):
        return 2 * self.k


def test_errstate_of_the_caller():
    def f(x):
        return 1.0 / x

    g = mmad.compile(f)
    for _ in range(2):
        with np.errstate(divide="ignore"):
            assert g(np.float64(0.0)) == np.inf
        with np.errstate(divide="raise"):
            assert g(np.float64(2.0)) == 0.5
            with pytest.raises(FloatingPointError):
                g(np.float64(0.0))
        with np.errstate(divide="warn"), pytest.warns(RuntimeWarning):
            f(np.float64(0.0))
    met = []
    with np.errstate(divide="call", call=lambda *_: met.append(1)), pytest.warns(RuntimeWarning, match="errstate"):
        g(np.float64(0.0))
    assert met


def test_profile_functions_go_on():
    h, events = Holder(), []
    g = mmad.compile(lambda x: x * h[1])

    def profile(frame, event, _):
        if event == "call" and frame.f_code is Holder.__getitem__.__code__:
            events.append(sys.getprofile())

    sys.setprofile(profile)
    try:
        g(X)
        after = sys.getprofile()
    finally:
        sys.setprofile(None)
    assert after is profile
    assert len(events) == 1
    g(X)
    assert sys.getprofile() is None
    h.k = 5.0
    np.testing.assert_array_equal(g(X), X * h[1])


def test_recordings_in_threads():
    h = Holder()
    found = {}

    def run(k):
        g = mmad.compile(lambda x: x * h[1] * k)
        found[k] = [g(X) for _ in range(4)]

    threads = [threading.Thread(target=run, args=(k,)) for k in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for k, results in found.items():
        np.testing.assert_array_equal(results, [X * h[1] * k] * 4)


def test_what_ran():
    def inner(h):
        return h.k

    h = Holder()
    with Ran(lambda names: names is globals()) as ran:
        inner(h)
        Holder(3.0)
    assert {code.co_name for code, _ in ran.codes} >= {"inner", "__init__"}
    assert h in ran.objects
    assert Holder in ran.objects
    assert not [x for x in ran.objects if isinstance(x, Holder) and x is not h]


def test_functions_of_functions_alone_are_not_looked_at():
    """Recordings take no longer where the code itself tells everything."""
    g = mmad.compile(mmad.grad(lambda x: np.sum(X * x)))
    assert g.captures.plain
    h = Holder()
    assert not mmad.compile(lambda x: h(x)).captures.plain


def test_simple_functions_are_recorded_once():
    h = Holder()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (lambda x: x * h[1], lambda x: x * h.k * len(h), lambda x: h(x) + h.double):
            g = mmad.compile(f)
            for _ in range(4):
                g(X)
            assert g.stats()["records"] <= 2
            assert g.stats()["replays"] >= 2
