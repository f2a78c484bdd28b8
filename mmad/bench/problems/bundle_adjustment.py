"""Bundle adjustment: residuals of photographed points.

A camera is eleven numbers: a rotation vector, a centre, a focal length, a principal point and two coefficients of
radial distortion.  An observation is a camera, a point, a place in the picture and a weight w; its residuals are w
times the error of the projection, and 1 - w^2.  Each depends on the fifteen numbers of its camera, point and weight.
The argument is one vector: the cameras, the points, the weights.  A size is (cameras, points, observations).
"""

from functools import cache

import numpy as np

from mmad.bench.complex_step import STEP
from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM", "jacobian_entries"]


@cache
def data(size):
    """Return for each observation the camera, the point, and the place in the picture; every point is seen."""
    cameras, points, observations = size
    rng = np.random.default_rng(50)
    camera = rng.integers(cameras, size=observations)
    seen = np.concatenate([np.arange(points), rng.integers(points, size=observations - points)])
    return camera, seen, 100.0 * rng.normal(size=(observations, 2))


def residuals(xp, cameras, points, weights, places):
    """Return the residuals of observations: cameras and points by coordinate, one of each an observation."""
    at_x, at_y = places
    r0, r1, r2, c0, c1, c2, focal, u0, v0, k1, k2 = cameras
    x, y, z = points
    x, y, z = x - c0, y - c1, z - c2
    angle = xp.sqrt(r0 * r0 + r1 * r1 + r2 * r2)
    cosine, sine = xp.cos(angle), xp.sin(angle)
    a, b, c = r0 / angle, r1 / angle, r2 / angle
    along = (a * x + b * y + c * z) * (1.0 - cosine)
    p = x * cosine + (b * z - c * y) * sine + a * along
    q = y * cosine + (c * x - a * z) * sine + b * along
    depth = z * cosine + (a * y - b * x) * sine + c * along
    p, q = p / depth, q / depth
    squared = p * p + q * q
    radial = 1.0 + squared * (k1 + k2 * squared)
    error_x = (p * radial * focal + u0 - at_x) * weights
    error_y = (q * radial * focal + v0 - at_y) * weights
    errors = xp.reshape(xp.stack((error_x, error_y), axis=1), (-1,))
    return xp.concatenate((errors, 1.0 - weights * weights))


def split(xp, x, size):
    """Return cameras, points and weights, a row each."""
    first, second = 11 * size[0], 11 * size[0] + 3 * size[1]
    return xp.reshape(x[:first], (-1, 11)), xp.reshape(x[first:second], (-1, 3)), x[second:]


def make(xp, size):
    camera, seen, places = data(size)
    places = constant(xp, *places.T)

    def function(x):
        cameras, points, weights = split(xp, x, size)
        return residuals(xp, cameras.T[:, camera], points.T[:, seen], weights, places)

    return function


def jacobian_entries(x, size):
    """Return the elements of the Jacobian that may differ from zero, and their columns.

    All observations are stepped at once, each for its own camera, point and weight.

    Returns
    -------
    values, columns : ndarray, shape (3 observations, 15)
    """
    camera, seen, places = data(size)
    cameras, points, weights = split(np, np.asarray(x, complex), size)
    count = len(camera)
    own = np.concatenate([cameras[camera].T, points[seen].T, weights[None]])
    values = np.zeros((3 * count, 15))
    for k in range(15):
        moved = own.copy()
        moved[k] += 1j * STEP
        values[:, k] = residuals(np, moved[:11], moved[11:14], moved[14], places.T).imag / STEP
    first, then = 11 * size[0], 11 * size[0] + 3 * size[1]
    columns = np.concatenate(
        [
            11 * camera[:, None] + np.arange(11),
            first + 3 * seen[:, None] + np.arange(3),
            then + np.arange(count)[:, None],
        ],
        axis=1,
    )
    return values, np.concatenate([np.repeat(columns, 2, axis=0), columns])


def jacobian(x, size):
    values, columns = jacobian_entries(x, size)
    dense = np.zeros((len(values), len(x)))
    dense[np.arange(len(values))[:, None], columns] = values
    return dense


def draw(size, rng):
    """Return random cameras that look at a cloud of points; no residual is near zero."""
    cameras, points, observations = size
    c = np.empty((cameras, 11))
    c[:, 0:3] = 0.3 * rng.normal(size=(cameras, 3))
    c[:, 3:6] = rng.normal(size=(cameras, 3)) + [0.0, 0.0, -8.0]
    c[:, 6] = 500.0 + 50.0 * rng.normal(size=cameras)
    c[:, 7:9] = 5.0 * rng.normal(size=(cameras, 2))
    c[:, 9:11] = 0.02 * rng.normal(size=(cameras, 2))
    return np.concatenate([c.ravel(), rng.normal(size=3 * points), rng.uniform(0.5, 1.5, size=observations)])


PROBLEM = ModelProblem(
    name="bundle-adjustment",
    title="bundle adjustment",
    make=make,
    draw=draw,
    # The largest one is the first large data set of the collection.
    sizes=((3, 20, 60), (5, 100, 1000), (21, 1000, 8000), (49, 7776, 31_843)),
    products=("jacobian",),
    source="ADBench: BA; Srajer, Kukelova, Fitzgibbon, Optim. Methods Softw. 33 (2018), 889-906, section 4.2",
    jacobian=jacobian,
    pattern="15 elements a row, by blocks",
    tags=frozenset({"arrays", "complex"}),
    smallest=(2, 5, 8),
)
