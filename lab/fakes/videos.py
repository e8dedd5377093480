"""Sittings out of users' own videos: stretches in which somebody talks, and what a fake of them needs.

The real clip of a sitting is cut out of the video around the face, at a size at which nothing is enlarged much, and
goes through the camera and the codec of the sitting as its fakes do. Fakes start from its first frame. They move as
the person did, or as the motion network draws it for the person's own voice or for that of another of the same split.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import numpy as np

from faces import FaceParameters, Track, Tracker
from faces.actions import ACTION_INDEX
from faces.crop import EYES_AT, Box, box_crop, usual_box
from faces.fit import CAMERA_DISTANCE
from faces.head import PIVOT, rotation_angles, rotation_matrix
from faces.quality import turned_degrees
from generate import FaceLatent, Motion, Painter
from generate.acting import MotionClip, mouth_opening
from generate.latent import Pose
from generate.motion.space import HEAD_WIDTH
from generate.talker import SPEECH_OWNS
from lab.fakes.camera import Camera
from lab.fakes.people import Shown
from lab.fakes.sittings import FRAMES, SIZES, Job, Sitting, age_of, codec_of, generator_of
from media import VideoReader, iter_sound, probe
from media.errors import SpeechError, UnreadableError, UsageError
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from provenance.read.statements import GENERATED
from provenance.read.verification import read_credentials

LONGEST = 300.0  # seconds of a video that are looked at
TAKES = 4  # clips of one video, at most
APART = FPS  # frames between two of them
NARROWEST = 200.0  # pixels a side of the square around a head; it is enlarged to the least of SIZES at most
TIGHTEST = 0.55  # of the usual square around a head, where the picture ends
WORST = 0.4  # quality of a look under which a stretch ends
AHEAD = 30.0  # degrees that the head of the first frame may be turned
OPEN = 0.4  # of a blink, at which eyes are open enough for a portrait
STEP = 0.2  # move of the head from frame to frame, in units between the eyes, that is a cut
TALKING = 0.012  # standard deviation of the opening of the lips in a stretch, from which somebody talks
QUIET = 0.003  # root mean square of a sound in which nobody speaks
SPOKEN = 0.5  # share of the sittings with sound whose fakes move as the motion network draws it
OTHERS = 0.5  # share of these that speak with another's voice


@dataclass(frozen=True)
class Look:
    """What is remembered of one frame of a video."""

    parameters: FaceParameters
    person: int
    good: bool  # large, clear and wholly in the picture
    opening: float  # of the lips

    @property
    def portrays(self) -> bool:
        """Whether a fake can start from it: turned to the camera, with open eyes."""
        shut = self.parameters.actions[[ACTION_INDEX["eyeBlinkLeft"], ACTION_INDEX["eyeBlinkRight"]]].max()
        return turned_degrees(self.parameters.rotation) <= AHEAD and float(shut) <= OPEN


class Footage:
    """Videos, and what fakes of them are made with; each process has one.

    Args:
        folder: of the videos.
        people: their list, all of whom agreed.
        seed: of the set.
        generators: folders of other weights, as for `Stage`.
    """

    def __init__(self, folder: Path, people: Sequence[Shown], seed: int = 0, generators: Sequence[Path] = ()) -> None:
        self.folder, self.people, self.seed = folder, people, seed
        self.tracker = Tracker(threads=1)
        self.painters = [Painter(threads=1), *(Painter.from_folder(g, threads=1) for g in generators)]

    @cached_property
    def motion(self) -> Motion:
        return Motion.load()

    def sittings(self, shown: Shown) -> Iterator[Sitting]:
        """Those of one video, in order of time; none where nobody talks into the camera for long enough.

        Raises:
            UnreadableError: the video cannot be read.
            UsageError: its credentials say that it was generated: it is no real to learn from.
        """
        path = self.folder / shown.file
        if read_credentials(path, "").digital_source_type in GENERATED:
            raise UsageError(f"{path}: its credentials say that it was generated; only what a camera filmed is a real")
        assert shown.split is not None
        length = FRAMES[shown.split]
        sound = _sound(path)
        for take, first in enumerate(stretches(self._looks(path), length)):
            sitting = self._sit(shown, path, take, first, length, sound)
            if sitting is not None:
                yield sitting

    def somebody_else(self, sitting: Sitting) -> tuple[FaceLatent, Path] | None:
        """Another person of the same split, as a latent, and the video that shows them."""
        size = sitting.portrait.shape[0]
        for other in self._others(sitting.person, sitting.job):
            with contextlib.suppress(UnreadableError):
                for frame in islice(VideoReader(self.folder / other.file), 0, 10 * FPS, FPS):
                    track = next(iter(self.tracker.track(frame)), None)
                    if track is not None and look_of(track, frame.shape).portrays:
                        return FaceLatent.encode(frame, track, size=size), self.folder / other.file
        return None

    def _looks(self, path: Path) -> Iterator[Look | None]:
        video = VideoReader(path)
        shape = video.size[::-1]
        for track in self.tracker.follow(islice(video, int(LONGEST * FPS))):
            yield None if track is None else look_of(track, shape)

    def _sit(
        self, shown: Shown, path: Path, take: int, first: int, length: int, sound: np.ndarray | None
    ) -> Sitting | None:
        """The sitting that begins at a frame; None where the face is lost on a second look."""
        assert shown.split is not None
        seed = (self.seed << 48) + (int(shown.name[-8:], 16) << 8) + take
        rng = np.random.default_rng((seed, 1))
        found = self._cut(path, first, length, rng)
        if found is None:
            return None
        real, tracks = found
        latent = FaceLatent.from_parameters(real[0], tracks[0].parameters)
        latents = [placed(latent, track.parameters) for track in tracks]
        movement = movement_of(latent, latents)
        job = Job(0, shown.split, False, seed)
        heard = None if sound is None else sound[first * SAMPLES_PER_FRAME :][: length * SAMPLES_PER_FRAME]
        if heard is not None:
            heard = np.pad(heard, (0, length * SAMPLES_PER_FRAME - len(heard)))
        asked, said, voice = self._ask(shown, job, movement, heard, rng)
        painter, strength = generator_of(self.painters, job)
        return Sitting(
            job, shown.person, {"sex": shown.sex, "age": age_of(shown.age)}, real[0], latent, real,
            np.stack([track.landmarks for track in tracks]), latents, movement, False,
            heard, shown.person if heard is not None else "", Camera.draw(seed), codec_of(rng, job.split), painter,
            strength,
            name=f"{shown.name}-{take}", source="video", asked=asked, said=said, said_by=voice, subject=path,
            first=first,
        )  # fmt: skip

    def _cut(
        self, path: Path, first: int, length: int, rng: np.random.Generator
    ) -> tuple[list[np.ndarray], list[Track]] | None:
        """The square around the head of the first frame, through all frames, and the tracks in it."""
        frames = islice(VideoReader(path, start=first / FPS), length)
        frame = next(frames)
        at = next(iter(self.tracker.track(frame)), None)
        box = None if at is None else square(frame.shape, at.parameters)
        if box is None:
            return None
        size = int(rng.choice([s for s in SIZES if s <= box.side] or SIZES[:1]))
        cut = [box_crop(frame, box, size) for frame in chain([frame], frames)]
        tracks = list(self.tracker.follow(cut, offline=True))
        whole = [track for track in tracks if track is not None]
        return (cut, whole) if len(whole) == length else None

    def _ask(
        self, shown: Shown, job: Job, movement: MotionClip, heard: np.ndarray | None, rng: np.random.Generator
    ) -> tuple[MotionClip, np.ndarray | None, str]:
        """How the generator is asked to move, what its fakes say, and with whose voice."""
        voice = shown.person if heard is not None else ""
        if heard is None or rng.random() >= SPOKEN or _level(heard) < QUIET:
            return movement, heard, voice
        said = heard
        if rng.random() < OTHERS:
            said, voice = self._another_voice(shown.person, job, len(heard), rng) or (heard, voice)
        seed = int(rng.integers(2**31))
        drawn = self.motion.generate(np.pad(said, (0, SAMPLE_RATE)), seed=seed, style=seed)
        part = slice(0, len(movement))
        return (
            MotionClip(drawn.actions[part], drawn.rotation[part], drawn.translation[part], drawn.gaze[part]),
            said,
            voice,
        )

    def _another_voice(
        self, person: str, job: Job, length: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, str] | None:
        """As many samples of somebody else of the same split, speaking."""
        for other in self._others(person, job):
            sound = _sound(self.folder / other.file)
            if sound is None or len(sound) < length:
                continue
            starts = rng.integers(0, len(sound) - length + 1, 8)
            pieces = [sound[start : start + length] for start in starts]
            loudest = max(pieces, key=_level)
            if _level(loudest) >= QUIET:
                return loudest, other.person
        return None

    def _others(self, person: str, job: Job) -> list[Shown]:
        """Videos of other people of the same split, in an order of the sitting's own."""
        others = [row for row in self.people if row.split == job.split and row.person != person]
        return [others[k] for k in np.random.default_rng((job.seed, 4)).permutation(len(others))]


