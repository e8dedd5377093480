"""Who made this file, and is it as they left it? Credentials, picture mark and sound mark, judged together, offline."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from media.errors import KeyMaterialError, UnreadableError
from media.probing import MediaInfo, probe
from provenance import elsewhere, manifest, timestamps
from provenance.boxes import uncovered_boxes
from provenance.certificates import load_certificates
from provenance.claims import PICTURE_ALGORITHM, SOUND_ALGORITHM
from provenance.hashing import file_sha256
from provenance.judgement import judge, lookup
from provenance.keys import Keys
from provenance.reading import read_picture_mark, read_sound_mark
from provenance.recovery import recover
from provenance.registry import Entry, Registry, open_registry
from provenance.revocation import Revocations, read_revoked
from provenance.search import by_content, look
from provenance.stapling import lookup_chain
from provenance.verdict import Credentials, Mark, Recovered, TimeStamp, Verdict
from provenance.watermark.identity import key_id
from provenance.watermark.search import Place


def verify(
    path: str | os.PathLike[str],
    *,
    keys: Keys | None = None,
    anchors: Sequence[str | os.PathLike[str]] = (),
    revoked: Sequence[str | os.PathLike[str]] = (),
    authorities: Sequence[str | os.PathLike[str]] = (),
    fetch: Collection[str] = (),
    registry: Registry | None = None,
) -> Verdict:
    """Judge one file.

    Args:
        path: a picture, video or sound file.
        keys: this maker's: their root is trusted, their watermark key reads marks. Without them marks stay unread.
        anchors: PEM files with root certificates that are trusted besides.
        revoked: PEM files with lists of certificates that count no more; this maker's own list counts besides.
        authorities: PEM files with root certificates of time-stamp authorities, which are trusted for times alone;
            this maker's own count besides.
        fetch: hosts that may be asked for credentials that a file without any says lie there; none when left out.
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
    clocks = read_anchors(None, [*(keys.time_anchors if keys else ()), *authorities])
    credentials = read_credentials(path, trusted, lists, clocks, fetch)
    entry = recovered = None
    if keys is None:
        unread = Mark(state="not_checked")
        picture, sound = unread, unread if info.has_sound else Mark(state="no_carrier")
        known: list[str] = []
    else:
        intact = credentials.state == "valid" and credentials.trust == "trusted"  # then nobody changed it
        # The key that the credentials promise comes first: of an intact file no other is tried then.
        ring = sorted(keys.mark_keys, key=lambda key: key_id(key) != credentials.binding_key)
        picture, place = read_picture_mark(path, info, ring, search=not intact)
        sound, speed = read_sound_mark(path, info, ring, search=not intact)
        registry = registry or open_registry(keys.folder)
        known = [key_id(key) for key in ring]
        entry = lookup(picture, sound, registry)
        if credentials.state == "absent" and {"found", "noticed"} & {picture.state, sound.state}:
            entry, recovered = _recover(path, info, place, speed, entry, registry, trusted, clocks)
    untouched = False
    if credentials.trust == "expired" and entry is not None:
        untouched = entry.file_sha256 == file_sha256(path)
    found = judge(credentials, picture, sound, keys=known, entry=entry, recovered=recovered, untouched=untouched)
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
    clocks: str,
) -> tuple[Entry | None, Recovered | None]:
    """What a stripped file is, and what the registry kept of it. A mark that is noticed but cannot be read is looked
    up by what is to be seen and heard."""
    clip = look(path, info, place, speed=speed)
    if entry is None and clip is not None:
        for item in by_content(clip, registry, limit=1):
            entry = registry.by_manifest(item.label)
    if entry is None:
        return None, None
    return entry, recover(entry, registry, clip, trusted, authorities_pem=clocks, partly=place is not None)


def believed(path: Path, keys: Keys) -> dict[str, Any] | None:
    """What the credentials of a file say (as `manifest.read_store`), None unless they are intact and this maker's own,
    neither expired nor revoked."""
    anchors = read_anchors(keys, ())
    said = read_credentials(path, anchors, read_revoked(keys.lists, anchors), read_anchors(None, keys.time_anchors))
    if said.state != "valid" or said.trust != "trusted" or said.source != "file":
        return None
    return manifest.read_store(path, anchors)


