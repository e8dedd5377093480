"""Recorded prompts of people: Debian's `asterisk-core-sounds-*-g722`, with the text that each one says.

Read out by Allison Smith (English, Spanish) and June Wallack (French),
CC-BY-SA 3.0; provided by Maxim Topal (Russian) and recorded by Carlo
Flora (Italian), CC-BY 3.0 and CC-BY-SA 3.0 as the packages state. The sound is used to learn from and is not shipped.
"""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from faces.performances.synthesisers import Voice
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
INSTALL = "apt install asterisk-core-sounds-en-g722 asterisk-core-sounds-es-g722 asterisk-core-sounds-fr-g722"


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


def recordings(languages: tuple[str, ...]) -> Iterator[tuple[np.ndarray, str, str, Voice]]:
    """(speech, text, name, voice) of every installed prompt of at least half a second that has a transcript."""
    for language in languages:
        folder = ROOT / FOLDERS.get(language, "-")
        licence = "CC-BY-3.0" if language == "ru" else "CC-BY-SA-3.0"
        voice = Voice("recorded", FOLDERS.get(language, ""), language, f"recorded-{language}", licence)
        for name, text in sorted(transcripts(language).items()):
            path = folder / f"{name}.g722"
            if path.is_file():
                speech = read_sound(path)
                if len(speech) >= SAMPLE_RATE // 2:
                    yield speech, text, name, voice
