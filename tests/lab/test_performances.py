"""Synthetic performances: lips that shut, eyes that blink, heads that move like heads."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.acting import (
    CHANNELS,
    CLASSES,
    EMOTIONS,
    SHUT,
    Controls,
    emotion_amounts,
    emotion_offsets,
    lips_to_actions,
    mouth_opening,
)
from lab.performances import Phones, class_frames, lip_frames, perform, recordings
from lab.performances.phones import DOMINANCE, TARGETS, ipa_classes
from lab.performances.speechset import build_speech_set, load_speech_set, split_of
from lab.performances.synthesisers import Espeak, Voice
from lab.performances.texts import SENTENCES, sentence
from lab.speaking.evaluate import closures
from lab.speaking.toy import toy_clip
from media.errors import MissingExtraError, UnreadableError, UsageError


def talk(seed: int = 0, syllables: int = 40) -> tuple[Phones, np.ndarray]:
    clip = toy_clip(np.random.default_rng(seed), "train", 0, syllables)
    return clip.phones, clip.speech.astype(np.float32) / 32768


def test_tables_fit_together() -> None:
    assert TARGETS.shape == (len(CLASSES), len(CHANNELS))
    assert DOMINANCE.shape == (len(CLASSES), 4)
    assert ((TARGETS >= 0) & (TARGETS <= 1)).all()


@pytest.mark.parametrize(
    ("symbol", "classes"),
    [
        ("ˈaɪ", ("a", "ɪ")),
        ("tʃ", ("ʃ",)),
        ("m", ("p",)),
        ("_:", ("sil",)),
        ("yː", ("u",)),
        ("ts", ("s",)),
        ("ʋ", ("f",)),
    ],
)
def test_ipa(symbol: str, classes: tuple[str, ...]) -> None:
    assert ipa_classes(symbol) == classes


@pytest.mark.parametrize("emotion", [None, *((name, 1.0) for name in EMOTIONS)])
def test_lips_shut_on_every_bilabial(emotion: tuple[str, float] | None) -> None:
    phones, speech = talk()
    opening = mouth_opening(perform(phones, speech, controls=Controls(emotion=emotion)).actions)
    hits = closures(opening, phones)
    assert len(hits) >= 8
    assert hits.all()


def test_short_bilabials_shut_wherever_they_fall_between_frames() -> None:
    for shift in np.linspace(0, 0.04, 9):
        starts = np.array([0.0, 0.30, 0.33]) + np.array([0, shift, shift])
        phones = Phones.from_names(["a", "p", "a"], list(starts), [starts[1], starts[2], 0.8])
        opening = mouth_opening(lips_to_actions(*lip_frames(phones, 20)))
        assert opening.min() <= SHUT
        assert opening.max() > 0.2


def test_classes_look_different() -> None:
    def middle(name: str) -> dict[str, float]:
        phones = Phones.from_names([name], [0.0], [0.4])
        return dict(zip(CHANNELS, lip_frames(phones, 10)[0][5], strict=True))

    assert middle("a")["jawOpen"] > 2 * middle("s")["jawOpen"]
    assert middle("u")["mouthPucker"] > 0.4 > 10 * middle("i")["mouthPucker"]
    assert middle("f")["mouthRollLower"] > 0.3
    assert middle("i")["mouthStretch"] > 0.2


def test_lips_prepare_before_the_sound() -> None:
    phones = Phones.from_names(["t", "u"], [0.0, 0.4], [0.4, 0.8])
    pucker = lip_frames(phones, 20)[0][:, CHANNELS.index("mouthPucker")]
    assert pucker[9] > 0.25 * pucker.max()  # the frame that ends as the vowel begins
    assert pucker[9] > 2 * pucker[5]


def test_silence_is_a_shut_and_living_mouth() -> None:
    clip = perform(Phones.from_names([], [], []), np.zeros(16_000 * 60, np.float32), seed=4)
    assert mouth_opening(clip.actions).max() <= SHUT
    assert clip.actions[:, ACTION_INDEX["eyeBlinkLeft"]].max() > 0.95
    assert clip.rotation.std() > 1e-3


def test_performance_ranges_and_smoothness() -> None:
    phones, speech = talk(1, 120)
    clip = perform(phones, speech, seed=2)
    assert clip.actions.shape == (-(-len(speech) // 640), len(FACIAL_ACTIONS))
    assert clip.actions.dtype == np.float32
    assert clip.actions.min() >= 0
    assert clip.actions.max() <= 1
    degrees = np.degrees(clip.rotation)
    assert 0.5 < degrees.std(axis=0).mean() < 5
    assert np.abs(np.diff(degrees, axis=0)).max() * 25 < 80  # a head does not snap
    assert np.abs(np.degrees(clip.gaze)).max() < 20


def test_blinks_are_about_as_frequent_as_people_s() -> None:
    phones, speech = talk(3, 240)
    count = 0
    for seed in range(6):
        lids = perform(phones, speech, seed=seed).actions[:, ACTION_INDEX["eyeBlinkLeft"]]
        count += int(((lids[1:] > 0.9) & (lids[:-1] <= 0.9)).sum())
    a_minute = count / (6 * len(speech) / 16_000 / 60)
    assert 10 < a_minute < 26


def test_blinks_shut_fast_and_open_slowly() -> None:
    clip = perform(Phones.from_names([], [], []), np.zeros(16_000 * 30, np.float32))
    lids = clip.actions[:, ACTION_INDEX["eyeBlinkLeft"]]
    peak = int(lids.argmax())
    assert lids[peak] > 0.95
    assert (lids[peak - 3 : peak] > 0.05).sum() < (lids[peak + 1 : peak + 7] > 0.05).sum()


def test_seed_decides_everything_but_the_lips() -> None:
    phones, speech = talk(2)
    first, again, other = (perform(phones, speech, seed=s) for s in (1, 1, 2))
    for field in ("actions", "rotation", "translation", "gaze"):
        assert np.array_equal(getattr(first, field), getattr(again, field))
    assert not np.allclose(first.rotation, other.rotation)
    jaw = ACTION_INDEX["jawOpen"]
    assert np.array_equal(first.actions[:, jaw], other.actions[:, jaw])


def test_controls() -> None:
    phones, speech = talk(2, 60)
    aside = perform(phones, speech, controls=Controls(gaze=(0.3, -0.1)))
    assert np.median(aside.gaze, axis=0) == pytest.approx((0.3, -0.1), abs=0.05)
    far = perform(phones, speech, controls=Controls(distance=1.5))
    assert far.translation[-1, 2] == pytest.approx(-2.0, abs=0.2)
    still = perform(phones, speech, controls=Controls(intensity=0.0))
    assert np.abs(still.rotation).max() == 0


def test_emotions() -> None:
    def offsets(emotion: Any) -> np.ndarray:
        return emotion_offsets(emotion_amounts(emotion))

    seen = [offsets((name, 1.0)) for name in EMOTIONS]
    assert not seen[EMOTIONS.index("neutral")].any()
    for i, first in enumerate(seen):
        assert all(np.abs(first - second).max() > 0.1 for second in seen[i + 1 :])
    assert np.allclose(offsets(("happy", 0.5)), 0.5 * offsets(("happy", 1.0)))
    assert np.allclose(offsets({"happy": 0.5, "sad": 0.25}), 0.5 * seen[1] + 0.25 * seen[2])
    with pytest.raises(UsageError, match="bored"):
        offsets(("bored", 0.5))
    with pytest.raises(UsageError, match="between 0 and 1"):
        offsets(("sad", 2.0))
    with pytest.raises(UsageError, match="add up"):
        offsets({"sad": 0.6, "happy": 0.6})


def test_class_frames() -> None:
    phones = Phones.from_names(["p", "a"], [0.1, 0.2], [0.2, 0.3])
    names = [CLASSES[c] for c in class_frames(phones, 20, 50.0)]
    assert names[:5] == ["sil"] * 5
    assert names[5:10] == ["p"] * 5
    assert names[10:15] == ["a"] * 5
    assert names[15:] == ["sil"] * 5


def test_sentences_can_be_drawn_in_every_language() -> None:
    rng = np.random.default_rng(0)
    assert all(sentence(language, rng) for language in SENTENCES for _ in range(20))


def test_splits_share_no_speaker_and_hold_out_languages() -> None:
    assert split_of(Voice("recorded", "", "ru", "recorded-ru", ""), "hello") == "test"
    assert split_of(Voice("espeak-ng", "it", "it", "espeak+m0", ""), "x") == "test"
    assert {split_of(Voice("kokoro", "", "en", f"kokoro-{i}", ""), "x") for i in range(8)} == {
        "train",
        "validation",
        "test",
    }


def test_a_set_can_be_built_and_read(tmp_path: Path) -> None:
    if not Espeak().voices(("en",)):
        pytest.skip("espeak-ng is not installed")
    count = build_speech_set(tmp_path / "set", n=2, seed=0, sources=("espeak-ng",))
    clips = load_speech_set(tmp_path / "set")
    assert len(clips) == count == 2
    assert all(len(c.phones.classes) > 3 and c.phones.ends[-1] <= len(c.speech) / 16_000 + 0.1 for c in clips)


def test_nothing_installed_or_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match="apt install"):
        build_speech_set(tmp_path, n=1, seed=0, sources=())
    with pytest.raises(UnreadableError, match="vasari data speech"):
        load_speech_set(tmp_path / "none")


def test_spoken_stamps_are_read_with_their_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said in the language that is asked for; not what is short, or has something in brackets."""
    (tmp_path / "apple.txt").write_text("An apple.\nfr.utf8=Une pomme.\nes.utf8=Una manzana (roja).\n", "utf-8")
    sound = (3000 * np.sin(np.arange(16_000) / 9)).astype(np.int16)
    for name, length in (("apple_desc", 16_000), ("apple_desc_fr", 12_000), ("apple_desc_es", 16_000)):
        wavfile.write(tmp_path / f"{name}.ogg", 16_000, sound[:length])
    wavfile.write(tmp_path / "pear_desc_fr.ogg", 16_000, sound)  # nobody says what it says
    monkeypatch.setattr(recordings, "STAMPS", tmp_path)
    monkeypatch.setattr(recordings, "ROOT", tmp_path)
    monkeypatch.setattr(recordings, "TEXTS", tmp_path)
    found = {voice.language: (len(speech), text, voice.speaker)
             for speech, text, _, voice in recordings.recordings(("en", "fr", "es", "ru"))}  # fmt: skip
    assert found == {"en": (16_000, "An apple.", "stamps-en"), "fr": (12_000, "Une pomme.", "stamps-fr")}


def test_voices_of_stamps_are_held_out_whole() -> None:
    assert split_of(Voice("recorded", "", "bg", "stamps-bg", ""), "x") == "validation"
    assert split_of(Voice("recorded", "", "ru", "stamps-ru", ""), "x") == "test"
