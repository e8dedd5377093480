"""Video out: H.264 and AAC in mp4. Only the save path of `provenance` may import this; the lint holds it to that."""

import errno
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace

from media.errors import OutputError
from media.units import FPS, SAMPLE_RATE

BT709 = 1  # primaries, transfer and matrix, written into the stream so that every player shows the same colours


class Encoder:
    """Write frames and sound to an mp4 that starts playing before it is loaded whole (moov in front).

    Args:
        path: file to write, overwritten. Remove it yourself after an error.
        size: (width, height) of the frames. Odd sides get their last row or column twice, as 4:2:0 needs even ones.
        sound: whether an AAC track (mono, 16 kHz) is written.
        crf: x264 quality, 0 to 51, lower is better.
        preset: x264 speed. "veryfast" takes about 3 ms a 512x512 frame on two cores.
        threads: encoder threads.
        sound_kbps: AAC bit rate.

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
        self.size = size
        self.frames = 0  # written
        self.samples = 0  # written
        width, height = size
        self._pad = (height % 2, width % 2)
        try:
            self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{path}: cannot be written ({_why(error)})") from error
        self._video = self._container.add_stream("libx264", rate=FPS)
        self._video.width, self._video.height = width + self._pad[1], height + self._pad[0]
        self._video.pix_fmt = "yuv420p"
        self._video.options = {"crf": str(crf), "preset": preset, "g": str(2 * FPS), "threads": str(threads)}
        context = self._video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = 1  # limited
        self._sound = None
        if sound:
            self._sound = self._container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
            self._sound.bit_rate = sound_kbps * 1000
        try:
            self._container.start_encoding()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{path}: cannot be written ({_why(error)})") from error

    def write(self, frame: np.ndarray) -> None:
        """Append one frame, uint8 RGB (H, W, 3) of the size given at the start."""
        if frame.dtype != np.uint8 or frame.shape != (self.size[1], self.size[0], 3):
            raise ValueError(
                f"frame is {frame.dtype} {frame.shape}; uint8 {(self.size[1], self.size[0], 3)} was needed"
            )
        if any(self._pad):
            frame = cv2.copyMakeBorder(frame, 0, self._pad[0], 0, self._pad[1], cv2.BORDER_REPLICATE)
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
        picture.pts, picture.time_base = self.frames, Fraction(1, FPS)
        self.frames += 1
        self._mux(self._video, picture)

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
        self._mux(self._sound, sound)

    def close(self) -> None:
        """Flush the encoders and write the index."""
        self._mux(self._video, None)
        if self._sound is not None:
            self._mux(self._sound, None)
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.path}: could not be finished ({_why(error)})") from error

    def __enter__(self) -> "Encoder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the file after an error; what is in it is worthless and the caller removes it."""
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError, ValueError):
            return

    def _mux(self, stream: Any, frame: Any) -> None:
        try:
            for packet in stream.encode(frame):
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.path}: could not be written ({_why(error)})") from error


def _why(error: BaseException) -> str:
    number = getattr(error, "errno", None)
    return "the disk is full" if number == errno.ENOSPC else (getattr(error, "strerror", None) or str(error)).lower()
