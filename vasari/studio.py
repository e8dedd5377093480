"""What `generate` and `animate` share: what can be refused before any work, and the portrait made ready."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faces import Tracker
from generate import Talker
from generate.paste import Paste
from media.errors import UsageError
from provenance import Permit, check_output

SIZES = (128, 1024)  # smallest and largest side of the output, pixels


@dataclass(frozen=True)
class Sitter:
    """A portrait, ready to be animated."""

    talker: Talker
    place: Callable[[np.ndarray], np.ndarray]  # a frame as it is shown: alone, or in the whole picture


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


def seat(permit: Permit, *, size: int, face: int | None = None, whole: bool = False) -> Sitter:
    """Track and take apart the face in a permit's portrait. `whole`: frames show the whole picture."""
    talker = Talker.of(permit, size=size, face=face)
    if not whole:
        return Sitter(talker, _alone)
    track, _ = Tracker().portrait(permit.picture, face)
    return Sitter(talker, Paste(permit.picture, track.parameters, size))


def _alone(frame: np.ndarray) -> np.ndarray:
    return frame


def contact_sheet(frames: list[np.ndarray], columns: int = 6) -> np.ndarray:
    """Frames of one size laid out in rows: uint8 RGB."""
    blank = np.zeros_like(frames[0])
    rows = [frames[i : i + columns] for i in range(0, len(frames), columns)]
    return np.vstack([np.hstack(row + [blank] * (columns - len(row))) for row in rows])
