"""Media of others as they are: every picture and every sample at its own time, for copies that keep what they can.

`VideoReader` gives what verification and the tracker need: RGB, 25 a second. Here nothing is brought to another rate or
colour space: planes of brightness and colour differences at the file's own times, sound with all its channels.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from media.containers import opened
from media.errors import UnreadableError
from media.guard import each, guarded, reason
from media.probing import duration, square_size, tracks
from media.video import LONGEST_HOLD

HDR = (16, 18)  # transfer functions PQ and HLG (ITU-T H.273, table 3)
UNSPECIFIED, BT709, BT601 = 2, 1, 5
GAP = 0.1  # seconds of silence from which a gap in the sound is one, and no rounding
SHORT = (0.25, 0.02)  # seconds, and share of the promised duration, that may be missing at the end
TAGS = ("title", "artist", "album", "date", "comment", "description", "genre", "copyright", "creation_time", "language")


@dataclass(frozen=True)
class Original:
    """What `inspect` found of a video or sound file."""

    path: Path
    size: tuple[int, int]  # (width, height) of the planes, upright and even; (0, 0) for sound alone
    shown: tuple[int, int]  # (width, height) as a player shows it: square pixels, odd sides as they are
    aspect: Fraction  # of a pixel, width over height, upright
    fps: Fraction  # average
    time_base: Fraction  # seconds in which times of pictures are counted
    deep: bool  # HDR: planes have 10 bits
    colour: tuple[int, int, int]  # primaries, transfer and matrix (ITU-T H.273)
    sound_rate: int  # Hz, 0 without sound
    layout: str  # of the channels, "" without sound
    sound_kind: str  # "float", "24" or "16" bits a sample where the sound was stored without loss, "coded" else
    sound_bits: int  # a second, 0 where the file does not tell
    duration: float  # seconds as the file promises, 0 where it does not
    tags: Mapping[str, str]  # title and the like
    notes: tuple[str, ...]  # what a copy will not have, in words

    @property
    def has_pictures(self) -> bool:
        return self.size != (0, 0)

    @property
    def pixels(self) -> str:
        """The planes' format, limited range: 8 bits, 10 for HDR."""
        return "yuv420p10le" if self.deep else "yuv420p"


@dataclass(frozen=True)
class Picture:
    """One frame."""

    planes: tuple[np.ndarray, np.ndarray, np.ndarray]  # Y (H, W), Cb and Cr (H / 2, W / 2); uint8, or uint16 of 10 bits
    seconds: float  # from the beginning of the file
    length: float  # seconds that it is shown, 0 where that is not told


@dataclass(frozen=True)
class Sound:
    """A piece of sound that follows the one before without a gap."""

    samples: np.ndarray  # float32 (n, channels), not clipped
    seconds: float  # from the beginning of the file to its first sample


def inspect(path: str | os.PathLike[str]) -> Original:
    """What is in a video or sound file, as far as a copy has to know.

    Raises:
        UnreadableError: neither sound nor video, or no picture of it can be decoded.
    """
    path = Path(path)
    with opened(path) as container:
        video, sound = tracks(container)
        if video is None and sound is None:
            raise UnreadableError(f"{path}: holds neither sound nor video")
        notes = [f"left out: {what}" for what in _others(container, video, sound)]
        size = shown = (0, 0)
        colour, aspect, deep = (UNSPECIFIED,) * 3, Fraction(1), False
        if video is not None:
            frame = _first(container, video, path)
            width, height = frame.width, frame.height
            aspect = Fraction(video.sample_aspect_ratio or 1)
            shown = square_size(frame, video)
            if frame.rotation % 180:
                width, height, aspect = height, width, 1 / aspect
            size = (width + width % 2, height + height % 2)
            colour = _colour(frame)
            deep = colour[1] in HDR
            notes += _changes(frame, (width, height), deep)
        rate = (video.average_rate or video.guessed_rate) if video is not None else None
        return Original(
            path=path,
            size=size,
            shown=shown,
            aspect=aspect,
            fps=Fraction(rate or 25),
            time_base=Fraction(video.time_base) if video is not None and video.time_base else Fraction(1, 90_000),
            deep=deep,
            colour=colour,
            sound_rate=sound.codec_context.sample_rate if sound is not None else 0,
            layout=_layout(sound.codec_context.layout.name) if sound is not None else "",
            sound_kind=_kind(sound.codec_context) if sound is not None else "",
            sound_bits=int(sound.codec_context.bit_rate or 0) if sound is not None else 0,
            duration=duration(container, *(track for track in (video, sound) if track is not None)),
            tags={name: text for name, text in container.metadata.items() if name.lower() in TAGS},
            notes=tuple(notes),
        )


