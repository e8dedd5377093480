"""Who made this file, and is it as they left it? Credentials, picture mark and sound mark, judged together, offline."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from media.errors import KeyMaterialError, SpeechError, UnreadableError
from media.pictures import read_picture
from media.probing import MediaInfo, probe
from media.sound import iter_sound
from media.units import FPS
from media.video import VideoReader
from provenance import manifest
from provenance.boxes import uncovered_boxes
from provenance.certificates import load_certificates
from provenance.judgement import judge, lookup
from provenance.keys import Keys
from provenance.recovery import recover
from provenance.registry import Entry, Registry, open_registry
from provenance.revocation import Revoked, read_revoked
from provenance.search import by_content, look
from provenance.verdict import Credentials, Mark, Recovered, Verdict
from provenance.watermark.identity import key_id, mark_hex
from provenance.watermark.picture import PictureReader
from provenance.watermark.search import Place
from provenance.watermark.sound import SoundReader

STRIDE = 5  # every fifth frame is looked at: neighbours say the same
TRIES = (1, 4, 12, 30, 60)  # frames after which decoding is tried; most files need one
WINDOW = 20.0  # seconds at the start of each part of a long video that are searched
PARTS = 3
LONGEST_SOUND = 600.0  # seconds listened to


def verify(
    path: str | os.PathLike[str],
    *,
    keys: Keys | None = None,
    anchors: Sequence[str | os.PathLike[str]] = (),
    revoked: Sequence[str | os.PathLike[str]] = (),
    registry: Registry | None = None,
) -> Verdict:
    """Judge one file.

    Args:
        path: a picture, video or sound file.
        keys: this maker's: their root is trusted, their watermark key reads marks. Without them marks stay unread.
        anchors: PEM files with root certificates that are trusted besides.
        revoked: PEM files with lists of certificates that count no more; this maker's own list counts besides.
        registry: of marks; the one beside the keys when left out.

    Raises:
        UnreadableError: the file cannot be read.
        KeyMaterialError: an anchor or a list cannot be read.
    """
    started = time.perf_counter()
    path = Path(path)
    info = probe(path)
    trusted = read_anchors(keys, anchors)
    lists = read_revoked([*(keys.lists if keys else ()), *revoked], trusted)
    credentials = read_credentials(path, trusted, lists)
    entry = recovered = None
    if keys is None:
        unread = Mark(state="not_checked")
        picture, sound = unread, unread if info.has_sound else Mark(state="no_carrier")
        known = ""
    else:
        intact = credentials.state == "valid" and credentials.trust == "trusted"  # then nobody changed it
        picture, place = _picture_mark(path, info, keys, search=not intact)
        sound, speed = _sound_mark(path, info, keys, search=not intact)
        registry = registry or open_registry(keys.folder)
        known = key_id(keys.mark_key)
        entry = lookup(picture, sound, registry)
        if credentials.state == "absent" and {"found", "noticed"} & {picture.state, sound.state}:
            entry, recovered = _recover(path, info, place, speed, entry, registry, trusted)
    found = judge(credentials, picture, sound, key=known, entry=entry, recovered=recovered)
    return Verdict(
        file=str(path),
        kind=info.kind,
        credentials=credentials,
        picture_mark=picture,
        sound_mark=sound,
        seconds=round(time.perf_counter() - started, 3),
        **found,
    )


def _recover(
    path: Path,
    info: MediaInfo,
    place: Place | None,
    speed: float,
    entry: Entry | None,
    registry: Registry,
    trusted: str,
) -> tuple[Entry | None, Recovered | None]:
    """What a stripped file is, and what the registry kept of it. A mark that is noticed but cannot be read is looked
    up by what is to be seen and heard."""
    clip = look(path, info, place, speed=speed)
    if entry is None and clip is not None:
        for item in by_content(clip, registry, limit=1):
            entry = registry.by_manifest(item.label)
    return entry, recover(entry, registry, clip, trusted, partly=place is not None) if entry else None


def read_credentials(
    path: Path, anchors_pem: str, revoked: Mapping[tuple[str, int], Revoked] = MappingProxyType({})
) -> Credentials:
    """The C2PA part alone."""
    store = manifest.read_store(path, anchors_pem)
    if store is None:
        return Credentials(state="absent", trust="not_applicable")
    failures = sorted({code for code in store["failures"] if code != manifest.UNTRUSTED})
    intact = manifest.holds(store)
    content = store["manifest"]
    certificate = content.get("signature", {}).get("certificateInfo", {})
    claim = content.get("claim.v2") or content.get("claim") or {}
    generator = claim.get("claim_generator_info") or {}
    generator = generator[0] if isinstance(generator, list) else generator
    assertions = content.get("assertions") or {}
    actions = [a for v in assertions.values() if isinstance(v, dict) for a in v.get("actions", [])]
    first = actions[0] if actions else {}
    bindings = _bindings(assertions)
    trusted = store["state"] == "Trusted" and intact
    gone = _on_list(certificate, revoked)
    return Credentials(
        state="valid" if intact else "invalid",
        trust="revoked" if trusted and gone else "trusted" if trusted else "untrusted",
        revoked=f"{gone.when:%Y-%m-%dT%H:%M:%SZ} {gone.reason}".strip() if gone else "",
        signer=certificate.get("subject", {}).get("CN", ""),
        issuer=certificate.get("issuer", {}).get("CN", ""),
        generator=" ".join(str(generator[k]) for k in ("name", "version") if k in generator),
        title=claim.get("dc:title", ""),
        manifest=store["label"],
        made=first.get("when", ""),
        action=first.get("action", ""),
        digital_source_type=first.get("digitalSourceType", "").rsplit("/", 1)[-1],
        failures=failures,
        notes=[f"outside the signature: {box}" for box in uncovered_boxes(path)],
        **bindings,
    )


def _on_list(certificate: Mapping[str, Any], revoked: Mapping[tuple[str, int], Revoked]) -> Revoked | None:
    try:
        serial = int(certificate.get("serialNumber", ""), 16)
    except ValueError:
        return None
    return revoked.get((certificate.get("issuer", {}).get("CN", ""), serial))


def _bindings(assertions: dict[str, object]) -> dict[str, str]:
    found = {}
    names = {manifest.PICTURE_ALGORITHM: "soft_binding", manifest.SOUND_ALGORITHM: "sound_binding"}
    for content in assertions.values():
        if isinstance(content, dict) and content.get("alg") in names and content.get("blocks"):
            found[names[content["alg"]]] = str(content["blocks"][0].get("value", ""))
            found["binding_key"] = str(content.get("name", ""))
    return found


def read_anchors(keys: Keys | None, anchors: Iterable[str | os.PathLike[str]]) -> str:
    """The root certificates that are trusted, PEM. Raises `KeyMaterialError` for one that cannot be read."""
    parts = [keys.anchor_pem] if keys else []
    for anchor in anchors:
        try:
            parts.append(Path(anchor).read_bytes())
        except OSError as error:
            raise KeyMaterialError(f"{anchor}: anchor cannot be read ({error.strerror})") from error
        load_certificates(parts[-1], str(anchor))
    return "\n".join(part.decode() for part in parts)


def _picture_mark(path: Path, info: MediaInfo, keys: Keys, *, search: bool) -> tuple[Mark, Place | None]:
    """The mark, and where its grid lies if not over the whole picture; that is looked for with `search` only."""
    if info.kind == "sound":
        return Mark(state="no_carrier"), None
    reader = PictureReader(keys.mark_key)
    if info.kind == "picture":
        reader.add(read_picture(path))
        return _mark_of(reader, search=search)
    starts = [0.0]
    if info.duration > 2 * PARTS * WINDOW:
        starts = [info.duration * part / PARTS for part in range(PARTS)]
    for start in starts:  # the message may be missing from the beginning, if something was put before it
        reader.reset(attempts=reader.attempts)
        try:
            mark, place = _search(VideoReader(path, start=start), reader, search=search)
        except UnreadableError:
            if start == 0.0:
                raise
            continue
        if mark.state != "absent":
            return mark, place
    return Mark(state="absent", p_value=mark.p_value, looked_at=mark.looked_at), None


def _search(video: VideoReader, reader: PictureReader, *, search: bool) -> tuple[Mark, Place | None]:
    """Look at ever more frames until the message is read; then for a grid that does not lie where it was laid."""
    for number, frame in enumerate(video):
        if number >= WINDOW * FPS:
            break
        if number % STRIDE:
            continue
        reader.add(frame)
        if reader.frames in TRIES:
            found = _mark_of(reader)
            if found[0].state == "found":
                return found
    return _mark_of(reader, search=search)


def _mark_of(reader: PictureReader, *, search: bool = False) -> tuple[Mark, Place | None]:
    reading = reader.read(search=search)
    state = "found" if reading.message is not None else "noticed" if reading.noticed else "absent"
    mark = Mark(
        state=state,
        message="" if reading.message is None else mark_hex(reading.message),
        p_value=reading.p_value,
        looked_at=reading.frames,
        moved="" if reading.place is None else str(reading.place),
    )
    return mark, reading.place


def _sound_mark(path: Path, info: MediaInfo, keys: Keys, *, search: bool) -> tuple[Mark, float]:
    """The mark, and at which speed it is played; other speeds are looked for with `search` only."""
    if not info.has_sound:
        return Mark(state="no_carrier"), 1.0
    reader = SoundReader(keys.mark_key)
    heard = 0.0
    try:
        for chunk in iter_sound(path, seconds=10.0):
            reader.add(chunk)
            heard += 10.0
            if heard >= LONGEST_SOUND:
                break
    except (SpeechError, UnreadableError):
        return Mark(state="no_carrier"), 1.0
    reading = reader.read(search=search)
    looked_at = round(reading.seconds, 2)
    if reading.silent:
        return Mark(state="no_carrier", looked_at=looked_at), 1.0
    mark = Mark(
        state="found" if reading.message is not None else "noticed" if reading.noticed else "absent",
        message="" if reading.message is None else f"{reading.message:06x}",
        p_value=reading.p_value,
        looked_at=looked_at,
        moved="" if reading.speed == 1.0 else f"played at {round(reading.speed, 4):g} times the speed",
    )
    return mark, reading.speed
