"""A wardrobe of a few painted cards, laid out as MakeHuman's assets are."""

import json
from pathlib import Path

import cv2
import numpy as np

from faces.head import Part, load_head
from lab.people.assets import BEARD, BROWS, HAIR, MOUSTACHE

HEAD = load_head()


def nearest(x: float, y: float) -> int:
    """Vertex of the face's front nearest to a place, as MakeHuman's base mesh numbers it."""
    skin = HEAD.part_vertices(Part.SKIN)
    front = skin[HEAD.mean[skin, 2] < 0.6]
    return int(HEAD.base[front[np.hypot(HEAD.mean[front, 0] - x, HEAD.mean[front, 1] - y).argmin()]])


def write_card(folder: Path, corners: list[tuple[float, float]], lift: float, *, loose: bool = False) -> None:
    """One asset of quads, each corner bound to one vertex of the head and `lift` decimetres in front of it."""
    folder.mkdir(parents=True)
    bound = [nearest(x, y) for x, y in corners]
    quads = [list(range(i, i + 4)) for i in range(0, len(bound), 4)]
    if loose:  # one more quad, bound to the body
        bound += [19_000] * 4
        quads.append(list(range(len(bound) - 4, len(bound))))
    data = {
        "ref_vIdxs": [[v] * 3 for v in bound],
        "weights": [[0.5, 0.3, 0.2]] * len(bound),
        "offsets": [[0.0, 0.0, lift]] * len(bound),
        "vertices": [9.0] * (3 * len(bound)),
        "faces": [n for quad in quads for n in [11, *quad, 0, 0, 1, 2, 3]],
        "uvs": [[0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0]],
        "materials": [{"mapDiffuse": "card.png"}],
    }
    (folder / f"{folder.name}.json").write_text(json.dumps(data))
    cv2.imwrite(str(folder / "card.png"), np.full((8, 8, 4), (40, 60, 80, 255), np.uint8))


def write_assets(root: Path) -> Path:
    """All of it, under `root`, which is given back."""
    hair = [(-0.8, -1.2), (0.8, -1.2), (0.6, -0.9), (-0.6, -0.9)]
    right = [(-0.7, -0.42), (-0.3, -0.42), (-0.3, -0.3), (-0.7, -0.3)]
    brows = right + [(-x, y) for x, y in right]
    for name in (*HAIR, BEARD, MOUSTACHE):
        write_card(root / "proxies/hair" / name, hair, 0.1, loose=True)
    for name in BROWS:
        write_card(root / "proxies/eyebrows" / name, brows, 0.02)
    for k, colour in enumerate(((150, 170, 220), (120, 150, 200))):
        folder = root / f"skins/toy{k}/textures"
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "toy_diffuse.png"), np.full((32, 32, 3), colour, np.uint8))
    return root
