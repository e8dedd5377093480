"""The detector: streams, fusion, abstention, and what is said of a file."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from looks import RNG, mesh, noise_model, person, seen

from detect.detector import Detector, Model, stream_scores
from detect.evidence import Evidence, Person, _longest_run
from detect.frequency import feature_names as band_names
from detect.frequency import frequencies
from detect.fusion import STREAMS, operating_points, unseen_logits
from detect.linear import Linear
from detect.motion import SHORTEST, motion_features
from detect.motion import feature_names as motion_names
from detect.parts import NAMES, means, part_masks
from detect.picture import CELLS, SIDE, PictureReader, pooled
from detect.report import heated, write_report
from detect.result import Detection
from detect.sound import hear
from lab.networks.detector import build
from lab.recipes.detector_linear import fit_linear
from lab.reference import Reference
from lab.weights import WeightCard
from provenance.exits import EXIT_NOTHING, EXIT_SYNTHETIC


@pytest.fixture
def model() -> Model:
    return noise_model()


def test_pooling_finds_one_hot_place_and_is_the_mean_of_equal_ones():
    even = np.full((1, CELLS, CELLS), -2.0)
    assert pooled(even)[0] == pytest.approx(-2, abs=1e-4)
    hot = even.copy()
    hot[0, 3, 4] = 9
    assert pooled(hot)[0] > 2
    assert pooled(hot)[0] < 9


def test_engine_and_torch_agree_in_the_picture_stream(model):
    crops = RNG.integers(0, 255, (2, SIDE, SIDE, 3)).astype(np.uint8)
    reader = PictureReader(model.picture, threads=1)
    fast = reader.look(crops)
    net = build({name: torch.from_numpy(t.copy()) for name, t in model.picture.tensors().items()}, {})
    reader.network = Reference(net.eval(), "detector")
    slow = reader.look(crops)
    for a, b in zip(fast, slow, strict=True):
        assert a.logit == pytest.approx(b.logit, abs=0.05)
        np.testing.assert_allclose(a.evidence, b.evidence, atol=0.15)
        assert a.features.shape == b.features.shape == (8,)
    assert reader.look(crops[:0]) == []


def test_bands_see_a_part_that_is_softer_than_the_rest():
    import cv2

    crop = RNG.integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    points = mesh()
    mouth = part_masks(points, SIDE)[NAMES.index("mouth")] > 0
    soft = np.where(mouth[..., None], cv2.GaussianBlur(crop, (0, 0), 2), crop)
    before, after = frequencies(crop, points), frequencies(soft, points)
    assert before.shape == (len(band_names()),)
    at = band_names().index("mouth_luma0")
    assert after[at] < before[at] - 0.5


def test_bands_do_not_see_how_bright_or_contrasty_the_whole_is():
    crop = RNG.integers(60, 190, (SIDE, SIDE, 3)).astype(np.uint8)
    points = mesh()
    other = np.clip((crop.astype(float) - 128) * 0.6 + 140, 0, 255).astype(np.uint8)
    parts = len(NAMES) * 4
    assert np.abs(frequencies(crop, points) - frequencies(other, points))[:parts].max() < 0.35


def test_an_empty_part_counts_as_the_whole():
    values = np.arange(2 * 16, dtype=np.float32).reshape(2, 4, 4)
    found = means(values, np.zeros((1, 4, 4), np.uint8))
    np.testing.assert_allclose(found[0], values.reshape(2, -1).mean(1))


def test_motion_needs_enough_frames_and_does_not_hang_on_place_or_size():
    changes = np.abs(RNG.standard_normal((30, len(NAMES), 2))) + 0.5
    points = RNG.standard_normal((31, 478, 2)) * 0.01 + RNG.uniform(0, 1, (478, 2))
    found = motion_features(changes, points)
    assert found is not None
    assert found.shape == (len(motion_names()),)
    np.testing.assert_allclose(found, motion_features(changes, points + 5), atol=1e-3)
    assert motion_features(changes[: SHORTEST - 2], points[: SHORTEST - 1]) is None


class Judge:
    """Lips that fit the sound at one offset."""

    def __init__(self, offset: int, confidence: float) -> None:
        self.offset, self.confidence = offset, confidence

    def score(self, sound, actions):
        return self


def test_sound_says_something_only_where_lips_fit_at_another_time():
    sound, actions = RNG.standard_normal(640 * 80) * 0.1, RNG.uniform(0, 1, (80, 52))
    assert hear(Judge(1, 0.5), sound, actions).score == 0
    assert hear(Judge(9, 0.5), sound, actions).score == pytest.approx(0.5)
    assert hear(Judge(9, 0.1), sound, actions).score < hear(Judge(9, 0.5), sound, actions).score
    assert hear(Judge(9, 0.5), sound[:9000], actions) is None
    assert hear(Judge(9, 0.5), 0 * sound, actions) is None
    assert hear(Judge(9, 0.5), sound, 0 * actions) is None


def test_more_evidence_never_makes_a_face_look_more_real(model):
    base = np.array([0.3, 0.5, 0.1, 0.2, 0.0])
    for k in range(len(STREAMS)):
        more = base.copy()
        more[k] += 1
        assert model.fusion.logit(more) >= model.fusion.logit(base)


def test_what_says_nothing_adds_nothing(model):
    scores = np.array([0.3, 0.5, np.nan, np.nan, np.nan])
    adds = model.fusion.contributions(scores)
    assert (adds[2:] == 0).all()
    low, high = model.fusion.interval(scores, np.zeros(5))
    chance = 1 / (1 + np.exp(-model.fusion.logit(scores)))
    assert 0 <= low <= chance <= high <= 1


def test_operating_points_lie_above_the_reals_and_rise():
    people = np.repeat([f"p{k}" for k in range(10)], 6)
    logits = RNG.standard_normal(60) + np.repeat(RNG.standard_normal(10), 6)
    points = operating_points(logits, people)
    assert points["fpr_01"] > points["fpr_1"] > np.quantile(logits, 0.97)
    fewer = operating_points(logits[:18], people[:18])
    many = operating_points(np.tile(logits[:18], 5), np.array([f"{p}{k}" for k in range(5) for p in people[:18]]))
    assert fewer["fpr_01"] > many["fpr_01"]  # fewer people, more caution


def test_unseen_logits_are_of_fits_that_did_not_see_the_person():
    z = np.zeros((40, 2))
    who = np.repeat(["a", "b", "c", "d"], 10)
    made = np.tile([False, True], 20)
    z[who == "a", 0] = np.where(made[who == "a"], 9, -9)  # one person gives itself away, the others do not
    assert np.abs(unseen_logits(z, made, who, folds=4)[who == "a"]).max() < 1


def test_linear_clips_what_it_never_saw_and_survives_its_file():
    made = np.arange(80) % 2 == 0
    fitted = fit_linear(RNG.standard_normal((80, 5)) + made[:, None], made)
    again = Linear.load(fitted.tensors("x"), "x")
    x = RNG.standard_normal((7, 5)).astype(np.float32)
    np.testing.assert_allclose(fitted(x), again(x), atol=1e-4)
    assert fitted(np.full(5, 1e9)) == pytest.approx(fitted(np.full(5, 1e6)))


def test_a_person_above_the_threshold_looks_synthetic_and_one_below_does_not(model):
    detector = Detector(model)
    high, low = (detector.judge_person(person(z)) for z in (60.0, -60.0))
    assert high.verdict == "synthetic"
    assert low.verdict == "nothing_found"
    assert high.probability > low.probability
    assert high.interval[0] <= high.probability <= high.interval[1]
    assert high.segments
    assert high.segments[0].start == 0
    assert not low.segments
    assert high.looks[0].hottest == (round(0.5 / CELLS, 3), round(0.5 / CELLS, 3))


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (Person(1, sizes=[22.0]), "too small: 22 pixels"),
        (person(9.0, quality=0.01), "too dark"),
        (person(9.0, features=np.full(8, 1e3, np.float32)), "unlike anything"),
    ],
)
def test_what_cannot_be_told_says_why(model, one, why):
    told = Detector(model).judge_person(one)
    assert told.verdict == "cannot_tell"
    assert why in told.reason


def test_of_several_people_the_worst_counts(model):
    detector = Detector(model)
    both = detector.judge("a.mp4", seen(person(-60.0), replace(person(60.0), number=2)))
    assert both.verdict == "synthetic"
    assert both.exit_code == EXIT_SYNTHETIC
    assert [p.verdict for p in both.people] == ["nothing_found", "synthetic"]
    nobody = detector.judge("a.mp4", seen())
    assert (nobody.verdict, nobody.reason, nobody.exit_code) == ("cannot_tell", "no face was found", EXIT_NOTHING)
    assert detector.judge("a.wav", Evidence("sound", 0, 1.0, [], (0, 0))).reason.startswith("no pictures")


def test_a_detection_survives_json_and_refuses_what_it_does_not_know(model):
    detection = Detector(model).judge("a.mp4", seen(person(60.0)))
    again = Detection.model_validate_json(detection.model_dump_json())
    assert again == detection
    with pytest.raises(ValueError, match="extra"):
        Detection.model_validate(json.loads(detection.model_dump_json()) | {"real": True})


def test_weights_keep_everything(model, tmp_path):
    from lab.weights import save_weights

    card = WeightCard("detector", model.config(), "noise", 1)
    save_weights(tmp_path / "d.onnx", model.tensors(), card, dtype=torch.float16)
    again = Model.load(tmp_path / "d.onnx")
    a, b = (Detector(m).judge("a.mp4", seen(person(0.4))).people[0] for m in (model, again))
    assert a.logit == pytest.approx(b.logit, abs=0.05)
    assert again.fusion.thresholds == pytest.approx(dict(model.fusion.thresholds))


def test_a_stricter_point_says_less(model):
    lax, strict = (Detector(model, point=p).threshold for p in ("fpr_1", "fpr_01"))
    assert strict > lax


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), unique=True, max_size=40))
def test_the_longest_run_is_one(frames):
    first, count = _longest_run(sorted(frames))
    assert all(first + k in frames for k in range(count))
    runs = [n for n in range(1, 61) for f in frames if all(f + k in frames for k in range(n))]
    assert count == max(runs, default=0)


def test_streams_without_looks_say_nothing(model):
    scores, errors = stream_scores(Person(1), model.frequency, model.motion)
    assert np.isnan(scores).all()
    assert (errors == 0).all()


def test_a_still_picture_of_nobody_and_one_of_somebody(model, tmp_path):
    from PIL import Image

    detector = Detector(model, threads=1)
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(tmp_path / "grey.png")
    assert detector.detect(tmp_path / "grey.png").reason == "no face was found"
    told = detector.detect("examples/portrait.png")
    assert told.kind == "picture"
    assert len(told.people) == 1
    assert told.people[0].logit is not None
    assert not told.people[0].segments


def test_the_page_opens_offline_and_escapes(model, tmp_path):
    detector = Detector(model)
    one = seen(person(60.0))
    detection = detector.judge("<b>&.mp4", one)
    page = write_report(tmp_path, detection, one, ["fact: <none>"]).read_text()
    assert "http" not in page
    assert "&lt;b&gt;&amp;.mp4" in page
    assert "fact: &lt;none&gt;" in page
    assert page.count("data:image/jpeg;base64,") == 8
    assert "<polyline" in page


def test_heat_is_red_where_evidence_is():
    crop = np.full((SIDE, SIDE, 3), 100, np.uint8)
    evidence = np.full((CELLS, CELLS), -3.0)
    evidence[:6] = 8
    hot = heated(crop, evidence).astype(int)
    assert (hot[10, 50] - hot[180, 50])[0] > 60
