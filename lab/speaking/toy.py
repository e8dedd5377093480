"""A tiny set of vowel-like tones with known phones: tries the recipe without any synthesiser."""

import numpy as np

from generate.acting import CLASS_INDEX
from lab.performances.phones import Phones
from lab.performances.speechset import Clip
from lab.performances.synthesisers import Voice
from media.units import SAMPLE_RATE

# First two formants in hertz of a few vowels (Peterson and Barney 1952, men).
FORMANTS = {"i": (270, 2290), "ɛ": (530, 1840), "a": (730, 1090), "o": (570, 840), "u": (300, 870)}


def toy_clip(rng: np.random.Generator, split: str, number: int, count: int = 8) -> Clip:
    """`count` syllables of a p, f or s and a vowel, about 0.25 s each."""
    names, lengths, sounds = ["sil"], [0.1], [np.zeros(SAMPLE_RATE // 10)]
    pitch = rng.uniform(90, 220)
    for _ in range(count):
        for name in (str(rng.choice(["p", "f", "s"])), str(rng.choice(list(FORMANTS)))):
            length = rng.uniform(0.06, 0.1) if name not in FORMANTS else rng.uniform(0.12, 0.2)
            time = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
            if name in FORMANTS:
                tones = sum(np.sin(2 * np.pi * pitch * k * time) * _gain(pitch * k, name) for k in range(1, 25))
                sound = 0.3 * tones / (np.abs(tones).max() + 1e-9)
            else:
                sound = rng.standard_normal(len(time)) * {"p": 0.002, "f": 0.02, "s": 0.05}[name]
            names.append(name)
            lengths.append(len(time) / SAMPLE_RATE)
            sounds.append(sound)
    ends = np.cumsum(lengths)
    phones = Phones(np.array([CLASS_INDEX[n] for n in names]), np.concatenate([[0.0], ends[:-1]]), ends)
    voice = Voice("toy", "tones", "none", f"toy-{split}", "CC0-1.0")
    return Clip(f"toy/{split}{number}", split, (np.concatenate(sounds) * 32767).astype(np.int16), phones, voice, "")


def _gain(frequency: float, vowel: str) -> float:
    return sum(1 / (1 + ((frequency - formant) / 90) ** 2) for formant in FORMANTS[vowel])


def toy_set(seed: int) -> list[Clip]:
    """Six clips to train on and two to validate with."""
    rng = np.random.default_rng(seed)
    return [toy_clip(rng, "train" if i < 6 else "validation", i) for i in range(8)]
