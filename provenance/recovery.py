"""What is left of an output whose credentials are gone: its mark names it, the registry has its manifest, and a
perceptual hash tells whether the content is still what was registered. All offline.

    recover(entry, registry, clip, anchors) -> Recovered   what the registry can say of an output
    look(path) -> Clip                                     pictures and sound of a file, for comparison
    identify(path, keys, registry) -> [Found]              which manifests a file belongs to: by mark, then by content
    read_manifest(store, anchors) -> ManifestSays          a manifest store without its file
"""

import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import c2pa
import numpy as np

from media.errors import SpeechError, UnreadableError
from media.pictures import read_picture
from media.probing import MediaInfo, probe
from media.sound import iter_sound
from media.units import FPS
from media.video import VideoReader
from provenance import manifest
from provenance.fingerprint import (
    ALGORITHM,
    MOST,
    PHASES,
    STEP,
    Clip,
    Fingerprint,
    Fingerprinter,
    Similarity,
    compare,
    still_alike,
)
from provenance.keys import Keys
from provenance.registry import Entry, Registry
from provenance.verdict import Recovered
from provenance.watermark.identity import mark_hex, sound_mark_hex
from provenance.watermark.picture import PictureReader
from provenance.watermark.sound import SoundReader

LOOKED_AT = 20.0  # seconds of a file that are compared
STRIDE = 5  # every fifth frame is searched for a mark
# What a manifest store cannot show without its file, and who is trusted, is judged apart.
APART = ("assertion.dataHash.mismatch", "assertion.bmffHash.mismatch", "assertion.boxesHash.mismatch")
UNTRUSTED = "signingCredential.untrusted"
# Chosen on the clips described in docs/provenance.md. Shares of agreeing signs: below the first, content is other; from
# the second on, the same.
STILL, SOUND = (0.85, 0.93), (0.80, 0.93)
MOTION = 0.70
Alike = Literal["same", "unsure", "other", "not_compared"]


@dataclass(frozen=True)
class ManifestSays:
    """A manifest store read alone. `intact`: signature and hashes hold, but for that of the media elsewhere."""

    label: str
    intact: bool
    trusted: bool
    signer: str
    made: str
    bindings: tuple[tuple[str, str], ...]  # (algorithm, value) of its soft bindings


@dataclass(frozen=True)
class Found:
    """A manifest that a file belongs to."""

    label: str
    alg: str  # what found it
    score: int | None = None  # 0 to 100, of fingerprints


