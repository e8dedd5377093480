"""Gathers evidence from a file: who is seen, what each stream says of them, moment by moment. No judgement yet.

Frames come one by one and are not kept, so memory does not grow with the pictures of a long video: only numbers stay.
"""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from detect.picture import SCALE, SIDE, Look, PictureReader, face_crop, opening_of
from detect.promise import quality_of
from detect.sound import Hearing, hear
from faces import Track, Tracker
from faces.landmarks import crop_matrix
from faces.lipsync import LipSync
from media import FPS, VideoReader, probe, read_picture, read_sound
from media.errors import SpeechError, UnreadableError

EVERY = 5  # frames between two looks at a face
BATCH = 8  # crops that are looked at together
LEAST = 40.0  # pixels: smaller faces are counted and not judged


@dataclass
class Person:
    """All that was seen of one person of a file."""

    number: int  # from 1, in the order in which they were first seen
    times: list[float] = field(default_factory=list)  # seconds of each look
    boxes: list[tuple[float, float, float]] = field(default_factory=list)  # of each look: middle x, y, size; pixels
    looks: list[Look] = field(default_factory=list)
    conditions: list[np.ndarray] = field(default_factory=list)  # of each look: `promise.quality_of` it
    openings: list[float] = field(default_factory=list)  # of each look: `picture.opening_of` it
    qualities: list[float] = field(default_factory=list)  # of each look, 0 to 1: how far the tracker trusts it
    reasons: list[str] = field(default_factory=list)  # of poor looks
    actions: dict[int, np.ndarray] = field(default_factory=dict)  # facial actions (52,) by frame
    turns: dict[int, np.ndarray] = field(default_factory=dict)  # yaw, pitch, roll of the head by frame, radians
    hearing: Hearing | None = None
    sizes: list[float] = field(default_factory=list)  # pixels, every look, too small ones included
    crops: list[np.ndarray] = field(default_factory=list)  # uint8 (SIDE, SIDE, 3) of the looks that were asked for
    seen: float = 0.0  # seconds of the last look, were it too small

    def forget(self, before: float) -> None:
        """What lies before a time in seconds is no evidence any more."""
        old = bisect_left(self.times, before)
        kept = (self.times, self.boxes, self.looks, self.conditions, self.openings, self.qualities, self.reasons)
        for part in (*kept, self.crops):
            del part[:old]
        self.actions = {frame: actions for frame, actions in self.actions.items() if frame / FPS >= before}
        self.turns = {frame: turn for frame, turn in self.turns.items() if frame / FPS >= before}
        del self.sizes[: len(self.sizes) - max(1, len(self.times))]


@dataclass(frozen=True)
class Evidence:
    """What a file holds."""

    kind: Literal["picture", "video", "sound"]
    frames: int  # that were looked at
    seconds: float  # of video
    people: list[Person]
    size: tuple[int, int]  # width, height; pixels
    broken: str = ""  # why reading stopped before the end


