"""What is done to outputs by those who share them, and by those who would deceive: files in, files out."""

import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from media import SAMPLE_RATE, VideoReader, read_sound
from media.units import FPS
from provenance.credentials.boxes import HASHED_NOT, top_level_boxes


def flipped(source: Path, target: Path, place: float) -> Path:
    """One bit flipped at `place`, 0 to 1, of the bytes that the credentials cover."""
    data = bytearray(source.read_bytes())
    spans = covered(source)
    at = int(place * sum(end - start for start, end in spans))
    for start, end in spans:
        if at < end - start:
            data[start + at] ^= 1
            break
        at -= end - start
    target.write_bytes(data)
    return target


def covered(path: Path) -> list[tuple[int, int]]:
    """(first, end) of what the hash covers: of an mp4 all boxes but those that the specification leaves out and the
    manifest's own, without their headers; of a picture all parts but those with the manifest."""
    boxes = top_level_boxes(path)
    if boxes:
        return [(b.start + b.header, b.start + b.size) for b in boxes if b.name not in (*HASHED_NOT, "uuid")]
    return [(start, end) for name, start, end in _parts(path) if name not in (b"caBX", b"C2PA", b"\xff\xeb")]


def _parts(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Name and place of the chunks of a PNG or WebP, or the segments of a JPEG, the last with the picture."""
    data, kind = path.read_bytes(), path.suffix.lower()
    at = {".png": 8, ".webp": 12}.get(kind, 2)
    while at + 8 <= len(data):
        if kind == ".png":
            name, length = data[at + 4 : at + 8], 12 + struct.unpack(">I", data[at : at + 4])[0]
        elif kind == ".webp":
            size = struct.unpack("<I", data[at + 4 : at + 8])[0]
            name, length = data[at : at + 4], 8 + size + size % 2
        else:
            name, length = data[at : at + 2], 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
            length = len(data) - at if name == b"\xff\xda" else length
        yield name, at + 8, min(at + length, len(data))
        at += length


def remuxed(pictures: Path, target: Path, sound: Path | None = None) -> Path:
    """The same packets in a new container, as messengers and editors write them: the manifest is gone. `sound`: taken
    from another file."""
    with av.open(str(pictures)) as seen, av.open(str(sound or pictures)) as heard, av.open(str(target), "w") as out:
        given = [(seen, stream) for stream in seen.streams.video] + [(heard, stream) for stream in heard.streams.audio]
        taken = [out.add_stream_from_template(stream) for _, stream in given]
        for (container, stream), copy in zip(given, taken, strict=True):
            container.seek(0)
            for packet in container.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    out.mux(packet)
    return target


def coded(
    source: Path,
    target: Path,
    change: Callable[[np.ndarray], np.ndarray] = lambda frame: frame,
    *,
    crf: int = 23,
    codec: str = "libx264",
    sound: np.ndarray | None = None,
) -> Path:
    """Decoded, each frame changed, coded again with its sound (AAC 64 kbit/s), or another one."""
    heard = read_sound(source) if sound is None else sound
    return write(target, [change(frame) for frame in VideoReader(source)], heard, crf=crf, codec=codec)


def write(
    target: Path, frames: Sequence[np.ndarray], sound: np.ndarray | None, *, crf: int = 23, codec: str = "libx264"
) -> Path:
    """Frames and sound as any tool writes them, that knows neither marks nor credentials: what attackers have."""
    height, width = (side - side % 2 for side in frames[0].shape[:2])
    with av.open(str(target), "w") as out:
        video = out.add_stream(codec, rate=FPS, options={"crf": str(crf), "preset": "veryfast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        heard = out.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if sound is not None else None
        for number, frame in enumerate(frames):
            item = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), format="rgb24")
            item.pts, item.time_base = number, Fraction(1, FPS)
            out.mux(video.encode(item))
        out.mux(video.encode())
        if heard is not None and sound is not None:
            heard.bit_rate = 64_000
            samples = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="fltp", layout="mono")
            samples.sample_rate = SAMPLE_RATE
            out.mux(heard.encode(samples))
            out.mux(heard.encode())
    return target
