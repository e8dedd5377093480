"""Invisible, inaudible, keyed marks: one 64-bit message in the pictures, 24 bits of it in the sound.

picture   `PictureMarker(message, key).mark(frame)`, `PictureReader(key)`: learned strength and reader, keyed chips
sound     `SoundMarker(message, key).mark(chunks)`, `SoundReader(key)`: keyed spread spectrum under speech
code      keyed tag and convolutional code that both share
training  the recipe of the learned parts, `vasari train watermark`
attacks   H.264, JPEG, scaling and retouching, for training and for measuring
"""

import hashlib

from provenance.watermark.picture import MarkReading, PictureMarker, PictureReader
from provenance.watermark.sound import SoundMarker, SoundReader, SoundReading, sound_message

__all__ = [
    "MarkReading",
    "PictureMarker",
    "PictureReader",
    "SoundMarker",
    "SoundReader",
    "SoundReading",
    "key_id",
    "mark_hex",
    "sound_mark_hex",
    "sound_message",
]


def mark_hex(message: int) -> str:
    """A 64-bit message as 16 hexadecimal digits."""
    return f"{message:016x}"


def sound_mark_hex(message: int) -> str:
    """The part of a message that the sound carries, as 6 hexadecimal digits."""
    return f"{sound_message(message):06x}"


def key_id(key: bytes) -> str:
    """Names a watermark key without giving it away: says which key a mark needs."""
    return hashlib.sha256(b"vasari/key-id" + key).hexdigest()[:16]
