"""The one save path: marks every picture and the sound, encodes, signs, registers, and only then shows the file.

There is no other way to write an output and no argument here that leaves a step out.
"""

import contextlib
import errno
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from media.atomic import replacing
from media.encode import Encoder
from media.errors import ConsentError, OutputError, UsageError
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from provenance import manifest
from provenance.consent import check_consent
from provenance.hashing import file_sha256
from provenance.keys import Keys
from provenance.manifest import Claim
from provenance.pipeline import Stage
from provenance.registry import FILE, Entry, Registry, now
from provenance.watermark.identity import key_id, mark_hex, sound_mark_hex
from provenance.watermark.picture import PictureMarker
from provenance.watermark.sound import SoundMarker

VIDEO_TYPES = {".mp4": "video/mp4"}
SMALLEST = 128  # pixels of the shorter side; below, the mark does not outlive the encoder, so nothing is written
PICTURE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


@dataclass(frozen=True)
class Saved:
    """What was written."""

    path: Path
    mark: str  # message of the picture mark, 16 hexadecimal digits
    manifest: str  # label of the C2PA manifest
    sha256: str  # of the file
    frames: int  # 1 for a picture
    duration: float  # seconds, 0 for a picture
    seconds: Mapping[str, float]  # spent in each stage: mark, sound, encode, sign, total


def check_output(
    path: str | os.PathLike[str],
    inputs: Iterable[str | os.PathLike[str]] = (),
    types: Mapping[str, str] = VIDEO_TYPES,
) -> Path:
    """Refuse early what could not be saved after long work.

    Raises:
        UsageError: a suffix that cannot carry credentials, or the output is one of the inputs.
        OutputError: the folder is missing or cannot be written to.
    """
    target = Path(path)
    if target.suffix.lower() not in types:
        raise UsageError(f"{target}: outputs end in {' or '.join(types)}, which can carry credentials")
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; give the name of a file")
    for source in inputs:
        if target.exists() and Path(source).exists() and os.path.samefile(target, source):
            raise UsageError(f"{target}: is also an input; choose another name for the output")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: the folder {target.parent} does not exist; make it first")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{target}: cannot write into {target.parent} (permissions)")
    return target


