"""What the painter learns from: photographs that are bent away, and people who do not exist who moved.

The recipe (`lab.recipes.painter`) says of what kinds scenes are.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS
from faces.crop import face_crop
from faces.fit import FaceParameters
from faces.fit import fit as fit_head
from generate.latent import FaceLatent
from generate.painter import KINDS, Painter, network_input
from generate.renderer import Renderer
from generate.windows import EYE_RIGHT, MOUTH, SHAPES, WINDOWS, cut
from lab.people.assets import Wardrobe
from lab.people.behaviour import random_actions
from lab.people.person import Person
from lab.pictures.london import London
from media.threads import one_blas_thread

SIZE = 512
TURNS = np.radians((12.0, 7.0, 5.0))  # usual turn of a head between two photographs: yaw, pitch, roll
TARGETS = 3  # renderings of each
EXPRESSIONS = (
    *("mouthSmile", "mouthStretch", "mouthFunnel", "mouthPucker", "mouthUpperUp", "mouthLowerDown", "mouthFrown"),
    *("mouthPress", "mouthRollLower", "mouthRollUpper", "mouthDimple", "mouthShrugLower", "mouthLeft", "mouthRight"),
    *("browInnerUp", "browDown", "browOuterUp", "cheekSquint", "noseSneer"),
)
HEED = 0.5  # share of the teacher in what is to be learned of photographs

# network -> [(seen (14, H, W), truth (3, H, W), what the teacher paints (3, H, W), share of the teacher)]
Sample = dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray, float]]]


def random_expression(rng: np.random.Generator, rest: np.ndarray, *, calm: bool) -> np.ndarray:
    """Facial actions (52,) as speech, emotion and blinking mix them; `calm` for what people do in portraits."""
    actions = rest * (rng.random() < 0.3)
    amount = 0.25 if calm else 1.0

    def put(name: str, value: float, spread: float = 0.1) -> None:
        for side in ("Left", "Right") if name + "Left" in ACTION_INDEX else ("",):
            index = ACTION_INDEX[name + side]
            actions[index] = np.clip(actions[index] + amount * (value + rng.normal(0, spread) * value), 0, 1)

    jaw = abs(rng.normal(0, 0.3)) if not calm else 0.0
    put("jawOpen", min(jaw, 0.8))
    if rng.random() < 0.4:
        put("mouthClose", jaw * rng.uniform(0, 1))
    for name in EXPRESSIONS:
        if rng.random() < 0.28:
            put(name, float(rng.uniform(0, 0.7)))
    if rng.random() < 0.45:
        put("eyeBlink", float(rng.choice([1.0, rng.uniform(0, 1)])) if not calm else rng.uniform(0, 1.2), 0.02)
    elif rng.random() < 0.3:
        put("eyeWide", float(rng.uniform(0, 0.6)))
    assert len(actions) == len(FACIAL_ACTIONS)
    return actions.astype(np.float32)


def random_move(rng: np.random.Generator, latent: FaceLatent, *, calm: bool) -> FaceLatent:
    """The same face elsewhere: turned up to about 20 degrees, looking somewhere, with another expression."""
    spread = np.radians((8, 6, 4)) * (0.6 if calm else 1.0)
    pose = latent.pose.moved(
        rng.normal(0, spread).clip(-0.35, 0.35), rng.normal(0, 0.05, 3), rng.normal(0, (0.18, 0.1)).clip(-0.5, 0.5)
    )
    return latent.with_pose(pose).with_actions(random_expression(rng, latent.actions, calm=calm))


class Portraits:
    """Fitted face crops of the London people, made on first use and kept."""

    def __init__(self, london: London, people: list) -> None:
        self.london, self.people = london, people
        self.kept: dict[tuple[int, str], FaceLatent] = {}

    def latent(self, person: int, expression: str) -> FaceLatent:
        key = (person, expression)
        if key not in self.kept:
            who = self.people[person]
            parameters = fit_head(self.london.mesh[f"{who.id}_{expression}"])
            crop, parameters = face_crop(who.picture(expression), parameters, SIZE)
            self.kept[key] = FaceLatent.from_parameters(crop, parameters)
        return self.kept[key]

    def load(self) -> None:
        """Make all of them now, so that worker processes get them with their copy."""
        with one_blas_thread():
            for person in range(len(self.people)):
                for expression in ("neutral", "smile"):
                    self.latent(person, expression)


def misfit(rng: np.random.Generator, parameters: FaceParameters) -> FaceParameters:
    """The same head with the errors that a tracker makes: about a pixel, smooth over the face."""
    free = parameters.actions > 0.02
    return replace(
        parameters,
        identity=(parameters.identity + rng.normal(0, 0.1, parameters.identity.shape)).astype(np.float32),
        actions=np.clip(parameters.actions + free * rng.normal(0, 0.05, 52), 0, 1).astype(np.float32),
        centre=(parameters.centre + rng.normal(0, 0.006, 2) * parameters.scale).astype(np.float32),
        gaze=(parameters.gaze + np.radians(rng.normal(0, 1.5, (2, 2)))).astype(np.float32),
    )


def _windows(
    source: FaceLatent,
    points: np.ndarray,
    depth: np.ndarray,
    truth: np.ndarray,
    teacher: Painter | None,
    heed: float,
) -> Sample:
    """What the painter sees when `source`'s appearance is moved to `points`, and what it should have painted."""
    renderer = Renderer(source)
    frame = renderer.warp(points, depth)
    sample: Sample = {"mouth": [], "eye": []}
    for name in WINDOWS:
        window = renderer.maker.make(name, frame, points, depth)
        height, width = renderer.maker.shapes[name]
        wanted = cut(truth, window.left, window.top, height, width).astype(np.float32) / 255
        wanted = cv2.resize(wanted, SHAPES[name][::-1], interpolation=cv2.INTER_LINEAR)
        wanted = (wanted[:, ::-1] if name == EYE_RIGHT else wanted).transpose(2, 0, 1)
        kind, seen = "mouth" if name == MOUTH else "eye", network_input(window, name)
        if heed == 0:  # what is beside the head is not the painter's
            head = cv2.blur(cv2.erode(_head(seen), np.ones((5, 5), np.uint8)), (5, 5))
            wanted = seen[:3] + head * (wanted - seen[:3])
        taught = wanted
        if teacher is not None and heed > 0:
            both = [seen] if kind == "mouth" else [seen, seen]
            taught = np.clip(seen[:3] + teacher.residual(kind, both)[0], 0, 1)
        sample[kind].append((seen.astype(np.float16), *(t.astype(np.float16) for t in (wanted, taught)), heed))
    return sample


