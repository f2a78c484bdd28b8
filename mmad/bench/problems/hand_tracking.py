"""Hand tracking: a skeleton of 22 bones is posed, its skin follows, and the errors at seen points are the result.

The pose is 26 numbers: the rotation vector and the place of the hand, four angles a finger.  A vertex of the skin is
the weighted mean of where its bones put it.  The residuals are three a point.  The skin is random; the way from pose
to residuals is that of the collection.
"""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

FINGERS, BONES = 5, 4  # a finger has a joint with two angles, two with one, and a tip
PARENTS = [
    -1,
    0,
    *(0 if bone == 0 else 1 + BONES * finger + bone for finger in range(FINGERS) for bone in range(BONES)),
]


@cache
def data(points):
    """Return where the joints are at rest, the vertices that are seen, the weights of their bones, and the points."""
    rng = np.random.default_rng(60)
    offsets = np.zeros((len(PARENTS), 3))
    for finger in range(FINGERS):
        first = 2 + BONES * finger
        offsets[first] = [finger - 2.0, 4.0, 0.0]
        offsets[first + 1 : first + BONES] = [0.0, 1.5, 0.0]
    rest = np.zeros_like(offsets)
    for bone, parent in enumerate(PARENTS):
        rest[bone] = offsets[bone] + (rest[parent] if parent >= 0 else 0.0)
    weights = rng.uniform(size=(points, len(PARENTS))) ** 8
    weights /= weights.sum(axis=1, keepdims=True)
    vertices = weights @ rest + 0.3 * rng.normal(size=(points, 3))
    return offsets, rest, vertices, weights, vertices + 0.5 * rng.normal(size=(points, 3))


def rotation(xp, vector):
    """Return the matrix of a rotation vector, by Rodrigues' formula."""
    angle = xp.sqrt(xp.sum(vector * vector))
    x, y, z = (vector[k] / angle for k in range(3))
    c, s = xp.cos(angle), xp.sin(angle)
    d = 1.0 - c
    rows = (
        xp.stack((x * x * d + c, x * y * d - z * s, x * z * d + y * s)),
        xp.stack((x * y * d + z * s, y * y * d + c, y * z * d - x * s)),
        xp.stack((x * z * d - y * s, y * z * d + x * s, z * z * d + c)),
    )
    return xp.stack(rows)


def bend(xp, angle):
    """Return the matrix of a rotation about the first axis."""
    c, s, one = xp.cos(angle), xp.sin(angle), angle * 0.0 + 1.0
    zero = angle * 0.0
    return xp.stack((xp.stack((one, zero, zero)), xp.stack((zero, c, -s)), xp.stack((zero, s, c))))


def spread(xp, angle):
    """Return the matrix of a rotation about the third axis."""
    c, s, one = xp.cos(angle), xp.sin(angle), angle * 0.0 + 1.0
    zero = angle * 0.0
    return xp.stack((xp.stack((c, -s, zero)), xp.stack((s, c, zero)), xp.stack((zero, zero, one))))


def make(xp, points):
    offsets, rest, vertices, weights, seen = constant(xp, *data(points))

    def function(pose):
        turns = [rotation(xp, pose[:3])]
        joints = [pose[3:6]]
        turns.append(turns[0])
        joints.append(joints[0])
        for finger in range(FINGERS):
            angles = pose[6 + 4 * finger : 10 + 4 * finger]
            local = [bend(xp, angles[0]) @ spread(xp, angles[1]), bend(xp, angles[2]), bend(xp, angles[3]), None]
            for turn in local:
                bone = len(turns)
                above, base = turns[PARENTS[bone]], joints[PARENTS[bone]]
                joints.append(base + above @ offsets[bone])
                turns.append(above if turn is None else above @ turn)
        turned, moved = xp.stack(turns), xp.stack(joints)
        # Where each bone puts each vertex: bones, vertices, coordinates.
        placed = (vertices - rest[:, None, :]) @ xp.swapaxes(turned, 1, 2) + moved[:, None, :]
        skin = xp.sum(weights.T[:, :, None] * placed, axis=0)
        return xp.reshape(seen - skin, (-1,))

    return function


PROBLEM = ModelProblem(
    name="hand-tracking",
    title="hand tracking",
    make=make,
    draw=lambda points, rng: 0.4 * rng.normal(size=26),
    sizes=(10, 100, 1000, 10_000),
    products=("jacobian",),
    source="ADBench: HT; Taylor and others, CVPR 2014, 644-651; here with random skin",
    pattern="tall and dense, 26 columns",
    tags=frozenset({"arrays", "complex"}),
    smallest=4,
)
