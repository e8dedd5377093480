"""Video in: upright RGB frames at a constant 25 a second, whatever the file holds."""

import logging
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, TypeVar

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace

from media.containers import CLOSED, opened, reason
from media.errors import UnreadableError
from media.guard import each, guarded
from media.pictures import over_grey
from media.probing import MediaInfo, probe, tracks, upright_size
from media.units import FPS

log = logging.getLogger(__name__)
UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
JITTER = 0.1  # of a frame; containers round timestamps to milliseconds
JUMP = 2.0  # seconds between two frames of a live source, from which its clock was set anew
T = TypeVar("T")
LONGEST_HOLD = 120.0  # seconds; a longer jump in timestamps is a broken clock, not a slide show


class VideoReader:
    """Iterate a video's frames, uint8 RGB (H, W, 3), 25 a second by timestamps.

    Args:
        path: any file with video.
        start: seconds from the beginning at which to start (seeks, does not decode from the beginning).
        fps: frames a second to deliver.
        threads: decoder threads; 0 lets ffmpeg choose.
        track: which of several videos in the file, as `probing.all_tracks` numbers them; 0 is the one that is shown.

    Attributes:
        info: `MediaInfo` of the file.
        size: (width, height) of every frame.
        broken: why decoding stopped before the end, or None. Set while iterating.

    Raises:
        UnreadableError: missing, not a video, or not one frame can be decoded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        start: float = 0.0,
        fps: float = FPS,
        threads: int = 0,
        track: int = 0,
    ) -> None:
        self.path = Path(path)
        self.track = track
        self.start = start
        self.fps = fps
        self.threads = threads
        self.info: MediaInfo = probe(self.path)
        if self.info.kind != "video":
            raise UnreadableError(f"{self.path}: is a {self.info.kind}, a video was needed")
        self.size = (self.info.width, self.info.height)
        if track:
            with opened(self.path) as container:
                other, _ = tracks(container, track)
                if other is None:
                    raise UnreadableError(f"{self.path}: holds no video number {track + 1}")
                self.size = upright_size(container, other, self.path)
        self.broken: str | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        """Frame k is the one a player shows at start + k / fps."""
        self.broken = None
        shown: av.VideoFrame | None = None
        for frame in paced(self._timed(), self.fps, str(self.path)):
            if frame is not shown:  # what is not shown at this rate is not brought to RGB
                try:
                    with guarded(self.path, "the video cannot be decoded"):
                        picture = self._picture(frame)
                except UnreadableError as error:
                    if shown is None:
                        raise
                    self.broken = reason(error.__cause__ or error)
                    return
                shown = frame
            yield picture

    def _timed(self) -> Iterator[tuple[float, av.VideoFrame]]:
        """(seconds after `start` at which it appears, frame); the first at zero, the last again where it ends."""
        origin: float | None = None
        previous = -1.0
        with opened(self.path) as container:
            video, _ = tracks(container, self.track)
            if video is None:
                raise UnreadableError(f"{self.path}: holds no video")
            video.thread_type = "AUTO"
            video.codec_context.thread_count = self.threads
            step = 1.0 / float(video.average_rate or video.guessed_rate or FPS)
            base = video.time_base or Fraction(1, 90_000)
            first = float((video.start_time or 0) * base)
            try:
                if self.start > 0:
                    with guarded(self.path, "no other place in it can be found"):
                        container.seek(int((first + self.start) / base), stream=video)
                    origin = first + self.start
                for frame in each(container.decode(video), self.path):
                    stamp = frame.time if frame.time is not None else (origin or 0.0) + previous + step
                    if origin is None:
                        origin = stamp
                    seconds = stamp - origin
                    if seconds <= previous or seconds + step <= 0.0:  # out of order, or before the start
                        continue
                    previous = max(0.0, seconds)
                    yield previous, frame
            except UnreadableError as error:
                self.broken = reason(error.__cause__ or error)
                log.warning("%s: video breaks off (%s); using what came before", self.path, self.broken)
                if previous < 0:
                    raise UnreadableError(f"{self.path}: the video cannot be decoded ({self.broken})") from error
        if previous < 0:
            raise UnreadableError(f"{self.path}: no frame after {self.start:g} s")
        yield previous + step, frame

    def _picture(self, frame: av.VideoFrame) -> np.ndarray:
        turned = frame.rotation % 180 != 0
        width, height = self.size[::-1] if turned else self.size
        rgb = frame_rgb(frame)
        if rgb.shape[:2] != (height, width):
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        return _upright(rgb, frame)


def keyframes(
    path: str | os.PathLike[str], times: Sequence[float], *, track: int = 0
) -> Iterator[tuple[float, np.ndarray]]:
    """(seconds from the beginning, uint8 RGB (H, W, 3)) of the frames at which a decoder can begin, nearest before each
    of `times`, each once. They are coded by themselves, so they cost one decoded frame each and are the clearest.

    Raises:
        UnreadableError: the file cannot be opened. Places that cannot be found or decoded are passed over.
    """
    reader = VideoReader(path, track=track)
    with opened(reader.path) as container:
        video, _ = tracks(container, track)
        if video is None or video.time_base is None:
            return
        first = float((video.start_time or 0) * video.time_base)
        seen: set[float] = set()
        for seconds in times:
            try:
                with guarded(reader.path):
                    container.seek(int((first + seconds) / video.time_base), stream=video)
                    frame = next(container.decode(video))
                    at = (frame.time if frame.time is not None else seconds) - first
                    if at in seen:
                        continue
                    seen.add(at)
                    picture = reader._picture(frame)
            except UnreadableError:
                continue
            yield at, picture


class LiveReader:
    """Iterate the frames of a video while it comes, uint8 RGB (H, W, 3) of one size, 25 a second by timestamps. Clocks
    that jump, as where a sender starts anew, are set again: nothing is waited for, nothing shown twice for it.

    Args:
        source: an open binary stream (a pipe, standard input), or a name that ffmpeg opens: a named pipe, `rtsp://...`,
            `tcp://...`. It is read once, in order.
        patience: seconds that nothing may come before a source with a name counts as ended.

    Attributes:
        broken: why it ended early, or None. Set while iterating.
    """

    def __init__(self, source: BinaryIO | str, *, patience: float = 30.0) -> None:
        self.source, self.patience = source, patience
        self.name = source if isinstance(source, str) else "standard input"
        self.broken: str | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        """Raises UnreadableError: it cannot be opened, holds no video, or not one frame can be decoded."""
        yield from paced(self._timed(), FPS, self.name)

    def _timed(self) -> Iterator[tuple[float, np.ndarray]]:
        now, last, step, size, picture = 0.0, 0.0, 1 / FPS, None, None
        try:
            options = {} if isinstance(self.source, str) else dict(CLOSED)  # who names an address means it
            with av.open(
                self.source, metadata_errors="ignore", timeout=(self.patience, self.patience), options=options
            ) as container:
                assert isinstance(container, av.container.InputContainer)
                video, _ = tracks(container)
                if video is None:
                    raise UnreadableError(f"{self.name}: holds no video")
                video.thread_type = "SLICE"  # frame threads would hold frames back
                for frame in container.decode(video):
                    stamp = last + step if frame.time is None else frame.time
                    passed = stamp - last if picture is not None else 0.0
                    now += passed if 0 <= passed <= JUMP else step
                    last = stamp
                    picture = _upright(frame_rgb(frame), frame)
                    size = size or picture.shape[1::-1]
                    if picture.shape[1::-1] != size:
                        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
                    yield now, picture
        except UnreadableError:
            raise
        except Exception as error:  # of PyAV, see `media.guard`
            self.broken = reason(error)
            if picture is None:
                raise UnreadableError(f"{self.name}: no video comes ({self.broken})") from error
        if picture is None:
            raise UnreadableError(f"{self.name}: no frame came")
        yield now + step, picture


def paced(timed: Iterator[tuple[float, T]], fps: float, name: str) -> Iterator[T]:
    """(seconds at which it appears, frame) in order, the last again where it ends -> `fps` frames a second: frame k is
    the one a player shows at k / fps.

    Raises:
        UnreadableError: nothing is to be shown for `LONGEST_HOLD`.
    """
    shown: T | None = None
    k = 0
    for seconds, frame in timed:
        if seconds - k / fps > LONGEST_HOLD:
            raise UnreadableError(f"{name}: timestamps jump by {seconds - k / fps:.0f} s; re-encode the file")
        while shown is not None and k / fps < seconds - JITTER / fps:
            yield shown
            k += 1
        shown = frame
    if k == 0 and shown is not None:  # over before the first moment: shown all the same
        yield shown


def _upright(picture: np.ndarray, frame: av.VideoFrame) -> np.ndarray:
    quarter_turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, quarter_turns)) if quarter_turns else picture


def frame_rgb(frame: av.VideoFrame) -> np.ndarray:
    """Decoded frame of any pixel format -> uint8 RGB (H, W, 3), not yet turned."""
    names_none = frame.colorspace == UNSPECIFIED
    matrix = (Colorspace.ITU709 if frame.height >= 720 else Colorspace.ITU601) if names_none else None
    if any(component.is_alpha for component in frame.format.components):
        return over_grey(frame.to_ndarray(format="rgba", src_colorspace=matrix))
    return frame.to_ndarray(format="rgb24", src_colorspace=matrix)
