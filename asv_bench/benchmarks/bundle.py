"""Bundle adjustment: residuals of photographed points, the objective of ADBench in vectorised NumPy.

A camera is eleven numbers: a rotation vector, a centre, a focal length, a principal point and two coefficients of
radial distortion.  An observation is a camera, a point, a place in the picture and a weight w; its residuals are w
times the error of the projection, and 1 - w^2.  Each depends on the fifteen numbers of its camera, point and weight.

Reference: Srajer, Kukelova, Fitzgibbon, "A benchmark of selected algorithmic differentiation tools on some problems in
computer vision and machine learning", Optimization Methods and Software 33 (2018), section 4.2.
"""

from dataclasses import dataclass

import numpy as np

from .problems import COMPLEX_STEP

__all__ = ["LARGEST", "Bundle", "bundle_adjustment"]

LARGEST = 49, 7776, 31_843  # cameras, points and observations of the first large data set


@dataclass(frozen=True)
class Bundle:
    """One problem.

    Attributes
    ----------
    function : callable
        ``function(cameras, points, weights)`` -> residuals, shape (3 observations,): two of each, then weights'.
    point : tuple of ndarray, shapes (cameras, 11), (points, 3), (observations,)
    camera, seen : ndarray of int, shape (observations,)
        Which camera and which point an observation is of.
    """

    name: str
    function: object
    point: tuple
    camera: np.ndarray
    seen: np.ndarray

    def jacobian(self):
        """Values by a complex step, an array of shape (3 observations, 15); and their columns in the matrix.

        All observations are stepped at once, each for its own camera, point and weight.
        """
        cameras, points, weights = self.point
        count = len(self.camera)
        own = cameras[self.camera], points[self.seen], weights
        everyone = np.arange(count)
        apart = bundle_function(everyone, everyone, self.function.places)
        values = np.zeros((3 * count, 15))
        for k in range(15):
            moved = [np.array(v, complex).reshape(count, -1) for v in own]
            part = np.searchsorted([0, 11, 14], k, side="right") - 1
            moved[part][:, k - (0, 11, 14)[part]] += 1j * COMPLEX_STEP
            values[:, k] = apart(moved[0], moved[1], moved[2][:, 0]).imag / COMPLEX_STEP
        first, then = 11 * len(cameras), 11 * len(cameras) + 3 * len(points)
        columns = np.concatenate(
            [11 * self.camera[:, None] + np.arange(11), first + 3 * self.seen[:, None] + np.arange(3),
             then + everyone[:, None]], axis=1,
        )  # fmt: skip
        return values, np.concatenate([np.repeat(columns, 2, axis=0), columns])


def bundle_function(camera, seen, places):
    """The residuals as a function of cameras, points and weights."""
    at_x, at_y = (np.ascontiguousarray(c) for c in places.T)

    def bundle(cameras, points, weights):
        r0, r1, r2, c0, c1, c2, focal, u0, v0, k1, k2 = cameras.T[:, camera]
        x, y, z = points.T[:, seen]
        x, y, z = x - c0, y - c1, z - c2
        angle = np.sqrt(r0 * r0 + r1 * r1 + r2 * r2)
        cosine, sine = np.cos(angle), np.sin(angle)
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
        return np.concatenate([np.stack([error_x, error_y], axis=1).ravel(), 1.0 - weights * weights])

    bundle.places = places
    return bundle


def bundle_adjustment(cameras, points, observations):
    """Random cameras that look at a cloud of points; every point is seen, and no residual is near zero."""
    rng = np.random.default_rng(50)
    c = np.empty((cameras, 11))
    c[:, 0:3] = 0.3 * rng.normal(size=(cameras, 3))
    c[:, 3:6] = rng.normal(size=(cameras, 3)) + [0.0, 0.0, -8.0]
    c[:, 6] = 500.0 + 50.0 * rng.normal(size=cameras)
    c[:, 7:9] = 5.0 * rng.normal(size=(cameras, 2))
    c[:, 9:11] = 0.02 * rng.normal(size=(cameras, 2))
    camera = rng.integers(cameras, size=observations)
    seen = np.concatenate([np.arange(points), rng.integers(points, size=observations - points)])
    places = 100.0 * rng.normal(size=(observations, 2))
    point = c, rng.normal(size=(points, 3)), rng.uniform(0.5, 1.5, size=observations)
    return Bundle(f"bundle-{observations}", bundle_function(camera, seen, places), point, camera, seen)
