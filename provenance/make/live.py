"""Video that is sent while it is made: marked as it goes, signed when it closes.

    saved = save_live("out.mp4", permit.perform(Generated, moments, command="..."), outlet("tcp://127.0.0.1:9000"))

What holds, and how it is held to:

- **Nothing leaves unmarked, or without its visible label** unless a reason is given, which the credentials state. What
  is sent comes out of the encoder, which is fed by `Marking` alone, the stages of `save_video`: every frame is labelled
  and marked before it is encoded; sound is marked in blocks of 64 ms that are never sent
  before. The mark is read back from what is sent, second by second; where that fails for 2 s, the stream stops.
- **What was sent can be told to be ours.** Claim and consent are checked, and the marks' message is in the registry,
  before the first byte leaves. It stays there if the process dies. Consent is checked again each minute.
- **What was sent is kept.** Every piece is written to a nameless file beside `path` before it is sent. However the
  stream ends, by its own end, by an error in what makes the frames, or because the reader went away, what was sent up
  to then is signed and registered, moved to `path` whole, and only then is the error raised.
- **Or nothing is.** If that fails (disk full, key service down), or the process is killed, there is nothing at `path`
  but what was there before; the nameless file is gone with the process.
- **What is sent carries credentials**, second by second (`segments`): what begins the stream says what the file's own
  credentials will say, and behind each second stands its signature. Where that cannot be made, the stream stops. What
  an outlet of its own kind takes uncoded (`uncoded`) can carry the marks alone; it comes out of the same encoder's
  door, after what it was coded to was kept.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from media.atomic import nameless, replacing
from media.encode import LiveEncoder, settle
from media.errors import OutputError, UsageError, VasariError
from media.units import FPS
from provenance.faults import ForeignError, callers, foreign, owned, plainly, pulled
from provenance.make.encoding import Marking, OwnMarks, size_of
from provenance.make.outlets import Outlet
from provenance.make.readback import LiveWatch, strengthened
from provenance.make.save import (
    VIDEO_TYPES,
    Saved,
    begin,
    check_authority,
    check_output,
    finish,
    labeller_of,
    new_message,
    registry_of,
    stating,
    timed,
)
from provenance.make.session import Segmented, Session
from provenance.marks.identity import key_id
from provenance.marks.label import Label, Labeller
from provenance.marks.sound import LIVE
from provenance.permits import onlooker
from provenance.permits.claims import Claim, Recorded, definition
from provenance.permits.gate import Performance, admitted, check_unspoken
from provenance.permits.likeness import Aside
from provenance.registry import Entry, Registry
from provenance.segments.delivered import store_of
from provenance.trust.keys import Keys

COARSEST = 30  # CRF of what is sent
AGAIN = 60.0  # seconds after which it is looked at again whether it may still be shown
DEPTH = 2  # frames that wait before each stage: what waits is late
COMMENT = "Made by AI with vasari: no camera saw it. Picture and sound bear an invisible mark."


class Moment(Protocol):
    """A frame and the sound that plays with it; `generate.stream.Moment` is one."""

    frame: np.ndarray  # uint8 RGB (H, W, 3), all of one size, 25 a second
    sound: np.ndarray  # float32 mono 16 kHz in [-1, 1], 640 samples a frame


def save_live(
    path: str | os.PathLike[str],
    performance: Performance,
    to: Outlet,
    *,
    registry: Registry | None = None,
    crf: int = 20,
    preset: str = "veryfast",
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Saved:
    """Send a talking face while it is made, as fragmented mp4, and save the same pictures and sound, signed.

    Moments are pulled in the calling thread; a reader that does not read makes it wait. `to` is closed at the end.

    Args:
        performance: of `Permit.perform`, with moments (`Moment`). They bear a visible label all the time unless its
            `label` says otherwise.
        to: where the fragments go; see `outlets`.
        others: as in `save_video`.

    Raises:
        ConsentError, UsageError, OutputError: as in `save_video`, before anything is sent.
        UsageError: no visible label is asked for, and no reason is given.
        SigningError: a time stamp is required and nobody is there to give one, before anything is sent.
        OutputError: the reader went away or paused for 30 s; the disk is full; there was no frame; the mark could not
            be read for 2 s of what was sent.
        ConsentError: what is sent shows another face than the portrait of the permit, or consent has expired or was
            revoked since, which is looked at each minute. Nothing is saved.
        SigningError: the credentials could not be made; there is no file.
        Whatever the moments raise. The message of an error of ours says what became of the file.
    """
    target = Path(path)
    saved: Saved | None = None
    try:
        with callers():
            saved, broken = _save(target, performance, to, registry, crf, preset, threads, progress)
        to.settle(target)
        if broken is not None:
            raise _kept(broken, target)
        return saved
    finally:
        to.close()
        if saved is None:
            to.take_back()


def _save(
    target: Path,
    performance: Performance,
    to: Outlet,
    registry: Registry | None,
    crf: int,
    preset: str,
    threads: int,
    progress: Callable[[int], None] | None,
) -> tuple[Saved, BaseException | None]:
    """What was saved, and what broke the stream off."""
    keys, claim = admitted(performance).keys, performance.claim
    check_unspoken(performance)
    labeller = labeller_of(performance, (performance.label or Label("on")).on_live() if claim.labelled else Label())
    _check(claim, crf)
    check_output(target, claim.sources)
    check_authority(keys)
    onlooker.ready()
    started = time.perf_counter()
    record, message = registry_of(keys, registry), new_message()
    entry = begin(message, claim, "live")
    options: dict[str, Any] = {"crf": crf, "preset": preset, "threads": threads}
    with plainly(target), tempfile.TemporaryFile(dir=target.parent) as kept:
        watch, aside = LiveWatch(message, keys.mark_key), Aside(performance, live=True)
        sent = _Sent(target, kept, watch, _segmented(to, entry, claim, labeller, keys, record, target))
        work = Marking(
            OwnMarks(message, keys.mark_key, block=LIVE, labeller=labeller),
            lambda frame: _Coder(to, sent.give, size_of(frame), comment=COMMENT, **options), depth=DEPTH,
        )  # fmt: skip
        heard = hashlib.sha256()
        try:
            broken = _send(work, performance, aside, heard, sent, to, progress)
        finally:
            watch.close()
            aside.close()
        if not sent.fragments:
            if sent.begun:
                record.remove(entry.mark)
            raise broken or OutputError("no frame was made; nothing was written")
        if sent.lost:  # what was sent last could not be kept
            raise broken or OutputError(f"{target}: could not be written")
        alike = aside.judge()
        to.close()
        kept.seek(0)
        told = _told(claim, labeller, soundSha256=heard.hexdigest())
        with replacing(target) as final, nameless(target) as unsigned, plainly(target, unsigned):
            settle(kept, unsigned)
            made = finish(
                entry, target, final, unsigned, told, keys, record.settle, work.seconds(),
                frames=work.frames, printer=work.printer, duration=work.frames / FPS, likeness=alike,
                holds=performance.check,
                # What was sent cannot be marked again: where its mark was never read, nothing is saved either.
                again=(lambda number: strengthened(unsigned, message, keys.mark_key, number, room=target, **options))
                if watch.read
                else None,
            )  # fmt: skip
    return timed(made, started), broken


def _told(claim: Claim, labeller: Labeller, **more: str) -> Claim:
    """The claim of what is sent live, with the label that was drawn."""
    return replace(stating(claim, labeller), settings={**claim.settings, "live": True, **more})


def _segmented(
    to: Outlet, entry: Entry, claim: Claim, labeller: Labeller, keys: Keys, record: Registry, target: Path
) -> Segmented:
    """The outlet with credentials. Before anything is sent, the registry has the marks' message, and the manifest that
    the stream begins with."""

    def begin() -> Session:
        said = definition(
            _told(claim, labeller), title=claim.title or target.name, mime=VIDEO_TYPES[".mp4"],
            key_id=key_id(keys.mark_key), mark=entry.mark, sound_mark=entry.sound_mark,
        )  # fmt: skip
        return Session(said, keys.signer)

    def known(session: Session, head: bytes) -> None:
        record.add(entry)
        record.add_manifest(session.manifest, store_of(head), (), "")

    return Segmented(to, begin, known)


def _check(claim: Claim, crf: int) -> None:
    """Raise `UsageError` for what cannot be sent live."""
    if crf > COARSEST:
        raise UsageError(f"CRF {crf}: what is sent live is coded at {COARSEST} or finer, or its mark is lost")
    if isinstance(claim, Recorded):
        raise UsageError("claimed as recorded, but what is sent live is made here; claim it as generated")


def _send(
    work: Marking,
    performance: Performance,
    aside: Aside,
    heard: Any,
    sent: "_Sent",
    to: Outlet,
    progress: Callable[[int], None] | None,
) -> BaseException | None:
    """Feed the stages until the moments end. Returns what broke them off."""
    broken: BaseException | None = None
    coming, checked = pulled(performance.shown), time.monotonic()
    try:
        for count, moment in enumerate(coming, 1):
            if time.monotonic() - checked >= AGAIN:
                performance.permit.check()
                checked = time.monotonic()
            frame, sound = owned(moment.frame), owned(moment.sound)
            aside.see(frame)
            work.frame(frame)
            work.sound(sound)
            heard.update((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
            if progress is not None:
                with foreign():
                    progress(count)
    except BaseException as error:
        broken = error
        coming.close()
    try:
        work.close()
        sent.close()
    except BaseException as error:  # the stages themselves are broken, or somebody is tired of waiting for the reader
        to.close()
        work.abandon()
        broken = broken or error
    return broken


def _kept(error: BaseException, target: Path) -> BaseException:
    """The error, saying what became of the file; the caller's own as it was raised."""
    if isinstance(error, ForeignError):
        error = error.error
    if not isinstance(error, VasariError):
        return error
    said = type(error)(f"{error}; what was made until then is in {target}, signed")
    said.__cause__ = error
    return said