def _head(seen: np.ndarray) -> np.ndarray:
    """1 where a window (14, H, W) shows the head, else 0: (H, W) float32."""
    shown: np.ndarray = (np.abs(seen[13]) > 1e-4) | (seen[9:13].sum(0) > 0)
    return shown.astype(np.float32)


def _relight(rng: np.random.Generator, *pictures: np.ndarray) -> list[np.ndarray]:
    """The same change of gain, tint and gamma for uint8 pictures."""
    gain, gamma = rng.uniform(0.7, 1.15) * rng.uniform(0.93, 1.07, 3), np.exp(rng.normal(0, 0.18))
    table = np.stack([255 * np.clip(np.linspace(0, 1, 256) ** gamma * g, 0, 1) for g in gain], -1)
    return [cv2.LUT(p, table.astype(np.uint8)[None]) for p in pictures]


def samples(portraits: Portraits, rng: np.random.Generator, teacher: Painter | None, targets: int = TARGETS) -> Sample:
    """One photograph's worth of samples: `targets` mouths and twice as many eyes."""
    person = int(rng.integers(len(portraits.people)))
    expression = "smile" if rng.random() < 0.6 else "neutral"
    latent, other = (portraits.latent(person, e) for e in (expression, "neutral" if expression == "smile" else "smile"))
    original, second = _relight(rng, latent.appearance.picture, other.appearance.picture)
    latent = FaceLatent.from_parameters(original, face_parameters(latent))
    direct = Renderer(latent)
    away = random_move(rng, latent, calm=rng.random() < 0.7)
    source = FaceLatent.from_parameters(direct.render(away), misfit(rng, face_parameters(away)))
    made = [_windows(source, *direct.geometry(latent), original, teacher, HEED)]  # restore
    for _ in range(targets - 1):
        if rng.random() < 0.5:  # pair
            pair = FaceLatent.from_parameters(second, face_parameters(other))
            made.append(_windows(pair, *direct.geometry(latent), original, teacher, HEED))
        else:  # carry
            there = random_move(rng, latent, calm=False)
            made.append(_windows(source, *direct.geometry(there), direct.render(there), teacher, 1.0))
    return _together(made)


