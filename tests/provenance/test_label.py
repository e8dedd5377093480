"""The visible label: drawn where no head is, legible on everything, under the mark, and stated as it was drawn."""

import io
from dataclasses import dataclass

import numpy as np
import pytest
from making import clip, picture, voice
from permits import permit, shown, told

from media import VideoReader
from media.errors import UsageError
from media.hashing import file_sha256
from provenance import Edited, Generated, Keys, Label, Outlet, Recorded, save_live, save_picture, save_video, verify
from provenance.make.encoding import OwnMarks
from provenance.marks.label import ASSERTION, CORNERS, DARK, LIGHT, Labeller, Spot, drawn, due, letters, plate, spot
from provenance.permits.claims import TERMS, Opened

pytest_plugins = ["maker_fixtures"]

WHOLE = (0.0, 0.0, 1.0, 1.0)  # a head that fills the frame


@dataclass
class Moment:
    frame: np.ndarray
    sound: np.ndarray


def luminance(level: float) -> float:
    """Relative luminance of a grey level, WCAG 2.2."""
    share = level / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


def contrast(one: float, other: float) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def grounds(size: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (size // 4, size // 4, 3), np.uint8)
    return {
        "light": np.full((size, size, 3), 255, np.uint8),
        "dark": np.zeros((size, size, 3), np.uint8),
        "plate": np.full((size, size, 3), DARK, np.uint8),
        "busy": np.repeat(np.repeat(coarse, 4, 0), 4, 1),
    }


@pytest.mark.parametrize("size", [256, 512, 1024])
@pytest.mark.parametrize("ground", ["light", "dark", "plate", "busy"])
def test_letters_stand_out_from_the_plate_and_the_plate_from_everything(size: int, ground: str) -> None:
    at = spot(size, size)
    label = drawn(grounds(size)[ground], at)[at.slices].mean(axis=2)
    ink = letters(at.width, at.height) == 255
    bare = np.zeros_like(ink)
    bare[at.height // 6 : -at.height // 6, at.width // 6 : -at.width // 6] = True
    bare &= label < 60
    assert contrast(np.median(label[ink]), np.median(label[bare])) > 15  # 4.5 is asked for
    assert contrast(LIGHT, DARK) > 4.5
    middle = label[at.height // 2]
    assert middle[: at.width // 6].max() > 200  # a white ring, on dark pictures
    assert middle[:3].min() < 90  # a dark rim around it, on light ones


def test_the_drawing_is_its_own_and_does_not_change() -> None:
    level, cover = plate(66, 51)
    assert level.shape == cover.shape == (51, 66)
    assert (level.min(), cover.max()) == (DARK, 1.0)
    assert 0.06 < (letters(660, 510) > 0).mean() < 0.25
    with pytest.raises(ValueError, match="read-only"):
        level[0, 0] = 1


@pytest.mark.parametrize(
    ("width", "height"),
    [(512, 512), (1024, 1024), (1280, 720), (720, 1280), (64, 64), (129, 131), (63, 41), (20, 300), (2, 2), (1, 1)],
)
def test_it_lies_within_every_frame_and_off_its_edges(width: int, height: int) -> None:
    for heads in ([], [WHOLE], [(0.5, 0.0, 1.0, 0.5)]):
        at = spot(width, height, heads)
        assert 0 <= at.left <= at.left + at.width <= width
        assert 0 <= at.top <= at.top + at.height <= height
        frame = np.full((height, width, 3), 128, np.uint8)
        assert drawn(frame, at).shape == frame.shape
    at = spot(width, height)
    if min(width, height) >= 128:
        edge = 0.035 * min(width, height)
        assert width - at.left - at.width >= edge
        assert at.top >= edge
        assert at.height == pytest.approx(max(16, 0.1 * min(width, height)), abs=1)


def test_it_keeps_clear_of_heads() -> None:
    def where(*heads: tuple[float, float, float, float]) -> Spot:
        return spot(512, 512, heads)

    assert where().corner == "top right"
    assert where((0.25, 0.15, 0.75, 0.8)).corner == "top right"
    assert where((0.6, 0.0, 1.0, 0.5)).corner == "top left"
    assert where((0.6, 0.0, 1.0, 0.5), (0.0, 0.0, 0.4, 0.5)).corner == "bottom right"
    assert where((0.0, -0.1, 1.0, 0.5), (0.5, 0.5, 1.0, 1.0)).corner == "bottom left"
    tight = where(WHOLE)  # a face that fills the frame leaves its corners, for a smaller label
    assert tight.clear
    assert tight.height < 51
    close = where((-0.5, -0.5, 1.5, 1.5))
    assert (close.corner, close.clear) == ("top right", False)
    assert close.height < tight.height


def test_starts_and_starts_again() -> None:
    label = Labeller(Label("start"))
    frame = np.full((128, 128, 3), 100, np.uint8)
    worn = [bool((label.draw(frame) != frame).any()) for _ in range(13 * 25 + 1)]
    assert [k / 25 for k in range(1, len(worn)) if worn[k] != worn[k - 1]] == [3.0, 10.0, 13.0]
    assert worn[0]
    assert [due(kind, 5.0) for kind in ("off", "start", "on")] == [False, False, True]
    assert (frame == 100).all()  # what was given is not drawn on
    off = Labeller(Label())
    assert off.draw(frame) is frame
    assert off.said() == {"kind": "off"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"kind": "always"}, "choose one of off, start, on"),
        ({"kind": "off", "reason": "two\nlines"}, "one line"),
        ({"kind": "off", "reason": "x" * 400}, "one line"),
        ({"kind": "on", "reason": "why"}, "leave the reason out"),
        ({"kind": "on", "faces": ((0.0, 0.0, float("nan"), 1.0),)}, "left, top, right, bottom"),
        ({"kind": "on", "faces": ((0.5, 0.0, 0.2, 1.0),)}, "left, top, right, bottom"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(asked: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        Label(**asked)
    assert "\n" not in str(caught.value)


def test_what_a_camera_took_is_not_labelled(keys: Keys) -> None:
    for kind in (Recorded, Edited):
        assert not kind.labelled
    with pytest.raises(UsageError, match="camera"):
        permit(keys).perform(Edited, [], command="test", label=Label("on"))
    with pytest.raises(UsageError, match=r"provenance\.Label"):
        permit(keys).perform(Generated, [], command="test", label="on")
    assert not hasattr(Opened, "labelled")


def test_it_is_drawn_before_the_mark_and_seen_by_the_registry() -> None:
    frame = picture(1, 256)
    bare, worn = (OwnMarks(7, b"k" * 32, labeller=Labeller(Label(kind))) for kind in ("off", "on"))
    plain, labelled = bare.frame(frame), worn.frame(frame)
    at = spot(256, 256)
    assert np.abs(labelled.astype(int) - drawn(frame, at)).max() < 25  # the mark lies over it
    assert (labelled[at.slices] != drawn(frame, at)[at.slices]).any()
    assert np.abs(labelled.astype(int) - plain)[at.slices].max() > 100


def test_files_bear_it_when_asked_and_say_so_when_not(tmp_path, keys: Keys) -> None:
    frames = clip(frames=25, size=256)
    plain = save_video(tmp_path / "plain.mp4", shown(keys, frames))
    assert told(plain.path)[ASSERTION] == {"kind": "off"}
    assert told(plain.path)["io.vasari.making"]["terms"] == file_sha256(TERMS)
    verdict = verify(plain.path, keys=keys)
    assert (verdict.exit_code, verdict.label.stated.kind, verdict.label.state) == (0, "off", "not_checked")
    for kind in ("on", "start"):
        saved = save_video(tmp_path / f"{kind}.mp4", shown(keys, frames, label=Label(kind)))
        said = told(saved.path)[ASSERTION]
        assert (said["kind"], said["corner"], said["frame"]) == (kind, "top right", [256, 256])
        assert said.get("seconds") == (3 if kind == "start" else None)
        verdict = verify(saved.path, keys=keys)
        assert (verdict.exit_code, verdict.label.state, verdict.label.missing) == (0, "seen", 0)
        assert verdict.label.similarity > 0.9
        assert len(list(VideoReader(saved.path))) == 25


def test_pictures_bear_it_too(tmp_path, keys: Keys) -> None:
    saved = save_picture(tmp_path / "a.jpg", shown(keys, picture(1, 256), label=Label("on")))
    assert told(saved.path)[ASSERTION]["kind"] == "on"
    assert verify(saved.path, keys=keys).label.state == "seen"
    with_face = Label("on", faces=((0.6, 0.0, 1.0, 0.5),))
    saved = save_picture(tmp_path / "b.png", shown(keys, picture(1, 256), label=with_face))
    assert told(saved.path)[ASSERTION]["corner"] == CORNERS[1]


def test_live_bears_it_unless_a_reason_is_given(tmp_path, keys: Keys) -> None:
    moments = [Moment(*pair) for pair in zip(clip(frames=25, size=256), voice(1.0).reshape(25, -1), strict=True)]

    def sent(name: str, label: Label | None) -> tuple:
        out = io.BytesIO()
        out.close = lambda: None
        saved = save_live(tmp_path / name, shown(keys, moments, label=label), Outlet(out))
        return told(saved.path)[ASSERTION], verify(saved.path, keys=keys), out.getvalue()

    said, verdict, data = sent("a.mp4", None)
    assert said["kind"] == "on"
    assert (verdict.exit_code, verdict.label.state) == (0, "seen")
    recording = tmp_path / "recording.mp4"
    recording.write_bytes(data)
    assert verify(recording, keys=keys).label.state == "seen"  # by what the registry keeps
    said, verdict, _ = sent("b.mp4", Label("off", "a rehearsal, nobody watches"))
    assert said == {"kind": "off", "reason": "a rehearsal, nobody watches"}
    assert verdict.exit_code == 0
    assert any("a rehearsal, nobody watches" in reason for reason in verdict.reasons)
    out = io.BytesIO()
    with pytest.raises(UsageError, match="needs a reason"):
        save_live(tmp_path / "c.mp4", shown(keys, moments, label=Label("off", "  ")), Outlet(out))
    assert not (tmp_path / "c.mp4").exists()
