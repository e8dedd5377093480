"""What people do before a camera: expressions, gaze, turns of the head. All angles in radians."""

import numpy as np

from faces.actions import ACTION_INDEX, FACIAL_ACTIONS

YAW, PITCH, ROLL = np.radians((80.0, 45.0, 40.0))  # furthest turns of the head
GAZE = np.radians((35.0, 22.0))  # furthest turns of the eyes from where they rest
DOWN = np.radians(13.0)  # furthest turn down; the head's lower lids do not make way for more
# Where eyes rest in the head, yaw and pitch: in the middle between its lids. Fits of people who look at the camera
# from straight before it (London Set) agree: the head turned down by 5 degrees, the gaze up by 12 to 13 in it.
RESTING = np.array((0.0, -0.12))

# Emotions as the facial actions that carry them (after Ekman and Friesen 1978, EMFACS), at full strength.
EMOTIONS: tuple[dict[str, float], ...] = (
    {"mouthSmile": 0.8, "cheekSquint": 0.6, "eyeSquint": 0.3},
    {"mouthSmile": 0.9, "cheekSquint": 0.8, "eyeSquint": 0.5, "mouthUpperUp": 0.35, "jawOpen": 0.25},
    {
        "mouthSmile": 1.0,
        "cheekSquint": 0.9,
        "eyeSquint": 0.6,
        "mouthUpperUp": 0.4,
        "mouthLowerDown": 0.3,
        "jawOpen": 0.6,
    },
    {"mouthFrown": 0.8, "browInnerUp": 0.8, "eyeSquint": 0.2, "mouthShrugLower": 0.4},
    {"browDown": 0.9, "noseSneer": 0.4, "mouthPress": 0.5, "eyeSquint": 0.4},
    {"browDown": 1.0, "noseSneer": 0.7, "mouthUpperUp": 0.5, "mouthLowerDown": 0.6, "jawOpen": 0.4, "eyeWide": 0.3},
    {"browInnerUp": 1.0, "browOuterUp": 0.9, "eyeWide": 0.9, "jawOpen": 0.6, "mouthFunnel": 0.2},
    {"browInnerUp": 1.0, "browDown": 0.3, "eyeWide": 0.8, "mouthStretch": 0.7, "jawOpen": 0.3},
    {"noseSneer": 1.0, "mouthUpperUp": 0.7, "browDown": 0.5, "eyeSquint": 0.5, "mouthFrown": 0.3},
    {"mouthDimple": 0.7, "mouthSmile": 0.3, "mouthPress": 0.3},
    {"mouthPress": 0.8, "mouthRollLower": 0.5, "mouthRollUpper": 0.5, "browInnerUp": 0.3},
    {"mouthPucker": 0.9, "mouthFunnel": 0.2},
    {"jawOpen": 1.0, "browInnerUp": 0.3, "eyeSquint": 0.6, "mouthStretch": 0.3},
)
# Shapes of the mouth in speech (after the visemes of JALI, Edwards et al. 2016).
VISEMES: tuple[dict[str, float], ...] = (
    {"jawOpen": 0.15, "mouthClose": 0.15, "mouthPress": 0.4, "mouthRollLower": 0.3, "mouthRollUpper": 0.25},
    {"jawOpen": 0.12, "mouthRollLower": 0.6, "mouthUpperUp": 0.25},
    {"jawOpen": 0.6, "mouthLowerDown": 0.2},
    {"jawOpen": 0.4, "mouthStretch": 0.2, "mouthSmile": 0.2, "mouthLowerDown": 0.2},
    {"jawOpen": 0.15, "mouthStretch": 0.5, "mouthSmile": 0.3, "mouthUpperUp": 0.15, "mouthLowerDown": 0.3},
    {"jawOpen": 0.4, "mouthFunnel": 0.6, "mouthPucker": 0.2},
    {"jawOpen": 0.15, "mouthPucker": 0.8, "mouthFunnel": 0.3},
    {"jawOpen": 0.15, "mouthFunnel": 0.5, "mouthUpperUp": 0.2, "mouthLowerDown": 0.3},
    {"jawOpen": 0.12, "mouthLowerDown": 0.35, "mouthUpperUp": 0.15},
    {"jawOpen": 0.3, "tongueOut": 0.12, "mouthLowerDown": 0.3},
)
ODD: tuple[str, ...] = (
    "cheekPuff",
    "jawLeft",
    "jawRight",
    "jawForward",
    "mouthLeft",
    "mouthRight",
    "mouthPucker",
    "mouthShrugUpper",
)
ODD += ("mouthShrugLower", "mouthFunnel", "tongueOut", "noseSneer", "mouthUpperUp", "mouthLowerDown", "mouthStretch")
OPENING = ("tongueOut",)  # actions that need an open mouth


