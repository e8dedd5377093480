"""From light to a picture file: focus, exposure, tone, colour, noise, and what copying and compressing does.

Nothing here moves anything: labels of the scene hold for the picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from lab.people.chart import noise, noise_window

LUMA = np.array((0.299, 0.587, 0.114), np.float32)


@dataclass(frozen=True)
class Lens:
    """How a picture is taken and kept. Lengths are shares of the picture's side."""

    exposure: float  # stops over what the face asks for
    balance: np.ndarray  # (3,) gain of each colour
    contrast: float  # slope of the tone curve, around 1
    saturation: float
    focus: float  # blur of everything
    motion: np.ndarray  # (2,) smear along x, y
    bloom: float  # light that spills from what is bright, 0 to 1
    vignette: float  # 0 to 1
    noise: float  # grey levels of 255
    grain: float  # coarseness of the noise, 0 to 1.5
    medium: int  # 0 colour, 1 black and white, 2 faded print, 3 paint, 4 pencil
    shrink: float  # resolution lost on the way, 1 for none
    quality: int  # of JPEG; 0 for none
    seed: int


def random_lens(rng: np.random.Generator, *, calm: bool = False) -> Lens:
    """From a studio's camera to a copy of a copy."""
    seed = int(rng.integers(1 << 30))
    if calm:
        flat = np.zeros(2)
        return Lens(
            rng.normal(0, 0.15), np.exp(rng.normal(0, 0.03, 3)), 1.0, 1.0, 0, flat, 0.1, 0.1, 1.2, 0.6, 0, 1, 0, seed
        )
    poor = rng.random() ** 2
    medium = int(rng.choice(5, p=(0.82, 0.07, 0.04, 0.05, 0.02)))
    return Lens(
        exposure=float(rng.normal(-0.05, 0.55)),
        balance=np.exp(rng.normal(0, 0.09) * np.array((1, 0, -1)) + rng.normal(0, 0.03, 3)),
        contrast=float(np.exp(rng.normal(0.12, 0.17))),
        saturation=float(np.clip(rng.normal(1, 0.25), 0.2, 1.9)),
        focus=float(rng.exponential(0.0012) + poor * rng.random() * 0.004),
        motion=rng.normal(0, 0.012, 2) if rng.random() < 0.12 else np.zeros(2),
        bloom=float(rng.random() ** 3),
        vignette=float(rng.random() ** 2 * 0.6),
        noise=float(rng.exponential(1.3) + 7 * poor**2 * rng.random()),
        grain=float(rng.uniform(0.0, 1.5)),
        medium=medium,
        shrink=float(rng.uniform(0.25, 0.8)) if rng.random() < 0.15 else 1.0,
        quality=int(rng.integers(18, 60)) if rng.random() < 0.25 else int(rng.integers(60, 97)),
        seed=seed,
    )


def develop(light: np.ndarray, bright: float, lens: Lens) -> np.ndarray:
    """Linear light (S, S, 3), in which the face receives `bright`, -> picture (S, S, 3) uint8 RGB."""
    size = len(light)
    rng = np.random.default_rng((lens.seed, 3))
    exposed = light * (0.88 / bright * 2.0**lens.exposure * lens.balance).astype(np.float32)
    exposed = _blurred(np.minimum(exposed, 6), lens, size)
    if lens.vignette:
        axis = np.linspace(-1, 1, size, dtype=np.float32)
        exposed *= (1 - 0.5 * lens.vignette * (axis[None] ** 2 + axis[:, None] ** 2) ** 1.3)[..., None]
    picture = _tone(exposed, lens)
    picture = _medium(picture, lens, rng)
    if lens.shrink < 1:
        small = max(32, int(size * lens.shrink))
        picture = cv2.resize(picture, (small, small), interpolation=cv2.INTER_AREA)
    if lens.noise > 0.3:
        picture = picture + _grain(rng, picture.shape, lens)
    done = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
    if lens.quality and lens.shrink < 1:
        done = _compressed(done, lens.quality)
    if lens.shrink < 1:
        how = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)[int(rng.integers(3))]
        done = cv2.resize(done, (size, size), interpolation=how)
    elif lens.quality:
        done = _compressed(done, lens.quality)
    return done


