"""Streams in simulated time: a clock that does not wait, and stand-ins for what draws and for what moves."""

import copy
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future

import numpy as np

from faces.actions import ACTION_INDEX
from generate import FaceLatent, Talker
from generate.motion import Controls, MotionClip
from generate.stream import AHEAD, BEAT, Clock, Moment, Stream
from media import SAMPLE_RATE


class Inline(Executor):
    """Does everything at once, so that simulated time passes in one order alone."""

    def submit(self, do, /, *given, **named) -> Future:
        done = Future()
        try:
            done.set_result(do(*given, **named))
        except BaseException as error:
            done.set_exception(error)
        return done


class Script(Clock):
    """Simulated time that does things when they are due."""

    def worker(self, name: str) -> Executor:
        return Inline()

    def __init__(self, events: list[tuple[float, Callable[[], object]]] = ()) -> None:
        super().__init__()
        self.busy = False
        self.time, self.events = 0.0, sorted(events, key=lambda event: event[0])

    def now(self) -> float:
        while not self.busy and self.events and self.events[0][0] <= self.time:
            self.do()
        return self.time

    def do(self) -> None:
        """The next event; what it does may ask for the time."""
        self.busy = True
        self.events.pop(0)[1]()
        self.busy = False

    def wait(self, change: threading.Condition, seconds: float | None) -> None:
        until = float("inf") if seconds is None else self.time + max(seconds, 1e-6)
        if self.events and self.events[0][0] <= until:
            self.time = max(self.time, self.events[0][0])
            self.do()
        else:
            assert seconds is not None, "waits for ever"
            self.time = max(self.time, until)


class Sketch:
    """In place of a renderer: takes no time but what it is told to, and keeps what it was shown."""

    def __init__(self, clock: Script | None = None, cost: Callable[[int], float] = lambda k: 0.0) -> None:
        self.shown: list[FaceLatent] = []
        self.clock, self.cost = clock, cost

    def make_ready(self) -> None: ...

    def carry(self, latent: FaceLatent) -> FaceLatent:
        if self.clock:
            self.clock.time += self.cost(len(self.shown))
        self.shown.append(latent)
        return latent

    def open(self, carried: FaceLatent) -> FaceLatent:
        return carried

    def finish(self, prepared: FaceLatent) -> np.ndarray:
        return np.full((8, 8, 3), len(self.shown) % 256, np.uint8)


class Puppet:
    """In place of a motion: the jaw is as open as the sound is loud, four frames that are heard taken together."""

    def make_ready(self) -> None: ...

    def session(self, **options) -> "Strings":
        return Strings()


class Strings:
    """A session of a `Puppet`."""

    def __init__(self) -> None:
        self.sound, self.given = np.zeros(0, np.float32), 0
        self.others: list[np.ndarray] = []  # of the other speaker, frame by frame

    def push(self, sound: np.ndarray) -> MotionClip:
        self.sound = np.concatenate([self.sound, sound])
        return self._clip(len(self.sound) // 640 - AHEAD)

    def hear(self, sound: np.ndarray) -> None:
        self.others = [*self.others, sound]

    def steer(self, controls: Controls) -> None: ...

    def twin(self) -> "Strings":
        return copy.copy(self)

    def finish(self) -> MotionClip:
        frames = -(-len(self.sound) // 640)
        self.sound = np.concatenate([self.sound, np.zeros((frames + AHEAD) * 640 - len(self.sound), np.float32)])
        return self._clip(frames)

    def _clip(self, frames: int) -> MotionClip:
        count = max(0, frames - self.given)
        actions = np.zeros((count, 52), np.float32)
        for k in range(count):
            heard = self.sound[(self.given + k) * 640 : (self.given + k + 1 + AHEAD) * 640]
            actions[k, ACTION_INDEX["jawOpen"]] = min(1.0, 5 * np.square(heard).mean() ** 0.5)
        self.given += count
        still = np.zeros((count, 3), np.float32)
        return MotionClip(actions, still, still, still[:, :2])


def sketching(latent: FaceLatent, clock: Script | None = None, **options) -> Talker:
    talker = object.__new__(Talker)
    talker.latent, talker.renderer = latent, Sketch(clock, **options)
    return talker


class Run:
    """A stream in simulated time, and all that came of it."""

    def __init__(self, latent, motion, events, *, end: float, before=None, cost=lambda k: 0.0, **options) -> None:
        self.clock = Script()
        self.talker = sketching(latent, self.clock, cost=cost)
        self.stream = Stream(self.talker, motion, clock=self.clock, **options)
        if before is not None:
            self.stream.push(before)
        events = [(at, lambda do=do: do(self.stream)) for at, do in events]
        self.clock.events = sorted([*events, (end, self.stream.close)], key=lambda event: event[0])
        self.moments: list[Moment] = []
        self.times: list[float] = []
        move = self.stream._move

        def timed():
            step = move()
            if step is not None:
                self.times.append(self.clock.time)
            return step

        self.stream._move = timed
        self.moments = list(self.stream)
        self.times = self.times[: len(self.moments)]

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate([m.sound for m in self.moments])

    @property
    def spoken(self) -> list[int]:
        return [m.number for m in self.moments if not m.idle]

    def action(self, name: str) -> np.ndarray:
        return np.array([latent.actions[ACTION_INDEX[name]] for latent in self.talker.renderer.shown])


def pieces(sound: np.ndarray, size: int, start: float) -> list[tuple[float, Callable[[Stream], object]]]:
    """Sound as a microphone would bring it: each piece when it has been said."""
    return [
        (start + i / SAMPLE_RATE, lambda stream, part=sound[i : i + size]: stream.push(part))
        for i in range(0, len(sound), size)
    ]


def late(speech, by, at=25):
    """Pieces of a frame each, in real time but for some that come late, together."""
    return [(max(t, 1.0 + at * BEAT + by) if k >= at else t, do) for k, (t, do) in enumerate(pieces(speech, 640, 1.0))]
