"""What is claimed of films: recordings are cut out of their file by the gate, edits are held against it."""

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from making import clip, remux, voice, write_video
from permits import granted, shown, told

from media import VideoReader, read_picture, read_sound
from media.errors import ConsentError, UnreadableError, UsageError
from media.probing import probe
from provenance import Cut, Edited, Generated, Keys, Permit, Recorded, save_picture, save_video, verify
from provenance.make import save
from provenance.permits import likeness
from provenance.permits.claims import MAKING

pytest_plugins = ["maker_fixtures"]


def test_a_recording_is_cut_out_of_its_file_by_the_gate(somebody: Path, tmp_path: Path, keys: Keys) -> None:
    """Nobody hands over what is claimed as recorded: neither frames, nor a cut of a kind of their own."""
    allowed = Permit.of(somebody, keys=keys, consent=granted(somebody, tmp_path, keys))
    piece = Cut(box=(30, 20, 460, 460), size=(256, 256))
    saved = save_picture(tmp_path / "a.png", allowed.perform(Recorded, piece, command="test"))
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.credentials.action) == (0, "c2pa.opened")
    assert verdict.credentials.digital_source_type == "digitalCapture"
    assert "c2pa.ai-disclosure" not in told(saved.path)
    assert told(saved.path)[MAKING]["settings"] == {
        "box": "30 20 460 460",
        "size": "256 256",
        "sound": True,
    }
    cut = cv2.resize(allowed.picture[20:480, 30:490], (256, 256), interpolation=cv2.INTER_AREA)
    assert np.abs(read_picture(saved.path).astype(int) - cut).mean() < 3  # the mark's

    class Lying(Cut):
        def of_picture(self, picture: np.ndarray) -> np.ndarray:
            return picture[:, ::-1]

    for given, sound in ([cut] * 12, None), (cut, None), (Lying(), None), (Cut(), voice(1.0, 1)):
        with pytest.raises(UsageError, match="cut out of its file by the gate"):
            allowed.perform(Recorded, given, sound, command="test")
    with pytest.raises(UsageError, match="takes a Cut, alone"):
        allowed.perform(Edited, Cut(), command="test")
    for kwargs in {"first": 3}, {"frames": 5}, {"box": (500, 0, 100, 100)}:
        with pytest.raises(UsageError):
            allowed.perform(Recorded, Cut(**kwargs), command="test")


@pytest.mark.parametrize(
    "kwargs",
    [{"first": -1}, {"first": 1.5}, {"first": True}, {"frames": 0}, {"box": (0, 0, 9)}, {"box": (-1, 0, 9, 9)},
     {"box": (0, 0, 0, 9)}, {"size": (0, 9)}, {"size": (9,)}, {"sound": 1}],
)  # fmt: skip
def test_a_cut_that_cannot_be_is_refused_in_words(kwargs: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="Cut"):
        Cut(**kwargs)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> tuple[Path, Path]:
    """A video with sound, and the consent of who is seen in it."""
    folder = tmp_path_factory.mktemp("film")
    path = write_video(folder / "film.mp4", clip(1, 60, 256), sound=voice(2.4, 3), options={"crf": "12"})
    return path, granted(path, folder, keys)


def test_a_recording_is_the_films_own_pictures_and_sound(film: tuple[Path, Path], tmp_path: Path, keys: Keys) -> None:
    path, consent = film
    allowed = Permit.of(path, keys=keys, consent=consent)
    saved = save_video(tmp_path / "a.mp4", allowed.perform(Recorded, Cut(first=25, frames=25), command="test"))
    assert verify(saved.path, keys=keys).exit_code == 0
    frames, sound = list(VideoReader(path))[25:50], read_sound(path)[16_000:32_000]
    seen, heard = list(VideoReader(saved.path)), read_sound(saved.path)
    assert len(seen) == 25
    assert max(np.abs(one.astype(int) - other).mean() for one, other in zip(seen, frames, strict=True)) < 4
    assert np.corrcoef(heard[: len(sound)], sound[: len(heard)])[0, 1] > 0.99
    silent = save_video(tmp_path / "b.mp4", allowed.perform(Recorded, Cut(frames=10, sound=False), command="test"))
    assert not probe(silent.path).has_sound


