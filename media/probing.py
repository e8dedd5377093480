"""What is in a file, without decoding more than its first frame."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
from PIL import Image

from media.containers import opened
from media.errors import NotLookedAtError, UnreadableError
from media.guard import guarded
from media.kinds import NOT_READ, kind_of
from media.pictures import check_file, open_picture


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
    video_tracks: int = 0  # that a player may show; album art and thumbnails are none
    sound_tracks: int = 0


def probe(path: str | os.PathLike[str]) -> MediaInfo:
    """Tell kind, size, rate and duration of a picture, video or sound file.

    Raises:
        NotLookedAtError: of a kind that is known and not looked at.
        UnreadableError: missing, empty, or none of the three.
    """
    path = Path(path)
    check_file(path)
    refused = NOT_READ.get(kind_of(path))
    if refused:
        raise NotLookedAtError(f"{path}: {refused}")
    still = _picture(path)
    if still is not None:
        return still
    with opened(path) as container:
        videos, sounds = all_tracks(container)
        if not videos and not sounds:
            raise UnreadableError(f"{path}: holds neither sound nor video that could be decoded")
        video, sound = videos[0] if videos else None, sounds[0] if sounds else None
        width, height = upright_size(container, video, path) if video else (0, 0)
        with guarded(path):
            return MediaInfo(
                kind="video" if video else "sound",
                width=width,
                height=height,
                fps=float(video.average_rate or video.guessed_rate or 0) if video else 0.0,
                duration=duration(container, *(track for track in (video, sound) if track is not None)),
                has_sound=sound is not None,
                sample_rate=sound.codec_context.sample_rate if sound else 0,
                video_codec=video.codec_context.name if video else "",
                sound_codec=sound.codec_context.name if sound else "",
                video_tracks=len(videos),
                sound_tracks=len(sounds),
            )


def tracks(
    container: av.container.InputContainer, video: int = 0, sound: int = 0
) -> tuple[av.VideoStream | None, av.AudioStream | None]:
    """The video and the sound that a player would choose, or others by their numbers in `all_tracks`; None where there
    are not so many."""
    videos, sounds = all_tracks(container)
    return videos[video] if video < len(videos) else None, sounds[sound] if sound < len(sounds) else None


def all_tracks(container: av.container.InputContainer) -> tuple[list[av.VideoStream], list[av.AudioStream]]:
    """Every track that a player may choose: those that the file marks as its default first, as players do. Streams that
    no decoder is known for have no context."""
    pictures = [s for s in container.streams.video if s.codec_context is not None and not is_cover(s)]
    sounds = [s for s in container.streams.audio if s.codec_context is not None]
    return sorted(pictures, key=_later), sorted(sounds, key=_later)


def _later(stream: av.stream.Stream) -> bool:
    return not stream.disposition & av.stream.Disposition.default


def is_cover(stream: av.VideoStream) -> bool:
    """A still picture inside a sound file (album art) is not a video."""
    still = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    return bool(stream.disposition & still)


def duration(container: av.container.InputContainer, *streams: av.stream.Stream) -> float:
    """Seconds, of the first of these streams; 0.0 where the file does not tell."""
    for stream in streams[:1]:
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
    return (container.duration or 0) / 1_000_000  # AV_TIME_BASE


def upright_size(container: av.container.InputContainer, video: av.VideoStream, path: Path) -> tuple[int, int]:
    """(width, height) after the rotation tag and the pixel aspect ratio, read from the first frame."""
    with guarded(path, "no picture of the video can be decoded"):
        return square_size(next(container.decode(video)), video)


def square_size(frame: av.VideoFrame, video: av.VideoStream) -> tuple[int, int]:
    """(width, height) of a decoded frame once its pixels are square and it is upright."""
    aspect = video.sample_aspect_ratio
    width = frame.width if not aspect else max(1, round(frame.width * float(aspect)))
    return (frame.height, width) if frame.rotation % 180 else (width, frame.height)


def _picture(path: Path) -> MediaInfo | None:
    """None where Pillow does not know it for a still picture, or cannot even tell its size."""
    try:
        with guarded(path), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with open_picture(path) as picture:
                if getattr(picture, "n_frames", 1) > 1 and picture.format in ("GIF", "WEBP", "PNG", "AVIF"):
                    return None  # an animation: a video
                turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                width, height = picture.size[::-1] if turned else picture.size
                return MediaInfo("picture", width, height, 0.0, 0.0, False, 0, (picture.format or "").lower(), "")
    except UnreadableError as error:
        if isinstance(error.__cause__, Image.DecompressionBombError):
            raise UnreadableError(f"{path}: the picture claims far too many pixels; scale it down") from error
        return None
