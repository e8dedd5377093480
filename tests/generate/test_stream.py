"""A face in real time: the same as in one piece, alive in silence, unmoved by late, odd, missing and too much sound.

Time is simulated: sound is pushed at set times by a clock that does not wait.
"""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import sitters
import torch
from making import voice
from streaming import Puppet, Run, late, pieces, sketching

from faces.actions import ACTION_INDEX
from generate import FaceLatent, Talker
from generate.motion import LOOKAHEAD_SAMPLES, Controls, Motion
from generate.stream import AHEAD, BEAT, Stream
from media import SAMPLE_RATE, SAMPLES_PER_FRAME
from media.errors import SpeechError, UsageError

LEVELS = 2  # of 255, by which a pixel of a stream may differ from the same in one piece


@pytest.fixture(scope="module")
def puppet() -> Puppet:
    return Puppet()


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def motion() -> Motion:
    return Motion.load()


@pytest.fixture(scope="module")
def latent() -> FaceLatent:
    return sitters.latent(128)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return voice(2.0)


@pytest.mark.parametrize("size", [97, 640, 1001, 32_000])
def test_a_stream_is_the_same_as_the_whole(latent, motion, speech, size):
    talker = Talker(latent, None)
    whole = list(talker.frames([motion.generate(speech[:-300], seed=3)]))
    stream = Stream(talker, motion, seed=3, realtime=False)

    def push():
        for i in range(0, len(speech) - 300, size):
            stream.push(speech[i : min(i + size, len(speech) - 300)])
            stream.push(speech[:0])
        stream.close()

    threading.Thread(target=push).start()
    moments = list(stream)
    assert [m.number for m in moments] == list(range(len(whole)))
    assert not any(m.idle or m.held for m in moments)
    assert np.array_equal(np.concatenate([m.sound for m in moments]), speech[:-300])
    for moment, frame in zip(moments, whole, strict=True):
        assert np.abs(moment.frame.astype(int) - frame).max() <= LEVELS


def test_in_real_time_too_when_sound_comes_in_time(latent, motion, speech):
    whole = motion.generate(speech, seed=3)
    run = Run(latent, motion, [], end=0.5, before=speech, seed=3)
    assert np.array_equal(run.sound, speech)
    assert np.abs(run.action("jawOpen") - whole.actions[:, ACTION_INDEX["jawOpen"]]).max() < 1e-3
    assert run.stream.counts.gaps == run.stream.counts.foreseen == run.stream.counts.idle == 0
    late = Run(latent, motion, pieces(speech, 640, 1.0), end=3.2, seed=3)
    assert late.stream.counts.gaps == 1  # when the speech has ended
    first = late.spoken[0] * 640
    assert np.array_equal(late.sound[first + 80 : first + len(speech)], speech[80:])


def test_first_frame_comes_with_its_lookahead(latent, puppet, speech):
    for start in np.linspace(1.0, 1.08, 9):
        for size in (160, 640, len(speech)):
            run = Run(latent, puppet, pieces(speech, size, start), end=3.4)
            first = run.spoken[0]
            whole = LOOKAHEAD_SAMPLES + (0 if size == len(speech) else SAMPLES_PER_FRAME - size)
            # it is begun when what it needs to hear has come; none waits for a beat
            assert run.times[first] - start <= whole / SAMPLE_RATE + 0.012, (start, size)
            gaps = np.diff(run.times)
            assert gaps[first + 1 : -AHEAD].max() <= BEAT + 0.021


def test_the_face_lives_in_silence(latent, motion):
    run = Run(latent, motion, [], end=10.0)
    assert len(run.moments) == pytest.approx(250 + AHEAD, abs=1)
    assert all(m.idle for m in run.moments[: -AHEAD - 1])
    assert not run.sound.any()
    assert run.action("eyeBlinkLeft").max() > 0.8
    yaw = np.array([latent.pose.rotation[0] for latent in run.talker.renderer.shown])
    assert yaw.std() > 0.002
    assert run.action("jawOpen").max() < 0.1
    assert np.allclose(np.diff(run.times[:250]), BEAT)


def test_nothing_drifts(latent, puppet, speech):
    """Frames by the clock, samples by the frame, being early won back."""
    events = [e for k in range(8) for e in pieces(speech, 640, 1.0 + 4.137 * k)]
    run = Run(latent, puppet, events, end=40.0)
    assert all(len(m.sound) == SAMPLES_PER_FRAME for m in run.moments)
    due = BEAT * np.arange(len(run.times))
    lag = np.array(run.times) - due
    assert lag.max() <= 0.021
    assert lag.min() >= -BEAT - 1e-6
    assert abs(lag[-30]) < 1e-6  # in the silence at the end
    assert run.stream.counts.gaps == 8
    assert run.stream.counts.skipped == 0


