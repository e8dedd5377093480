"""Live output: marked before it leaves, kept, signed however it ends; or nothing beside what was sent."""

import inspect
import io
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from making import clip, voice
from permits import HELPERS, left, shown

from media import SAMPLES_PER_FRAME, VideoReader, read_sound
from media.errors import OutputError, SigningError, SpeechError, UsageError
from provenance import Growing, Keys, Outlet, Registry, outlet, save_live, verify
from provenance.make.live import DEPTH
from provenance.registry import FILE
from provenance.segments.parsing import boxes
from provenance.trust.signers import CommandSigner

pytest_plugins = ["maker_fixtures"]
pytestmark = pytest.mark.usefixtures("beside")

SECONDS = 3.0
FRAMES = int(25 * SECONDS)


@dataclass
class Moment:
    frame: np.ndarray
    sound: np.ndarray


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    sound = voice(SECONDS).reshape(-1, SAMPLES_PER_FRAME)
    return [Moment(*pair) for pair in zip(clip(frames=FRAMES, size=256), sound, strict=True)]


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def without(data: bytes, *kinds: bytes) -> bytes:
    return b"".join(box.data for box in boxes(data) if box.kind not in kinds)


def marks(path: Path, keys: Keys, **options):
    verdict = verify(path, keys=keys, **options)
    return verdict, verdict.picture_mark.message, verdict.sound_mark.state


def test_sent_marked_and_closed_signed(tmp_path, keys, moments):
    sent = io.BytesIO()
    sent.close = lambda: None  # read below
    seen: list[int] = []
    saved = save_live(tmp_path / "a.mp4", shown(keys, moments), Outlet(sent), progress=seen.append)
    assert seen == list(range(1, FRAMES + 1))
    assert (saved.frames, saved.duration) == (FRAMES, SECONDS)
    assert left(tmp_path) == ["a.mp4"]

    verdict, mark, sound = marks(saved.path, keys)
    assert (verdict.exit_code, mark, sound) == (0, saved.mark, "found")
    assert verdict.origin.file_sha256 == saved.sha256
    assert len(list(VideoReader(saved.path))) == FRAMES
    heard, said = read_sound(saved.path), voice(SECONDS)
    assert np.corrcoef(heard[: len(said)], said[: len(heard)])[0, 1] > 0.95  # not late, not early

    recording = written(tmp_path / "in" / "recording.mp4", sent.getvalue())
    verdict, mark, sound = marks(recording, keys)
    assert (verdict.exit_code, mark, sound) == (0, saved.mark, "found")
    assert verdict.credentials.manifest != saved.manifest
    assert any("recording of what was sent live: segments 1 to " in reason for reason in verdict.reasons)
    assert len(list(VideoReader(recording))) == FRAMES

    stripped = written(tmp_path / "in" / "stripped.mp4", without(sent.getvalue(), b"uuid", b"emsg"))
    verdict, mark, sound = marks(stripped, keys)
    assert (verdict.exit_code, mark, sound) == (4, saved.mark, "found")
    assert "sent live" in verdict.summary
    assert any(saved.manifest in reason for reason in verdict.reasons)


def test_what_was_sent_by_then_plays_and_is_marked(tmp_path, keys, moments):
    """Up to the last whole fragment: the beginning of another would be refused by what opens the file."""
    sent = io.BytesIO()
    sent.close = lambda: None
    save_live(tmp_path / "a.mp4", shown(keys, moments), Outlet(sent))
    data = sent.getvalue()
    for share in (0.4, 0.77):
        whole = data.rindex(b"moof", 0, int(len(data) * share)) - 4
        cut = written(tmp_path / "in" / "cut.mp4", data[:whole])
        count = 0
        with av.open(str(cut)) as container:
            try:
                for _ in container.decode(video=0):
                    count += 1
            except av.error.InvalidDataError:
                pass
        assert count > 0.25 * FRAMES
        assert verify(cut, keys=keys).picture_mark.state == "found"


def test_registered_before_the_first_byte(tmp_path, keys, moments):
    registry = Registry(tmp_path / "in" / FILE)
    sizes = []

    class Sink:
        def write(self, data):
            sizes.append(len(registry.of_kind("live")))

    saved = save_live(tmp_path / "a.mp4", shown(keys, moments[:5]), Outlet(Sink()), registry=registry)
    assert sizes
    assert set(sizes) == {1}
    entry = registry.by_mark(saved.mark)
    assert (entry.manifest, entry.file_sha256, entry.kind) == (saved.manifest, saved.sha256, "live")


