"""Outlets have a descriptor of their own, of any number, and close it once; what grew ends signed or is gone."""

import io
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from making import clip, voice
from permits import shown

from media.atomic import replacing
from media.errors import OutputError, SpeechError
from provenance import Growing, Keys, Outlet, save_live, save_picture, save_video, verify
from provenance.trust.signers import CommandSigner


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys.open(tmp_path_factory.mktemp("maker") / "keys")


@pytest.fixture(scope="module")
def moments() -> list[SimpleNamespace]:
    sound = voice(1.2).reshape(-1, 640)
    return [SimpleNamespace(frame=f, sound=s) for f, s in zip(clip(frames=30, size=192), sound, strict=True)]


def test_more_descriptors_than_select_knows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        reading, writing = os.pipe()
        held += [reading, writing]
        assert writing > 1023
        out = Outlet(writing, "pipe")
        out.write(b"x" * 10_000)
        assert os.read(reading, 20_000) == b"x" * 10_000
        out.close()
    finally:
        for handle in held:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_what_is_closed_meanwhile_is_not_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of a descriptor that was closed may be somebody else's file a moment later."""
    reading, writing = os.pipe()
    out = Outlet(writing, "pipe")
    asked, closed = threading.Event(), threading.Event()
    ready = Outlet._ready

    def slow(self: Outlet, seconds: float) -> bool:
        found = ready(self, seconds)
        asked.set()
        closed.wait(10)  # between the look and the writing somebody closes it, and its number is used again
        return found

    monkeypatch.setattr(Outlet, "_ready", slow)
    raised: list[BaseException] = []

    def write() -> None:
        try:
            out.write(b"FACE")
        except OutputError as error:
            raised.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    asked.wait(10)
    out.close()
    os.close(writing)
    with (tmp_path / "a").open("wb", 0) as one, (tmp_path / "b").open("wb", 0) as other:
        closed.set()
        thread.join()
        assert {one.fileno(), other.fileno()} & {writing, writing + 1}
    assert [path.read_bytes() for path in (tmp_path / "a", tmp_path / "b")] == [b"", b""]
    assert "was closed" in str(raised[0])
    os.set_blocking(reading, False)
    assert os.read(reading, 10) == b""
    os.close(reading)


def test_closing_twice_closes_once(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    out = Outlet(os.fdopen(writing, "wb", 0), "pipe")
    out.close()
    with (tmp_path / "a").open("wb", 0) as mine:
        out.close()
        mine.write(b"still open")
    assert os.read(reading, 1) == b""  # the reader sees the end
    os.close(reading)


def test_a_descriptor_that_was_lent_stays_open() -> None:
    reading, writing = os.pipe()
    Outlet(writing, "pipe").close()
    os.write(writing, b"x")
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    os.close(writing)


def test_a_copy_that_grows_elsewhere_ends_signed(tmp_path: Path, keys: Keys, moments: list) -> None:
    save_live(tmp_path / "a.mp4", shown(keys, moments), Growing(tmp_path / "b.mp4"))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert verify(tmp_path / "b.mp4", keys=keys).exit_code == 0


def test_a_copy_without_a_signed_file_is_gone(tmp_path: Path, keys: Keys, moments: list) -> None:
    no_key = Keys(keys.folder, CommandSigner(["false"], keys.signer.chain_pem), keys.anchor_pem, keys.mark_key)
    with pytest.raises(Exception, match="signing command"):
        save_live(tmp_path / "a.mp4", shown(no_key, moments), Growing(tmp_path / "b.mp4"))
    assert not any(tmp_path.iterdir())


def test_what_took_the_place_of_a_growing_file_is_left_alone(tmp_path: Path, keys: Keys, moments: list) -> None:
    def coming() -> Iterator[SimpleNamespace]:
        yield from moments[:10]
        (tmp_path / "b.mp4").unlink()
        (tmp_path / "b.mp4").write_bytes(b"of somebody else")
        raise SpeechError("odd")

    with pytest.raises(SpeechError):
        save_live(tmp_path / "a.mp4", shown(keys, coming()), Growing(tmp_path / "b.mp4"))
    assert (tmp_path / "b.mp4").read_bytes() == b"of somebody else"


class Sensor(OSError):
    """An error of the caller's own that looks like one of ours."""


@pytest.mark.parametrize("error", [ConnectionResetError(104, "Connection reset by peer"), Sensor(28, "no film"),
                                   StopAsyncIteration(), OutputError("theirs")])  # fmt: skip
@pytest.mark.parametrize("where", ["frames", "sound", "progress", "moments"])
def test_the_callers_own_error_passes_as_it_is(
    tmp_path: Path, keys: Keys, moments: list, error: Exception, where: str
) -> None:
    def breaking(items: list) -> Iterator:
        yield from items[:3]
        raise error

    def progress(count: int) -> None:
        if count == 3:
            raise error

    frames, sound = [m.frame for m in moments], [m.sound for m in moments]
    path = tmp_path / "a.mp4"
    work = {
        "moments": lambda: save_live(path, shown(keys, breaking(moments)), Outlet(io.BytesIO())),
        "frames": lambda: save_video(path, shown(keys, breaking(frames), iter(sound))),
        "sound": lambda: save_video(path, shown(keys, frames, breaking(sound))),
        "progress": lambda: save_video(path, shown(keys, frames, iter(sound)), progress=progress),
    }
    with pytest.raises(type(error)) as caught:
        work[where]()
    if where != "moments" or not isinstance(error, OutputError):
        assert caught.value is error
    assert [p.name for p in tmp_path.iterdir()] == (["a.mp4"] if where == "moments" else [])


def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path, keys: Keys) -> None:
    private = tmp_path / "private.json"
    private.write_text("x")
    private.chmod(0o600)
    with replacing(private) as temporary:
        assert temporary.stat().st_mode & 0o077 == 0  # nobody reads what is half written
        temporary.write_text("y")
    assert (private.stat().st_mode & 0o777, private.read_text()) == (0o600, "y")
    (tmp_path / "a.png").write_bytes(b"earlier")
    (tmp_path / "a.png").chmod(0o640)
    save_picture(tmp_path / "a.png", shown(keys, clip(frames=1)[0]))
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


def test_a_new_file_gets_the_mode_of_new_files_and_umask_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "usual").touch()
    monkeypatch.setattr(os, "umask", lambda _: pytest.fail("the umask belongs to all threads"))
    with replacing(tmp_path / "new") as temporary:
        temporary.write_bytes(np.zeros(3, np.uint8).tobytes())
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode
