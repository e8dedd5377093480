"""Pictures, clips and voices that the tests make for themselves."""

from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np

RATE = 16_000


def picture(seed: int = 0, size: int = 256) -> np.ndarray:
    """A person who does not exist (drawn, known by the bytes) before a drawn background. uint8 RGB (S, S, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    image = rng.uniform(60, 200, 3) + 40 * x[..., None] * rng.normal(0, 1, 3) + 30 * y[..., None]
    grain = cv2.resize(rng.normal(0, 1, (size // 4, size // 4, 3)), (size, size), interpolation=cv2.INTER_CUBIC)
    head = np.exp(-(((x - 0.5) / 0.33) ** 6) - ((y - 0.48) / 0.42) ** 6)[..., None]
    face = cv2.resize(_portrait(seed % 3), (size, size), interpolation=cv2.INTER_AREA)
    image = (image + 12 * grain) * (1 - head) + head * face
    return np.clip(image, 0, 255).astype(np.uint8)


@cache
def _portrait(index: int) -> np.ndarray:
    """The head of a portrait of `sitters.PORTRAITS`, uint8 RGB."""
    name = ("portrait.png", "portrait2.png", "portrait3.png")[index]
    whole = cv2.imread(str(Path(__file__).resolve().parent / "portraits" / name))[..., ::-1]
    return np.ascontiguousarray(whole[60:430, 70:440])


def clip(seed: int = 0, frames: int = 12, size: int = 256) -> list[np.ndarray]:
    """The picture with something moving in its middle."""
    still = picture(seed, size)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    blob = np.exp(-(((x - size / 2) / (0.3 * size)) ** 4) - ((y - size / 2) / (0.3 * size)) ** 4)
    return [cv2.remap(still, x - np.float32(3 * np.sin(k / 3)) * blob, y, cv2.INTER_LINEAR) for k in range(frames)]


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """Something like speech: a gliding buzz through moving formants, in syllables. float32 (N,) at 16 kHz."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * t + rng.uniform(0, 6)) + 10 * np.sin(2 * np.pi * 2.3 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = [500 + 250 * np.sin(2 * np.pi * 1.9 * t), 1500 + 500 * np.sin(2 * np.pi * 1.3 * t + 1), 2600 + 0 * t]
    sound = np.zeros_like(t)
    for k in range(1, 40):
        level = sum(np.exp(-(((k * pitch - f) / 180) ** 2)) for f in formants) + 0.02
        sound += level * np.sin(k * phase)
    syllables = np.clip(np.sin(2 * np.pi * 2.1 * t + rng.uniform(0, 6)) + 0.6, 0.02, 1)
    sound = sound * syllables + 0.02 * rng.normal(size=len(t))
    return (0.2 * sound / np.abs(sound).max() * 2).astype(np.float32)


def write_video(
    path: Path,
    frames: list[np.ndarray],
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: list[float] | None = None,
    source: str = "rgb24",
    rate: int = 25,
    sound: np.ndarray | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames with PyAV alone; `times` in seconds makes the frame rate variable."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        stream.options = options or {}
        stream.codec_context.time_base = Fraction(1, 1000)
        track = container.add_stream("aac", rate=RATE, layout="mono") if sound is not None else None
        for k, frame in enumerate(frames):
            item = av.VideoFrame.from_ndarray(frame, format=source)
            item.time_base = Fraction(1, 1000)
            item.pts = round(1000 * (times[k] if times else k / rate))
            container.mux(stream.encode(item))
        container.mux(stream.encode())
        if track is not None:
            samples = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="fltp", layout="mono")
            samples.sample_rate = RATE
            container.mux(track.encode(samples))
            container.mux(track.encode())
    return path


def remux(source: Path, target: Path) -> Path:
    """Copy the streams into a new file, as any tool does that knows nothing of credentials."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        streams = {stream.index: new.add_stream_from_template(stream) for stream in old.streams}
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                new.mux(packet)
    return target
