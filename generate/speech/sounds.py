"""What happens to speech between a mouth and a file: rooms, noise, telephones, levels. Training hears all of it."""

import numpy as np
from scipy.signal import fftconvolve

from media.units import SAMPLE_RATE


def resampled(sound: np.ndarray, speed: float) -> np.ndarray:
    """Played `speed` times as fast, pitch and formants with it (linear interpolation)."""
    positions = np.arange(int(len(sound) / speed)) * speed
    faster: np.ndarray = np.interp(positions, np.arange(len(sound)), sound)
    return faster


def room(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A synthetic room: noise that dies away over 0.1 to 0.7 s behind the direct sound (Moorer 1979)."""
    reverberation, level = rng.uniform(0.1, 0.7), rng.uniform(0.05, 0.5)
    length = int(reverberation * SAMPLE_RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail[: int(rng.uniform(0.002, 0.01) * SAMPLE_RATE)] = 0
    tail *= level / (np.sqrt((tail**2).sum()) + 1e-9)
    tail[0] = 1.0
    heard: np.ndarray = fftconvolve(sound, tail)[: len(sound)]
    return heard


def noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Unit-power noise whose spectrum falls by 0 to 6 dB an octave, in some cases with mains hum."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE), 20.0)
    sound = np.fft.irfft(spectrum * frequency ** -rng.uniform(0, 1), length)
    sound /= sound.std() + 1e-9
    if rng.random() < 0.2:
        time = np.arange(length) / SAMPLE_RATE
        base = rng.choice([50.0, 60.0])
        sound = sound + rng.uniform(0.3, 1.5) * sum(np.sin(2 * np.pi * base * k * time) / k for k in (1, 2, 3))
    even: np.ndarray = sound / (sound.std() + 1e-9)
    return even


def band(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    """Only what lies between two frequencies in hertz, with soft edges of about a sixth of an octave."""
    spectrum = np.fft.rfft(sound)
    frequency = np.maximum(np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE), 1.0)
    gain = 1 / np.sqrt((1 + (frequency / high) ** 24) * (1 + (low / frequency) ** 12))
    return np.fft.irfft(spectrum * gain, len(sound))


def companded(sound: np.ndarray) -> np.ndarray:
    """Eight-bit mu-law, as on a telephone line (ITU-T G.711)."""
    peak = np.abs(sound).max() + 1e-9
    folded = np.sign(sound) * np.log1p(255 * np.abs(sound) / peak) / np.log(256)
    folded = np.round(folded * 127) / 127
    unfolded: np.ndarray = np.sign(folded) * np.expm1(np.abs(folded) * np.log(256)) / 255 * peak
    return unfolded


def spoiled(sound: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Speech as a bad or a good microphone may hear it. `other` (any length) babbles behind it now and then."""
    level = np.sqrt((sound**2).mean()) + 1e-9
    if rng.random() < 0.35:
        sound = room(sound, rng)
    if rng.random() < 0.65:
        sound = sound + noise(len(sound), rng) * level * 10 ** (-rng.uniform(3, 40) / 20)
    if len(other) and rng.random() < 0.1:
        behind = np.resize(other, len(sound))
        sound = sound + behind * (level / (behind.std() + 1e-9)) * 10 ** (-rng.uniform(12, 30) / 20)
    kind = rng.random()
    if kind < 0.12:
        sound = companded(band(sound, 300, 3400)) if rng.random() < 0.5 else band(sound, 300, 3400)
    elif kind < 0.35:
        sound = band(sound, rng.uniform(30, 200), rng.uniform(3800, 7500))
    gain = 10 ** (rng.uniform(-38, -14) / 20) / (np.sqrt((sound**2).mean()) + 1e-9)
    heard: np.ndarray = np.clip(sound * gain, -1, 1)
    return heard
