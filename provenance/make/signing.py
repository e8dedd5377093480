"""Credentials for files of any maker, as they are: nothing is changed or marked. They are looked at for marks of this
maker first: what was made here must not become something "as others made it".

    sign_file(path, output, keys=)      in a copy of the file, or beside that copy
    sign_beside(path, keys=)            beside the file itself

For what others made and somebody vouches for: a camera's clip, an edited film, a soundtrack. What the file came with
stays in its credentials as the file that was opened (`parentOf`), so the chain of those who signed it can be followed.
"""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from media.atomic import nameless, replacing
from media.errors import SigningError, UnreadableError, UsageError
from media.hashing import file_sha256
from media.pictures import check_file, pages, read_picture
from media.probing import MediaInfo, probe
from provenance.credentials import elsewhere, manifest
from provenance.credentials.boxes import top_level_boxes, with_large_headers
from provenance.credentials.elsewhere import check_url
from provenance.credentials.ingredients import BESIDE, MIME, mime_of
from provenance.faults import plainly
from provenance.make.save import beside_note, check_address, check_output, write_sidecar
from provenance.permits.claims import Opened, definition
from provenance.permits.subjects import check_unchanged, stamp_of
from provenance.read.coverage import stores
from provenance.read.findings import explained
from provenance.read.marked import refuse_untold
from provenance.read.verdict import Credentials
from provenance.trust.keys import Keys

LARGE = 32 << 20  # bytes from which media are hashed in leaves, even where a second validator may not follow


@dataclass(frozen=True)
class Signed:
    """What was written."""

    path: Path  # the signed copy, or the sidecar of a file that stays as it is
    manifest: str  # label of the C2PA manifest
    sha256: str  # of the file that is signed
    notes: tuple[str, ...] = ()  # what was asked for and is missing: a time stamp


def sign_file(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    keys: Keys,
    title: str = "",
    sidecar: bool = False,
    remote_url: str = "",
) -> Signed:
    """A copy of a picture, video or sound file with this maker's credentials over it.

    Args:
        output: of the same type: .mp4, .mov, .avi, .m4a, .wav, .mp3, .flac, .jpg, .png, .webp, .gif, .tif, .dng,
            .avif, .heic; or .webm, .mkv, .ogg, .opus, whose credentials are written beside them, NAME.c2pa.
        title: in the credentials; the output's file name when empty.
        sidecar: leave the credentials out of the copy and write them beside it, NAME.c2pa.
        remote_url: where the credentials can be had; the copy refers to it.

    Raises:
        UsageError: types that differ or cannot carry credentials, output and input are one file, no such address; it
            bears a mark of this maker that its credentials do not mention; it holds several pages, or several sets of
            credentials.
        UnreadableError: no picture, video or sound.
        OutputError, SigningError: as `save_video`. After any of them nothing is left but what was there.
    """
    source = Path(path)
    check_file(source)
    target, mime = _target(source, output, remote_url)
    sidecar, unable = sidecar or target.suffix.lower() in BESIDE, beside_note(target)
    if remote_url:
        check_url(remote_url)
    stamp, info, came = stamp_of(source), probe(source), refuse_untold(source, keys)
    _check_single(source, info.kind == "picture" and mime in ("image/tiff", "image/gif"))
    with replacing(target) as final, nameless(target) as copy, plainly(target, copy):
        shutil.copyfile(source, copy)
        check_unchanged(source, stamp)  # what was looked at is what is signed
        media = [box for box in top_level_boxes(copy) if box.name == "mdat"]
        # Of media in several pieces the library finds its own leaves again at times only (c2pa-python 0.38).
        leaves = len(media) == 1 and (_large_headers(copy) or copy.stat().st_size > LARGE)
        claim = Opened(source, command="sign")
        said = definition(claim, title=title or target.name, mime=mime)
        store, unstamped = manifest.sign_path(
            copy, final, mime, said, keys.signer,
            leaves=leaves, ingredients=claim.ingredients(), authority=keys.authority,
            embed=not sidecar, remote_url=remote_url,
        )  # fmt: skip
        apart = store if sidecar else None
        if not manifest.holds(manifest.read_store(final, "", apart)):
            raise SigningError(f"{source}: credentials over it do not hold; write it anew with another tool first")
        _check_shown(source, info, final)
        label, digest = manifest.label_of(final, apart), file_sha256(final)
        if apart is not None:
            write_sidecar(target, apart)
    return Signed(target, label, digest, (*unable, *_notes(came), *((unstamped,) if unstamped else ())))


