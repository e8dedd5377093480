import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.marks.chips import CHIPS, COARSE_PILOT_EVERY, FINE_CHIPS, FINE_PILOT_EVERY, Chips
from provenance.marks.code import PICTURE, SOUND, convolve, viterbi

KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
codes = st.sampled_from([PICTURE, SOUND])


@settings(max_examples=25, deadline=None)
@given(code=codes, data=st.data())
def test_what_is_encoded_is_decoded(code, data):
    payload = data.draw(st.integers(0, 2**code.payload_bits - 1))
    assert code.decode(code.encode(payload, KEY), KEY) == payload


@settings(max_examples=15, deadline=None)
@given(code=codes, seed=st.integers(0, 2**32 - 1))
def test_every_tenth_bit_may_be_wrong(code, seed):
    rng = np.random.default_rng(seed)
    coded = code.encode(5, KEY).astype(float)
    wrong = rng.permutation(code.coded_bits)[: code.coded_bits // 10]
    coded[wrong] *= -0.3  # what is wrong is seldom sure of itself
    assert code.decode(coded, KEY) == 5


@pytest.mark.parametrize("code", [PICTURE, SOUND])
def test_words_that_are_decoded_together_are_decoded_as_by_themselves(code):
    rng = np.random.default_rng(2)
    soft = np.stack([code.encode(3, KEY) + rng.normal(0, noise, code.coded_bits) for noise in (0.5, 0.9, 1.4, 9.0)])
    found = code.decode_all(soft, KEY)
    assert found == [code.decode(row, KEY) for row in soft]
    assert found[0] == 3
    assert found[-1] is None


@pytest.mark.parametrize("code", [PICTURE, SOUND])
def test_without_the_key_there_is_nothing(code):
    assert code.decode(code.encode(7, KEY), OTHER) is None


def test_noise_never_decodes():
    rng = np.random.default_rng(0)
    assert all(PICTURE.decode(rng.normal(size=PICTURE.coded_bits), KEY) is None for _ in range(50))
    assert PICTURE.decode(np.zeros(PICTURE.coded_bits), KEY) is None


def test_payload_out_of_range_is_refused():
    with pytest.raises(ValueError, match="64 bits"):
        PICTURE.encode(2**64, KEY)


def test_code_is_tail_biting_and_linear():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 2, (2, 40))
    assert np.array_equal(convolve(np.roll(a, 5)), np.roll(convolve(a), 15))
    assert np.array_equal(convolve(a ^ b), convolve(a) ^ convolve(b))
    assert viterbi((1.0 - 2.0 * convolve(a)).reshape(1, -1, 3)).tolist() == [a.tolist()]


def test_free_distance():
    """The code of constraint length 9 and rate 1/3 has free distance 18 (Proakis, table 8.2-2)."""
    one = np.zeros(40, np.uint8)
    one[7] = 1
    assert convolve(one).sum() >= 18
    words = (np.arange(1, 4096)[:, None] >> np.arange(12) & 1).astype(np.uint8)
    assert min(int(convolve(np.pad(w, (0, 30))).sum()) for w in words[::7]) >= 18


def test_chips_depend_on_the_key_alone():
    a, b, c = (Chips.from_key(key, PICTURE.coded_bits) for key in (KEY, KEY, OTHER))
    assert np.array_equal(a.sign, b.sign)
    assert np.array_equal(a.bit, b.bit)
    assert abs(float((a.sign * c.sign).mean())) < 0.05
    pilots = math.ceil(FINE_CHIPS / FINE_PILOT_EVERY) + math.ceil((CHIPS - FINE_CHIPS) / COARSE_PILOT_EVERY)
    assert (a.bit < 0).sum() == pilots
    for grid in (a.bit[:FINE_CHIPS], a.bit[FINE_CHIPS:], a.bit):  # every bit has its share of both grids
        counts = np.bincount(grid[grid >= 0])
        assert counts.max() - counts.min() <= 1


def test_spread_and_gather():
    chips = Chips.from_key(KEY, PICTURE.coded_bits)
    coded = PICTURE.encode(99, KEY)
    spread = chips.spread(coded)
    assert set(np.unique(spread)) == {-1.0, 1.0}
    assert np.array_equal(np.sign(chips.gather(spread)), coded)
    assert chips.pilot(spread)[1] < 1e-30


def test_pilot_bound_holds_for_any_picture():
    """Hoeffding: under random keys P(z >= t) <= exp(-t^2 / 2), here for soft values far from normal."""
    rng = np.random.default_rng(2)
    soft = rng.normal(size=CHIPS) ** 5
    z = np.array([Chips.random(rng, PICTURE.coded_bits).pilot(soft)[0] for _ in range(300)])
    for t in (0.5, 1.0, 2.0, 3.0):
        assert (z >= t).mean() <= np.exp(-t * t / 2) + 0.03
