"""Who asks a command to end finds nothing half-written."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from media.atomic import replacing
from vasari import cli

ENDS = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]


@pytest.fixture(params=ENDS)
def asked(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal, which means what it usually does."""
    before = signal.signal(request.param, signal.SIG_DFL)
    yield request.param
    signal.signal(request.param, before)


def writing(folder: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is asked to end while it writes."""

    def command() -> None:
        with replacing(folder / "a.mp4") as half:
            half.write_bytes(b"half")
            signal.raise_signal(number)
            half.write_bytes(b"whole")

    monkeypatch.setattr(cli, "app", command)
    cli.main()


def test_nothing_half_written_is_left(tmp_path, monkeypatch, asked) -> None:
    with pytest.raises(SystemExit) as ended:
        writing(tmp_path, asked, monkeypatch)
    assert ended.value.code == 128 + asked
    assert not any(tmp_path.iterdir())
    assert signal.getsignal(asked) == signal.SIG_DFL


def test_what_is_ignored_stays_so(tmp_path, monkeypatch, asked) -> None:
    signal.signal(asked, signal.SIG_IGN)
    writing(tmp_path, asked, monkeypatch)
    assert (tmp_path / "a.mp4").read_bytes() == b"whole"
    assert signal.getsignal(asked) == signal.SIG_IGN
