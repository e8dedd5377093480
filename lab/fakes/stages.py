"""The stages of `world`: what each kind draws, and what it does to frames."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import cv2
import numpy as np

from lab.attacks import coded
from lab.fakes.masks import rounded
from media.units import FPS

Frames = list[np.ndarray]  # uint8 RGB (H, W, 3), all of one size
Values = Mapping[str, Any]  # what was drawn for a stage
WAYS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
ENCODERS = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1", "mpeg4": "mpeg4",
            "mpeg2": "mpeg2video"}  # fmt: skip
"""By codec: what encodes it."""
SHARES = {"h264": 0.5, "hevc": 0.15, "vp9": 0.15, "av1": 0.05, "mpeg4": 0.08, "mpeg2": 0.07}
LEAST = 64  # pixels of a side that is coded


@dataclass(frozen=True)
class Kind:
    """One kind of stage."""

    share: float  # of the stages
    draw: Callable[[np.random.Generator], Values]
    change: Callable[[Frames, Values, np.random.Generator], Frames]
    whole: bool = False  # it moves faces within the picture


@cache
def codecs() -> tuple[str, ...]:
    """Those of `ENCODERS` that are built into FFmpeg here."""
    found = []
    for name, encoder in ENCODERS.items():
        try:
            av.codec.Codec(encoder, "w")
        except (av.error.FFmpegError, ValueError):
            continue
        found.append(name)
    return tuple(found)


def _draw_coded(rng: np.random.Generator) -> Values:
    names = codecs()
    share = np.array([SHARES[name] for name in names])
    codec = str(rng.choice(names, p=share / share.sum()))
    scale = float(np.exp(rng.uniform(np.log(0.35), np.log(1.15)))) if rng.random() < 0.6 else 1.0
    options: dict[str, str] = {}
    density = 0.0  # bits a pixel a second, of codecs that have no constant quality worth the name
    if codec == "h264":
        options = {"crf": str(rng.integers(20, 40)), "preset": str(rng.choice(["ultrafast", "veryfast", "medium"]))}
        options["x264-params"] = "no-mbtree=1"  # with AVX-512 its trees differ from run to run
    elif codec == "hevc":
        quiet = "log-level=none:pools=1:frame-threads=1"
        options = {"crf": str(rng.integers(22, 40)), "preset": "ultrafast", "x265-params": quiet}
    elif codec == "vp9":
        options = {"crf": str(rng.integers(28, 56)), "b": "0", "cpu-used": "8", "deadline": "realtime"}
    elif codec == "av1":
        options = {"crf": str(rng.integers(28, 56)), "preset": "12", "svtav1-params": "lp=1"}
    else:
        density = float(np.exp(rng.uniform(np.log(1.5), np.log(20))))
    return {"codec": codec, "scale": scale, "options": options, "density": density, **_ways(rng)}


def _coded(frames: Frames, values: Values, rng: np.random.Generator) -> Frames:
    height, width = frames[0].shape[:2]
    size = tuple(max(LEAST, round(side * values["scale"] / 2) * 2) for side in (width, height))
    smaller = [cv2.resize(frame, size, interpolation=values["down"]) for frame in frames]
    alone = len(frames) == 1
    if alone and rng.random() < 0.65:  # a frame of a video is seldom the first: it is predicted from another
        smaller.insert(0, _shifted(smaller[0], rng.normal(0, 1.5, 2)))
    bits = round(values["density"] * size[0] * size[1])
    os.environ.setdefault("SVT_LOG", "1")  # or SVT-AV1 fills standard error
    back = coded(smaller, ENCODERS[values["codec"]], options=values["options"], bits=bits)
    back = [*back, *[back[-1]] * (len(smaller) - len(back))]
    shown = back[-1:] if alone else back
    return [cv2.resize(frame, (width, height), interpolation=values["up"]) for frame in shown]


def _ways(rng: np.random.Generator) -> Values:
    return {"down": int(rng.choice(WAYS[:3])), "up": int(rng.choice(WAYS[1:]))}


def _draw_resized(rng: np.random.Generator) -> Values:
    return {"scale": float(np.exp(rng.uniform(np.log(0.3), np.log(0.9)))), **_ways(rng)}


def _resized(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    height, width = frames[0].shape[:2]
    size = tuple(max(LEAST, round(side * values["scale"])) for side in (width, height))
    small = (cv2.resize(frame, size, interpolation=values["down"]) for frame in frames)
    return [cv2.resize(frame, (width, height), interpolation=values["up"]) for frame in small]


def _draw_graded(rng: np.random.Generator) -> Values:
    return {
        "gamma": float(np.exp(rng.normal(0, 0.25))),
        "gain": np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.06, 3)).tolist(),
        "contrast": float(np.exp(rng.normal(0, 0.18))),
        "colour": 0.0 if rng.random() < 0.06 else float(np.exp(rng.normal(0, 0.3))),
    }


def _graded(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    def each(frame: np.ndarray) -> np.ndarray:
        x = (frame.astype(np.float32) / 255) ** np.float32(values["gamma"]) * np.float32(values["gain"])
        x = (x - 0.46) * np.float32(values["contrast"]) + 0.46
        grey = x.mean(2, keepdims=True)
        return rounded(255 * (grey + np.float32(values["colour"]) * (x - grey)))

    return [each(frame) for frame in frames]


def _draw_grain(rng: np.random.Generator) -> Values:
    return {"level": float(rng.gamma(1.3, 5)), "grey": bool(rng.random() < 0.5),
            "coarse": float(rng.uniform(0.5, 1.4) * (rng.random() < 0.5))}  # fmt: skip


def _grained(frames: Frames, values: Values, rng: np.random.Generator) -> Frames:
    def each(frame: np.ndarray) -> np.ndarray:
        noise = rng.standard_normal((*frame.shape[:2], 1 if values["grey"] else 3), np.float32)
        if values["coarse"]:
            shape, gain = noise.shape, np.float32(1 + 1.5 * values["coarse"])
            noise = cv2.GaussianBlur(noise, (0, 0), values["coarse"]).reshape(shape) * gain
        return rounded(frame + np.float32(values["level"]) * noise)

    return [each(frame) for frame in frames]


def _dim(frames: Frames, values: Values, rng: np.random.Generator) -> Frames:
    """Too little light, and what the phone does against it."""

    def each(frame: np.ndarray) -> np.ndarray:
        dark = frame * np.float32(values["light"]) + values["level"] * rng.standard_normal(frame.shape, np.float32)
        return rounded(np.clip(dark, 0, 255) * np.float32(min(values["gain"], 1 / values["light"])))

    return [each(frame) for frame in frames]


def _denoised(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    if values["over_time"] and len(frames) > 1:
        kept, out = frames[0].astype(np.float32), []
        for frame in frames:
            kept = cv2.addWeighted(frame.astype(np.float32), 1 - values["over_time"], kept, values["over_time"], 0)
            out.append(rounded(kept))
        return out
    if values["median"]:
        return [cv2.medianBlur(frame, 3) for frame in frames]
    return [cv2.bilateralFilter(frame, 5, values["levels"], values["reach"]) for frame in frames]


def _draw_denoised(rng: np.random.Generator) -> Values:
    return {"over_time": float(rng.uniform(0.2, 0.6) * (rng.random() < 0.3)), "median": bool(rng.random() < 0.25),
            "levels": float(rng.uniform(10, 40)), "reach": float(rng.uniform(1.5, 4))}  # fmt: skip


def _sharpened(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    amount, sigma = values["amount"], values["sigma"]
    return [cv2.addWeighted(f, 1 + amount, cv2.GaussianBlur(f, (0, 0), sigma), -amount, 0) for f in frames]


def _beautified(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    """Smooth and bright, as phones make faces unless they are asked not to."""
    share = values["share"]
    smooth = (cv2.bilateralFilter(frame, 9, values["levels"], 5.0) for frame in frames)
    return [cv2.addWeighted(s, share, f, 1 - share, values["light"]) for s, f in zip(smooth, frames, strict=True)]


def _draw_rescreened(rng: np.random.Generator) -> Values:
    return {"pitch": int(rng.integers(2, 5)), "dark": float(rng.uniform(0.7, 0.95)), "rows": bool(rng.random() < 0.5),
            "corners": rng.normal(0, 0.02, (4, 2)).tolist(), "blur": float(rng.uniform(0.5, 1.5)),
            "light": float(rng.uniform(0.9, 1.1))}  # fmt: skip


def _rescreened(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    """A screen, filmed: its grid, seen at a slant, beats against the camera's."""
    height, width = frames[0].shape[:2]
    size = (2 * width, 2 * height)
    grid = np.ones((2 * height, 2 * width, 1), np.float32)
    grid[:, :: values["pitch"]] *= values["dark"]
    if values["rows"]:
        grid[:: values["pitch"]] *= values["dark"]
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    there = (corners + np.float32(values["corners"])) * np.float32(size)
    slant = cv2.getPerspectiveTransform(corners * np.float32(size), there.astype(np.float32))

    def each(frame: np.ndarray) -> np.ndarray:
        shown = cv2.resize(frame, size, interpolation=cv2.INTER_NEAREST).astype(np.float32) * grid
        seen = cv2.warpPerspective(shown, slant, size, borderMode=cv2.BORDER_REFLECT_101)
        seen = cv2.GaussianBlur(seen, (0, 0), values["blur"])
        return rounded(cv2.resize(seen, (width, height), interpolation=cv2.INTER_AREA) * np.float32(values["light"]))

    return [each(frame) for frame in frames]


