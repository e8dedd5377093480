"""Breaths drawn in before and between phrases, voices that whisper, and voices that are raised.

- Breath: noise through the voice's own resonances, swelling and then cut off, 0.3 to 0.6 s and 15 to 28 dB under the
  speech. By ear.
- Whisper: no tone at all; less power below 1 kHz than in speech (Ito, Takeda and Itakura 2005).
- Raised voice: higher, longer vowels and a flatter spectrum (Lombard speech: Summers et al. 1988; Garnier, Henrich and
  Dubois 2010). Amounts ours.
"""

from dataclasses import replace

import numpy as np

from generate.acting import CLASS_INDEX, CLASSES
from lab.performances.phones import VOWELS, Phones
from lab.performances.synthesisers import Utterance
from lab.performances.vocals import Vocals
from lab.performances.vocoder import PERIOD, QUIETEST, Voicing, levelled, tilt
from media.units import SAMPLE_RATE

LENGTH = (0.3, 0.6)  # seconds of a breath
QUIETER = (15.0, 28.0)  # decibels under the loud parts of the speech
PAUSE = 0.18  # seconds of silence in which breath may be drawn
BETWEEN = 0.7  # chance that it is
HIGHER = (1.25, 1.7)  # times: pitch of a raised voice
LONGER = 1.2  # times: its vowels
_SILENCE = CLASS_INDEX["sil"]
_IS_VOWEL = np.array([name in VOWELS for name in CLASSES])


def inhalation(voice: Voicing, seconds: float, rng: np.random.Generator) -> tuple[np.ndarray, Vocals]:
    """Sound (N,) of air drawn in through the mouth that makes this voice, and when it is heard."""
    loud = voice.loud
    spectrum = np.exp(np.log(voice.power[loud] + QUIETEST).mean(0))
    spectrum *= tilt(len(spectrum), rng.uniform(1.0, 4.0), 600.0)
    decibels = rng.uniform(*QUIETER)
    phase = (np.arange(round(seconds / PERIOD)) + 0.5) * PERIOD / seconds
    swell = np.minimum(np.clip(phase / rng.uniform(0.5, 0.8), 0, 1), np.clip((1 - phase) / 0.15, 0, 1)) ** 1.5
    count = len(phase)
    gains = spectrum / spectrum.sum() * voice.power[loud].sum(1).mean() * 10 ** (-decibels / 10)
    power = swell[:, None] ** 2 * gains + QUIETEST
    sound = Voicing(np.zeros(count), power, np.ones_like(power)).sound()
    depth = float(np.clip(seconds / LENGTH[1], 0.4, 1.0))
    return sound, Vocals.of("breath", 0.0, seconds, depth)


def breathed(said: Utterance, rng: np.random.Generator) -> Utterance:
    """`said` with breaths drawn before it and in its pauses; the pauses grow by them."""
    voice = Voicing.of(said.speech)
    phones, speech = said.phones, said.speech
    pauses = (phones.classes == _SILENCE) & (phones.ends - phones.starts >= PAUSE)
    inside = pauses & (phones.starts > 0.1) & (phones.ends < len(speech) / SAMPLE_RATE - 0.1)
    places = [0.5 * (phones.starts[i] + phones.ends[i]) for i in np.flatnonzero(inside) if rng.random() < BETWEEN]
    for at in [*reversed(places), 0.0]:
        sound, vocals = inhalation(voice, rng.uniform(*LENGTH), rng)
        quiet = [np.zeros(int(rng.uniform(0.03, 0.15) * SAMPLE_RATE)) for _ in range(2)]
        phones, speech = _inserted(phones, speech, at, np.concatenate([quiet[0], sound, quiet[1]]), vocals, quiet[0])
    return replace(said, speech=speech, phones=phones, manner="breath" if said.manner == "speech" else said.manner)


