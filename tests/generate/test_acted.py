"""A stream with hands on its face."""

import numpy as np
import pytest
import sitters
from making import voice
from streaming import Puppet, Script, pieces, sketching

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from generate.acted import EXPRESSIONS, Acted, expression
from media.errors import UsageError

CLOSING = 4.0  # seconds


def run(events, end: float = CLOSING):
    """A stream in simulated time: its moments, what was drawn, and itself."""
    clock = Script()
    talker = sketching(sitters.latent(64), clock)
    stream = Acted(talker, Puppet(), clock=clock)
    told = [(at, lambda do=do: do(stream)) for at, do in events]
    clock.events = sorted([*told, (end, stream.close)], key=lambda event: event[0])
    return list(stream), talker.renderer.shown, stream


def test_expressions_name_facial_actions():
    for name in EXPRESSIONS:
        pulled = expression({name: 1.0})
        assert pulled.shape == (len(FACIAL_ACTIONS),)
        assert 0 < pulled.max() <= 1
        np.testing.assert_allclose(expression({name: 0.5}), pulled / 2)
    assert expression({"wink_left": 1.0})[ACTION_INDEX["eyeBlinkRight"]] == 0
    assert not expression({}).any()


@pytest.mark.parametrize("wrong", [{"x": 0.1}, {"AAA": 1.1}, {"AAA": -0.1}, {"AAA": float("nan")}])
def test_expressions_that_are_none(wrong):
    with pytest.raises(UsageError, match="choose from"):
        expression(wrong)


def test_a_pulled_face_goes_there_smoothly_and_back():
    held = [(1.0, lambda stream: stream.act({"AAA": 1.0})), (2.0, lambda stream: stream.act({}))]
    _, shown, _ = run(held)
    jaw = np.array([latent.actions[ACTION_INDEX["jawOpen"]] for latent in shown])
    most = EXPRESSIONS["AAA"]["jawOpen"]
    assert jaw[:20].max() < 0.1
    assert abs(jaw[45] - most) < 0.01
    assert jaw[-5:].max() < 0.1
    assert np.abs(np.diff(jaw)).max() < 0.5 * most


def test_the_voice_goes_on_under_it():
    sound = voice(1.0)
    spoken = pieces(sound, 640, 1.0)
    _, plain, _ = run(spoken)
    _, held, _ = run([*spoken, (0.5, lambda stream: stream.act({"AAA": 0.3}))])
    at = ACTION_INDEX["jawOpen"]
    loud = [k for k, latent in enumerate(plain) if latent.actions[at] > EXPRESSIONS["AAA"]["jawOpen"] * 0.3]
    assert loud
    np.testing.assert_allclose([held[k].actions[at] for k in loud], [plain[k].actions[at] for k in loud], atol=1e-6)


def test_it_tells_which_frame_speaks_which_sample():
    moments, _, stream = run(pieces(voice(1.0), 640, 1.0))
    spoken = [moment.number for moment in moments if not moment.idle]
    assert [stream.passed[number] for number in spoken[:3]] == [640, 1280, 1920]
    assert stream.passed[spoken[-1]] == 16000
