"""What happens to pictures on their way: codecs, scaling, cutting, turning, noise. For training the mark and for
measuring it. What moves pixels also returns how: a `geometry.Map` from pixels before to pixels after."""

import io
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction

import av
import cv2
import numpy as np

from media.units import SAMPLE_RATE
from media.video import frame_rgb
from provenance.marks.geometry import MIRRORED, Map, moved, scaled, turned, warped

Clip = list[np.ndarray]  # frames, uint8 RGB (H, W, 3) of even size


def coded(
    frames: Clip,
    codec: str,
    crf: int | None = None,
    *,
    preset: str = "",
    options: Mapping[str, str] | None = None,
    bits: int = 0,
) -> Clip:
    """Code frames in memory with a video encoder of FFmpeg ("libx264", "libx265", "libvpx-vp9", "mpeg4" ...), and
    decode them again.

    Args:
        crf: constant quality, for encoders that have it.
        bits: a second, for those that do not; 0 leaves it to the encoder.
    """
    height, width = frames[0].shape[:2]
    settings = {"crf": str(crf)} if crf is not None else {}
    settings |= ({"preset": preset} if preset else {}) | dict(options or {})
    memory = io.BytesIO()
    with _usual_priority(), av.open(memory, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=25, options=settings)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = 1
        if bits:
            stream.bit_rate = bits
        for number, frame in enumerate(frames):
            shown = av.VideoFrame.from_ndarray(frame, format="rgb24")
            shown.pts, shown.time_base = number, Fraction(1, 25)
            container.mux(map(_possible, stream.encode(shown)))
        container.mux(map(_possible, stream.encode()))
    memory.seek(0)
    with av.open(memory, "r") as container:
        return [frame_rgb(frame) for frame in container.decode(video=0)]


@contextmanager
def _usual_priority() -> Iterator[None]:
    """SVT-AV1, run by root, leaves the thread that called it with real-time priority: nothing else would run beside."""
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, given = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, given)


def _possible(packet: av.Packet) -> av.Packet:
    """x265 asks, once in some hundred clips, that a frame be decoded after it is shown."""
    if packet.dts is not None and packet.pts is not None and packet.dts > packet.pts:
        packet.dts = packet.pts
    return packet


def h264(frames: Clip, crf: int, *, preset: str = "veryfast") -> Clip:
    """H.264 at `crf` and back."""
    return coded(frames, "libx264", crf, preset=preset, options={"threads": "1"})


