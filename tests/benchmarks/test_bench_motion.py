"""The motion benchmark's measures: known motions give known figures."""

from pathlib import Path

import numpy as np
import pytest
from sitters import latent

from benchmarks.motion import lips, live, liveliness, voices
from benchmarks.motion.control import gaze_errors, judge_of_emotions
from benchmarks.motion.plots import confusion
from benchmarks.motion.talk import SHIPPED, VOICES, Talks
from faces.actions import ACTION_INDEX
from generate import Talker
from generate.acting import MotionClip
from lab.performances import Phones, perform
from lab.speaking.evaluate import read_eval_set


def clip_of(frames: int = 250, **fields: np.ndarray) -> MotionClip:
    empty = {"actions": (frames, 52), "rotation": (frames, 3), "translation": (frames, 3), "gaze": (frames, 2)}
    return MotionClip(**{name: fields.get(name, np.zeros(shape, np.float32)) for name, shape in empty.items()})


@pytest.fixture(scope="module")
def performed() -> list[MotionClip]:
    silence = np.zeros(16_000 * 24, np.float32)
    return [perform(Phones.from_names([], [], []), silence, seed=s) for s in range(4)]


def test_pose_intensity_is_degrees_a_frame() -> None:
    turning = np.zeros((250, 3), np.float32)
    turning[:, 0] = np.radians(3 * 0.1 * np.arange(250))
    assert liveliness.pose_intensity(clip_of(rotation=turning)) == pytest.approx(0.1, rel=1e-3)


def test_blinks_and_saccades_are_counted() -> None:
    actions, gaze = np.zeros((1500, 52), np.float32), np.zeros((1500, 2), np.float32)
    for at in (100, 400, 900):
        actions[at : at + 3, ACTION_INDEX["eyeBlinkLeft"]] = 1
        gaze[at:, 0] += np.radians(5)
    clip = clip_of(1500, actions=actions, gaze=gaze)
    assert liveliness.blinks(clip) == pytest.approx(3)
    assert liveliness.saccade_rate(clip) == pytest.approx(3)
    assert liveliness.saccade_size(clip) == pytest.approx(5, rel=1e-3)
    assert np.isnan(liveliness.saccade_size(clip_of()))


def test_frechet_distance_of_known_gaussians() -> None:
    rng = np.random.default_rng(0)
    one = rng.normal(size=(4000, 3))
    assert liveliness.frechet(one, one) == pytest.approx(0, abs=1e-6)
    assert liveliness.frechet(one, one + np.array([2, 0, 0])) == pytest.approx(4, rel=1e-6)
    assert liveliness.frechet(one, 3 * one) == pytest.approx(3 * 4, rel=0.1)


def test_a_still_face_and_a_random_walk_are_further_than_another_performance(performed: list[MotionClip]) -> None:
    places = [liveliness.describe(clips) for clips in (
        performed[:2], performed[2:],
        [liveliness._still(c) for c in performed[:2]],
        [liveliness._random_walk(c, i) for i, c in enumerate(performed[:2])],
    )]  # fmt: skip
    scale = places[0].mean(0), places[0].std(0) + 0.05
    truth, other, still, walk = [(p - scale[0]) / scale[1] for p in places]
    assert liveliness.frechet(truth, other) < liveliness.frechet(truth, still)
    assert liveliness.frechet(truth, other) < liveliness.frechet(truth, walk)


def test_the_same_speed_has_the_same_spectrum(performed: list[MotionClip]) -> None:
    assert max(liveliness.spectra(performed, performed).values()) == pytest.approx(0)
    assert liveliness.diversity(performed) > 0.1


def test_gaze_errors_are_degrees() -> None:
    wanted = (float(np.radians(10)), 0.0)
    assert gaze_errors(clip_of(), wanted) == pytest.approx(10, rel=1e-4)


