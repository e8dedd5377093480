"""A set of speech with timed phones on disk: recorded prompts, aligned, and whatever synthesisers are installed here.

A set is a folder: `index.jsonl`, one line a clip (name, seconds, text, source, voice, language, speaker, licence,
split, manner), and for each clip `clips/NAME.wav` (16 kHz mono 16-bit) and `clips/NAME.npz` (classes, starts, ends in
seconds; and of what else the voice does, `vocals`: kinds, amounts, begin, stop). A share of the clips is sung, laughed
and so on: `manners`.

Splits are by who speaks and in which language, so that what is measured was never heard: see `split_of`.
"""

import json
import logging
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from generate.acting import CLASSES
from lab.performances.align import Aligner
from lab.performances.kokoro import Kokoro
from lab.performances.phones import Phones
from lab.performances.recordings import FOLDERS, STAMPED, recordings
from lab.performances.recordings import INSTALL as RECORDINGS_INSTALL
from lab.performances.synthesisers import INSTALL, Espeak, Festival, Flite, Synthesiser, Utterance, Voice
from lab.performances.texts import SENTENCES, sentence
from lab.performances.vocal_styles import SHARES as MANNER_SHARES
from lab.performances.vocal_styles import SPEECH, changed, check_shares, draw_manner
from lab.performances.vocals import KIND_INDEX, KINDS, NOTHING, Vocals
from lab.performances.vocoder import INSTALL as VOCODER_INSTALL
from lab.performances.vocoder import installed
from media.errors import MissingExtraError, UnreadableError
from media.units import SAMPLE_RATE

log = logging.getLogger(__name__)
SPELLED_AS = {  # voices of espeak-ng that spell what is recorded, or synthesised without exact times
    "en": "en-us", "es": "es-419", "fr": "fr", "it": "it", "ru": "ru", "ca": "ca", "ro": "ro", "bg": "bg", "da": "da",
    "el": "el", "pt": "pt-br", "de": "de", "pl": "pl",
}  # fmt: skip
SHARES = {
    "kokoro": 0.35,
    "espeak-ng": 0.35,
    "festival": 0.22,
    "flite": 0.08,
}  # of the synthesised clips, where installed
TRIES = 8  # clips that are tried for a manner that not every clip can take
TEST_LANGUAGES = frozenset({"it", "ru", "el", "sw"})
VALIDATION_LANGUAGES = frozenset({"hu"})
TEST_SPEAKERS = frozenset(
    {"espeak+f5", "espeak+m7", "festival-czech_machac", "festival-suo_fi_lj_diphone", "flite-rms"}
)
VALIDATION_SPEAKERS = frozenset(
    {"espeak+f4", "espeak+m6", "festival-czech_dita", "festival-ked_diphone", "flite-awb", "stamps-bg"}
)


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
    manner: str = SPEECH  # of `manners.MANNERS`
    prompt: str = ""  # what it was made from, see `split_of`

    @property
    def sound(self) -> np.ndarray:
        """(N,) float32 in [-1, 1]."""
        return self.speech.astype(np.float32) / 32768


def build_speech_set(
    out: Path,
    *,
    n: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    sources: tuple[str, ...] = ("recorded", *SHARES),
    manners: Mapping[str, float] | None = None,
    base: Path | None = None,
) -> int:
    """Make a set in the folder `out`, new or empty: all recorded prompts that are installed and `n` synthesised clips;
    or, from a set that there is, `n` of its clips in other manners.

    Args:
        progress: called with (clips done, about how many in all).
        sources: which of "recorded", "kokoro", "espeak-ng", "festival", "flite" to use where installed.
        manners: shares of the `n` clips that are sung, laughed and so on (`manners.MANNERS`), the rest is spoken; None:
            the usual ones, none without the vocoder that they need.
        base: folder of a set whose spoken clips are changed, instead of new ones; splits stay as they are there.

    Returns: how many clips were written.

    Raises:
        MissingExtraError: nothing to make speech with is installed, or no vocoder and manners are asked for.
        UsageError: a manner is not known, or the shares add up to more than 1.
        UnreadableError: `base` holds no speech set.
    """
    shares = dict(MANNER_SHARES if manners is None else manners)
    check_shares(shares)
    if not installed():
        if manners is not None and any(share for name, share in shares.items() if name != SPEECH):
            raise MissingExtraError(
                f"the WORLD vocoder is not installed, which changes voices; run `{VOCODER_INSTALL}`"
            )
        log.warning("nobody sings, laughs or whispers in this set: that needs a vocoder (%s)", VOCODER_INSTALL)
        shares = {}
    if base is not None:
        found = [c for c in load_speech_set(base) if c.manner == SPEECH and c.voice.source in sources]
        return _write_all(out, _again(found, shares, n, seed), n, progress)
    espeak = Espeak()
    known: dict[str, Synthesiser] = {
        "espeak-ng": espeak,
        "festival": Festival(),
        "flite": Flite(),
        "kokoro": Kokoro(espeak),
    }
    engines = {name: engine for name, engine in known.items() if name in sources}
    has_prompts = "recorded" in sources and bool(espeak.voices(("en",)))
    prompts = sorted({*FOLDERS, *STAMPED}) if has_prompts else []
    voices = {name: engine.voices(tuple(SENTENCES)) for name, engine in engines.items()}
    voices = {name: found for name, found in voices.items() if found}
    if not voices and not any(True for _ in recordings(tuple(prompts))):
        raise MissingExtraError(
            f"no speech synthesiser is installed; run `{INSTALL}` (recorded prompts: `{RECORDINGS_INSTALL}`)"
        )
    total = n * bool(voices) + 500 * len(prompts)
    return _write_all(out, _everything(engines, voices, prompts, espeak, n, seed, shares), total, progress)