class Gatherer:
    """Loads what looks once; `gather` any number of files.

    Args:
        picture: looks at crops.
        threads: processor threads that networks may use; 0 lets OpenVINO choose.
    """

    def __init__(self, picture: PictureReader | None, *, threads: int = 0) -> None:
        self.picture = picture
        self.tracker = Tracker(threads=threads)
        self.lips = None if picture is None else LipSync.load()

    @classmethod
    def following(cls) -> "Gatherer":
        """One that follows people alone: its evidence holds no `looks`, and sound is not listened to."""
        return cls(None)

    def gather(self, path: Path | str, *, keep: bool = False, longest: float | None = None) -> Evidence:
        """Evidence of one file; `keep` the crops too (for a report), and look at `longest` seconds at most.

        Raises:
            UnreadableError: the file cannot be read.
        """
        info = probe(path)
        if info.kind == "sound":
            return Evidence("sound", 0, info.duration, [], (0, 0))
        if info.kind == "picture":
            picture = read_picture(path)
            work = _Gathering(self, keep)
            for number, track in enumerate(self.tracker.track(picture), 1):
                work.look(number, 0, picture, track)
            return Evidence("picture", 1, 0.0, work.done(), picture.shape[1::-1])
        reader = VideoReader(path)
        found = self.watch(reader, keep=keep, longest=longest)
        self._listen(path, found.people, longest, has_sound=info.has_sound)
        return replace(found, size=reader.size, broken=reader.broken or "")

    def watch(self, frames: Iterable[np.ndarray], *, keep: bool = False, longest: float | None = None) -> Evidence:
        """Evidence of frames, uint8 RGB (H, W, 3), 25 a second, without sound."""
        most = None if longest is None else math.ceil(longest * FPS)
        work = _Gathering(self, keep)
        last = deque(self._steps(islice(frames, most), work), maxlen=1)
        count, size = last.pop() if last else (0, (0, 0))
        return Evidence("video", count, count / FPS, work.done(), size)

    def watch_live(self, frames: Iterable[np.ndarray], *, every: float, memory: float) -> Iterator[Evidence]:
        """Evidence of the last `memory` seconds, each `every` seconds and at the end, of frames that come for as long
        as they do. What is older is forgotten, so memory is bounded; `seconds` and `frames` are those since the start.
        """
        work, count, size = _Gathering(self, False), 0, (0, 0)
        step = max(1, round(every * FPS))
        for count, size in self._steps(frames, work):
            if count % step == 0:
                yield Evidence("video", count, count / FPS, work.recent(count / FPS - memory), size)
        if count % step or not count:
            yield Evidence("video", count, count / FPS, work.recent(count / FPS - memory), size)

    def _steps(self, frames: Iterable[np.ndarray], work: "_Gathering") -> Iterator[tuple[int, tuple[int, int]]]:
        """Frames so far and their size, after each."""
        shown: list[np.ndarray] = []

        def passed() -> Iterator[np.ndarray]:
            for frame in frames:
                shown.append(frame)
                yield frame

        for count, tracks in enumerate(self.tracker.follow_all(passed()), 1):
            frame = shown.pop(0)
            work.step(count - 1, frame, tracks)
            yield count, frame.shape[1::-1]

    def _listen(self, path: Path | str, people: list[Person], longest: float | None, *, has_sound: bool) -> None:
        if self.lips is None or not (has_sound and people):
            return
        try:
            sound = read_sound(path)
        except (SpeechError, UnreadableError):
            return
        for person in people:
            first, count = longest_run(sorted(person.actions))
            if count and (longest is None or count <= longest * FPS):
                actions = np.stack([person.actions[k] for k in range(first, first + count)])
                person.hearing = hear(self.lips, sound[first * 640 : (first + count) * 640], actions)


class _Gathering:
    """The state of one file."""

    def __init__(self, tools: Gatherer, keep: bool) -> None:
        self.tools, self.keep = tools, keep
        self.people: dict[int, Person] = {}
        self.waiting: list[tuple[Person, np.ndarray]] = []

    def step(self, frame: int, picture: np.ndarray, tracks: list[Track]) -> None:
        """One frame of a video."""
        for track in tracks:
            if frame % EVERY == 0 or track.person not in self.people:
                self.look(track.person, frame, picture, track)
            if track.size >= LEAST:
                person = self.people[track.person]
                person.actions[frame] = track.parameters.actions.astype(np.float32)
                person.turns[frame] = track.parameters.rotation.astype(np.float32)

    def look(self, number: int, frame: int, picture: np.ndarray, track: Track) -> None:
        """Look at one face of one frame."""
        person = self.people.setdefault(number, Person(number))
        person.sizes.append(track.size)
        person.seen = frame / FPS
        if track.size < LEAST or self.tools.picture is None:
            return
        middle = track.landmarks[:468].mean(0)
        person.times.append(frame / FPS)
        person.boxes.append((float(middle[0]), float(middle[1]), track.size))
        person.qualities.append(track.quality)
        person.reasons.append(track.reason)
        crop, mesh = _crop(picture, track.landmarks)
        person.conditions.append(quality_of(crop, mesh))
        person.openings.append(opening_of(track.landmarks))
        if self.keep:
            person.crops.append(crop)
        self.waiting.append((person, crop))
        if len(self.waiting) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self.waiting and self.tools.picture is not None:
            looks = self.tools.picture.look(np.stack([crop for _, crop in self.waiting]))
            for (person, _), look in zip(self.waiting, looks, strict=True):
                person.looks.append(look)
            self.waiting.clear()

    def recent(self, since: float) -> list[Person]:
        """Everyone who was seen since then (seconds), with what was seen of them; all else is forgotten."""
        self._flush()
        for person in self.people.values():
            person.forget(since)
        self.people = {number: person for number, person in self.people.items() if person.seen >= since}
        return [self.people[number] for number in sorted(self.people)]

    def done(self) -> list[Person]:
        """Everyone, in the order in which they came."""
        self._flush()
        return [self.people[number] for number in sorted(self.people)]


def _crop(picture: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The crop of a face and its mesh points in it."""
    matrix = crop_matrix(landmarks[:468], SIDE, SCALE)
    return face_crop(picture, landmarks), landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]


def longest_run(frames: list[int]) -> tuple[int, int]:
    """First frame and length of the longest run without a gap."""
    best, start = (0, 0), 0
    for k in range(len(frames)):
        if k and frames[k] != frames[k - 1] + 1:
            start = k
        if k + 1 - start > best[1]:
            best = (frames[start], k + 1 - start)
    return best
