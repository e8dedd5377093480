"""A visible label that was covered or cut away is told; one that was only coded again is not."""

import cv2
import numpy as np
import pytest
from making import clip as plain_clip
from making import remux, voice, write_video
from permits import shown
from searching import little_search  # noqa: F401
from sitters import portrait

from lab import attacks
from media import VideoReader, probe, read_sound
from provenance import Keys, Label, save_video, verify
from provenance.marks import alignment
from provenance.marks.label import ASSERTION, DRAWING, Labeller
from provenance.read.judgement import judge
from provenance.read.labelled import ALIKE, Watch, likeness, look_for
from provenance.read.statements import visible_label
from provenance.read.verdict import Credentials, Mark, Piece, Stated, Visible

SIZE = 256


def clip(seed: int, frames: int) -> list[np.ndarray]:
    spots = np.random.default_rng(seed).normal(0, 30, (12, 12, 1)).astype(np.float32)
    spots = cv2.resize(spots, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)[..., None]
    return [np.clip(frame + spots, 0, 255).astype(np.uint8) for frame in plain_clip(seed, frames, SIZE)]


def stated(kind: str = "on", size: tuple[int, int] = (SIZE, SIZE)) -> Stated:
    labeller = Labeller(Label("on"))
    labeller.draw(np.zeros((size[1], size[0], 3), np.uint8))
    found = visible_label({"assertions": {ASSERTION: labeller.said() | {"kind": kind}}})
    assert found is not None
    return found


def box(frame: np.ndarray, said: Stated) -> tuple[slice, slice]:
    height, width = frame.shape[:2]
    left, top, wide, high = said.box or (0, 0, 0, 0)
    rows = slice(max(0, int(top * height) - 2), int((top + high) * height) + 3)
    return rows, slice(max(0, int(left * width) - 2), int((left + wide) * width) + 3)


def inpainted(frame: np.ndarray) -> np.ndarray:
    mask = np.zeros(frame.shape[:2], np.uint8)
    mask[box(frame, stated())] = 255
    return cv2.inpaint(frame, mask, 3, cv2.INPAINT_TELEA)


def blurred(frame: np.ndarray) -> np.ndarray:
    out, where = frame.copy(), box(frame, stated())
    out[where] = cv2.GaussianBlur(frame, (0, 0), 0.03 * frame.shape[0])[where]
    return out