def _write_all(
    out: Path, made: Iterator[tuple[str, Utterance]], total: int, progress: Callable[[int, int], None] | None
) -> int:
    (out / "clips").mkdir(parents=True, exist_ok=True)
    done = 0
    with (out / "index.jsonl").open("w", buffering=1) as index:
        for name, utterance in made:
            row = _write(out, f"{done:05d}", name, utterance)
            index.write(json.dumps(row, ensure_ascii=False) + "\n")
            done += 1
            if progress is not None:
                progress(done, total)
    return done


def _again(clips: list[Clip], shares: Mapping[str, float], n: int, seed: int) -> Iterator[tuple[str, Utterance]]:
    """`n` changes of `clips`, of every source as often."""
    rng = np.random.default_rng(seed)
    pools = [[c for c in clips if c.voice.source == source] for source in sorted({c.voice.source for c in clips})]
    for _ in range(n):
        manner = draw_manner(shares, rng)
        for _ in range(TRIES):
            pool = pools[rng.integers(len(pools))]
            clip = pool[rng.integers(len(pool))]
            made = changed(Utterance(clip.sound, clip.phones, clip.text, clip.voice), manner, rng)
            if made is not None:
                yield clip.prompt, made
                break


def _everything(
    engines: dict[str, Synthesiser],
    voices: dict[str, list[Voice]],
    prompts: list[str],
    espeak: Espeak,
    n: int,
    seed: int,
    manners: Mapping[str, float],
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
            yield f"{name}-{i}", changed(utterance, draw_manner(manners, rng), rng) or utterance


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
    align = Aligner.load(espeak)
    for speech, text, name, voice in found:
        if len(speech) > 20 * SAMPLE_RATE or re.search(r"\d", text):
            continue  # long ones align badly; digits are read in more ways than one
        phones = align(speech, text, SPELLED_AS[language])
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
        kinds=np.array([KINDS[k] for k in phones.vocals.kinds], dtype=np.str_),
        amounts=phones.vocals.amounts.astype(np.float32),
        begin=phones.vocals.starts.astype(np.float32),
        stop=phones.vocals.ends.astype(np.float32),
    )
    return {
        "name": number,
        "split": split_of(utterance.voice, name),
        "seconds": round(len(pcm) / SAMPLE_RATE, 3),
        "text": utterance.text,
        "prompt": name,
        "manner": utterance.manner,
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
                    vocals = _vocals(timing) if "kinds" in timing else NOTHING
                    phones = Phones.from_names(list(timing["classes"]), timing["starts"], timing["ends"], vocals)
            except (OSError, ValueError, KeyError) as error:
                raise UnreadableError(f"{stem}.wav: not a clip of a speech set ({error})") from error
            voice = Voice(row["source"], row["voice"], row["language"], row["speaker"], row["licence"])
            name, told = f"{index.parent.name}/{row['name']}", (row.get("manner", SPEECH), row.get("prompt", ""))
            clips.append(Clip(name, row["split"], speech, phones, voice, row["text"], *told))
    if not clips:
        raise UnreadableError(f"{folder}: holds no speech set; make one with `vasari data speech -o {folder}`")
    return clips


def place(into: np.ndarray, what: np.ndarray, at: int) -> None:
    """Copy `what` into `into` from index `at` on, as far as it lies inside."""
    first, last = max(at, 0), min(at + len(what), len(into))
    if last > first:
        into[first:last] = what[first - at : last - at]


def _vocals(timing: Mapping[str, np.ndarray]) -> Vocals:
    kinds = np.array([KIND_INDEX[name] for name in timing["kinds"]], np.int64)
    return Vocals(kinds, *(timing[name].astype(np.float64) for name in ("begin", "stop", "amounts")))
