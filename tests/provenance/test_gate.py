"""The gate: who may be shown is decided by bytes, signatures and what is seen, never by an argument."""

import copy
import datetime as dt
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from making import clip, picture, voice, write_video
from permits import granted, permit, shown, told
from sitters import EXAMPLES, PORTRAITS

from media import VideoReader, read_picture
from media.errors import ConsentError, KeyMaterialError, SigningError, UnreadableError, UsageError, VasariError
from media.hashing import file_sha256
from provenance import (
    Composite,
    Consent,
    Cut,
    Edited,
    Generated,
    Keys,
    Performance,
    Permit,
    Recorded,
    Registry,
    Rendered,
    is_nobody,
    read_consent,
    save_live,
    save_picture,
    save_video,
)
from provenance.make import readback, save
from provenance.make.readback import strengthened
from provenance.permits.claims import MAKING, Claim
from provenance.permits.nobody import shipped
from provenance.registry import FILE

pytest_plugins = ["maker_fixtures"]

TOMORROW = dt.date.today() + dt.timedelta(days=1)


def test_neither_can_be_made_copied_changed_or_sent_elsewhere(keys: Keys) -> None:
    allowed = Permit.of(PORTRAITS[0], keys=keys)
    performance = allowed.perform(Generated, [], command="x")
    for kind, one in ((Permit, allowed), (Performance, performance)):
        with pytest.raises(TypeError):
            kind(keys=keys, subjects=(), claim=None)
        for way in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                way(one)
        with pytest.raises(TypeError, match="subclassed"):
            type("Mine", (kind,), {})
        with pytest.raises(AttributeError):
            one.keys = keys
        with pytest.raises(AttributeError):
            del one.permit
    with pytest.raises(ValueError, match="read-only"):
        allowed.picture[0, 0] = 0


@pytest.mark.parametrize("save", [save_video, save_picture])
def test_nothing_else_can_be_saved(tmp_path: Path, keys: Keys, save) -> None:
    pretender = SimpleNamespace(
        permit=permit(keys), claim=shown(keys, None).claim, shown=clip(frames=2), sound=None, keys=keys
    )
    name = "a.mp4" if save is save_video else "a.png"
    for thing in (picture(), clip(frames=2), pretender, None, permit(keys)):
        with pytest.raises(TypeError, match="cannot be saved"):
            save(tmp_path / name, thing)
    assert not any(tmp_path.iterdir())


def test_no_function_takes_a_word_for_it() -> None:
    import inspect

    words = ("nobody", "exists", "unsafe", "trusted", "skip", "check", "mark", "sign", "force")
    for function in (Permit.of, Permit.rendered, Permit.licensed, Permit.together, Permit.perform, save_video,
                     save_picture, save_live):  # fmt: skip
        assert not set(inspect.signature(function).parameters) & set(words), function


