"""`vasari perform --osc`: what the file would hold, to one address, at its pace; what cannot be sent is one line."""

import csv
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import vasari, write_sound
from making import voice

from generate.curves import NAMES
from generate.vmc import datagrams
from media.errors import UsageError
from vasari import sending
from vasari.sending import paced, read_address


class Engine:
    """What an engine hears on this machine: every datagram, and a clock that takes no time and reads them meanwhile."""

    def __init__(self) -> None:
        self.link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.link.bind(("127.0.0.1", 0))
        self.link.setblocking(False)
        self.address = f"127.0.0.1:{self.link.getsockname()[1]}"
        self.heard: list[tuple[float, bytes]] = []
        self.time, self.stop = 100.0, float("inf")
        self.how: type[BaseException] = KeyboardInterrupt  # SystemExit: it is asked to end, by a signal

    def now(self) -> float:
        self.read()
        return self.time

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.time += seconds
        if self.time >= self.stop:
            raise self.how(130)

    def read(self) -> None:
        try:
            while True:
                self.heard.append((self.time, self.link.recv(4096)))
        except BlockingIOError:
            pass

    @property
    def frames(self) -> list[tuple[float, dict[str, float], dict[str, list[float]]]]:
        """Second of the speech, shapes, and bones, of each frame; by somebody else's reader."""
        osc_bundle = pytest.importorskip("pythonosc.osc_bundle")
        self.read()
        frames: list[tuple[float, dict[str, float], dict[str, list[float]]]] = []
        for _, data in self.heard:
            for one in osc_bundle.OscBundle(data):
                if one.address == "/VMC/Ext/T":
                    frames.append((one.params[0], {}, {}))
                elif one.address == "/VMC/Ext/Blend/Val":
                    frames[-1][1][one.params[0]] = one.params[1]
                elif one.address == "/VMC/Ext/Bone/Pos":
                    frames[-1][2][one.params[0]] = one.params[1:]
        return frames


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    engine = Engine()
    monkeypatch.setattr(sending, "Clock", lambda: engine)
    yield engine
    engine.link.close()


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("speech") / "speech.wav", voice(0.6))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("rate", [25, 60])
def test_an_engine_hears_what_the_file_holds_when_it_is_due(
    rate: int, speech: Path, tmp_path: Path, engine: Engine
) -> None:
    done = vasari("perform", speech, "-o", tmp_path / "a.csv", "--osc", engine.address, "--fps", rate)
    assert done.code == 0, done.err
    assert f"sent to {engine.address}" in done.out
    assert "nothing is signed" in done.out
    frames, rows = engine.frames, table(tmp_path / "a.csv")
    assert len(frames) == len(rows) == 0.6 * rate
    for number, ((seconds, shapes, bones), row) in enumerate(zip(frames, rows, strict=True)):
        assert seconds == pytest.approx(number / rate)
        assert all(abs(value - float(row[name])) < 1e-5 for name, value in shapes.items())
        assert (len(shapes), list(bones)) == (52, ["Head", "LeftEye", "RightEye"])
    assert max(float(row["JawOpen"]) for row in rows) > 0.02
    first = [at for at, data in engine.heard if b"/VMC/Ext/OK" in data]  # each read when the next one is waited for
    assert np.allclose(np.diff(first), 1 / rate)


def test_it_goes_without_a_file_and_a_name_of_a_machine_will_do(speech: Path, tmp_path: Path, engine: Engine) -> None:
    here = engine.address.replace("127.0.0.1", "localhost")
    if socket.getaddrinfo("localhost", None, type=socket.SOCK_DGRAM)[0][0] != socket.AF_INET:
        here = engine.address
    done = vasari("perform", speech, "--osc", here)
    assert done.code == 0, done.err
    assert len(engine.frames) == 15