def decoded(original: Original) -> Iterator[Picture | Sound]:
    """All pictures and sound of a file, as they lie in it. Gaps in the sound are filled with silence.

    Raises:
        UnreadableError: the file breaks off before its end, or its clock is broken.
    """
    path, end = original.path, 0.0
    with opened(path) as container:
        wanted = [track for track in tracks(container) if track is not None]
        for track in wanted:
            track.codec_context.thread_type = "AUTO"
        starts = [float(t.start_time * t.time_base) for t in wanted if t.start_time is not None and t.time_base]
        pictures, sound = _Pictures(original, min(starts, default=0.0)), _Sound(original, min(starts, default=0.0))
        try:
            for frame in each(container.decode(*wanted), path):
                with guarded(path):
                    taken = _taken(frame, pictures, sound)
                yield from taken
            with guarded(path):
                rest = list(sound.rest())
            yield from rest
        except UnreadableError as error:
            if error.__cause__ is None:  # ours: a broken clock, pictures of another size
                raise
            end = max(pictures.end, sound.end)
            if _short(original, end):
                said = reason(error.__cause__ or error)
                raise UnreadableError(
                    f"{path}: breaks off after {end:.1f} s ({said}); nothing was written. Repair it first"
                ) from error
        end = max(pictures.end, sound.end)
        if end == 0.0:
            raise UnreadableError(f"{path}: nothing in it can be decoded")
        if _short(original, end):
            raise UnreadableError(f"{path}: ends after {end:.1f} of {original.duration:.1f} s; it is cut short")


def _taken(frame: Any, pictures: "_Pictures", sound: "_Sound") -> list[Picture | Sound]:
    return [*(pictures.take(frame) if isinstance(frame, av.VideoFrame) else sound.take(frame))]


def _short(original: Original, end: float) -> bool:
    return original.duration - end > SHORT[0] + SHORT[1] * original.duration


