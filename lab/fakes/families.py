"""Families of fakes that others make, built from any picture of a face: what each leaves behind, whoever it shows.

    change = FAMILIES["roundtrip"](rng)          one draw
    made = change(picture, mesh)                 the same change in every frame of a clip

    roundtrip     through the latents of an autoencoder, as everything that diffusion models draw
    redrawn       the mouth or the lower face drawn again at some 96 pixels and pasted back (Wav2Lip's kind)
    reenacted     warped by a smooth field and decoded again, as keypoint-driven generators do
    restored      small, then brought back and sharpened by a network that knows faces (enhancers)
    enhanced      small, then drawn sharper than it was by a network that an adversary taught (super-resolution)
    upsampled     enlarged by transposed convolutions, with the checkerboards they leave (Odena et al. 2016)
    self_blend    altered and blended into itself (`blending`)
    talked        by our own generator, in a moment of a performance (`own`)

A family can be left out of training by its name, so that what carries over to it can be measured.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from lab.fakes.blending import SelfBlend
from lab.fakes.decoding import roundtrip as decoded
from lab.fakes.decoding import shipped
from lab.fakes.masks import blended, hull_mask, rounded, softened
from lab.fakes.own import talked

Change = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""uint8 RGB (H, W, 3) and its mesh points (478, 2) in pixels -> the same size, made."""

MESH = 468  # points of the face, without the irises


