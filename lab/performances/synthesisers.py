"""Text to speech with known phones, from whatever synthesiser is installed: espeak-ng, flite, festival.

Each synthesiser answers `voices()` with what it can speak with here (empty when it is not installed) and
`speak(text, voice)` with an `Utterance`. Nothing here is needed to use the product; only to make speech to train on.
"""

import ctypes
import ctypes.util
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.io import wavfile

from lab.performances.phones import ARPABET, Phones, ipa_classes
from media.errors import MissingExtraError
from media.units import SAMPLE_RATE

INSTALL = "apt install espeak-ng flite festival festvox-kallpc16k festvox-us-slt-hts"


@dataclass(frozen=True)
class Voice:
    """One way to speak. `speaker` is what is held out: variants of one voice count as different speakers."""

    source: str  # which synthesiser
    name: str  # what the synthesiser calls the voice
    language: str  # key of `texts.SENTENCES`
    speaker: str  # unique name of who speaks
    licence: str  # of the sound that comes out


@dataclass(frozen=True)
class Utterance:
    """Speech whose phones are known."""

    speech: np.ndarray  # (N,) float32 mono 16 kHz in [-1, 1]
    phones: Phones
    text: str
    voice: Voice
    manner: str = "speech"  # or another of `manners.MANNERS`


class Synthesiser(Protocol):
    """What every synthesiser can do."""

    def voices(self, languages: tuple[str, ...]) -> list[Voice]:
        """What it can speak with here, in these languages; empty when it is not installed."""
        ...

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        """Say `text`; `rng` chooses speed, pitch and the like."""
        ...


def to_16k(sound: np.ndarray, rate: int) -> np.ndarray:
    """Mono sound at `rate` -> float32 at 16 kHz. Integers are scaled to [-1, 1]."""
    if sound.dtype.kind == "i":
        sound = sound / float(np.iinfo(sound.dtype).max)
    if rate != SAMPLE_RATE:
        from scipy.signal import resample_poly  # takes a second, and only data sets need it

        common = np.gcd(rate, SAMPLE_RATE)
        sound = resample_poly(sound, SAMPLE_RATE // common, rate // common)
    return np.clip(sound, -1, 1).astype(np.float32)


def timed(symbols: list[tuple[str, ...]], starts: list[float], ends: list[float]) -> Phones:
    """Phones from the classes of each sound; a diphthong's second part takes the last 40% of its time."""
    names, begin, stop = [], [], []
    for classes, start, end in zip(symbols, starts, ends, strict=True):
        if end - start < 1e-3:
            continue
        split = start + 0.6 * (end - start)
        for i, name in enumerate(classes):
            names.append(name)
            begin.append(start if i == 0 else split)
            stop.append(split if i == 0 and len(classes) > 1 else end)
    return Phones.from_names(names, begin, stop)


# ---------------------------------------------------------------------------------------------- espeak-ng


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int), ("uid", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("string",
        ctypes.c_char * 8),
    )  # fmt: skip


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_PHONEME, _END = 7, 0


class Espeak:
    """espeak-ng through its library: formant synthesis in a hundred languages, with phoneme events."""

    VARIANTS = (
        "",
        "+m1",
        "+m2",
        "+m3",
        "+m4",
        "+m5",
        "+m6",
        "+m7",
        "+f1",
        "+f2",
        "+f3",
        "+f4",
        "+f5",
        "+klatt",
        "+klatt2",
        "+whisper",
    )
    CODES: ClassVar = {
        "en": ("en-us", "en-gb-x-rp", "en-gb-scotland"),
        "es": ("es", "es-419"),
        "pt": ("pt", "pt-br"),
        "fr": ("fr",),
    }

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng")
        self._library = ctypes.CDLL(name) if name else None
        if self._library is None:
            return
        self._rate = self._library.espeak_Initialize(2, 0, None, 1 | 2)  # synchronous, phoneme events, in IPA
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._sound: list[np.ndarray] = []
        self._events: list[tuple[int, str]] = []
        self._callback = _CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, wave: Any, count: int, events: Any) -> int:
        if wave and count > 0:
            self._sound.append(np.ctypeslib.as_array(wave, (count,)).copy())
        i = 0
        while events[i].type != _END:
            if events[i].type == _PHONEME:
                self._events.append((events[i].audio_position, events[i].string.decode("utf-8", "ignore")))
            i += 1
        return 0

    def voices(self, languages: tuple[str, ...]) -> list[Voice]:
        if self._library is None:
            return []
        codes = [(lang, code) for lang in languages for code in self.CODES.get(lang, (lang,))]
        return [
            Voice("espeak-ng", code + variant, lang, f"espeak{variant or '+m0'}", "output free of the GPL of espeak-ng")
            for lang, code in codes
            for variant in self.VARIANTS
        ]

    def _choose(self, name: str) -> None:
        if self._library is None:
            raise MissingExtraError(f"espeak-ng is not installed; run `{INSTALL}`")
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {name}")

    def phonemes(self, text: str, code: str) -> list[str]:
        """IPA phones of `text` in the voice `code`; words come apart at an empty string."""
        self._choose(code)
        assert self._library is not None
        pointer = ctypes.c_char_p(text.encode())
        out = []
        while pointer.value:
            line = self._library.espeak_TextToPhonemes(ctypes.byref(pointer), 1, 2 | (ord("_") << 8))
            out += [p for word in line.decode().split() for p in (*word.split("_"), "")]
        return out

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        self._sound, self._events = [], []
        self._choose(voice.name)
        assert self._library is not None
        self._library.espeak_SetParameter(1, int(rng.integers(130, 200)), 0)  # words a minute
        self._library.espeak_SetParameter(3, int(rng.integers(30, 75)), 0)  # pitch
        self._library.espeak_SetParameter(4, int(rng.integers(30, 80)), 0)  # pitch range
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
        speech = to_16k(np.concatenate(self._sound), self._rate)
        starts = [ms / 1000 for ms, _ in self._events]
        symbols = [ipa_classes(symbol) for _, symbol in self._events]
        return Utterance(speech, timed(symbols, starts, [*starts[1:], len(speech) / SAMPLE_RATE]), text, voice)


