import errno
import io
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from making import clip, picture, voice
from permits import HELPERS, left, shown
from PIL import Image
from searching import little_search  # noqa: F401
from sitters import EXAMPLES

from media.errors import OutputError, SigningError, UsageError
from provenance import Keys, Registry, check_output, save_picture, save_video, verify
from provenance.permits.claims import Opened, definition
from provenance.registry import FILE, Entry
from provenance.trust.signers import CommandSigner

pytest_plugins = ["maker_fixtures"]
pytestmark = pytest.mark.usefixtures("beside", "little_search")


def test_streams_from_generators(tmp_path, keys):
    seen, threads = [], set()

    def frames():
        for frame in clip(frames=60, size=128):
            threads.add(threading.current_thread().name)
            yield frame

    sound = iter(np.split(voice(2.4), 7 * [0] + [1000, 9000, 9001]))
    saved = save_video(tmp_path / "a.mp4", shown(keys, frames(), sound), progress=seen.append)
    assert seen == list(range(1, 61))
    assert threads == {threading.current_thread().name}  # generators run where they were made
    assert (saved.frames, saved.duration) == (60, 2.4)
    assert left(tmp_path) == ["a.mp4"]


def test_silent_film_and_odd_size(tmp_path, keys):
    frames = [frame[:161, :129] for frame in clip(frames=10, size=192)]
    saved = save_video(tmp_path / "a.mp4", shown(keys, frames))
    verdict = verify(saved.path, keys=keys)
    assert (verdict.exit_code, verdict.sound_mark.state) == (0, "no_carrier")
    assert verdict.picture_mark.message == saved.mark


def test_too_small_to_bear_a_mark(tmp_path, keys):
    with pytest.raises(UsageError, match="too few"):
        save_video(tmp_path / "a.mp4", shown(keys, clip(frames=3, size=96)))
    with pytest.raises(UsageError, match="too few"):
        save_picture(tmp_path / "a.png", shown(keys, picture(size=96)))
    assert left(tmp_path) == []


def test_no_argument_switches_marking_or_signing_off():
    import inspect

    allowed = {"path", "performance", "registry"}
    allowed |= {"crf", "preset", "threads", "progress", "quality"}
    for function in (save_video, save_picture):
        assert set(inspect.signature(function).parameters) <= allowed


def test_places_that_cannot_be_written(tmp_path, keys):
    for path, error in (
        (tmp_path / "missing" / "a.mp4", OutputError),
        (tmp_path, UsageError),
        (tmp_path / "a.webm", UsageError),
        (tmp_path / "a", UsageError),
        (EXAMPLES / "portrait.png", UsageError),
    ):
        with pytest.raises(error) as caught:
            save_video(path, shown(keys, clip(frames=3)))
        assert "\n" not in str(caught.value)
    assert left(tmp_path) == []


def test_output_may_not_be_an_input(tmp_path, keys):
    driving = tmp_path / "in" / "driving.mp4"
    driving.write_bytes(b"precious")
    link = tmp_path / "in" / "link.mp4"
    link.symlink_to(driving)
    os.link(driving, tmp_path / "in" / "hard.mp4")
    for name in ("driving.mp4", "link.mp4", "hard.mp4", "../in/driving.mp4"):
        with pytest.raises(UsageError, match="also an input"):
            check_output(tmp_path / "in" / name, [driving])
    assert driving.read_bytes() == b"precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permissions"):
        check_output(tmp_path / "a.mp4")


def breaks_at(frames, k, error):
    for number, frame in enumerate(frames):
        if number == k:
            raise error
        yield frame


@pytest.mark.parametrize("k", [0, 1, 20])
def test_what_the_generator_raises_passes_through(tmp_path, keys, k):
    (tmp_path / "a.mp4").write_bytes(b"an earlier output")
    frames = breaks_at(clip(frames=30, size=128), k, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        save_video(tmp_path / "a.mp4", shown(keys, frames, voice(2)))
    assert left(tmp_path) == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"an earlier output"


def test_no_frames(tmp_path, keys):
    with pytest.raises(OutputError, match="no frame"):
        save_video(tmp_path / "a.mp4", shown(keys, [], voice(1)))
    assert left(tmp_path) == []


def test_full_disk_leaves_nothing(tmp_path, keys):
    """A limit on the size of files, in a process of its own, stands for the full disk."""
    program = f"""
import resource, signal, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {str(HELPERS)!r})
from permits import HELPERS, left, shown
from PIL import Image
from sitters import EXAMPLES
from provenance import Keys, save_video
from media.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
keys = Keys.open({str(keys.folder)!r})
noise = np.random.default_rng(0).integers(0, 255, (40, 128, 128, 3), np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    save_video({str(tmp_path / "a.mp4")!r}, shown(keys, noise))
except OutputError as error:
    print(error)
    sys.exit(9)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=os.getcwd())
    assert done.returncode == 9, done.stderr
    assert done.stdout.startswith(f"{tmp_path / 'a.mp4'}: could not be written")
    assert left(tmp_path) == []


def test_full_disk_while_signing_leaves_nothing(tmp_path, keys, monkeypatch):
    from provenance.credentials import manifest

    def full(*_, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(manifest, "sign", full)
    with pytest.raises(OutputError, match="disk is full"):
        save_video(tmp_path / "a.mp4", shown(keys, clip(frames=3, size=128)))
    assert left(tmp_path) == []


@pytest.mark.parametrize("room", [0, 1000, 30_000])
def test_a_disk_that_is_full_before_all_is_signed_is_said(tmp_path, keys, room):
    """The library says nothing of why it could not write."""
    from provenance.credentials import manifest

    class Full(io.BytesIO):
        def write(self, data):
            if self.tell() + len(data) > room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    path = tmp_path / "in" / "a.png"
    Image.fromarray(picture()).save(path)
    said = definition(Opened(path, command="sign"), title="a", mime="image/png")
    with path.open("rb") as source, pytest.raises(OSError, match="No space left"):
        manifest.sign(source, Full(), "image/png", said, keys.signer)


def test_key_service_that_fails_leaves_nothing(tmp_path, keys):
    for command, words in (
        (["false"], "exit code 1"),
        (["no-such-program-anywhere"], "No such file"),
        (["echo", "hello"], "no signature"),
    ):
        remote = Keys(keys.folder, CommandSigner(command, keys.signer.chain_pem), keys.anchor_pem, keys.mark_key)
        with pytest.raises(SigningError, match=words):
            save_picture(tmp_path / "a.png", shown(remote, picture()))
    assert left(tmp_path) == []
    assert not (keys.folder / "nothing").exists()


def test_registry_that_cannot_be_written_leaves_nothing(tmp_path, keys):
    (tmp_path / "in" / "registry").mkdir()
    registry = Registry(tmp_path / "in" / "registry")
    with pytest.raises(OutputError, match="registry"):
        save_picture(tmp_path / "a.png", shown(keys, picture()), registry=registry)
    assert left(tmp_path) == []


def test_registry_finds_by_mark_sound_and_file(tmp_path):
    registry = Registry(tmp_path / FILE)
    assert registry.by_mark("a" * 16) is None
    entry = Entry("a" * 16, "a" * 6, "urn:c2pa:x", "1", "2", "2026-01-01", "video", "generate", "3", 0)
    registry.add(entry)
    assert registry.by_mark("a" * 16) == registry.by_file("2") == entry
    assert registry.by_sound_mark("a" * 6) == [entry]
    with pytest.raises(OutputError):
        registry.add(entry)  # a message is used once
    registry.remove("a" * 16)
    assert registry.by_file("2") is None
