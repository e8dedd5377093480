"""A voice taken apart into pitch, spectrum and noise, and put together otherwise: the WORLD vocoder.

Morise, Yokomori and Ozawa (2016), "WORLD: a vocoder-based high-quality speech synthesis system for real-time
applications". Needed only to make speech to train on.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

import numpy as np

from media.errors import MissingExtraError
from media.units import SAMPLE_RATE

PERIOD = 0.005  # seconds a frame
QUIETEST = 1e-12  # power under which a spectrum is empty
INSTALL = "pip install pyworld-prebuilt"


@dataclass(frozen=True)
class Voicing:
    """A voice in n frames of `PERIOD` seconds."""

    pitch: np.ndarray  # (n,) hertz, 0 where there is no tone
    power: np.ndarray  # (n, bins) spectral envelope
    noise: np.ndarray  # (n, bins) share of noise in it, in [0, 1]

    @classmethod
    def of(cls, speech: np.ndarray) -> "Voicing":
        """Take speech (N,) at 16 kHz apart: pitch by DIO and StoneMask, envelope by CheapTrick, noise by D4C.

        Raises:
            MissingExtraError: WORLD is not installed.
        """
        world, sound = _world(), np.ascontiguousarray(speech, np.float64)
        pitch, times = world.dio(sound, SAMPLE_RATE, f0_floor=65.0, f0_ceil=600.0, frame_period=1000 * PERIOD)
        pitch = world.stonemask(sound, pitch, times, SAMPLE_RATE)
        power = world.cheaptrick(sound, pitch, times, SAMPLE_RATE)
        return cls(pitch, power, world.d4c(sound, pitch, times, SAMPLE_RATE))

    def __len__(self) -> int:
        return len(self.pitch)

    @property
    def usual_pitch(self) -> float:
        """Median pitch in hertz; NaN for a voice without any tone."""
        toned = self.pitch[self.pitch > 0]
        return float(np.median(toned)) if len(toned) else float("nan")

    @property
    def loud(self) -> np.ndarray:
        """(n,) bool: frames within 20 dB of the loudest ones."""
        level = 10 * np.log10(self.power.sum(1) + QUIETEST)
        return level > np.percentile(level, 95) - 20

    def at(self, times: np.ndarray) -> "Voicing":
        """The voice as it is at `times` (m,) seconds, in any order: spectra are interpolated in decibels."""
        place = np.clip(times / PERIOD, 0, len(self) - 1)
        low = np.minimum(place.astype(int), max(len(self) - 2, 0))
        high, share = np.minimum(low + 1, len(self) - 1), (place - low)[:, None]
        level = np.log(self.power + QUIETEST)
        power = np.exp((1 - share) * level[low] + share * level[high])
        noise = (1 - share) * self.noise[low] + share * self.noise[high]
        return Voicing(self.pitch[np.round(place).astype(int)], power, noise)

    def sound(self) -> np.ndarray:
        """Put together: (n * PERIOD * 16000,) float64, not yet bounded."""
        parts = (np.ascontiguousarray(p, np.float64) for p in (self.pitch, self.power, np.clip(self.noise, 0, 1)))
        sound = _world().synthesize(*parts, SAMPLE_RATE, 1000 * PERIOD)
        wanted = round(len(self) * PERIOD * SAMPLE_RATE)
        return np.pad(sound, (0, max(0, wanted - len(sound))))[:wanted]


def tilt(bins: int, decibels: float, knee: float = 800.0) -> np.ndarray:
    """Gain of power (bins,) that rises by `decibels` an octave above `knee` hertz."""
    hertz = np.linspace(0, SAMPLE_RATE / 2, bins)
    return 10 ** (decibels / 10 * np.log2(np.maximum(hertz / knee, 1)))


def levelled(sound: np.ndarray, like: np.ndarray, decibels: float = 0.0) -> np.ndarray:
    """`sound` as loud as `like` where either is loud, plus `decibels`, never beyond full scale; float32."""

    def level(x: np.ndarray) -> float:
        return float(np.sqrt(np.mean(np.sort(x.astype(np.float64) ** 2)[len(x) // 2 :]))) + 1e-9

    gain = level(like) / level(sound) * 10 ** (decibels / 20)
    return (sound * min(gain, 0.95 / (np.abs(sound).max() + 1e-9))).astype(np.float32)


def installed() -> bool:
    """Is the vocoder there?"""
    return find_spec("pyworld") is not None


def _world() -> ModuleType:
    try:
        import pyworld
    except ImportError as error:
        raise MissingExtraError(f"the WORLD vocoder is not installed; {INSTALL}") from error
    return pyworld