def test_little_waits_on_the_way(tmp_path, keys, moments):
    """A frame is sent while the next few are made, not at the end."""
    sent = [0]

    class Sink:
        def write(self, data):
            sent[0] += 1

    behind = []

    def coming() -> Iterator[Moment]:
        for number, moment in enumerate(moments):
            if number > 20:
                behind.append(number * (1 + SAMPLES_PER_FRAME / 1024) - sent[0])
            yield moment

    save_live(tmp_path / "a.mp4", shown(keys, coming()), Outlet(Sink()))
    assert max(behind) < 2 * (2 * DEPTH + 3) + 5


def test_the_reader_goes_away(tmp_path, keys, moments):
    reading, writing = os.pipe()

    def read_some() -> None:
        with os.fdopen(reading, "rb") as reader:
            reader.read(30_000)  # all of them: the header alone comes before anything is signed

    threading.Thread(target=read_some).start()
    with os.fdopen(writing, "wb", buffering=0) as pipe, pytest.raises(OutputError, match=r"gone.*a\.mp4, signed"):
        save_live(tmp_path / "a.mp4", shown(keys, moments), Outlet(pipe, "pipe"))
    assert left(tmp_path) == ["a.mp4"]
    verdict, mark, _ = marks(tmp_path / "a.mp4", keys)
    assert verdict.exit_code == 0
    assert mark
    assert 1 <= len(list(VideoReader(tmp_path / "a.mp4"))) <= FRAMES


def test_the_reader_pauses_for_too_long(tmp_path, keys, moments):
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb", buffering=0) as pipe, pytest.raises(OutputError, match="has not read for"):
        save_live(tmp_path / "a.mp4", shown(keys, 4 * moments), Outlet(pipe, "pipe", patience=0.5))
    os.close(reading)
    assert verify(tmp_path / "a.mp4", keys=keys).exit_code == 0


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt(), SpeechError("odd")])
def test_what_breaks_off_is_signed_up_to_there(tmp_path, keys, moments, error):
    def coming() -> Iterator[Moment]:
        yield from moments[:30]
        raise error

    with pytest.raises(type(error)) as caught:
        save_live(tmp_path / "a.mp4", shown(keys, coming()), Outlet(io.BytesIO()))
    if isinstance(error, SpeechError):
        assert str(caught.value) == f"odd; what was made until then is in {tmp_path / 'a.mp4'}, signed"
    assert left(tmp_path) == ["a.mp4"]
    assert verify(tmp_path / "a.mp4", keys=keys).exit_code == 0
    assert len(list(VideoReader(tmp_path / "a.mp4"))) == 30


def test_nothing_sent_nothing_left(tmp_path, keys):
    registry = Registry(tmp_path / "in" / FILE)
    small = [Moment(frame, np.zeros(640, np.float32)) for frame in clip(frames=2, size=96)]
    for what, error in (([], OutputError), (small, UsageError)):
        sent = io.BytesIO()
        sent.close = lambda: None
        with pytest.raises(error):
            save_live(tmp_path / "a.mp4", shown(keys, what), Outlet(sent), registry=registry)
        assert sent.getvalue() == b""
    assert left(tmp_path) == []
    assert registry.of_kind("live") == []


def test_sound_that_cannot_be_marked_is_not_sent(tmp_path, keys, moments):
    odd = Moment(moments[0].frame, np.full(640, np.nan, np.float32))
    with pytest.raises(SpeechError, match="not numbers"):
        save_live(tmp_path / "a.mp4", shown(keys, [*moments[:9], odd]), Outlet(io.BytesIO()))
    assert len(list(VideoReader(tmp_path / "a.mp4"))) == 10  # the odd moment's frame came before its sound