class _Coder(LiveEncoder):
    """Codes what was marked; then, when that is kept and on its way to be read back, the outlet is shown it."""

    def __init__(self, to: Outlet, *given: Any, **options: Any) -> None:
        self._to = to
        super().__init__(*given, **options)

    def write(self, frame: np.ndarray) -> None:
        """A marked frame, as `LiveEncoder.write`."""
        super().write(frame)
        self._to.marked(frame)

    def write_sound(self, samples: np.ndarray) -> None:
        """Marked sound, as `LiveEncoder.write_sound`."""
        super().write_sound(samples)
        self._to.marked(samples)

    def close(self) -> None:
        """All was marked."""
        super().close()
        self._to.marked(None)


class _Sent:
    """Keeps every piece before it is sent, has the marks read back, and sends it with credentials."""

    def __init__(self, target: Path, kept: Any, watch: LiveWatch, segmented: Segmented) -> None:
        self._target, self._watch = target, watch
        self._kept, self._segmented = kept, segmented
        self.begun = False  # something may have been sent
        self.fragments = 0  # kept whole
        self.lost = False  # something could not be kept

    def give(self, data: bytes, kind: str) -> None:
        """The head of the file, then fragments; as `media.encode.LiveEncoder` gives them."""
        self._watch.give(data, kind)
        self.lost = True
        with plainly(self._target):
            self._kept.write(data)
            self._kept.flush()
        self.lost = False
        self.fragments += kind != "head"
        self.begun = True
        self._segmented.give(data, kind)

    def close(self) -> None:
        """Nothing more comes: the last segment ends here."""
        self._segmented.close()
