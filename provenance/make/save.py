"""The one save path: labels and marks every picture, marks the sound, encodes, reads the marks back, signs, registers,
and only then shows the file.

It takes what `permits.gate` gives, a `Performance`, and nothing else; no argument here leaves a step out. What is
shown while it is made (`live`) takes the same way: `Marking` marks and encodes, `finish` reads, signs and registers.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from media.atomic import nameless, replacing
from media.encode import Encoder
from media.errors import ConsentError, OutputError, UsageError
from media.hashing import file_sha256
from media.probing import probe
from media.units import FPS, SAMPLE_RATE, SAMPLES_PER_FRAME
from provenance.credentials import elsewhere, manifest
from provenance.credentials.boxes import with_large_headers
from provenance.credentials.ingredients import BESIDE, MIME
from provenance.faults import callers, foreign, owned, plainly, pulled
from provenance.make.encoding import Marking, OwnMarks, check_size, size_of
from provenance.make.readback import STRONGER, Borne, check_unexchanged, proved, strengthened
from provenance.marks.fingerprint import Fingerprinter
from provenance.marks.identity import key_id, mark_hex, sound_mark_hex
from provenance.marks.label import ASSERTION, Label, Labeller
from provenance.marks.picture import PictureMarker
from provenance.permits.claims import Claim, Mixed, Opened, Rendered, definition
from provenance.permits.gate import Performance, admitted, check_unspoken
from provenance.permits.likeness import Aside, Witness
from provenance.permits.onlooker import heads_in
from provenance.read.labelled import look_for
from provenance.read.statements import visible_label
from provenance.registry import Entry, Registry, now, open_registry
from provenance.trust.keys import Keys

VIDEO_TYPES = {".mp4": "video/mp4"}
FINER = (80, 95)  # least quality of JPEG and WebP of each further try (`readback.STRONGER`)
PICTURE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


@dataclass(frozen=True)
class Saved:
    """What was written."""

    path: Path
    mark: str  # message of the picture mark, 16 hexadecimal digits
    manifest: str  # label of the C2PA manifest
    sha256: str  # of the file
    frames: int  # 1 for a picture
    duration: float  # seconds; 0 for a picture
    seconds: Mapping[str, float]  # spent in each stage: mark, sound, encode, sign, total
    notes: tuple[str, ...] = ()  # what was asked for and is missing (a time stamp), what was done for the mark's sake
    borne: Borne | None = None  # the marks that were read back from it


def check_output(
    path: str | os.PathLike[str],
    inputs: Iterable[str | os.PathLike[str]] = (),
    types: Mapping[str, str] = VIDEO_TYPES,
) -> Path:
    """Refuse early what could not be saved after long work.

    Raises:
        UsageError: a suffix that cannot carry credentials, or the output is one of the inputs.
        OutputError: the folder is missing or cannot be written to.
    """
    target = Path(path)
    if target.suffix.lower() not in types:
        raise UsageError(f"{target}: outputs end in {' or '.join(types)}, which can carry credentials")
    if target.is_dir():
        raise OutputError(f"{target}: is a folder; give the name of a file")
    for source in inputs:
        if target.exists() and Path(source).exists() and os.path.samefile(target, source):
            raise UsageError(f"{target}: is also an input; choose another name for the output")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: the folder {target.parent} does not exist; make it first")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{target}: cannot write into {target.parent} (permissions)")
    return target


def save_video(
    path: str | os.PathLike[str],
    performance: Performance,
    *,
    registry: Registry | None = None,
    crf: int = 20,
    preset: str = "veryfast",
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Saved:
    """Save a talking face as mp4: marked, signed, registered, or not at all.

    Frames and sound are pulled in the calling thread, as the video needs them; marking and encoding run beside it.
    Memory is bounded by a few frames and 2 s of sound. What was encoded is read back before it is signed; where the
    mark cannot be read, it is marked stronger and coded finer.

    Args:
        performance: of `Permit.perform`: frames uint8 RGB (H, W, 3), 25 a second, all of one size, and their sound.
        crf, preset, threads: of x264.
        progress: called with the number of frames taken so far.

    Raises:
        ConsentError: consent has expired or was revoked; the frames show another face than the permit's portrait.
        OutputError, UsageError: as `check_output`; the disk is full; there is no frame; frames are under 128 pixels;
            the mark cannot be read from what was encoded.
        SigningError: the credentials could not be made, or a time stamp that is required did not come.
        Whatever frames, sound and `progress` raise, as it is. After any of them nothing is left where `path` points
        but what was there.
    """
    keys, claim, sound = admitted(performance).keys, performance.claim, _chunks(performance.sound)
    if (notice := performance.notice) is not None:
        claim, sound = replace(claim, notice=notice.said()), notice.before(sound or ())
    target = check_output(path, claim.sources)
    check_authority(keys)
    started = time.perf_counter()
    with callers(), replacing(target) as final, nameless(target) as unsigned, plainly(target, unsigned):
        message = new_message()
        options: dict[str, Any] = {"crf": crf, "preset": preset, "threads": threads}
        witness, labeller = Aside(performance), labeller_of(performance)
        work = Marking(
            OwnMarks(message, keys.mark_key, labeller=labeller),
            lambda frame: Encoder(unsigned, size_of(frame), sound=sound is not None, **options),
        )
        try:
            count = _feed(work, witness, pulled(performance.shown), sound, progress)
            likeness = witness.judge()
        except BaseException:
            work.abandon()
            witness.close()
            raise
        entry, record = begin(message, claim, "video"), registry_of(keys, registry).add
        saved = finish(
            entry, target, final, unsigned, stating(claim, labeller), keys, record, work.seconds(),
            frames=count, printer=work.printer, duration=count / FPS, likeness=likeness, holds=performance.check,
            again=lambda number: strengthened(unsigned, message, keys.mark_key, number, room=target, **options),
        )  # fmt: skip
    return timed(saved, started)


def save_picture(
    path: str | os.PathLike[str],
    performance: Performance,
    *,
    registry: Registry | None = None,
    quality: int = 92,
) -> Saved:
    """Save one picture as PNG, JPEG or WebP: marked, signed, registered, or not at all.

    Args:
        performance: of `Permit.perform`, with one picture, uint8 RGB (H, W, 3).
        quality: of JPEG and WebP, 1 to 100.

    Raises: as `save_video`.
    """
    keys, claim, picture = admitted(performance).keys, performance.claim, performance.shown
    if not (isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim == 3):
        raise UsageError("save_picture saves one picture, uint8 RGB (H, W, 3); frames are saved by save_video")
    check_unspoken(performance)
    target, picture = check_output(path, claim.sources, PICTURE_TYPES), owned(picture)
    check_size(picture)
    check_authority(keys)
    started = time.perf_counter()
    message, lossless = new_message(), target.suffix.lower() == ".png"
    with replacing(target) as final, nameless(target) as unsigned, plainly(target, unsigned):
        printer, witness, labeller = Fingerprinter(), Witness(performance), labeller_of(performance)
        witness.see(picture)
        likeness = witness.judge()
        if isinstance(claim, Rendered | Mixed) and not witness.own:
            raise ConsentError(f"claimed as {claim.kind}, but it is not the picture that was made for the permit")
        labelled = labeller.draw(picture)
        printer.frame(labelled)
        seconds = {"look": time.perf_counter() - started}

        def write(strength: float, quality: int) -> None:
            began = time.perf_counter()
            marked = PictureMarker(message, keys.mark_key, strength=strength).mark(labelled)
            seconds["mark"] = time.perf_counter() - began
            options: dict[str, Any] = {"compress_level": 4} if lossless else {"quality": quality}
            Image.fromarray(marked).save(unsigned, Image.registered_extensions()[target.suffix.lower()], **options)
            seconds["encode"] = time.perf_counter() - began - seconds["mark"]

        def again(number: int) -> str:
            strength, finer = STRONGER[number][0], max(quality, FINER[number])
            write(strength, finer)
            how = "" if lossless else f" and coded at quality {finer}"
            return f"marked {strength:g} times as strongly{how}, so that the mark can be read"

        write(1.0, quality)
        entry, record = begin(message, claim, "picture"), registry_of(keys, registry).add
        saved = finish(
            entry, target, final, unsigned, stating(claim, labeller), keys, record, seconds,
            frames=1, printer=printer, likeness=likeness, again=again, holds=performance.check,
        )  # fmt: skip
    return timed(saved, started)


def labeller_of(performance: Performance, label: Label | None = None) -> Labeller:
    """What draws the label of an output: that which is asked for, else `label`, else none."""
    return Labeller(performance.label or label or Label(), heads_in)


def stating(claim: Claim, labeller: Labeller) -> Claim:
    """The claim, with what was drawn."""
    return replace(claim, label=labeller.said()) if claim.labelled else claim


def check_visible(target: Path, unsigned: Path, claim: Claim) -> None:
    """Raise `UsageError` where the label that a claim states cannot be recognised in what was encoded."""
    stated = visible_label({"assertions": {ASSERTION: claim.label}})
    found = look_for(unsigned, probe(unsigned), stated, intact=True)
    if found is not None and found.state == "removed":
        raise UsageError(
            f"{target}: the visible label cannot be recognised in what was encoded, so nothing was written; code it "
            "finer, or make it larger"
        )


def check_authority(keys: Keys) -> None:
    """Raise `SigningError` where every signature needs a time stamp and nobody is there to give one."""
    if keys.authority is not None:
        keys.authority.check()


def _feed(
    work: Marking,
    witness: Aside,
    frames: Iterable[np.ndarray],
    sound: Iterator[np.ndarray] | None,
    progress: Callable[[int], None] | None,
) -> int:
    """Put frames and sound in as the video needs them; returns how many frames there were."""
    count = heard = 0
    for frame in map(owned, frames):
        work.frame(frame)
        witness.see(frame)
        count += 1
        while sound is not None and heard < count * SAMPLES_PER_FRAME:
            chunk = next(sound, None)
            if chunk is None:
                sound = None
            else:
                chunk = owned(chunk)
                work.sound(chunk)
                heard += len(chunk)
        if progress is not None:
            with foreign():
                progress(count)
    if not count:
        raise OutputError("no frame was made; nothing was written")
    for chunk in map(owned, sound or ()):
        work.sound(chunk)
    work.close()
    return count


def begin(message: int, claim: Claim | Opened, kind: str) -> Entry:
    """What the registry says of an output that is not finished yet."""
    return Entry(
        mark=mark_hex(message),
        sound_mark=sound_mark_hex(message),
        manifest="",
        manifest_sha256="",
        file_sha256="",
        made=now(),
        kind=kind,
        command=claim.command,
        portrait_sha256=claim.portrait_sha256,
        nobody=int(claim.nobody),
    )


def finish(
    entry: Entry,
    target: Path,
    final: Path,
    unsigned: Path,
    claim: Claim | Opened,
    keys: Keys,
    record: Callable[..., None],
    seconds: dict[str, float],
    *,
    frames: int,
    printer: Fingerprinter,
    duration: float = 0.0,
    sidecar: bool = False,
    remote_url: str = "",
    likeness: Mapping[str, Any] | None = None,
    again: Callable[[int], str] | None = None,
    holds: Callable[[], None] = lambda: None,
) -> Saved:
    """Read the marks of `unsigned` back, sign it into `final` and register it with `record`: its entry, its manifest,
    what `printer` saw. Credentials promise the marks that were read, and nothing is signed in which none can be.

    Args:
        entry: of `begin`.
        record: `Registry.add` or `Registry.settle`.
        sidecar, remote_url: as in `signing.sign_file`, of what others made; what is made here carries its credentials.
        likeness: of `Witness.judge`.
        again: as in `readback.proved`.
        holds: raises where what was permitted at the beginning is not so any more; asked when all is signed, before any
            of it is shown.
    """
    started = time.perf_counter()
    borne = proved(unsigned, int(entry.mark, 16), keys.mark_key, again, either=isinstance(claim, Opened))
    if isinstance(claim, Claim):
        check_visible(target, unsigned, claim)
    entry = replace(entry, sound_mark=entry.sound_mark if borne.sound else "")
    seconds["read"] = time.perf_counter() - started
    started = time.perf_counter()
    mime = (MIME | BESIDE)[target.suffix.lower()]
    sidecar = sidecar or target.suffix.lower() in BESIDE
    said = definition(
        claim, title=claim.title or target.name, mime=mime, likeness=likeness, key_id=key_id(keys.mark_key),
        mark=entry.mark if borne.picture else "", sound_mark=entry.sound_mark,
    )  # fmt: skip
    leaves = with_large_headers(unsigned)
    store, unstamped = manifest.sign_path(
        unsigned, final, mime, said, keys.signer,
        leaves=leaves, ingredients=claim.ingredients(), authority=keys.authority,
        embed=not sidecar, remote_url=remote_url,
    )  # fmt: skip
    holds()
    check_unexchanged(target, final, int(entry.mark, 16), keys.mark_key, borne, printer, frames)
    label, digest = manifest.label_of(final, store if sidecar else None), file_sha256(final)
    made = replace(entry, manifest=label, manifest_sha256=manifest.sha256(store), file_sha256=digest)
    record(made, store=store, **printer.for_registry())
    if sidecar:
        write_sidecar(target, store)
    seconds["sign"] = time.perf_counter() - started
    notes = (*beside_note(target), *_notes(unstamped, borne))
    return Saved(target, entry.mark, label, digest, frames, duration, seconds, notes, borne)


def _notes(unstamped: str, borne: Borne) -> tuple[str, ...]:
    """What an output lacks, and what was done for its mark's sake."""
    weak = "" if borne.sound is not False else "the sound bears no mark of its own: it is too short, or has no voice"
    return tuple(note for note in (unstamped, borne.stronger, weak) if note)


