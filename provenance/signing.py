"""Credentials for files of any maker, as they are: nothing is decoded, changed or marked.

For what others made and somebody vouches for: a camera's clip, an edited film, a soundtrack. What the file came with
stays in its credentials as the file that was opened (`parentOf`), so the chain of those who signed it can be followed.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from media.atomic import replacing
from media.errors import SigningError, UsageError
from media.pictures import check_file
from media.probing import probe
from provenance import manifest
from provenance.boxes import top_level_boxes, with_large_headers
from provenance.claims import Opened, definition
from provenance.hashing import file_sha256
from provenance.ingredients import MIME
from provenance.keys import Keys
from provenance.save import beside, check_output, plainly

LARGE = 32 << 20  # bytes from which media are hashed in leaves, even where a second validator may not follow


@dataclass(frozen=True)
class Signed:
    """What was written."""

    path: Path
    manifest: str  # label of the C2PA manifest
    sha256: str  # of the file
    notes: tuple[str, ...] = ()  # what was asked for and is missing: a time stamp


def sign_file(path: str | os.PathLike[str], output: str | os.PathLike[str], *, keys: Keys, title: str = "") -> Signed:
    """A copy of a picture, video or sound file with this maker's credentials over it.

    Args:
        output: of the same type: .mp4, .mov, .m4a, .wav, .mp3, .jpg, .png, .webp, .gif, .tif, .avif, .heic.
        title: in the credentials; the output's file name when empty.

    Raises:
        UsageError: types that differ or cannot carry credentials, or output and input are one file.
        UnreadableError: no picture, video or sound.
        OutputError, SigningError: as `save_video`. After any of them nothing is left but what was there.
    """
    source = Path(path)
    check_file(source)
    types: Mapping[str, str] = MIME
    if source.suffix.lower() not in types:
        raise UsageError(f"{source}: cannot carry credentials; of what it could become, these can: {' '.join(types)}")
    target = check_output(output, [source], types)
    mime = types[source.suffix.lower()]
    if types[target.suffix.lower()] != mime:
        raise UsageError(f"{target}: is of another type than {source}; signing changes nothing, so keep its suffix")
    probe(source)
    with replacing(target) as final, beside(final) as copy, plainly(target, copy):
        shutil.copyfile(source, copy)
        media = [box for box in top_level_boxes(copy) if box.name == "mdat"]
        # Of media in several pieces the library finds its own leaves again at times only (c2pa-python 0.38).
        leaves = len(media) == 1 and (_large_headers(copy) or copy.stat().st_size > LARGE)
        claim = Opened(source, command="sign")
        said = definition(claim, title=title or target.name, mime=mime)
        with copy.open("rb") as given, final.open("w+b") as sink:
            _, unstamped = manifest.sign(
                given, sink, mime, said, keys.signer,
                leaves=leaves, ingredients=claim.ingredients(), authority=keys.authority,
            )  # fmt: skip
            sink.flush()
            os.fsync(sink.fileno())
        if not manifest.holds(manifest.read_store(final, "")):
            raise SigningError(f"{source}: credentials over it do not hold; write it anew with another tool first")
        label, digest = manifest.label_of(final), file_sha256(final)
    return Signed(target, label, digest, (unstamped,) if unstamped else ())


def _large_headers(path: Path) -> bool:
    """Where the file has no credentials yet: those that it has cover what would be changed."""
    return manifest.read_store(path, "") is None and with_large_headers(path)