def _together(samples: list[Sample]) -> Sample:
    return {kind: [row for sample in samples for row in sample[kind]] for kind in KINDS}


class Posed:
    """Scenes of people who do not exist, photographed again after they moved."""

    def __init__(self, assets: Path, skins: Path | None, first: int) -> None:
        self.wardrobe, self.first = Wardrobe(assets, skins), first

    def __call__(self, rng: np.random.Generator, targets: int = TARGETS) -> Sample:
        """`targets` mouths and twice as many eyes of one person."""
        person = Person.random(self.first + int(rng.integers(1 << 40)), self.wardrobe, calm=True)
        pictures = [person.photograph(self.wardrobe, SIZE)]
        for _ in range(targets):
            turn = person.camera.rotation + rng.normal(0, TURNS)
            actions = random_expression(rng, np.zeros(len(FACIAL_ACTIONS), np.float32), calm=False)
            posed = person.posed(
                actions=actions if rng.random() < 0.7 else random_actions(rng, calm=False),
                rotation=np.clip(turn, -0.5, 0.5).astype(np.float32),
                gaze=person.gaze + rng.normal(0, (0.2, 0.1)),
            )
            pictures.append(posed.photograph(self.wardrobe, SIZE))
        made = []
        source = pictures[0] if rng.random() < 0.7 else pictures[1]
        fitted = misfit(rng, source.parameters)
        latent = FaceLatent.from_parameters(source.picture, fitted)
        for target in (p for p in pictures if p is not source):
            moved = moved_to(latent, with_errors_of(target.parameters, source.parameters, fitted))
            made.append(_windows(latent, *Renderer(latent).geometry(moved), target.picture, None, 0.0))
        return _together(made)


def with_errors_of(target: FaceParameters, source: FaceParameters, fitted: FaceParameters) -> FaceParameters:
    """`target` as a tracker would have it that took `source` for `fitted`."""
    return replace(
        target,
        identity=fitted.identity,
        actions=np.clip(target.actions + fitted.actions - source.actions, 0, 1),
        centre=target.centre + fitted.centre - source.centre,
        gaze=target.gaze + fitted.gaze - source.gaze,
    )


def moved_to(latent: FaceLatent, target: FaceParameters) -> FaceLatent:
    """`latent` in the pose and with the expression of `target`."""
    there = replace(latent.pose, rotation=target.rotation, centre=target.centre, scale=target.scale, gaze=target.gaze)
    return latent.with_pose(there).with_actions(target.actions)


def face_parameters(latent: FaceLatent) -> FaceParameters:
    return FaceParameters(
        latent.identity.code,
        latent.actions,
        latent.pose.rotation,
        latent.pose.centre,
        latent.pose.scale,
        latent.pose.gaze,
        latent.identity.detail,
    )
