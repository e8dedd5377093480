"""Video out: H.264 and AAC in mp4. Only the save path of `provenance` may import this; the lint holds it to that.

Sink           what is written to, and its errors; `media.copying` has one for media of others
Encoder        a whole file that starts playing before it is loaded
LiveEncoder    fragments that can be played while they come, and `settle`, which makes a whole file of them
"""

import errno
import io
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import av
import cv2
import numpy as np

from media.errors import OutputError
from media.fragments import Sample, fragment, with_lengths
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from media.yuv import to_yuv420

BT709 = 1  # primaries, transfer and matrix, written into the stream so that every player shows the same colours
PRIMING = 1024  # samples of sound that AAC puts before the first
# Every frame leaves at once; who comes late waits a second.
LIVE_OPTIONS = {"tune": "zerolatency", "g": str(FPS), "forced-idr": "1"}
EARLY = FPS // 2  # frames of the first segment: its signature need not wait for a whole second


class Sink:
    """A container that is being written, and its errors in words.

    Args:
        container: opened for writing.
        name: of the output, for errors.
    """

    def __init__(self, container: Any, name: str) -> None:
        self._container, self._name = container, name
        self._streams: list[Any] = []  # to be flushed at the end

    def start(self) -> None:
        """Open the encoders of all streams. Raises `OutputError`."""
        try:
            self._container.start_encoding()
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise OutputError(f"{self._name}: cannot be written ({_why(error)})") from error

    def close(self) -> None:
        """Give out what the codecs still hold, and let go of the output."""
        for stream in self._streams:
            self._code(stream, None)
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self._name}: could not be finished ({_why(error)})") from error

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the output after an error; what is in it is worthless and the caller removes it."""
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError, ValueError):
            return

    def _code(self, stream: Any, frame: Any) -> None:
        try:
            for packet in stream.encode(frame):
                self._give(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self._name}: could not be written ({_why(error)})") from error

    def _give(self, packet: Any) -> None:
        self._container.mux(packet)


class _Coder(Sink):
    """Codes frames and sound; where packets go is told by the classes below.

    Args:
        container, name: as in `Sink`.
        size: (width, height) of the frames. Odd sides get their last row or column twice, as 4:2:0 needs even ones.
        sound: whether there is an AAC track (mono, 16 kHz).
        options: of x264.
        sound_kbps: AAC bit rate.
    """

    def __init__(
        self,
        container: Any,
        name: str,
        size: tuple[int, int],
        *,
        sound: bool,
        options: dict[str, str],
        sound_kbps: int,
    ) -> None:
        super().__init__(container, name)
        self.size = size
        self.frames = 0  # written
        self._keys: tuple[int, ...] = ()  # frames that need none before them, besides those that x264 chooses
        self.samples = 0  # written
        width, height = size
        self._pad = (height % 2, width % 2)
        self._video = container.add_stream("libx264", rate=FPS)
        self._video.width, self._video.height = width + self._pad[1], height + self._pad[0]
        self._video.pix_fmt = "yuv420p"
        self._video.options = options
        context = self._video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = 1  # limited
        self._streams.append(self._video)
        self._sound = None
        if sound:
            self._sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
            self._sound.bit_rate = sound_kbps * 1000
            self._streams.append(self._sound)
        self.start()

    def write(self, frame: np.ndarray) -> None:
        """Append one frame, uint8 RGB (H, W, 3) of the size given at the start."""
        if frame.dtype != np.uint8 or frame.shape != (self.size[1], self.size[0], 3):
            raise ValueError(
                f"frame is {frame.dtype} {frame.shape}; uint8 {(self.size[1], self.size[0], 3)} was needed"
            )
        if any(self._pad):
            frame = cv2.copyMakeBorder(frame, 0, self._pad[0], 0, self._pad[1], cv2.BORDER_REPLICATE)
        picture = to_yuv420(frame)
        picture.pts, picture.time_base = self.frames, Fraction(1, FPS)
        if self.frames in self._keys:
            picture.pict_type = av.video.frame.PictureType.I
        self.frames += 1
        self._code(self._video, picture)

    def write_sound(self, samples: np.ndarray) -> None:
        """Append float32 mono samples at 16 kHz, any number of them."""
        if self._sound is None:
            raise ValueError("this encoder was opened without sound")
        if not len(samples):
            return
        chunk = np.clip(np.nan_to_num(samples), -1.0, 1.0).astype(np.float32).reshape(1, -1)
        sound = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="mono")
        sound.sample_rate = SAMPLE_RATE
        sound.pts, sound.time_base = self.samples, Fraction(1, SAMPLE_RATE)
        self.samples += len(samples)
        self._code(self._sound, sound)


class Encoder(_Coder):
    """Write frames and sound to an mp4 that starts playing before it is loaded whole (moov in front).

    Args:
        path: file to write, overwritten. Remove it yourself after an error.
        size, sound, sound_kbps: as in `_Coder`.
        crf: x264 quality, 0 to 51, lower is better.
        preset: x264 speed. "veryfast" takes about 3 ms a 512x512 frame on two cores.
        threads: encoder threads.

    Raises:
        OutputError: the file cannot be written or the disk is full.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: tuple[int, int],
        *,
        sound: bool = True,
        crf: int = 20,
        preset: str = "veryfast",
        threads: int = 1,
        sound_kbps: int = 96,
    ) -> None:
        self.path = Path(path)
        try:
            container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{path}: cannot be written ({_why(error)})") from error
        options = {"crf": str(crf), "preset": preset, "g": str(2 * FPS), "threads": str(threads)}
        super().__init__(container, str(path), size, sound=sound, options=options, sound_kbps=sound_kbps)