def roundtrip(rng: np.random.Generator) -> Change:
    """The whole picture, or the face alone."""
    through, whole = _through(rng, (60, 260)), rng.random() < 0.6
    grow, soft = float(rng.uniform(0.9, 1.3)), float(rng.uniform(0.01, 0.06))

    def change(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        made = through(picture, mesh)
        return made if whole else blended(picture, made, face_mask(picture.shape, mesh, grow, soft))

    return change


def redrawn(rng: np.random.Generator) -> Change:
    """The mouth or the lower face, moved a little as other words move it."""
    pixels = float(rng.uniform(80, 130))
    through = _through(rng, (pixels, pixels)) if rng.random() < 0.6 else partial(_blurred, pixels=pixels)
    bent = _bending(rng, 0.03, lower=True) if rng.random() < 0.7 else None
    boxed, from_, soft = rng.random() < 0.5, float(rng.uniform(0.42, 0.55)), float(rng.uniform(0.005, 0.05))

    def change(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        made = through(picture, mesh)
        made = made if bent is None else bent(made, mesh)
        low, high = mesh[:MESH].min(0), mesh[:MESH].max(0)
        top = low[1] + from_ * (high[1] - low[1])
        sigma = soft * size_of(mesh)
        if not boxed:
            mask = hull_mask(picture.shape, mesh[:MESH][mesh[:MESH, 1] > top], 1.0, sigma)
        else:
            left, right, bottom = (max(0, round(float(v))) for v in (low[0], high[0], high[1]))
            mask = np.zeros(picture.shape[:2], np.float32)
            mask[max(0, round(float(top))) : bottom, left:right] = 1
            mask = softened(mask, sigma)
        return blended(picture, made, mask)

    return change


def reenacted(rng: np.random.Generator) -> Change:
    """The face in another expression."""
    bent = _bending(rng, float(rng.uniform(0.006, 0.025)))
    through = _through(rng, (60, 260)) if rng.random() < 0.7 else None
    blur = float(rng.uniform(0.4, 1.2))

    def change(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        made = bent(picture, mesh)
        return cv2.GaussianBlur(made, (0, 0), blur) if through is None else through(made, mesh)

    return change


def restored(rng: np.random.Generator) -> Change:
    """The face, as an enhancer paints it from a small one."""
    pixels, through = float(rng.uniform(32, 96)), _through(rng, (130, 260))
    amount, sigma = float(rng.uniform(0.5, 2)), float(rng.uniform(0.8, 2))
    whole, grow, soft = rng.random() < 0.3, float(rng.uniform(1, 1.35)), float(rng.uniform(0.02, 0.08))

    def change(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        made = through(cv2.bilateralFilter(_blurred(picture, mesh, pixels), 7, 25, 3), mesh).astype(np.float32)
        made = rounded((1 + amount) * made - amount * cv2.GaussianBlur(made, (0, 0), sigma))
        return made if whole else blended(picture, made, face_mask(picture.shape, mesh, grow, soft))

    return change


def enhanced(rng: np.random.Generator) -> Change:
    """The face, often one that was made already, as super-resolution draws it from few pixels."""
    before = reenacted(rng) if rng.random() < 0.4 else None
    wide, variant = float(np.exp(rng.uniform(*np.log((100, 260))))), str(rng.choice(shipped(enlarging=True)))
    share, soft = float(rng.uniform(0.6, 1.0)), float(rng.uniform(0.02, 0.08))
    whole, grow, clean = rng.random() < 0.4, float(rng.uniform(1, 1.35)), bool(rng.random() < 0.5)
    sharper = float(rng.uniform(0, 1.2)) if rng.random() < 0.5 else 0.0

    def change(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        seen = picture if before is None else before(picture, mesh)
        seen = cv2.bilateralFilter(seen, 7, 25, 3) if clean else seen
        drawn = decoded(seen, variant, scale=float(np.clip(wide / size_of(mesh), 0.2, 2.0)))
        drawn = cv2.addWeighted(drawn, 1 + sharper, cv2.GaussianBlur(drawn, (0, 0), 1.5), -sharper, 0)
        made = cv2.addWeighted(drawn, share, seen, 1 - share, 0)
        return made if whole else blended(picture, made, face_mask(picture.shape, mesh, grow, soft))

    return change


def upsampled(rng: np.random.Generator) -> Change:
    """Decimated and brought back by a transposed convolution with a kernel that is a little uneven."""
    factor = int(rng.choice([2, 2, 3, 4]))
    ramp = 1 - np.abs(np.arange(-factor + 1, factor)) / factor
    kernel = np.outer(ramp, ramp) * (1 + rng.uniform(0.02, 0.12) * rng.standard_normal((2 * factor - 1,) * 2))
    kernel = (kernel * factor**2 / kernel.sum()).astype(np.float32)
    sharpen, whole = rng.uniform(0, 0.8), rng.random() < 0.3

    def change(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        small = cv2.resize(picture, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA).astype(np.float32)
        small += sharpen * (small - cv2.GaussianBlur(small, (0, 0), 1.0))
        spread = np.zeros((small.shape[0] * factor, small.shape[1] * factor, 3), np.float32)
        spread[::factor, ::factor] = small
        fine = np.clip(cv2.filter2D(spread, -1, kernel, borderType=cv2.BORDER_REFLECT_101), 0, 255)
        fine = cv2.copyMakeBorder(fine, 0, factor, 0, factor, cv2.BORDER_REPLICATE)[:height, :width]
        return rounded(fine) if whole else blended(picture, fine, face_mask(picture.shape, mesh, 1.05, 0.03))

    return change


FAMILIES: dict[str, Callable[[np.random.Generator], Change]] = {
    "roundtrip": roundtrip,
    "redrawn": redrawn,
    "reenacted": reenacted,
    "restored": restored,
    "enhanced": enhanced,
    "upsampled": upsampled,
    "self_blend": SelfBlend.draw,
    "talked": talked,
}
"""By name."""


def size_of(mesh: np.ndarray) -> float:
    """The longer side of the box around a face, pixels."""
    return float(np.ptp(mesh[:MESH], axis=0).max())


def face_mask(shape: tuple[int, ...], mesh: np.ndarray, grow: float, soft: float) -> np.ndarray:
    """(H, W) float32: 1 inside the hull of the face, grown about its middle; `soft`: sigma of its edge, share of the
    face."""
    return hull_mask(shape, mesh[:MESH], grow, soft * size_of(mesh))


def _through(rng: np.random.Generator, pixels: tuple[float, float]) -> Change:
    """Through one of the autoencoders that ship, the face so many pixels wide."""
    variant, wide = str(rng.choice(shipped())), float(np.exp(rng.uniform(*np.log(pixels))))
    stray, seed = float(rng.uniform(0, 0.12) * (rng.random() < 0.4)), int(rng.integers(2**31))

    def change(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        scale = float(np.clip(wide / size_of(mesh), 0.2, 2.0))
        return decoded(picture, variant, scale=scale, stray=stray, rng=np.random.default_rng(seed))

    return change


def _bending(rng: np.random.Generator, amount: float, *, lower: bool = False) -> Change:
    """A smooth field, strongest in the middle of the face, or of its lower half; `amount`: deviation, share of it."""
    field = rng.normal(0, amount, (int(rng.integers(3, 7)),) * 2 + (2,)).astype(np.float32)

    def change(picture: np.ndarray, mesh: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        size, middle = size_of(mesh), mesh[:MESH].mean(0)
        low, high = np.floor(middle - 0.75 * size).astype(int), np.ceil(middle + 0.75 * size).astype(int)
        side = high - low
        local = cv2.resize(field, (int(side[0]), int(side[1])), interpolation=cv2.INTER_CUBIC) * np.float32(size)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        down = 0.25 if lower else 0.0
        weight = np.exp(
            -(((x - middle[0]) / (0.55 * size)) ** 4)
            - ((y - middle[1] - down * size) / ((0.3 if lower else 0.6) * size)) ** 4
        ).astype(np.float32)
        moved = np.zeros((height, width, 2), np.float32)
        inside = np.s_[max(0, low[1]) : max(0, high[1]), max(0, low[0]) : max(0, high[0])]
        target = moved[inside]
        target[:] = local[max(0, -low[1]) :, max(0, -low[0]) :][: target.shape[0], : target.shape[1]]
        moved *= weight[..., None]
        return cv2.remap(
            picture, x + moved[..., 0], y + moved[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )

    return change


def _blurred(picture: np.ndarray, mesh: np.ndarray, pixels: float) -> np.ndarray:
    """As it is when its face has so few pixels, enlarged again."""
    scale = min(1.0, pixels / size_of(mesh))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
