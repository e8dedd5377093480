"""A clip that was stripped and coded again is told whose it was; a mark that lies on other footage is not believed."""

import io

import cv2
import numpy as np
import pytest
from making import clip as plain_clip
from making import remux, voice, write_video
from permits import shown
from scipy.signal import resample_poly
from searching import little_search  # noqa: F401
from sitters import portrait

from lab import attacks
from media import VideoReader, read_sound
from media.errors import UnreadableError
from provenance import Keys, Registry, save_live, save_picture, save_video, verify
from provenance.make.live import Outlet
from provenance.marks import alignment
from provenance.marks.fingerprint import PHASES, Clip, Fingerprint, Fingerprinter, compare, spectrum
from provenance.marks.picture import PictureMarker
from provenance.permits.claims import PICTURE_ALGORITHM
from provenance.read.identification import identify
from provenance.read.recovery import judged, read_manifest
from provenance.registry import FILE

SECONDS = 3
PATIENT = 300.0  # seconds for a search, however busy the machine is


def clip(seed: int, frames: int, size: int = 256) -> list[np.ndarray]:
    """Drawn clips with something to tell them apart by: the plain ones are one oval on one shade each."""
    spots = np.random.default_rng(seed).normal(0, 30, (12, 12, 1)).astype(np.float32)
    spots = cv2.resize(spots, (size, size), interpolation=cv2.INTER_CUBIC)[..., None]
    return [np.clip(frame + spots, 0, 255).astype(np.uint8) for frame in plain_clip(seed, frames, size)]


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    drawn = iter(range(1, 100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("provenance.make.save.new_message", lambda: 0x9E3779B97F4A7C15 * next(drawn) % 2**64)
        yield _made(tmp_path_factory)


def _made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("maker")
    Keys.open(folder / "keys")
    (folder / "keys" / "watermark.key").write_text("5a" * 32)  # always the same: drawn clips lie near the bounds
    keys = Keys.open(folder / "keys")
    saved = save_video(folder / "a.mp4", shown(keys, clip(1, 25 * SECONDS), voice(SECONDS, 1)))
    save_video(folder / "b.mp4", shown(keys, clip(2, 25 * SECONDS), voice(SECONDS, 2)))
    return folder, keys, saved, Registry(keys.folder / FILE)


def again(source, target, *, size: int, crf: int):
    """What a messenger does: another size, another quality, no credentials."""
    frames = [cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA) for frame in VideoReader(source)]
    return write_video(target, frames, sound=read_sound(source), options={"crf": str(crf)})


def printed(frames, sound=None, **options) -> Fingerprinter:
    printer = Fingerprinter(**options)
    for frame in frames:
        printer.frame(frame)
    if sound is not None:
        printer.sound(sound)
    return printer


@pytest.mark.usefixtures("little_search")
def test_stripped_and_coded_again_is_recovered(maker, tmp_path):
    _, keys, saved, _ = maker
    for path in (remux(saved.path, tmp_path / "x.mp4"), again(saved.path, tmp_path / "y.mp4", size=128, crf=35)):
        verdict = verify(path, keys=keys)
        assert (verdict.exit_code, verdict.verdict) == (4, "tampered")
        assert verdict.agreement != "contradict"
        assert verdict.summary.startswith("recovered: made by 'vasari")
        assert "credentials were removed since; the content is as registered" in verdict.summary
        recovered = verdict.origin.recovered
        assert (recovered.manifest, recovered.trust, recovered.pictures, recovered.sound) == (
            *("valid", "trusted"),
            *("same", "same"),
        )
        assert verdict.origin.manifest == saved.manifest


def test_whole_outputs_are_not_recovered(maker):
    _, keys, saved, _ = maker
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.origin.recovered) == (0, None)


@pytest.mark.usefixtures("little_search")
def test_a_mark_on_other_footage_is_told(maker, tmp_path):
    """Who could copy the mark of an output onto something else would not be believed."""
    _, keys, saved, _ = maker
    marker = PictureMarker(int(saved.mark, 16), keys.mark_key)
    frames = [marker.mark(frame) for frame in clip(9, 30)]
    verdict = verify(write_video(tmp_path / "x.mp4", frames, sound=voice(1.2, 9)), keys=keys)
    assert (verdict.exit_code, verdict.agreement) == (4, "contradict")
    assert verdict.origin.recovered.pictures == "other"
    assert any("other footage" in reason for reason in verdict.reasons)


def test_a_cut_and_turned_clip_is_recovered(maker, tmp_path, monkeypatch):
    """The mark is looked for, and what is compared is laid back first."""
    for name, value in {"SMALLEST": 1.0, "LARGEST": 1.4, "FARTHEST": 6.25, "KEPT": 8, "LIKELY": 2}.items():
        monkeypatch.setattr(alignment, name, value)  # the rest of the list takes seconds and finds nothing here
    _, keys, _, _ = maker
    frames = [cv2.resize(portrait(2), (384, 384), interpolation=cv2.INTER_AREA)] * 15
    saved = save_video(tmp_path / "a.mp4", shown(keys, frames, voice(0.6, 5)))
    seen = [attacks.rotated(attacks.cropped(frame, 0.85)[0], 4)[0] for frame in VideoReader(saved.path)]
    verdict = verify(write_video(tmp_path / "b.mp4", seen, options={"crf": "20"}), keys=keys)
    assert verdict.picture_mark.message == saved.mark
    assert verdict.picture_mark.moved.endswith("cut to 0.85 of its sides")
    assert verdict.origin.recovered.pictures in ("same", "unsure")
    assert not any("other footage" in reason for reason in verdict.reasons)


