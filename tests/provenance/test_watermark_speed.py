"""The sound mark in sound that is played faster or slower."""

import math

import numpy as np
import pytest
from making import RATE, voice
from scipy.signal import resample_poly

from lab import attacks
from provenance.marks.identity import sound_message
from provenance.marks.sound import SoundMarker, SoundReader
from provenance.marks.speed import SpeedSearch, played_back

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
MESSAGE = 0x0123456789ABCDEF


def faster(sound, percent):
    """Played at `percent` of its speed."""
    return resample_poly(sound, 100, percent).astype(np.float32)


def hear(sound, key=KEY, *, search=True):
    reader = SoundReader(key)
    for chunk in np.array_split(sound, 7):
        reader.add(chunk)
    return reader.read(search=search)


@pytest.fixture(scope="module")
def marked():
    return np.concatenate(list(SoundMarker(MESSAGE, KEY).mark([voice(6.0)])))


@pytest.mark.parametrize(
    ("percent", "after"),
    [
        (93, lambda x: x),
        (107, lambda x: x),
        (90, lambda x: np.concatenate([np.zeros(12345, np.float32), x[7777:]])),
        (104, lambda x: attacks.coded_sound(x, "aac", 64)),
    ],
    ids=["slower", "faster", "slowest-cut", "faster-aac64"],
)
def test_the_message_is_heard_at_another_speed(marked, percent, after):
    sound = after(faster(marked, percent))
    assert hear(sound, search=False).message is None
    reading = hear(sound)
    assert reading.message == sound_message(MESSAGE)
    assert reading.speed == pytest.approx(percent / 100, rel=1e-4)
    assert 2.0**-32 < reading.p_value < 1e-6  # a tag of 32 bits, several attempts


def test_a_drift_of_clocks_is_found(marked):
    """Too little to be heard, enough to blur ten minutes."""
    reading = hear(played_back(marked, 1 / 1.001))
    assert reading.message == sound_message(MESSAGE)
    assert reading.speed == pytest.approx(1.001, rel=1e-4)


def test_a_search_changes_nothing_where_the_message_is_read(marked):
    assert hear(marked) == hear(marked, search=False)
    assert hear(marked).speed == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_unmarked_sound_gives_nothing(seed):
    reading = hear(voice(3.0, seed), np.random.default_rng(seed).bytes(32))
    assert (reading.message, reading.noticed) == (None, False)
    assert reading.p_value > 1e-6


def test_another_key_gives_nothing(marked):
    reading = hear(faster(marked, 93), OTHER)
    assert (reading.message, reading.noticed, reading.speed) == (None, False, 1.0)


@pytest.mark.parametrize("length", [1, 300, 5000])
def test_scraps_can_be_searched(length):
    assert hear(voice(3.0)[8000 : 8000 + length]).message is None


def test_sound_is_read_back():
    t = np.arange(2 * RATE) / RATE
    tone = np.sin(2 * np.pi * 1000 * t).astype(np.float32)
    back = played_back(tone, 1.1)
    assert len(back) == pytest.approx(1.1 * len(tone), abs=2)
    hum = np.abs(np.fft.rfft(back * np.hanning(len(back))))
    assert hum.argmax() * RATE / len(back) == pytest.approx(1000 / 1.1, abs=1)


def test_the_search_finds_any_pilot():
    """It knows nothing but a wave that repeats: noise under louder noise, from the middle of the period on."""
    rng = np.random.default_rng(0)
    period = 4096
    pilot = resample_poly(rng.normal(size=period // 2), 2, 1)
    sound = np.tile(pilot, 12)[1000:]
    heard = resample_poly(sound, 100, 97) + rng.normal(0, 3, math.ceil(len(sound) * 100 / 97))
    best = SpeedSearch(pilot).likely(heard, np.ones(len(heard)))[0]
    assert best.speed == pytest.approx(0.97, rel=2e-4)
    assert int(np.argmax(np.fft.irfft(np.fft.rfft(best.folded) * np.conj(np.fft.rfft(pilot))))) in (0, 1, period - 1)


def test_a_mark_under_noise_is_found(marked):
    """Where a search is asked for, moments in which the noise is louder than the speech count little."""
    noise = np.random.default_rng(3).normal(0, 0.2 * marked.std(), len(marked)).astype(np.float32)
    assert hear(marked + noise, search=False).message is None
    reading = hear(marked + noise)
    assert (reading.message, reading.speed) == (sound_message(MESSAGE), 1.0)
