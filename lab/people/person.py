"""A person who does not exist: everything about them, chosen at random, and their photograph."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from faces.fit import FaceParameters
from faces.head import PIVOT, load_head, rotation_matrix
from lab.people.assets import Wardrobe
from lab.people.background import random_background
from lab.people.behaviour import random_actions, random_gaze, random_rotation
from lab.people.camera import Camera, framed, random_camera
from lab.people.labels import Canvas, Photograph, Region
from lab.people.lens import Lens, develop, random_lens
from lab.people.light import Light, random_light
from lab.people.look import Look, random_look, random_traits
from lab.people.outfit import Outfit, random_outfit
from lab.people.picture import paint
from lab.people.scene import parameters_of, pose
from lab.people.traits import random_identity

NEAR = 0.06  # units of the head by which a mesh point may lie behind what its pixel shows and still be seen
COVERS = (Region.HAIR, Region.HAT, Region.GLASSES, Region.CLOTHES, Region.OCCLUDER)  # may lie close to the skin


@dataclass(frozen=True)
class Person:
    """A person, their clothes, their light, how they sit for the photograph, and how it is taken."""

    seed: int
    identity: np.ndarray  # (K,)
    look: Look
    outfit: Outfit
    actions: np.ndarray  # (52,), lids that follow the gaze not included
    gaze: np.ndarray  # (2, 2) yaw, pitch of the right and the left eye relative to the head, radians
    camera: Camera
    light: Light
    lens: Lens
    calm: bool

    @classmethod
    def random(cls, seed: int, wardrobe: Wardrobe, *, calm: bool = False) -> "Person":
        """A person wholly determined by `seed` (and the wardrobe). With `calm`, a portrait: face to the camera, at
        ease, nothing before it, well lit."""
        rng = np.random.default_rng((seed, 21 + calm))
        head = load_head()
        traits = random_traits(rng)
        identity = random_identity(rng, traits, 0.6 if calm else rng.uniform(0.6, 1.0))
        look = random_look(rng, traits, len(wardrobe.skins), calm=calm)
        rotation = random_rotation(rng, calm=calm)
        camera = random_camera(rng, rotation, calm=calm)
        person = cls(
            seed=seed,
            identity=identity,
            look=look,
            outfit=random_outfit(rng, look.tone, calm=calm),
            actions=random_actions(rng, calm=calm),
            gaze=random_gaze(rng, rotation, calm=calm),
            camera=camera,
            light=random_light(rng, calm=calm),
            lens=random_lens(rng, calm=calm),
            calm=calm,
        )
        if calm:
            return person
        mesh = pose(head, person.identity, person.actions, person.gaze, camera).mesh
        return replace(person, camera=framed(camera, mesh, rng))

    def posed(
        self,
        actions: np.ndarray | None = None,
        rotation: np.ndarray | None = None,
        gaze: np.ndarray | None = None,
    ) -> "Person":
        """The same person in the same light and place with other actions (52,), rotation (3,) or gaze (2, 2). The head
        turns on the neck: the shoulders stay where they are."""
        return replace(
            self,
            actions=self.actions if actions is None else np.asarray(actions, np.float32),
            gaze=self.gaze if gaze is None else np.asarray(gaze, np.float32),
            camera=self.camera if rotation is None else self._turned(rotation),
        )

    def _turned(self, rotation: np.ndarray) -> Camera:
        camera, turned = self.camera, np.asarray(rotation, np.float32)
        old, new = (rotation_matrix(*r) @ PIVOT for r in (camera.rotation, turned))
        distance = camera.distance + float(old[2] - new[2])
        scale = camera.scale * camera.distance / distance
        neck = camera.centre + camera.scale * old[:2] / (1 + old[2] / camera.distance)
        centre = neck - scale * new[:2] / (1 + new[2] / distance)
        return replace(camera, rotation=turned, centre=centre, scale=scale, distance=distance)

    def parameters(self, size: int) -> FaceParameters:
        """The exact head in a photograph of `size` pixels a side."""
        return parameters_of(self.identity, self.actions, self.gaze, self.camera, size)

    def photograph(self, wardrobe: Wardrobe, size: int = 512, *, supersample: float = 1.5) -> Photograph:
        """A square picture of `size` pixels a side and its labels; 1 for `supersample` is quick, 2 is smoothest."""
        fine, head = round(size * supersample), load_head()
        posed = pose(head, self.identity, self.actions, self.gaze, self.camera)
        scene = random_background(self.look.grain, size, calm=self.calm)
        sky = self.light.colours.mean(0)
        scene *= (0.6 + 0.4 * sky / max(1e-3, float(sky.mean()))).astype(np.float32)
        if fine != size:
            scene = cv2.resize(scene, (fine, fine), interpolation=cv2.INTER_LINEAR)
        canvas, bright = paint(self.look, self.outfit, self.light, self.camera, posed, wardrobe, scene)
        colour = canvas.colour
        if fine != size:
            colour = cv2.resize(colour, (size, size), interpolation=cv2.INTER_AREA)
        points, depth = self.camera.pixels(posed.mesh, size)
        unit = np.float32(self.camera.scale * size)
        middles = ((np.arange(size) + 0.5) * fine / size).astype(int)  # the fine pixel at each pixel's middle
        at = np.ix_(middles, middles)
        return Photograph(
            picture=develop(colour, bright, self.lens),
            mesh=np.concatenate([points, depth[:, None] * unit], 1).astype(np.float32),
            visible=_visible(self.camera, posed.mesh, canvas),
            parameters=self.parameters(size),
            distance=self.camera.distance,
            depth=canvas.depth[at] * unit,
            normals=canvas.normals[at],
            segmentation=canvas.regions[at],
            light=self.light.harmonics(),
        )


def _visible(camera: Camera, mesh: np.ndarray, canvas: Canvas) -> np.ndarray:
    """Which of the turned mesh points (478, 3) are in the picture with nothing nearer before them: (478,) bool."""
    size = len(canvas.depth)
    points, depth = camera.pixels(mesh, size)
    inside = np.asarray(((points >= 0) & (points < size)).all(1))
    column, row = np.clip(points.astype(int), 0, size - 1).T
    furthest = cv2.dilate(canvas.depth, np.ones((3, 3), np.uint8))
    covered = np.isin(canvas.regions[row, column], COVERS) & (canvas.depth[row, column] < depth)
    visible = np.asarray(inside & ~covered & (depth < furthest[row, column] + NEAR))
    for first, eye in ((468, Region.EYE_RIGHT), (473, Region.EYE_LEFT)):
        shown = cv2.dilate((canvas.regions == eye).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        here = np.s_[first : first + 5]
        visible[here] = inside[here] & shown[row[here], column[here]]
    return visible
