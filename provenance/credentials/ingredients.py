"""What an output was made of, in its credentials: each file with the credentials it came with, so that a chain of edits
can be followed back. The files themselves are not in there, nor their names, nor pictures of them."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MIME = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif",
    ".tif": "image/tiff", ".tiff": "image/tiff", ".dng": "image/x-adobe-dng", ".avif": "image/avif",
    ".heic": "image/heic",
    ".mp4": "video/mp4", ".mov": "video/quicktime", ".m4v": "video/mp4", ".avi": "video/x-msvideo",
    ".m4a": "audio/mp4", ".wav": "audio/wav", ".mp3": "audio/mpeg", ".flac": "audio/flac",
}  # fmt: skip
"""Types that can carry credentials, by suffix."""
BESIDE = {".webm": "video/webm", ".mkv": "video/x-matroska", ".ogg": "audio/ogg", ".opus": "audio/ogg"}
"""Types that cannot: C2PA has no place for them in there, so theirs lie in a sidecar."""


@dataclass(frozen=True)
class Ingredient:
    """A file that went into an output."""

    path: Path
    role: str  # what it was: "portrait", "input"; its title in the credentials
    relationship: Literal["inputTo", "parentOf"] = "inputTo"  # parentOf: the output is this file, changed

    @property
    def mime(self) -> str:
        return mime_of(self.path)


def mime_of(path: Path) -> str:
    """The type of a file by its name."""
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return (MIME | BESIDE).get(path.suffix.lower(), guessed)


def able(path: Path) -> bool:
    """Whether a file is of a type that can carry credentials."""
    return path.suffix.lower() in MIME


def named(ingredients: list[Ingredient]) -> dict[str, Ingredient]:
    """Each under a name of its own, by which actions refer to it."""
    return {f"{ingredient.role}{number}": ingredient for number, ingredient in enumerate(ingredients, 1)}
