"""Whether a file of others bears marks of this maker already, and whether its credentials tell of them: asked before
anything is signed or marked "as others made it"."""

from pathlib import Path

from media.errors import UsageError
from media.probing import MediaInfo, probe
from media.words import plain
from provenance.read.findings import PRESENT
from provenance.read.reading import read_other_tracks, read_picture_mark, read_sound_mark
from provenance.read.recovery import was_generated
from provenance.read.verdict import Credentials, Mark
from provenance.read.verification import read_credentials
from provenance.registry import Entry, Registry, open_registry
from provenance.trust.keys import Keys


def marks_of(path: Path, info: MediaInfo, keys: Keys, *, moved: bool = False) -> dict[str, Mark]:
    """The marks that a file bears under any key of a maker, all over it; by what bears them.

    Args:
        moved: look for marks that were cut, turned or scaled, too, as `verify` does; takes some seconds of processor.
    """
    ring = keys.mark_keys
    picture, _ = read_picture_mark(path, info, ring, search=moved, whole=True)
    sound, _ = read_sound_mark(path, info, ring, search=moved, whole=True)
    others = {f"{track.kind} track {track.number}": track.mark for track in read_other_tracks(path, info, ring)}
    marks = {"picture": picture, "sound": sound} | others
    return {name: mark for name, mark in marks.items() if mark.state in PRESENT}


def refuse_untold(path: Path, keys: Keys, registry: Registry | None = None) -> Credentials:
    """Refuse a file that bears a mark of this maker of which its credentials, if it has any, say nothing: signed anew
    as it is, it would contradict itself.

    Returns: the credentials that it came with.

    Raises:
        UsageError: it does; which output it is, and how to go on.
        UnreadableError: the file cannot be read.
    """
    came = read_credentials(path, keys.anchor_pem.decode())
    book = registry or open_registry(keys.folder)
    marks = marks_of(path, probe(path), keys, moved=made_any(keys, book))
    if not marks:
        return came
    told = {came.soft_binding, came.sound_binding, *came.opened_bindings} - {""} if came.state == "valid" else set()
    told |= {message[-6:] for message in told}
    for name, mark in marks.items():
        if mark.message in told or (not mark.message and told):
            continue
        raise UsageError(
            f"{path}: its {name} bears the mark of this maker{which(mark, book)}, and its credentials are gone or do "
            "not mention it: what was signed over it would contradict it. `vasari verify` shows what it is; sign the "
            "file as it was made, which has its credentials"
        )
    return came


def made_any(keys: Keys, book: Registry) -> bool:
    """Whether this maker ever made anything: before that, no copy of it can be about."""
    return book.knows_own() or open_registry(keys.folder).knows_own()


def generated(marks: dict[str, Mark], registry: Registry) -> bool:
    """Whether a mark among these is of something that is generated, as the registry knows it."""
    entries = [named(mark, registry) for mark in marks.values()]
    return any(entry is not None and was_generated(entry, registry) for entry in entries)


def which(mark: Mark, registry: Registry) -> str:
    """ ", that of `vasari generate` 2026-05-03 (urn:c2pa:...)", "" for a mark that the registry does not know."""
    entry = named(mark, registry)
    if entry is None:
        return ""
    return f", that of `vasari {plain(entry.command, 40)}` {entry.made} ({entry.manifest or 'never closed'})"


def named(mark: Mark, registry: Registry) -> Entry | None:
    """The output that a mark names."""
    if len(mark.message) == 6:
        return next(iter(registry.by_sound_mark(mark.message)), None)
    return registry.by_mark(mark.message) if mark.message else None