def read_manifest(store: bytes, anchors_pem: str = "") -> ManifestSays:
    """Read a C2PA manifest store (application/c2pa) without the file that it was made for.

    Raises:
        UnreadableError: it is none.
    """
    settings = json.loads(json.dumps(manifest.SETTINGS))
    settings["verify"]["verify_trust"] = True
    if anchors_pem:
        settings["trust"] = {"user_anchors": anchors_pem}
    try:
        context = c2pa.Context(c2pa.Settings.from_dict(settings))
        with c2pa.Reader("application/c2pa", io.BytesIO(store), context=context) as reader:
            found = (json.loads(reader.crjson()).get("manifests") or [{}])[0]
    except (c2pa.C2paError, ValueError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise UnreadableError(f"not a C2PA manifest store that can be read ({reason})") from error
    label = str(found.get("label", ""))
    results = found.get("validationResults") or {}
    failures = {item.get("code", "?") for item in results.get("failure", [])}
    passed = {item.get("code", "?") for item in results.get("success", [])}
    assertions = [a for a in (found.get("assertions") or {}).values() if isinstance(a, dict)]
    actions = [action for content in assertions for action in content.get("actions", [])]
    return ManifestSays(
        label=label,
        intact=bool(label) and "claimSignature.validated" in passed and not failures - {UNTRUSTED, *APART},
        trusted="signingCredential.trusted" in passed,
        signer=found.get("signature", {}).get("certificateInfo", {}).get("subject", {}).get("CN", ""),
        made=str(actions[0].get("when", "")) if actions else "",
        bindings=tuple(
            (str(content["alg"]), str(block.get("value", "")))
            for content in assertions
            for block in content.get("blocks") or []
            if "alg" in content and isinstance(block, dict)
        ),
    )


def recover(entry: Entry, registry: Registry, clip: Clip | None, anchors_pem: str) -> Recovered:
    """What the registry can say of an output that its mark names.

    Args:
        clip: what is to be seen and heard in the file that was found; None to leave it uncompared.
        anchors_pem: roots that are trusted.
    """
    store = registry.manifest_store(entry.manifest) if entry.manifest else None
    says = None
    if store is not None:
        try:
            says = read_manifest(store, anchors_pem)
        except UnreadableError:
            says = None
    belongs = says is not None and says.label == entry.manifest
    belongs = belongs and (manifest.PICTURE_ALGORITHM, entry.mark) in says.bindings
    pictures: Alike = "not_compared"
    sound: Alike = "not_compared"
    likeness = None
    kept = registry.prints(entry.mark) if clip is not None else None
    if kept is not None and clip is not None:
        likeness = compare(Fingerprint.from_bytes(kept), clip)
        pictures, sound = judged(likeness)
    return Recovered(
        manifest="absent" if says is None else "valid" if belongs and says.intact else "invalid",
        trust="not_applicable" if says is None else "trusted" if says.trusted and says.intact else "untrusted",
        signer=says.signer if says else "",
        made=(says.made if says else "") or entry.made,
        pictures=pictures,
        sound=sound,
        similarity=_score(likeness) / 100 if likeness else None,
    )


def judged(likeness: Similarity) -> tuple[Alike, Alike]:
    """Whether pictures and sound are what was registered: "same", "unsure", "other" or "not_compared"."""
    pictures, sound = _state(likeness.still, STILL), _state(likeness.sound, SOUND)
    if pictures == "same" and likeness.motion is not None and likeness.motion < MOTION:
        pictures = "unsure"  # the same person, but not seen to move the same way
    return pictures, sound


def _state(share: float | None, bounds: tuple[float, float]) -> Alike:
    if share is None:
        return "not_compared"
    return "same" if share >= bounds[1] else "other" if share < bounds[0] else "unsure"


def look(path: Path, info: MediaInfo | None = None) -> Clip | None:
    """Pictures and sound of the first 20 s of a file; None where nothing can be compared.

    Raises:
        UnreadableError: the file cannot be read.
    """
    clip, _, _ = _watch(path, info or probe(path), None, lambda: None)
    return clip


def identify(
    path: Path,
    keys: Keys,
    registry: Registry,
    *,
    algorithms: tuple[str, ...] = (manifest.PICTURE_ALGORITHM, manifest.SOUND_ALGORITHM, ALGORITHM),
    limit: int = 10,
    largest: int = 4096 * 4096,
    seconds: float = 20.0,
) -> list[Found]:
    """Which manifests of the registry a file belongs to, the surest first: by its picture mark, by its sound mark,
    then by what is to be seen and heard.

    Args:
        algorithms: names of soft bindings to look for.
        limit: at most so many.
        largest: pixels of a frame; more is refused.
        seconds: that it may take.

    Raises:
        UnreadableError: the file cannot be read, is too large, or took too long.
    """
    until = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > until:
            raise UnreadableError(f"{path}: could not be looked at within {seconds:g} s; send a shorter clip")

    info = probe(path)
    if info.width * info.height > largest:
        raise UnreadableError(f"{path}: {info.width}x{info.height} pixels; {largest} are the most that is looked at")
    clip, mark, sound_mark = _watch(path, info, keys, check)
    found: dict[str, Found] = {}
    for alg, value in ((manifest.PICTURE_ALGORITHM, mark), (manifest.SOUND_ALGORITHM, sound_mark)):
        if value and alg in algorithms:
            for label in registry.by_binding(alg, value, limit):
                found.setdefault(label, Found(label, alg))
    if ALGORITHM in algorithms and clip is not None:
        for item in by_content(clip, registry, limit, check):
            found.setdefault(item.label, item)
    return list(found.values())[:limit]


def by_content(clip: Clip, registry: Registry, limit: int, check: Callable[[], None] = lambda: None) -> list[Found]:
    """Outputs that look, move and sound as `clip` does, the most alike first."""
    found = []
    for mark in still_alike(clip, registry.stills(), STILL[1]):
        check()
        kept, entry = registry.prints(mark), registry.by_mark(mark)
        if kept is None or entry is None or not entry.manifest:
            continue
        likeness = compare(Fingerprint.from_bytes(kept), clip)
        if not {"other", "unsure"} & set(judged(likeness)):
            found.append(Found(entry.manifest, ALGORITHM, _score(likeness)))
    return sorted(found, key=lambda item: -(item.score or 0))[:limit]


def by_print(kept: Fingerprint, registry: Registry, limit: int) -> list[Found]:
    """As `by_content` for a hash that somebody else took: its signs count the same, sure or not."""
    signed = [np.where(part, np.float32(MOST), np.float32(-MOST)) for part in (kept.still, kept.motion, kept.sound)]
    return by_content(Clip(signed[0], signed[1], STEP, signed[2], 1), registry, limit)


def _score(likeness: Similarity) -> int:
    """0 by chance, 100 for the same: the least of what was compared."""
    shares = [share for share in (likeness.still, likeness.motion, likeness.sound) if share is not None]
    return round(100 * max(0.0, min(1.0, 2 * min(shares, default=0.5) - 1)))


def _watch(path: Path, info: MediaInfo, keys: Keys | None, check: Callable[[], None]) -> tuple[Clip | None, str, str]:
    """One pass over the beginning of a file: content, and with `keys` the messages of both marks."""
    printer = Fingerprinter(every=1, phases=PHASES)
    reader, listener = (PictureReader(keys.mark_key), SoundReader(keys.mark_key)) if keys else (None, None)
    for number, frame in enumerate(_frames(path, info)):
        check()
        printer.frame(frame)
        if reader is not None and number % STRIDE == 0:
            reader.add(frame)
    heard = 0.0
    try:
        for chunk in iter_sound(path, seconds=1.0) if info.has_sound else ():
            check()
            printer.sound(chunk)
            if listener is not None:
                listener.add(chunk)
            heard += 1.0
            if heard >= LOOKED_AT:
                break
    except (SpeechError, UnreadableError):
        pass  # a broken track is no sound
    message = reader.read().message if reader is not None and reader.frames else None
    sound = listener.read().message if listener is not None and heard else None
    try:
        clip = printer.clip()
    except ValueError:
        clip = None
    return clip, "" if message is None else mark_hex(message), "" if sound is None else sound_mark_hex(sound)


def _frames(path: Path, info: MediaInfo) -> Any:
    if info.kind == "picture":
        yield read_picture(path)
    elif info.kind == "video":
        for number, frame in enumerate(VideoReader(path, threads=1)):
            if number >= LOOKED_AT * FPS:
                return
            yield np.asarray(frame)
