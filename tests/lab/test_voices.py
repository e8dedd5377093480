"""Voices that sing, laugh, breathe, whisper and shout: what is heard, what the phones say, and what faces do."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from faces.actions import ACTION_INDEX
from generate.acting import CLASS_INDEX, CLASSES, SHUT, lips_to_actions, mouth_opening
from lab.performances import Phones, lip_frames, perform
from lab.performances.phones import VOWELS
from lab.performances.speechset import build_speech_set, load_speech_set
from lab.performances.synthesisers import Utterance
from lab.performances.vocal_styles import CHANGES, MANNERS, changed, check_shares, draw_manner
from lab.performances.vocals import NOTHING, Vocals
from lab.performances.vocoder import PERIOD, Voicing, installed
from lab.speaking.toy import toy_clip
from media.errors import UsageError

needs_vocoder = pytest.mark.skipif(not installed(), reason="pyworld is not installed")
SMILE, SQUINT, BROW = (ACTION_INDEX[name] for name in ("mouthSmileLeft", "cheekSquintLeft", "browInnerUp"))


@cache
def said(seed: int = 0, syllables: int = 10) -> Utterance:
    clip = toy_clip(np.random.default_rng(seed), "train", 0, syllables)
    return Utterance(clip.sound, clip.phones, "", clip.voice)


@cache
def made(manner: str, seed: int = 0) -> Utterance:
    rng = np.random.default_rng(seed)
    for attempt in range(8):
        found = changed(said(seed + attempt), manner, rng)
        if found is not None:
            return found
    raise AssertionError(f"no voice could be made to {manner}")


def calls(count: int = 5, first: float = 1.0) -> Phones:
    starts = first + 0.21 * np.arange(count)
    names, times = ["h", "a"] * count, np.sort(np.concatenate([starts - 0.09, starts, starts + 0.09]))
    edges = times.reshape(-1, 3)
    vocals = Vocals.of("call", starts, starts + 0.09, 0.9 ** np.arange(count))
    return Phones.from_names(names, list(edges[:, :2].ravel()), list(edges[:, 1:].ravel()), vocals)


@needs_vocoder
@pytest.mark.parametrize("manner", CHANGES)
def test_phones_stay_in_order_and_inside_the_sound(manner: str) -> None:
    utterance = made(manner)
    phones, seconds = utterance.phones, len(utterance.speech) / 16_000
    assert utterance.manner == manner
    assert utterance.speech.dtype == np.float32
    assert 0.05 < np.abs(utterance.speech).max() <= 1
    assert (phones.ends > phones.starts).all()
    assert (phones.starts[1:] >= phones.ends[:-1] - 1e-9).all()
    assert phones.starts[0] >= 0
    assert phones.ends[-1] <= seconds + 0.02
    assert len(phones.vocals)


@needs_vocoder
@pytest.mark.parametrize("manner", CHANGES)
def test_the_same_seed_makes_the_same_sound(manner: str) -> None:
    assert np.array_equal(made(manner).speech, made.__wrapped__(manner).speech)


@needs_vocoder
def test_song_holds_its_notes() -> None:
    plain, song = said(), changed(said(), "song", np.random.default_rng(3))
    assert song is not None
    usual, voice, notes = Voicing.of(plain.speech).usual_pitch, Voicing.of(song.speech), song.phones.vocals.only("note")
    assert len(notes) >= 8
    for start, end, semitones in zip(notes.starts, notes.ends, notes.amounts, strict=True):
        pitch = voice.pitch[int((start + 0.06) / PERIOD) : int((end - 0.03) / PERIOD)]
        apart = 12 * np.log2(np.median(pitch[pitch > 0]) / usual) - semitones
        assert abs((apart + 6) % 12 - 6) < 0.6  # readers of pitch may err by an octave on tones as bare as these


@needs_vocoder
def test_song_stretches_vowels_and_leaves_consonants() -> None:
    plain = said().phones
    song = changed(said(), "song", np.random.default_rng(0))
    assert song is not None
    kept = len(song.phones.classes)
    assert np.array_equal(song.phones.classes, plain.classes[:kept])
    before, after = (plain.ends - plain.starts)[:kept], song.phones.ends - song.phones.starts
    vowel = np.array([CLASSES[c] in VOWELS for c in song.phones.classes])
    assert after[~vowel][1:] == pytest.approx(before[~vowel][1:], abs=0.03)
    assert np.median(after[vowel] / before[vowel]) > 1.8


@needs_vocoder
def test_vowels_of_a_song_begin_on_the_half_beats() -> None:
    song = changed(said(), "song", np.random.default_rng(5))
    assert song is not None
    beats, notes = song.phones.vocals.only("beat"), song.phones.vocals.only("note")
    half = (beats.ends - beats.starts)[0] / 2
    apart = (np.diff(notes.starts) / half) % 1
    assert np.minimum(apart, 1 - apart).max() < 0.02


@needs_vocoder
def test_laughter_is_as_fast_as_published_and_grows_softer() -> None:
    rates, levels = [], []
    for seed in range(4):
        found = made("laughter", seed).phones.vocals.only("call")
        gaps = np.diff(found.starts)
        rates += list(1 / gaps[gaps < 0.5])
        levels.append(np.polyfit(found.starts, np.log(found.amounts), 1)[0])
    assert 3.5 < np.mean(rates) < 5.5  # calls a second (Bachorowski et al. 2001: 4.4)
    assert np.mean(levels) < 0


@needs_vocoder
def test_calls_are_heard_where_the_phones_say() -> None:
    utterance = made("laughter", 1)
    found = utterance.phones.vocals.only("call")
    hop = 160
    level = np.sqrt((utterance.speech[: len(utterance.speech) // hop * hop].reshape(-1, hop) ** 2).mean(1))
    for start, end in zip(found.starts, found.ends, strict=True):
        inside = level[int(start * 100) : int(np.ceil(end * 100))]
        gap = level[int(end * 100) + 3 : int(end * 100) + 8]
        assert inside.max() > 1.5 * gap.min()
    assert set(np.unique(utterance.phones.classes)) >= {CLASS_INDEX["h"]}


@needs_vocoder
def test_breaths_are_noise_where_nobody_spoke() -> None:
    utterance = made("breath")
    breaths = utterance.phones.vocals.only("breath")
    assert ((breaths.ends - breaths.starts >= 0.3) & (breaths.ends - breaths.starts <= 0.61)).all()
    for start, end in zip(breaths.starts, breaths.ends, strict=True):
        during = utterance.speech[int(start * 16_000) : int(end * 16_000)]
        assert 0 < during.std() < 0.5 * utterance.speech.std()
        spoken = (utterance.phones.starts < end) & (utterance.phones.ends > start)
        assert (utterance.phones.classes[spoken] == CLASS_INDEX["sil"]).all()


@needs_vocoder
def test_whispers_have_no_tone_and_shouts_a_higher_one() -> None:
    usual = Voicing.of(said().speech).usual_pitch
    assert (Voicing.of(made("whisper").speech).pitch > 0).mean() < 0.15
    assert Voicing.of(made("shout").speech).usual_pitch > 1.15 * usual


@needs_vocoder
def test_a_voice_without_tone_does_not_sing_or_laugh() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, len(said().speech)).astype(np.float32)
    for manner in ("song", "laughter"):
        assert changed(replace(said(), speech=noise), manner, np.random.default_rng(0)) is None


def test_a_held_note_opens_the_mouth_wider_the_higher_it_is() -> None:
    def opening(semitones: float | None) -> float:
        vocals = NOTHING if semitones is None else Vocals.of("note", 0.3, 1.1, semitones)
        phones = Phones.from_names(["t", "a", "t"], [0.2, 0.3, 1.1], [0.3, 1.1, 1.2], vocals)
        return float(mouth_opening(lips_to_actions(*lip_frames(phones, 40))).max())

    assert opening(None) < 0.95 * opening(0.0) < 0.9 * opening(12.0)


def test_bilabials_shut_in_a_song() -> None:
    vocals = Vocals.of("note", np.array([0.1, 0.9]), np.array([0.8, 1.6]), np.array([10.0, 12.0]))
    phones = Phones.from_names(["a", "p", "a"], [0.1, 0.8, 0.9], [0.8, 0.9, 1.6], vocals)
    opening = mouth_opening(lips_to_actions(*lip_frames(phones, 50)))
    assert opening[20:23].min() <= SHUT
    assert opening[8:18].min() > 0.3


def test_the_mouth_opens_with_every_call_of_a_laugh() -> None:
    phones = calls()
    opening = mouth_opening(lips_to_actions(*lip_frames(phones, 70)))
    found = phones.vocals
    middles = (25 * (found.starts + found.ends) / 2).astype(int)
    between = (25 * (found.ends[:-1] + found.starts[1:]) / 2).astype(int)
    assert (opening[middles[:-1]] > 1.15 * opening[between]).all()
    assert (opening[middles] > 4 * SHUT).all()


def test_a_laughing_face_smiles_with_cheeks_and_throws_back_its_head() -> None:
    quiet = np.zeros(16_000 * 4, np.float32)
    laughing, calm = (perform(phones, quiet, seed=3) for phones in (calls(7), replace(calls(7), vocals=NOTHING)))
    during = slice(35, 60)
    for action in (SMILE, SQUINT):
        assert laughing.actions[during, action].mean() > 0.3 + calm.actions[during, action].mean()
    assert (laughing.rotation - calm.rotation)[during, 1].min() < -np.radians(1.5)
    assert np.abs(np.diff(np.degrees(laughing.rotation), axis=0)).max() * 25 < 80  # a head does not snap


def test_lips_part_for_a_breath_and_not_without_one() -> None:
    empty = Phones.from_names([], [], [])
    breath = replace(empty, vocals=Vocals.of("breath", 1.0, 1.5, 1.0))
    with_it, without = (mouth_opening(perform(p, np.zeros(48_000, np.float32)).actions) for p in (breath, empty))
    assert (with_it[27:36] > SHUT).all()
    assert without.max() <= SHUT
    assert with_it[:20].max() <= SHUT


def test_high_notes_raise_the_brows_and_the_beat_sways_the_head() -> None:
    def sung(semitones: float) -> np.ndarray:
        beats = np.arange(0, 6, 0.6)
        vocals = Vocals.together(
            Vocals.of("note", beats, beats + 0.5, semitones), Vocals.of("beat", beats, beats + 0.6, 1.0)
        )
        phones = replace(Phones.from_names([], [], []), vocals=vocals)
        return perform(phones, np.zeros(6 * 16_000, np.float32), seed=1)

    high, low = sung(11.0), sung(0.0)
    assert high.actions[30:, BROW].mean() > 0.2 + low.actions[30:, BROW].mean()
    roll = np.degrees(low.rotation[25:125, 2] - low.rotation[25:125, 2].mean())
    spectrum = np.abs(np.fft.rfft(roll * np.hanning(100)))
    assert np.fft.rfftfreq(100, 1 / 25)[spectrum.argmax()] == pytest.approx(1 / 1.2, abs=0.26)


def test_vocals_move_with_their_phones() -> None:
    phones = calls()
    later = Phones.joined([phones, phones], [2.0, 6.0])
    assert later.vocals.starts == pytest.approx(np.concatenate([phones.vocals.starts + 2, phones.vocals.starts + 6]))
    assert later.starts[0] == pytest.approx(phones.starts[0] + 2)
    faster = phones.window(0.5, 3.0, 2.0)
    assert faster.vocals.starts == pytest.approx((phones.vocals.starts - 0.5) / 2)
    assert faster.starts == pytest.approx((phones.starts - 0.5) / 2)


def test_shares_are_checked_and_drawn() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_manner({"song": 0.5, "laughter": 0.1}, rng) for _ in range(2000)]
    assert np.mean([d == "song" for d in drawn]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([d == "speech" for d in drawn]) == pytest.approx(0.4, abs=0.04)
    assert set(drawn) < set(MANNERS)
    with pytest.raises(UsageError, match="yodel"):
        check_shares({"yodel": 0.1})
    with pytest.raises(UsageError, match="between 0 and 1"):
        check_shares({"song": 1.5})
    with pytest.raises(UsageError, match="add up"):
        check_shares({"song": 0.7, "laughter": 0.7})


@needs_vocoder
def test_a_set_is_changed_and_keeps_its_splits_and_what_the_voices_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab.performances import speechset

    plain = [toy_clip(np.random.default_rng(i), "train", i) for i in range(3)]
    held = [replace(c, voice=replace(c.voice, speaker="flite-rms", source="flite"), prompt=f"flite-{i}") for i, c in
            enumerate(plain)]  # fmt: skip
    monkeypatch.setattr(speechset, "load_speech_set", lambda _: held)
    count = build_speech_set(tmp_path, n=4, seed=1, manners={"song": 0.5, "laughter": 0.5}, base=tmp_path)
    monkeypatch.undo()
    clips = load_speech_set(tmp_path)
    assert count == len(clips) == 4
    assert {c.manner for c in clips} <= {"song", "laughter"}
    assert {c.split for c in clips} == {"test"}
    for clip in clips:
        kind = "note" if clip.manner == "song" else "call"
        assert len(clip.phones.vocals.only(kind))
        assert clip.phones.vocals.ends.max() < len(clip.speech) / 16_000 + 2