def test_sound_a_little_late_is_not_heard(latent, puppet, speech):
    run = Run(latent, puppet, late(speech, 0.1), end=4.0)
    assert run.stream.counts.gaps == 1  # at the end
    assert run.stream.counts.foreseen > 1
    first = run.spoken[0]
    assert run.spoken == list(range(first, first + 50))
    assert np.array_equal(run.sound[first * 640 + 80 :][: len(speech) - 80], speech[80:])


def test_sound_too_late_makes_a_gap_and_is_not_lost(latent, puppet, speech):
    run = Run(latent, puppet, late(speech, 0.5), end=4.0)
    assert run.stream.counts.gaps == 2
    first, after = run.spoken[0], [b for a, b in pairwise(run.spoken) if b > a + 1]
    assert len(after) == 1
    assert len(run.spoken) == 50
    heard = np.concatenate([run.moments[k].sound for k in run.spoken])
    resumed = 25 * 640
    keep = np.ones(len(speech), bool)
    keep[:80] = keep[resumed : resumed + 80] = False  # fades in
    assert np.array_equal(heard[keep], speech[keep])
    silence = run.sound[(first + 25) * 640 + 80 : after[0] * 640]
    assert not silence.any()
    assert np.abs(np.diff(run.sound[(first + 25) * 640 - 2 :][:10])).max() < 0.15  # no click
    gap = run.action("jawOpen")[first + 25 + 4 : after[0] - AHEAD]
    assert gap.max() < 0.6 * run.action("jawOpen")[first : first + 22].max()


def test_speech_from_the_first_moment_on(latent, puppet, speech):
    run = Run(latent, puppet, pieces(speech, 640, 0.0), end=4.0)
    assert run.stream.counts.foreseen <= AHEAD + 1  # at the end
    assert run.spoken == list(range(run.spoken[0], run.spoken[0] + 50))


def test_a_source_that_runs_slow(latent, puppet, speech):
    """Its look-ahead melts away, and is won again by gaps."""
    talk = np.tile(speech, 5)
    run = Run(latent, puppet, [(1.02 * (at - 1) + 1, do) for at, do in pieces(talk, 640, 1.0)], end=13.0)
    assert 2 <= run.stream.counts.gaps <= 6
    assert len(run.spoken) >= 250 - 4
    assert run.stream.counts.foreseen < 0.7 * 250


def test_gaps_are_made_up_for_in_silence(latent, puppet, speech):
    quiet = np.concatenate([speech, np.zeros(SAMPLE_RATE, np.float32), speech])
    run = Run(latent, puppet, late(quiet, 0.6), end=8.0, queue=10.0)
    skipped = run.stream.counts.skipped
    assert 0.2 * SAMPLE_RATE <= skipped <= SAMPLE_RATE
    assert len(run.spoken) == (len(quiet) - skipped) // 640
    long = Run(latent, puppet, late(quiet, 3.0), end=9.0, queue=10.0)
    assert long.stream.counts.skipped == 0  # that was a pause


def test_jitter_is_waited_for_beforehand(latent, puppet, speech):
    run = Run(latent, puppet, late(speech, 0.3), end=4.0, jitter=0.3)
    assert run.stream.counts.gaps == 1
    assert len(run.spoken) == 50
    assert run.spoken[-1] - run.spoken[0] == 49
    assert run.times[run.spoken[0]] - 1.0 == pytest.approx(0.3 + AHEAD * 0.04, abs=0.05)


def test_cancel_closes_the_mouth_and_lives_on(latent, motion, speech):
    run = Run(latent, motion, [(1.0, lambda s: s.push(speech)), (2.0, lambda s: s.cancel())], end=4.0)
    assert run.stream.counts.dropped > 0.5 * len(speech) - 640 * AHEAD
    sound, at = np.abs(run.sound), int(2.0 * SAMPLE_RATE)
    assert sound[at - 8000 : at].max() > 0.05
    assert sound[at + 2 * 640 + 480 :].max() == 0
    assert np.abs(np.diff(run.sound)).max() <= np.abs(np.diff(speech)).max() + 0.01
    jaw = run.action("jawOpen")
    assert jaw[25:48].max() > 0.1
    assert jaw[62:].max() < 0.5 * jaw[25:48].max()
    assert np.abs(np.diff(jaw)).max() < 0.35
    assert len(run.moments) > 100
    assert np.ptp([latent.pose.rotation for latent in run.talker.renderer.shown[60:]], axis=0).max() > 1e-3


def test_cancel_and_close(latent, puppet, speech):
    run = Run(latent, puppet, [(0.5, lambda s: s.push(speech)), (1.0, lambda s: s.cancel(close=True))], end=9.0)
    assert 1.3 < run.times[-1] < 1.7
    assert run.action("jawOpen")[-1] < 0.1