def test_a_portrait_of_somebody_needs_its_consent(somebody: Path, tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(ConsentError, match="needs consent on file"):
        Permit.of(somebody, keys=keys)
    allowed = Permit.of(somebody, keys=keys, consent=granted(somebody, tmp_path, keys))
    saved = save_picture(tmp_path / "out.png", allowed.perform(Generated, allowed.picture, command="test"))
    making = told(saved.path)[MAKING]
    assert (making["person"], making["claim"]) == ("consented", "generated")
    assert making["inputs"] == [{"role": "portrait", "sha256": file_sha256(somebody)}]
    assert making["consent"]["validUntil"] == str(TOMORROW)
    assert making["likeness"]["median"] > 90
    assert not is_nobody(saved.path, keys)


def test_a_consent_made_by_hand_opens_nothing(somebody: Path, keys: Keys) -> None:
    unsigned = Consent(
        subject="Victim", purpose="-", portrait_sha256=file_sha256(somebody), valid_until=TOMORROW, granted_by="-",
        granted_on=dt.datetime.now(dt.UTC), certificates="", signature="",
    )  # fmt: skip
    with pytest.raises(ConsentError, match="altered or signed by somebody else"):
        Permit.of(somebody, keys=keys, consent=unsigned)


@pytest.mark.parametrize("how", ["another maker", "another portrait", "expired", "altered"])
def test_a_consent_that_does_not_hold(somebody: Path, tmp_path: Path, keys: Keys, monkeypatch, how: str) -> None:
    path, signer, about = tmp_path / "consent.json", keys, somebody
    if how == "another maker":
        signer = Keys.open(tmp_path / "others")
    elif how == "another portrait":
        about = PORTRAITS[0]
    granted(about, tmp_path, signer)
    if how == "altered":
        path.write_text(path.read_text().replace('"A"', '"B"'))
    elif how == "expired":
        allowed = Permit.of(somebody, keys=keys, consent=path)

        class Later(dt.datetime):
            @classmethod
            def now(cls, tz=None):
                return super().now(tz) + dt.timedelta(days=3)

        monkeypatch.setattr("provenance.trust.consent.dt.datetime", Later)
        with pytest.raises(ConsentError, match="expired"):
            allowed.perform(Generated, [], command="test")
    with pytest.raises(ConsentError):
        Permit.of(somebody, keys=keys, consent=path)


def test_a_portrait_changed_after_it_was_opened_is_noticed(somebody: Path, tmp_path: Path, keys: Keys) -> None:
    allowed = Permit.of(somebody, keys=keys, consent=granted(somebody, tmp_path, keys))
    performance = allowed.perform(Generated, allowed.picture, command="test")
    shutil.copy(PORTRAITS[2], somebody)
    with pytest.raises(ConsentError, match="changed since"):
        save_picture(tmp_path / "out.png", performance)
    assert not (tmp_path / "out.png").exists()


def another_face(size: int = 256) -> np.ndarray:
    return cv2.resize(read_picture(PORTRAITS[2]), (size, size), interpolation=cv2.INTER_AREA)


def test_a_permit_is_for_its_own_face(tmp_path: Path, keys: Keys) -> None:
    """Whatever the frames' maker says: the face that is seen is another's."""
    allowed = Permit.of(PORTRAITS[0], keys=keys)
    with pytest.raises(ConsentError, match="another face"):
        save_video(tmp_path / "a.mp4", allowed.perform(Generated, [another_face()] * 5, command="test"))
    with pytest.raises(ConsentError, match="another face"):
        save_picture(tmp_path / "a.png", allowed.perform(Generated, another_face(), command="test"))
    wall = np.full((256, 256, 3), 120, np.uint8)
    with pytest.raises(ConsentError, match="no face"):
        save_picture(tmp_path / "a.png", allowed.perform(Generated, wall, command="test"))
    assert not any(tmp_path.iterdir())


def test_a_face_that_is_put_in_later_is_noticed(tmp_path: Path, keys: Keys) -> None:
    """Half of a film may not be somebody else: frames are looked at by chance, not where a caller expects it."""
    allowed = Permit.of(PORTRAITS[0], keys=keys)
    own = cv2.resize(allowed.picture, (256, 256), interpolation=cv2.INTER_AREA)
    frames = [own] * 60 + [another_face()] * 240
    with pytest.raises(ConsentError, match="another face"):
        save_video(tmp_path / "a.mp4", allowed.perform(Generated, frames, command="test"), preset="ultrafast")
    assert not any(tmp_path.iterdir())


def test_what_was_generated_is_no_portrait_of_nobody(tmp_path: Path, keys: Keys) -> None:
    """Each a little less alike than the one before, a row of them would end with anybody. What was rendered is one:
    tests of people."""
    saved = save_picture(tmp_path / "a.png", shown(keys, picture(3)))
    assert not is_nobody(saved.path, keys)
    composed = save_picture(tmp_path / "b.png", permit(keys).perform(Composite, picture(3), command="test"))
    assert not is_nobody(composed.path, keys)  # parts of it may be of anybody


def test_a_registry_alone_makes_nobody_of_no_one(somebody: Path, tmp_path: Path, keys: Keys) -> None:
    """A row that says so is no reason: the file's own credentials have to say it, and hold."""
    saved = save_picture(tmp_path / "a.png", shown(keys, picture(3)))
    book = Registry(tmp_path / FILE)
    entry = Registry(keys.folder / FILE).by_file(saved.sha256)
    assert entry is not None
    forged = {"mark": "b" * 16, "manifest": "urn:c2pa:x", "file_sha256": file_sha256(somebody), "nobody": 1}
    book.add(type(entry)(**(vars(entry) | forged)))
    assert not is_nobody(somebody, keys, registry=book)


def test_permits_of_two_makers_do_not_mix(tmp_path: Path, keys: Keys) -> None:
    others = Keys.open(tmp_path / "others")
    with pytest.raises(UsageError, match="different makers"):
        Permit.together([Permit.of(PORTRAITS[0], keys=keys), Permit.of(PORTRAITS[1], keys=others)])
    with pytest.raises(UsageError, match="no permit"):
        Permit.together([])


@pytest.mark.parametrize(
    ("text", "named"),
    [("This set: CC-BY 4.0.", "CC-BY 4.0"), ("released as CC0", "CC0"), ("in the public domain", "public domain"),
     ("CC BY-SA 3.0", "CC BY-SA 3.0"), ("CC-BY-NC 4.0", None), ("CC BY-ND", None), ("all rights reserved", None),
     ("NOT licensed under CC-BY and not in the public domain", None), ("CC BY 2.0 NC", None), ("CC BY-SA-NC", None),
     ("CC BY NonCommercial", None), ("CC-BY\u2011NC", None), ("CC BY_NC", None), ("CC BY 4.0-ND", None)],
)  # fmt: skip
def test_a_data_set_is_shown_under_the_licence_that_its_file_states(
    somebody: Path, tmp_path: Path, keys: Keys, text: str, named: str | None
) -> None:
    stated = tmp_path / "LICENSE"
    stated.write_text(text)
    if named is None:
        with pytest.raises(ConsentError, match="names no licence"):
            Permit.licensed(somebody, keys=keys, dataset="Set", licence=stated)
        return
    allowed = Permit.licensed(somebody, keys=keys, dataset="Set", licence=stated)
    making = allowed.perform(Edited, [], command="test").claim.making()
    assert making["person"] == "data set"
    assert making["dataset"] == {"name": "Set", "licence": named, "licenceSha256": file_sha256(stated)}
    assert "consent" not in making


def first_actions(claim: Claim) -> list[tuple[str, str]]:
    return [(a["action"], a.get("digitalSourceType", "").rsplit("/", 1)[-1]) for a in claim.actions()]


def test_each_kind_of_claim_says_what_it_is(somebody: Path, tmp_path: Path, keys: Keys) -> None:
    allowed = Permit.of(somebody, keys=keys, consent=granted(somebody, tmp_path, keys))
    nobody = Permit.of(PORTRAITS[0], keys=keys)

    def of(kind: type[Claim], grounds: Permit = allowed) -> list[tuple[str, str]]:
        shown = Cut() if kind is Recorded else []
        return first_actions(grounds.perform(kind, shown, command="test").claim)

    assert of(Generated) == [("c2pa.created", "trainedAlgorithmicMedia")]
    assert of(Composite) == [("c2pa.created", "compositeWithTrainedAlgorithmicMedia")]
    assert of(Recorded)[:2] == [("c2pa.opened", ""), ("c2pa.cropped", "digitalCapture")]
    assert of(Edited)[:2] == [("c2pa.opened", ""), ("c2pa.edited", "algorithmicallyEnhanced")]
    with pytest.raises(UsageError, match="no camera"):
        of(Recorded, nobody)
    with pytest.raises(UsageError, match="as rendered"):
        of(Rendered, nobody)
    with pytest.raises(UsageError, match="one file"):
        of(Recorded, Permit.together([allowed, nobody]))
    for kind in (Claim, object, "generated", None):
        with pytest.raises(UsageError, match="no kind of claim"):
            allowed.perform(kind, [], command="test")


def test_the_examples_that_ship_are_the_ones_that_are_known() -> None:
    known = [*EXAMPLES.glob("*.png"), *PORTRAITS]
    assert all(is_nobody(path) for path in known)
    assert {file_sha256(path) for path in known} == shipped()


@pytest.mark.parametrize("how", ["changed in place", "a view that lies"])
def test_what_is_looked_at_is_what_is_encoded(tmp_path: Path, keys: Keys, how: str) -> None:
    """A frame that is changed after it was handed over, or that shows another face each time it is asked, shows one."""
    allowed = Permit.of(PORTRAITS[0], keys=keys)
    own = cv2.resize(allowed.picture, (256, 256), interpolation=cv2.INTER_AREA)

    class Shifty(np.ndarray):
        def __array_finalize__(self, other: object) -> None:
            if self.shape == own.shape and self.flags.writeable:
                np.asarray(self)[:] = another_face()

    def frames():
        for _ in range(12):
            frame = own.copy() if how == "changed in place" else own.copy().view(Shifty)
            yield frame
            if how == "changed in place":
                frame[:] = another_face()

    try:
        saved = save_video(tmp_path / "a.mp4", allowed.perform(Generated, frames(), command="test"), crf=10)
    except ConsentError:
        assert how == "a view that lies"  # it was told what it showed
        return
    for seen in VideoReader(saved.path):
        assert np.abs(seen.astype(int) - own).mean() < 8


def test_only_the_kinds_themselves_can_be_claimed(keys: Keys) -> None:
    class Filmed(Generated):
        source_type = "digitalCapture"

    with pytest.raises(UsageError, match="no kind of claim"):
        permit(keys).perform(Filmed, [], command="test")


def test_a_consent_with_ways_of_its_own_is_taken_by_its_words(somebody: Path, tmp_path: Path, keys: Keys) -> None:
    class Chameleon(Consent):
        @property
        def signed_bytes(self) -> bytes:
            return real.signed_bytes

    real = read_consent(granted(PORTRAITS[0], tmp_path, keys), keys=keys)
    words = real.model_dump() | {"portrait_sha256": file_sha256(somebody)}
    with pytest.raises(ConsentError, match="altered"):
        Permit.of(somebody, keys=keys, consent=Chameleon(**words))


def test_a_portrait_cannot_be_made_writable(keys: Keys) -> None:
    picture_ = Permit.of(PORTRAITS[0], keys=keys).picture
    with pytest.raises(ValueError, match="WRITEABLE"):
        picture_.setflags(write=True)


def test_only_a_registry_tells_what_was_made_here(somebody: Path, tmp_path: Path, keys: Keys) -> None:
    made = save_picture(tmp_path / "made.png", shown(keys, picture(3)))
    book = Registry(keys.folder / FILE)

    class Liar(Registry):
        def by_file(self, sha256: str):
            shutil.copy(made.path, somebody)  # the file that is asked for is another meanwhile
            return book.by_file(made.sha256)

    with pytest.raises(TypeError, match="no registry"):
        Permit.of(somebody, keys=keys, registry=Liar(keys.folder / FILE))


def test_marks_are_laid_with_the_makers_own_key(tmp_path: Path, keys: Keys) -> None:
    with pytest.raises(KeyMaterialError, match="not the folder's"):
        shown(replace(keys, mark_key=bytes(32)), picture())
    old = Keys.open(tmp_path / "keys")
    old.rotate_mark_key()
    assert save_picture(tmp_path / "a.png", shown(old, picture())).borne.picture  # an earlier one is read still


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, [1], np.float32(1), b"x"])
def test_settings_that_credentials_cannot_say_are_refused(keys: Keys, value: Any) -> None:
    with pytest.raises(UsageError, match="setting 'size'"):
        Permit.of(PORTRAITS[0], keys=keys).perform(Generated, [], command="test", settings={"size": value})