def test_the_judge_tells_emotions_of_performances() -> None:
    said = [(c.phones, c.speech[: 4 * 16_000]) for c in read_eval_set(SHIPPED)[:2]]
    judge = judge_of_emotions(said, range(10, 13))
    assert judge.score  # a classifier of scikit-learn


def test_sound_is_spoiled_as_it_says() -> None:
    speech = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    assert lips.spoiled(speech, "clean", 0) is speech
    noisy = lips.spoiled(speech, "noise10", 0) - speech
    assert 20 * np.log10(speech.std() / noisy.std()) == pytest.approx(10, abs=0.3)
    narrow = np.abs(np.fft.rfft(lips.spoiled(speech, "telephone", 0)))
    assert narrow[5000:].mean() < 0.1 * narrow[1000:3000].mean()


def test_talks_are_as_long_as_they_should_be() -> None:
    talks = Talks({"shipped": read_eval_set(SHIPPED)})
    for phones, speech in talks.long(2):
        assert len(speech) == 30 * 16_000
        assert (np.diff(phones.starts) >= 0).all()
        assert np.abs(speech).max() > 0.01


def test_plots_are_pictures(tmp_path: Path) -> None:
    from benchmarks.plots import save_plot

    path = save_plot(tmp_path, "table", confusion(np.eye(3), ("a", "b", "c")))
    assert path.stat().st_size > 5000


def test_laughs_and_breaths_are_told_from_mouths_that_stay_shut() -> None:
    clips = read_eval_set(VOICES)
    assert {c.manner for c in clips} == {"song", "laughter", "breath", "whisper", "shout"}
    laugh = next(c for c in clips if c.manner == "laughter")
    breath = next(c for c in clips if c.manner == "breath")
    for clip in (laugh, breath):
        assert clip.phones.ends[-1] <= len(clip.speech) / 16_000 + 0.3
    performed = perform(laugh.phones, laugh.speech)
    late = clip_of(len(performed), actions=np.roll(performed.actions, 3, 0))  # half-way to the next call
    shut = clip_of(len(performed))
    assert voices.call_corr(laugh, performed).min() > 0.6 > 0.3 > voices.call_corr(laugh, late).mean()
    assert voices.call_corr(laugh, shut).max() == 0
    assert (
        voices.laughing(laugh, performed, voices.CHEEKS).min()
        > 0.25
        > voices.laughing(laugh, shut, voices.CHEEKS).max()
    )
    drawn = perform(breath.phones, breath.speech)
    assert voices.breaths_open(breath, drawn).min() == 100
    assert voices.breaths_open(breath, clip_of(len(drawn))).max() == 0


def test_the_mouth_is_judged_while_notes_are_held() -> None:
    song = next(c for c in read_eval_set(VOICES) if c.manner == "song")
    performed = perform(song.phones, song.speech)
    plain = perform(Phones(song.phones.classes, song.phones.starts, song.phones.ends), song.speech)
    held = [voices.held_opening(song, clip).mean() for clip in (performed, plain, clip_of(len(performed)))]
    assert held[0] > 1.1 * held[1] > held[2] == 0


@pytest.mark.parametrize("late", [0, 300, -512])
def test_lag_of_sound_is_found_whatever_is_padded_at_the_end(late: int) -> None:
    rng = np.random.default_rng(1)
    sent = rng.standard_normal(40_000).astype(np.float32)
    heard = np.concatenate([np.zeros(max(late, 0), np.float32), sent[max(-late, 0) :], np.zeros(700, np.float32)])
    assert live.lag(heard, sent[20_000:], 20_000) == late


def test_the_stand_in_for_a_renderer_is_drawn_with_as_one() -> None:
    own = latent()
    talker = object.__new__(Talker)
    talker.latent, talker.renderer = own, live._Drawn(own)
    frames = list(talker.frames([clip_of(5)]))
    assert [frame.shape for frame in frames] == [own.appearance.picture.shape] * 5
    assert not np.array_equal(frames[0], frames[-1])
