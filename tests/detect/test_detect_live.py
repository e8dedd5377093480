"""Detection while a video comes: frames from pipes, clocks that jump, what is looked back on, the command."""

import io
import json
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from sitters import portrait

from detect.detector import Detector
from media import FPS, LiveReader, VideoReader
from media.errors import UnreadableError, UsageError


def film(target, frames: list[np.ndarray], stamps: list[int] | None = None, kind: str = "matroska") -> None:
    """Frames by any tool; `stamps` in milliseconds."""
    with av.open(target, "w", format=kind) as out:
        video = out.add_stream("libx264", rate=FPS, options={"crf": "12", "preset": "ultrafast", "tune": "zerolatency"})
        video.width, video.height, video.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        for k, frame in enumerate(frames):
            item = av.VideoFrame.from_ndarray(frame, format="rgb24")
            item.pts, item.time_base = (stamps[k] if stamps else 40 * k), Fraction(1, 1000)
            out.mux(video.encode(item))
        out.mux(video.encode())


def greys(count: int) -> list[np.ndarray]:
    return [np.full((64, 96, 3), 20 + 3 * k, np.uint8) for k in range(count)]


def values(frames: Iterator[np.ndarray]) -> list[int]:
    return [round((float(frame.mean()) - 20) / 3) for frame in frames]


def test_a_pipe_gives_the_frames_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mkv"
    film(str(path), greys(20))
    live = list(LiveReader(io.BytesIO(path.read_bytes())))
    assert values(live) == list(range(20))
    for one, other in zip(live, VideoReader(path), strict=True):
        assert np.array_equal(one, other)


def test_a_slow_source_is_held_and_a_clock_that_jumps_is_set_again() -> None:
    stamps = [0, 40, 80, 200, 240, 9_000_240, 9_000_280, 9_000_320]  # three frames are missing; then another sender
    stream = io.BytesIO()
    film(stream, greys(8), stamps, kind="matroska")
    stream.seek(0)
    assert values(LiveReader(stream)) == [0, 1, 2, 2, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("data", [b"", b"no video at all" * 400])
def test_what_is_no_video_is_said(data: bytes) -> None:
    with pytest.raises(UnreadableError, match="standard input"):
        next(iter(LiveReader(io.BytesIO(data))))
    with pytest.raises(UnreadableError, match="nowhere"):
        next(iter(LiveReader("/tmp/nowhere/at.all")))


def test_frames_come_before_the_source_has_ended(tmp_path: Path) -> None:
    stream = io.BytesIO()
    film(stream, greys(60), kind="mpegts")
    data, gate = stream.getvalue(), threading.Event()

    class Slow(io.RawIOBase):
        at = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:
            if self.at > 0.7 * len(data):
                assert gate.wait(20)
            piece = data[self.at : self.at + min(len(buffer), 512)]
            buffer[: len(piece)] = piece
            self.at += len(piece)
            return len(piece)

    frames = iter(LiveReader(Slow()))
    first = next(frames)
    gate.set()
    assert first.shape == (64, 96, 3)
    assert len(list(frames)) == 59


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load(threads=1)


def moving(count: int) -> Iterator[np.ndarray]:
    picture = cv2.resize(portrait(), (256, 256), interpolation=cv2.INTER_AREA)
    for k in range(count):
        yield np.roll(picture, k % 4, axis=1)


def test_what_is_said_live_is_what_is_said_of_the_same_seconds(detector: Detector) -> None:
    found = list(detector.watch(moving(40), "camera", every=1.0, memory=30.0))
    assert [d.seconds for d in found] == [1.0, 1.6]
    assert [d.file for d in found] == ["camera"] * 2
    whole = detector.judge("camera", detector.gatherer.watch(moving(40)))
    assert len(found[-1].people) == len(whole.people) == 1
    own, other = found[-1].people[0], whole.people[0]
    assert [look.time for look in own.looks] == [look.time for look in other.looks]
    assert own.logit == pytest.approx(other.logit, abs=1e-3)
    assert own.compared == other.compared


def test_what_is_long_ago_is_forgotten(detector: Detector) -> None:
    def gone() -> Iterator[np.ndarray]:
        yield from moving(30)
        yield from [np.full((256, 256, 3), 90, np.uint8)] * 50

    found = list(detector.watch(gone(), "camera", every=0.8, memory=0.8))
    assert len(found[0].people) == 1
    assert all(0.8 <= look.time < 1.6 for person in found[1].people for look in person.looks)
    assert found[1].people
    assert not found[-1].people
    assert found[-1].verdict == "cannot_tell"
    assert found[-1].seconds == 3.2


@pytest.mark.parametrize(("every", "memory"), [(0.1, 5), (3, 2), (float("nan"), 5)])
def test_bad_intervals(every: float, memory: float, detector: Detector) -> None:
    with pytest.raises(UsageError, match="look back"):
        next(detector.watch(moving(1), "camera", every=every, memory=memory))


def test_the_command_prints_a_record_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from vasari.cli import app

    path = tmp_path / "clip.mkv"
    film(str(path), list(moving(30)))
    result = CliRunner().invoke(app, ["detect", "--live", str(path), "--every", "0.8", "--json"])
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["seconds"] for record in records] == [0.8, 1.2]
    assert result.exit_code == max(record["exit_code"] for record in records)
    assert CliRunner().invoke(app, ["detect", "--live", str(path), str(path)]).exit_code != 0