def _jpeg(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    options = [cv2.IMWRITE_JPEG_QUALITY, values["quality"]]
    files = (cv2.imencode(".jpg", frame[..., ::-1], options)[1] for frame in frames)
    return [np.ascontiguousarray(cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1]) for file in files]


def _stabilised(frames: Frames, values: Values, rng: np.random.Generator) -> Frames:
    """Cut and moved by parts of pixels from frame to frame, as software that steadies a hand does."""
    path = cv2.GaussianBlur(rng.normal(0, 1, (len(frames), 2)).astype(np.float32), (1, 0), 2.0) * values["reach"]
    return [_shifted(frame, shift) for frame, shift in zip(frames, path.reshape(-1, 2), strict=True)]


def _draw_retimed(rng: np.random.Generator) -> Values:
    return {"rate": float(rng.choice([10, 12, 15, 20, 24])), "mixed": float(rng.random() < 0.3)}


def _retimed(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    """Shown at another rate, and at 25 a second again: frames are left out and others repeated, or mixed."""
    rate, out = values["rate"] / FPS, []
    for number in range(len(frames)):
        at = int(number * rate) / rate
        before, share = int(at), (at - int(at)) * values["mixed"]
        after = frames[min(before + 1, len(frames) - 1)]
        out.append(cv2.addWeighted(frames[before], 1 - share, after, share, 0) if share else frames[before])
    return out


def _draw_captioned(rng: np.random.Generator) -> Values:
    words = "".join(rng.choice(list("abcdefghijklmnoprstuvwxyz      "), int(rng.integers(8, 24))))
    return {"words": words, "height": float(rng.uniform(0.04, 0.08)), "at": float(rng.uniform(0.75, 0.95)),
            "band": bool(rng.random() < 0.5), "colour": rng.integers(0, 256, 3).tolist()}  # fmt: skip


def _captioned(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    height, width = frames[0].shape[:2]
    size, bottom = values["height"] * height / 22, round(values["at"] * height)

    def each(frame: np.ndarray) -> np.ndarray:
        out = frame.copy()
        if values["band"]:
            out[bottom - round(1.4 * values["height"] * height) : bottom + round(0.4 * values["height"] * height)] //= 3
        where = (round(0.05 * width), bottom)
        thick = max(1, round(2 * size))
        cv2.putText(out, values["words"], where, cv2.FONT_HERSHEY_DUPLEX, size, values["colour"], thick, cv2.LINE_AA)
        return out

    return [each(frame) for frame in frames]


def _draw_letterboxed(rng: np.random.Generator) -> Values:
    across, down = rng.choice([0.6, 0.75, 1.0], 2)
    return {"across": float(across), "down": float(down), "blurred": bool(rng.random() < 0.4)}


def _letterboxed(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    height, width = frames[0].shape[:2]
    inner = (round(width * values["across"]), round(height * values["down"]))

    def each(frame: np.ndarray) -> np.ndarray:
        behind = cv2.GaussianBlur(frame, (0, 0), width / 20) if values["blurred"] else np.zeros_like(frame)
        scale = min(inner[0] / width, inner[1] / height)
        small = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        y, x = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
        behind[y : y + small.shape[0], x : x + small.shape[1]] = small
        return behind

    return [each(frame) for frame in frames]


def _shifted(frame: np.ndarray, by: np.ndarray) -> np.ndarray:
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]], np.float32)
    return cv2.warpAffine(frame, matrix, frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT_101)


