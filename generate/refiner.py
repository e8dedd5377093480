"""The refiner: a small network that mends what the flow does where the head is not known, over the whole frame.

Geometry knows where skin goes. It does not know where hair ends, what the head uncovers, how a collar follows, or how
cheeks catch other light when they rise. The refiner looks at the flow's result on a grid of 128 x 128 cells and answers
for each cell: how the flow is to be corrected, which share of the pixel is the person, from where the rest shows what
is behind, and what is added to the colour. The photograph's pixels still travel at full size, once for the person and
once for what is behind (two layers with an occlusion map, after Siarohin et al. 2019, "First Order Motion Model",
eq. 12).
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numba import njit

from faces.crop import MARGIN
from faces.fit import at_mesh
from faces.flow import FlowField, Rim, inward
from faces.head import PIVOT, Head, Part, rotation_matrix
from faces.raster import Raster, vertex_normals
from faces.regions import RegionReader
from faces.solve import CAMERA_DISTANCE
from faces.texture import GRAZING, spreading, without_seams
from generate.inference import PictureNetwork
from generate.latent import Appearance, FaceLatent, Pose
from media.weights import read_weights

WEIGHTS = Path(__file__).parent / "data" / "refiner.onnx"
GRID = 128  # cells a side
AROUND = int(GRID * MARGIN)  # cells at each side of what is kept around the source
CHANNELS = 21  # warped 3, source 3, shift 2, head 1, place 3, normals now 3, normals then 3, expression 3
FACTS = 12  # of these, what the head itself says: from place on
ANSWERS = 8  # correction of the flow 2, where what is behind comes from 2, share of the person 1, colour 3
FAR = 8.0  # cells of shift that are 1 to the network
PERSON = 4.0  # added to the logit of the person's share, so that an untrained refiner changes hardly anything
COMES = 0.3  # by which skin has to turn towards the view, in cosines, before it borrows wholly from inside the rim
LARGE = 12  # neighbours, and theirs, that say which way skin faces in the large
RIM = 0.04  # units of the head next to the rim of the person that are not borrowed
FOLLOWS = 0.5  # share of the neck's way that the shoulders go with it
FARTHEST = 0.3  # units of the head that they go at most
BESIDE = 0.35  # units of the head beside the body over which the background is stretched
TRIM = 0.09  # units of the head next to the rim of the person that are looked through for background
UNLIKE = 60.0  # levels by which person and background have to differ there
WHOLE = np.float32(0.996)  # share of the person from which nothing behind shows


@dataclass(frozen=True)
class View:
    """One frame as the refiner meets it."""

    shift: np.ndarray  # (S / 2, S / 2, 2) float32 pixels: where each pixel of the flow comes from, relative to itself
    seen: np.ndarray  # (21, 128, 128) float32
    body: np.ndarray  # (S / 8, S / 8, 2) float32 pixels: the same of what is below the head. The refiner, which learned
    # that shoulders stay, does not see it


class Viewer:
    """Shows the refiner frames of one appearance. Buffers are kept between frames."""

    def __init__(self, head: Head, latent: FaceLatent, flow: FlowField) -> None:
        self.appearance, self.flow = latent.appearance, flow
        self.cell = flow.size / GRID
        small = cv2.resize(latent.appearance.picture, (GRID, GRID), interpolation=cv2.INTER_AREA)
        self.source = small.astype(np.float32) / 255
        whole = (GRID + 2 * AROUND, GRID + 2 * AROUND)
        self.around = cv2.resize(latent.appearance.with_margin(), whole, interpolation=cv2.INTER_AREA) / np.float32(255)
        self.around[AROUND:-AROUND, AROUND:-AROUND] = self.source
        self.raster = Raster(GRID, GRID)
        self.normals = vertex_normals(latent.identity.neutral(head).astype(np.float32), head.triangles, head.weld)
        self.actions = latent.actions
        self.moves = head.actions.reshape(len(head.actions), -1)
        self.values = np.zeros((len(head.mean), FACTS), np.float32)  # of each vertex
        self.values[:, :3] = head.mean / 1.5
        self.values[:, 6:9] = self.normals @ rotation_matrix(*latent.appearance.rest.rotation).T
        self.then = self.values[:, 8].copy()
        skin = head.part_vertices(Part.SKIN)
        hidden = skin[-self.then[skin] < GRAZING]
        self.seamless = without_seams(latent.appearance.points, hidden) - latent.appearance.points
        self.sides = self.normals  # which way skin faces in the large: ears as the side of the head that they are at
        for _ in range(LARGE):
            self.sides = spreading() @ self.sides
        self.sides /= np.maximum(np.linalg.norm(self.sides, axis=1, keepdims=True), 1e-6)
        self.sides_then = self.sides @ rotation_matrix(*latent.appearance.rest.rotation)[2]
        person = person_in(latent.appearance)
        person = trimmed(person, latent.appearance.picture, latent.appearance.unit)
        self.inward = inward(person, max(1, round(RIM * latent.appearance.unit / 2)))
        self.person = _beside(person, flow.small, latent.appearance.unit)
        axis = np.arange(GRID, dtype=np.float32)
        self.cells = np.stack(np.meshgrid(axis, axis), -1)

    def see(self, latent: FaceLatent, points: np.ndarray, depth: np.ndarray) -> View:
        """The frame in which the vertices of `latent` land at points (V, 2) pixels with depth (V,)."""
        appearance = self.appearance
        turn = rotation_matrix(*latent.pose.rotation)
        now = self.normals @ turn.T
        comes = np.maximum(self.then - now[:, 2], (self.sides_then - self.sides @ turn[2])) / COMES
        comes = np.clip(comes, 0, 1)
        source = appearance.points + comes[:, None] * self.seamless
        shift = self.flow.shift(points, depth, source, appearance.unit, Rim(self.inward, comes))
        coarse = cv2.resize(shift, (GRID, GRID), interpolation=cv2.INTER_AREA) / np.float32(self.cell)
        field = self.cells + np.float32(AROUND) + coarse
        warped = cv2.remap(  # type: ignore[call-overload]
            self.around, field, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        self.values[:, 3:6] = now
        change = latent.actions - self.actions
        self.values[:, 9:] = ((4 * change) @ self.moves).reshape(-1, 3)
        triangles, raster = self.flow.triangles, self.raster
        raster.draw(points / np.float32(self.cell), depth, triangles, cull=True)
        seen = np.empty((GRID, GRID, CHANNELS), np.float32)
        _show(warped, self.source, coarse, raster.triangle, raster.bary, triangles, self.values, seen)
        moved = body_shift(appearance.rest, latent.pose)
        return View(shift, seen.transpose(2, 0, 1), (self.person * self.flow.below)[..., None] * -moved)


@njit(fastmath=True, cache=True, nogil=True)
def _show(
    warped: np.ndarray,
    source: np.ndarray,
    coarse: np.ndarray,
    seen_triangle: np.ndarray,
    bary: np.ndarray,
    triangles: np.ndarray,
    values: np.ndarray,
    seen: np.ndarray,
) -> None:
    """All that the refiner sees, side by side for each cell; 0 where there is no head."""
    far = np.float32(1 / FAR)
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            for k in range(3):
                seen[y, x, k] = warped[y, x, k]
                seen[y, x, 3 + k] = source[y, x, k]
            seen[y, x, 6], seen[y, x, 7] = coarse[y, x, 0] * far, coarse[y, x, 1] * far
            t = seen_triangle[y, x]
            if t < 0:
                for k in range(8, seen.shape[2]):
                    seen[y, x, k] = np.float32(0)
                continue
            seen[y, x, 8] = np.float32(1)
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            u, v, w = bary[y, x, 0], bary[y, x, 1], bary[y, x, 2]
            for k in range(values.shape[1]):
                seen[y, x, 9 + k] = u * values[a, k] + v * values[b, k] + w * values[c, k]


@cache
def region_reader() -> RegionReader:
    """Loaded when a first frame is to be refined."""
    return RegionReader()


def body_shift(rest: Pose, now: Pose) -> np.ndarray:
    """How far the shoulders go, (2,) float32 pixels, when a head comes from one pose into another: `FOLLOWS` of the way
    of the neck's root, at most `FARTHEST` units."""

    def root(pose: Pose) -> np.ndarray:
        x, y, z = rotation_matrix(*pose.rotation) @ PIVOT
        place: np.ndarray = pose.centre + pose.scale * np.array([x, y]) / (1 + z / CAMERA_DISTANCE)
        return place

    most = FARTHEST * rest.scale
    shift: np.ndarray = most * np.tanh(FOLLOWS * (root(now) - root(rest)) / most)
    return shift.astype(np.float32)