def random_actions(rng: np.random.Generator, *, calm: bool = False) -> np.ndarray:
    """Facial actions (52,) float32 in [0, 1]: at rest, in speech, in feeling or in play, with lids that blink, wink,
    squint or stare, and with one side of the face ahead of the other. Lids that follow the gaze are not included.

    With `calm`, what people do for a portrait: nearly nothing, or a slight smile with lips shut.
    """
    actions = np.zeros(len(FACIAL_ACTIONS), np.float32)
    lean = rng.normal(0, 0.12)  # which side of the face does more

    def put(name: str, amount: float) -> None:
        if name in ACTION_INDEX:
            actions[ACTION_INDEX[name]] += amount
            return
        for side, share in (("Left", 1 + lean), ("Right", 1 - lean)):
            actions[ACTION_INDEX[name + side]] += amount * share * (1 + rng.normal(0, 0.08))

    def mix(shape: dict[str, float], amount: float) -> None:
        for name, value in shape.items():
            put(name, amount * value)

    if calm:
        mix({"mouthSmile": 0.45, "cheekSquint": 0.15, "mouthDimple": 0.1}, rng.random() ** 2)
        mix({"browInnerUp": 0.2, "eyeSquint": 0.15}, rng.random() ** 2)
        return np.clip(actions, 0, 1)
    kind = rng.choice(4, p=(0.22, 0.34, 0.28, 0.16))
    if kind == 1:
        first, second = rng.integers(0, len(VISEMES), 2)
        share, loud = rng.random(), rng.uniform(0.4, 1.3)
        mix(VISEMES[first], loud * share)
        mix(VISEMES[second], loud * (1 - share))
        mix({"browInnerUp": 0.5, "browOuterUp": 0.4}, rng.random() ** 3)
        mix(EMOTIONS[rng.integers(0, len(EMOTIONS))], 0.5 * rng.random() ** 2)
    elif kind == 2:
        mix(EMOTIONS[rng.integers(0, len(EMOTIONS))], rng.uniform(0.2, 1.05))
    elif kind == 3:
        for name in rng.choice(ODD, int(rng.integers(1, 4)), replace=False):
            put(str(name), rng.uniform(0.2, 1.0))
        put("jawOpen", rng.uniform(0, 0.7) * (rng.random() < 0.5))
    if rng.random() < 0.15:  # one side alone
        name = str(rng.choice(("mouthSmile", "browOuterUp", "browDown", "noseSneer", "mouthDimple", "mouthUpperUp")))
        actions[ACTION_INDEX[name + str(rng.choice(("Left", "Right")))]] += rng.uniform(0.2, 0.8)
    for index in rng.choice(len(actions), 5, replace=False):  # nothing is ever pure
        if not FACIAL_ACTIONS[index].startswith(("eye", "tongue", "jaw")):
            actions[index] += 0.15 * rng.random() ** 2
    return _settle(np.clip(actions + _lids(rng), 0, 1), rng)


