"""A stream that listens: the other is answered while their words are new, frame by frame where time does not count."""

import numpy as np
import pytest
import sitters
from streaming import Puppet, Run, sketching

from generate import FaceLatent
from generate.stream import BEAT, OVERHEARD, Stream
from media import SAMPLE_RATE
from media.errors import SpeechError, UsageError

FRAME = 640


@pytest.fixture(scope="module")
def latent() -> FaceLatent:
    return sitters.latent(256)


def counted(seconds: float) -> np.ndarray:
    """Sound whose frames tell their number."""
    return np.repeat(np.arange(1, int(seconds / BEAT) + 1) / 1000, FRAME).astype(np.float32)


def heard(run: Run) -> list[int]:
    """Numbers of the frames that the motion heard, 0 where it heard nothing."""
    parts = run.stream._session.others
    return [round(1000 * float(part[-1])) if len(part) else 0 for part in parts]


def test_what_comes_as_it_is_said_is_heard_at_once(latent: FaceLatent) -> None:
    other = counted(2.0)
    events = [
        (1.0 + (k + 1) * BEAT, lambda stream, k=k: stream.hear(other[k * FRAME : (k + 1) * FRAME])) for k in range(50)
    ]
    run = Run(latent, Puppet(), events, end=4.0)
    numbers = heard(run)
    first = numbers.index(1)
    assert first == pytest.approx(1.0 / BEAT, abs=3)
    assert [n for n in numbers if n] == list(range(1, 51))


def test_what_is_old_is_not_answered_any_more(latent: FaceLatent) -> None:
    run = Run(latent, Puppet(), [(1.0, lambda stream: stream.hear(counted(2.0)))], end=3.0)
    assert [n for n in heard(run) if n] == list(range(51 - round(OVERHEARD / BEAT), 51))


def test_what_nobody_pulls_does_not_pile_up(latent: FaceLatent) -> None:
    stream = Stream(sketching(latent), Puppet())
    for _ in range(500):
        stream.hear(counted(0.2))
    assert len(stream._others) <= OVERHEARD * SAMPLE_RATE


def test_without_a_clock_every_frame_hears_its_own(latent: FaceLatent) -> None:
    stream = Stream(sketching(latent), Puppet(), realtime=False)
    stream.hear(counted(1.0))
    stream.push(np.zeros(SAMPLE_RATE, np.float32))
    stream.close()
    assert len(list(stream)) == 25
    assert [round(1000 * float(part[0])) for part in stream._session.others[:25]] == list(range(1, 26))


def test_what_cannot_be_heard_is_refused(latent: FaceLatent) -> None:
    stream = Stream(sketching(latent), Puppet())
    with pytest.raises(SpeechError, match="row of float32"):
        stream.hear(np.zeros(10, np.int16))
    with pytest.raises(SpeechError, match="not numbers"):
        stream.hear(np.full(10, np.inf, np.float32))
    stream.close()
    with pytest.raises(UsageError, match="closed"):
        stream.hear(np.zeros(10, np.float32))