def _beside(person: np.ndarray, small: int, unit: float) -> np.ndarray:
    """How surely each of (`small`, `small`) places shows the person, by their share of each pixel (S, S); it fades
    `BESIDE` units beside them, where the background is stretched."""
    share = cv2.resize(person, (small, small), interpolation=cv2.INTER_AREA)
    reach = max(1, round(BESIDE * unit * small / person.shape[0]))
    wide = cv2.dilate(share, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    return cv2.blur(wide, (2 * reach + 1, 2 * reach + 1))


def person_in(appearance: Appearance) -> np.ndarray:
    """Share of the person in each pixel of the source: (S, S) float32."""
    points = np.pad(appearance.points, ((0, 0), (0, 1)))
    return region_reader().person(appearance.picture, at_mesh(points)[:, :2])


def trimmed(person: np.ndarray, picture: np.ndarray, unit: float) -> np.ndarray:
    """The share of the person (S, S) without what looks like the background next to it: the notch below an ear, which
    regions are too coarse for. Of each pixel near the rim, by how far its colour lies from that of the background
    nearby to that of the person nearby, where these differ. Worked out at half the size, at which it is used."""
    small, size = (picture.shape[1] // 2, picture.shape[0] // 2), picture.shape[1::-1]
    half = cv2.resize(person, small, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(picture, small, interpolation=cv2.INTER_AREA).astype(np.float32)
    band = max(1.0, TRIM * unit / 2)
    around = np.ones((2 * round(band) + 1,) * 2, np.uint8)
    inside = (cv2.erode(half, around) > 0.5).astype(np.float32)
    outside = (cv2.dilate(half, around) < 0.5).astype(np.float32)

    def near(sure: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weight = cv2.GaussianBlur(sure, (0, 0), band)
        return cv2.GaussianBlur(colours * sure[..., None], (0, 0), band) / np.maximum(weight, 1e-4)[..., None], weight

    (own, much), (other, more) = near(inside), near(outside)
    apart = own - other
    far = np.square(apart).sum(-1)
    share = np.clip(((colours - other) * apart).sum(-1) / np.maximum(far, 1), 0, 1)
    told = (far > UNLIKE**2) & (much > 1e-3) & (more > 1e-3)
    most = cv2.resize(np.where(told, share, 1).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    shown: np.ndarray = np.minimum(person, most)
    return shown


class Composer:
    """Makes the frames that the refiner asks for, of one picture. Buffers are kept between frames.

    Args:
        picture: uint8 RGB (S + 2 M, S + 2 M, 3), the source and what lies around it.
        margin: M, pixels.
    """

    def __init__(self, picture: np.ndarray, margin: int = 0) -> None:
        size = picture.shape[0] - 2 * margin
        self.size, self.cell = size, np.float32(size / GRID)
        self.picture = cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)  # OpenCV reads four bytes faster than three
        axis = np.arange(margin, margin + size, dtype=np.float32)
        self.pixels = np.stack(np.meshgrid(axis, axis), -1)
        self.field = np.empty_like(self.pixels)
        self.person, self.behind, self.frame = (np.empty((size, size, 4), np.uint8) for _ in range(3))
        self.between = _between(size, GRID)

    def __call__(self, shift: np.ndarray, answers: np.ndarray, body: np.ndarray | None = None) -> np.ndarray:
        """The frame, uint8 RGB (S, S, 3).

        Args:
            shift: (S / 2, S / 2, 2) float32 pixels, the flow's own.
            answers: (8, 128, 128) float32, see `lab.networks.refiner`.
            body: (h, h, 2) float32 pixels, what is added where the flow has nothing to say: see `View`.
        """
        half = shift.shape[0]
        correction = cv2.resize(_cells(answers[:2]), (half, half), interpolation=cv2.INTER_LINEAR)
        self._travel(cv2.scaleAdd(correction, float(self.cell), shift), self.person)
        behind = _cells(answers[2:4]) * self.cell
        if body is not None and body.any():
            behind += cv2.resize(body, (GRID, GRID), interpolation=cv2.INTER_LINEAR)
        self._travel(behind, self.behind)
        share = 1 / (1 + np.exp(-(answers[4] + np.float32(PERSON))))
        share[share > WHOLE] = 1
        share = self._across(np.repeat(share[..., None], 4, -1))
        colour = np.zeros((GRID, GRID, 4), np.float32)
        colour[..., :3] = answers[5:].transpose(1, 2, 0) * np.float32(255)
        person, rest, frame = (layer.reshape(self.size, -1) for layer in (self.person, self.behind, self.frame))
        _merge(person, rest, share, self._across(colour), *self.between, frame)
        return cv2.cvtColor(self.frame, cv2.COLOR_RGBA2RGB)

    def _travel(self, shift: np.ndarray, layer: np.ndarray) -> None:
        """Show the picture in `layer` as a shift (h, h, 2) of pixels carries it."""
        cv2.resize(shift, (self.size, self.size), dst=self.field, interpolation=cv2.INTER_LINEAR)
        cv2.add(self.field, self.pixels, dst=self.field)
        cv2.remap(  # type: ignore[call-overload]
            self.picture, self.field, None, cv2.INTER_LINEAR, dst=layer, borderMode=cv2.BORDER_REPLICATE
        )

    def _across(self, layer: np.ndarray) -> np.ndarray:
        """A layer (128, 128, 4) in rows as long as the frame's: (128, 4 S)."""
        wide = cv2.resize(layer, (self.size, GRID), interpolation=cv2.INTER_LINEAR)
        return wide.reshape(GRID, -1)


def compose(picture: np.ndarray, shift: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """One frame of `Composer`, of a source (S, S, 3) without margin, for those who need no more."""
    return Composer(picture)(shift, answers)


def _cells(planes: np.ndarray) -> np.ndarray:
    """(C, 128, 128) -> (128, 128, C)."""
    return np.ascontiguousarray(planes.transpose(1, 2, 0))


@cache
def _between(size: int, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `size` pixels the cell before its middle and how far it lies towards the next."""
    at = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
    before = np.minimum(at.astype(np.int32), cells - 2)
    return before, (at - before).astype(np.float32)


@njit(fastmath=True, cache=True, nogil=True)
def _merge(
    person: np.ndarray,
    behind: np.ndarray,
    share: np.ndarray,
    colour: np.ndarray,
    at: np.ndarray,
    by: np.ndarray,
    frame: np.ndarray,
) -> None:
    """Lay the person over what is behind and add colour. Rows of bytes (S, 4 S); share and colour (128, 4 S), whose
    rows `at` and after lie before and behind each row of the frame, `by` of the way."""
    zero, half, most = np.float32(0), np.float32(0.5), np.float32(255)
    for y in range(person.shape[0]):
        t, i = by[y], at[y]
        share0, share1, colour0, colour1 = share[i], share[i + 1], colour[i], colour[i + 1]
        front, back, out = person[y], behind[y], frame[y]
        for k in range(front.shape[0]):
            part = share0[k] + t * (share1[k] - share0[k])
            far = np.float32(back[k])
            value = far + part * (np.float32(front[k]) - far) + colour0[k] + t * (colour1[k] - colour0[k])
            out[k] = np.uint8(np.int32(min(max(value, zero), most) + half))


class Refiner:
    """Answers what `Viewer` shows; loads weights and compiles the network once.

    Args:
        engine: what runs the network, see `media.networks`; None: the one that is set.
        threads: processor threads a call may use; 0 for half of what there are.
    """

    def __init__(self, weights: Path | str = WEIGHTS, *, engine: str | None = None, threads: int = 0) -> None:
        file = read_weights(weights, "refiner")
        self.card = file.card
        self.network = PictureNetwork(file, "", (1, CHANNELS, GRID, GRID), engine=engine, threads=threads)

    def answer(self, seen: np.ndarray) -> np.ndarray:
        """(21, 128, 128) float32 -> (8, 128, 128) float32."""
        answer: np.ndarray = self.network(seen[None])[0]
        return answer
