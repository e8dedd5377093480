"""The scene before the camera: the posed head and all solids as one mesh, and what of it casts shadows."""

from dataclasses import dataclass

import numpy as np

from faces.fit import FaceParameters
from faces.head import Head, Part, lid_actions, load_head
from faces.mesh import mesh_points
from faces.raster import vertex_normals
from lab.people.behaviour import RESTING
from lab.people.camera import Camera
from lab.people.hair import Growth
from lab.people.labels import Region
from lab.people.solids import Solid

OF_PART = {
    Part.SKIN: Region.SKIN,
    Part.CAVITY: Region.MOUTH,
    Part.TONGUE: Region.TONGUE,
    Part.SOCKET: Region.SKIN,
    Part.EYE_RIGHT: Region.EYE_RIGHT,
    Part.EYE_LEFT: Region.EYE_LEFT,
    Part.TEETH_UPPER: Region.TEETH,
    Part.TEETH_LOWER: Region.TEETH,
}


@dataclass(frozen=True)
class Posed:
    """A head with its expression, before and after its turn."""

    rest: np.ndarray  # (V, 3) in the space of the head, face posed
    neutral: np.ndarray  # (V, 3) in the space of the head, face at rest
    turned: np.ndarray  # (V, 3) before the camera
    mesh: np.ndarray  # (478, 3) before the camera


def pose(head: Head, identity: np.ndarray, actions: np.ndarray, gaze: np.ndarray, camera: Camera) -> Posed:
    """The head's vertices: identity (K,), actions (52,) and gaze (2, 2), lids following it."""
    neutral, centres = head.neutral(identity), head.eye_centres(identity)
    rest = head.pose_face(neutral, np.clip(actions + lid_actions(gaze - RESTING), 0, 1))
    rest = head.turn_eyes(rest, centres, gaze)
    return Posed(rest, neutral, camera.turn_head(head, rest), camera.turn(mesh_points(head, rest, centres, gaze)))


@dataclass(frozen=True)
class Mesh:
    """Everything solid in one: the head first, then the solids."""

    turned: np.ndarray  # (N, 3)
    normals: np.ndarray  # (N, 3)
    places: np.ndarray  # (N, 3) on the mean head, or on the solid at rest
    uv: np.ndarray  # (N, 2)
    triangles: np.ndarray  # (T, 3)
    regions: np.ndarray  # (T,)
    owners: np.ndarray  # (T,) index of the solid, -1 for the head
    parts: np.ndarray  # (T,) of the head


def assemble(head: Head, turned: np.ndarray, solids: list[Solid], camera: Camera) -> Mesh:
    """The head, turned (V, 3), and all solids as one mesh."""
    of_part = np.zeros(16, np.uint8)
    for part, region in OF_PART.items():
        of_part[part] = region
    pieces = [(turned, vertex_normals(turned, head.triangles, head.weld), head.mean, head.uv, head.triangles)]
    regions, owners, count = [of_part[head.parts]], [np.full(len(head.triangles), -1)], len(turned)
    for index, solid in enumerate(solids):
        moved = camera.turn_body(solid.vertices) if solid.on_body else camera.turn(solid.vertices)
        normals = vertex_normals(moved, solid.triangles, np.arange(len(moved)))
        if ((moved - moved.mean(0)) * normals).sum() < 0:
            normals = -normals
        flat = np.zeros((len(moved), 2), np.float32)
        pieces.append((moved, normals, solid.vertices, flat, solid.triangles + np.int32(count)))
        regions.append(np.full(len(solid.triangles), solid.region, np.uint8))
        owners.append(np.full(len(solid.triangles), index))
        count += len(moved)
    moved, normals, places, uv = (np.concatenate([piece[i] for piece in pieces]).astype(np.float32) for i in range(4))
    triangles = np.concatenate([piece[4] for piece in pieces])
    parts = np.zeros(len(triangles), np.uint8)
    parts[: len(head.parts)] = head.parts
    return Mesh(moved, normals, places, uv, triangles, np.concatenate(regions), np.concatenate(owners), parts)


def casters_of(mesh: Mesh, solids: list[Solid], growths: list[Growth]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) and triangles (T, 3) of all that casts shadows."""
    casting = np.isin(mesh.owners, [-1] + [i for i, solid in enumerate(solids) if solid.casts])
    casting &= (mesh.owners >= 0) | (mesh.parts == Part.SKIN)  # what is inside the head need not
    vertices, triangles, count = [mesh.turned], [mesh.triangles[casting]], len(mesh.turned)
    for growth in growths:
        if growth.region == Region.HAIR:
            vertices.append(growth.turned)
            triangles.append(growth.cards.triangles[growth.cards.dense] + np.int32(count))
            count += len(growth.turned)
    return np.concatenate(vertices), np.concatenate(triangles)


def parameters_of(identity, actions, gaze, camera: Camera, size: int) -> FaceParameters:
    """The head in a photograph of `size` pixels a side."""
    return FaceParameters(
        identity=identity,
        actions=actions,
        rotation=camera.rotation.astype(np.float32),
        centre=(camera.centre * size).astype(np.float32),
        scale=float(camera.scale * size),
        gaze=gaze,
        detail=np.zeros_like(load_head().mean),
    )