# ---------------------------------------------------------------------------------------------- flite


class Flite:
    """flite with its built-in English voices; `-psdur` prints the end of every phone."""

    def voices(self, languages: tuple[str, ...]) -> list[Voice]:
        if shutil.which("flite") is None or "en" not in languages:
            return []
        listed = subprocess.run(["flite", "-lv"], capture_output=True, text=True).stdout.split(":")[-1].split()
        return [
            Voice("flite", v, "en", f"flite-{v}", "flite voice licence (free to use)")
            for v in listed
            if v in ("awb", "rms", "slt", "kal16")
        ]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        with tempfile.TemporaryDirectory() as folder:
            wav = Path(folder) / "a.wav"
            stretch = f"duration_stretch={rng.uniform(0.85, 1.25):.2f}"
            command = ["flite", "-voice", voice.name, "-psdur", "--setf", stretch, "-t", text, "-o", str(wav)]
            lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rate, sound = wavfile.read(wav)
        pairs = [p.rsplit(":", 1) for p in lines.split() if ":" in p]
        ends = [float(end) for _, end in pairs]
        symbols = [ARPABET.get(name.upper(), ("t",)) for name, _ in pairs]
        return Utterance(to_16k(sound, rate), timed(symbols, [0.0, *ends[:-1]], ends), text, voice)


# ---------------------------------------------------------------------------------------------- festival

_FESTIVAL = {
    "kal_diphone": "en", "ked_diphone": "en", "cmu_us_slt_arctic_hts": "en", "lp_diphone": "it", "pc_diphone": "it",
    "msu_ru_nsh_clunits": "ru", "czech_dita": "cs", "czech_krb": "cs", "czech_machac": "cs", "czech_ph": "cs",
    "suo_fi_lj_diphone": "fi", "hy_fi_mv_diphone": "fi",
}  # fmt: skip
_CODING = {"it": "latin-1", "cs": "iso-8859-2", "fi": "latin-1", "ru": "utf-8", "en": "ascii"}
# What festival's phone sets write that differs from IPA letters.
_FESTIVAL_PHONES = {
    "S": "ʃ", "Z": "ʃ", "tS": "ʃ", "dZ": "ʃ", "E": "ɛ", "O": "ɔ", "J": "t", "L": "l", "N": "k", "ch": "k", "c~": "ʃ",
    "s~": "ʃ", "z~": "ʃ",
    "dz~": "ʃ", "r~": "ʃ", "n~": "t", "t~": "t", "d~": "t", "c": "s", "dz": "s", "ts": "s", "sh": "ʃ", "zh": "ʃ",
    "sch": "ʃ", "y": "ɪ", "oe": "e", "ae": "æ",
    "@": "ə", "k~": "k", "g": "k", "A": "a", "U": "ʊ", "I": "ɪ",
}  # fmt: skip


class Festival:
    """festival with whatever voices are installed; the Segment relation holds the end of every phone."""

    def voices(self, languages: tuple[str, ...]) -> list[Voice]:
        root = Path("/usr/share/festival/voices")
        if shutil.which("festival") is None or not root.is_dir():
            return []
        found = [v.name for v in sorted(root.glob("*/*")) if _FESTIVAL.get(v.name) in languages]
        return [
            Voice("festival", v, _FESTIVAL[v], f"festival-{v}", "festival voice licence (free to use)") for v in found
        ]

    def speak(self, text: str, voice: Voice, rng: np.random.Generator) -> Utterance:
        text = re.sub(r'["\\]', "", text)
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "say.scm"
            lines = (
                f"(voice_{voice.name})",
                f"(Parameter.set 'Duration_Stretch {rng.uniform(0.9, 1.25):.2f})",
                f'(set! utt (SynthText "{text}"))',
                f'(utt.save.wave utt "{folder}/a.wav" \'riff)',
                f'(utt.save.segs utt "{folder}/a.seg")',
            )
            script.write_bytes("\n".join(lines).encode(_CODING[voice.language], "ignore"))
            subprocess.run(["festival", "-b", str(script)], capture_output=True, check=True, timeout=60)
            rate, sound = wavfile.read(f"{folder}/a.wav")
            rows = Path(f"{folder}/a.seg").read_text("latin-1").split("#\n", 1)[-1].splitlines()
        pairs = [(row.split()[2], float(row.split()[0])) for row in rows if len(row.split()) >= 3]
        ends = [end for _, end in pairs]
        symbols = [_festival_classes(name, voice.language) for name, _ in pairs]
        return Utterance(to_16k(sound, rate), timed(symbols, [0.0, *ends[:-1]], ends), text, voice)


_FINNISH = {"y": "u", "yy": "u", "@": "æ", "@@": "æ", "7": "e", "77": "e"}


def _festival_classes(name: str, language: str) -> tuple[str, ...]:
    if language == "en":
        return ARPABET.get(name.upper(), ("t",))
    if language == "fi" and name in _FINNISH:
        return (_FINNISH[name],)
    bare = name.rstrip("0123456789:'")
    if name in ("#", "_", "pau", "sil", "##"):
        return ("sil",)
    return (_FESTIVAL_PHONES[bare],) if bare in _FESTIVAL_PHONES else ipa_classes(bare or "_")[:1]