@pytest.mark.parametrize("close", [False, True])
def test_nothing_pushed_before_a_cancel_is_spoken_after_it(latent, puppet, close):
    """Also what a push that waits for room in the queue has not handed over yet."""
    stream, length, took = Stream(sketching(latent), puppet, queue=1.0, realtime=False), 10 * SAMPLE_RATE, []
    waiting = threading.Thread(target=lambda: took.append(stream.push(np.full(length, 0.3, np.float32))))
    waiting.start()
    with stream._change:
        while len(stream._queue) < SAMPLE_RATE:
            stream._change.wait(10)
    stream.cancel(close=close)
    waiting.join(10)
    assert (stream.counts.dropped, took) == (length, [length])
    if not close:
        assert stream.push(np.full(640, 0.1, np.float32)) == 640
        stream.close()
    sound = np.concatenate([moment.sound for moment in stream])
    assert np.abs(sound).max(initial=0) < 0.2


def test_steering(latent, motion, speech):
    look = Controls(gaze=(0.4, 0.0), distance=1.2, emotion=("happy", 1.0))
    run = Run(latent, motion, [(2.0, lambda s: s.steer(look))], end=5.0)
    shown = run.talker.renderer.shown
    gaze = np.array([latent.pose.gaze.mean(0)[0] for latent in shown])
    rotation = np.array([latent.pose.rotation[0] for latent in shown])
    assert (gaze + rotation)[80:].mean() - (gaze + rotation)[:48].mean() > 0.2
    assert shown[-1].pose.scale < 0.95 * shown[10].pose.scale
    assert run.action("mouthSmileLeft")[-1] > run.action("mouthSmileLeft")[40] + 0.2
    with pytest.raises(UsageError):
        Controls(gaze=(9.0, 0.0))


def test_a_slow_machine_gives_frames_twice(latent, puppet, speech):
    run = Run(latent, puppet, pieces(speech, 640, 0.5), end=4.0, cost=lambda k: 0.055)
    assert run.stream.counts.held > 10
    assert run.times[-1] < 4.5
    held = [m.held for m in run.moments]
    assert not any(a and b and c for a, b, c in zip(held, held[1:], held[2:], strict=False))
    for before, after in pairwise(run.moments):
        if after.held:
            assert after.frame is before.frame
    assert len(run.sound) == 640 * len(run.moments)


def test_a_puller_that_stops_is_not_caught_up_with(latent, puppet, speech):
    run = Run(latent, puppet, [], end=9.0, cost=lambda k: 3.0 if k == 50 else 0.0)
    assert run.stream.counts.held <= 2
    assert np.diff(run.times).max() == pytest.approx(3.0, abs=0.1)


def test_a_full_queue_refuses_or_waits(latent, puppet, speech):
    stream = Stream(sketching(latent), puppet, queue=1.0, realtime=False)
    assert stream.push(speech, timeout=0) == SAMPLE_RATE
    assert stream.push(speech, timeout=0.01) == 0
    done = []
    pusher = threading.Thread(target=lambda: (done.append(stream.push(speech)), stream.close()))
    pusher.start()
    time.sleep(0.05)
    assert not done
    assert len(stream._queue) == SAMPLE_RATE
    moments = list(stream)
    pusher.join()
    assert done == [len(speech)]
    assert len(moments) == 75
    assert len(stream._queue) == 0


def test_a_pusher_is_let_go_when_nobody_pulls_any_more(latent, puppet, speech):
    stream = Stream(sketching(latent), puppet, queue=1.0, realtime=False)
    errors = []

    def push():
        try:
            for _ in range(9):
                stream.push(speech)
        except UsageError as error:
            errors.append(error)

    pusher = threading.Thread(target=push)
    pusher.start()
    moments = iter(stream)
    next(moments)
    moments.close()
    pusher.join(10)
    assert errors
    with pytest.raises(UsageError, match="once"):
        iter(stream)


def test_odd_sound(latent, puppet, speech):
    stream = Stream(sketching(latent), puppet, realtime=False)
    for odd in (
        np.full(640, np.nan, np.float32),
        np.array([0.1, np.inf], np.float32),
        speech.reshape(2, -1),
        np.zeros((), np.float32),
        np.zeros(640, np.int16),
        np.array(["a"]),
    ):
        with pytest.raises(SpeechError) as caught:
            stream.push(odd)
        assert "\n" not in str(caught.value)
    assert stream.push(speech[:0]) == 0
    assert stream.push(1e6 * speech[:1000].astype(np.float64)) == 1000
    stream.close()
    moments = list(stream)
    assert len(moments) == 2
    assert np.abs(np.concatenate([m.sound for m in moments])).max() <= 1
    with pytest.raises(UsageError, match="closed"):
        stream.push(speech)
    empty = Stream(sketching(latent), puppet, realtime=False)
    empty.close()
    assert list(empty) == []
    for options in ({"queue": 0.0}, {"jitter": -1.0}, {"jitter": 9.0}):
        with pytest.raises(UsageError):
            Stream(sketching(latent), puppet, **options)


def test_foresight_leaves_the_session_as_it_is(motion, speech):
    session, alone = motion.session(seed=5), motion.session(seed=5)
    session.push(speech[:6400])
    twin = session.twin()
    twin.push(np.zeros(6400, np.float32))
    alone.push(speech[:6400])
    assert np.array_equal(session.push(speech[6400:]).actions, alone.push(speech[6400:]).actions)
