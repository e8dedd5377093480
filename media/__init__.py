"""Pictures, sound and video, in and out. The lowest floor: it knows files and arrays, nothing of faces.

At the door every picture is uint8 RGB, height x width x 3, upright; every sound float32 mono in [-1, 1] at 16 kHz;
every video 25 frames a second.

    read_picture(path)              -> (H, W, 3) uint8. EXIF turn applied, alpha laid over mid grey, 16-bit, float,
                                       palette, grey and CMYK pictures brought to 8-bit RGB
    read_sound(path)                -> (N,) float32, any file with sound in it, raw .g722 included
    iter_sound(path, seconds=5.0)   -> chunks of (n,) float32; memory does not grow with the length of the file
    LiveReader(source)              -> the same of a video while it comes, from a pipe or an address
    VideoReader(path, start=0.0)    -> upright (H, W, 3) uint8 frames at 25 a second; `.info`, `.size`, `.broken`
    probe(path)                     -> MediaInfo: kind, width, height, fps, duration, sound, codecs
    replacing(path)                 -> context manager: write a file whole or not at all

The constants FPS, SAMPLE_RATE and SAMPLES_PER_FRAME are here too. `media.encode.Encoder` writes H.264 and AAC and is
not exported on purpose: only the save path of `provenance`, which marks and signs, may use it.

How odd input is treated
    variable frame rate     frame k is what a player would show at k/25 s; frames are held or dropped, never blended
    rotation tag            applied; odd pixel aspect ratios are made square
    alpha                   composited over mid grey (128), as in pictures
    10-bit, grey, 4:4:4     converted to 8-bit RGB with the matrix the file names (else BT.601 under 720 lines)
    size changes midway     later frames are scaled to the first frame's size
    a file broken midway    frames and sound up to the break are given and the break is logged; `.broken` tells why
    nothing decodable       `UnreadableError`; a file without the kind of stream that was asked for says so

Errors are of the tree in `media.errors`; each message is one line that names the file and what is wrong with it.
"""

from typing import TYPE_CHECKING

from media.lazy import lazily
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME

if TYPE_CHECKING:
    from media.atomic import replacing
    from media.pictures import read_picture
    from media.probing import MediaInfo, probe
    from media.sound import iter_sound, read_sound
    from media.video import LiveReader, VideoReader

__all__ = [
    "FPS",
    "SAMPLES_PER_FRAME",
    "SAMPLE_RATE",
    "LiveReader",
    "MediaInfo",
    "VideoReader",
    "iter_sound",
    "probe",
    "read_picture",
    "read_sound",
    "replacing",
]

__getattr__ = lazily(
    __name__,
    {
        "LiveReader": "video", "MediaInfo": "probing", "VideoReader": "video", "iter_sound": "sound",
        "probe": "probing", "read_picture": "pictures", "read_sound": "sound", "replacing": "atomic",
    },
)  # fmt: skip
