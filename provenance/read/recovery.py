"""What the registry can say of an output whose credentials are gone: its manifest, read without the file, and whether
the content is still what was registered. All offline.

    recover(entry, registry, clip, anchors) -> Recovered
    read_manifest(store, anchors) -> ManifestSays          a manifest store without its file
    judged(likeness), score(likeness)                      what a similarity means
"""

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import c2pa

from media.errors import UnreadableError
from provenance.credentials import manifest
from provenance.marks.fingerprint import LONGEST, Clip, Fingerprint, Found, Similarity, compare
from provenance.marks.identity import PICTURE_ALGORITHM, SOUND_ALGORITHM
from provenance.read import statements
from provenance.read.verdict import Match, Recovered, Stated
from provenance.registry import Entry

if TYPE_CHECKING:
    from provenance.registry import Registry

# What a manifest store cannot show without its file, and who is trusted, is judged apart.
APART = ("assertion.dataHash.mismatch", "assertion.bmffHash.mismatch", "assertion.boxesHash.mismatch")
# Chosen on the clips described in docs/provenance.md. Shares of agreeing signs: below the first, content is other; from
# the second on, the same.
STILL, SOUND = (0.85, 0.93), (0.80, 0.93)
MOTION = 0.85
MOSTLY = 0.75  # share of the seconds that fit, from which sound is not told to be another (of others': 0.51 at most)
SLACK = 0.25  # seconds by which encoders lengthen or shorten a clip
NOT_GENERATED = ("mark",)  # commands that mark what others made
ALONE = 0.97  # of a still picture, where there is nothing else by which an output could be found
Alike = Literal["same", "unsure", "other", "not_compared"]


@dataclass(frozen=True)
class ManifestSays:
    """A manifest store read alone. `intact`: signature and hashes hold, but for that of the media elsewhere."""

    label: str
    intact: bool
    trusted: bool
    signer: str
    made: str
    expired: bool  # its certificate, and no trusted time stamp shows that it had not when it signed
    stamped: bool  # by an authority below one of the roots
    bindings: tuple[tuple[str, str], ...]  # (algorithm, value) of its soft bindings
    keys: tuple[str, ...] = ()  # identities of the watermark keys that read them, one for each
    generated: bool = False  # it says that what it is of, or a part, is
    visible: Stated | None = None  # label, as it says


def read_manifest(store: bytes, anchors_pem: str = "") -> ManifestSays:
    """Read a C2PA manifest store (application/c2pa) without the file that it was made for.

    Raises:
        UnreadableError: it is none.
    """
    try:
        with c2pa.Reader("application/c2pa", io.BytesIO(store), context=manifest.trusting(anchors_pem)) as reader:
            manifests = json.loads(reader.crjson()).get("manifests") or [{}]
    except (c2pa.C2paError, ValueError) as error:
        reason = (str(error).splitlines() or ["damaged"])[0]
        raise UnreadableError(f"not a C2PA manifest store that can be read ({reason})") from error
    found = manifests[0]
    label = str(found.get("label", ""))
    results = found.get("validationResults") or {}
    failures = {item.get("code", "?") for item in results.get("failure", [])}
    apart = {manifest.UNTRUSTED, manifest.EXPIRED, *APART}
    passed = {item.get("code", "?") for item in results.get("success", [])}
    actions = statements.actions(found)
    bound = [
        (str(content["alg"]), str(block.get("value", "")), str(content.get("name", "")))
        for _, content in statements.assertions(found)
        for block in content.get("blocks") or []
        if "alg" in content and isinstance(block, dict)
    ]
    return ManifestSays(
        label=label,
        intact=bool(label) and "claimSignature.validated" in passed and not failures - apart,
        trusted="signingCredential.trusted" in passed,
        signer=found.get("signature", {}).get("certificateInfo", {}).get("subject", {}).get("CN", ""),
        made=str(actions[0].get("when", "")) if actions else "",
        expired=manifest.EXPIRED in failures,
        stamped="timeStamp.trusted" in passed,
        bindings=tuple((alg, value) for alg, value, _ in bound),
        keys=tuple(key for _, _, key in bound),
        generated=statements.generated(manifests),
        visible=statements.visible_label(found),
    )


def _kept_manifest(store: bytes, anchors_pem: str, authorities_pem: str) -> ManifestSays | None:
    """What a kept manifest says, as of the time of a trusted stamp where its certificate has expired since; roots are
    asked apart, as in `verification`."""
    try:
        says = read_manifest(store, anchors_pem)
        if says.expired and authorities_pem:
            clock = read_manifest(store, authorities_pem)
            if clock.stamped and not clock.trusted:
                return read_manifest(store, f"{anchors_pem}\n{authorities_pem}")
    except UnreadableError:
        return None
    return says