def save_video(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    sound: np.ndarray | Iterable[np.ndarray] | None,
    *,
    claim: Claim,
    keys: Keys,
    registry: Registry | None = None,
    crf: int = 20,
    preset: str = "veryfast",
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Saved:
    """Save a talking face as mp4: marked, signed, registered, or not at all.

    `frames` and `sound` are pulled in the calling thread, as the video needs them; marking and encoding run beside it.
    Memory is bounded by a few frames and 2 s of sound.

    Args:
        frames: uint8 RGB (H, W, 3) each, 25 a second, all of one size.
        sound: float32 mono 16 kHz in [-1, 1], whole or in chunks; None for a silent film.
        progress: called with the number of frames taken so far.

    Raises:
        ConsentError: the claim names neither a consent for this portrait nor a person who does not exist.
        OutputError, UsageError: as `check_output`; the disk is full; there is no frame; frames are under 128 pixels.
        SigningError: the credentials could not be made.
        Whatever `frames` and `sound` raise. After any of them nothing is left where `path` points but what was there.
    """
    target = check_output(path, claim.sources)
    check_claim(claim)
    started = time.perf_counter()
    with replacing(target) as final, _beside(final) as unsigned, _plainly(target, unsigned):
        work = _Video(unsigned, _new_message(), keys, _chunks(sound), crf=crf, preset=preset, threads=threads)
        try:
            count = work.run(frames, progress)
        except BaseException:
            work.abandon()
            raise
        seconds = work.seconds()
        saved = _finish(
            target, final, unsigned, claim, keys, registry, work.message, sound is not None, seconds, frames=count
        )
    return _timed(saved, started)


def save_picture(
    path: str | os.PathLike[str],
    picture: np.ndarray,
    *,
    claim: Claim,
    keys: Keys,
    registry: Registry | None = None,
    quality: int = 92,
) -> Saved:
    """Save one picture as PNG, JPEG or WebP: marked, signed, registered, or not at all.

    Args:
        picture: uint8 RGB (H, W, 3).
        quality: of JPEG and WebP, 1 to 100.

    Raises: as `save_video`.
    """
    target = check_output(path, claim.sources, PICTURE_TYPES)
    check_claim(claim)
    _check_size(picture)
    started = time.perf_counter()
    message = _new_message()
    with replacing(target) as final, _beside(final) as unsigned, _plainly(target, unsigned):
        marked = PictureMarker(message, keys.mark_key).mark(picture)
        seconds = {"mark": time.perf_counter() - started}
        options: dict[str, Any] = {"compress_level": 4} if target.suffix.lower() == ".png" else {"quality": quality}
        Image.fromarray(marked).save(unsigned, **options)
        seconds["encode"] = time.perf_counter() - started - seconds["mark"]
        saved = _finish(target, final, unsigned, claim, keys, registry, message, False, seconds, frames=0)
    return _timed(saved, started)


def check_claim(claim: Claim) -> None:
    """Raise `ConsentError` unless the portrait may be animated."""
    if claim.nobody:
        return
    if claim.portrait is None:
        raise ConsentError("a claim without a portrait can only be about a person who does not exist")
    if claim.consent is None:
        raise ConsentError(
            f"{claim.portrait}: a portrait of somebody needs consent on file; "
            "make it with `vasari consent grant` and give it with --consent"
        )
    check_consent(claim.consent, file_sha256(claim.portrait))


class _Video:
    """The stages of one video: the caller's thread -> mark -> encode."""

    def __init__(self, path: Path, message: int, keys: Keys, chunks: Iterator[np.ndarray] | None, **options: Any):
        self.path, self.message, self.options = path, message, options
        self.chunks, self.has_sound = chunks, chunks is not None
        self.pictures = PictureMarker(message, keys.mark_key)
        self.sounds = SoundMarker(message, keys.mark_key)
        self.sound_seconds = 0.0
        self.encoder: Encoder | None = None
        self.encode = Stage("encode", self._encode, self._close, None)
        self.mark = Stage("mark", self._mark, self._rest, self.encode)

    def run(self, frames: Iterable[np.ndarray], progress: Callable[[int], None] | None) -> int:
        count = pulled = 0
        for frame in frames:
            if not count:
                _check_size(frame)
            self.mark.put(("frame", frame))
            count += 1
            while self.chunks is not None and pulled < count * SAMPLES_PER_FRAME:
                pulled += self._pull()
            if progress is not None:
                progress(count)
        if not count:
            raise OutputError("no frame was made; nothing was written")
        while self.chunks is not None:
            self._pull()
        self.mark.close()
        return count

    def _pull(self) -> int:
        assert self.chunks is not None
        chunk = next(self.chunks, None)
        if chunk is None:
            self.chunks = None
            return 0
        self.mark.put(("sound", chunk))
        return len(chunk)

    def _mark(self, item: tuple[str, np.ndarray]) -> None:
        kind, data = item
        if kind == "frame":
            self.encode.put(("frame", self.pictures.mark(data)))
            return
        for part in self._sound_timed(self.sounds.push, data):
            self.encode.put(("sound", part))

    def _rest(self) -> None:
        for part in self._sound_timed(lambda: [self.sounds.finish()]):
            self.encode.put(("sound", part))

    def _sound_timed(self, work: Callable[..., Iterable[np.ndarray]], *arguments: np.ndarray) -> list[np.ndarray]:
        started = time.perf_counter()
        parts = [part for part in work(*arguments) if len(part)]
        self.sound_seconds += time.perf_counter() - started
        return parts

    def _encode(self, item: tuple[str, np.ndarray]) -> None:
        kind, data = item
        if self.encoder is None:  # the first item is a frame: it tells the size
            size = (data.shape[1], data.shape[0])
            self.encoder = Encoder(self.path, size, sound=self.has_sound, **self.options)
        if kind == "frame":
            self.encoder.write(data)
        else:
            self.encoder.write_sound(data)

    def _close(self) -> None:
        if self.encoder is not None:
            self.encoder.close()

    def abandon(self) -> None:
        self.mark.abandon()
        if self.encoder is not None:
            self.encoder.abandon()

    def seconds(self) -> dict[str, float]:
        return {
            "mark": self.mark.seconds - self.sound_seconds,
            "sound": self.sound_seconds,
            "encode": self.encode.seconds,
        }


def _finish(
    target: Path,
    final: Path,
    unsigned: Path,
    claim: Claim,
    keys: Keys,
    registry: Registry | None,
    message: int,
    with_sound: bool,
    seconds: dict[str, float],
    *,
    frames: int,
) -> Saved:
    """Sign `unsigned` into `final` and register it."""
    started = time.perf_counter()
    mime = (VIDEO_TYPES | PICTURE_TYPES)[target.suffix.lower()]
    mark = mark_hex(message)
    sound_mark = sound_mark_hex(message) if with_sound else ""
    definition = manifest.definition(
        claim,
        title=claim.title or target.name,
        mime=mime,
        key_id=key_id(keys.mark_key),
        mark=mark,
        sound_mark=sound_mark,
    )
    with unsigned.open("rb") as source, final.open("w+b") as sink:
        store = manifest.sign(source, sink, mime, definition, keys.signer)
        sink.flush()
        os.fsync(sink.fileno())
    label = manifest.label_of(final)
    entry = Entry(
        mark=mark,
        sound_mark=sound_mark,
        manifest=label,
        manifest_sha256=manifest.sha256(store),
        file_sha256=file_sha256(final),
        made=now(),
        kind="video" if frames else "picture",
        command=claim.command,
        portrait_sha256=file_sha256(claim.portrait) if claim.portrait else "",
        nobody=int(claim.nobody),
    )
    (registry or Registry(keys.folder / FILE)).add(entry)
    seconds["sign"] = time.perf_counter() - started
    return Saved(target, mark, label, entry.file_sha256, max(1, frames), frames / FPS, seconds)


def _timed(saved: Saved, started: float) -> Saved:
    total = time.perf_counter() - started
    rounded = {name: round(value, 4) for name, value in {**saved.seconds, "total": total}.items()}
    return Saved(saved.path, saved.mark, saved.manifest, saved.sha256, saved.frames, saved.duration, rounded)


def _check_size(frame: np.ndarray) -> None:
    height, width = frame.shape[:2]
    if min(height, width) < SMALLEST:
        raise UsageError(f"{width}x{height} pixels are too few to bear a mark; make it {SMALLEST} or more on each side")


def _new_message() -> int:
    """A message unlike any other: 64 random bits."""
    return secrets.randbits(64)


def _chunks(sound: np.ndarray | Iterable[np.ndarray] | None) -> Iterator[np.ndarray] | None:
    if isinstance(sound, np.ndarray):
        return iter(np.split(sound, range(SAMPLE_RATE, len(sound), SAMPLE_RATE)))
    return None if sound is None else iter(sound)


@contextlib.contextmanager
def _beside(final: Path) -> Iterator[Path]:
    """A second temporary file in the same folder, for what is encoded but not yet signed; always removed."""
    handle, name = tempfile.mkstemp(prefix=".unsigned-", suffix=final.suffix, dir=final.parent)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def _plainly(target: Path, unsigned: Path) -> Iterator[None]:
    """Say plainly when the disk is full, whichever library noticed, and never name the temporary file."""
    try:
        yield
    except OutputError as error:
        raise OutputError(str(error).replace(str(unsigned), str(target))) from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else (error.strerror or str(error))
        raise OutputError(f"{target}: could not be written ({reason})") from error