def test_a_recording_follows_the_file_and_not_its_name(film: tuple[Path, Path], tmp_path: Path, keys: Keys) -> None:
    """Another film put in its place, its folder renamed, while it is read; and one that is written to is refused."""
    folder, fake = tmp_path / "films", tmp_path / "fake.mp4"
    folder.mkdir()
    path = Path(shutil.copy(film[0], folder / "film.mp4"))
    write_video(fake, clip(2, 60, 256), options={"crf": "12"})
    allowed = Permit.of(path, keys=keys, consent=film[1])

    def exchanged(count: int) -> None:
        if count == 5:
            folder.rename(tmp_path / "away")
            folder.mkdir()
            shutil.copy(fake, path)
        elif count == 55:
            shutil.rmtree(folder)
            (tmp_path / "away").rename(folder)

    performance = allowed.perform(Recorded, Cut(), command="test")
    saved = save_video(tmp_path / "a.mp4", performance, progress=exchanged)
    own = zip(VideoReader(saved.path), VideoReader(film[0]), strict=True)
    assert max(np.abs(one.astype(int) - other).mean() for one, other in own) < 4

    def written(count: int) -> None:
        if count == 5:
            data = path.read_bytes()
            path.write_bytes(fake.read_bytes())
            path.write_bytes(data)

    with pytest.raises((ConsentError, UnreadableError)):
        save_video(tmp_path / "b.mp4", allowed.perform(Recorded, Cut(), command="test"), progress=written)
    assert not (tmp_path / "b.mp4").exists()


def test_an_edit_of_a_film_moves_as_the_film_does(film: tuple[Path, Path], tmp_path: Path, keys: Keys) -> None:
    allowed = Permit.of(film[0], keys=keys, consent=film[1])
    frames = list(VideoReader(film[0]))[10:30]
    warmer = [np.clip(frame + np.array([12, 0, -12]), 0, 255).astype(np.uint8) for frame in frames]
    more = {"command": "test", "settings": {"first": 10}}
    saved = save_video(tmp_path / "a.mp4", allowed.perform(Edited, warmer, **more))
    assert verify(saved.path, keys=keys).credentials.digital_source_type == "algorithmicallyEnhanced"
    y, x = np.mgrid[:256, :256].astype(np.float32)
    mouth = np.exp(-(((x - 128) / 50) ** 4) - ((y - 180) / 30) ** 4)
    spoken = [cv2.remap(f, x, y - np.float32(14) * mouth.astype(np.float32), cv2.INTER_LINEAR) for f in frames]
    with pytest.raises(ConsentError, match="claimed as an edited film"):
        save_video(tmp_path / "b.mp4", allowed.perform(Edited, spoken, **more))
    with pytest.raises(ConsentError, match="begins with frame"):
        save_video(tmp_path / "b.mp4", allowed.perform(Edited, frames, command="test", settings={"first": "10"}))
    assert not (tmp_path / "b.mp4").exists()


def test_a_film_that_is_exchanged_while_it_is_read_is_noticed(
    film: tuple[Path, Path], tmp_path: Path, keys: Keys
) -> None:
    path, fake = tmp_path / "film.mp4", tmp_path / "fake.mp4"
    shutil.copy(film[0], path)
    write_video(fake, clip(2, 60, 256), options={"crf": "12"})
    allowed = Permit.of(path, keys=keys, consent=film[1])

    def put(other: Path) -> None:  # at once: whoever reads meanwhile reads one of the two
        shutil.copy(other, tmp_path / "coming.mp4")
        (tmp_path / "coming.mp4").replace(path)

    def frames():
        put(fake)
        yield from list(VideoReader(fake))[:20]
        put(film[0])

    for kind in (Edited, Generated):
        with pytest.raises(ConsentError):
            save_video(tmp_path / "a.mp4", allowed.perform(kind, frames(), command="test"))


def test_what_was_generated_is_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message under one key: of crops of so smooth a clip, one in twenty is not found."""
    folder = Keys.open(tmp_path / "keys").folder
    (folder / "watermark.key").write_text(bytes(range(32)).hex())
    keys = Keys.open(folder)
    monkeypatch.setattr(save, "new_message", lambda: 0x0123_4567_89AB_CDEF)
    saved = save_video(tmp_path / "made.mp4", shown(keys, clip(1, 30, 384)))
    bare = remux(saved.path, tmp_path / "bare.mp4")
    cropped = write_video(tmp_path / "cut.mp4", [f[12:360, 16:372] for f in VideoReader(bare)])
    for path, why in ((saved.path, "its credentials say"), (bare, "bears the mark"), (cropped, "bears the mark")):
        allowed = Permit.of(path, keys=keys, consent=granted(path, tmp_path, keys))
        for kind in (Recorded, Edited):
            with pytest.raises(ConsentError, match=why):
                allowed.perform(kind, Cut() if kind is Recorded else list(VideoReader(path)), command="test")


def test_an_edit_is_held_against_the_frame_it_is_of_while_others_come(
    film: tuple[Path, Path], tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks are made beside the encoder: each is of the moment that its frame had, however late it is made."""
    allowed = Permit.of(film[0], keys=keys, consent=film[1])
    held, asked = list(VideoReader(film[0])), []
    same = likeness._Source.same

    def late(source: Any, frame: np.ndarray, number: int) -> float:
        asked.append(int(np.argmin([np.abs(frame.astype(int) - other).mean() for other in held])) == number)
        return same(source, frame, number)

    monkeypatch.setattr(likeness._Source, "same", late)
    save_video(tmp_path / "a.mp4", allowed.perform(Edited, held, command="test"))
    assert len(asked) > 2
    assert all(asked)
