"""Who sits where and does what: one person in one place, filmed really, and everything a fake of them needs."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from faces import FaceParameters, Tracker
from faces.fit import CAMERA_DISTANCE
from generate import FaceLatent, Motion, Painter, Talker
from generate.acting import EMOTIONS, Controls, MotionClip, Style
from generate.talker import retarget
from lab.fakes.camera import Camera
from lab.labelled.manifest import SPLITS, Split
from lab.people import Person, Wardrobe
from lab.people.background import random_background
from lab.people.disguising import Disguise
from lab.people.look import random_traits
from lab.performances import perform
from lab.performances.speechset import Clip, load_speech_set
from lab.pictures.london import London, put_before
from lab.pictures.london import Person as Volunteer
from media.errors import FaceError, UsageError
from media.units import SAMPLE_RATE, SAMPLES_PER_FRAME

SIZES = (256, 320, 384, 512)  # pixels a side
SHARES_OF_SIZES = {True: (0.2, 0.25, 0.35, 0.2), False: (0.35, 0.4, 0.2, 0.05)}  # of volunteers; of rendered people
FRAMES = {"train": 20, "validation": 20, "calibration": 56, "test": 56}
SILENT = 32  # frames at most of photographs, which have no lips to listen to
LAPSE = 6  # frames of a time lapse, as most sittings to train on are: what pictures teach, at a third of the price
STRIDE = 6  # frames of the performance from one frame of a time lapse to the next
SHARES: dict[Split, float] = {"train": 0.6, "validation": 0.06, "calibration": 0.17, "test": 0.17}  # of the sittings
FIRST_SEED = {"train": 5_000_000, "validation": 5_200_000, "calibration": 5_400_000, "test": 5_600_000}
PEOPLE = {"train": 4000, "validation": 100, "calibration": 1000, "test": 1000}  # who do not exist, of each split
FAINT = 0.25  # share of the sittings whose generator paints with less than its full strength
DISGUISED = 0.8  # share of the volunteers trained on who look like somebody else: they are few
POOR, POORER = 0.3, 10  # share of the sittings to train on that are saved worse than others are, and by how much (CRF)
NOWHERE = 0.5  # share of the volunteers who are put before another background


@dataclass(frozen=True)
class Job:
    """One sitting to come; everything else follows from it and the sources."""

    number: int
    split: Split
    volunteer: bool
    seed: int
    lapse: bool = False  # a time lapse: a few frames, far apart, silent

    @property
    def name(self) -> str:
        """What the names of its files begin with."""
        return f"{self.number:06d}"

    @property
    def frames(self) -> int:
        """How many frames are filmed."""
        if self.lapse:
            return LAPSE
        return min(FRAMES[self.split], SILENT) if self.volunteer else FRAMES[self.split]


def jobs(n: int, seed: int, *, volunteers: bool, people: bool) -> list[Job]:
    """`n` sittings, each split with its share, volunteers and people who do not exist by turns."""
    made = []
    for number in range(n):
        place = (number * 0.61803398875) % 1.0  # spread, so that the first hundred already hold every split
        split, low = SPLITS[0], 0.0
        for name in SPLITS:
            low += SHARES[name]
            if place < low:
                split = name
                break
        volunteer = volunteers and (number % 2 == 0 or not people)
        lapse = split in ("train", "validation") and number % 4 != 0 and number % 7 != 0
        made.append(Job(number, split, volunteer, (seed << 32) + number, lapse))
    return made


def volunteers_of(london: London, split: Split) -> list[Volunteer]:
    """The London Set's own split; of its training people some calibrate."""
    sides = {"test": london.test, "validation": london.validation, "calibration": london.calibrating}
    return sides.get(split) or [person for person in london.training if person not in london.calibrating]