def beside_note(target: Path) -> tuple[str, ...]:
    """Where the credentials of an output lie that cannot carry them, in words."""
    suffix = target.suffix.lower()
    told = (
        f"{suffix} cannot carry credentials: they lie beside it, in {elsewhere.beside(target).name}; keep both together"
    )
    return (told,) if suffix in BESIDE else ()


def check_address(target: Path, remote_url: str) -> None:
    """Raise `UsageError` where an output cannot say at which address its credentials are."""
    suffix = target.suffix.lower()
    if remote_url and suffix in BESIDE:
        raise UsageError(f"{target}: {suffix} has no place for an address of credentials; leave --remote-url out")


def write_sidecar(target: Path, store: bytes) -> None:
    """Put credentials beside a file that is about to appear at `target`. Raises `OutputError`."""
    with replacing(elsewhere.beside(target)) as final:
        final.write_bytes(store)


def registry_of(keys: Keys, registry: Registry | None = None) -> Registry:
    """The registry asked for, or the maker's own."""
    if registry is not None and type(registry) is not Registry:
        raise TypeError(f"a {type(registry).__name__} is no registry; what is made has to be found again")
    return registry or open_registry(keys.folder)


def timed(saved: Saved, started: float) -> Saved:
    """The same with the total since `started`."""
    total = time.perf_counter() - started
    return replace(saved, seconds={name: round(value, 4) for name, value in {**saved.seconds, "total": total}.items()})


def new_message() -> int:
    """A message unlike any other: 64 random bits."""
    return secrets.randbits(64)


def _chunks(sound: np.ndarray | Iterable[np.ndarray] | None) -> Iterator[np.ndarray] | None:
    if isinstance(sound, np.ndarray):
        return iter(np.split(sound, range(SAMPLE_RATE, len(sound), SAMPLE_RATE)))
    return None if sound is None else pulled(sound)