def _blurred(light: np.ndarray, lens: Lens, size: int) -> np.ndarray:
    smear = lens.motion * size
    if np.abs(smear).max() > 0.8:
        side = 2 * int(np.abs(smear).max() / 2 + 1) + 1
        kernel, middle = np.zeros((side, side), np.float32), side / 2 - 0.5
        start, end = ([round((middle + s * d / 2) * 16) for d in smear] for s in (-1, 1))
        cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, 4)
        light = cv2.filter2D(light, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    light = cv2.GaussianBlur(light, (0, 0), max(0.4, lens.focus * size))
    if lens.bloom > 0.05:
        small = cv2.resize(np.clip(light - 0.8, 0, 3), (64, 64), interpolation=cv2.INTER_AREA)
        spill = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.5), (size, size), interpolation=cv2.INTER_LINEAR)
        light = light + 0.5 * lens.bloom * spill
    return light


def _tone(exposed: np.ndarray, lens: Lens) -> np.ndarray:
    """Linear -> 0 to 255, with a shoulder so that highlights roll off as on film."""
    grey = (exposed @ LUMA)[..., None]
    exposed = np.clip(grey + lens.saturation * 1.08 * (exposed - grey), 0, None)
    rolled = exposed * (1 + exposed / 6.0) / (1 + 0.75 * exposed)
    encoded = cv2.pow(np.clip(rolled, 0, 1), 1 / 2.2)
    centred = (encoded - 0.45) * lens.contrast + 0.45
    return (255 * np.clip(centred, 0, 1)).astype(np.float32)


def _medium(picture: np.ndarray, lens: Lens, rng: np.random.Generator) -> np.ndarray:
    """Black and white, faded prints, paintings, pencil."""
    if lens.medium in (1, 2, 4):
        grey = (picture @ LUMA)[..., None]
        tint = np.array((1.0, 0.93, 0.80)) if rng.random() < 0.5 else np.ones(3)
        share = 0.55 if lens.medium == 2 else 1.0
        picture = picture + share * (grey * tint.astype(np.float32) - picture)
    if lens.medium == 2:
        low, high = rng.uniform(20, 70), rng.uniform(190, 245)
        stain = noise(10)[: len(picture), : len(picture), 0]
        picture = low + picture * (high - low) / 255 + 5 * cv2.resize(stain, picture.shape[1::-1])[..., None]
    elif lens.medium == 3:
        size = max(3, int(len(picture) * rng.uniform(0.006, 0.014)) * 2 + 1)
        rough = cv2.medianBlur(np.clip(picture, 0, 255).astype(np.uint8), min(size, 15)).astype(np.float32)
        levels = rng.uniform(10, 24)
        rough = 0.5 * rough + 0.5 * np.round(rough / levels) * levels
        stroke = cv2.resize(noise(4)[:512, : int(rng.integers(120, 512)), 0], picture.shape[1::-1])
        picture = (
            rough * (1 + 0.035 * stroke[..., None]) * rng.uniform((0.85, 0.8, 0.7), (1.05, 1.0, 1.0)).astype(np.float32)
        )
    elif lens.medium == 4:
        grey = picture.mean(-1)
        edges = np.clip(grey / np.maximum(cv2.GaussianBlur(grey, (0, 0), len(picture) * 0.012), 4), 0, 1) ** 2
        tone = np.clip(0.6 + 0.4 * grey / 160, 0, 1)
        paper = cv2.resize(noise(2)[:512, :512, 0], grey.shape[::-1])
        picture = np.repeat((245 * edges * tone + 6 * paper)[..., None], 3, 2)
    return picture.astype(np.float32)


def _grain(rng: np.random.Generator, shape: tuple[int, ...], lens: Lens) -> np.ndarray:
    """Noise (H, W, 3): partly the same in all colours."""
    common, *single = (noise_window(rng, int(lens.grain * 2), *shape[:2]) for _ in range(4))
    return (lens.noise * (0.75 * common[..., None] + 0.65 * np.stack(single, -1))).astype(np.float32)


def _compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    """What JPEG with halved colour leaves of a picture."""
    words = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, data = cv2.imencode(".jpg", picture[..., ::-1], words)
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1])
