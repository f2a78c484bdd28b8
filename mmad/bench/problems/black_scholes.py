"""The sum of the prices of n call options by the formula of Black and Scholes: its gradient holds the Greeks of all.

The arguments are spot prices, volatilities, the rate, and times; strikes are fixed.
"""

import math
from functools import cache

import numpy as np

from mmad.bench.namespaces import constant, error_function
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


@cache
def strikes(n):
    return np.random.default_rng(80).uniform(80.0, 120.0, size=n)


def make(xp, n):
    strike, erf = constant(xp, strikes(n)), error_function(xp)

    def normal(z):
        return 0.5 * (1.0 + erf(z / math.sqrt(2.0)))

    def function(market):
        spot, volatility, time, rate = market["spot"], market["volatility"], market["time"], market["rate"]
        width = volatility * xp.sqrt(time)
        first = (xp.log(spot / strike) + (rate + 0.5 * volatility**2) * time) / width
        return xp.sum(spot * normal(first) - strike * xp.exp(-rate * time) * normal(first - width))

    return function


def gradient(market, n):
    """Return delta, vega, minus theta and rho."""
    from scipy.special import ndtr

    strike = strikes(n)
    spot, volatility, time, rate = market["spot"], market["volatility"], market["time"], market["rate"]
    width = volatility * np.sqrt(time)
    first = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * time) / width
    density = np.exp(-0.5 * first * first) / math.sqrt(2.0 * math.pi)
    discounted = strike * np.exp(-rate * time) * ndtr(first - width)
    return {
        "spot": ndtr(first),
        "volatility": spot * density * np.sqrt(time),
        "time": 0.5 * spot * density * volatility / np.sqrt(time) + rate * discounted,
        "rate": np.sum(time * discounted, keepdims=True),
    }


def draw(n, rng):
    return {
        "spot": rng.uniform(80.0, 120.0, size=n),
        "volatility": rng.uniform(0.1, 0.4, size=n),
        "time": rng.uniform(0.25, 2.0, size=n),
        "rate": rng.uniform(0.01, 0.05, size=1),
    }


PROBLEM = ModelProblem(
    name="black-scholes",
    title="Black-Scholes prices",
    make=make,
    draw=draw,
    sizes=(10, 1000, 100_000, 1_000_000),
    products=("gradient", "hvp"),
    source="Black, Scholes, J. Polit. Econ. 81 (1973), 637-654",
    gradient=gradient,
    pattern="bands of diagonals, and the rate's row and column",
    tags=frozenset({"arrays"}),
    smallest=5,
)
