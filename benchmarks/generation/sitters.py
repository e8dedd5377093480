"""Who is made to speak, and what: people who do not exist, and voices that nothing was trained on.

People who are rendered perform their speech as well, and are photographed in every frame: the truth that what is made
is held against. They differ by their seeds from all that anything was trained on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.motion.talk import SHIPPED
from faces.fit import CAMERA_DISTANCE
from faces.lipsync import SHORTEST
from generate import FaceLatent
from generate.acting import Style
from generate.talker import retarget
from lab.people import Person, Wardrobe
from lab.performances import perform
from lab.speaking.evaluate import Spoken, read_eval_set
from media.units import SAMPLES_PER_FRAME
from provenance import Keys, Permit, Rendered, save_picture

FIRST_SEED = 5_700_000
SIDE = 512  # pixels of a photograph
MOST = 80  # frames of truth


@dataclass(frozen=True)
class Sitter:
    """A portrait and what it is to say."""

    name: str
    portrait: Path
    said: Spoken
    person: Person | None = None  # who was rendered
    wardrobe: Wardrobe | None = None

    @property
    def speech(self) -> Path:
        """The sound file."""
        return SHIPPED / f"{self.said.name}.flac"

    @cached_property
    def truth(self) -> list[np.ndarray]:
        """The person photographed while saying it: uint8 RGB frames (SIDE, SIDE, 3), 25 a second. None (an empty list)
        of somebody of whom there is only a portrait."""
        person, wardrobe = self.person, self.wardrobe
        if person is None or wardrobe is None:
            return []
        moved = perform(self.said.phones, self.said.speech, seed=person.seed, style=Style.draw(person.seed))
        picture = person.photograph(wardrobe, SIDE, supersample=1.0).picture
        rest, stays = FaceLatent.from_parameters(picture, person.parameters(SIDE)), np.zeros(3, np.float32)
        frames = []
        for actions, rotation, gaze in list(zip(moved.actions, moved.rotation, moved.gaze, strict=True))[:MOST]:
            moment = retarget(rest, actions, rotation, stays, gaze)
            posed = person.posed(moment.actions, moment.pose.rotation, moment.pose.gaze)
            frames.append(posed.photograph(wardrobe, SIDE, supersample=1.0).picture)
        return frames


def clips() -> list[Spoken]:
    """What may be said: shipped clips that are long enough for lips to be held against sound."""
    return [c for c in read_eval_set(SHIPPED) if len(c.speech) > (SHORTEST + 1) * SAMPLES_PER_FRAME]


def shipped(portraits: list[Path]) -> Iterator[Sitter]:
    """Portraits that are there, each with a clip."""
    said = clips()
    for k, path in enumerate(portraits):
        yield Sitter(path.stem, path, said[k % len(said)])


def rendered(assets: Path, skins: Path | None, count: int, folder: Path, keys: Keys) -> Iterator[Sitter]:
    """`count` people who do not exist, their portraits saved in `folder`, marked and signed as all that is made."""
    said, wardrobe = clips(), Wardrobe(assets, skins)
    for k in range(count):
        person = Person.random(FIRST_SEED + k, wardrobe, calm=True)
        person = replace(person, camera=replace(person.camera, distance=CAMERA_DISTANCE))
        permit = Permit.rendered(person, wardrobe, SIDE, keys=keys, supersample=1.0)
        shown = permit.perform(Rendered, permit.picture, command="bench", title=f"portrait of nobody {person.seed}")
        saved = save_picture(folder / f"nobody{person.seed}.png", shown)
        yield Sitter(f"nobody{person.seed}", saved.path, said[k % len(said)], person, wardrobe)