def read_credentials(
    path: Path,
    anchors_pem: str,
    revoked: Revocations = Revocations(),
    authorities_pem: str = "",
    fetch: Collection[str] = (),
) -> Credentials:
    """The C2PA part alone: what is in the file, else in a sidecar, else where the file says and `fetch` allows."""
    place = _Place("file")
    read = partial(manifest.read_store, path)
    store = read(anchors_pem)
    if store is None:
        place = _elsewhere(path, fetch)
        if place.store is not None:
            read = partial(manifest.read_store, path, store=place.store)
            store = read(anchors_pem)
    if store is None:
        return Credentials(state="absent", trust="not_applicable", remote=place.remote, notes=place.notes)
    store, stamp = _stamped(read, store, anchors_pem, authorities_pem)
    failures = sorted({code for code in store["failures"] if code not in manifest.BYSTANDERS})
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
    chain = store["signature"].chain
    trusted = store["state"] == "Trusted" and intact and bool(chain)  # whose issuers are unknown may be revoked
    expired = intact and manifest.EXPIRED in store["failures"]
    listed = lookup_chain(store["signature"], revoked, anchors_pem)
    gone = trusted and listed and not (stamp and stamp.trust == "trusted" and stamp.time < timestamps.utc(listed.bound))
    return Credentials(
        state="valid" if intact else "invalid",
        trust="revoked" if gone else "trusted" if trusted else "expired" if expired else "untrusted",
        revoked=f"{timestamps.utc(listed.when)} {listed.reason}".strip() if listed and trusted else "",
        expired=timestamps.normal(certificate.get("validity", {}).get("notAfter", "")) if expired else "",
        timestamp=stamp,
        signer=certificate.get("subject", {}).get("CN", ""),
        issuer=certificate.get("issuer", {}).get("CN", ""),
        generator=" ".join(str(generator[k]) for k in ("name", "version") if k in generator),
        title=claim.get("dc:title", ""),
        manifest=store["label"],
        made=first.get("when", ""),
        action=first.get("action", ""),
        digital_source_type=first.get("digitalSourceType", "").rsplit("/", 1)[-1],
        failures=failures,
        source=place.source,
        remote=place.remote,
        notes=place.notes + revoked.stale(chain) + [f"outside the signature: {box}" for box in uncovered_boxes(path)],
        **bindings,
    )


@dataclass(frozen=True)
class _Place:
    """Where the credentials of a file are."""

    source: Literal["", "file", "sidecar", "remote"]
    remote: str = ""  # where the file says that they are
    store: bytes | None = None  # the manifest store, of those that are not in the file
    notes: list[str] = field(default_factory=list)


def _elsewhere(path: Path, fetch: Collection[str]) -> _Place:
    """Of a file that has none in it."""
    remote, sidecar = manifest.remote_url(path), elsewhere.find_sidecar(path)
    if sidecar is not None:
        return _Place("sidecar", remote, elsewhere.read_sidecar(sidecar), [f"from a sidecar file, {sidecar.name}"])
    if not remote:
        return _Place("")
    if not fetch:
        return _Place("", remote, notes=[f"credentials may lie at {remote}, which was not asked (--fetch)"])
    try:
        return _Place("remote", remote, elsewhere.fetch(remote, fetch), [f"fetched from {remote}"])
    except UnreadableError as error:
        return _Place("", remote, notes=[f"credentials were not to be had: {error}"])


def _stamped(
    read: Callable[[str], dict[str, Any] | None], store: dict[str, Any], anchors_pem: str, authorities_pem: str
) -> tuple[dict[str, Any], TimeStamp | None]:
    """The time stamp of the signature; and the credentials again, as of that time, where the certificate has expired.

    The library trusts roots for signatures and times alike, whatever it is told they are for, so it is asked with each
    list by itself: else whoever got a certificate of any kind below an authority's root would be trusted to sign.
    """
    found = timestamps.stamped(store)
    if found is None:
        return store, None
    if not found["time"] or "timeStamp.validated" not in store["passed"]:
        return store, TimeStamp(**found, trust="invalid")
    clocks = read(authorities_pem) if authorities_pem else None
    if clocks is None or "timeStamp.trusted" not in clocks["passed"]:
        return store, TimeStamp(**found, trust="untrusted")
    if manifest.EXPIRED in store["failures"] and "signingCredential.trusted" not in clocks["passed"]:
        store = read(f"{anchors_pem}\n{authorities_pem}") or store
    return store, TimeStamp(**found, trust="trusted")


def _bindings(assertions: dict[str, object]) -> dict[str, str]:
    found = {}
    names = {PICTURE_ALGORITHM: "soft_binding", SOUND_ALGORITHM: "sound_binding"}
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