class LiveEncoder(_Coder):
    """Code frames and sound into a fragmented mp4 that is given away piece by piece: each packet when it is coded.

    The picture is behind the sound by `PRIMING` samples, since AAC starts with as many; both play together.

    Args:
        give: takes bytes and what they are: first the "head" of the file, then whole fragments, in order, each with a
            "key" frame, another "frame", or "sound".
        comment: written into the head for who looks.
        others: as in `Encoder`.

    Raises:
        OutputError: an encoder fails. Whatever `give` raises.
    """

    def __init__(
        self,
        give: Callable[[bytes, str], None],
        size: tuple[int, int],
        *,
        sound: bool = True,
        crf: int = 20,
        preset: str = "veryfast",
        threads: int = 1,
        sound_kbps: int = 96,
        comment: str = "",
    ) -> None:
        self._pass_on, self._fragments = give, 0
        head = io.BytesIO()
        rate = {"video_track_timescale": str(SAMPLE_RATE)}  # both tracks count samples
        container = av.open(head, "w", format="mp4", options={"movflags": "+empty_moov+default_base_moof", **rate})
        container.metadata["comment"] = comment
        options = {"crf": str(crf), "preset": preset, "threads": str(threads), **LIVE_OPTIONS}
        super().__init__(container, "live output", size, sound=sound, options=options, sound_kbps=sound_kbps)
        self._keys = (EARLY,)
        give(head.getvalue(), "head")

    def _give(self, packet: Any) -> None:
        scale = packet.time_base * SAMPLE_RATE
        video = packet.stream is self._video
        data = Sample(
            track=packet.stream.index + 1,
            time=int(packet.dts * scale) + PRIMING,
            duration=SAMPLES_PER_FRAME if video else int(packet.duration * scale),
            sync=not video or packet.is_keyframe,
            data=with_lengths(bytes(packet)) if video else bytes(packet),
        )
        self._fragments += 1
        kind = "sound" if not video else "key" if packet.is_keyframe else "frame"
        self._pass_on(fragment(self._fragments, data), kind)


def settle(fragments: BinaryIO, path: str | os.PathLike[str]) -> None:
    """Make a whole mp4 (moov in front) of fragments that a `LiveEncoder` gave, without coding anything again.

    Raises:
        OutputError: the file cannot be written, the disk is full, or there is nothing in `fragments`.
    """
    try:
        with (
            av.open(fragments, "r", format="mp4") as live,
            av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as whole,
        ):
            streams = {stream.index: whole.add_stream_from_template(stream) for stream in live.streams}
            for packet in live.demux():
                if packet.dts is None or packet.pts is None:
                    continue
                shift = int(Fraction(PRIMING, SAMPLE_RATE) / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = streams[packet.stream.index]
                whole.mux(packet)
    except (av.error.FFmpegError, OSError) as error:
        raise OutputError(f"{path}: could not be finished ({_why(error)})") from error


def _why(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    return "the disk is full" if number == errno.ENOSPC else (getattr(error, "strerror", None) or str(error)).lower()
