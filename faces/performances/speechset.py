"""A set of speech with timed phones on disk: recorded prompts, aligned, and whatever synthesisers are installed here.

A set is a folder: `index.jsonl`, one line a clip (name, seconds, text, source, voice, language, speaker, licence,
split), and
for each clip `clips/NAME.wav` (16 kHz mono 16-bit) and `clips/NAME.npz` (classes, starts, ends in seconds).

Splits are by who speaks and in which language, so that what is measured was never heard: see `split_of`.
"""

import json
import logging
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from faces.performances.align import Aligner
from faces.performances.kokoro import Kokoro
from faces.performances.phones import CLASSES, Phones
from faces.performances.recordings import INSTALL as RECORDINGS_INSTALL
from faces.performances.recordings import recordings
from faces.performances.synthesisers import INSTALL, Espeak, Festival, Flite, Synthesiser, Utterance, Voice
from faces.performances.texts import SENTENCES, sentence
from media.errors import MissingExtraError, UnreadableError
from media.units import SAMPLE_RATE

log = logging.getLogger(__name__)
ALIGN_VOICE = {"en": "en-us", "es": "es-419", "fr": "fr", "it": "it", "ru": "ru"}
SHARES = {
    "kokoro": 0.35,
    "espeak-ng": 0.35,
    "festival": 0.22,
    "flite": 0.08,
}  # of the synthesised clips, where installed
TEST_LANGUAGES = frozenset({"it", "ru", "el", "sw"})
VALIDATION_LANGUAGES = frozenset({"hu"})
TEST_SPEAKERS = frozenset(
    {"espeak+f5", "espeak+m7", "festival-czech_machac", "festival-suo_fi_lj_diphone", "flite-rms"}
)
VALIDATION_SPEAKERS = frozenset({"espeak+f4", "espeak+m6", "festival-czech_dita", "festival-ked_diphone", "flite-awb"})


def split_of(voice: Voice, name: str) -> str:
    """Which split a clip belongs to: "train", "validation" or "test".

    Test: four languages (Italian and Russian, recorded and synthesised, Greek, Swahili),
    some speakers in every language, one in
    eight Kokoro voices, and one in twelve recorded prompts of the trained speakers. Validation: likewise, others.
    """
    if voice.language in TEST_LANGUAGES or voice.speaker in TEST_SPEAKERS:
        return "test"
    if voice.language in VALIDATION_LANGUAGES or voice.speaker in VALIDATION_SPEAKERS:
        return "validation"
    if voice.source == "kokoro":
        return {7: "test", 6: "validation"}.get(int(voice.speaker.split("-")[1]) % 8, "train")
    if voice.source == "recorded":
        return {0: "test", 1: "validation"}.get(zlib.crc32(name.encode()) % 12, "train")
    return "train"


@dataclass(frozen=True)
class Clip:
    """One clip of a set."""

    name: str
    split: str  # train, validation or test
    speech: np.ndarray  # (N,) int16 mono 16 kHz
    phones: Phones
    voice: Voice
    text: str


def build_speech_set(
    out: Path,
    *,
    n: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    sources: tuple[str, ...] = ("recorded", *SHARES),
) -> int:
    """Make a set in the folder `out`, new or empty: all recorded prompts that are installed and `n` synthesised clips.

    Args:
        progress: called with (clips done, about how many in all).
        sources: which of "recorded", "kokoro", "espeak-ng", "festival", "flite" to use where installed.

    Returns: how many clips were written.

    Raises:
        MissingExtraError: nothing to make speech with is installed.
    """
    espeak = Espeak()
    known: dict[str, Synthesiser] = {
        "espeak-ng": espeak,
        "festival": Festival(),
        "flite": Flite(),
        "kokoro": Kokoro(espeak),
    }
    engines = {name: engine for name, engine in known.items() if name in sources}
    has_prompts = "recorded" in sources and bool(espeak.voices(("en",)))
    prompts = sorted(ALIGN_VOICE) if has_prompts else []
    voices = {name: engine.voices(tuple(SENTENCES)) for name, engine in engines.items()}
    voices = {name: found for name, found in voices.items() if found}
    if not voices and not any(True for _ in recordings(tuple(prompts))):
        raise MissingExtraError(
            f"no speech synthesiser is installed; run `{INSTALL}` (recorded prompts: `{RECORDINGS_INSTALL}`)"
        )
    (out / "clips").mkdir(parents=True, exist_ok=True)
    total = n * bool(voices) + 500 * len(prompts)
    done = 0
    with (out / "index.jsonl").open("w", buffering=1) as index:
        for name, utterance in _everything(engines, voices, prompts, espeak, n, seed):
            row = _write(out, f"{done:05d}", name, utterance)
            index.write(json.dumps(row, ensure_ascii=False) + "\n")
            done += 1
            if progress is not None:
                progress(done, total)
    return done