def _lids(rng: np.random.Generator) -> np.ndarray:
    """Blinks, winks, squints and stares (52,)."""
    actions = np.zeros(len(FACIAL_ACTIONS), np.float32)
    both = [ACTION_INDEX["eyeBlinkLeft"], ACTION_INDEX["eyeBlinkRight"]]
    chance = rng.random()
    if chance < 0.10:
        actions[both] = rng.uniform(0.85, 1.0)
    elif chance < 0.22:
        actions[both] = np.clip(rng.uniform(0.1, 0.85) + rng.normal(0, 0.04, 2), 0, 1)
    elif chance < 0.26:
        side = int(rng.integers(2))
        actions[both[side]] = rng.uniform(0.7, 1.0)
        actions[ACTION_INDEX[("eyeSquintLeft", "eyeSquintRight")[side]]] = rng.uniform(0.2, 0.9)
        actions[ACTION_INDEX[("cheekSquintLeft", "cheekSquintRight")[side]]] = rng.uniform(0.2, 0.9)
    elif chance < 0.36:
        actions[[ACTION_INDEX["eyeSquintLeft"], ACTION_INDEX["eyeSquintRight"]]] = rng.uniform(0.2, 1.0)
    elif chance < 0.44:
        actions[[ACTION_INDEX["eyeWideLeft"], ACTION_INDEX["eyeWideRight"]]] = rng.uniform(0.2, 1.0)
    else:
        actions[both] = np.clip(rng.normal(0.03, 0.06, 2), 0, 1)
    return actions


def _settle(actions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep to what faces can do: a tongue needs an open mouth, lips shut no further than the jaw is open, wide eyes
    do not blink, and opposites cancel."""

    def at(name: str) -> int:
        return ACTION_INDEX[name]

    if rng.random() < 0.04:  # chewing: lips shut over an open jaw
        actions[at("mouthClose")] = actions[at("jawOpen")] = rng.uniform(0.2, 0.8)
    if actions[at("tongueOut")] > 0.2:
        actions[at("jawOpen")] = max(actions[at("jawOpen")], rng.uniform(0.3, 0.6))
    actions[at("mouthClose")] = min(actions[at("mouthClose")], actions[at("jawOpen")])
    for side in ("Left", "Right"):
        actions[at("eyeWide" + side)] *= 1 - actions[at("eyeBlink" + side)]
    for one, other in (("jawLeft", "jawRight"), ("mouthLeft", "mouthRight")):
        shared = min(actions[at(one)], actions[at(other)])
        actions[[at(one), at(other)]] -= shared
    wide = actions[at("jawOpen")]
    for name in ("mouthRollLower", "mouthRollUpper", "mouthPressLeft", "mouthPressRight", "cheekPuff"):
        actions[at(name)] *= 1 - 0.9 * wide
    round_lips = actions[at("mouthPucker")] + actions[at("mouthFunnel")]
    if round_lips > 1:
        actions[[at("mouthPucker"), at("mouthFunnel")]] /= round_lips
    return actions


def random_rotation(rng: np.random.Generator, *, calm: bool = False) -> np.ndarray:
    """Yaw, pitch, roll (3,) of the head relative to the camera: mostly towards it, a good share far from it."""
    if calm:
        return np.radians(rng.normal((0, 5, 0), (5, 3, 2))).astype(np.float32)
    kind = rng.choice(3, p=(0.42, 0.36, 0.22))
    yaw = (rng.normal(0, 0.26), rng.normal(0, 0.62), rng.uniform(-YAW, YAW))[kind]
    pitch = rng.normal(0.08, 0.14) if rng.random() < 0.72 else rng.normal(0.05, 0.38)
    roll = rng.normal(0, 0.11) if rng.random() < 0.86 else rng.uniform(-ROLL, ROLL)
    limits = np.array((YAW, PITCH, ROLL))
    return np.clip((yaw, pitch, roll), -limits, limits).astype(np.float32)


def random_gaze(rng: np.random.Generator, rotation: np.ndarray, *, calm: bool = False) -> np.ndarray:
    """Yaw and pitch (2, 2) of the right and the left eye in a head turned by `rotation` (3,): at the camera, straight
    ahead, or anywhere; slightly crossed for what is near. Within GAZE of RESTING."""
    chance = rng.random()
    if calm or chance < 0.4:
        look = -rotation[:2] + rng.normal(0, 0.03, 2)
    elif chance < 0.7:
        look = rng.normal(0, (0.16, 0.1))
    else:
        look = rng.normal(0, 0.6 * GAZE)
    cross = abs(rng.normal(0, 0.02))
    both = np.stack([look, look]) + np.array(((cross, 0), (-cross, 0)))
    low = np.array((GAZE[0], DOWN))
    return (np.clip(both, -GAZE, low) + RESTING).astype(np.float32)
