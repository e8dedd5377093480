"""What is handed out uncoded: labelled, marked, known to the registry and kept before; or nothing is."""

import inspect
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from making import clip, voice, write_video
from permits import PORTRAITS, left, permit, shown

from media import SAMPLES_PER_FRAME
from media.errors import ConsentError, OutputError, SigningError, UsageError
from provenance import Generated, Keys, Label, Permit, Registry, Uncoded, save_live, verify
from provenance.marks.identity import sound_message
from provenance.marks.picture import PictureReader
from provenance.marks.sound import SoundReader
from provenance.registry import FILE
from provenance.trust.signers import CommandSigner

pytest_plugins = ["maker_fixtures"]
pytestmark = pytest.mark.usefixtures("beside")
FRAMES = 75


@dataclass
class Moment:
    frame: np.ndarray
    sound: np.ndarray


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    sound = voice(FRAMES / 25).reshape(-1, SAMPLES_PER_FRAME)
    return [Moment(*pair) for pair in zip(clip(frames=FRAMES, size=256), sound, strict=True)]


def test_what_is_handed_out_is_labelled_marked_in_step_and_known_before(tmp_path: Path, moments, monkeypatch) -> None:
    Keys.open(tmp_path / "keys")  # key and message are always the same: drawn clips lie near the bounds
    (tmp_path / "keys" / "watermark.key").write_text("5a" * 32)
    monkeypatch.setattr("provenance.make.save.secrets.randbits", lambda bits: 0x35B95CAD80AB757A)
    keys = Keys.open(tmp_path / "keys")
    registry = Registry(tmp_path / "in" / FILE)
    taken: list[tuple[np.ndarray, np.ndarray]] = []

    def take(frame: np.ndarray, sound: np.ndarray) -> None:
        assert len(registry.of_kind("live")) == 1
        taken.append((frame, sound))

    saved = save_live(tmp_path / "a.mp4", shown(keys, moments), Uncoded(take), registry=registry)
    assert (saved.frames, len(taken)) == (FRAMES, FRAMES)
    assert {len(sound) for _, sound in taken} == {SAMPLES_PER_FRAME}
    pictures, sounds = PictureReader(keys.mark_key), SoundReader(keys.mark_key)
    for frame, sound in taken:
        pictures.add(frame)
        sounds.add(sound)
    message = int(saved.mark, 16)
    assert pictures.read().message == message
    assert sounds.read().message == sound_message(message)
    heard, said = np.concatenate([s for _, s in taken]), np.concatenate([m.sound for m in moments])
    assert np.corrcoef(heard, said)[0, 1] > 0.99  # not a sample late
    for (frame, _), moment in zip(taken, moments, strict=True):
        off = np.abs(frame.astype(int) - moment.frame).max(axis=2)
        assert np.median(off) < 6  # the same frame
        assert (off > 60).sum() > 50  # with its label
    assert verify(saved.path, keys=keys, registry=registry).exit_code == 0

    theirs = write_video(tmp_path / "in" / "theirs.mp4", [f for f, _ in taken], sound=heard, options={"crf": "24"})
    verdict = verify(theirs, keys=keys, registry=registry)  # whoever codes it: the marks say whose it is
    assert (verdict.exit_code, verdict.picture_mark.message, verdict.sound_mark.state) == (4, saved.mark, "found")


def test_the_last_frame_has_the_rest_of_the_sound(tmp_path: Path, keys: Keys, moments) -> None:
    taken: list[int] = []
    some = [*moments[:30], Moment(moments[30].frame, np.zeros(100, np.float32))]
    save_live(tmp_path / "a.mp4", shown(keys, some), Uncoded(lambda frame, sound: taken.append(len(sound))))
    assert taken == [SAMPLES_PER_FRAME] * 30 + [100]


def test_nothing_is_handed_out_that_may_not_be_saved(tmp_path: Path, keys: Keys, moments) -> None:
    no_key = Keys(keys.folder, CommandSigner(["false"], keys.signer.chain_pem), keys.anchor_pem, keys.mark_key)
    taken: list[object] = []
    to = Uncoded(lambda *what: taken.append(what))
    with pytest.raises(UsageError, match="needs a reason"):
        save_live(tmp_path / "a.mp4", shown(keys, moments, label=Label("off")), to)
    with pytest.raises(SigningError):
        save_live(tmp_path / "a.mp4", shown(no_key, moments), Uncoded(to._take))
    else_s = [Moment(frame, np.zeros(SAMPLES_PER_FRAME, np.float32)) for frame in clip(1, frames=9)]
    alone = Permit.of(PORTRAITS[0], keys=keys)
    with pytest.raises(ConsentError, match="face"):
        save_live(tmp_path / "a.mp4", alone.perform(Generated, else_s, command="test"), Uncoded(to._take))
    assert (taken, left(tmp_path)) == ([], [])


def test_who_takes_no_more_ends_it_and_what_was_taken_is_signed(tmp_path: Path, keys: Keys, moments) -> None:
    for error in (OutputError("gone"), ZeroDivisionError("theirs")):
        taken: list[np.ndarray] = []

        def take(frame: np.ndarray, sound: np.ndarray, taken=taken, error=error) -> None:
            if len(taken) == 40:
                raise error
            taken.append(frame)

        with pytest.raises(type(error), match=r"gone; what was made until then is in .*a\.mp4, signed|^theirs$"):
            save_live(tmp_path / "a.mp4", shown(keys, moments), Uncoded(take))
        assert verify(tmp_path / "a.mp4", keys=keys).exit_code == 0
        (tmp_path / "a.mp4").unlink()


def test_frames_without_sound_are_refused_and_nothing_else_can_be_asked_for(tmp_path: Path, keys: Keys, moments):
    mute = [Moment(m.frame, np.zeros(0, np.float32)) for m in moments]
    with pytest.raises(UsageError, match="frames come without their sound"):
        save_live(tmp_path / "a.mp4", shown(keys, mute), Uncoded(lambda *_: None))
    assert set(inspect.signature(Uncoded).parameters) == {"take", "name"}
    assert permit(keys).perform(Generated, moments, command="test").label is None  # "on" by `save_live`, unless said
