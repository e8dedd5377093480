"""Sound in: any file PyAV can decode becomes float32 mono 16 kHz, whole or in chunks."""

import logging
import os
from collections.abc import Iterator

import av
import numpy as np

from media.containers import opened, reason
from media.errors import SpeechError, UnreadableError
from media.units import SAMPLE_RATE

log = logging.getLogger(__name__)


def read_sound(path: str | os.PathLike[str]) -> np.ndarray:
    """Read the first sound track: float32 (N,), mono, 16 kHz, in [-1, 1].

    Raises:
        UnreadableError: missing, not a media file, or nothing in it can be decoded.
        SpeechError: a media file without sound.
    """
    return np.concatenate([np.zeros(0, np.float32), *iter_sound(path, seconds=30.0)])


def iter_sound(path: str | os.PathLike[str], seconds: float = 5.0) -> Iterator[np.ndarray]:
    """Yield the first sound track in chunks of `seconds` (the last one shorter): float32 (n,), mono, 16 kHz.

    Memory stays bounded by the chunk. A file that breaks midway gives what came before the break.

    Raises: as `read_sound`, at the first chunk.
    """
    want = max(1, round(seconds * SAMPLE_RATE))
    parts: list[np.ndarray] = []
    have = 0
    for part in _decoded(path):
        parts.append(part)
        have += len(part)
        if have >= want:
            joined = np.concatenate(parts)
            whole = len(joined) // want * want
            yield from np.split(joined[:whole], range(want, whole, want))
            parts, have = [joined[whole:]], len(joined) - whole
    if have:
        yield np.concatenate(parts)


def _decoded(path: str | os.PathLike[str]) -> Iterator[np.ndarray]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    got = False
    with opened(path) as container:
        if not container.streams.audio:
            raise SpeechError(f"{path}: holds no sound; give a recording of speech")
        try:
            for frame in container.decode(container.streams.audio[0]):
                frame.pts = None  # gaps and jumps in timestamps must not make the resampler invent silence
                for out in resampler.resample(frame):
                    got = True
                    yield _samples(out)
            for out in resampler.resample(None) if got else ():
                yield _samples(out)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            if not got:
                raise UnreadableError(f"{path}: the sound cannot be decoded ({reason(error)})") from error
            log.warning("%s: sound breaks off (%s); using what came before", path, reason(error))
    if not got:
        raise UnreadableError(f"{path}: the sound track is empty or truncated")


def _samples(frame: av.AudioFrame) -> np.ndarray:
    """Mono float frame -> float32 (n,), finite and in [-1, 1]."""
    samples = np.nan_to_num(frame.to_ndarray().reshape(-1), nan=0.0, posinf=1.0, neginf=-1.0)
    return np.clip(samples, -1.0, 1.0).astype(np.float32, copy=False)
