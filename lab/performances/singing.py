"""Song out of speech: vowels held on the notes of a melody, consonants as they were spoken.

Vowels begin on the beat or half-way between beats, as singers place them. Melodies are drawn: mostly steps of a scale,
some leaps, home to the tonic at the end. Glides between notes take about a tenth of a second; vibrato of 5 to 6.5
cycles a second comes in on long notes (Prame 1994: 6 in the mean; Prame 1997: 0.7 semitones either way in trained
voices, less here). How much is drawn of what is chosen by ear.
"""

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from generate.acting import CLASSES
from lab.performances.phones import VOWELS, Phones
from lab.performances.synthesisers import Utterance
from lab.performances.vocals import Vocals
from lab.performances.vocoder import PERIOD, Voicing, levelled
from media.units import SAMPLE_RATE

SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9))  # major, minor, pentatonic: semitones
STEPS, CHANCES = (-4, -3, -2, -1, 0, 1, 2, 3, 4), (0.03, 0.04, 0.12, 0.25, 0.14, 0.24, 0.11, 0.04, 0.03)  # of a scale
LOWEST, HIGHEST = -2, 14  # semitones from the usual pitch of the voice
TEMPO = (72, 126)  # beats a minute
STRETCH = (1.8, 3.5)  # times a vowel is held longer, before it is rounded up to the beat
HOLD = (0.16, 1.3)  # seconds of a note
LAST = 1.5  # times as long: the last note
MOST = 12  # notes of a song
EDGE = 0.03  # seconds at either end of a vowel that are not stretched: transitions from and to consonants
GLIDE = 0.035  # seconds: deviation of the curve that pitch glides along
LOUDER = 0.4  # decibels a semitone
_IS_VOWEL = np.array([name in VOWELS for name in CLASSES])


def sung(said: Utterance, rng: np.random.Generator) -> Utterance | None:
    """`said` sung to a melody of its own; None where there are too few vowels with a tone to sing on."""
    nuclei = _nuclei(said.phones)[:MOST]
    if len(nuclei) < 3:
        return None
    length = min(len(said.speech) / SAMPLE_RATE, float(said.phones.ends[nuclei[-1][1] :][:3][-1]))
    voice = Voicing.of(said.speech)
    toned = [voice.pitch[int(said.phones.starts[a] / PERIOD) : int(said.phones.ends[b] / PERIOD)] for a, b in nuclei]
    if np.mean(np.concatenate(toned) > 0) < 0.6:
        return None
    grid = 30 / rng.uniform(*TEMPO)
    old, new = _stretched(said.phones, nuclei, length, grid, rng)
    phones = said.phones.window(0, length - 1e-6).moved(lambda times: np.interp(times, old, new))
    held = np.array([(phones.starts[a], phones.ends[b]) for a, b in nuclei])
    notes = _melody(len(nuclei), rng)
    beats = np.arange(held[0, 0] - 2 * grid, new[-1], 2 * grid)
    beats = beats[beats >= 0]
    vocals = Vocals.together(
        Vocals.of("note", held[:, 0], held[:, 1], notes), Vocals.of("beat", beats, beats + 2 * grid, 1.0)
    )
    times = np.arange(0, new[-1], PERIOD)
    stretched = voice.at(np.interp(times, new, old))
    curve = _pitch(times, held, notes, rng)
    inside = ((times[:, None] >= held[:, 0]) & (times[:, None] < held[:, 1])).any(1)
    pitch = np.where(inside | (stretched.pitch > 0), voice.usual_pitch * 2 ** (curve / 12), 0.0)
    power = stretched.power * 10 ** (LOUDER / 10 * curve)[:, None]
    sound = Voicing(pitch, power, stretched.noise).sound()
    speech = levelled(sound, said.speech, 1.0)
    return replace(said, speech=speech, phones=replace(phones, vocals=vocals), manner="song")


def _nuclei(phones: Phones) -> list[tuple[int, int]]:
    """First and last phone of each run of vowels that touch: a diphthong is sung on one note."""
    runs: list[tuple[int, int]] = []
    for i in np.flatnonzero(_IS_VOWEL[phones.classes]):
        if runs and runs[-1][1] == i - 1 and phones.starts[i] - phones.ends[i - 1] < 1e-3 and i - runs[-1][0] < 2:
            runs[-1] = (runs[-1][0], int(i))
        else:
            runs.append((int(i), int(i)))
    return runs


def _stretched(
    phones: Phones, nuclei: list[tuple[int, int]], length: float, grid: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Times as spoken and as sung (m,), both rising: vowels are longer, so that they begin on the `grid` (seconds).

    Of a diphthong the first part is held; the glide to the second keeps its length, as singers do it.
    """
    old, new = [0.0], [0.0]

    def go_on(to: float, takes: float) -> None:
        if to > old[-1] + 1e-6:
            old.append(to)
            new.append(new[-1] + max(takes, 1e-3))

    starts = [float(phones.starts[a]) for a, _ in nuclei]
    for (first, _), following in zip(nuclei, [*starts[1:], None], strict=True):
        begin, end = float(phones.starts[first]), float(phones.ends[first])
        go_on(begin, begin - old[-1])
        after = (length if following is None else following) - end  # what follows keeps its length
        wanted = float(np.clip((end - begin) * rng.uniform(*STRETCH), *HOLD))
        held = np.ceil((wanted + after) / grid) * grid - after if following is not None else LAST * wanted
        edge = min(EDGE, 0.25 * (end - begin))
        go_on(begin + edge, edge)
        go_on(end - edge, held - 2 * edge)
        go_on(end, edge)
    go_on(length, length - old[-1])
    return np.array(old), np.array(new)


def _melody(count: int, rng: np.random.Generator) -> np.ndarray:
    """Semitones (count,) above the usual pitch of the voice."""
    scale, tonic = SCALES[rng.integers(len(SCALES))], int(rng.integers(0, 6))
    ladder = np.array([tonic + 12 * octave + step for octave in (-1, 0, 1) for step in scale])
    ladder = ladder[(ladder >= LOWEST) & (ladder <= HIGHEST)]
    home = int(np.flatnonzero(ladder == tonic)[0])
    places = [int(np.clip(home + rng.choice((0, 2, 4)), 0, len(ladder) - 1))]
    for _ in range(count - 1):
        step = int(rng.choice(STEPS, p=CHANCES))
        place = places[-1] + step
        places.append(place if 0 <= place < len(ladder) else places[-1] - step)
    places[-1] = home
    return ladder[np.clip(places, 0, len(ladder) - 1)].astype(float)


def _pitch(times: np.ndarray, held: np.ndarray, notes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Semitones (T,) at `times`: notes that begin with their vowels, glides, vibrato, and a little unsteadiness."""
    at = np.clip(np.searchsorted(held[:, 0] - GLIDE, times, side="right") - 1, 0, None)
    curve = gaussian_filter1d(notes[at], GLIDE / PERIOD, mode="nearest")
    rate, extent = rng.uniform(5.0, 6.5), rng.uniform(0.1, 0.6)
    since = times - held[at, 0]
    deep = np.clip((since - 0.2) / 0.3, 0, 1) * (times < held[at, 1] + 0.05)
    unsteady = gaussian_filter1d(rng.standard_normal(len(times)), 0.06 / PERIOD, mode="nearest")
    return curve + extent * deep * np.sin(2 * np.pi * rate * since) + 0.15 * unsteady / (unsteady.std() + 1e-9)