def covered(frame: np.ndarray) -> np.ndarray:
    out = frame.copy()
    out[box(frame, stated())] = frame[frame.shape[0] // 3, -3]
    return out


def faded(frame: np.ndarray) -> np.ndarray:
    out = frame.astype(np.float32)
    where = box(frame, stated())
    out[where] = 120 + 0.15 * (out[where] - 120)
    return out.astype(np.uint8)


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labelled")
    keys = Keys.open(folder / "keys")
    on = save_video(folder / "on.mp4", shown(keys, clip(1, 50), voice(2.0, 1), label=Label("on")))
    return keys, on


def again(source, target, change=lambda frame: frame, *, crf: int = 28, size: int = SIZE):
    """Stripped, changed, and coded again with its sound."""
    frames = [cv2.resize(change(f), (size, size), interpolation=cv2.INTER_AREA) for f in VideoReader(source)]
    return write_video(target, frames, sound=read_sound(source), options={"crf": str(crf)})


@pytest.mark.parametrize(("crf", "size"), [(28, SIZE), (35, SIZE), (28, SIZE // 2)])
@pytest.mark.usefixtures("little_search")
def test_what_was_only_coded_again_is_not_accused(maker, tmp_path, crf, size):
    keys, saved = maker
    verdict = verify(again(saved.path, tmp_path / "x.mp4", crf=crf, size=size), keys=keys)
    assert (verdict.exit_code, verdict.label.state) == (4, "seen")
    assert "label" not in verdict.summary
    assert verdict.origin.recovered.label == verdict.label.stated


@pytest.mark.parametrize("change", [inpainted, blurred, covered, faded])
@pytest.mark.usefixtures("little_search")
def test_a_covered_label_is_told_of_a_clip_that_lost_its_credentials(maker, tmp_path, change):
    keys, saved = maker
    verdict = verify(again(saved.path, tmp_path / "x.mp4", change), keys=keys)
    assert verdict.summary.startswith("recovered: made by")
    assert verdict.summary.endswith("its visible label was removed or covered")
    assert (verdict.exit_code, verdict.label.state, verdict.origin.manifest) == (4, "removed", saved.manifest)
    assert verdict.label.missing == verdict.label.looked_at > 3
    assert any("frames that should show it" in reason for reason in verdict.reasons)


def test_cutting_it_away_is_told(maker, tmp_path, monkeypatch):
    for name, value in {"SMALLEST": 1.0, "LARGEST": 1.4, "FARTHEST": 1.25, "KEPT": 8, "LIKELY": 2}.items():
        monkeypatch.setattr(alignment, name, value)
    keys, _ = maker
    frames = [cv2.resize(portrait(2), (384, 384), interpolation=cv2.INTER_AREA)] * 15
    saved = save_video(tmp_path / "a.mp4", shown(keys, frames, voice(0.6, 5), label=Label("on")))
    cut = [attacks.cropped(frame, 0.85, (0.0, 1.0))[0] for frame in VideoReader(saved.path)]
    verdict = verify(write_video(tmp_path / "b.mp4", cut, options={"crf": "20"}), keys=keys)
    assert verdict.picture_mark.moved
    assert (verdict.exit_code, verdict.label.state) == (4, "not_seen")
    assert "its visible label is not seen" in verdict.summary


@pytest.mark.usefixtures("little_search")
def test_half_of_the_time_is_told_and_strangers_are_not_spoken_of(maker, tmp_path):
    keys, saved = maker
    frames = list(VideoReader(saved.path))
    half = [*frames[:25], *map(covered, frames[25:])]
    verdict = verify(write_video(tmp_path / "x.mp4", half, sound=read_sound(saved.path)), keys=keys)
    assert (verdict.label.state, 0 < verdict.label.missing < verdict.label.looked_at) == ("removed", True)
    stranger = verify(write_video(tmp_path / "y.mp4", clip(5, 20), sound=voice(0.8, 5)), keys=keys)
    assert stranger.label is None
    other = verify(remux(saved.path, tmp_path / "z.mp4"), keys=Keys.open(tmp_path / "keys"))
    assert other.label is None


def test_a_false_statement_under_a_good_signature_contradicts_itself(keys, tmp_path, monkeypatch):
    monkeypatch.setattr("provenance.make.save.check_visible", lambda *_: None)
    monkeypatch.setattr(Labeller, "draw", lambda self, frame: (_draw(self, frame), frame)[1])
    saved = save_video(tmp_path / "a.mp4", shown(keys, clip(2, 20), label=Label("on")))
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.verdict) == (4, "tampered")
    assert verdict.summary == ("contradictory: the credentials hold, but its visible label was removed or covered")
    assert verify(saved.path, anchors=[keys.folder / "root.pem"]).exit_code == 4  # no watermark key is needed


_draw = Labeller.draw
pytest_plugins = ["maker_fixtures"]

GOOD = {"kind": "on", "drawing": DRAWING, "corner": "top right", "box": [0.8, 0.04, 0.13, 0.1], "frame": [512, 512]}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "always"}, {"kind": ["on"]}, {"kind": None}, {"drawing": "a cat"}, {"corner": "middle"},
        {"corner": {}}, {"box": None}, {"box": "0.8"}, {"box": []}, {"box": [0.8, 0.04, 0.13]},
        {"box": [0.8, 0.04, 0.13, "0.1"]},
        {"box": [0.8, 0.04, 0.13, float("nan")]}, {"box": [0.8, 0.04, float("inf"), 0.1]}, {"box": [0.8, 0.04, 0, 0]},
        {"box": [-0.5, 0.04, 0.13, 0.1]}, {"box": [0.95, 0.04, 0.13, 0.1]}, {"box": [0.8, 0.04, 0.13, True]},
        {"box": [0.0, 0.0, 1.0, 1e-9]}, {"box": [0, 0, 1e308, 1e308]}, {"box": [0.0, 0.0, 1.0, 0.1]},
        {"frame": [0, 0]}, {"frame": [-512, -512]}, {"frame": [1e12, 1e12]}, {"frame": ["512", 512]}, {"frame": None},
        {"kind": "off", "reason": 7},
    ],
)  # fmt: skip
def test_nonsense_that_somebody_signed_states_nothing(change):
    assert visible_label({"assertions": {ASSERTION: GOOD | change}}) is None


def test_what_makes_sense_is_read():
    assert visible_label({}) is visible_label({"assertions": {ASSERTION: "on"}}) is None
    assert visible_label({"assertions": {ASSERTION: GOOD}}).pixels == (67, 51)
    said = visible_label({"assertions": {ASSERTION: {"kind": "off", "reason": "a\nb" + "x" * 999}}})
    assert said.reason.isprintable()
    assert len(said.reason) <= 400


