"""What `generate` and `animate` share: what can be refused before any work, a portrait made ready, and its speech."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from faces.crop import Box, face_box, square_box, usual_box
from generate import Motion, Talker
from generate.paste import Paste
from media import iter_sound, probe
from media.errors import SpeechError, UsageError
from media.hashing import file_sha256
from media.probing import MediaInfo
from provenance import Generated, Label, Notice, Performance, Permit, check_output

SIZES = (128, 1024)  # smallest and largest side of the output, pixels
CROPS = ("face", "square", "full")  # how much of the portrait a video shows


@dataclass(frozen=True)
class Sitter:
    """A portrait, ready to be animated."""

    talker: Talker
    place: Callable[[np.ndarray], np.ndarray]  # a frame as it is shown: alone, or laid back into the picture
    whole: bool = False  # laid back, so that other heads may be seen

    def label(self, asked: Label) -> Label:
        """A visible label that keeps clear of the head; in the whole picture the save path looks for all heads."""
        return asked if self.whole or asked.kind == "off" else replace(asked, faces=(self.talker.head,))


def check_request(output: Path, inputs: tuple[Path, ...], size: int) -> None:
    """Everything that can be refused before any work.

    Raises:
        UsageError: size out of range or odd, or an output suffix that cannot be signed.
        OutputError: the output cannot be written, or would overwrite an input.
    """
    check_size(size)
    if output.suffix.lower() != ".mp4":
        raise UsageError(f"{output}: talking faces are saved as .mp4; change the suffix")
    check_output(output, inputs)


def check_size(size: int) -> None:
    """Raise `UsageError` for a side of the output that is odd or out of range."""
    if not SIZES[0] <= size <= SIZES[1] or size % 2:
        raise UsageError(f"--size {size}: choose an even number from {SIZES[0]} to {SIZES[1]} pixels")


def labelled(kind: str | None, reason: str = "", *, live: bool = False) -> Label:
    """What visible label is asked for; when left out, none in a file and one all the time on live video.

    Raises:
        UsageError: live video without a label and without a reason; a reason with a label; no such kind.
    """
    if kind is None and reason:
        raise UsageError(f"--label-reason {reason!r}: says why there is no label; add --label off")
    if live and kind == "off" and not reason.strip():
        raise UsageError("--live with --label off: add --label-reason WHY, which the credentials will state")
    asked: Any = str(kind) if kind else "on" if live else "off"
    return Label(asked, reason)


def announced(notice: str | Notice | None, *, live: bool = False) -> Notice | None:
    """The spoken notice that is asked for, by its language or whole.

    Raises:
        UsageError: as `Notice.of`; or for live video, which begins with whoever speaks.
    """
    if live and notice is not None:
        raise UsageError("--live with --notice: live video bears the visible label; say it yourself as you begin")
    return Notice.of(notice) if isinstance(notice, str) else notice


def check_speech(speech: Path) -> MediaInfo:
    """What a recording of speech is.

    Raises:
        UnreadableError: it cannot be read.
        SpeechError: it holds no sound.
    """
    info = probe(speech)
    if not info.has_sound:
        raise SpeechError(f"{speech}: holds no sound; give a recording of speech")
    return info


def seat(permit: Permit, *, size: int, face: int | None = None, crop: str = "face") -> Sitter:
    """Track and take apart the face in a permit's portrait.

    Args:
        crop: what frames show. face: the square around head and shoulders, `size` pixels a side; square: the largest
            square of the picture that holds it, as large; full: the whole picture.

    Raises:
        UsageError: `crop` is none of these.
    """
    if crop not in CROPS:
        raise UsageError(f"crop {crop!r}: choose one of {', '.join(CROPS)}")
    talker = Talker.of(permit, size=size, face=face, framed=usual_box if crop == "full" else face_box)
    picture, box = permit.picture, talker.box
    if crop == "full":
        return Sitter(talker, Paste(picture, box, size), whole=True)
    square = square_box(picture.shape, box)
    if crop == "face" or square == box:
        return Sitter(talker, _alone)
    left, top, side = int(square.left), int(square.top), int(square.side)
    part = picture[top : top + side, left : left + side]
    return Sitter(talker, Paste(part, Box(box.left - left, box.top - top, box.side), size, (size, size)), whole=True)


def speaking(
    permit: Permit,
    sitter: Sitter,
    speech: Path,
    asking: dict[str, Any],
    settings: dict[str, Any],
    label: Label | None = None,
    hear: Path | None = None,
    notice: Notice | None = None,
) -> Performance:
    """The sitter speaks a recording, frame by frame as they are asked for.

    Args:
        asking: seed, style, controls and guidance, as `generate.Motion.stream` takes them.
        settings: for the credentials.
        label: the visible label, of `Sitter.label`; none when left out.
        hear: a recording of the other speaker, to whom the sitter listens; it is not in the output.
        notice: said before the speech; the sitter is at rest meanwhile, and what is asked for begins with the speech.
    """
    other = None if hear is None else iter_sound(hear, seconds=1.0)
    heard = iter_sound(speech, seconds=1.0)
    if notice is not None:
        heard, other = chain([notice.silence], heard), None if other is None else chain([notice.silence], other)
        if callable(curve := asking.get("controls")):
            asking = asking | {"controls": lambda seconds: curve(max(0.0, seconds - notice.seconds))}
    settings = settings | ({} if hear is None else {"heard": file_sha256(hear)})
    moments = Motion.load().stream(heard, other=other, **asking)
    return permit.perform(
        Generated, map(sitter.place, sitter.talker.frames(moments)), iter_sound(speech), command="generate",
        inputs=(speech,), settings=settings, models=sitter.talker.models, label=label, notice=notice,
    )  # fmt: skip


def _alone(frame: np.ndarray) -> np.ndarray:
    return frame


def contact_sheet(frames: list[np.ndarray], columns: int = 6) -> np.ndarray:
    """Frames of one size laid out in rows: uint8 RGB."""
    blank = np.zeros_like(frames[0])
    rows = [frames[i : i + columns] for i in range(0, len(frames), columns)]
    return np.vstack([np.hstack(row + [blank] * (columns - len(row))) for row in rows])