def _inserted(
    phones: Phones, speech: np.ndarray, at: float, sound: np.ndarray, vocals: Vocals, before: np.ndarray
) -> tuple[Phones, np.ndarray]:
    """Open phones and speech at `at` seconds and put `sound` there, in which `vocals` begin after `before`."""
    cut, longer = int(at * SAMPLE_RATE), len(sound) / SAMPLE_RATE
    v = phones.vocals
    starts = np.where(phones.starts >= at, phones.starts + longer, phones.starts)
    ends = np.where(phones.ends > at, phones.ends + longer, phones.ends)
    later = Vocals(v.kinds, v.starts + longer * (v.starts >= at), v.ends + longer * (v.ends > at), v.amounts)
    drawn = vocals.window(-(at + len(before) / SAMPLE_RATE), np.inf)
    opened = np.concatenate([speech[:cut], sound, speech[cut:]]).astype(np.float32)
    return Phones(phones.classes, starts, ends, Vocals.together(later, drawn)), np.clip(opened, -1, 1)


def whispered(said: Utterance, rng: np.random.Generator) -> Utterance:
    """`said` without tone, softly."""
    voice = Voicing.of(said.speech)
    bins = voice.power.shape[1]
    power = voice.power * tilt(bins, rng.uniform(2.0, 5.0), 500.0)
    vowels = voice.pitch > 0
    power[vowels] *= 10 ** (-rng.uniform(0, 6) / 10)  # without a tone vowels hardly stand out from consonants
    sound = Voicing(np.zeros(len(voice)), power, np.ones_like(power)).sound()[: len(said.speech)]
    speech = levelled(sound, said.speech, -rng.uniform(6, 16))
    return _throughout(said, speech, said.phones, "whisper", 1.0)


def shouted(said: Utterance, rng: np.random.Generator) -> Utterance | None:
    """`said` in a raised voice; None where it has no tone that could be raised."""
    voice = Voicing.of(said.speech)
    if not np.isfinite(voice.usual_pitch):
        return None
    effort = float(rng.uniform(0.3, 1.0))
    lengths = np.where(_IS_VOWEL[said.phones.classes], 1 + (LONGER - 1) * effort, 1.0)
    old, new = [0.0], [0.0]
    duration = len(said.speech) / SAMPLE_RATE
    edges = [*zip(said.phones.starts, said.phones.ends, lengths, strict=True), (duration, duration, 1.0)]
    for start, end, times in edges:
        for to, stretch in ((start, 1.0), (end, times)):
            if to > old[-1] + 1e-6:
                new.append(new[-1] + (to - old[-1]) * stretch)
                old.append(to)
    instants = np.arange(0, new[-1], PERIOD)
    raised = voice.at(np.interp(instants, new, old))
    high = HIGHER[0] + (HIGHER[1] - HIGHER[0]) * effort
    spread = np.where(raised.pitch > 0, np.maximum(raised.pitch, 1) / voice.usual_pitch, 1) ** 1.2
    pitch = np.where(raised.pitch > 0, voice.usual_pitch * high * spread, 0)
    power = raised.power * tilt(raised.power.shape[1], 1 + 3 * effort)
    sound = Voicing(pitch, power, raised.noise * (1 - 0.3 * effort)).sound()
    phones = said.phones.moved(lambda times: np.interp(times, old, new))
    return _throughout(said, levelled(sound, said.speech, 3 + 7 * effort), phones, "shout", effort)


def _throughout(said: Utterance, speech: np.ndarray, phones: Phones, manner: str, effort: float) -> Utterance:
    """An utterance that is whispered or shouted from its first phone to its last."""
    spoken = np.flatnonzero(phones.classes != _SILENCE)
    if len(spoken):
        start, end = phones.starts[spoken[0]], phones.ends[spoken[-1]]
        phones = replace(phones, vocals=Vocals.together(phones.vocals, Vocals.of(manner, start, end, effort)))
    return replace(said, speech=speech, phones=phones, manner=manner)