class _Pictures:
    """Frames of the video track -> upright planes."""

    def __init__(self, original: Original, origin: float) -> None:
        self._of, self._origin = original, origin
        self._convert = VideoReformatter()
        self._before = -1.0
        self.end = 0.0

    def take(self, frame: av.VideoFrame) -> Iterator[Picture]:
        step = float(1 / self._of.fps)
        length = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else 0.0
        seconds = frame.time - self._origin if frame.time is not None else max(0.0, self._before + step)
        if seconds <= self._before or seconds < -step / 2:  # out of order, or before the beginning
            return
        if seconds - max(0.0, self._before) > LONGEST_HOLD:
            raise UnreadableError(f"{self._of.path}: timestamps jump to {seconds:.0f} s; re-encode the file")
        self._before, self.end = seconds, seconds + (length or step)
        yield Picture(self._planes(frame), max(0.0, seconds), length)

    def _planes(self, frame: av.VideoFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith(("yuvj", "gray"))
        rgb = _is_rgb(frame)
        matrix = frame.colorspace if frame.colorspace not in (0, UNSPECIFIED) else BT601
        plain = self._convert.reformat(
            frame,
            format=self._of.pixels,
            src_colorspace=None if rgb else matrix,
            dst_colorspace=BT709 if rgb else matrix,
            src_color_range=ColorRange.JPEG if full or rgb else ColorRange.MPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
        )
        turns = round(frame.rotation / 90) % 4
        y, cb, cr = (np.rot90(_pixels(plane, self._of.deep), turns) for plane in plain.planes)
        width, height = self._of.size
        if not _fits(y.shape, self._of.size):
            raise UnreadableError(f"{self._of.path}: the size of its pictures changes; re-encode the file")
        y = np.pad(y, ((0, height - y.shape[0]), (0, width - y.shape[1])), mode="edge")
        return np.ascontiguousarray(y), np.ascontiguousarray(cb), np.ascontiguousarray(cr)


class _Sound:
    """Frames of the sound track -> samples of one rate and layout, without gaps."""

    def __init__(self, original: Original, origin: float) -> None:
        self._of, self._origin = original, origin
        self._resampler: av.AudioResampler | None = None
        self._start = 0.0
        self._samples = 0  # given out
        self.end = 0.0

    def take(self, frame: av.AudioFrame) -> Iterator[Sound]:
        time = None if frame.time is None else frame.time - self._origin
        if self._resampler is None:
            self._resampler = av.AudioResampler("flt", self._of.layout, self._of.sound_rate)
            self._start = self.end = max(0.0, time or 0.0)
        gap = 0.0 if time is None else time - self.end
        if gap > LONGEST_HOLD:
            raise UnreadableError(f"{self._of.path}: timestamps of the sound jump by {gap:.0f} s; re-encode the file")
        if gap > GAP:
            channels = av.AudioLayout(self._of.layout).nb_channels
            yield self._piece(np.zeros((round(gap * self._of.sound_rate), channels), np.float32))
        frame.pts = None
        yield from self._resampled(frame)

    def rest(self) -> Iterator[Sound]:
        yield from self._resampled(None) if self._resampler is not None else ()

    def _resampled(self, frame: av.AudioFrame | None) -> Iterator[Sound]:
        assert self._resampler is not None
        for out in self._resampler.resample(frame):
            yield self._piece(
                np.nan_to_num(out.to_ndarray().reshape(out.samples, -1), nan=0.0, posinf=1.0, neginf=-1.0)
            )

    def _piece(self, samples: np.ndarray) -> Sound:
        piece = Sound(samples.astype(np.float32, copy=False), self.end)
        self._samples += len(samples)
        self.end = self._start + self._samples / self._of.sound_rate
        return piece


def _others(container: av.container.InputContainer, *kept: av.stream.Stream | None) -> list[str]:
    """Tracks that are not looked at, in words."""
    rest = [stream for stream in container.streams if stream not in kept]
    names = {"audio": "sound track", "video": "picture track", "subtitle": "subtitle track"}
    counts: dict[str, int] = {}
    for stream in rest:
        name = names.get(stream.type, "data track")
        counts[name] = counts.get(name, 0) + 1
    return [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items()]


def _first(container: av.container.InputContainer, video: av.VideoStream, path: Path) -> av.VideoFrame:
    with guarded(path, "no picture of the video can be decoded"):
        return next(container.decode(video))


def _colour(frame: av.VideoFrame) -> tuple[int, int, int]:
    if _is_rgb(frame):
        return (BT709,) * 3
    matrix = int(frame.colorspace)
    return int(frame.color_primaries), int(frame.color_trc), matrix if matrix else UNSPECIFIED


def _is_rgb(frame: av.VideoFrame) -> bool:
    return bool(frame.format.is_rgb or frame.format.has_palette)


def _changes(frame: av.VideoFrame, size: tuple[int, int], deep: bool) -> list[str]:
    """What a copy with planes of `Original.pixels` does not keep, in words."""
    notes = []
    bits = max(component.bits for component in frame.format.components)
    if bits > (10 if deep else 8):
        notes.append(f"{bits} bits a colour became {10 if deep else 8}")
    if frame.format.chroma_width() == frame.width > 1 and not frame.format.name.startswith("gray"):
        notes.append("colour at full resolution became 4:2:0")
    elif frame.format.chroma_height() == frame.height > 1 and not frame.format.name.startswith("gray"):
        notes.append("colour 4:2:2 became 4:2:0")
    if any(component.is_alpha for component in frame.format.components):
        notes.append("transparency was left out")
    if size[0] % 2 or size[1] % 2:
        notes.append(f"odd sides grew by one pixel: {size[0]}x{size[1]}")
    return notes


def _fits(shape: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Whether a plane (H, W) is as large as the even `size`, or a pixel less on odd sides."""
    return all(0 <= side - length <= 1 for length, side in zip(shape, size[::-1], strict=True))


def _pixels(plane: av.video.plane.VideoPlane, deep: bool) -> np.ndarray:
    """A plane's memory as (H, W); its rows may be padded."""
    kind = np.dtype("<u2") if deep else np.dtype(np.uint8)
    rows = np.frombuffer(memoryview(plane), kind).reshape(plane.height, plane.line_size // kind.itemsize)
    return np.asarray(rows[:, : plane.width])


def _layout(name: str) -> str:
    """Of channels, as encoders take it: of one or two that a file does not place, the usual one."""
    return {"1 channels": "mono", "2 channels": "stereo"}.get(name, name)


def _kind(context: av.AudioCodecContext) -> str:
    if not context.name.startswith(("pcm", "flac", "alac", "wavpack", "tta")):
        return "coded"
    name = context.format.name.rstrip("p")
    return {"flt": "float", "dbl": "float", "s32": "24"}.get(name, "16")
