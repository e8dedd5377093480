"""A spoken notice: one sentence before the sound of an output, for people who only hear it and have no verifier.

    notice = Notice.of("de", "voice")            said by the synthesiser that is on this machine (espeak-ng)
    Notice("de", "Diese Stimme ...", sound)      or as somebody recorded it
    notice.before(sound)                         sound with the notice before it, in the save path, before it is marked
    notice.held(frames)                          frames of which the first is held meanwhile
    notice.said()                                the content of the io.vasari.notice assertion

A voice is what `mark` is given; of a talking face the voice may be somebody's own, so of that the video is spoken of.
"""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from media import voices
from media.errors import UsageError
from media.sound import read_sound, sound_row
from media.units import SAMPLE_RATE, SAMPLES_PER_FRAME

T = TypeVar("T")
ASSERTION = "io.vasari.notice"
LONGEST = 300  # letters
MOST = 20.0  # seconds
PAUSE = 0.4  # seconds of silence after the sentence
PEAK = 0.5  # of its loudest sample
QUIET = 0.01  # below which its ends are silence
USUAL = "en"
SPEAKERS = {"en": "en-gb", "fr": "fr-fr"}  # where a language has several voices
SENTENCES = {
    "cs": ("Tento hlas byl vytvořen umělou inteligencí.", "Toto video bylo vytvořeno umělou inteligencí."),
    "da": ("Denne stemme er skabt med kunstig intelligens.", "Denne video er skabt med kunstig intelligens."),
    "de": (
        "Diese Stimme wurde mit künstlicher Intelligenz erzeugt.",
        "Dieses Video wurde mit künstlicher Intelligenz erzeugt.",
    ),
    "el": ("Αυτή η φωνή δημιουργήθηκε με τεχνητή νοημοσύνη.", "Αυτό το βίντεο δημιουργήθηκε με τεχνητή νοημοσύνη."),
    "en": ("This voice was made by AI.", "This video was made by AI."),
    "es": ("Esta voz fue creada con inteligencia artificial.", "Este vídeo fue creado con inteligencia artificial."),
    "fi": ("Tämä ääni on luotu tekoälyllä.", "Tämä video on luotu tekoälyllä."),
    "fr": (
        "Cette voix a été créée par une intelligence artificielle.",
        "Cette vidéo a été créée par une intelligence artificielle.",
    ),
    "hi": ("यह आवाज़ कृत्रिम बुद्धिमत्ता से बनाई गई है।", "यह वीडियो कृत्रिम बुद्धिमत्ता से बनाया गया है।"),
    "hu": (
        "Ezt a hangot mesterséges intelligencia hozta létre.",
        "Ezt a videót mesterséges intelligencia hozta létre.",
    ),
    "it": (
        "Questa voce è stata creata con l'intelligenza artificiale.",
        "Questo video è stato creato con l'intelligenza artificiale.",
    ),
    "nl": (
        "Deze stem is gemaakt met kunstmatige intelligentie.",
        "Deze video is gemaakt met kunstmatige intelligentie.",
    ),
    "pl": (
        "Ten głos został stworzony przez sztuczną inteligencję.",
        "Ten film został stworzony przez sztuczną inteligencję.",
    ),
    "pt": ("Esta voz foi criada com inteligência artificial.", "Este vídeo foi criado com inteligência artificial."),
    "ro": (
        "Această voce a fost creată cu inteligență artificială.",
        "Acest video a fost creat cu inteligență artificială.",
    ),
    "sv": (
        "Den här rösten är skapad med artificiell intelligens.",
        "Den här videon är skapad med artificiell intelligens.",
    ),
}
"""Language (ISO 639-1) -> what is said of a voice, and of a video."""