def coded_sound(sound: np.ndarray, codec: str, kbps: int) -> np.ndarray:
    """Code float32 mono 16 kHz sound with an encoder of FFmpeg ("aac", "libmp3lame", "libopus") in memory, decode
    it."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = 1000 * kbps
        resampler = av.AudioResampler(stream.format, "mono", SAMPLE_RATE, frame_size=stream.codec_context.frame_size)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound, np.float32)[None], format="flt", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    memory.seek(0)
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
    with av.open(memory, "r") as container:
        parts = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([part.to_ndarray()[0] for part in parts])


def jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    """One JPEG generation at `quality`."""
    _, written = cv2.imencode(".jpg", frame[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(written, cv2.IMREAD_COLOR)[..., ::-1])


def resized(frame: np.ndarray, factor: float) -> np.ndarray:
    """Scale both sides by `factor`, to even sizes."""
    height, width = (max(16, 2 * round(s * factor / 2)) for s in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC)


def cropped(frame: np.ndarray, share: float, at: tuple[float, float] = (0.5, 0.5)) -> tuple[np.ndarray, Map]:
    """Keep `share` of both sides, to even sizes; `at` (x, y) from 0, left and top, to 1."""
    height, width = (max(16, 2 * round(s * share / 2)) for s in frame.shape[:2])
    top, left = round(at[1] * (frame.shape[0] - height)), round(at[0] * (frame.shape[1] - width))
    return np.ascontiguousarray(frame[top : top + height, left : left + width]), moved(-left, -top)


def rotated(frame: np.ndarray, degrees: float, *, grow: bool = False) -> tuple[np.ndarray, Map]:
    """Turn about the middle, clockwise. The corners become black; the canvas keeps its size or, with `grow`, grows to
    hold all of the picture."""
    height, width = frame.shape[:2]
    c, s = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    size = (
        (2 * round((width * c + height * s) / 2), 2 * round((width * s + height * c) / 2)) if grow else (width, height)
    )
    matrix = moved(size[0] / 2, size[1] / 2) @ turned(degrees) @ moved(-width / 2, -height / 2)
    return warped(frame, matrix, *size, border=cv2.BORDER_CONSTANT), matrix


def mirrored(frame: np.ndarray) -> tuple[np.ndarray, Map]:
    """Left becomes right."""
    return np.ascontiguousarray(frame[:, ::-1]), moved(frame.shape[1], 0) @ MIRRORED


def retouched(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    """One or two of: blur, noise, gamma, contrast, saturation, grey, a slight shift."""
    picture = frame.astype(np.float32)
    for kind in rng.choice(6, size=rng.integers(1, 3), replace=False):
        if kind == 0:
            picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 2.0))
        elif kind == 1:
            picture = picture + rng.normal(0, rng.uniform(1, 10), picture.shape).astype(np.float32)
        elif kind == 2:
            picture = 255 * (np.clip(picture, 0, 255) / 255) ** np.float32(rng.uniform(0.7, 1.4))
        elif kind == 3:
            picture = (picture - 128) * np.float32(rng.uniform(0.7, 1.3)) + 128 + np.float32(rng.uniform(-20, 20))
        elif kind == 4:
            grey = picture @ np.float32([0.299, 0.587, 0.114])
            picture = grey[..., None] + np.float32(rng.choice([0.0, rng.uniform(0.3, 1.5)])) * (
                picture - grey[..., None]
            )
        else:
            reach = frame.shape[0] / 250
            move = np.float32([[1, 0, rng.uniform(-reach, reach)], [0, 1, rng.uniform(-reach, reach)]])
            picture = cv2.warpAffine(picture, move, frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def bent(rng: np.random.Generator, clip: Clip) -> tuple[Clip, Map]:
    """Cut, turned or mirrored, all frames the same way."""
    kind = rng.random()
    if kind < 0.5:
        share, at = float(rng.uniform(0.5, 0.98)), tuple(rng.uniform(0, 1, 2))
        done = [cropped(frame, share, at) for frame in clip]
    elif kind < 0.9:
        degrees, grow = float(rng.uniform(2, 45) * rng.choice([-1, 1])), bool(rng.random() < 0.5)
        done = [rotated(frame, degrees, grow=grow) for frame in clip]
    else:
        done = [mirrored(frame) for frame in clip]
    return [frame for frame, _ in done], done[0][1]


def journey(rng: np.random.Generator, clip: Clip, *, bending: float = 0.3) -> tuple[np.ndarray, Map | None]:
    """Send a short clip through a random journey, on which it is cut, turned or mirrored with probability `bending`.

    Returns: the frame that arrives, uint8 RGB, perhaps of another size; and how its pixels moved, None where they did
    not but for scaling.
    """
    way = rng.random()
    if way < 0.04:
        return clip[-1], None
    matrix = None
    if rng.random() < bending:
        clip, matrix = bent(rng, clip)
    if rng.random() < 0.4:
        factor = float(rng.uniform(0.4, 1.0))
        size = clip[0].shape
        clip = [resized(f, factor) for f in clip]
        if matrix is not None:
            matrix = scaled(clip[0].shape[1] / size[1], clip[0].shape[0] / size[0]) @ matrix
    if way < 0.70:
        preset = ("ultrafast", "veryfast", "medium")[rng.integers(3)]
        clip = h264(clip, int(rng.integers(20, 41)), preset=preset)
        arrived = clip[rng.integers(len(clip))]
        return (retouched(rng, arrived) if rng.random() < 0.15 else arrived), matrix
    arrived = clip[-1]
    if way < 0.85:
        return jpeg(arrived, int(rng.integers(20, 96))), matrix
    return retouched(rng, arrived), matrix