def test_nobody_has_to_listen(speech: Path, tmp_path: Path, engine: Engine) -> None:
    engine.link.close()
    engine.read = lambda: None
    assert vasari("perform", speech, "--osc", engine.address).code == 0


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit])
def test_who_breaks_off_leaves_a_face_at_rest_and_no_file(
    speech: Path, tmp_path: Path, engine: Engine, how: type[BaseException]
) -> None:
    engine.stop, engine.how = engine.time + 0.3, how
    done = vasari("perform", speech, "-o", tmp_path / "a.csv", "--osc", engine.address)
    assert done.code == 130
    frames = engine.frames
    assert 5 < len(frames) < 12
    assert set(frames[-1][1].values()) == {0.0}
    assert frames[-1][2]["Head"] == [0, 0, 0, 0, 0, 0, 1]
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def piped(speech: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The speech on standard input, raw."""
    raw = (voice(0.6) * 32767).astype("<i2").tobytes()
    source, sink = os.pipe()
    os.write(sink, raw)
    os.close(sink)
    with os.fdopen(source) as stdin:
        monkeypatch.setattr("sys.__stdin__", stdin)
        monkeypatch.setattr("os.isatty", lambda handle: False)
        yield


@pytest.mark.parametrize("rate", [25, 60])
def test_what_comes_in_live_is_the_same(rate: int, speech: Path, tmp_path: Path, engine: Engine, piped: None) -> None:
    done = vasari("perform", "-", "-o", tmp_path / "live.csv", "--osc", engine.address, "--fps", rate)
    assert done.code == 0, done.err
    assert vasari("perform", speech, "-o", tmp_path / "whole.csv", "--fps", rate).code == 0
    live, whole = table(tmp_path / "live.csv"), table(tmp_path / "whole.csv")
    assert len(live) == len(whole) == len(engine.frames) == 0.6 * rate
    for one, other in zip(live, whole, strict=True):
        assert all(abs(float(one[name]) - float(other[name])) < 1e-3 for name in NAMES)


@pytest.mark.parametrize("how", [KeyboardInterrupt, SystemExit])
def test_who_stops_what_comes_live_has_what_came(
    tmp_path: Path, engine: Engine, piped: None, how: type[BaseException]
) -> None:
    engine.stop, engine.how = engine.time + 0.3, how
    done = vasari("perform", "-", "-o", tmp_path / "live.csv", "--osc", engine.address)
    assert done.code == 0, done.err
    assert len(table(tmp_path / "live.csv")) == len(engine.frames) - 1 < 15
    assert set(engine.frames[-1][1].values()) == {0.0}


class Late:
    """A clock by which rows take time to come."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def when(costs: list[float], *, follow: bool) -> list[float]:
    """When rows come out that take so long to come."""
    clock = Late()

    def rows() -> Iterator[np.ndarray]:
        for cost in costs:
            clock.time += cost
            yield np.zeros(61)

    return [clock.time for _ in paced(rows(), 10, clock, follow=follow)]


def test_what_comes_late_is_made_up_for_or_waited_for() -> None:
    costs = [0.5, 0, 0, 0.35, 0, 0, 0]
    assert when(costs, follow=False) == pytest.approx([0.5, 0.6, 0.7, 1.05, 1.05, 1.05, 1.1])
    assert when(costs, follow=True) == pytest.approx([0.5, 0.6, 0.7, 1.05, 1.125, 1.2, 1.275])
    assert when([0.0] * 4, follow=True) == pytest.approx([0, 0.1, 0.2, 0.3])


def test_what_was_lost_is_won_back_and_a_pause_is_none() -> None:
    for gap, made_up in ((0.6, 0.5), (2.0, 0.0)):
        times = when([0.0] * 5 + [gap] + [0.0] * 94, follow=True)
        assert times[-1] == pytest.approx(9.9 + gap - 0.1 - made_up)
        assert np.diff(times).min() > 0.0749  # never faster than that


def test_rows_that_come_three_at_a_time_leave_evenly() -> None:
    """As those between frames do, which are known together."""
    clock = Late()

    def rows() -> Iterator[np.ndarray]:
        for number in range(90):
            clock.time = max(clock.time, 0.3 * (number // 3))
            yield np.zeros(61)

    times = [clock.time for _ in paced(rows(), 10, clock, follow=True)]
    assert np.abs(np.diff(times[3:]) - 0.1).max() < 0.06
    assert times[-1] <= 0.3 * 29 + 0.21


def test_addresses() -> None:
    assert read_address("127.0.0.1:39539") == ("127.0.0.1", 39539)
    assert read_address("[::1]:9000") == ("::1", 9000)
    assert read_address("stage.local:1") == ("stage.local", 1)
    for wrong in ("", "39539", ":39539", "host:", "host:0", "host:65536", "host:1e3", "::1:9000", "host:²", "[]:9"):
        with pytest.raises(UsageError, match="write HOST:PORT"):
            read_address(wrong)


def test_an_address_of_the_newer_kind(speech: Path) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as link:
        try:
            link.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        with sending.Sender(f"[::1]:{link.getsockname()[1]}") as sender:
            sender.send(np.zeros(61), 1.0)
        link.settimeout(5)
        assert link.recv(4096) == datagrams(np.zeros(61), 1.0)[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("SPEECH", "--osc", "127.0.0.1"), "--osc 127.0.0.1: write HOST:PORT"),
        (("SPEECH", "--osc", "nobody.invalid:9000"), "nobody.invalid is not found"),
        (("SPEECH", "--osc", f"{'a' * 80}:9000"), "is not found"),
        (("SPEECH", "--osc", "127.0.0.1:9000", "--fps", "24"), "--fps 24: choose one of 25, 30, 50, 60"),
        (("SPEECH",), "give -o FILE, --osc HOST:PORT, or both"),
        (("SPEECH", "-o", "a.fbx", "--osc", "127.0.0.1:9000"), ".csv or .json"),
        (("missing.wav", "--osc", "127.0.0.1:9000"), "missing.wav"),
        (("-", "-o", "a.csv"), "standard input is for --osc"),
        (("-", "--osc", "127.0.0.1:9000", "--hear", "SPEECH"), "goes with a recording"),
    ],
)
def test_what_cannot_be_sent_is_one_line(
    words: tuple[str, ...], told: str, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = vasari("perform", *(speech if word == "SPEECH" else word for word in words))
    assert done.code in (1, 2)
    assert told in done.line
    assert list(tmp_path.iterdir()) == []


def test_where_no_way_leads_is_one_line(speech: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cut(socket.socket):
        def sendto(self, *_: object) -> int:
            raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("vasari.sending.socket.socket", Cut)
    done = vasari("perform", speech, "--osc", engine.address)
    assert done.code == 1
    assert f"--osc {engine.address}: cannot send there (Network is unreachable)" in done.line


def test_a_terminal_is_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.isatty", lambda handle: True)
    assert "standard input is a terminal" in vasari("perform", "-", "--osc", "127.0.0.1:9000").line