@dataclass(frozen=True, eq=False)
class Notice:
    """What is said before an output.

    Raises:
        UsageError: words that are not one line, or sound that is empty, longer than 20 s, or no sound.
    """

    language: str  # ISO 639-1
    words: str
    sound: np.ndarray = field(repr=False)  # float32 (n,), mono, 16 kHz, in [-1, 1]

    def __post_init__(self) -> None:
        for text, longest in ((self.language, 16), (self.words, LONGEST)):
            if type(text) is not str or not text.isprintable() or not 0 < len(text) <= longest:
                raise UsageError(f"notice {text!r}: a language and one line of words are needed")
        sound = sound_row(self.sound)
        if not 0 < len(sound) <= MOST * SAMPLE_RATE:
            raise UsageError(f"a notice of {len(sound) / SAMPLE_RATE:.1f} s: give one of up to {MOST:g} s")
        whole = np.pad(np.clip(sound, -1, 1), (0, -len(sound) % SAMPLES_PER_FRAME))
        whole.setflags(write=False)
        object.__setattr__(self, "sound", whole)

    @classmethod
    def of(cls, language: str = USUAL, kind: Literal["voice", "video"] = "video") -> "Notice":
        """As the synthesiser of this machine says it.

        Raises:
            UsageError: no sentence is written in this language, or there is no synthesiser, or none that speaks it.
            SpeechError: it failed.
        """
        words, voice = check_language(language)[kind == "video"], _voice(language)
        with tempfile.TemporaryDirectory(prefix="vasari-notice-") as folder:
            path = Path(folder) / "said.wav"
            voices.speak(words, voice, path)
            sound = read_sound(path)
        heard = np.flatnonzero(np.abs(sound) > QUIET * np.abs(sound).max(initial=0.0))
        if not len(heard) or not sound.any():
            raise UsageError(f"--notice {language}: {voices.PROGRAM} said nothing; install its voices")
        said = sound[heard[0] : heard[-1] + 1] * np.float32(PEAK / np.abs(sound).max())
        return cls(language, words, np.pad(said, (0, round(PAUSE * SAMPLE_RATE))))

    @property
    def frames(self) -> int:
        """Frames of video that it lasts."""
        return len(self.sound) // SAMPLES_PER_FRAME

    @property
    def seconds(self) -> float:
        """That it lasts."""
        return len(self.sound) / SAMPLE_RATE

    @property
    def silence(self) -> np.ndarray:
        """As long: float32 (n,)."""
        return np.zeros_like(self.sound)

    def before(self, sound: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The notice, then the sound."""
        return chain(np.split(self.sound, self.frames), sound)

    def held(self, frames: Iterable[T]) -> Iterator[T]:
        """Frames, the first as long as the notice lasts besides."""
        coming = iter(frames)
        for first in coming:
            yield from repeat(first, self.frames + 1)
            break
        yield from coming

    def said(self) -> dict[str, Any]:
        """What the credentials say."""
        return {"place": "start", "language": self.language, "words": self.words, "seconds": round(self.seconds, 2)}


def check_language(language: str) -> tuple[str, str]:
    """What is said of a voice, and of a video. Raises `UsageError` where nothing is written in a language."""
    if language not in SENTENCES:
        raise UsageError(f"--notice {language}: no sentence is written in it; choose one of {', '.join(SENTENCES)}")
    return SENTENCES[language]


def languages() -> list[str]:
    """Languages in which this machine can say a notice."""
    known = voices.voices()
    return [language for language in SENTENCES if _speaking(language, known)]


def _speaking(language: str, known: Iterable[str]) -> list[str]:
    return [code for code in known if code == language or code.startswith(f"{language}-")]


def _voice(language: str) -> str:
    known = voices.voices()
    if not known:
        raise UsageError(
            f"--notice: nothing on this machine can speak it; install {voices.PROGRAM} (apt install {voices.PROGRAM}), "
            "or leave --notice out"
        )
    found = _speaking(language, known)
    if not found:
        raise UsageError(f"--notice {language}: {voices.PROGRAM} on this machine has no voice for it")
    return min(found, key=lambda code: (code != SPEAKERS.get(language, language), code))
