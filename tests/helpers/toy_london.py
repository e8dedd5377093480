"""A folder laid out as the London set, with shaded heads in place of volunteers: 12 people, small pictures."""

import csv
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from sitters import mesh_points

from faces.actions import ACTION_INDEX
from faces.fit import FaceParameters, _bases, project
from faces.head import Part, load_head, rotation_matrix
from faces.raster import Raster, vertex_normals

PEOPLE = 12
SIZE = 256
BACKDROP = (205, 208, 212)
WHITE, TOOTH = (225, 222, 218), (230, 220, 200)
COLOURS = (BACKDROP, (190, 140, 120), (90, 30, 30), (170, 90, 90), (60, 30, 30), WHITE, WHITE, TOOTH, TOOTH)  # by Part


def toy_parameters(seed: int, expression: str, size: int = SIZE) -> FaceParameters:
    """Somebody who looks at the camera: neutral, or with a smile."""
    rng, head = np.random.default_rng((seed, 3)), load_head()
    actions = np.zeros(52, np.float32)
    if expression == "smile":
        for name in ("mouthSmileLeft", "mouthSmileRight", "mouthUpperUpLeft", "mouthUpperUpRight"):
            actions[ACTION_INDEX[name]] = 0.6
        actions[ACTION_INDEX["jawOpen"]] = 0.12
    return FaceParameters(
        identity=(0.5 * rng.standard_normal(head.identity_size)).astype(np.float32),
        actions=actions,
        rotation=np.radians(rng.normal(0, 3, 3)).astype(np.float32),
        centre=np.array([0.5, 0.45], np.float32) * size,
        scale=0.15 * size,
        gaze=np.zeros((2, 2), np.float32),
        detail=np.zeros_like(head.mean),
    )


def toy_photograph(parameters: FaceParameters, seed: int, size: int = SIZE) -> np.ndarray:
    """A head shaded by one lamp before a bright grey wall, uint8 RGB (size, size, 3)."""
    head, rng = load_head(), np.random.default_rng((seed, 4))
    vertices = head.pose_face(parameters.neutral(head), parameters.actions)
    points, depth = project(vertices, parameters)
    turned = (vertices @ rotation_matrix(*parameters.rotation).T).astype(np.float32)
    raster = Raster(size, size).draw(points, depth, head.triangles, cull=True)
    normal = raster.interpolate(vertex_normals(turned, head.triangles, head.weld), head.triangles)
    uv = raster.interpolate(head.uv, head.triangles)
    part = np.where(raster.triangle >= 0, head.parts[raster.triangle], 0)
    colours = np.array(COLOURS) * np.where(np.arange(9)[:, None] == Part.SKIN, rng.uniform(0.5, 1.1, 3), 1)
    picture = colours[part].astype(np.float32)
    lit = 0.45 + 0.6 * np.clip(normal @ np.array([0.3, -0.3, -0.9]), 0, 1)[..., None]
    radius = np.hypot(uv[..., 0] - 0.5, uv[..., 1] - 0.5)
    eye = (part == Part.EYE_RIGHT) | (part == Part.EYE_LEFT)
    picture[eye & (radius < 0.13)] = (70, 90, 110)
    picture[eye & (radius < 0.05)] = 10
    picture = np.where((part > 0)[..., None], picture * lit, picture) + rng.normal(0, 2, (size, size, 1))
    return cv2.GaussianBlur(np.clip(picture, 0, 255).astype(np.uint8), (0, 0), 0.6)


def toy_mesh(parameters: FaceParameters) -> np.ndarray:
    """The 478 mesh points (478, 3), pixels, depth in pixels too."""
    bases = _bases()
    face = bases.mean + np.tensordot(parameters.identity.astype(float), bases.identity, 1)
    face = face + np.tensordot(parameters.actions.astype(float), bases.actions, 1)
    mesh = np.zeros((478, 3), np.float32)
    mesh[:, :2] = mesh_points(parameters)
    mesh[:468, 2] = parameters.scale * project(face, parameters)[1]
    return mesh


@cache
def _sitting(person: int, expression: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A photograph and its mesh points, drawn once for all folders."""
    parameters = toy_parameters(person, expression, size)
    return toy_photograph(parameters, person, size), toy_mesh(parameters)


def make_toy_london(folder: Path, size: int = SIZE) -> Path:
    """Write the folder; the same every time."""
    folder.mkdir(parents=True, exist_ok=True)
    meshes, templates = {}, {}
    with (folder / "people.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "age", "gender", "ethnicity"])
        for person in range(PEOPLE):
            name = f"{person + 1:03d}"
            writer.writerow([name, 20 + person, "female" if person % 2 else "male", "none"])
            for expression in ("neutral", "smile"):
                picture, meshes[f"{name}_{expression}"] = _sitting(person, expression, size)
                cv2.imwrite(str(folder / f"{name}_{expression}.jpg"), picture[..., ::-1])
            neutral = meshes[f"{name}_neutral"][:, :2]
            templates[name] = np.concatenate([neutral[[468, 473]], neutral[:187]])  # the pupils come first
    np.savez(folder / "mesh478.npz", **meshes)
    np.savez(folder / "neutral_landmarks189.npz", **templates)
    return folder


def bright_pupils() -> tuple[np.ndarray, FaceParameters, np.ndarray]:
    """A dark picture with a white dot on each pupil, the head it shows, and its mesh."""
    parameters = toy_parameters(0, "neutral")
    mesh = toy_mesh(parameters)
    picture = np.full((256, 256, 3), 60, np.uint8)
    for pupil in (468, 473):
        cv2.circle(picture, mesh[pupil, :2].round().astype(int).tolist(), 4, (255, 255, 255), -1)
    return picture, parameters, mesh


def contrast(crop: np.ndarray, points: np.ndarray) -> float:
    """Brightness at the pupils over that of the cheeks."""
    pupils, cheeks = (points[i].round().astype(int).clip(0, len(crop) - 1) for i in ([468, 473], [50, 280]))
    grey = crop.astype(float).mean(-1)
    return float(grey[pupils[:, 1], pupils[:, 0]].mean() - grey[cheeks[:, 1], cheeks[:, 0]].mean())
