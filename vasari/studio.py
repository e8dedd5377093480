"""What `generate` and `animate` share: open the portrait, check consent before work, save through the one save path."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faces import Tracker
from generate import FaceLatent, Painter, Talker
from generate.paste import Paste
from media.errors import UsageError
from provenance import Claim, Keys, check_output, is_nobody, load_consent
from provenance.save import check_claim

SIZES = (128, 1024)  # smallest and largest side of the output, pixels


@dataclass(frozen=True)
class Sitter:
    """A portrait, ready to be animated."""

    talker: Talker
    place: Callable[[np.ndarray], np.ndarray]  # a frame as it is shown: alone, or in the whole picture
    faces: int  # how many faces the picture has
    models: dict[str, str]  # weight name -> SHA-256, for the manifest


def check_request(output: Path, inputs: tuple[Path, ...], size: int) -> None:
    """Everything that can be refused before any work.

    Raises:
        UsageError: size out of range or odd, or an output suffix that cannot be signed.
        OutputError: the output cannot be written, or would overwrite an input.
    """
    if not SIZES[0] <= size <= SIZES[1] or size % 2:
        raise UsageError(f"--size {size}: choose an even number from {SIZES[0]} to {SIZES[1]} pixels")
    if output.suffix.lower() != ".mp4":
        raise UsageError(f"{output}: talking faces are saved as .mp4; change the suffix")
    check_output(output, inputs)


def seat(picture: np.ndarray, *, size: int, face: int | None = None, whole: bool = False) -> Sitter:
    """Track and take apart the face in a portrait, uint8 RGB (H, W, 3). `whole`: frames show the whole picture."""
    track, count = Tracker().portrait(picture, face)
    painter = Painter()
    talker = Talker(FaceLatent.encode(picture, track, size=size), painter)
    place = Paste(picture, track.parameters, size) if whole else _alone
    return Sitter(talker, place, count, {"painter": painter.card.sha256, "refiner": painter.refiner.card.sha256})


def _alone(frame: np.ndarray) -> np.ndarray:
    return frame


def claim_for(
    command: str,
    portrait: Path,
    inputs: tuple[Path, ...],
    consent: Path | None,
    keys: Keys,
    settings: dict[str, str | int | float | bool],
    models: dict[str, str] | None = None,
) -> Claim:
    """The claim that will be signed.

    Raises:
        ConsentError: the portrait is of somebody and consent is missing, expired, altered or about another picture.
    """
    claim = Claim(
        command=command,
        portrait=portrait,
        inputs=inputs,
        consent=None if consent is None else load_consent(consent, portrait=portrait, keys=keys),
        nobody=is_nobody(portrait, keys),
        settings=settings,
        models=models or {},
    )
    check_claim(claim)
    return claim


def contact_sheet(frames: list[np.ndarray], columns: int = 6) -> np.ndarray:
    """Frames of one size laid out in rows: uint8 RGB."""
    blank = np.zeros_like(frames[0])
    rows = [frames[i : i + columns] for i in range(0, len(frames), columns)]
    return np.vstack([np.hstack(row + [blank] * (columns - len(row))) for row in rows])
