"""From a portrait and a movement to frames, and to what can be saved.

    talker = Talker.of(Permit.of("portrait.png", keys=Keys.open()))
    save_video("out.mp4", talker.perform(Motion.load().stream(sound), sound))

    talker = Talker(latent, painter)                             # frames alone, in memory
    for frame in talker.frames(motion.stream(sound)): ...        # uint8 RGB, 25 a second

While mouth and eyes of a frame are opened and painted, the next one is carried along its flow and refined on a second
thread, half of a frame's work each, and the one after is moved on a third.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from faces.actions import FACIAL_ACTIONS
from faces.crop import Box, face_box
from faces.fit import FaceParameters, project
from faces.head import load_head
from faces.mesh import mesh_points
from faces.solve import CAMERA_DISTANCE
from faces.tracker import Track, Tracker
from generate.latent import FaceLatent, Pose, posed_vertices
from generate.motion.space import HEAD_WIDTH
from generate.painter import Painter
from generate.renderer import Carried, Renderer
from media.errors import ConsentError
from media.threads import one_thread_a_stage
from provenance.marks.label import Box as Place
from provenance.marks.label import Label, head_box
from provenance.permits.claims import Generated
from provenance.permits.gate import Performance, Permit

SPEECH_OWNS = np.array([
    name.startswith(("jaw", "mouthClose", "mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp", "mouthRoll",
                     "mouthPress", "mouthShrug", "eyeBlink", "eyeLook", "tongue"))
    for name in FACIAL_ACTIONS
])  # fmt: skip
"""Actions that the motion sets outright. The others are added to what the portrait shows at rest."""


Framing = Callable[[tuple[int, ...], FaceParameters], Box]


class Movement(Protocol):
    """A stretch of performance, T frames; `generate.motion.MotionClip` is one."""

    @property
    def actions(self) -> np.ndarray: ...  # (T, 52) in [0, 1]
    @property
    def rotation(self) -> np.ndarray: ...  # (T, 3) radians, relative to rest
    @property
    def translation(self) -> np.ndarray: ...  # (T, 3) head widths: right, down, towards the camera
    @property
    def gaze(self) -> np.ndarray: ...  # (T, 2) radians, relative to the camera


def retarget(
    latent: FaceLatent, actions: np.ndarray, rotation: np.ndarray, translation: np.ndarray, gaze: np.ndarray
) -> FaceLatent:
    """The portrait's face at one moment of a performance: shapes (52,), (3,), (3,), (2,), units as in `Movement`.

    The portrait's rest is kept: its head pose and gaze are where the movement starts from, and its resting expression
    stays in everything that speech does not need.
    """
    expression = np.where(SPEECH_OWNS, actions, np.clip(0.8 * latent.actions + actions, 0, 1))
    look = gaze - rotation[:2]  # the eyes hold their target while the head moves
    return latent.moved(rotation, translation * HEAD_WIDTH, look).with_actions(expression)


class Talker:
    """Turns movements of one portrait into frames.

    Attributes:
        permit: under which its frames may be saved; None of a latent that came without one.
        faces: how many faces the portrait has.
        models: name of each weight -> SHA-256, for the claim.
        box: the square of the portrait that its frames show, pixels; all of the latent's picture without a portrait.
    """

    def __init__(self, latent: FaceLatent, painter: Painter | None) -> None:
        self.latent = latent
        self.renderer = Renderer(latent, painter)
        self.permit: Permit | None = None
        self.faces = 1
        self.box = Box(0, 0, latent.appearance.picture.shape[0])
        self.models: dict[str, str] = {}
        if painter is not None:
            self.models = {"painter": painter.card.sha256, "refiner": painter.refiner.card.sha256}

    @classmethod
    def of(cls, permit: Permit, *, size: int = 512, face: int | None = None, framed: Framing = face_box) -> "Talker":
        """Track and take apart the face in a permit's portrait.

        Args:
            size: side of the frames, pixels: even, 128 to 1024.
            face: which, counted from 1, largest first; the largest when left out.
            framed: shape of the portrait, head in it -> the square that frames show; `faces.crop` has them.

        Raises:
            FaceError: no face, fewer than `face`, or one too small to animate.
        """
        track, count = Tracker().portrait(permit.picture, face)
        box = framed(permit.picture.shape, track.parameters)
        talker = cls(FaceLatent.encode(permit.picture, track, size=size, box=box), Painter())
        talker.permit, talker.faces, talker.box = permit, count, box
        return talker

    def perform(
        self,
        movements: Movement | Iterable[Movement],
        sound: np.ndarray | Iterable[np.ndarray] | None,
        *,
        command: str = "generate",
        inputs: Sequence[str | os.PathLike[str]] = (),
        settings: Mapping[str, str | int | float | bool] | None = None,
        label: Label | None = None,
    ) -> Performance:
        """What `provenance.save_video` saves: the portrait's face, moving, with its sound.

        Args:
            movements: of `Motion.generate` (one) or `Motion.stream`.
            sound: float32 mono 16 kHz, whole or in chunks; None for a silent film.
            command, inputs, settings, label: as in `Permit.perform`.

        Raises:
            ConsentError: the talker has no permit, or that of its permit has expired or was revoked.
        """
        if self.permit is None:
            raise ConsentError("this talker has no permit, so what it draws cannot be saved; make it with Talker.of")
        given: Any = movements
        pieces: Iterable[Movement] = [given] if hasattr(given, "actions") else given
        return self.permit.perform(
            Generated, self.frames(pieces), sound, command=command, inputs=inputs, settings=settings,
            models=self.models, label=label,
        )  # fmt: skip

    @property
    def head(self) -> Place:
        """Where the head is at rest, with room to move: left, top, right, bottom as shares of a frame, for `Label`."""
        latent, head = self.latent, load_head()
        vertices = posed_vertices(head, latent.identity, latent.actions, latent.pose.gaze)
        centres = head.eye_centres(latent.identity.code)
        points, _ = project(mesh_points(head, vertices, centres, latent.pose.gaze), latent.pose)
        height, width = latent.appearance.picture.shape[:2]
        return head_box(points, width, height)

    def frames(self, movements: Iterable[Movement]) -> Iterator[np.ndarray]:
        """uint8 RGB (S, S, 3) frames, as many as the movements hold."""
        return self._render(self._moments(movements))

    def _moments(self, movements: Iterable[Movement]) -> Iterator[FaceLatent]:
        for piece in movements:
            for at in zip(piece.actions, piece.rotation, piece.translation, piece.gaze, strict=True):
                yield retarget(self.latent, *at)

    def _render(self, latents: Iterator[FaceLatent]) -> Iterator[np.ndarray]:
        """Move one frame ahead of the one that is carried, and carry one ahead of the one that is painted."""
        renderer = self.renderer

        def carry(moved: "Future[FaceLatent | None]") -> Carried | None:
            latent = moved.result()
            return None if latent is None else renderer.carry(latent)

        with (
            one_thread_a_stage(),
            ThreadPoolExecutor(1, thread_name_prefix="move") as mover,
            ThreadPoolExecutor(1, thread_name_prefix="carry") as carrier,
        ):
            carrier.submit(renderer.make_ready)  # while the first movement is made; a failure is met in `finish`
            coming = carrier.submit(carry, mover.submit(next, latents, None))
            while (carried := coming.result()) is not None:
                coming = carrier.submit(carry, mover.submit(next, latents, None))
                yield renderer.finish(renderer.open(carried))

    def follow(self, tracks: Iterable[Track | None], *, absolute: bool = False) -> Iterator[np.ndarray]:
        """Frames that move as a driving video does. Relative by default: the driver's first seen frame is its rest,
        and the portrait starts from its own. With `absolute` the driver's pose and expression are taken as they are.
        Where the driver is not seen, the last frame is held."""
        return self._render(self._driven(tracks, absolute))

    def _driven(self, tracks: Iterable[Track | None], absolute: bool) -> Iterator[FaceLatent]:
        rest: Track | None = None
        current = self.latent
        for track in tracks:
            if track is not None:
                rest = rest or track
                current = self._absolute(track) if absolute else self._relative(track, rest)
            yield current

    def _relative(self, track: Track, rest: Track) -> FaceLatent:
        now, then = track.parameters, rest.parameters
        shift = (now.centre - then.centre) / then.scale
        nearer = CAMERA_DISTANCE * (1 - then.scale / now.scale)
        moved = self.latent.moved(
            now.rotation - then.rotation, np.array([*shift, nearer], np.float32), (now.gaze - then.gaze).mean(0)
        )
        actions = np.clip(self.latent.actions + now.actions - then.actions, 0, 1)
        return moved.with_actions(actions)

    def _absolute(self, track: Track) -> FaceLatent:
        own, now = self.latent.pose, track.parameters
        return self.latent.with_pose(Pose(now.rotation, own.centre, own.scale, now.gaze)).with_actions(now.actions)
