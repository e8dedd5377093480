"""Laughter in a voice's own sound: bouts of "ha-ha-ha" made of its vowel and its breath.

Provine and Yong (1991): notes of about 75 ms, 210 ms from one to the next, growing softer along a bout. Bachorowski,
Smoski and Owren (2001): 4.4 calls a second within a bout, voiced laughs at about twice the pitch of speech (means of
272 hertz in men, 405 in women), and much that has no tone. Many bouts end with a breath drawn in. What is drawn
between those figures is ours.
"""

from dataclasses import replace

import numpy as np

from generate.acting import CLASS_INDEX
from lab.performances.breathing import inhalation
from lab.performances.phones import Phones
from lab.performances.synthesisers import Utterance
from lab.performances.vocals import Vocals
from lab.performances.vocoder import PERIOD, QUIETEST, Voicing, levelled, tilt
from media.units import SAMPLE_RATE

OPEN = ("a", "æ", "ə", "ɛ", "ɔ")  # vowels to laugh on, the best first
CALLS = (3, 9)  # of a bout, the last not included
RATE = (3.9, 5.2)  # calls a second at the start of a bout
SLOWER = 1.025  # times as long, each call
NOTE = (0.065, 0.115)  # seconds with tone
HIGHER = (1.4, 2.2)  # times the usual pitch
SOFTER = (0.6, 2.2)  # decibels, each call
BREATHY = -13.0  # decibels of the h beside the vowel
GASP = 0.5  # share of bouts that end with a breath
AFTER, BEFORE = 0.5, 0.2  # shares of laughing clips that laugh after, or before, they speak; the others only laugh


def laughed(said: Utterance, rng: np.random.Generator) -> Utterance | None:
    """`said` with laughter after it, before it, or instead of it; None where the voice has no vowel to laugh on."""
    voice = Voicing.of(said.speech)
    vowel = _vowel(said.phones, voice)
    if vowel is None:
        return None
    bouts = [_bout(*vowel, voice, rng) for _ in range(1 + (rng.random() < 0.3))]
    heard = [(phones, levelled(sound, said.speech, rng.uniform(-3, 3))) for phones, sound in bouts]
    where = rng.random()
    if where < AFTER:
        heard.insert(0, (said.phones, said.speech))
    elif where < AFTER + BEFORE:
        heard.append((said.phones, said.speech))
    at, starts = int(rng.uniform(0.05, 0.4) * SAMPLE_RATE), []
    for _, sound in heard:
        starts.append(at)
        at += len(sound) + int(rng.uniform(0.1, 0.6) * SAMPLE_RATE)
    speech = np.zeros(at, np.float32)
    for start, (_, sound) in zip(starts, heard, strict=True):
        speech[start : start + len(sound)] = sound
    phones = Phones.joined([phones for phones, _ in heard], [start / SAMPLE_RATE for start in starts])
    return replace(said, speech=speech, phones=phones, manner="laughter")


def _vowel(phones: Phones, voice: Voicing) -> tuple[str, np.ndarray] | None:
    """The class of the voice's longest open vowel with a tone, and its spectrum (bins,)."""
    for name in OPEN:
        found = np.flatnonzero(phones.classes == CLASS_INDEX[name])
        for i in sorted(found, key=lambda i: phones.starts[i] - phones.ends[i]):
            first, last = int(phones.starts[i] / PERIOD), int(phones.ends[i] / PERIOD)
            middle = slice(first + (last - first) // 4, max(last - (last - first) // 4, first + 1))
            if last <= len(voice) and (voice.pitch[middle] > 0).all() and voice.loud[middle].all():
                return name, np.exp(np.log(voice.power[middle] + QUIETEST).mean(0))
    return None


def _bout(name: str, spectrum: np.ndarray, voice: Voicing, rng: np.random.Generator) -> tuple[Phones, np.ndarray]:
    """One bout of laughter: its phones (h and the vowel in turn, with its calls) and its sound (N,)."""
    count = int(rng.integers(*CALLS))
    apart = np.cumprod(np.full(count, SLOWER)) / rng.uniform(*RATE)
    lengths = np.minimum(rng.uniform(*NOTE) * rng.uniform(0.85, 1.15, count), 0.6 * apart)
    starts = 0.09 + np.concatenate([[0.0], np.cumsum(apart)[:-1]])  # of the tones; each has its h before it
    ends = starts + lengths
    softer = rng.uniform(*SOFTER)
    loud = 10 ** (-(softer * np.arange(count) + rng.uniform(0, 1.5, count)) / 20)
    loud /= loud.max()
    total = ends[-1] + 0.15
    times = (np.arange(round(total / PERIOD)) + 0.5) * PERIOD
    pitch, tone, breath = np.zeros(len(times)), np.zeros(len(times)), np.zeros(len(times))
    top = voice.usual_pitch * rng.uniform(*HIGHER) * 2 ** (rng.normal(0, 0.6, count) / 12)
    top *= np.linspace(1, rng.uniform(0.75, 1.0), count)
    for start, end, level, high in zip(starts, ends, loud, top, strict=True):
        phase = (times - start) / (end - start)
        inside = (phase >= 0) & (phase < 1)
        pitch[inside] = high * (1 - 0.18 * phase[inside])
        tone[inside] = level * np.sin(np.pi * phase[inside]) ** 0.5
        since = times - end
        puff = np.clip(1 - np.abs(times - start + 0.02) / 0.10, 0, 1)
        trail = np.clip(1 - since / 0.09, 0, 1) * (since >= 0)
        breath = np.maximum(breath, level * np.minimum(puff + trail, 1))
    bins = len(spectrum)
    sigh = spectrum * tilt(bins, 1.5) * 10 ** (BREATHY / 10)
    power = tone[:, None] ** 2 * spectrum + breath[:, None] ** 2 * sigh + QUIETEST
    noise = np.where(pitch[:, None] > 0, np.clip(np.linspace(-0.1, 1.1, bins), 0.05, 1), 1.0)
    sound = Voicing(pitch, power, noise).sound()
    names, begin, stop = [], [], []
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        before = max(start - 0.09, 0.0 if i == 0 else ends[i - 1])
        names += ["h", name]
        begin += [before, start]
        stop += [start, end]
    vocals = [Vocals.of("call", starts, ends, loud)]
    if rng.random() < GASP:
        gasp, vocal = inhalation(voice, rng.uniform(0.25, 0.45), rng)
        gap = len(sound) / SAMPLE_RATE + 0.05
        sound = np.concatenate([sound, np.zeros(int(0.05 * SAMPLE_RATE)), gasp])
        vocals.append(vocal.window(-gap, np.inf))
    return Phones.from_names(names, begin, stop, Vocals.together(*vocals)), sound
