"""When each phone of a recording sounds: forced alignment, in English and, through it, other languages.

pocketsphinx carries an acoustic model of English. A word of another language is spelled with the English phones
nearest to its own (from espeak-ng) and aligned as such; the phones' true classes are then put back one for one.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from faces.performances.phones import Phones, ipa_classes
from faces.performances.synthesisers import Espeak, timed
from media.errors import MissingExtraError
from media.units import SAMPLE_RATE

FRAME = 0.01  # seconds a frame of pocketsphinx
PAD = 3200  # samples of near-silence before and after, so that the first and last phone have something to stand against
SILENT = frozenset({"SIL", "+SPN+", "+NSN+", "+BREATH+"})
INSTALL = "pip install pocketsphinx"
# IPA letter -> nearest phone of the English acoustic model.
_NEAREST: dict[str, str] = {
    letter: phone
    for phone, letters in {
        "AA": "aɑɐ", "AE": "æ", "AH": "ʌəɵᵊ", "AO": "ɔɒ", "EH": "ɛeœø", "ER": "ɜɝɚ", "IH": "ɪɨᵻɯ", "IY": "iy",
        "OW": "oɤ", "UH": "ʊʏ", "UW": "uʉ",
        "B": "bβɓ", "D": "dɖɗ", "G": "gɡɣɢɟ", "P": "pɸ", "T": "tʈ", "K": "kcqʔ", "F": "f", "V": "vʋ", "TH": "θ",
        "DH": "ð", "S": "s", "Z": "z",
        "SH": "ʃɕʂ", "ZH": "ʒʑʐ", "HH": "hxχħɦç", "M": "mɱ", "N": "nɳɲ", "NG": "ŋ", "L": "lɫʎɭɬ", "R": "rɹɾʁʀɻɽ",
        "W": "wɥʍ", "Y": "jʝ",
    }.items()
    for letter in letters
}  # fmt: skip


_DIPHTHONGS = {"aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "ɔɪ": "OY", "əʊ": "OW"}


def _spell(symbol: str) -> tuple[list[str], list[tuple[str, ...]]]:
    """English phones for one IPA symbol, and the true classes of each."""
    letters = [c for c in symbol if c in _NEAREST]
    if not letters:
        return [], []
    if len(letters) > 1 and letters[0] in "td" and letters[1] in "ʃʒɕʑʂʐ":
        return ["CH" if letters[0] == "t" else "JH"], [("ʃ",)]
    pair = "".join(letters[:2])
    if pair in _DIPHTHONGS:
        return [_DIPHTHONGS[pair]], [ipa_classes(pair)]
    return [_NEAREST[c] for c in letters], [ipa_classes(c) for c in letters]


class Aligner:
    """Forced alignment of many recordings in one language. Set up once with all texts, then call with sound and text.

    The decoder gets its whole dictionary at the start: adding words later invalidates its searches.
    """

    def __init__(self, espeak: Espeak, code: str, texts: Iterable[str]) -> None:
        try:
            from pocketsphinx import Decoder, get_model_path, set_loglevel
        except ImportError as error:
            raise MissingExtraError(f"pocketsphinx is not installed; {INSTALL}") from error
        set_loglevel("FATAL")
        self._espeak, self._code = espeak, code
        spelled = {word: phones for text in texts for word, phones, _ in self._words(text)}
        lines = [f"{word} {' '.join(phones)}" for word, phones in sorted(spelled.items())]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "words.dict"
            english = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text()
            path.write_text("\n".join([english.rstrip(), *lines, ""]))
            beams = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}
            self._decoder: Any = Decoder(dict=str(path), samprate=SAMPLE_RATE, bestpath=False, **beams)

    def __call__(self, speech: np.ndarray, text: str) -> Phones | None:
        """Phones of `speech` (N,) float32 16 kHz that says `text`; None where it fails."""
        words = self._words(text)
        if not words:
            return None
        decoder = self._decoder
        padded = np.concatenate([np.zeros(PAD), speech, np.zeros(PAD)])
        padded = padded + np.random.default_rng(0).normal(0, 1e-4, len(padded))
        pcm = (np.clip(padded, -1, 1) * 32767).astype(np.int16).tobytes()
        decoder.set_align_text(" ".join(word for word, _, _ in words))
        if not self._decode(pcm) or decoder.hyp() is None:
            return None
        decoder.set_alignment()
        if not self._decode(pcm):  # hyp() must not be asked here: the phone search has none and crashes
            return None
        entries = [(p.name, p.start, p.duration) for word in decoder.get_alignment() for p in word]
        classes = [c for _, _, true in words for c in true]
        if sum(name not in SILENT for name, _, _ in entries) != len(classes):
            return None
        return self._phones(entries, classes, len(speech) / SAMPLE_RATE)

    def _words(self, text: str) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
        """For each word: its name in the dictionary, its English phones, and the true class of each."""
        words, phones, classes = [], [], []
        for symbol in [*self._espeak.phonemes(text, self._code), ""]:
            more, true = _spell(symbol)
            phones += more
            classes += true
            if not symbol and phones:
                words.append(("x" + "".join(phones).lower(), tuple(phones), classes))
                phones, classes = [], []
        return words

    def _decode(self, pcm: bytes) -> bool:
        try:
            self._decoder.start_utt()
            self._decoder.process_raw(pcm, full_utt=True)
            self._decoder.end_utt()
        except RuntimeError:
            return False
        return True

    def _phones(self, entries: list[tuple[str, int, int]], classes: list[tuple[str, ...]], duration: float) -> Phones:
        symbols, starts, ends, queue = [], [], [], list(classes)
        lead = PAD / SAMPLE_RATE
        for name, start, length in entries:
            symbols.append(("sil",) if name in SILENT else queue.pop(0))
            starts.append(min(max(start * FRAME - lead, 0.0), duration))
            ends.append(min(max((start + length) * FRAME - lead, 0.0), duration))
        return timed(symbols, starts, ends)
