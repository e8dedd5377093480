import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import RATE, voice

from provenance.marks.identity import sound_message
from provenance.marks.sound import HOP, LIVE, PERIOD, SoundMarker, SoundReader, imdct, mdct, whiten

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
MESSAGE = 0x0123456789ABCDEF


def mark(sound, message=MESSAGE, chunk=1000):
    chunks = np.split(sound, range(chunk, len(sound), chunk))
    return np.concatenate(list(SoundMarker(message, KEY).mark(chunks)))


def hear(sound, key=KEY):
    reader = SoundReader(key)
    for chunk in np.array_split(sound, 7):
        reader.add(chunk)
    return reader.read()


@pytest.fixture(scope="module")
def marked():
    return mark(voice(6.0))


def aac(sound, kbps):
    memory = io.BytesIO()
    with av.open(memory, "w", format="adts") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        stream.bit_rate = 1000 * kbps
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    memory.seek(0)
    with av.open(memory) as container:
        return np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])


@pytest.mark.parametrize(
    "journey",
    [
        lambda x: x,
        lambda x: aac(x, 64),
        lambda x: aac(x, 128),
        lambda x: x[7777:],
        lambda x: 0.25 * x,
        lambda x: np.concatenate([np.zeros(12345, np.float32), x]),
        lambda x: x + np.random.default_rng(0).normal(0, 0.03 * x.std(), len(x)).astype(np.float32),
    ],
    ids=["clean", "aac64", "aac128", "cut", "quieter", "late", "noise30"],
)
def test_the_message_survives(marked, journey):
    reading = hear(journey(marked))
    assert reading.message == sound_message(MESSAGE)
    assert reading.p_value < 1e-6


def test_inaudible(marked):
    """Well under the speech over all and in every third of a second; nothing where there is nothing to hide under."""
    clean = voice(6.0)
    assert 10 * np.log10(np.square(clean).mean() / np.square(marked - clean).mean()) > 20
    for start in range(0, len(clean) - 5000, 5000):
        part = slice(start, start + 5000)
        noise = np.square(marked[part] - clean[part]).mean()
        assert 10 * np.log10(np.square(clean[part]).mean() / noise) > 17.5
    silence = np.zeros(3 * RATE, np.float32)
    assert np.abs(mark(silence)).max() < 1e-4


def test_another_key_and_unmarked_sound_give_nothing(marked):
    for reading in (hear(marked, OTHER), hear(voice(6.0, 3)), hear(np.random.default_rng(0).normal(0, 0.1, 40_000))):
        assert reading.message is None
        assert not reading.noticed


def test_silence_cannot_bear_a_mark():
    assert hear(np.zeros(RATE, np.float32)).silent
    assert SoundReader(KEY).read().silent


@settings(max_examples=6, deadline=None)
@given(length=st.integers(0, 2 * PERIOD + 300), chunk=st.integers(300, PERIOD))
def test_streaming_keeps_length_and_does_not_depend_on_chunks(length, chunk):
    sound = voice(5.0)[:length]
    out = mark(sound, chunk=chunk)
    assert len(out) == length
    assert out.dtype == np.float32
    assert np.array_equal(out, mark(sound, chunk=4096))


def test_marker_holds_back_little():
    marker = SoundMarker(1, KEY)
    given_, got = 0, 0
    for chunk in np.split(voice(12.0), 300):
        given_ += len(chunk)
        got += sum(len(part) for part in marker.push(chunk))
        assert given_ - got <= PERIOD + HOP + 640


def test_transform_inverts_itself():
    x = np.random.default_rng(0).normal(size=9 * HOP)
    assert np.abs(imdct(mdct(x))[HOP:-HOP] - x[HOP:-HOP]).max() < 1e-9
    assert abs(whiten(3.0 * x[: 8 * HOP]).std() - 1) < 0.05


def test_sound_that_cannot_wait():
    """Blocks of 64 ms: the same reader hears the message, little is held back, and little more is heard."""
    clean = voice(6.0)
    marker, out, most = SoundMarker(MESSAGE, KEY, block=LIVE), [], 0
    for number, chunk in enumerate(np.split(clean, range(640, len(clean), 640))):
        out += marker.push(chunk)
        most = max(most, 640 * (number + 1) - sum(map(len, out)))
    out.append(marker.finish())
    live = np.concatenate(out)
    assert most < (LIVE + 2) * HOP + 640
    assert len(live) == len(clean)
    for journey in (live, aac(live, 64), live[7777:]):
        assert hear(journey).message == sound_message(MESSAGE)
    assert 10 * np.log10(np.square(clean).mean() / np.square(live - clean).mean()) > 20
    pieces = np.split(clean, range(1001, len(clean), 1001))
    assert np.array_equal(live, np.concatenate(list(SoundMarker(MESSAGE, KEY, block=LIVE).mark(pieces))))
    with pytest.raises(ValueError, match="multiple"):
        SoundMarker(1, KEY, block=3)
