"""What is asked of a performance, from the words of the command line."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from media.errors import UsageError

if TYPE_CHECKING:
    from generate.motion import Controls, Curve, Guidance

WIDEST = 45.0  # degrees: eyes do not turn further
LEANING = 20.0  # degrees: further the head is not held
DISTANCES = (0.8, 1.25)
MOVEMENTS = (0.0, 2.0)


def controls(
    gaze: str, pose: str, distance: float, emotion: str | None, movement: float, curve: Path | None
) -> "Controls | Curve":
    """The controls that the options of `vasari generate` ask for; with a table of a curve, over time.

    Raises:
        UsageError: an option cannot be understood or asks for too much.
    """
    from generate.motion import Controls, read_curve

    if not DISTANCES[0] <= distance <= DISTANCES[1]:
        raise UsageError(f"--distance {distance:g}: choose a number from {DISTANCES[0]} to {DISTANCES[1]}")
    if not MOVEMENTS[0] <= movement <= MOVEMENTS[1]:
        raise UsageError(f"--movement {movement:g}: choose a number from {MOVEMENTS[0]:g} to {MOVEMENTS[1]:g}")
    look, held = _angles("--gaze", gaze, 2, WIDEST), _angles("--pose", pose, 3, LEANING)
    asked = Controls(
        gaze=(look[0], look[1]),
        bias=(held[0], held[1], held[2]),
        distance=distance,
        emotion=emotions(emotion),
        intensity=movement,
    )
    return asked if curve is None else read_curve(curve, asked)


def fingerprint(curve: Path | None) -> str:
    """SHA-256 of the table of a curve, "none" without one: for the credentials."""
    from media.hashing import file_sha256

    return "none" if curve is None else file_sha256(curve)


def _angles(option: str, text: str, count: int, widest: float) -> tuple[float, ...]:
    """ "YAW,PITCH[,ROLL]" in degrees -> radians."""
    try:
        angles = [float(part) for part in text.split(",")]
    except ValueError:
        angles = []
    if len(angles) != count:
        example = ",".join(("10", "-5", "0")[:count])
        words = "two" if count == 2 else "three"
        raise UsageError(f"{option} {text}: write {words} numbers of degrees, for example {option} {example}")
    if not all(abs(angle) <= widest for angle in angles):
        raise UsageError(f"{option} {text}: choose angles from {-widest:g} to {widest:g} degrees")
    return tuple(math.radians(angle) for angle in angles)


def emotions(text: str | None) -> dict[str, float] | None:
    """ "NAME[:AMOUNT][,NAME:AMOUNT ...]" -> amounts by name; the amounts add up to at most 1."""
    from generate.acting import EMOTIONS

    if text is None:
        return None
    amounts: dict[str, float] = {}
    for part in text.split(","):
        name, _, amount = part.strip().partition(":")
        try:
            value = float(amount) if amount else 1.0
        except ValueError as error:
            raise UsageError(f"--emotion {text}: the amount is a number from 0 to 1, for example happy:0.5") from error
        if name not in EMOTIONS or not 0 <= value <= 1:
            raise UsageError(f"--emotion {text}: choose one of {', '.join(EMOTIONS)}, with an amount from 0 to 1")
        amounts[name] = amounts.get(name, 0.0) + value
    if sum(amounts.values()) > 1 + 1e-6:
        raise UsageError(f"--emotion {text}: the amounts add up to more than 1")
    return amounts


def guidance(text: str | None) -> "Guidance":
    """ "sound=0.5,gaze=1,steps=5", any of them -> guidance; what is not named stays as it is.

    Raises:
        UsageError: it cannot be understood, or a number is out of its range.
    """
    from generate.motion import Guidance

    names = {"sound": "sound", "gaze": "gaze", "emotion": "emotion", "style": "manner", "steps": "evaluations"}
    given: dict[str, Any] = {}
    for part in text.split(",") if text else ():
        name, _, value = part.strip().partition("=")
        try:
            given[names[name]] = int(value) if name == "steps" else float(value)
        except (KeyError, ValueError) as error:
            raise UsageError(
                f"--guidance {text}: write any of {', '.join(f'{n}=NUMBER' for n in names)}, parted by commas"
            ) from error
    return Guidance(**given)
