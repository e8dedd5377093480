"""Who made this file, and is it as they left it? Credentials, picture mark and sound mark, judged together, offline."""

import os
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from media.errors import KeyMaterialError, NotLookedAtError, UnreadableError
from media.hashing import file_sha256
from media.kinds import STORE, kind_of
from media.probing import MediaInfo, probe
from media.spooling import settled
from media.words import plain
from provenance.credentials import elsewhere, manifest
from provenance.credentials.stapling import lookup_chain
from provenance.marks.alignment import Place
from provenance.marks.identity import key_id
from provenance.read import recording, statements
from provenance.read.coverage import stores, uncovered
from provenance.read.findings import PRESENT
from provenance.read.judgement import judge, lookup
from provenance.read.reading import read_other_tracks, read_picture_mark, read_sound_mark
from provenance.read.verdict import Credentials, Mark, Recovered, TimeStamp, Track, Verdict, Visible
from provenance.registry import ENVIRONMENT, Entry
from provenance.trust import timestamps
from provenance.trust.certificates import load_certificates
from provenance.trust.keys import Keys
from provenance.trust.revocation import Revocations, read_revoked

if TYPE_CHECKING:
    from provenance.registry import Registry

AROUND = 5.0  # seconds before and after what was registered that are compared too


def verify(
    path: str | os.PathLike[str],
    *,
    keys: Keys | None = None,
    anchors: Sequence[str | os.PathLike[str]] = (),
    revoked: Sequence[str | os.PathLike[str]] = (),
    authorities: Sequence[str | os.PathLike[str]] = (),
    fetch: Collection[str] = (),
    registry: "Registry | None" = None,
) -> Verdict:
    """Judge one file.

    Args:
        path: a picture, video or sound file, or a segment of a stream with its initialization segment beside it; of
            documents, drawings and manifest stores (pdf, svg, docx, c2pa ...) the credentials alone are read. What
            comes through a pipe is read once and kept meanwhile.
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
    with settled(path) as given, recording.joined(given) as file:
        info, unseen = _probed(file)
        trusted, lists, clocks = relied_on(keys, anchors, revoked, authorities)
        credentials = read_credentials(file, trusted, lists, clocks, fetch)
        alone = kind_of(file) == STORE
        if unseen is not None and credentials.state == "absent":
            raise unseen
        seen = _Seen()
        if keys is not None and info is not None:
            seen = _look(file, info, keys, registry, credentials, trusted, clocks)
        label = _visible(file, info, credentials, seen) if info is not None else None
        expired = seen.entry if credentials.trust == "expired" else None
        untouched = expired is not None and expired.file_sha256 == file_sha256(file)
    sound = seen.sound if keys is not None or info is None or info.has_sound else Mark(state="no_carrier")
    found = judge(
        credentials, seen.picture, sound, keys=seen.known, entry=seen.entry, recovered=seen.recovered,
        untouched=untouched, others=seen.others, generated=seen.generated, label=label,
        unseen="" if unseen is None else str(unseen).removeprefix(f"{file}: "), alone=alone,
    )  # fmt: skip
    return Verdict(
        file=os.fspath(path),
        kind="other" if info is None else info.kind,
        credentials=credentials,
        picture_mark=seen.picture,
        sound_mark=sound,
        other_tracks=list(seen.others),
        label=label,
        seconds=round(time.perf_counter() - started, 3),
        **found,
    )


def _probed(path: Path) -> tuple[MediaInfo | None, NotLookedAtError | None]:
    """What is in a file, or why only its credentials can be looked at."""
    try:
        return probe(path), None
    except NotLookedAtError as why:
        return None, why


@dataclass(frozen=True)
class _Seen:
    """What marks say of a file."""

    picture: Mark = Mark(state="not_checked")  # noqa: RUF009
    sound: Mark = Mark(state="not_checked")  # noqa: RUF009
    others: tuple[Track, ...] = ()
    known: tuple[str, ...] = ()  # identities of the keys that were looked for
    entry: Entry | None = None
    recovered: Recovered | None = None
    generated: bool = False  # what is registered under the mark, or a part of it, is
    place: Place | None = None  # how the pictures were moved since they were marked


def _look(
    path: Path,
    info: MediaInfo,
    keys: Keys,
    registry: "Registry | None",
    credentials: Credentials,
    trusted: str,
    clocks: str,
) -> _Seen:
    """Look for marks, under the key that the credentials promise first: of an intact file no other is tried then, nor
    is a mark searched for that was moved. The registry is opened where there is something to be looked up in it."""
    changed = not (credentials.state == "valid" and credentials.trust == "trusted")
    ring = sorted(keys.mark_keys, key=lambda key: key_id(key) != credentials.binding_key)
    picture, place = read_picture_mark(path, info, ring, search=changed)
    sound, speed = read_sound_mark(path, info, ring, search=changed)
    others = tuple(read_other_tracks(path, info, ring))
    known = tuple(key_id(key) for key in ring)
    marks = [picture, sound, *(track.mark for track in others)]
    marked = any(mark.state in PRESENT for mark in marks)
    if registry is None and (marked or ENVIRONMENT in os.environ):  # what is wrong with an address is said of any file
        from provenance.registry import open_registry

        registry = open_registry(keys.folder)
    if registry is None or not marked:
        return _Seen(picture, sound, others, known, place=place)
    from provenance.read.recovery import was_generated

    entry = _as_sent(lookup(picture, sound, registry, others), credentials, registry)
    recovered = None
    if credentials.state in ("absent", "unreadable"):
        entry, recovered = _recover(path, info, (picture, sound), place, speed, entry, registry, trusted, clocks)
    made = entry is not None and was_generated(entry, registry)
    return _Seen(picture, sound, others, known, entry, recovered, made, place)


def _as_sent(entry: Entry | None, credentials: Credentials, registry: "Registry") -> Entry | None:
    """What is registered, under the credentials that its stream was sent with where these are those."""
    sent = entry is not None and entry.kind == "live" and credentials.live
    if entry is None or not sent or registry.manifest_store(credentials.manifest) is None:
        return entry
    return replace(entry, manifest=credentials.manifest)


def _visible(path: Path, info: MediaInfo, credentials: Credentials, seen: _Seen) -> Visible | None:
    """The visible label that the file's own credentials state, or those of the output that it was recovered as."""
    stated = credentials.state in ("valid", "invalid")
    if not stated and (seen.recovered is None or seen.recovered.pictures == "other"):
        return None
    from provenance.read.labelled import look_for

    pieces = seen.picture.pieces if seen.picture.state == "found" else ()
    if stated:
        intact = credentials.state == "valid"  # and its mark is not read to the end then
        pieces = () if intact else pieces
        return look_for(path, info, credentials.label, place=seen.place, pieces=pieces, intact=intact)
    assert seen.recovered is not None
    begins = 0.0 if seen.recovered.length == "same" else None
    found = look_for(path, info, seen.recovered.label, place=seen.place, pieces=pieces, begins=begins)
    if found is not None and found.state == "removed" and not (pieces or seen.recovered.pictures == "same"):
        return found.model_copy(update={"state": "not_seen"})  # by the sound: there is no telling what is shown
    return found


