"""The 478 points of the public face mesh on the head, in three dimensions: 468 on the skin, 5 on each iris."""

import numpy as np

from faces.fit import at_mesh
from faces.head import Head, Part, rotation_matrix

IRIS_RADIUS = 0.092  # units of the head: 11.4 mm across (Caroline and Andre 2002) on eyes 62 mm apart


def mesh_points(head: Head, vertices: np.ndarray, eye_centres: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    """All points of the mesh on a posed head, in the head's own space.

    Args:
        vertices: (V, 3) of the posed face.
        eye_centres: (2, 3) of the eyeballs, the person's right first.
        gaze: (2, 2) yaw and pitch of the right and the left eye relative to the head, radians.

    Returns: (478, 3) float32. 468 and 473 are the middles of the right and the left iris; the four points after each
        lie on its rim at the picture's right, top, left and bottom of a head that is upright.
    """
    points = np.zeros((478, 3), np.float32)
    points[:468] = at_mesh(vertices)
    for eye, part in enumerate((Part.EYE_RIGHT, Part.EYE_LEFT)):
        pupil = vertices[head.part_vertices_cached(part)[0]]  # an eyeball's first vertex is its pupil
        radius = float(np.linalg.norm(pupil - eye_centres[eye]))
        across = IRIS_RADIUS / radius
        deep = -np.sqrt(1 - across * across)
        ring = [(0, 0, -1), (across, 0, deep), (0, -across, deep), (-across, 0, deep), (0, across, deep)]
        turned = np.array(ring) @ rotation_matrix(*gaze[eye]).T
        points[468 + 5 * eye : 473 + 5 * eye] = eye_centres[eye] + radius * turned
    return points