def test_a_file_that_grows_is_replaced_or_removed(tmp_path, keys, moments):
    path = tmp_path / "a.mp4"
    grown = []

    def coming() -> Iterator[Moment]:
        for moment in moments[:40]:
            grown.append(path.stat().st_size)
            yield moment

    saved = save_live(path, shown(keys, coming()), Growing(path))
    assert grown[-1] > grown[len(grown) // 2] > 0
    assert left(tmp_path) == ["a.mp4"]
    assert verify(saved.path, keys=keys).exit_code == 0
    with pytest.raises(UsageError, match="exists"):
        Growing(path)

    no_key = Keys(keys.folder, CommandSigner(["false"], keys.signer.chain_pem), keys.anchor_pem, keys.mark_key)
    with pytest.raises(SigningError):
        save_live(tmp_path / "b.mp4", shown(no_key, moments[:9]), Growing(tmp_path / "b.mp4"))
    assert left(tmp_path) == ["a.mp4"]


PROGRAM = """
import resource, signal, sys, time
from pathlib import Path
import numpy as np
sys.path.insert(0, {tests!r})
from making import clip, voice
from permits import HELPERS, left, shown
from provenance import Keys, Outlet, save_live
from provenance.permits import onlooker
from media.errors import OutputError
class Moment:
    def __init__(self, frame, sound): self.frame, self.sound = frame, sound
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
keys = Keys.open({keys!r})
onlooker.faces_in(clip(frames=1)[0])  # what is compiled and kept on disk at first use
moments = [Moment(*p) for p in zip(clip(frames=75, size=256), voice(3.0).reshape(-1, 640))]
limit = {limit}
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
def coming():
    for number, moment in enumerate(moments):
        if number == 60 and not limit:
            time.sleep(60)
        yield moment
try:
    save_live({out!r}, shown(keys, coming()), Outlet(1))
except OutputError as error:
    print(error, file=sys.stderr)
    sys.exit(9)
"""


def program(tmp_path, keys, limit):
    words = {"tests": str(HELPERS), "keys": str(keys.folder)}
    words |= {"limit": limit, "out": str(tmp_path / "a.mp4")}
    return [sys.executable, "-c", PROGRAM.format(**words)]


def test_a_full_disk_stops_the_sending_too(tmp_path, keys):
    done = subprocess.run(program(tmp_path, keys, 40_000), capture_output=True)
    assert done.returncode == 9, done.stderr.decode()
    said = done.stderr.decode()  # the registry of the tests before may fill the disk first
    assert said.startswith(f"{tmp_path / 'a.mp4'}: could not be written") or "registry of marks cannot be" in said
    assert left(tmp_path) == []
    assert len(done.stdout) <= 40_000  # nothing is sent that was not kept


def test_killed_in_the_middle(tmp_path, keys):
    with subprocess.Popen(program(tmp_path, keys, 0), stdout=subprocess.PIPE) as process:
        data = b""
        os.set_blocking(process.stdout.fileno(), False)
        quiet = time.monotonic() + 60
        while time.monotonic() < quiet:
            more = process.stdout.read()
            if more:
                data, quiet = data + more, time.monotonic() + 3
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert left(tmp_path) == []
    recording = written(tmp_path / "in" / "recording.mp4", data)
    verdict, mark, sound = marks(recording, keys)
    assert verdict.exit_code == 4
    assert mark
    assert sound in ("found", "noticed")
    assert any("cut off within a segment" in reason for reason in verdict.reasons)
    assert Registry(keys.folder / FILE).by_mark(mark).kind == "live"
    assert len(list(VideoReader(recording))) >= 50


def test_outlets(tmp_path, keys, moments):
    server = socket.create_server(("127.0.0.1", 0))
    got = []

    def listen():
        link, _ = server.accept()
        with link:
            while data := link.recv(65536):
                got.append(data)

    thread = threading.Thread(target=listen)
    thread.start()
    where = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    save_live(tmp_path / "a.mp4", shown(keys, moments[:20]), outlet(where))
    thread.join()
    server.close()
    with av.open(io.BytesIO(b"".join(got))) as container:
        assert len(list(container.decode(video=0))) == 20

    os.mkfifo(tmp_path / "in" / "pipe")
    sizes = []
    thread = threading.Thread(target=lambda: sizes.append(len((tmp_path / "in" / "pipe").read_bytes())))
    thread.start()
    save_live(tmp_path / "b.mp4", shown(keys, moments[:20]), outlet(str(tmp_path / "in" / "pipe")))
    thread.join()
    assert sizes[0] > 5000

    with pytest.raises(OutputError, match="nobody listens"):
        outlet(where)
    with pytest.raises(OutputError, match="nobody reads"):
        outlet(str(tmp_path / "in" / "pipe"), wait=0.1)
    for odd in (
        "tcp://nowhere",
        "tcp://:x",
        "tcp://a:99999",
        str(tmp_path / "none"),
        str(written(tmp_path / "in" / "plain.bin", b"x")),
        str(tmp_path),
    ):
        with pytest.raises(UsageError) as caught:
            outlet(odd)
        assert "\n" not in str(caught.value)
    with (tmp_path / "in" / "plain.mp4").open("wb") as plain, pytest.raises(UsageError, match="plain file"):
        Outlet(plain)
    ours, theirs = pty.openpty()
    with pytest.raises(UsageError, match="terminal"):
        Outlet(theirs)
    os.close(ours), os.close(theirs)


def test_no_argument_switches_marking_or_signing_off():
    allowed = {"path", "performance", "to", "registry", "crf", "preset", "threads", "progress"}
    assert set(inspect.signature(save_live).parameters) <= allowed


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.txt"])
def test_an_outlet_of_ones_own_decides_nothing_of_the_file(tmp_path, keys, moments, name):
    """Made faces carry their credentials, wherever they were sent."""

    class Mine(Outlet):
        def grows_at(self, path: Path) -> bool:
            return True

    with pytest.raises(UsageError, match="which can carry credentials"):
        save_live(tmp_path / name, shown(keys, moments), Mine(io.BytesIO()))
    assert left(tmp_path) == []