def test_what_a_claim_says_cannot_be_changed_afterwards(keys: Keys, tmp_path: Path) -> None:
    said, speech = {"size": 256}, tmp_path / "speech.wav"
    speech.write_bytes(b"one")
    allowed = Permit.of(PORTRAITS[0], keys=keys)
    performance = allowed.perform(Generated, clip(0, 10, 256), command="test", settings=said, inputs=[speech])
    said["size"] = 512
    with pytest.raises(TypeError):
        performance.claim.settings["size"] = 512
    assert performance.claim.making()["settings"] == {"size": 256}
    speech.write_bytes(b"two")
    with pytest.raises(UnreadableError, match="was changed while it was used"):
        save_video(tmp_path / "a.mp4", performance)


def test_a_face_upside_down_beside_the_permitted_one_is_seen(keys: Keys, tmp_path: Path) -> None:
    allowed = Permit.of(PORTRAITS[0], keys=keys)
    other = Permit.of(PORTRAITS[1], keys=keys).picture
    own, other = (cv2.resize(p, (256, 256), interpolation=cv2.INTER_AREA) for p in (allowed.picture, other))
    both = np.ascontiguousarray(np.hstack([own, other[::-1, ::-1]]))
    with pytest.raises(ConsentError, match="another face"):
        save_video(tmp_path / "a.mp4", allowed.perform(Generated, [both] * 10, command="test"))