def voices_of(clips: list[Clip], split: Split) -> list[Clip]:
    """Clips whose voice is in no other split: a voice that is trained on anywhere is a training voice."""
    trained = {c.voice.speaker for c in clips if c.split == "train"}
    validated = {c.voice.speaker for c in clips if c.split == "validation"} - trained
    half = {speaker for speaker in validated if zlib.crc32(speaker.encode()) % 2}
    allowed = {
        "train": trained,
        "validation": half,
        "calibration": validated - half,
        "test": {c.voice.speaker for c in clips} - trained - validated,
    }[split]
    return [c for c in clips if c.voice.speaker in allowed and len(c.speech) > SAMPLE_RATE]


@dataclass(frozen=True)
class Picked:
    """A volunteer's photograph."""

    path: Path


Subject = Picked | Person | Path
"""Who is shown: a photograph of a volunteer, somebody who does not exist, or a video under consent."""


@dataclass
class Sitting:
    """A person filmed for T frames of S pixels a side, before the camera."""

    job: Job
    person: str
    traits: dict[str, str]  # sex and age, as far as known
    portrait: np.ndarray  # uint8 RGB (S, S, 3), the first look
    latent: FaceLatent  # the portrait, taken apart
    real: list[np.ndarray]  # T frames, uint8 RGB (S, S, 3)
    meshes: np.ndarray  # (T, 478, 2) where the face is in them, pixels
    latents: list[FaceLatent]  # the same moments as a generator would be asked for them
    movement: MotionClip
    still: bool  # the person does not move: a photograph
    sound: np.ndarray | None  # (640 T,) float32
    voice: str
    camera: Camera
    codec: dict[str, int | str]  # crf and preset
    painter: Painter  # of the generator that fakes it
    strength: float  # of what the generator paints, 1 as it ships; nearer 0, nearer to geometry alone
    name: str  # what the names of its files begin with
    source: str  # "photograph", "rendered" or "video"
    asked: MotionClip  # how the generator is asked to move: as the person does, or as is drawn for a voice
    said: np.ndarray | None  # what those fakes say: the sound, or another's
    said_by: str  # with whose voice
    subject: "Subject"  # who is shown, for the permit
    first: int = 0  # frame of the video with which it begins

    @property
    def generator(self) -> str:
        """Which weights paint: names and the first digits of their SHA-256."""
        return f"painter-{self.painter.card.sha256[:12]} refiner-{self.painter.refiner.card.sha256[:12]}"

    @cached_property
    def talker(self) -> Talker:
        """The portrait, ready to move."""
        return Talker(self.latent, self.painter)


