"""What is in a file, without decoding more than its first frame."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
from PIL import Image

from media.containers import opened, reason
from media.errors import UnreadableError
from media.pictures import check_file

STILL_CODECS = {"mjpeg", "png", "webp", "tiff", "bmp", "jpeg2000", "jpegxl", "gif", "targa", "psd"}


@dataclass(frozen=True)
class MediaInfo:
    """What `probe` found. Sizes are of the upright picture."""

    kind: Literal["picture", "video", "sound"]
    width: int  # pixels, 0 for sound
    height: int  # pixels, 0 for sound
    fps: float  # average frames a second as the file tells, 0 when it has no video
    duration: float  # seconds, 0 for pictures and where the file does not tell
    has_sound: bool
    sample_rate: int  # of the sound as stored, Hz, 0 without sound
    video_codec: str  # "" without video
    sound_codec: str  # "" without sound


def probe(path: str | os.PathLike[str]) -> MediaInfo:
    """Tell kind, size, rate and duration of a picture, video or sound file.

    Raises:
        UnreadableError: missing, empty, or none of the three.
    """
    path = Path(path)
    check_file(path)
    still = _picture(path)
    if still is not None:
        return still
    with opened(path) as container:
        video, sound = tracks(container)
        if sound is None and video is None:
            raise UnreadableError(f"{path}: holds neither sound nor video that could be decoded")
        width, height = upright_size(container, video, path) if video else (0, 0)
        return MediaInfo(
            kind="video" if video else "sound",
            width=width,
            height=height,
            fps=float(video.average_rate or video.guessed_rate or 0) if video else 0.0,
            duration=duration(container, video or sound),
            has_sound=sound is not None,
            sample_rate=sound.codec_context.sample_rate if sound else 0,
            video_codec=video.codec_context.name if video else "",
            sound_codec=sound.codec_context.name if sound else "",
        )


def tracks(
    container: av.container.InputContainer,
) -> tuple[av.VideoStream | None, av.AudioStream | None]:
    """The video and the sound that a player would choose. Streams that no decoder is known for have no context."""
    pictures = (s for s in container.streams.video if s.codec_context is not None and not is_cover(s))
    sounds = (s for s in container.streams.audio if s.codec_context is not None)
    return next(pictures, None), next(sounds, None)


def is_cover(stream: av.VideoStream) -> bool:
    """A still picture inside a sound file (album art) is not a video."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def duration(container: av.container.InputContainer, stream: av.stream.Stream) -> float:
    """Seconds, 0.0 where the file does not tell."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1_000_000  # AV_TIME_BASE


def upright_size(container: av.container.InputContainer, video: av.VideoStream, path: Path) -> tuple[int, int]:
    """(width, height) after the rotation tag and the pixel aspect ratio, read from the first frame."""
    try:
        frame = next(container.decode(video))
    except (StopIteration, av.error.FFmpegError) as error:
        raise UnreadableError(f"{path}: no picture of the video can be decoded ({reason(error)})") from error
    return square_size(frame, video)


def square_size(frame: av.VideoFrame, video: av.VideoStream) -> tuple[int, int]:
    """(width, height) of a decoded frame once its pixels are square and it is upright."""
    aspect = video.sample_aspect_ratio
    width = frame.width if not aspect else max(1, round(frame.width * float(aspect)))
    return (frame.height, width) if frame.rotation % 180 else (width, frame.height)


def _picture(path: Path) -> MediaInfo | None:
    try:
        with Image.open(path) as picture:
            if getattr(picture, "n_frames", 1) > 1 and picture.format in ("GIF", "WEBP", "PNG", "AVIF"):
                return None  # an animation: a video
            turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            width, height = picture.size[::-1] if turned else picture.size
            return MediaInfo("picture", width, height, 0.0, 0.0, False, 0, (picture.format or "").lower(), "")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