def test_a_clip_that_is_played_faster_is_recovered(maker, tmp_path):
    """The sound is read back at its own speed before it is compared, else it would be called another one."""
    _, keys, saved, _ = maker
    frames = list(VideoReader(saved.path))
    heard = resample_poly(read_sound(saved.path), 100, 107).astype(np.float32)
    times = [k / 25 / 1.07 for k in range(len(frames))]
    verdict = verify(write_video(tmp_path / "x.mp4", frames, times=times, sound=heard), keys=keys)
    assert (verdict.sound_mark.message, verdict.sound_mark.moved) == (saved.mark[-6:], "played at 1.07 times the speed")
    assert verdict.origin.recovered.sound == "same"
    assert (verdict.exit_code, verdict.agreement) == (4, "agree")


def test_pictures_and_live_outputs_are_recovered(maker, tmp_path):
    from types import SimpleNamespace

    _, keys, _, registry = maker
    saved = save_picture(tmp_path / "a.png", shown(keys, clip(4, 1)[0], command="data"))
    cv2.imwrite(str(tmp_path / "b.jpg"), cv2.imread(str(saved.path)), [cv2.IMWRITE_JPEG_QUALITY, 60])
    verdict = verify(tmp_path / "b.jpg", keys=keys)
    assert (verdict.origin.recovered.manifest, verdict.origin.recovered.pictures) == ("valid", "same")
    sound = voice(1.0).reshape(25, -1)
    moments = [SimpleNamespace(frame=frame, sound=part) for frame, part in zip(clip(5, 25), sound, strict=True)]
    live = save_live(tmp_path / "l.mp4", shown(keys, moments), Outlet(io.BytesIO()))
    assert read_manifest(registry.manifest_store(live.manifest)).label == live.manifest
    assert registry.prints(live.mark)


@pytest.mark.usefixtures("little_search")
def test_a_file_names_its_manifests(maker, tmp_path):
    _, keys, saved, registry = maker
    half = again(saved.path, tmp_path / "half.mp4", size=192, crf=30)
    found = identify(half, keys, registry, seconds=PATIENT)
    assert found[0].label == saved.manifest
    other = Keys.open(tmp_path / "keys")  # reads no marks of ours: the content alone
    found = identify(half, other, registry, seconds=PATIENT)
    assert [item.label for item in found] == [saved.manifest]
    assert found[0].score > 50
    assert identify(half, other, registry, algorithms=(PICTURE_ALGORITHM,), seconds=PATIENT) == []
    stranger = write_video(tmp_path / "x.mp4", clip(7, 50), sound=voice(2, 7))
    assert identify(stranger, keys, registry, seconds=PATIENT) == []
    with pytest.raises(UnreadableError, match="pixels"):
        identify(half, keys, registry, largest=100)
    with pytest.raises(UnreadableError, match="within"):
        identify(half, keys, registry, seconds=0.0)


def test_a_manifest_store_speaks_without_its_file(maker):
    _, keys, saved, registry = maker
    store = registry.manifest_store(saved.manifest)
    says = read_manifest(store, keys.anchor_pem.decode())
    assert (says.label, says.intact, says.trusted) == (saved.manifest, True, True)
    assert (PICTURE_ALGORITHM, saved.mark) in says.bindings
    assert not read_manifest(store).trusted
    place = store.find(saved.mark.encode())
    forged = store[:place] + b"f" * 16 + store[place + 16 :]
    assert not read_manifest(forged, keys.anchor_pem.decode()).intact
    for wrong in (b"", b"x" * 100, store[:500]):
        with pytest.raises(UnreadableError):
            read_manifest(wrong)


def test_fingerprints_are_small_and_come_back():
    kept = printed(clip(3, 50), voice(2, 3)).fingerprint()
    assert len(kept.to_bytes()) == 40 + 9 * 3 + 46 * 2
    back = Fingerprint.from_value(kept.to_value())
    for part in ("still", "motion", "sound"):
        np.testing.assert_array_equal(getattr(back, part), getattr(kept, part))
    assert len(printed(clip(3, 2) * 2000).fingerprint().to_bytes()) < 20_000
    with pytest.raises(ValueError, match="nothing"):
        Fingerprinter().clip()


def test_content_is_found_where_it_was_cut():
    frames, sound = clip(3, 75), voice(3, 3)
    kept = printed(frames, sound).fingerprint()
    asked = printed(frames[17:60], sound[17 * 640 + 100 : 60 * 640], every=1, phases=PHASES).clip()
    likeness = compare(kept, asked)
    assert judged(likeness) == ("same", "same")
    assert likeness.motion > 0.95
    other = printed(clip(4, 43), voice(1.7, 8), every=1, phases=PHASES).clip()
    assert judged(compare(kept, other))[0] == "other"


def test_nothing_is_compared_with_nothing():
    silent = printed(clip(3, 10), np.zeros(6400, np.float32)).clip()
    assert len(silent.sound) == 0
    kept = printed(clip(3, 1)).fingerprint()
    likeness = compare(kept, silent)
    assert (likeness.motion, likeness.sound) == (None, None)
    black = Clip(spectrum(np.zeros((64, 64, 3), np.uint8)), silent.motion, 1, silent.sound, 1)
    assert compare(kept, black).still is None