def recover(
    entry: Entry,
    registry: "Registry",
    clip: Clip | None,
    anchors_pem: str,
    *,
    authorities_pem: str = "",
    partly: bool = False,
    seconds: float = 0.0,
    start: float = 0.0,
) -> Recovered:
    """What the registry can say of an output that its mark names: pictures, sound and length, each by itself.

    Args:
        clip: what is to be seen and heard in the file that was found; None to leave it uncompared.
        anchors_pem: roots that are trusted.
        authorities_pem: roots of time-stamp authorities that are.
        partly: the pictures were turned or cut, so that parts may be missing: what is not the same is unsure then.
        seconds: that the file lasts.
        start: seconds into the file at which `clip` begins.
    """
    store = registry.manifest_store(entry.manifest) if entry.manifest else None
    says = None if store is None else _kept_manifest(store, anchors_pem, authorities_pem)
    bindings = {(PICTURE_ALGORITHM, entry.mark), (SOUND_ALGORITHM, entry.sound_mark)}
    belongs = says is not None and says.label == entry.manifest and not bindings.isdisjoint(says.bindings)
    pictures: Alike = "not_compared"
    sound: Alike = "not_compared"
    likeness = None
    kept = registry.prints(entry.mark) if clip is not None else None
    length: dict[str, Any] = {}
    if kept is not None and clip is not None:
        known = Fingerprint.from_bytes(kept)
        likeness = compare(known, clip)
        pictures, sound = judged(likeness)
        pictures = "unsure" if partly and pictures == "other" else pictures
        pictures, sound = _accused(pictures, sound, likeness)
        length = _length(known.seconds, seconds) if seconds and len(known.motion) + len(known.sound) else {}
    return Recovered(
        manifest="absent" if says is None else "valid" if belongs and says.intact else "invalid",
        trust="not_applicable" if says is None else "trusted" if says.trusted and says.intact else "untrusted",
        signer=says.signer if says else "",
        made=(says.made if says else "") or entry.made,
        label=says.visible if says and belongs and says.intact else None,
        pictures=pictures,
        sound=sound,
        **length,
        **(dict[str, Any](_matches(likeness, start)) if likeness else {}),
    )


def _accused(pictures: Alike, sound: Alike, likeness: Similarity) -> tuple[Alike, Alike]:
    """ "other" only where that is sure: sound that was stretched, or pictures that were sped up, fit nowhere in time
    either. So of two, the one accuses the other only if it shows that time passes as it did."""
    if sound == "other" and pictures != "not_compared" and (likeness.motion or 0.0) < MOTION:
        sound = "unsure"
    return pictures, sound


def _length(registered: float, seconds: float) -> dict[str, Any]:
    longest = registered >= LONGEST  # more was not kept
    gap = seconds - registered
    state = "same" if abs(gap) <= SLACK or (longest and gap > 0) else "longer" if gap > 0 else "shorter"
    return {"length": state, "seconds": round(seconds, 2), "registered_seconds": round(registered, 2)}


def _matches(likeness: Similarity, start: float) -> dict[str, Match | None]:
    seen = min((share for share in (likeness.still, likeness.motion) if share is not None), default=None)
    return {
        "pictures_match": _match(seen, likeness.pictures_at, start),
        "sound_match": _match(likeness.sound, likeness.sound_at, start),
    }


def _match(share: float | None, found: Found | None, start: float) -> Match | None:
    if share is None:
        return None
    places = [(round(begin + start, 2), round(end + start, 2)) for begin, end in found.places] if found else []
    part = round(found.share, 3) if found else 1.0
    return Match(similarity=round(max(0.0, 2 * share - 1), 3), share=part, places=places)


def registered_seconds(entry: Entry | None, registry: "Registry") -> float:
    """How long an output lasted, as far as its perceptual hash was kept; 0 where that is not known."""
    kept = registry.prints(entry.mark) if entry is not None else None
    return Fingerprint.from_bytes(kept).seconds if kept is not None else 0.0


def was_generated(entry: Entry, registry: "Registry") -> bool:
    """Whether an output, or a part of it, is generated: by its manifest where that was kept, else by the command."""
    store = registry.manifest_store(entry.manifest) if entry.manifest else None
    try:
        return read_manifest(store).generated if store is not None else entry.command not in NOT_GENERATED
    except UnreadableError:
        return entry.command not in NOT_GENERATED


def judged(likeness: Similarity) -> tuple[Alike, Alike]:
    """Whether pictures and sound are what was registered: "same", "unsure", "other" or "not_compared"."""
    pictures, sound = _state(likeness.still, STILL), _state(likeness.sound, SOUND)
    if sound == "other" and likeness.sound_at is not None and likeness.sound_at.share >= MOSTLY:
        sound = "unsure"  # tones that stay leave few signs, and an encoder turns some; but second by second it fits
    if pictures == "same" and likeness.motion is not None and likeness.motion < MOTION:
        pictures = "unsure"  # the same person, but not seen to move the same way
    return pictures, sound


def _state(share: float | None, bounds: tuple[float, float]) -> Alike:
    if share is None:
        return "not_compared"
    return "same" if share >= bounds[1] else "other" if share < bounds[0] else "unsure"


def score(likeness: Similarity) -> int:
    """0 by chance, 100 for the same: the least of what was compared."""
    shares = [share for share in (likeness.still, likeness.motion, likeness.sound) if share is not None]
    return round(100 * max(0.0, min(1.0, 2 * min(shares, default=0.5) - 1)))