def _everything(
    engines: dict[str, Synthesiser],
    voices: dict[str, list[Voice]],
    prompts: list[str],
    espeak: Espeak,
    n: int,
    seed: int,
) -> Iterator[tuple[str, Utterance]]:
    for language in prompts:
        yield from _aligned(language, espeak)
    if not voices:
        return
    rng = np.random.default_rng(seed)
    names = list(voices)
    shares = np.array([SHARES[name] for name in names])
    for i in range(n):
        name = names[rng.choice(len(names), p=shares / shares.sum())]
        voice = _pick(voices[name], rng)
        text = sentence(voice.language, rng)
        try:
            utterance = engines[name].speak(text, voice, rng)
        except (OSError, ValueError, RuntimeError) as error:  # a voice that is listed but broken costs one clip
            log.warning("%s %s: %s", name, voice.name, error)
            continue
        if len(utterance.speech) > SAMPLE_RATE // 2 and utterance.speech.any():
            yield f"{name}-{i}", utterance


def _pick(voices: list[Voice], rng: np.random.Generator) -> Voice:
    """A language first (English three times as often as others), then one of its voices."""
    languages = sorted({v.language for v in voices})
    weights = np.array([3.0 if lang == "en" else 1.0 for lang in languages])
    language = languages[rng.choice(len(languages), p=weights / weights.sum())]
    found = [v for v in voices if v.language == language]
    return found[rng.integers(len(found))]


def _aligned(language: str, espeak: Espeak) -> Iterator[tuple[str, Utterance]]:
    found = list(recordings((language,)))
    if not found:
        return
    align = Aligner(espeak, ALIGN_VOICE[language], [text for _, text, _, _ in found])
    for speech, text, name, voice in found:
        if len(speech) > 20 * SAMPLE_RATE or re.search(r"\d", text):
            continue  # long ones align badly; digits are read in more ways than one
        phones = align(speech, text)
        if phones is not None:
            yield name, Utterance(speech, phones, text, voice)


def _write(out: Path, number: str, name: str, utterance: Utterance) -> dict[str, Any]:
    pcm = (np.clip(utterance.speech, -1, 1) * 32767).astype(np.int16)
    wavfile.write(out / "clips" / f"{number}.wav", SAMPLE_RATE, pcm)
    phones = utterance.phones
    np.savez(
        out / "clips" / f"{number}.npz",
        classes=np.array([CLASSES[c] for c in phones.classes]),
        starts=phones.starts.astype(np.float32),
        ends=phones.ends.astype(np.float32),
    )
    return {
        "name": number,
        "split": split_of(utterance.voice, name),
        "seconds": round(len(pcm) / SAMPLE_RATE, 3),
        "text": utterance.text,
        "prompt": name,
        **{("voice" if key == "name" else key): value for key, value in asdict(utterance.voice).items()},
    }


def load_speech_set(folder: Path) -> list[Clip]:
    """All clips of the set in `folder`, or of all sets in folders under it.

    Raises:
        UnreadableError: there is no set, or a clip of it is missing or damaged.
    """
    clips = []
    for index in sorted(Path(folder).rglob("index.jsonl")):
        for line in index.read_text().splitlines():
            row = json.loads(line)
            stem = index.parent / "clips" / row["name"]
            try:
                _, speech = wavfile.read(f"{stem}.wav")
                with np.load(f"{stem}.npz") as timing:
                    phones = Phones.from_names(list(timing["classes"]), timing["starts"], timing["ends"])
            except (OSError, ValueError, KeyError) as error:
                raise UnreadableError(f"{stem}.wav: not a clip of a speech set ({error})") from error
            voice = Voice(row["source"], row["voice"], row["language"], row["speaker"], row["licence"])
            clips.append(Clip(f"{index.parent.name}/{row['name']}", row["split"], speech, phones, voice, row["text"]))
    if not clips:
        raise UnreadableError(f"{folder}: holds no speech set; make one with `vasari data speech -o {folder}`")
    return clips
