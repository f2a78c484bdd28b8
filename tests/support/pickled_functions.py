"""Functions at the top of a module, for tests that pickle what is made of them."""

import numpy as np

import mmad

POINT = np.array([0.3, 1.2, -0.7])


def loss(x):
    return (x**3).sum()


def squares(x):
    return x**2


def scaled(x, factor):
    return factor**2 * x


@mmad.custom_jvp
def custom_sine(x):
    return np.sin(x)


@custom_sine.defjvp
def custom_sine_jvp(primals, tangents):
    return custom_sine(primals[0]), np.cos(primals[0]) * tangents[0]


@mmad.custom_vjp
def custom_square(x):
    return x**2


custom_square.defvjp(lambda x: (custom_square(x), x), lambda x, y_bar: (2 * x * y_bar,))


def sine_tangent(tangents, y, x):
    return np.cos(x) * tangents[0]


primitive_sine = mmad.primitive(np.sin, jvp=sine_tangent)


@mmad.checkpoint
def kept_square(x):
    return x**2
