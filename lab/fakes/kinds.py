"""The ways in which a fake of a sitting is made. Each takes a sitting and gives its frames, before the camera.

talk         the generator as it ships
flow         the portrait carried along the flow of its head, nothing painted: a puppet
mouth        the real frames with a generated mouth
roundtrip, redrawn, reenacted, restored, upsampled, self_blend
             what others make: `lab.fakes.families`
swap         another's face on this head, its colour matched, blended in       } made for tests alone:
lifted       the photograph on a solid head, photographed again                } never trained on
sound_shift  the real frames with the sound late or early
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from generate import FaceLatent, Renderer, Talker
from generate.acting import MotionClip
from generate.talker import retarget
from lab.fakes.masks import LIPS, blended, hull_mask
from lab.fakes.sittings import Sitting, parameters_of
from lab.people.lifting import Lifted
from media.units import SAMPLES_PER_FRAME

SHIFT = (5, 14)  # frames by which a sound may be moved
OF_FAMILIES = ("roundtrip", "redrawn", "reenacted", "restored", "upsampled", "self_blend")
Frames = list[np.ndarray]


def talk(sitting: Sitting, rng: np.random.Generator) -> Frames:
    """What `vasari generate` makes of the portrait; with the sitting's strength, between that and geometry alone."""
    return _generated(sitting, sitting.asked)


def flow(sitting: Sitting, rng: np.random.Generator) -> Frames:
    """Geometry alone."""
    return list(Talker(sitting.latent, None).frames([sitting.asked]))


def mouth(sitting: Sitting, rng: np.random.Generator) -> Frames:
    """Only the mouth is made, by a generator that holds the head as the person does."""
    own = sitting.movement
    if sitting.still:
        zeros = np.zeros_like(own.rotation)
        own = MotionClip(own.actions, zeros, zeros, zeros[:, :2])
    movement = MotionClip(sitting.asked.actions, own.rotation, own.translation, own.gaze)
    made = _generated(sitting, movement)
    grow = rng.uniform(1.0, 1.35)
    soft = rng.uniform(0.01, 0.03)
    return [
        blended(real, fake, hull_mask(real.shape, mesh[list(LIPS)], grow, soft * real.shape[0]))
        for real, fake, mesh in zip(sitting.real, made, sitting.meshes, strict=True)
    ]


def _of_family(name: str) -> Callable[[Sitting, np.random.Generator], Frames]:
    """A family of `lab.fakes.families`: one draw, the same change in every frame."""

    def made(sitting: Sitting, rng: np.random.Generator) -> Frames:
        from lab.fakes.families import FAMILIES

        change = FAMILIES[name](rng)
        return _each(sitting, lambda frame, mesh, _: change(frame, mesh))

    return made


def lifted(sitting: Sitting, rng: np.random.Generator) -> Frames:
    """The portrait as a textured head in front of its background, photographed again."""
    parameters = parameters_of(sitting.latent)
    head = Lifted(sitting.portrait, parameters)
    latents = (
        retarget(sitting.latent, *moment)
        for moment in zip(
            sitting.movement.actions, sitting.movement.rotation, sitting.movement.translation, sitting.movement.gaze,
            strict=True,
        )
    )  # fmt: skip
    return [head.shoot(parameters_of(latent)).picture for latent in latents]


def swap(sitting: Sitting, rng: np.random.Generator, other: FaceLatent) -> Frames:
    """The face of `other`, on this head and in its movement, in the colours of this face, blended in."""
    renderer = Renderer(other)

    def swapped(frame: np.ndarray, mesh: np.ndarray, latent: FaceLatent) -> np.ndarray:
        asked = replace(other, identity=latent.identity, pose=latent.pose, actions=latent.actions)
        face = renderer.render(asked).astype(np.float32)
        mask = hull_mask(frame.shape, mesh[:468], 0.94, 0.02 * frame.shape[0])
        return blended(frame, _recoloured(face, frame, mask > 0.5), mask)

    return _each(sitting, swapped)


def shifted(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sound late or early by `SHIFT` frames; what is missing is silence."""
    by = int(rng.integers(*SHIFT)) * int(rng.choice([-1, 1])) * SAMPLES_PER_FRAME
    moved = np.zeros_like(sound)
    if by > 0:
        moved[by:] = sound[:-by]
    else:
        moved[:by] = sound[-by:]
    return moved


KINDS: dict[str, Callable[[Sitting, np.random.Generator], Frames]] = {
    "talk": talk,
    "flow": flow,
    "mouth": mouth,
    "lifted": lifted,
    **{name: _of_family(name) for name in OF_FAMILIES},
}
"""Kinds that need nothing but the sitting; `swap` needs another person as well, `sound_shift` only another sound."""

DRIVEN = frozenset({"talk", "flow", "mouth"})
"""Kinds that move as the generator is asked to, and say what it is asked to say."""

UNSEEN = frozenset({"swap", "lifted"})
"""Kinds that are only ever in the test split, so that detection of what was never trained on can be measured."""


def _generated(sitting: Sitting, movement: MotionClip) -> Frames:
    painted = list(sitting.talker.frames([movement]))
    if sitting.strength == 1:
        return painted
    plain, share = Talker(sitting.latent, None).frames([movement]), sitting.strength
    return [cv2.addWeighted(a, share, b, 1 - share, 0) for a, b in zip(painted, plain, strict=True)]


def _each(sitting: Sitting, change: Callable[[np.ndarray, np.ndarray, FaceLatent], np.ndarray]) -> Frames:
    """Change every frame; a photograph that holds still only once."""
    if sitting.still:
        one = change(sitting.real[0], sitting.meshes[0], sitting.latents[0])
        return [one] * len(sitting.real)
    return [change(*moment) for moment in zip(sitting.real, sitting.meshes, sitting.latents, strict=True)]


def _recoloured(face: np.ndarray, like: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """`face` with mean and deviation of each colour as `like` has them inside (after Reinhard et al. 2001)."""
    own, wanted = face[inside], like[inside].astype(np.float32)
    gain = wanted.std(0) / np.maximum(own.std(0), 1e-3)
    return (face - own.mean(0)) * gain.clip(0.5, 2) + wanted.mean(0)