def _blurred(frames: Frames, values: Values, _: np.random.Generator) -> Frames:
    return [cv2.GaussianBlur(frame, (0, 0), values["sigma"]) for frame in frames]


def _between(**ranges: tuple[float, float]) -> Callable[[np.random.Generator], Values]:
    return lambda rng: {name: float(rng.uniform(*span)) for name, span in ranges.items()}


KINDS: dict[str, Kind] = {
    "coded": Kind(0.36, _draw_coded, _coded),
    "resized": Kind(0.12, _draw_resized, _resized),
    "graded": Kind(0.10, _draw_graded, _graded),
    "grained": Kind(0.07, _draw_grain, _grained),
    "sharpened": Kind(0.07, _between(amount=(0.2, 1.5), sigma=(0.7, 2.5)), _sharpened),
    "denoised": Kind(0.06, _draw_denoised, _denoised),
    "jpeg": Kind(0.06, lambda rng: {"quality": int(rng.integers(25, 96))}, _jpeg),
    "blurred": Kind(0.04, _between(sigma=(0.4, 2.2)), _blurred),
    "beautified": Kind(0.05, _between(share=(0.4, 1.0), levels=(20, 80), light=(0, 12)), _beautified),
    "rescreened": Kind(0.03, _draw_rescreened, _rescreened),
    "dim": Kind(0.03, _between(light=(0.15, 0.5), level=(0.5, 3), gain=(1, 3)), _dim),
    "stabilised": Kind(0.03, _between(reach=(0.3, 2.0)), _stabilised),
    "retimed": Kind(0.03, _draw_retimed, _retimed),
    "captioned": Kind(0.03, _draw_captioned, _captioned, whole=True),
    "letterboxed": Kind(0.03, _draw_letterboxed, _letterboxed, whole=True),
}
"""By name."""
