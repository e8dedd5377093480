"""Files that are meant to break whoever reads them: made anew each time from small signed ones, the same by the same
seeds. `fuzz.py` goes on from them by chance, `test_fuzz.py` looks at some of them in every run."""

import struct
import wave
from collections.abc import Iterator
from pathlib import Path

import av
from making import clip, picture, voice, write_video
from permits import shown
from PIL import Image

from provenance import Keys, save_picture, save_video, sign_beside, sign_file

NAMES = (b"jumb", b"jumd", b"cbor", b"json", b"bfdb", b"bidb", b"uuid", b"moov", b"trak", b"stbl", b"stco", b"stsz",
         b"mdat", b"ftyp", b"IHDR", b"IDAT", b"caBX", b"tEXt")  # fmt: skip
"""Of boxes and chunks; 4 bytes of length come before each."""
LENGTHS = (0, 1, 7, 8, 9, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def seeds(folder: Path, keys: Keys) -> list[Path]:
    """A small intact file of every kind: made here, made by others and signed, with a sidecar, with an address."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [save_picture(folder / f"made.{kind}", shown(keys, picture(1, 128))).path for kind in ("png", "jpg", "webp")]
    made.append(save_video(folder / "made.mp4", shown(keys, clip(1, 4, 128), voice(0.2))).path)
    theirs = folder / "theirs"
    theirs.mkdir(exist_ok=True)
    with wave.open(str(theirs / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((30_000 * voice(0.2)).astype("<i2").tobytes())
    for kind, codec in (("mp3", "mp3"), ("m4a", "aac")):
        with av.open(str(theirs / f"a.{kind}"), "w") as file:
            stream = file.add_stream(codec, rate=16_000, layout="mono")
            sound = av.AudioFrame.from_ndarray(voice(0.3).reshape(1, -1), format="fltp", layout="mono")
            sound.sample_rate = 16_000
            file.mux(stream.encode(sound))
            file.mux(stream.encode())
    write_video(theirs / "a.mov", clip(2, 3, 128))
    Image.fromarray(picture(2, 128)).save(theirs / "a.gif")
    made += [sign_file(p, folder / f"signed{p.suffix}", keys=keys).path for p in sorted(theirs.iterdir())]
    beside = folder / "beside.bmp"
    Image.fromarray(picture(3, 128)).save(beside)
    sign_beside(beside, keys=keys)
    away = folder / "away.jpg"
    sign_file(made[1], away, keys=keys, sidecar=True, remote_url="https://192.0.2.1/one.c2pa")
    away.with_name("away.jpg.c2pa").unlink()
    return [*made, beside, away]


def lies(data: bytes, most: int = 3) -> Iterator[tuple[str, bytes]]:
    """The same with the length of a box or chunk changed, one at a time; of boxes of one name the first `most`."""
    for name in NAMES:
        at = -1
        for number in range(most):
            at = data.find(name, at + 1)
            if at < 4:
                break
            for length in LENGTHS:
                yield f"{name.decode()}{number}={length:x}", data[: at - 4] + struct.pack(">I", length) + data[at:]


def cut(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Cut short, and with its second half missing, doubled, or empty."""
    half = len(data) // 2
    for length in (0, 1, 4, 11, 40, 200, half, len(data) - 1):
        yield f"cut{length}", data[:length]
    yield "doubled", data + data
    yield "hole", data[:half] + data[half + 100 :]
    yield "zeros", data[:half] + bytes(len(data) - half)


def stores() -> Iterator[tuple[str, bytes]]:
    """Manifest stores that are none: boxes in boxes, boxes of nothing, numbers that promise what never comes."""

    def box(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(content), name) + content

    label = b"c2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x008\x9bq\x03c2pa\x00"
    described = box(b"jumd", label)
    for depth in (10, 300, 5000):
        inner = b""
        for _ in range(depth):
            inner = box(b"jumb", described + inner)
        yield f"deep{depth}", inner
    yield "many", box(b"jumb", described + box(b"jumb", described) * 3000)
    yield "nothing", box(b"jumb", described)
    yield "endless", struct.pack(">I4sQ", 1, b"jumb", 1 << 63) + described
    yield "label", box(b"jumb", box(b"jumd", label[:16] + b"\x03" + b"a" * 100_000))
    for name, content in (
        ("array", b"\x9b" + b"\xff" * 8),
        ("nested", b"\x81" * 20_000),
        ("bytes", b"\x5b" + b"\x7f" * 8),
    ):
        yield f"cbor-{name}", box(b"jumb", described + box(b"cbor", content))


def large(kind: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Pictures that say that they are larger than any memory."""
    if kind == ".png":
        at = data.find(b"IHDR") + 4
        for width, height in ((0, 0), (1, 0x7FFFFFFF), (0x7FFFFFFF, 0x7FFFFFFF), (60_000, 60_000)):
            yield f"{width}x{height}", data[:at] + struct.pack(">II", width, height) + data[at + 8 :]
    if kind == ".jpg":
        at = data.find(b"\xff\xc0") + 5
        for side in (0, 1, 65_535):
            yield f"{side}x{side}", data[:at] + struct.pack(">HH", side, side) + data[at + 4 :]


def hostile(sources: list[Path]) -> Iterator[tuple[str, bytes]]:
    """(name with the suffix of its kind, content) of all of them; a sidecar goes beside the intact file of its name."""
    for path in sources:
        data = path.read_bytes()
        for make in (cut(data), lies(data), large(path.suffix, data)):
            for name, content in make:
                yield f"{path.stem}-{name}{path.suffix}", content
        for other in sources:
            if other is not path and other.suffix == path.suffix:
                yield f"{path.stem}-{other.stem}{path.suffix}", data + other.read_bytes()
    for name, content in stores():
        yield f"{name}.c2pa", content
