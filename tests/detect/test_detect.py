"""The detector: looks, odds, what it compares with, abstention, and what is said of a file."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from looks import PEOPLE, RNG, noise_model, person, seen

from detect.detector import Detector, Model
from detect.evidence import Evidence, Person, longest_run
from detect.odds import Odds
from detect.picture import CARRIED, CELLS, MOUTH, SIDE, UPPER, PictureReader, opening_of, pooled, scores, telling
from detect.profile import Known, Profile
from detect.promise import QUALITIES
from detect.report import heated, write_report
from detect.result import Detection
from detect.sound import Hearing, hear
from lab.networks.detector import build
from lab.reference import Reference
from lab.weights import WeightCard
from media.errors import UnreadableError, UsageError, WeightsError
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


class Judge:
    """Lips that fit the sound at one offset."""

    def __init__(self, offset: int, confidence: float) -> None:
        self.offset, self.confidence = offset, confidence

    def score(self, sound, actions):
        return self


def test_lips_are_heard_only_where_there_is_sound_and_they_speak():
    sound, actions = RNG.standard_normal(640 * 80) * 0.1, RNG.uniform(0, 1, (80, 52))
    assert hear(Judge(9, 0.5), sound, actions) == Hearing(9, 0.5)
    assert hear(Judge(9, 0.5), sound[:9000], actions) is None
    assert hear(Judge(9, 0.5), 0 * sound, actions) is None
    assert hear(Judge(9, 0.5), sound, 0 * actions) is None


def test_a_higher_score_is_never_more_likely_real_and_intervals_hold_the_estimate():
    rng = np.random.default_rng(1)
    made = np.arange(200) % 2 == 1
    backwards = Odds.fit(rng.standard_normal(200) - 2 * made, made, [f"p{k % 40}" for k in range(200)])
    odds = Odds.fit(rng.standard_normal(200) + 2 * made, made, [f"p{k % 40}" for k in range(200)])
    for fitted in (odds, backwards):
        logits = [fitted.logit(score) for score in np.linspace(-5, 5, 9)]
        assert logits == sorted(logits)
    chance = 1 / (1 + np.exp(-odds.logit(0.7)))
    tight, wide = odds.interval(0.7, 0.0), odds.interval(0.7, 2.0)
    assert wide[0] < tight[0] <= chance <= tight[1] < wide[1]


def test_odds_of_one_who_is_shown_often_are_less_sure_than_those_of_many():
    rng = np.random.default_rng(2)
    made = np.arange(240) % 2 == 1
    scores = rng.standard_normal(240) + made
    few, many = (Odds.fit(scores, made, [f"p{k % count}" for k in range(240)]) for count in (4, 240))
    widths = [high - low for low, high in (odds.interval(0.5, 0.0) for odds in (few, many))]
    assert all(width > 0 for width in widths)


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
    count = high.compared.clips
    assert 99 < count == high.compared.people < PEOPLE  # some were seen otherwise
    assert (high.compared.above, low.compared.above) == (0, count)
    assert high.compared.p == pytest.approx(1 / (1 + count), abs=1e-4)
    assert low.probability < low.threshold <= high.probability


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (Person(1, sizes=[22.0]), "too small: 22 pixels"),
        (person(9.0, quality=0.01), "too dark"),
        (person(9.0, features=np.full(8, 1e3, np.float32)), "unlike anything"),
        (person(9.0, conditions=np.full(len(QUALITIES), 7, np.float32)), "only 0 real people are known"),
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
    assert (a.verdict, a.compared.people) == (b.verdict, b.compared.people)
    old = {name: value for name, value in model.tensors().items() if name.startswith("picture.")}
    save_weights(tmp_path / "old.onnx", old, WeightCard("detector", {"thresholds": {}}, "noise", 1))
    with pytest.raises(WeightsError, match="earlier detector"):
        Model.load(tmp_path / "old.onnx")


def test_one_in_a_thousand_cannot_be_promised_by_three_hundred_people(model):
    told = Detector(model, point="fpr_01").judge_person(person(60.0))
    assert told.verdict == "cannot_tell"
    assert f"only {told.compared.people} real people" in told.reason
    assert "999 are needed" in told.reason
    with pytest.raises(UsageError, match="fpr_1, fpr_01"):
        Detector(model, point="fpr_5")


def profile(model: Model, scores: np.ndarray) -> Profile:
    clips = (Known(f"{k}.mp4", float(z), (0.0,) * len(QUALITIES), 10) for k, z in enumerate(scores))
    return Profile(model.card.sha256, tuple(clips))


def test_a_small_profile_takes_accusations_back_and_makes_none(model):
    ground = profile(model, np.linspace(0, 12, 50))  # where this team films, reals score up to 12
    plain, own = Detector(model), Detector(model, profile=ground)
    assert [d.judge_person(person(8.0)).verdict for d in (plain, own)] == ["synthetic", "nothing_found"]
    assert own.judge_person(person(20.0)).verdict == "synthetic"
    low = Detector(model, profile=profile(model, np.linspace(-20, -10, 50)))
    assert low.judge_person(person(0.0)).verdict == "nothing_found"
    assert "a profile of 50 real clips" in own.judge("a.mp4", seen(person(8.0))).measured_on


def test_a_large_profile_decides_alone(model):
    own = Detector(model, profile=profile(model, np.linspace(-20, -10, 120)))
    told = own.judge_person(person(-5.0))
    assert (told.verdict, told.compared.clips) == ("synthetic", 120)


def test_a_profile_survives_its_file_and_is_of_one_version_of_the_weights(model, tmp_path):
    ground, path = profile(model, np.linspace(0, 12, 50)), tmp_path / "ours.json"
    ground.write(path)
    assert Profile.read(path) == ground
    assert json.loads(path.read_text())["clips"][0]["file"] == "0.mp4"
    with pytest.raises(UsageError, match="other weights"):
        Detector(model, profile=replace(ground, weights="1" * 64))
    whole = path.read_text()
    for broken in (whole[:-9], "{}", "[]", whole.replace(" 2", " 1", 1), whole.replace("[0.0, ", "[NaN, ", 1)):
        path.write_text(broken)
        with pytest.raises(UnreadableError, match="no profile"):
            Profile.read(path)
    with pytest.raises(UnreadableError, match="no profile"):
        Profile.read(tmp_path / "none.json")


def test_lips_beside_their_sound_are_told_and_decide_nothing(model):
    late = replace(person(-60.0), hearing=Hearing(6, 0.5))
    told = Detector(model).judge_person(late)
    assert told.lips == "lips 6 frames late, confidence 0.50"
    early = Detector(model).judge_person(replace(person(-60.0), hearing=Hearing(-1, 0.5)))
    assert early.lips == "lips 1 frame early, confidence 0.50"
    assert told.verdict == "nothing_found"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 60), unique=True, max_size=40))
def test_thelongest_run_is_one(frames):
    first, count = longest_run(sorted(frames))
    assert all(first + k in frames for k in range(count))
    runs = [n for n in range(1, 61) for f in frames if all(f + k in frames for k in range(n))]
    assert count == max(runs, default=0)


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
    assert "people, none looks as made" in page
    assert "300 draws of noise" in page


def test_heat_is_red_where_evidence_is():
    crop = np.full((SIDE, SIDE, 3), 100, np.uint8)
    evidence = np.full((CELLS, CELLS), -3.0)
    evidence[:6] = 8
    hot = heated(crop, evidence).astype(int)
    assert (hot[10, 50] - hot[180, 50])[0] > 60


def test_a_mouth_that_is_made_under_eyes_that_are_not_counts_for_more_than_both_alike() -> None:
    quiet = np.full((1, CELLS, CELLS), -5.0, np.float32)
    mouth, both = quiet.copy(), np.full_like(quiet, 2.0)
    mouth[MOUTH] = 2.0
    eyes = quiet.copy()
    eyes[UPPER] = 2.0
    assert scores(mouth)[0] > scores(both)[0] > scores(quiet)[0]
    assert scores(eyes)[0] < scores(mouth)[0]
    assert scores(both)[0] - pooled(both)[0] == pytest.approx((1 - CARRIED) * 2.0)


def test_looks_at_lips_that_are_apart_count() -> None:
    mesh = np.zeros((478, 3), np.float32)
    mesh[468, 0], mesh[473, 0] = 100, 160
    mesh[13, 1], mesh[14, 1] = 200, 212
    assert opening_of(mesh) == pytest.approx(0.2)
    logits = np.array([1.0, 9.0, 2.0, 8.0])
    assert sorted(telling(logits, np.array([0.0, 0.3, 0.01, 0.2]))) == [8.0, 9.0]
    assert len(telling(logits, np.zeros(4))) == 4
    assert list(telling(logits[:1], np.array([0.0]))) == [1.0]
