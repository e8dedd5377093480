"""Small live streams of toy pictures, signed by whom one likes."""

from functools import cache

from making import clip, voice

from benchmarks.streams import signed
from media.encode import LiveEncoder
from media.units import SAMPLES_PER_FRAME
from provenance import Keys

SECONDS = 5


@cache
def coded(seed: int = 0) -> list[tuple[bytes, str]]:
    """What a `LiveEncoder` gives: five seconds of 64 x 64 pixels with sound."""
    given: list[tuple[bytes, str]] = []
    coder = LiveEncoder(lambda data, kind: given.append((data, kind)), (64, 64), preset="ultrafast")
    sound = voice(SECONDS, seed)
    for number, frame in enumerate(clip(seed, 25 * SECONDS, 64)):
        coder.write(frame)
        coder.write_sound(sound[number * SAMPLES_PER_FRAME : (number + 1) * SAMPLES_PER_FRAME])
    coder.close()
    return given


def segments(seed: int = 0) -> list[bytes]:
    """The same in seconds, without credentials: the head, then media."""
    (head, _), *rest = coded(seed)
    parts, frames = [head, b""], 0
    for data, kind in rest:
        if kind == "key" and frames:
            parts.append(b"")
        parts[-1] += data
        frames += kind != "sound"
    return parts


def sent(keys: Keys, seed: int = 0, **how) -> list[bytes]:
    """With credentials."""
    return signed(segments(seed), keys.signer, **how)