def test_frames_and_sound_of_other_shapes_are_refused_in_words(keys: Keys, tmp_path: Path) -> None:
    allowed, frames = Permit.of(PORTRAITS[0], keys=keys), clip(0, 10, 256)
    sound = voice(0.4, 1)
    for bad, said, why in (
        ([*frames[:5], *clip(0, 5, 192)], sound, "192x192 pixels after one of 256x256"),
        ([frame / 255 for frame in frames], sound, "uint8 RGB"),
        ([frame[..., 0] for frame in frames], sound, "uint8 RGB"),
        (frames, np.stack([sound, sound], 1), "mono"),
        (frames, (sound * 32767).astype(np.int16), "mono"),
    ):
        with pytest.raises(VasariError, match=why):
            save_video(tmp_path / "a.mp4", allowed.perform(Generated, bad, said, command="test"))
        assert list(tmp_path.iterdir()) == []


def test_what_is_signed_shows_what_was_made(keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another video put in the place of the encoded one, marked as it was: it is not signed."""
    other = write_video(tmp_path / "other.mp4", clip(1, 30, 256), options={"crf": "12"})

    def exchanged(path: Path, message: int, key: bytes, *more: Any, **options: Any) -> Any:
        shutil.copy(other, path)
        strengthened(path, message, key, 0, room=other, crf=20, preset="veryfast")
        return readback.proved(path, message, key, *more, **options)

    monkeypatch.setattr(save, "proved", exchanged)
    with pytest.raises(SigningError, match="was exchanged"):
        save_video(tmp_path / "a.mp4", shown(keys, clip(0, 30, 256)))
    assert [path.name for path in tmp_path.iterdir()] == ["other.mp4"]
