"""What a live face costs: how soon its first frame comes, how many frames a second, how many twice, how much memory.

**Latency** is taken from outside, as `generate.stream` defines it: from just before the push that brings the first
sample of a frame's sound to the moment that the picture is handed out, to an idle face, at many points of its beat.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from scipy.signal import correlate, correlation_lags

from benchmarks.figures import Figure
from benchmarks.suites import Given
from faces import Tracker
from generate import FaceLatent, Motion, Painter, Talker
from generate.stream import Clock, Moment, Stream
from media import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME, probe, read_picture, read_sound
from media.errors import VasariError
from provenance import Generated, Keys, Outlet, Permit, save_live

ROUNDS, ROUNDS_QUICK = 20, 3  # utterances that latency is taken from
UTTERANCE = 0.8  # seconds
PIECES = {"": SAMPLES_PER_FRAME, "_10ms": SAMPLE_RATE // 100, "_at_once": int(UTTERANCE * SAMPLE_RATE)}  # samples
SECONDS, SECONDS_QUICK = 10, 3  # of speech for frames a second
TALK, TALK_QUICK = 30, 5  # seconds of a live talk
MINUTES, MINUTES_QUICK = 30, 1  # of simulated time
PACE = 3.0  # simulated seconds in a second
SPEAK, PAUSE = 10.0, 6.0  # seconds of speech and silence in turn, in simulated time
LOUD = 0.02  # where speech begins
STAND_IN = 128  # pixels of the frames that stand in for a renderer's


def measure(given: Given) -> list[Figure]:
    """first_frame_ms with _p95, _10ms, _at_once; stream_fps_512, live_fps_512; live_held_pct, live_late_pct;
    live_growth_mb, live_apart_ms."""
    picture = read_picture(given.portrait)
    talker = Talker(FaceLatent.encode(picture, Tracker().portrait(picture)[0]), Painter())
    motion, speech = Motion.load(), read_sound(given.speech)
    speech = speech[int(np.argmax(np.abs(speech) > LOUD)) :]
    return [
        *first_frames(talker, motion, speech, ROUNDS_QUICK if given.quick else ROUNDS),
        *throughput(given, talker, motion, speech[: (SECONDS_QUICK if given.quick else SECONDS) * SAMPLE_RATE]),
        *talk(given, talker, motion, speech, TALK_QUICK if given.quick else TALK),
        *endurance(given, MINUTES_QUICK if given.quick else MINUTES),
    ]


def first_frames(talker: Talker, motion: Motion, speech: np.ndarray, rounds: int) -> list[Figure]:
    """Milliseconds from the first sample of an utterance to its picture, by how finely the sound is cut."""
    figures = []
    for name, size in PIECES.items():
        took = 1000 * np.array(_latencies(talker, motion, speech[: int(UTTERANCE * SAMPLE_RATE)], size, rounds))
        cut = f"sound as a microphone brings it, in pieces of {1000 * size / SAMPLE_RATE:g} ms"
        note = "an utterance pushed at once" if name == "_at_once" else cut
        goal = None if name else 170.0
        for suffix, share in (("", 0.5), ("_p95", 0.95)):
            if not suffix or not name:
                figures.append(
                    Figure(name=f"first_frame_ms{name}{suffix}", value=float(np.quantile(took, share)), unit="ms",
                           goal=goal, better="lower", n=rounds, note=f"{note}; look-ahead included")
                )  # fmt: skip
    return figures


def _latencies(talker: Talker, motion: Motion, utterance: np.ndarray, size: int, rounds: int) -> list[float]:
    stream = Stream(talker, motion)
    pushed: list[float] = []
    shown: list[float] = []

    def speak() -> None:
        rng = np.random.default_rng(0)
        for _ in range(rounds):
            time.sleep(0.7 + rng.uniform(0, 1 / FPS))
            pushed.append(time.perf_counter())
            _push(stream, utterance, size)
            time.sleep(0.3)
        stream.close()

    speaker = threading.Thread(target=speak)
    speaker.start()
    silent = True
    for moment in stream:
        if silent and not moment.idle and len(shown) < len(pushed):
            shown.append(time.perf_counter())
        silent = moment.idle
    speaker.join()
    return [end - start for start, end in zip(pushed, shown, strict=False)]


def _push(stream: Stream, sound: np.ndarray, size: int) -> None:
    """Pieces as they would be said."""
    start = time.perf_counter()
    for first in range(0, len(sound), size):
        time.sleep(max(0.0, start + first / SAMPLE_RATE - time.perf_counter()))
        stream.push(sound[first : first + size])


def throughput(given: Given, talker: Talker, motion: Motion, speech: np.ndarray) -> list[Figure]:
    """Frames a second as fast as they come: rendered; and rendered, marked, encoded, sent and signed."""

    def fast() -> Stream:
        stream = Stream(talker, motion, realtime=False, queue=60.0)
        stream.push(speech)
        stream.close()
        return stream

    counted = _Counter(fast())
    for _ in counted:
        pass
    sent = _Counter(fast())
    _save(given, sent, Outlet(_Nowhere()))
    note = f"{len(speech) / SAMPLE_RATE:g} s of speech at once; "
    return [
        Figure(name="stream_fps_512", value=counted.fps, unit="frames/s", goal=40, n=counted.count,
               note=note + "moved and rendered"),
        Figure(name="live_fps_512", value=sent.fps, unit="frames/s", goal=25, n=sent.count,
               note=note + "moved, rendered, marked, encoded, sent"),
    ]  # fmt: skip


def talk(given: Given, talker: Talker, motion: Motion, speech: np.ndarray, seconds: int) -> list[Figure]:
    """A talk in real time, marked, encoded and read from a pipe: frames given twice, and frames late."""
    stream = Stream(talker, motion)
    said = np.resize(speech, seconds * SAMPLE_RATE)
    reading, writing = os.pipe()
    counted = _Counter(stream)

    def read() -> None:
        while os.read(reading, 65536):
            pass

    def speak() -> None:
        _push(stream, said, SAMPLES_PER_FRAME)
        stream.close()

    threads = [threading.Thread(target=read), threading.Thread(target=speak)]
    for thread in threads:
        thread.start()
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        _save(given, counted, Outlet(pipe, "pipe"))
    for thread in threads:
        thread.join()
    os.close(reading)
    frames = stream.counts.frames
    late = float(np.mean(np.diff(counted.came) > 2 / FPS)) if frames > 1 else float("nan")
    note = f"{seconds} s of speech in real time, in pieces of 40 ms, beside marks and encoder, read from a pipe"
    return [
        Figure(name="live_held_pct", value=100 * stream.counts.held / frames, unit="%", goal=0, better="lower",
               n=frames, note=f"frames given twice for want of time; {note}"),
        Figure(name="live_late_pct", value=100 * late, unit="%", better="lower", n=frames,
               note=f"frames more than 80 ms after the one before; {note}"),
    ]  # fmt: skip


def endurance(given: Given, minutes: int) -> list[Figure]:
    """Memory and drift of a long talk, in a process of its own, with drawn pictures in place of a renderer's."""
    command = [sys.executable, "-m", "benchmarks.motion.live", str(given.portrait), str(given.speech), str(minutes)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    if done.returncode:
        raise VasariError(f"the live probe failed: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    measured = json.loads(done.stdout.splitlines()[-1])
    note = (
        f"{minutes} simulated minutes at {PACE:g} times the pace, {STAND_IN}-pixel pictures in place of rendered ones"
    )
    return [
        Figure(name="live_growth_mb", value=measured["growth_mb"], unit="MB", goal=8, better="lower",
               n=measured["frames"], note=f"memory at the end over that after the first sixth; {note}"),
        Figure(name="live_apart_ms", value=measured["apart_ms"], unit="ms", goal=40, better="lower",
               n=measured["frames"], note=f"picture against sound in the last half minute; {note}"),
    ]  # fmt: skip


def probe_endurance(portrait: Path, speech: Path, minutes: int) -> dict[str, float]:
    """What `endurance` reports."""
    from generate.latent import FaceLatent as Latent

    picture, sound = read_picture(portrait), read_sound(speech)
    latent = Latent.encode(picture, Tracker().portrait(picture)[0], size=STAND_IN)
    talker: Any = object.__new__(Talker)
    talker.latent, talker.renderer = latent, _Drawn(latent)
    stream = Stream(talker, Motion.load(), clock=Clock(PACE))
    process, memory = psutil.Process(), []

    def speak() -> None:
        said = np.resize(sound, int(SPEAK * SAMPLE_RATE))
        while stream.counts.frames < 60 * FPS * minutes:
            for first in range(0, len(said), SAMPLES_PER_FRAME):
                stream.push(said[first : first + SAMPLES_PER_FRAME])
            time.sleep(PAUSE / PACE)
        stream.close()

    sent: deque[np.ndarray] = deque(maxlen=int(2 * (SPEAK + PAUSE) * FPS))

    def watched() -> Iterator[Moment]:
        for moment in stream:
            sent.append(moment.sound)
            if moment.number % (FPS * 10) == 0:
                memory.append(process.memory_info().rss / 2**20)
            yield moment

    threading.Thread(target=speak, daemon=True).start()
    apart: list[float] = []

    def compare(path: Path) -> None:
        frames = stream.counts.frames
        late = probe(path).duration - frames / FPS
        first = (frames - len(sent)) * SAMPLES_PER_FRAME
        apart.append(abs(late) + abs(lag(read_sound(path), np.concatenate(sent), first)) / SAMPLE_RATE)

    _save(Given(Path(), portrait, speech), watched(), Outlet(_Nowhere()), compare)
    sixth = len(memory) // 6
    growth = float(np.median(memory[-3:]) - np.median(memory[sixth : sixth + 3]))
    return {"growth_mb": growth, "apart_ms": 1000 * apart[0], **vars(stream.counts), "peak_mb": max(memory)}


def lag(heard: np.ndarray, said: np.ndarray, first: int, most: int = SAMPLE_RATE) -> int:
    """By how many samples, at most `most`, a stretch (N,) that begins at sample `first` of what was sent is heard late
    in (M,). Sound is padded to whole blocks of 64 ms, so where a file's sound ends does not tell."""
    begin = max(0, first - most)
    part = heard[begin : first + len(said) + most]
    likeness = correlate(part, said, "full", "fft")
    lags = correlation_lags(len(part), len(said)) + begin - first
    near = np.abs(lags) <= most
    return int(lags[near][np.argmax(likeness[near])])


class _Drawn:
    """In place of a renderer: the portrait, moved to and fro."""

    def __init__(self, latent: FaceLatent) -> None:
        self._picture, self._count = latent.appearance.picture, 0

    def make_ready(self) -> None:
        """Nothing is to be made."""

    def carry(self, latent: FaceLatent) -> FaceLatent:
        return latent

    def open(self, carried: FaceLatent) -> FaceLatent:
        return carried

    def finish(self, _: FaceLatent) -> np.ndarray:
        self._count += 1
        return np.roll(self._picture, int(3 * np.sin(self._count / 7)), 1)


class _Nowhere:
    """Takes what is sent."""

    def write(self, data: bytes) -> None:
        """It is gone."""


class _Counter:
    """Moments, and when they came."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.came: list[float] = []

    def __iter__(self) -> Iterator[Moment]:
        for moment in self._stream:
            self.came.append(time.perf_counter())
            yield moment
        self.came.append(time.perf_counter())

    @property
    def count(self) -> int:
        return len(self.came) - 1

    @property
    def fps(self) -> float:
        return (len(self.came) - 2) / (self.came[-2] - self.came[0])


def _save(given: Given, moments: Any, outlet: Outlet, look: Callable[[Path], object] = lambda path: None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        keys, path = Keys.open(Path(folder) / "keys"), Path(folder) / "live.mp4"
        performance = Permit.of(given.portrait, keys=keys).perform(Generated, moments, command="bench")
        save_live(path, performance, outlet)
        look(path)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe_endurance(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))) + "\n")
