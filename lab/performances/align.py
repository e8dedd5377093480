"""When each phone of a recording sounds: forced alignment in any language that espeak-ng can spell.

A small network tells, every 10 ms, which of `CLASSES` sounds, and hears what comes before and after. It was trained on
synthesised speech, whose times are known, and then on recordings as it had aligned them itself
(`lab.recipes.aligner`). The likeliest way through the classes that the text asks for, with silence allowed between
words, gives the times (Viterbi 1967); likelihoods are posteriors scaled by priors (Bourlard and Morgan 1994).
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from generate.acting import CLASS_INDEX
from lab.performances.phones import Phones, ipa_classes
from lab.performances.synthesisers import Espeak
from media.mel import HISTORY, HOP, log_mel
from media.networks import Network
from media.units import SAMPLE_RATE
from media.weights import read_weights

WEIGHTS = Path(__file__).resolve().parent / "data" / "aligner.onnx"
FRAME = HOP / SAMPLE_RATE  # seconds from one answer to the next
LEAST = 3  # frames that a phone lasts
PAD = 20  # frames of silence before and after, for the first and last phone to stand against
FLATTER = 0.5  # exponent of the priors
LOUD = 0.05  # deviation that sound is brought to
ANOTHER = 3.0  # logarithm of a likelihood that beginning another phone costs, where no text says which
SURE = -1.8  # mean logarithm of the likelihoods of what is spoken, under which a text is not what is said
RUSHED = 0.4  # share of phones that last no longer than they must, over which words were cut off or left out
FLOOR = -12.0  # least logarithm of a scaled likelihood: one odd frame does not bar the way
_SILENCE = CLASS_INDEX["sil"]


class Aligner:
    """Forced alignment of recordings whose text is known.

    Args:
        network: features (1, 80, n) -> logits of `CLASSES` (1, n, classes).
        prior: (classes,) logarithm of each class's share of what the network heard.
        espeak: tells how words are said.
    """

    def __init__(self, network: Callable[[np.ndarray], list[np.ndarray]], prior: np.ndarray, espeak: Espeak) -> None:
        self._network, self._prior, self._espeak = network, prior, espeak

    @classmethod
    def load(cls, espeak: Espeak, path: Path | str = WEIGHTS) -> "Aligner":
        """Read the weights that ship with the package, or those at `path`.

        Raises:
            WeightsError: the file is missing, damaged or of another model.
        """
        return cls(*_network(Path(path)), espeak)

    def __call__(self, speech: np.ndarray, text: str, code: str) -> Phones | None:
        """Phones of `speech` (N,) float32 16 kHz that says `text`, in espeak-ng's voice `code`; None where it says
        something else, the text is empty, or there is no time for it."""
        words = spelled(self._espeak, text, code)
        found = align(self.likelihoods(speech), words, len(speech) / SAMPLE_RATE) if words else None
        if found is None or found[1] < SURE:
            return None
        phones = found[0]
        lengths = (phones.ends - phones.starts)[phones.classes != _SILENCE]
        return None if (lengths < (LEAST + 0.5) * FRAME).mean() > RUSHED else phones

    def heard(self, speech: np.ndarray) -> Phones:
        """Phones of `speech` (N,) whose text is not known: the likeliest classes one after another.

        Filmed lips (`lab.performances.lips` of these phones, 42 films of seven talkers) are met at a correlation of
        0.67 and 0.61 in the mean, by phones of a known text at 0.73 and 0.69.
        """
        path = _likeliest(self.likelihoods(speech))[PAD:-PAD]
        edges = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1, [len(path)]])
        duration = len(speech) / SAMPLE_RATE
        return Phones(path[edges[:-1]], edges[:-1] * FRAME, np.minimum(edges[1:] * FRAME, duration))

    def likelihoods(self, speech: np.ndarray) -> np.ndarray:
        """Speech (N,) -> logarithms of scaled likelihoods (frames, classes), `PAD` frames of silence on either side."""
        sound = np.zeros(HISTORY + (2 * PAD + -(-len(speech) // HOP)) * HOP, np.float32)
        sound[HISTORY + PAD * HOP :][: len(speech)] = speech * (LOUD / (speech.std() + 1e-6))
        sound += np.random.default_rng(0).normal(0, 1e-4, len(sound)).astype(np.float32)
        logits = self._network(log_mel(sound).T[None])[0][0]
        scaled = log_softmax(logits, -1) - FLATTER * self._prior
        return np.maximum(scaled - scaled.max(-1, keepdims=True), np.float32(FLOOR))


@cache
def _network(path: Path) -> tuple[Network, np.ndarray]:
    file = read_weights(path, "aligner")
    return Network(file, precise=True), file.tensors("prior")["prior"]


def spelled(espeak: Espeak, text: str, code: str) -> list[list[int]]:
    """The classes of each word of a text, as indices."""
    words: list[list[int]] = [[]]
    for symbol in espeak.phonemes(text, code):
        if any(letter.isalpha() for letter in symbol):
            words[-1] += [CLASS_INDEX[name] for name in ipa_classes(symbol)]
        elif words[-1]:
            words.append([])
    return [word for word in words if word]


def align(likelihoods: np.ndarray, words: Sequence[Sequence[int]], duration: float) -> tuple[Phones, float] | None:
    """The likeliest times of `words`, each a row of classes, by logarithms of likelihoods (frames, classes) of
    `duration` seconds and `PAD` frames on either side; and the mean logarithm over frames that speak, at most 0. None
    where they do not fit in.

    Every phone is a chain of `LEAST` states of which the last may be held; silence between words may be left out.
    """
    states, phone_of, skips = [_SILENCE], [-1], [False]
    sequence = [phone for word in words for phone in word]
    number = 0
    for word in words:
        for place, phone in enumerate(word):
            states += [phone] * LEAST
            phone_of += [number] * LEAST
            skips += [place == 0 and number > 0] + [False] * (LEAST - 1)
            number += 1
        states.append(_SILENCE)
        phone_of.append(-1)
        skips.append(False)
    own, stays = np.array(phone_of), np.append(np.diff(phone_of) != 0, True)
    scores = likelihoods[:, states]
    path = _best_path(scores, stays, np.array(skips))
    if path is None:
        return None
    found = own[path]
    likely = float(scores[np.arange(len(path)), path][found >= 0].mean())
    starts, ends = np.zeros(number), np.zeros(number)
    for phone in range(number):
        at = np.flatnonzero(found == phone)
        starts[phone], ends[phone] = (at[0] - PAD) * FRAME, (at[-1] + 1 - PAD) * FRAME
    starts, ends = starts.clip(0, duration), ends.clip(0, duration)
    kept = ends - starts > 1e-3
    return _with_silence(np.array(sequence)[kept], starts[kept], ends[kept], duration), likely


def _best_path(scores: np.ndarray, stays: np.ndarray, skips: np.ndarray) -> np.ndarray | None:
    """State (frames,) of the best way through states in order, by scores (frames, states): each frame stays where that
    is allowed, goes on by one, or by two into states that `skips` names."""
    count, states = scores.shape
    value = np.full(states, -np.inf)
    value[0] = scores[0, 0]
    came = np.zeros((count, states), np.int8)
    for t in range(1, count):
        before = np.full((3, states), -np.inf)
        before[0, stays] = value[stays]
        before[1, 1:] = value[:-1]
        before[2, 2:] = np.where(skips[2:], value[:-2], -np.inf)
        came[t] = before.argmax(0)
        value = before.max(0) + scores[t]
    if not np.isfinite(value[-1]):
        return None
    path = np.zeros(count, np.int64)
    path[-1] = states - 1
    for t in range(count - 1, 0, -1):
        path[t - 1] = path[t] - came[t, path[t]]
    return path


def _likeliest(scores: np.ndarray) -> np.ndarray:
    """Class (frames,) of the best way through any classes, by scores (frames, classes); each is a chain of `LEAST`
    states of which the last may be held, and another costs `ANOTHER`."""
    count, classes = scores.shape
    value = np.full((classes, LEAST), -np.inf)
    value[_SILENCE, -1] = 0.0
    came = np.zeros((count, classes), np.int64)  # of the first state: the class before
    held = np.zeros((count, classes), bool)  # of the last state: stayed there
    for t in range(count):
        last = value[:, -1]
        came[t] = last.argmax()
        held[t] = last >= value[:, -2]
        value = np.concatenate(
            [np.full((classes, 1), last.max() - ANOTHER), value[:, :-2], np.maximum(last, value[:, -2])[:, None]], 1
        )
        value = value + scores[t][:, None]
    path = np.zeros(count, np.int64)
    now, state = int(value[:, -1].argmax()), LEAST - 1
    for t in range(count - 1, -1, -1):
        path[t] = now
        if state == LEAST - 1:
            state -= not held[t, now]
        elif state:
            state -= 1
        else:
            now, state = int(came[t, now]), LEAST - 1
    return path


def _with_silence(classes: np.ndarray, starts: np.ndarray, ends: np.ndarray, duration: float) -> Phones:
    """Phones, and what is between them, before and after as silence."""
    names, begin, stop, last = [], [], [], 0.0
    for phone, start, end in [*zip(classes, starts, ends, strict=True), (None, duration, duration)]:
        if start - last > 1e-3:
            names.append(_SILENCE)
            begin.append(last)
            stop.append(start)
        if phone is not None:
            names.append(int(phone))
            begin.append(start)
            stop.append(end)
        last = end
    return Phones(np.array(names, np.int64), np.array(begin, np.float64), np.array(stop, np.float64))
