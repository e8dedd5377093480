"""How messages and keys are written down."""

import hashlib

from provenance.marks.code import SOUND

PICTURE_ALGORITHM = "io.vasari.mark.picture.1"  # as C2PA's soft bindings name the marks
SOUND_ALGORITHM = "io.vasari.mark.sound.1"
SOUND_BITS_MASK = (1 << SOUND.payload_bits) - 1


def sound_message(message: int) -> int:
    """The part of a clip's 64-bit message that its sound carries: the lowest 24 bits."""
    return message & SOUND_BITS_MASK


def mark_hex(message: int) -> str:
    """A 64-bit message as 16 hexadecimal digits."""
    return f"{message:016x}"


def sound_mark_hex(message: int) -> str:
    """The part of a message that the sound carries, as 6 hexadecimal digits."""
    return f"{sound_message(message):06x}"


def key_id(key: bytes) -> str:
    """Names a watermark key without giving it away: says which key a mark needs."""
    return hashlib.sha256(b"vasari/key-id" + key).hexdigest()[:16]