class Stage:
    """What sittings are made from; each process has one.

    Args:
        london: folder of the London Set, or None.
        assets, skins: folders for people who do not exist, or None.
        speech: folder of a speech set.
        generators: folders of other weights of the painter and the refiner; half of the sittings, in training, are
            faked by one of them.
    """

    def __init__(
        self,
        london: Path | None,
        assets: Path | None,
        skins: Path | None,
        speech: Path,
        generators: Sequence[Path] = (),
    ) -> None:
        self.london = London(london) if london else None
        self.wardrobe = Wardrobe(assets, skins) if assets else None
        self.clips = load_speech_set(speech)
        self.tracker = Tracker(threads=1)
        self.painters = [Painter(threads=1), *(Painter.from_folder(g, threads=1) for g in generators)]

    @cached_property
    def motion(self) -> Motion:
        return Motion.load()

    def sit(self, job: Job) -> Sitting:
        """Film the person of a job.

        Raises:
            FaceError: the portrait shows no face that could be animated.
        """
        rng = np.random.default_rng((job.seed, 1))
        size = int(rng.choice(SIZES, p=SHARES_OF_SIZES[job.volunteer]))
        movement, speech, voice = self._perform(job, rng)
        camera = Camera.draw(job.seed)
        codec = codec_of(rng, job.split)
        film = self._photograph if job.volunteer else self._render
        return film(job, rng, size, movement, speech, voice, camera, codec)

    def portrait(self, job: Job, size: int) -> tuple[str, FaceLatent, Subject]:
        """Somebody of a job's split and kind: who they are, their portrait of `size` pixels taken apart, the subject.

        Raises:
            FaceError: the portrait shows no face that could be animated.
        """
        rng = np.random.default_rng((job.seed, 1))
        if job.volunteer:
            person, latent, picked = self._volunteer(job.split, rng, size)
            return f"london-{person.id}", latent, picked
        nobody, _, latent = self._nobody(job.split, rng, size)
        return f"nobody-{nobody.seed}", latent, nobody

    def _volunteer(self, split: Split, rng: np.random.Generator, size: int) -> tuple[Volunteer, FaceLatent, Picked]:
        assert self.london is not None
        people = volunteers_of(self.london, split)
        person = people[int(rng.integers(len(people)))]
        expression = str(rng.choice(["neutral", "smile"]))
        picture = person.picture(expression)
        elsewhere = rng.random() < NOWHERE
        if elsewhere:
            behind = random_background(int(rng.integers(2**31)), 512, calm=bool(rng.random() < 0.5))
            behind = 255 * np.clip(cv2.resize(behind, picture.shape[1::-1]), 0, 1) ** (1 / 2.2)
            light = np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.05, 3))
            picture = put_before(picture, behind, light)
        disguised = split == "train" and rng.random() < DISGUISED
        if disguised:
            picture = Disguise.draw(rng)(picture, self.london.mesh[f"{person.id}_{expression}"])
        track, _ = self.tracker.portrait(picture)
        latent = FaceLatent.encode(picture, track, size=size)
        return person, latent, Picked(person.path(expression))

    def _nobody(self, split: Split, rng: np.random.Generator, size: int) -> tuple[Person, np.ndarray, FaceLatent]:
        """A person who does not exist, their photograph at rest, and the latent that the tracker makes of it."""
        assert self.wardrobe is not None
        seed = FIRST_SEED[split] + int(rng.integers(PEOPLE[split]))
        person = Person.random(seed, self.wardrobe, calm=True)
        person = replace(person, camera=replace(person.camera, distance=CAMERA_DISTANCE))
        picture = person.photograph(self.wardrobe, size, supersample=1.0).picture
        tracks = self.tracker.track(picture)
        if not tracks:
            raise FaceError(f"person {seed}: no face was found")
        return person, picture, FaceLatent.from_parameters(picture, tracks[0].parameters)

    def _perform(self, job: Job, rng: np.random.Generator) -> tuple[MotionClip, np.ndarray | None, str]:
        """Movement, speech and voice: half drawn by the motion network, half by published figures of people."""
        clips = voices_of(self.clips, job.split)
        if not clips:
            raise UsageError(
                f"the speech set has no voice of its own for {job.split}; make more with `vasari data speech`"
            )
        clip = clips[int(rng.integers(len(clips)))]
        step = STRIDE if job.lapse else 1
        shown = step * np.arange(job.frames)
        length = (int(shown[-1]) + 1) * SAMPLES_PER_FRAME
        whole = clip.speech.astype(np.float32) / 32768
        speech = np.zeros(max(length, len(whole)), np.float32)
        speech[: len(whole)] = whole
        seed = int(rng.integers(2**31))
        mood = {str(rng.choice(EMOTIONS)): float(rng.uniform(0, 0.7))}
        gaze = rng.normal(0, (0.12, 0.06)).clip(-0.3, 0.3)
        asked = Controls(
            gaze=(float(gaze[0]), float(gaze[1])), emotion=mood, intensity=float(np.clip(rng.normal(1, 0.4), 0.2, 2))
        )
        if rng.random() < 0.5:
            made = self.motion.generate(speech[: length + SAMPLE_RATE], seed=seed, style=seed, controls=asked)
        else:
            made = perform(clip.phones, speech, seed=seed, style=Style.draw(seed), controls=asked)
        first = int(rng.integers(0, len(made) - int(shown[-1])))
        at = first + shown
        moved = made.translation[at] * np.float32(job.volunteer)  # the necks of rendered people stay where they are
        movement = MotionClip(made.actions[at], made.rotation[at], moved, made.gaze[at])
        if job.lapse:
            return movement, None, ""
        return movement, speech[first * SAMPLES_PER_FRAME :][:length], clip.voice.speaker

    def _photograph(self, job, rng, size, movement, speech, voice, camera, codec) -> Sitting:
        """A real photograph that stays as it is: only the camera moves. Without sound, since its lips do not speak."""
        person, latent, picked = self._volunteer(job.split, rng, size)
        portrait = latent.appearance.picture
        found, _ = self.tracker.portrait(portrait)
        traits = {"sex": person.row.get("face_gender", ""), "age": age_of(person.row.get("face_age", ""))}
        frames = len(movement)
        return Sitting(
            job, f"london-{person.id}", traits, portrait, latent, [portrait] * frames,
            np.repeat(found.landmarks[None], frames, 0), [latent] * frames, movement, True, None, "",
            camera, codec, *generator_of(self.painters, job),
            name=job.name, source="photograph", asked=movement, said=None, said_by="", subject=picked,
        )  # fmt: skip

    def _render(self, job, rng, size, movement, speech, voice, camera, codec) -> Sitting:
        """A person who does not exist, photographed anew in every frame: all of what moves is seen truly."""
        person, picture, latent = self._nobody(job.split, rng, size)
        assert self.wardrobe is not None
        exact = person.parameters(size)
        rest = FaceLatent.from_parameters(picture, exact)
        latents = [retarget(rest, *moment) for moment in zip(
            movement.actions, movement.rotation, movement.translation, movement.gaze, strict=True)]  # fmt: skip
        shots = [
            person.posed(actions=moment.actions, rotation=moment.pose.rotation, gaze=moment.pose.gaze).photograph(
                self.wardrobe, size, supersample=1.0
            )
            for moment in latents
        ]
        manly, old = random_traits(np.random.default_rng((person.seed, 22)))[:2]  # as `Person.random` draws them
        known = {"sex": "male" if manly > 0.5 else "female", "age": "30 or more" if old > 0.25 else "under 30"}
        return Sitting(
            job, f"nobody-{person.seed}", known, picture, latent, [s.picture for s in shots],
            np.stack([s.mesh[:, :2] for s in shots]), latents, movement, False, speech, voice,
            camera, codec, *generator_of(self.painters, job),
            name=job.name, source="rendered", asked=movement, said=speech, said_by=voice, subject=person,
        )  # fmt: skip