def _recover(
    path: Path,
    info: MediaInfo,
    marks: tuple[Mark, Mark],
    place: Place | None,
    speed: float,
    entry: Entry | None,
    registry: "Registry",
    trusted: str,
    clocks: str,
) -> tuple[Entry | None, Recovered | None]:
    """What a stripped file is, and what the registry kept of it. A mark that is noticed but cannot be read is looked
    up by what is to be seen and heard."""
    from provenance.marks.fingerprint import LONGEST
    from provenance.read.identification import LOOKED_AT, by_content, look
    from provenance.read.recovery import recover, registered_seconds

    kept = registered_seconds(entry, registry)
    first = min((piece.start for mark in marks for piece in mark.pieces), default=0.0)
    start = float(int(max(0.0, first - kept - AROUND)))  # sound is read by the second
    # As much as was registered may lie before the place where a mark was read, and after it.
    seconds = LOOKED_AT if entry is None else min(2 * kept, LONGEST) + first - start + 2 * AROUND
    clip = look(path, info, place, speed=speed, start=start, seconds=seconds)
    if entry is None and clip is not None:
        for item in by_content(clip, registry, limit=1):
            entry = registry.by_manifest(item.label)
    if entry is None:
        return None, None
    return entry, recover(
        entry, registry, clip, trusted,
        authorities_pem=clocks, partly=place is not None, seconds=info.duration, start=start,
    )  # fmt: skip


def believed(path: Path, keys: Keys) -> dict[str, Any] | None:
    """What the credentials of a file say (as `manifest.read_store`), None unless they are intact and this maker's
    own, neither expired nor revoked."""
    anchors, lists, clocks = relied_on(keys)
    said = read_credentials(path, anchors, lists, clocks)
    if said.state != "valid" or said.trust != "trusted" or said.source != "file" or said.stores > 1:
        return None
    return manifest.read_store(path, anchors)


