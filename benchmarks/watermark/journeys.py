"""What happens to marked clips: rows of the table, each a change of all frames, in families with a strength each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from benchmarks import chains
from benchmarks.chains import coded
from benchmarks.watermark.clips import Clip
from lab import attacks


@dataclass(frozen=True)
class Journey:
    """One row. `name` names its figures."""

    name: str
    family: str
    strength: float  # for the plot of its family
    change: Callable[[Clip], Clip]
    seconds: int = 2  # of the clip that are sent
    moved: bool = False  # the grid must be searched for
    goal: float | None = None  # share of whole messages


def journeys(quick: bool) -> list[Journey]:
    """All rows; with `quick` fewer strengths of each family."""
    rows = [Journey("clean", "clean", 0, lambda clip: clip, goal=0.99)]
    goals = {("h264", 33): 0.95}
    for codec, name, strengths in (
        ("libx264", "h264", (18, 23, 28, 33, 38, 43)),
        ("libx265", "h265", (23, 28, 33, 38)),
        ("libvpx-vp9", "vp9", (33, 43, 53)),
    ):
        for crf in strengths[1::2] if quick else strengths:
            change = partial(coded, codec=codec, crf=crf)
            label = f"crf{crf}" if name == "h264" else f"{name}_crf{crf}"
            rows.append(Journey(label, name, crf, change, goal=goals.get((name, crf))))
    rows.append(Journey("crf38_4s", "h264 of 4 s", 38, partial(coded, codec="libx264", crf=38), seconds=4, goal=0.8))
    for quality in (90, 50, 20) if quick else (90, 70, 50, 30, 20):
        each = partial(attacks.jpeg, quality=quality)
        rows.append(Journey(f"jpeg{quality}", "jpeg", quality, _each(each), goal=0.95 if quality == 50 else None))
    for factor in (1.5, 0.5, 0.25) if quick else (1.5, 0.75, 0.5, 0.35, 0.25):
        name = "half" if factor == 0.5 else f"resize{round(100 * factor)}"
        each = partial(attacks.resized, factor=factor)
        rows.append(Journey(name, "resize", factor, _each(each), goal=0.95 if factor == 0.5 else None))
    return rows + _moved(quick) + _retouched() + _chains()


def _moved(quick: bool) -> list[Journey]:
    rows = []
    for share in (0.7,) if quick else (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3):
        change = _then_h264(lambda frame, share=share: attacks.cropped(frame, share, (0.35, 0.6))[0])
        goal = 0.95 if share == 0.7 else None
        rows.append(Journey(f"crop{round(100 * share)}", "crop", share, change, moved=True, goal=goal))
    for degrees in (10,) if quick else (2, 5, 10, 20, 30, 45):
        change = _then_h264(lambda frame, degrees=degrees: attacks.rotated(frame, degrees)[0])
        goal = 0.95 if degrees == 10 else None
        rows.append(Journey(f"turn{degrees}", "turn", degrees, change, moved=True, goal=goal))
    rows.append(Journey("flip", "flip", 1, _then_h264(lambda frame: attacks.mirrored(frame)[0]), moved=True))
    rows.append(Journey("inset", "picture in picture", 0.6, _then_h264(_inset), moved=True))
    change = _then_h264(lambda frame: attacks.resized(attacks.cropped(frame, 0.8)[0], 0.5), crf=35)
    rows.append(Journey("crop80_half_crf35", "chain", 2, change, moved=True))
    return rows


def _retouched() -> list[Journey]:
    rng = np.random.default_rng(5)
    each: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "blur2": lambda f: cv2.GaussianBlur(f, (0, 0), 2.0),
        "noise8": lambda f: _rounded(f + rng.normal(0, 8, f.shape)),
        "grey": lambda f: np.repeat(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
        "contrast70": lambda f: _rounded((f.astype(np.float32) - 128) * 0.7 + 128),
        "gamma70": lambda f: _rounded(255 * (f / 255.0) ** 0.7),
        "caption": _captioned,
        "denoise": lambda f: cv2.bilateralFilter(f, 7, 25, 5),
    }
    rows = [Journey(name, "retouch", 0, _each(change)) for name, change in each.items()]
    rows.append(Journey("frame", "frames", 1, lambda clip: clip[:1]))
    rows.append(Journey("frame_drop", "frames", 2, lambda clip: [f for k, f in enumerate(clip) if k % 3]))
    rows.append(Journey("rate15", "frames", 3, lambda clip: coded(clip[::2], "libx264", 28)))
    return rows


def _chains() -> list[Journey]:
    def screenshot(clip: Clip) -> Clip:
        return [chains.screenshot(f) for f in clip[::5]]

    changes = {"messenger": chains.messenger, "shared": chains.shared, "screenshot": screenshot,
               "half_crf35": chains.half35}  # fmt: skip
    return [Journey(name, "chain", 1, change) for name, change in changes.items()]


def _each(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Clip], Clip]:
    return lambda clip: [change(frame) for frame in clip[::5]]


def _then_h264(change: Callable[[np.ndarray], np.ndarray], crf: int = 23) -> Callable[[Clip], Clip]:
    return lambda clip: attacks.h264([change(frame) for frame in clip], crf)


def _rounded(picture: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _captioned(frame: np.ndarray) -> np.ndarray:
    """Two lines of white text over a black bar, as captions are."""
    out, (height, width) = frame.copy(), frame.shape[:2]
    out[int(0.8 * height) : int(0.95 * height)] = 0
    for line in (0.86, 0.93):
        where = (int(0.08 * width), int(line * height))
        cv2.putText(out, "A caption lies over it", where, cv2.FONT_HERSHEY_SIMPLEX, width / 500, (255,) * 3, 2)
    return out


def _inset(frame: np.ndarray) -> np.ndarray:
    """Shown at 0.6 of its size before something else."""
    height, width = frame.shape[:2]
    behind = cv2.GaussianBlur(frame[::-1], (0, 0), 25)
    small = attacks.resized(frame, 0.6)
    out = np.ascontiguousarray(behind)
    top, left = height - small.shape[0] - 16, width - small.shape[1] - 16
    out[top : top + small.shape[0], left : left + small.shape[1]] = small
    return out