def look_of(track: Track, shape: tuple[int, ...]) -> Look:
    """What is remembered of a track in a picture of `shape`."""
    good = track.quality >= WORST and square(shape, track.parameters) is not None
    return Look(track.parameters, track.person, good, float(mouth_opening(track.parameters.actions)))


def square(shape: tuple[int, ...], parameters: FaceParameters) -> Box | None:
    """The square around a head that lies within a picture of `shape`; None where too little of it does, or it is too
    small. What lies beyond the picture was never filmed, so nothing stands for it."""
    usual = usual_box(shape, parameters).side
    side = min(usual, *map(float, shape[:2]))
    if side < max(NARROWEST, TIGHTEST * usual):
        return None
    left, top = parameters.centre[0] - side / 2, parameters.centre[1] - side * EYES_AT
    height, width = shape[:2]
    return Box(float(np.clip(left, 0, width - side)), float(np.clip(top, 0, height - side)), side)


def stretches(looks: Iterator[Look | None], length: int) -> list[int]:
    """First frames of the stretches in which somebody talks: `TAKES` at most, those whose lips move most, in order of
    time. All of one person without a cut, and the head of the first frame turned to the camera."""
    run: list[Look] = []
    found: list[tuple[float, int]] = []  # (how much the lips move, first frame)
    at = -1
    for at, look in enumerate(looks):
        if look is None or not look.good:
            run = []
            continue
        if run and (look.person != run[-1].person or _jump(run[-1], look) > STEP):
            run = []
        run = [*run[-length + 1 :], look]
        if len(run) == length and run[0].portrays:
            moved = float(np.std([one.opening for one in run]))
            if moved >= TALKING:
                found.append((moved, at - length + 1))
    chosen: list[int] = []
    for _, first in sorted(found, key=lambda pair: (-pair[0], pair[1])):
        if len(chosen) < TAKES and all(abs(first - other) >= length + APART for other in chosen):
            chosen.append(first)
    return sorted(chosen)


