"""Conformal promises: they hold where scores depend on quality, and are not made where nothing comparable is known."""

import numpy as np
import pytest
from making import picture

from detect.detector import Model
from detect.promise import QUALITIES, Compared, Promise, quality_of
from faces import Tracker

RNG = np.random.default_rng(0)


def reals(count: int, rng: np.random.Generator, blur: tuple[float, float] = (-2, 2)) -> tuple[np.ndarray, ...]:
    """Clips whose score rises with how bad they are, as scores do."""
    bad = rng.uniform(*blur, count)
    quality = np.stack([bad, *rng.normal(0, 0.3, (len(QUALITIES) - 1, count))], 1)
    return 0.75 * bad + rng.normal(0, 1, count), quality, np.array([f"p{k // 3}" for k in range(count)])


def test_no_more_reals_are_accused_than_is_promised_at_any_quality() -> None:
    known = Promise.of(*reals(6000, RNG))
    logits, quality, _ = reals(3000, np.random.default_rng(1))
    compared = [known.compare(logit, row) for logit, row in zip(logits, quality, strict=True)]
    p = np.array([one.p for one in compared])
    for share in (0.01, 0.05, 0.2):
        assert (p <= share).mean() < share + 0.012
    worst = quality[:, 0] > 1  # one threshold for all would accuse these
    assert (p[worst] <= 0.05).mean() < 0.09
    fixed = np.quantile(known.logits, 0.95)
    assert (logits[worst] >= fixed).mean() > 0.12
    assert (p[~worst] <= 0.05).mean() > 0.02  # and it is not silent either


def test_the_reals_that_ship_are_accused_no_more_than_is_promised_however_they_were_seen() -> None:
    known = Model.load().promise
    p = []
    for k in range(len(known.logits)):  # each beside everybody else
        others = known.people != known.people[k]
        rest = Promise(
            known.logits[others], known.quality[others], known.people[others], known.clips[others], known.mean,
            known.scale,
        )  # fmt: skip
        p.append(rest.compare(float(known.logits[k]), known.quality[k], clip=bool(known.clips[k])).p)
    said = np.array(p)
    slices = [said > 0]
    for seen in known.quality.T:
        slices += [seen <= np.quantile(seen, 0.15), seen >= np.quantile(seen, 0.85)]
    for part in slices:
        assert part.sum() > 80
        for share in (0.01, 0.05, 0.1):
            assert (said[part] <= share).mean() <= share + 0.015


def test_the_threshold_says_the_same_as_the_comparison() -> None:
    known = Promise.of(*reals(4000, RNG))
    _, quality, _ = reals(60, np.random.default_rng(2), (-1, 1))
    limits = [known.threshold(row, 0.02) for row in quality]
    assert sum(limit is not None for limit in limits) > 40
    for limit, row in zip(limits, quality, strict=True):
        if limit is not None:
            assert known.compare(limit, row).p <= 0.02
            assert known.compare(limit - 1e-3, row).p > 0.02 - 1 / (1 + known.compare(0, row).count)


def test_clips_are_compared_with_clips_and_pictures_with_pictures() -> None:
    logits, quality, people = reals(2000, RNG, (-0.1, 0.1))
    clips = np.arange(2000) % 2 == 0
    known = Promise.of(np.where(clips, 0.3, 1.0) * logits, quality, people, clips)  # one look strays further than many
    at = np.zeros(len(QUALITIES))
    limits = [known.threshold(at, 0.01, clip=clip) for clip in (True, False)]
    assert 2 * limits[0] < limits[1]
    assert known.highest(at, clip=True) < limits[1]
    both = [known.compare(1.5, at, clip=clip) for clip in (True, False)]
    assert both[0].p < 0.01 < both[1].p
    assert sum(one.count for one in both) < 2000
    alone = Promise.of(logits[clips], quality[clips], people[clips])
    assert alone.compare(0.5, at, clip=False).count == 0  # nothing is said of pictures where only clips are known


def test_where_nothing_comparable_is_known_nothing_is_promised() -> None:
    known = Promise.of(*reals(3000, RNG, (-2, 0)))
    far = np.array([8.0, 0])
    compared = known.compare(100.0, far)
    assert (compared.count, compared.p) == (0, 1.0)
    assert not compared.enough(0.5)
    assert known.threshold(far, 0.01) is None
    empty = Promise.of(np.zeros(0), np.zeros((0, len(QUALITIES))), np.zeros(0, str))
    assert empty.compare(1.0, np.zeros(len(QUALITIES))).p == 1.0


@pytest.mark.parametrize(
    ("people", "share", "enough"), [(99, 0.01, True), (98, 0.01, False), (500, 0.001, False), (999, 0.001, True)]
)
def test_how_many_people_are_enough(people: int, share: float, enough: bool) -> None:
    assert Compared(3000, people, 0).enough(share) is enough


def test_the_highest_real_is_never_below_what_no_real_reaches() -> None:
    known = Promise.of(*reals(400, RNG))
    _, quality, _ = reals(20, np.random.default_rng(3), (-1, 1))
    for row in quality:
        assert known.compare(known.highest(row), row).above == 0
        assert known.compare(known.highest(row) - 1e-3, row).above == 1


def test_it_survives_its_tensors() -> None:
    known = Promise.of(*reals(300, RNG))
    again = Promise.load(known.tensors())
    row = np.array([0.5, 0])
    assert again.compare(1.0, row) == known.compare(1.0, row)


def test_quality_tells_blur_and_grain_and_not_what_the_face_is() -> None:
    import cv2

    seen = cv2.resize(picture(1, 256), (224, 224))
    mesh = Tracker(threads=1).track(seen)[0].landmarks[:, :2].astype(np.float32)
    own = quality_of(seen, mesh)

    def moved(changed: np.ndarray) -> dict[str, float]:
        return dict(zip(QUALITIES, quality_of(changed, mesh) - own, strict=True))

    assert moved(cv2.GaussianBlur(seen, (0, 0), 3))["detail"] < -0.3
    noisy = np.clip(seen + np.random.default_rng(0).normal(0, 12, seen.shape), 0, 255).astype(np.uint8)
    assert moved(noisy)["grain"] > 0.5
    smooth = seen.copy()
    middle = mesh[:468].mean(0).astype(int)
    face = np.s_[middle[1] - 30 : middle[1] + 30, middle[0] - 30 : middle[0] + 30]
    smooth[face] = cv2.GaussianBlur(seen, (0, 0), 4)[face]
    assert max(abs(moved(smooth)[name]) for name in ("detail", "grain")) < 0.02
