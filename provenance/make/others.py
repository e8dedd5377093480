"""Marks in what others made: a picture, a video or a sound file, marked, signed and registered as every output.

The copy keeps what it can: size, frame rate and times of a video, rate and channels of its sound. Pictures and sound
are decoded, marked and coded again in the stages that outputs of this maker's own take (`encoding`). Nothing is
generated, so nobody's consent is asked for, and the credentials do not say where the file comes from.

A file that bears this maker's mark already is refused unless a new one is asked for: the second replaces the first
(read after two marks, of 30 pictures: the second 28 times, none twice; of 30 sounds: the second 30 times), and with it
what the registry knows of a copy without credentials.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

from media.atomic import nameless, replacing
from media.copying import Copier
from media.errors import UnreadableError, UsageError
from media.guard import guarded
from media.originals import Original, Picture, Sound, decoded, inspect
from media.pictures import depth, open_picture, read_picture
from media.probing import probe
from media.units import FPS, SAMPLE_RATE
from provenance.credentials.elsewhere import check_url
from provenance.credentials.ingredients import BESIDE, MIME
from provenance.faults import plainly
from provenance.make.encoding import Marking, check_size
from provenance.make.readback import STRONGER
from provenance.make.save import (
    FINER,
    PICTURE_TYPES,
    Saved,
    begin,
    check_address,
    check_authority,
    check_output,
    finish,
    new_message,
    registry_of,
    timed,
)
from provenance.marks.fingerprint import Fingerprinter
from provenance.marks.notice import Notice
from provenance.marks.picture import PictureMarker
from provenance.marks.sound import SoundMarker
from provenance.marks.wide import WideSoundMarker
from provenance.permits.claims import Opened
from provenance.permits.subjects import check_unchanged, stamp_of
from provenance.read.marked import generated, made_any, marks_of, refuse_untold, which
from provenance.registry import Registry
from provenance.trust.keys import Keys

TYPES = {
    "picture": PICTURE_TYPES | {suffix: MIME[suffix] for suffix in (".avif", ".gif", ".tif", ".tiff")},
    "video": {suffix: (MIME | BESIDE)[suffix] for suffix in (".mp4", ".mov", ".mkv", ".webm")},
    "sound": {suffix: (MIME | BESIDE)[suffix] for suffix in (".m4a", ".mp3", ".wav", ".flac", ".opus", ".ogg")},
}
PACKED = {"compression": "tiff_lzw"}
LOSSLESS: dict[str, dict[str, Any]] = {".png": {"compress_level": 4}, ".gif": {}, ".tif": PACKED, ".tiff": PACKED}
LARGEST = 8192 * 4608  # pixels of a frame of a video
DEPTH = 4  # frames that wait before each stage; they may be large
JITTER = 0.1  # of 1 / 25 s; as `media.video`


@dataclass(frozen=True)
class Marked:
    """What was written."""

    saved: Saved
    borne: tuple[str, ...]  # of "picture" and "sound", where the mark could be read again from the copy
    notes: tuple[str, ...]  # what the copy does not keep, and which mark it does not bear, in words


def mark_file(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    keys: Keys,
    registry: Registry | None = None,
    crf: int = 18,
    preset: str = "fast",
    quality: int = 95,
    title: str = "",
    again: bool = False,
    notice: Notice | None = None,
    sidecar: bool = False,
    remote_url: str = "",
    progress: Callable[[int], None] | None = None,
) -> Marked:
    """A copy of a picture, video or sound file with this maker's marks in it and credentials over it.

    Args:
        path: anything that can be read.
        output: .png, .jpg, .webp, .avif, .gif or .tif for a picture, .mp4, .mov, .mkv or .webm for a video, .m4a, .mp3,
            .wav, .flac, .opus or .ogg for sound.
        crf, preset: quality (0 to 51, lower is better) and speed of the video's encoder.
        quality: of JPEG and WebP, 1 to 100.
        title: in the credentials; the output's file name when empty.
        again: replace a mark of this maker that is there.
        notice: what is said before a sound file; the credentials state it.
        sidecar, remote_url: as in `sign_file`.
        progress: called with the number of frames that are taken.

    Raises:
        UnreadableError: no picture, video or sound, or it breaks off.
        UsageError: a type that does not fit or cannot hold what is there; under 128 pixels; it bears a mark of this
            maker already; nothing in it can bear one (silence, an even surface).
        OutputError, SigningError: as `save_video`. After any of them nothing is left but what was there.
    """
    source, started = Path(path), time.perf_counter()
    info = probe(source)
    target, book = _target(source, info.kind, output, notice, remote_url), registry_of(keys, registry)
    check_authority(keys)
    stamp = stamp_of(source)
    _refuse_marked(source, keys, book, again)
    settings = _settings(info.kind, target, crf, preset, quality)
    with replacing(target) as final, nameless(target) as unsigned, plainly(target, unsigned):
        copy = _Copy(source, unsigned, target.suffix.lower(), info.kind, new_message(), keys.mark_key, settings, notice)
        work = copy.code(progress)
        claim = Opened(source, settings, title, notice={} if notice is None else notice.said())
        try:
            saved = finish(
                begin(copy.message, claim, info.kind), target, final, unsigned, claim, keys, book.add, work.seconds,
                frames=work.frames, printer=work.printer, duration=work.duration, sidecar=sidecar,
                remote_url=remote_url, again=copy.again, holds=lambda: check_unchanged(source, stamp),
            )  # fmt: skip
        except UsageError as error:
            raise UsageError(
                f"{source}: nothing in it can bear a mark (silence, even surfaces, noise, transparency); "
                "`vasari sign` puts credentials over it as it is"
            ) from error
    return _told(timed(saved, started), work)


@dataclass(frozen=True)
class _Work:
    """A copy that is marked and encoded, not yet signed."""

    printer: Fingerprinter
    seconds: dict[str, float]
    frames: int
    duration: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Copy:
    """How the copy is marked and encoded, once or again."""

    source: Path
    unsigned: Path
    suffix: str  # of the output, which says its type
    kind: str
    message: int
    key: bytes
    settings: dict[str, Any]  # of the encoder
    notice: Notice | None = None

    def code(self, progress: Callable[[int], None] | None = None) -> _Work:
        """The copy, marked and encoded."""
        return self._coded(self.settings, 1.0, progress)

    def again(self, number: int) -> str:
        """Once more, marked stronger and coded finer, in the place of the first; what was done, in words."""
        (strength, coarsest), settings = STRONGER[number], self.settings
        if "crf" in settings:
            settings = settings | {"crf": min(settings["crf"], coarsest)}
        if "quality" in settings:
            settings = settings | {"quality": max(settings["quality"], FINER[number])}
        self._coded(settings, strength)
        return f"marked {strength:g} times as strongly, so that the mark can be read"

    def _coded(self, settings: dict[str, Any], strength: float, progress: Callable[[int], None] | None = None) -> _Work:
        if self.kind == "picture":
            return _picture(self, settings, strength)
        return _media(self, settings, strength, progress)


def _target(
    source: Path, kind: str, output: str | os.PathLike[str], notice: Notice | None, remote_url: str
) -> Path:  # fmt: skip
    """Where the copy goes. Raises `UsageError` for what cannot be written, or takes no notice or address."""
    suffix = Path(output).suffix.lower()
    if notice is not None and kind != "sound":
        raise UsageError(f"{source}: a {kind}, and a spoken notice is put before sound alone; leave --notice out")
    if suffix in (".heic", ".heif"):
        raise UsageError(f"{output}: nothing here writes HEIC; choose .avif, or `vasari sign` a HEIC file as it is")
    if suffix == ".gif" and kind == "video":
        raise UsageError(f"{output}: a moving GIF with credentials in it is read by few; choose .mp4 or .webm")
    target = check_output(output, [source], TYPES[kind])
    if remote_url:
        check_address(target, remote_url)
        check_url(remote_url)
    return target


def _settings(kind: str, target: Path, crf: int, preset: str, quality: int) -> dict[str, Any]:
    """Those that an encoder of this kind and type takes."""
    if kind == "video":
        return {"crf": crf, "preset": preset}
    return {"quality": quality} if kind == "picture" and target.suffix.lower() not in LOSSLESS else {}


def _told(saved: Saved, work: _Work) -> Marked:
    """Which marks the copy bears, and what it does not keep."""
    assert saved.borne is not None
    said = {"picture": saved.borne.picture, "sound": saved.borne.sound}
    borne = tuple(name for name, there in said.items() if there)
    weak = [f"the {name} could not bear the mark" for name, there in said.items() if there is False]
    notes = [note for note in saved.notes if "bears no mark of its own" not in note]
    return Marked(saved, borne, (*work.notes, *weak, *notes))


def _refuse_marked(source: Path, keys: Keys, book: Registry, again: bool) -> None:
    """A mark of this maker is replaced only if that is asked for, and never that of something generated whose
    credentials are gone: the copy would be "as others made it"."""
    marks = marks_of(source, probe(source), keys, moved=made_any(keys, book))
    if again and marks and generated(marks, book):
        refuse_untold(source, keys, book)
    for name, mark in {} if again else marks.items():
        raise UsageError(
            f"{source}: its {name} bears this maker's mark already{which(mark, book)}. `vasari sign` puts "
            "credentials over it as it is, if it has its own; --again replaces the mark"
        )


def _picture(copy: _Copy, options: dict[str, Any], strength: float) -> _Work:
    source, started = copy.source, time.perf_counter()
    seen = read_picture(source)
    check_size(seen)
    with guarded(source), open_picture(source) as opened:
        picture = ImageOps.exif_transpose(opened)
        clear = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
        if clear and copy.suffix in (".jpg", ".jpeg"):
            raise UsageError(f"{source}: has transparent parts, which JPEG does not keep; choose .png or .webp")
        whole = np.array(picture.convert("RGBA")) if clear else seen
        grey = picture.mode in ("1", "L", "LA", "I", "F") or picture.mode.startswith("I;")
        bits, further = depth(opened), getattr(opened, "n_frames", 1) - 1
        kept = {name: picture.info[name] for name in ("icc_profile", "dpi") if picture.info.get(name)}
        if picture.mode == "CMYK":
            kept.pop("icc_profile", None)  # of colours that are gone
        kept["exif"] = picture.getexif().tobytes()
    marker = PictureMarker(copy.message, copy.key, strength=strength)
    marked = marker.mark(np.ascontiguousarray(whole[..., :3]), seen=seen)
    out = np.dstack([marked, whole[..., 3]]) if clear else marked[..., 0] if grey else marked
    printer = Fingerprinter()
    printer.frame(seen)
    seconds = {"mark": time.perf_counter() - started}
    options = LOSSLESS.get(copy.suffix, options)
    Image.fromarray(out).save(copy.unsigned, Image.registered_extensions()[copy.suffix], **options, **kept)
    seconds["encode"] = time.perf_counter() - started - seconds["mark"]
    notes = [f"{bits} bits a colour became 8"] if bits > 8 else []
    notes += ["CMYK became RGB"] if picture.mode == "CMYK" else []
    notes += [f"{further} further page{'s were' if further > 1 else ' was'} left out"] if further else []
    return _Work(printer, seconds, 1, 0.0, tuple(notes))


def _media(
    copy: _Copy, options: dict[str, Any], strength: float, progress: Callable[[int], None] | None
) -> _Work:  # fmt: skip
    source, notice = copy.source, copy.notice
    original = inspect(source)
    if original.has_pictures:
        width, height = original.size
        check_size(np.empty((height, width)))
        if width * height > LARGEST:
            raise UsageError(f"{source}: {width}x{height} pixels are more than can be coded; scale it down")
    coders: list[Copier] = []

    def opening(_: object) -> Copier:
        coders.append(Copier(copy.unsigned, copy.suffix, original, **options))
        return coders[0]

    work = Marking(OthersMarks(copy.message, copy.key, original, strength), opening, depth=DEPTH)
    end, count = 0.0, 0
    try:
        for item in decoded(original) if notice is None else _announced(decoded(original), notice, original):
            if isinstance(item, Picture):
                work.frame(item)
                count += 1
                end = max(end, item.seconds + (item.length or float(1 / original.fps)))
            else:
                work.sound(item)
                end = max(end, item.seconds + len(item.samples) / original.sound_rate)
            if progress is not None:
                progress(count)
        work.close()
    except BaseException:
        work.abandon()
        raise
    if not coders:
        raise UnreadableError(f"{source}: nothing in it can be decoded")
    return _Work(work.printer, work.seconds(), work.frames, end, (*original.notes, *coders[0].notes))


def _announced(items: Iterator[Picture | Sound], notice: Notice, original: Original) -> Iterator[Picture | Sound]:
    """Sound with the notice before it, in all channels, at its own rate."""
    from scipy.signal import resample_poly

    spoken = np.clip(resample_poly(notice.sound, original.sound_rate, SAMPLE_RATE), -1, 1).astype(np.float32)
    later = len(spoken) / original.sound_rate
    for number, item in enumerate(items):
        assert isinstance(item, Sound)
        if number == 0:
            yield Sound(np.repeat(spoken[:, None], item.samples.shape[1], axis=1), item.seconds)
        yield replace(item, seconds=item.seconds + later)


class OthersMarks:
    """Marks of what others made, as `pipeline.Marks`: on brightness alone, and on sound as it is.

    Args:
        message, key: as in `OwnMarks`.
        original: what is marked.
        strength: as in `PictureMarker` and `SoundMarker`.
    """

    def __init__(self, message: int, key: bytes, original: Original, strength: float = 1.0) -> None:
        self.printer = Fingerprinter()
        self._pictures = PictureMarker(message, key, strength=strength)
        self._sounds: WideSoundMarker | None = None
        if original.sound_rate:
            marker = SoundMarker(message, key, strength=strength)
            self._sounds = WideSoundMarker(marker, original.sound_rate, original.layout, self.printer)
        self._start: float | None = None  # of the sound, seconds
        self._shown: np.ndarray | None = None  # what is to be seen until the next frame comes
        self._seen = 0  # moments, 25 a second, that the printer has seen

    def check(self, kind: str, item: Picture | Sound) -> None:
        """All has been checked before."""

    def frame(self, frame: Picture) -> Picture:
        """The same, marked."""
        self._look(frame)
        return replace(frame, planes=(self._pictures.mark_luma(frame.planes[0]), *frame.planes[1:]))

    def push(self, sound: Sound) -> Iterator[Sound]:
        """What is marked by now."""
        self._start = sound.seconds if self._start is None else self._start
        for samples in self._sounds.push(sound.samples) if self._sounds else ():
            yield Sound(samples, self._start)

    def finish(self) -> Iterator[Sound]:
        """The marked rest; and the last frame is looked at."""
        if self._shown is not None:
            self.printer.frame(self._shown)
        if self._sounds is not None and self._start is not None:
            for samples in self._sounds.finish():
                yield Sound(samples, self._start)

    def _look(self, frame: Picture) -> None:
        """Show the printer what a player shows 25 times a second, as `media.VideoReader` reads it."""
        while self._shown is not None and self._seen / FPS < frame.seconds - JITTER / FPS:
            self.printer.frame(self._shown)
            self._seen += 1
        small = cv2.resize(frame.planes[0], (256, 256), interpolation=cv2.INTER_AREA).astype(np.float32)
        if frame.planes[0].dtype == np.uint16:
            small /= 4
        self._shown = np.clip((small - 16) * (255 / 219), 0, 255)