@pytest.mark.parametrize("size", [(128, 128), (256, 256), (131, 129), (640, 360), (360, 640), (1024, 1024)])
def test_it_is_known_again_at_every_size_and_not_elsewhere(size):
    rng = np.random.default_rng(3)
    width, height = size
    ground = cv2.resize(rng.integers(0, 256, (20, 30, 3), np.uint8), size, interpolation=cv2.INTER_CUBIC)
    worn, said = Labeller(Label("on")).draw(ground), stated(size=size)
    assert likeness(worn, said) > 0.95
    for seen in (attacks.jpeg(worn, 40), cv2.resize(worn, (width * 2, height)), np.roll(worn, height // 50, 0)):
        assert likeness(seen, said) > ALIKE
    for seen in (ground, inpainted(worn) if size == (SIZE, SIZE) else ground, 255 - worn, worn[::-1], worn[:, ::-1]):
        assert likeness(np.ascontiguousarray(seen), said) < ALIKE
    assert likeness(np.full((height, width, 3), 200, np.uint8), said) == 0.0
    noise = rng.integers(0, 256, (height, width, 3), np.uint8)
    assert likeness(noise, said) < ALIKE
    assert likeness(cv2.resize(worn, (16, 16)), said) is None
    assert likeness(np.zeros((1, 1, 3), np.uint8), said) is None


def watched(said: Stated, worn: list[bool], begins: float | None, rate: float = 2.5) -> Visible:
    labeller = Labeller(Label("on"))
    bare = clip(3, 1)[0]
    label, watch = labeller.draw(bare), Watch(said, begins=begins)
    for number, here in enumerate(worn):
        watch.see(label if here else bare, number / rate)
    return watch.state()


def due(number: float, offset: float = 0.0) -> bool:
    return (number / 2.5 + offset) % 10 < 3


def test_showings_that_begin_somewhere_are_found():
    said = stated("start")
    whole = [due(k) for k in range(60)]
    assert watched(said, whole, 0.0).state == "seen"
    assert watched(said, [False] * 60, 0.0).state == "removed"
    assert watched(said, [here and k < 20 for k, here in enumerate(whole)], 0.0).state == "removed"  # the second one
    assert watched(said, [True], 0.0).state == "seen"  # a picture
    moved = [due(k, 5.0) for k in range(60)]
    assert watched(said, moved, None).state == "seen"
    for speed in (0.85, 1.15):
        assert watched(said, [due(k * speed, 2.0) for k in range(150)], None).state == "seen"
    assert watched(said, [False] * 60, None).state == "removed"
    assert watched(said, [due(k) and k < 30 for k in range(75)], None).state == "removed"  # later ones are gone
    assert watched(said, [k % 25 == 0 for k in range(150)], None).state == "removed"  # a moment of each is left
    assert watched(said, [False] * 15, None).state == "not_checked"  # 6 s may lie between two showings
    assert watched(said, [], None).state == watched(stated(), [], 0.0).state == "not_checked"


def test_fades_and_titles_say_nothing():
    watch, labeller = Watch(stated()), Labeller(Label("on"))
    for number, frame in enumerate(clip(3, 6)):
        watch.see(labeller.draw(frame), number / 25)
        watch.see(np.zeros_like(frame), number / 25)
    assert (watch.state().state, watch.state().looked_at) == ("seen", 6)


def test_only_stretches_that_bear_the_mark_are_judged(tmp_path):
    bare = clip(3, 50)
    labeller = Labeller(Label("on"))
    frames = [*bare[:25], *map(labeller.draw, bare[25:])]
    path = write_video(tmp_path / "a.mp4", frames)
    piece = Piece(start=1.0, end=2.0, message="0" * 16, key="0" * 16)
    assert look_for(path, probe(path), stated(), pieces=[piece]).state == "seen"
    assert look_for(path, probe(path), stated()).state == "removed"
    assert look_for(path, probe(path), None) is None


def test_words_of_the_verdict():
    said, none = stated(), Mark(state="absent")
    gone = Visible(stated=said, state="removed", looked_at=4, missing=4)
    signed = Credentials(state="valid", trust="trusted", signer="A")
    assert judge(signed, none, none, keys=[])["exit_code"] == 0
    assert judge(signed, none, none, keys=[], label=gone)["exit_code"] == 4
    unknown = signed.model_copy(update={"trust": "untrusted"})
    judged = judge(unknown, none, none, keys=[], label=gone)
    assert (judged["exit_code"], any("removed or covered" in reason for reason in judged["reasons"])) == (3, True)
    broken = signed.model_copy(update={"state": "invalid", "failures": ["assertion.bmffHash.mismatch"]})
    assert judge(broken, none, none, keys=[], label=gone)["summary"].endswith("removed or covered")