def codec_of(rng: np.random.Generator, split: Split) -> dict[str, int | str]:
    """How a sitting is saved: any quality that is usual, and in training some that are worse."""
    crf, preset = int(rng.integers(16, 35)), str(rng.choice(["ultrafast", "veryfast", "medium"]))
    poor = split == "train" and rng.random() < POOR
    return {"crf": crf + POORER if poor else crf, "preset": preset}


def generator_of(painters: Sequence[Painter], job: Job) -> tuple[Painter, float]:
    """Whose weights paint the fakes of a job, and how strongly. The first of the painters is the one that ships."""
    rng = np.random.default_rng((job.seed, 3))
    others = painters[1:] if job.split == "train" else ()  # the other splits judge what ships
    painter = others[int(rng.integers(len(others)))] if others and rng.random() < 0.5 else painters[0]
    faint = job.split == "train" and rng.random() < FAINT
    return painter, float(rng.uniform(0.4, 1)) if faint else 1.0


def age_of(text: str) -> str:
    """The class of an age in years; "" where it is not known."""
    try:
        return "30 or more" if float(text) >= 30 else "under 30"
    except ValueError:
        return ""


def parameters_of(latent: FaceLatent) -> FaceParameters:
    """The head of a latent as the tracker would have found it."""
    pose = latent.pose
    return FaceParameters(
        rotation=pose.rotation, centre=pose.centre, scale=pose.scale, gaze=pose.gaze,
        identity=latent.identity.code, detail=latent.identity.detail, actions=latent.actions,
    )  # fmt: skip