def read_credentials(
    path: Path,
    anchors_pem: str,
    revoked: Revocations = Revocations(),
    authorities_pem: str = "",
    fetch: Collection[str] = (),
) -> Credentials:
    """The C2PA part alone: what is in the file, else in a sidecar, else where the file says and `fetch` allows.

    Args:
        path: a file that can be read anywhere (`media.spooling.settled`).
    """
    place = _Place("file")
    read = partial(recording.read_store, path)
    store = read(anchors_pem)
    if store is None:
        place = _elsewhere(path, fetch)
        if place.store is not None:
            read = partial(manifest.read_store, path, store=place.store)
            store = read(anchors_pem)
    if store is None:
        return Credentials(state="absent", trust="not_applicable", remote=place.remote, notes=place.notes)
    number = max(1, stores(path)) if place.source == "file" else 1
    if store["state"] == "Unreadable":
        failures = [f"{'damaged beyond reading' if number == 1 else 'not read'}: {plain(c)}" for c in store["failures"]]
        return Credentials(
            state="unreadable", trust="not_applicable", failures=failures, source=place.source, notes=place.notes,
            stores=number,
        )  # fmt: skip
    store, stamp = _stamped(read, store, anchors_pem, authorities_pem)
    content = store["manifest"]
    certificate = content.get("signature", {}).get("certificateInfo", {})
    claim = content.get("claim.v2") or content.get("claim") or {}
    first = next(iter(statements.actions(content)), {})
    return Credentials(
        state="valid" if manifest.holds(store) else "invalid",
        **_trust(store, stamp, revoked, anchors_pem),
        timestamp=stamp,
        signer=certificate.get("subject", {}).get("CN", ""),
        issuer=certificate.get("issuer", {}).get("CN", ""),
        generator=_generator(claim),
        title=claim.get("dc:title", ""),
        manifest=store["label"],
        stores=number,
        made=first.get("when", ""),
        action=first.get("action", ""),
        digital_source_type=statements.origin(content),
        generated=statements.generated(store["manifests"]),
        failures=sorted({code for code in store["failures"] if code not in manifest.BYSTANDERS}),
        source=place.source,
        remote=place.remote,
        opened=statements.opened(content),
        opened_bindings=statements.opened_bindings(store["manifests"]),
        identities=statements.identities(content, store["identity_failures"], store["identity_passed"]),
        uncovered=uncovered(path, content),
        live=store.get("live", []),
        notes=place.notes + revoked.stale(store["signature"].chain),
        **statements.announced(content),
        **statements.bindings(content),
    )


def _generator(claim: dict[str, Any]) -> str:
    """Name and version of what made a claim, as it says."""
    told = claim.get("claim_generator_info") or {}
    told = told[0] if isinstance(told, list) else told
    return " ".join(str(told[k]) for k in ("name", "version") if k in told)


def _trust(store: dict[str, Any], stamp: TimeStamp | None, revoked: Revocations, anchors_pem: str) -> dict[str, Any]:
    """Whether the signer is trusted, and until when or since when not: those fields of `Credentials`."""
    intact, chain = manifest.holds(store), store["signature"].chain
    # Whose issuers are unknown may be revoked. The library's own word, "Trusted", counts what others vouch for too.
    trusted = intact and "signingCredential.trusted" in store["passed"] and bool(chain)
    expired = intact and manifest.EXPIRED in store["failures"]
    ended = store["manifest"].get("signature", {}).get("certificateInfo", {}).get("validity", {}).get("notAfter", "")
    listed = lookup_chain(store["signature"], revoked, anchors_pem)
    kept = stamp is not None and stamp.trust == "trusted"
    gone = trusted and listed and not (stamp and kept and stamp.time < timestamps.utc(listed.bound))
    return {
        "trust": "revoked" if gone else "trusted" if trusted else "expired" if expired else "untrusted",
        "revoked": f"{timestamps.utc(listed.when)} {listed.reason}".strip() if listed and trusted else "",
        "expired": timestamps.normal(ended) if expired else "",
        "good_until": "" if not trusted or gone or kept else timestamps.utc(min(c.not_valid_after_utc for c in chain)),
    }


@dataclass(frozen=True)
class _Place:
    """Where the credentials of a file are."""

    source: Literal["", "file", "sidecar", "remote"]
    remote: str = ""  # where the file says that they are
    store: bytes | None = None  # the manifest store, of those that are not in the file
    notes: list[str] = field(default_factory=list)


def _elsewhere(path: Path, fetch: Collection[str]) -> _Place:
    """Of a file that has none in it."""
    sidecar, (remote, odd) = elsewhere.find_sidecar(path), manifest.without(path)
    if sidecar is not None:
        return _Place("sidecar", remote, elsewhere.read_sidecar(sidecar), [f"from a sidecar file, {sidecar.name}"])
    if not remote:
        return _Place("", notes=[f"odd: it could not be searched for credentials ({odd})"] if odd else [])
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


def relied_on(
    keys: Keys | None,
    anchors: Iterable[str | os.PathLike[str]] = (),
    revoked: Iterable[str | os.PathLike[str]] = (),
    authorities: Iterable[str | os.PathLike[str]] = (),
) -> tuple[str, Revocations, str]:
    """This maker's own and what is given besides: roots that are trusted, what is revoked, roots trusted for times."""
    trusted = read_anchors(keys, anchors)
    lists = read_revoked([*(keys.lists if keys else ()), *revoked], trusted)
    return trusted, lists, read_anchors(None, [*(keys.time_anchors if keys else ()), *authorities])


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
