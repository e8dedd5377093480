"""Recordings of people with the text that each one says, as Debian packages them.

Prompts of telephones, `asterisk-core-sounds-*-g722`: read out by Allison Smith (English, Spanish) and June Wallack
(French), CC-BY-SA 3.0; provided by Maxim Topal (Russian) and recorded by Carlo Flora (Italian), CC-BY 3.0 and CC-BY-SA
3.0 as the packages state. What the stamps of Tux Paint show, `tuxpaint-stamps-default`: said by contributors in many
languages, at home, with their own microphones, GPL-2. The sound is used to learn from and is not shipped.
"""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lab.performances.synthesisers import Voice
from media.sound import read_sound
from media.units import SAMPLE_RATE

ROOT = Path("/usr/share/asterisk/sounds")
TEXTS = Path("/usr/share/doc")
FOLDERS = {
    "en": "en_US_f_Allison",
    "es": "es_MX_f_Allison",
    "fr": "fr_CA_f_June",
    "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
}
STAMPS = Path("/usr/share/tuxpaint/stamps")
STAMPED = ("en", "es", "fr", "ca", "ro", "bg", "da", "ru", "el")  # languages of spoken stamps
INSTALL = (
    "apt install asterisk-core-sounds-en-g722 asterisk-core-sounds-es-g722 asterisk-core-sounds-fr-g722 "
    "tuxpaint-stamps-default"
)


def transcripts(language: str) -> dict[str, str]:
    """Name of each prompt -> what it says, without the prompts that are tones or silence."""
    path = TEXTS / f"asterisk-core-sounds-{language}" / f"core-sounds-{language}.txt.gz"
    if not path.is_file():
        return {}
    with gzip.open(path, "rb") as file:
        raw = file.read()
    try:
        lines = raw.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        lines = raw.decode("latin-1").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith(";"))
    said = {name.strip(): re.sub(r"\s+", " ", text).strip() for name, text in pairs}
    return {name: text for name, text in said.items() if text and not re.search(r"[\[\]<>(){}]", text)}


def stamp_texts(path: Path) -> dict[str, str]:
    """Language -> how the stamp of a `.txt` is called in it; the first line is English."""
    lines = path.read_text("utf-8", errors="replace").splitlines()
    told = dict(re.findall(r"^(\w+)\.utf8=(.*)$", "\n".join(lines[1:]), re.MULTILINE))
    return {"en": lines[0].strip() if lines else ""} | {language: text.strip() for language, text in told.items()}


def recordings(languages: tuple[str, ...]) -> Iterator[tuple[np.ndarray, str, str, Voice]]:
    """(speech, text, name, voice) of every installed recording of at least half a second whose text is known."""
    for language in languages:
        yield from _prompts(language)
        yield from _stamps(language)


def _stamps(language: str) -> Iterator[tuple[np.ndarray, str, str, Voice]]:
    if language not in STAMPED or not STAMPS.is_dir():
        return
    ending = "_desc" if language == "en" else f"_desc_{language}"
    voice = Voice("recorded", "Tux Paint", language, f"stamps-{language}", "GPL-2")
    for path in sorted(STAMPS.rglob(f"*{ending}.ogg")):
        listed = path.with_name(path.stem.removesuffix(ending) + ".txt")
        text = stamp_texts(listed).get(language) if listed.is_file() else None
        if text and not re.search(r"[()/]", text):  # what is put in brackets is read out by some
            speech = read_sound(path)
            if len(speech) >= SAMPLE_RATE // 2:
                yield speech, text, str(path.relative_to(STAMPS).with_suffix("")), voice


def _prompts(language: str) -> Iterator[tuple[np.ndarray, str, str, Voice]]:
    if language in FOLDERS:
        folder = ROOT / FOLDERS[language]
        licence = "CC-BY-3.0" if language == "ru" else "CC-BY-SA-3.0"
        voice = Voice("recorded", FOLDERS[language], language, f"recorded-{language}", licence)
        for name, text in sorted(transcripts(language).items()):
            path = folder / f"{name}.g722"
            if path.is_file():
                speech = read_sound(path)
                if len(speech) >= SAMPLE_RATE // 2:
                    yield speech, text, name, voice