def _check_single(source: Path, paged: bool) -> None:
    """Raise `UsageError` where there are several sets of credentials, or several pages of what has such."""
    if (sets := stores(source)) > 1:
        raise UsageError(
            f"{source}: {sets} sets of credentials lie in it, where there may be one, and nobody could tell which "
            "counts; write it anew with another tool first"
        )
    if paged and (count := pages(source)) > 1:
        raise UsageError(
            f"{source}: has {count} pages, and credentials in it would keep others from reading them; "
            "--sidecar puts them beside it"
        )


def sign_beside(
    path: str | os.PathLike[str], output: str | os.PathLike[str] | None = None, *, keys: Keys, title: str = ""
) -> Signed:
    """Credentials over a file of any type, in a file of their own; not a byte of the file itself changes.

    Args:
        output: the sidecar, NAME.c2pa beside the file when left out.
        title: in the credentials; the file's name when empty.

    Raises:
        UsageError: the file bears credentials already (they would be read, not these), the output is no .c2pa, or it
            bears a mark of this maker.
        UnreadableError: no picture, video or sound.
        OutputError, SigningError: as `save_video`.
    """
    source = Path(path)
    check_file(source)
    probe(source)
    target = check_output(output or elsewhere.beside(source), [source], {elsewhere.SUFFIX: "application/c2pa"})
    if manifest.read_store(source, "") is not None:
        raise UsageError(f"{source}: bears credentials in it, and those are read first; sign a copy of it with -o")
    stamp = stamp_of(source)
    refuse_untold(source, keys)
    claim, mime = Opened(source, command="sign"), mime_of(source)
    said = definition(claim, title=title or source.name, mime=mime)
    with plainly(target), source.open("rb") as given, tempfile.TemporaryFile() as copy:
        store, unstamped = manifest.sign(
            given, copy, mime, said, keys.signer,
            ingredients=claim.ingredients(), authority=keys.authority, embed=False,
        )  # fmt: skip
    if not manifest.holds(manifest.read_store(source, "", store)):
        raise SigningError(f"{source}: credentials over it do not hold")
    check_unchanged(source, stamp)
    with replacing(target) as final:
        final.write_bytes(store)
    return Signed(target, manifest.label_of(source, store), file_sha256(source), (unstamped,) if unstamped else ())


def _target(source: Path, output: str | os.PathLike[str], remote_url: str) -> tuple[Path, str]:
    """Where the signed copy goes, and the type of both.

    Raises:
        UsageError: the type cannot carry credentials, or no address of them, or the output is of another.
        OutputError: as `check_output`.
    """
    types = MIME | BESIDE
    mime = types.get(source.suffix.lower())
    if mime is None:
        raise UsageError(
            f"{source}: cannot carry credentials, but a sidecar can (`vasari sign --sidecar`), or of what it could be, "
            f"these can: {' '.join(MIME)}"
        )
    target = check_output(output, [source], types)
    check_address(target, remote_url)
    if types[target.suffix.lower()] != mime:
        raise UsageError(f"{target}: is of another type than {source}; signing changes nothing, so keep its suffix")
    return target, mime


def _check_shown(source: Path, info: MediaInfo, copy: Path) -> None:
    """Writers of credentials change files of odd structure so that nobody can read them: look at the copy as all do.

    Raises:
        SigningError: it is not what was signed.
    """
    try:
        seen = probe(copy)
        if info.kind == "picture":
            read_picture(copy)
    except UnreadableError as error:
        raise SigningError(f"{source}: could not be read any more with credentials in it; --sidecar") from error
    if (seen.kind, seen.width, seen.height) != (info.kind, info.width, info.height):
        raise SigningError(f"{source}: would be shown otherwise with credentials in it; --sidecar puts them beside it")


def _notes(came: Credentials) -> list[str]:
    """What is odd about the credentials that a file came with."""
    if came.state == "invalid":
        why = explained(came.failures)
        return [f"the credentials that it came with do not fit it ({why}); the new ones keep them and say so"]
    if came.state == "unreadable":
        return ["the credentials that it came with cannot be read; they are lost to the new ones"]
    return []


def _large_headers(path: Path) -> bool:
    """Where the file has no credentials yet: those that it has cover what would be changed."""
    return manifest.read_store(path, "") is None and with_large_headers(path)
