"""What is said in the benchmark: voices and languages that were never trained on, their phones known."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.suites import Given
from lab.performances import Phones
from lab.performances.scenes import joined
from lab.performances.speechset import TEST_LANGUAGES, Clip, load_speech_set
from lab.performances.vocal_styles import MANNERS, SPEECH
from lab.speaking.evaluate import Spoken, read_eval_set
from media.units import SAMPLE_RATE

SHIPPED = Path(__file__).parents[1] / "data" / "speech"
VOICES = Path(__file__).parents[1] / "data" / "voices"  # clips that are sung, laughed and so on
LONG = 30  # seconds of a talk
LONGEST = 10  # seconds of a clip that is sung, laughed and so on
SHIPPED_QUICK = 2  # shipped clips of a manner
EACH, EACH_QUICK = 120, 3  # clips of a group of a speech set
MANNER, MANNER_QUICK = 40, 1  # clips of a manner that are added from a speech set


@dataclass(frozen=True)
class Talks:
    """Clips by where they come from, and long talks made of them."""

    groups: dict[str, list[Spoken]]  # shipped; recorded, home, synthesised (from a speech set)
    manners: dict[str, list[Spoken]] = field(default_factory=dict)  # what is not plain speech, by manner

    @classmethod
    def of(cls, given: Given) -> "Talks":
        """The clips of a run. From a speech set: its test split, people recorded in languages never trained on, in
        studios ("recorded") and with their own microphones ("home")."""
        groups = {"shipped": read_eval_set(SHIPPED)}
        others = read_eval_set(VOICES)
        if given.quick:
            groups = {"shipped": groups["shipped"][1::2]}  # one of each synthesiser
            others = [clip for found in _by_manner(others).values() for clip in found[:SHIPPED_QUICK]]
        if given.speech_set is None:
            return cls(groups, _by_manner(others))
        rng = np.random.default_rng(2024)
        held = [c for c in load_speech_set(given.speech_set) if c.split == "test" and len(c.speech) > SAMPLE_RATE]
        unseen = [c for c in held if c.manner == SPEECH]
        for name in ("recorded", "home", "synthesised"):
            found = [c for c in unseen if _group(c) == name]
            if name != "synthesised":
                found = [c for c in found if c.voice.language in TEST_LANGUAGES]
            count = min(len(found), EACH_QUICK if given.quick else EACH)
            groups[name] = [_spoken(found[i]) for i in rng.permutation(len(found))[:count]]
        rest = [c for c in held if c.manner != SPEECH and len(c.speech) < LONGEST * SAMPLE_RATE]
        rest = [_spoken(rest[i]) for i in rng.permutation(len(rest))]
        more = {name: found[: MANNER_QUICK if given.quick else MANNER] for name, found in _by_manner(rest).items()}
        others += [clip for found in more.values() for clip in found]
        return cls({name: clips for name, clips in groups.items() if clips}, _by_manner(others))

    def long(self, count: int, seconds: int = LONG) -> list[tuple[Phones, np.ndarray]]:
        """`count` talks, clips and pauses: phones and speech (N,) float32, the first `seconds` of each."""
        clips = [clip for group in self.groups.values() for clip in group]
        said = [(clip.phones, clip.speech) for clip in clips]
        made = [joined(said, np.random.default_rng((77, i)), LONG) for i in range(2 * count)]
        spoken = [(phones, speech[: seconds * SAMPLE_RATE]) for phones, speech in made if len(phones.classes) > 30]
        return spoken[:count]

    def dense(self, count: int, seconds: int) -> list[tuple[Phones, np.ndarray]]:
        """`count` talks of so many seconds without pauses of more than a breath, as on the news."""
        clips = [clip for group in self.groups.values() for clip in group]
        made = []
        for i in range(count):
            rng, at, chosen, starts = np.random.default_rng((78, i)), 0.2, [], []
            speech = np.zeros((seconds + LONGEST + 1) * SAMPLE_RATE, np.float32)
            while at < seconds:
                clip = clips[rng.integers(len(clips))]
                first, length = int(at * SAMPLE_RATE), min(len(clip.speech), LONGEST * SAMPLE_RATE)
                speech[first : first + length] = clip.speech[:length]
                chosen.append(clip.phones)
                starts.append(first / SAMPLE_RATE)
                at += length / SAMPLE_RATE + rng.uniform(0, 0.3)
            made.append((Phones.joined(chosen, starts), speech[: seconds * SAMPLE_RATE]))
        return made


def _group(clip: Clip) -> str:
    if clip.voice.source != "recorded":
        return "synthesised"
    return "home" if clip.voice.speaker.startswith("stamps-") else "recorded"


def _spoken(clip: Clip) -> Spoken:
    return Spoken(clip.name, clip.voice.language, clip.sound, clip.phones, clip.manner)


def _by_manner(clips: list[Spoken]) -> dict[str, list[Spoken]]:
    found = {manner: [c for c in clips if c.manner == manner] for manner in MANNERS}
    return {manner: those for manner, those in found.items() if those}
