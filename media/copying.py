"""Media of others out: pictures and sound at their own times, size, rates and channels, coded again. As of
`media.encode`, only the save path of `provenance` may import this; the lint holds it to that.

Copier     mp4, mov or mkv with H.264 (HEVC of 10 bits for HDR) and AAC, webm with VP9 and Opus; wav, mp3, m4a, flac,
           Opus in ogg
"""

import os
from fractions import Fraction
from typing import Any

import av
import numpy as np

from media.encode import Sink
from media.errors import OutputError, UsageError
from media.originals import Original, Picture, Sound

CONTAINERS = {
    ".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm",
    ".wav": "wav", ".mp3": "mp3", ".m4a": "ipod", ".flac": "flac", ".ogg": "ogg", ".opus": "opus",
}  # fmt: skip
CODERS = {
    ".wav": "pcm", ".mp3": "libmp3lame", ".flac": "flac", ".ogg": "libopus", ".opus": "libopus", ".webm": "libopus",
}  # fmt: skip
"""Of sound; AAC in all others."""
VP9 = {"b:v": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
VP9_CRF = 1.25, 4  # of x264's, and more: what looks alike
PCM = {"float": "pcm_f32le", "24": "pcm_s24le"}  # what is stored without loss stays so; 16 bits else
# Bits a second and channel: least, most. Of 3 s of wide stereo marked, this AAC kept the mark from 96,000 on; at 64,000
# it lost it at times.
AAC_BITS = (96_000, 160_000)
MP3_BITS = (192_000, 320_000)  # a second
MP3_CHANNELS = 2
LIMITED = 1  # colour range


class Copier(Sink):
    """Writes a copy of an `Original`.

    Args:
        path: file to write, overwritten. Remove it yourself after an error.
        suffix: that says its type, of `CONTAINERS`.
        original: what it is a copy of.
        crf: quality of x264 (x265 for HDR), 0 to 51, lower is better.
        preset: speed of the same.
        threads: of the encoder; 0 lets it choose.

    Attributes:
        frames: written.
        samples: written, of each channel.
        notes: what the copy's sound does not keep, in words.

    Raises:
        UsageError: a type that cannot hold the original's channels.
        OutputError: the file cannot be written or the disk is full.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        suffix: str,
        original: Original,
        *,
        crf: int = 18,
        preset: str = "fast",
        threads: int = 0,
    ) -> None:
        self._of = original
        self.frames = self.samples = 0
        self.notes: list[str] = []
        self._start: int | None = None  # of the sound, samples
        try:
            fast = {"movflags": "+faststart"} if suffix in (".mp4", ".mov", ".m4a") else {}
            container = av.open(str(path), "w", format=CONTAINERS[suffix], options=fast)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{path}: cannot be written ({getattr(error, 'strerror', error)})") from error
        super().__init__(container, str(path))
        container.metadata.update(original.tags)
        self._video = self._add_video(suffix, crf, preset, threads) if original.has_pictures else None
        self._sound = self._add_sound(suffix) if original.sound_rate else None
        self.start()

    def write(self, picture: Picture) -> None:
        """The next picture, with planes of `Original.size`."""
        frame = av.VideoFrame(*self._of.size, self._of.pixels)
        for plane, pixels in zip(frame.planes, picture.planes, strict=True):
            width = plane.line_size // pixels.itemsize
            rows = np.frombuffer(memoryview(plane), pixels.dtype).reshape(plane.height, width)
            rows[:, : plane.width] = pixels
        base = self._of.time_base
        frame.pts, frame.time_base = round(Fraction(picture.seconds) / base), base
        if picture.length:
            frame.duration = round(Fraction(picture.length) / base)
        self.frames += 1
        self._code(self._video, frame)

    def write_sound(self, sound: Sound) -> None:
        """The next piece of sound; when it begins is asked of the first alone."""
        rate = self._of.sound_rate
        if self._start is None:
            self._start = round(sound.seconds * rate)
        packed = np.ascontiguousarray(np.clip(sound.samples, -1.0, 1.0), np.float32).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=self._of.layout)
        frame.sample_rate = rate
        frame.pts, frame.time_base = self._start + self.samples, Fraction(1, rate)
        self.samples += len(sound.samples)
        self._code(self._sound, frame)

    def _add_video(self, suffix: str, crf: int, preset: str, threads: int) -> Any:
        deep, name = self._of.deep, "libx264"
        options = {"crf": str(crf), "preset": preset, "threads": str(threads)}
        if suffix == ".webm":
            name, (times, more) = "libvpx-vp9", VP9_CRF
            options = VP9 | {"crf": str(min(63, round(times * crf + more))), "threads": str(threads)}
        elif deep:
            name, options["x265-params"] = "libx265", "log-level=error"
        stream = self._container.add_stream(name, rate=self._of.fps, options=options)
        stream.width, stream.height = self._of.size
        stream.pix_fmt = self._of.pixels
        context = stream.codec_context
        context.time_base = self._of.time_base
        context.sample_aspect_ratio = self._of.aspect
        context.color_primaries, context.color_trc, context.colorspace = self._of.colour
        context.color_range = LIMITED
        if name == "libx265" and suffix != ".mkv":
            context.codec_tag = "hvc1"  # the name by which players that are picky know HEVC
        self._streams.append(stream)
        return stream

    def _add_sound(self, suffix: str) -> Any:
        channels, given = av.AudioLayout(self._of.layout).nb_channels, self._of.sound_bits
        name = CODERS.get(suffix, "aac")
        if name == "pcm":
            name = PCM.get(self._of.sound_kind, "pcm_s16le")
        elif name == "libmp3lame" and channels > MP3_CHANNELS:
            self.abandon()
            raise UsageError(f"{self._name}: mp3 holds two channels at most, not {channels}; choose .m4a or .wav")
        rate = _nearest(self._of.sound_rate, av.codec.Codec(name, "w").audio_rates)
        if rate != self._of.sound_rate:
            self.notes.append(f"sound of {self._of.sound_rate} Hz became {rate} Hz")
        stream = self._container.add_stream(name, rate=rate, layout=self._of.layout)
        if name == "aac":
            lossy = given if self._of.sound_kind == "coded" else 0
            stream.bit_rate = min(max(lossy, AAC_BITS[0] * channels), AAC_BITS[1] * channels)
        elif name == "libopus":
            stream.bit_rate = AAC_BITS[1] * channels
        elif name == "libmp3lame":
            stream.bit_rate = min(max(given, MP3_BITS[0]), MP3_BITS[1])
        self._streams.append(stream)
        return stream


def _nearest(rate: int, able: list[int] | None) -> int:
    """The rate itself where the coder takes it, else the next higher, else its highest."""
    if not able or rate in able:
        return rate
    return min((other for other in able if other > rate), default=max(able))