def placed(latent: FaceLatent, parameters: FaceParameters) -> FaceLatent:
    """The face with the pose and the expression that the tracker found."""
    pose = Pose(parameters.rotation, parameters.centre, parameters.scale, parameters.gaze)
    return latent.with_pose(pose).with_actions(parameters.actions)


def movement_of(latent: FaceLatent, latents: Sequence[FaceLatent]) -> MotionClip:
    """The movement that takes a portrait through these moments: what `generate.talker.retarget` undoes, but for the
    difference between the two eyes and for expressions weaker than what is kept of the portrait's rest."""
    rest = latent.pose
    before = rotation_matrix(*rest.rotation)
    old = before @ PIVOT
    neck = rest.centre + rest.scale * old[:2] / (1 + old[2] / CAMERA_DISTANCE)
    rotation, translation, gaze, actions = [], [], [], []
    for moment in latents:
        pose = moment.pose
        after = rotation_matrix(*pose.rotation)
        new = after @ PIVOT
        turn = np.array(rotation_angles(after @ before.T), np.float32)
        away = rest.scale * CAMERA_DISTANCE / pose.scale
        now = pose.centre + pose.scale * new[:2] / (1 + new[2] / CAMERA_DISTANCE)
        nearer = CAMERA_DISTANCE + float(old[2] - new[2]) - away
        rotation.append(turn)
        translation.append(np.array([*(now - neck) / rest.scale, nearer]) / HEAD_WIDTH)
        gaze.append((pose.gaze - rest.gaze).mean(0) + turn[:2])
        kept = np.clip(moment.actions - 0.8 * latent.actions, 0, 1)
        actions.append(np.where(SPEECH_OWNS, moment.actions, kept))
    return MotionClip(*(np.asarray(part, np.float32) for part in (actions, rotation, translation, gaze)))


def _jump(before: Look, after: Look) -> float:
    """How far the head moved, in units between the eyes."""
    a, b = before.parameters, after.parameters
    return float(np.linalg.norm(b.centre - a.centre)) / max(a.scale, 1e-6) + abs(float(np.log(b.scale / a.scale)))


def _sound(path: Path) -> np.ndarray | None:
    """(N,) float32 of the part that is looked at; None where there is none, or nothing is to be heard."""
    try:
        if not probe(path).has_sound:
            return None
        sound = np.concatenate(list(islice(iter_sound(path, seconds=10.0), int(LONGEST // 10))))
    except (SpeechError, UnreadableError):
        return None
    return sound if _level(sound) > 1e-4 else None


def _level(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0
