"""What credentials state, read out of the C2PA library's account of them (`credentials.manifest.read_store`): who else
vouches, what went into the file, which marks and which visible label are promised, whether it is generated. Pure: no
files."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, TypedDict

from media.words import plain
from provenance.credentials.manifest import BYSTANDERS, IDENTITY
from provenance.marks.identity import PICTURE_ALGORITHM, SOUND_ALGORITHM
from provenance.marks.label import ASPECT, CORNERS, DRAWING, LABELS, LONGEST
from provenance.marks.label import ASSERTION as LABEL
from provenance.marks.notice import ASSERTION as NOTICE
from provenance.marks.notice import MOST
from provenance.read.verdict import Identity, Opened, Spoken, Stated

GENERATED = frozenset(
    {"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", "compositeSynthetic"}
)
"""Digital source types (IPTC) that say that a computer made something or a part of it, learned or not."""
Binding = Literal["soft_binding", "sound_binding"]
ALGORITHMS: dict[str, Binding] = {PICTURE_ALGORITHM: "soft_binding", SOUND_ALGORITHM: "sound_binding"}
CHANGED = ("parentOf", "componentOf")  # what was opened is still to be seen in the file
LARGEST = 4096  # pixels of a visible label's height that are believed
DEEPEST = 16  # generations that are followed back
Manifest = Mapping[str, Any]
Code = tuple[str, str]


def assertions(content: Manifest) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(label, content) of those that have a content of names."""
    for label, said in (content.get("assertions") or {}).items():
        if isinstance(said, dict):
            yield label, said


def actions(content: Manifest) -> list[Mapping[str, Any]]:
    """In order, of all assertions of actions."""
    found = (said.get("actions") or [] for _, said in assertions(content))
    return [action for listed in found if isinstance(listed, list) for action in listed if isinstance(action, dict)]


def source_type(action: Mapping[str, Any]) -> str:
    """Last part of the IPTC address of where something comes from, "" where an action does not tell."""
    return str(action.get("digitalSourceType") or "").rsplit("/", 1)[-1]


def origin(content: Manifest) -> str:
    """Where a file comes from, in one IPTC word: that a computer made it or a part of it, if any action says so; else
    what the first action says that tells."""
    told = [kind for kind in map(source_type, actions(content)) if kind]
    return next((kind for kind in told if kind in GENERATED), told[0] if told else "")


class Bindings(TypedDict, total=False):
    """Fields of `Credentials`: the marks that a manifest promises."""

    soft_binding: str
    sound_binding: str
    binding_key: str


def bindings(content: Manifest) -> Bindings:
    """The marks that a manifest promises."""
    found: Bindings = {}
    for _, said in assertions(content):
        blocks = said.get("blocks")
        if said.get("alg") in ALGORITHMS and isinstance(blocks, list) and blocks and isinstance(blocks[0], dict):
            found[ALGORITHMS[said["alg"]]] = str(blocks[0].get("value", ""))
            found["binding_key"] = str(said.get("name", ""))
    return found


class Announced(TypedDict):
    """Fields of `Credentials`: what tells people who look or listen."""

    label: Stated | None
    notice: Spoken | None


def announced(content: Manifest) -> Announced:
    """What a manifest says of a visible label and of a spoken notice."""
    return {"label": visible_label(content), "notice": spoken_notice(content)}


def visible_label(content: Manifest) -> Stated | None:
    """What a manifest says of a visible label; None where it says nothing, or nothing that makes sense. Anybody can
    sign anything, so no word of it is taken as it is."""
    said = next((said for label, said in assertions(content) if label == LABEL), {})
    kind, reason = said.get("kind"), said.get("reason", "")
    if kind == "off":
        if not isinstance(reason, str):
            return None
        return Stated(kind="off", reason=plain(reason, LONGEST))
    box, frame, corner = said.get("box"), said.get("frame"), said.get("corner")
    if kind not in LABELS or corner not in CORNERS or said.get("drawing") != DRAWING:
        return None
    if not (_numbers(box, 4) and _numbers(frame, 2)):
        return None
    left, top, width, height = (float(share) for share in box or ())
    wide, high = (share * side for share, side in zip((width, height), frame or (), strict=True))
    inside = min(left, top) >= 0 and left + width <= 1.001 and top + height <= 1.001
    if not inside or not 1 <= high <= LARGEST or not ASPECT / 2 < wide / high < ASPECT * 2:
        return None
    return Stated(kind=kind, corner=corner, box=(left, top, width, height), pixels=(round(wide), round(high)))


def spoken_notice(content: Manifest) -> Spoken | None:
    """What a manifest says of a spoken notice; as `visible_label`."""
    said = next((said for label, said in assertions(content) if label == NOTICE), {})
    language, words, seconds = said.get("language"), said.get("words"), said.get("seconds")
    if not (isinstance(language, str) and isinstance(words, str) and _numbers([seconds], 1)):
        return None
    if not 0 < float(seconds or 0) <= MOST or said.get("place") != "start":
        return None
    return Spoken(language=plain(language, 16), words=plain(words, LONGEST), seconds=float(seconds or 0))


def _numbers(values: object, count: int) -> bool:
    """Whether these are so many finite numbers."""
    return (
        isinstance(values, list)
        and len(values) == count
        and all(type(value) in (int, float) and math.isfinite(value) for value in values)
    )


def lineage(manifests: Sequence[Manifest], relationships: Collection[str] = CHANGED) -> list[Manifest]:
    """The active manifest and those of the files that it was made of, generation by generation: by default of those
    that it still shows."""
    by_label = {str(content.get("label", "")): content for content in manifests}
    found, ahead = [], list(manifests[:1])
    for _ in range(DEEPEST):
        found += ahead
        known = {str(content.get("label", "")) for content in found}
        labels = {item.manifest for content in ahead for item in opened(content) if item.relationship in relationships}
        ahead = [by_label[label] for label in sorted(labels - known) if label in by_label]
        if not ahead:
            break
    return found


def generated(manifests: Sequence[Manifest]) -> bool:
    """Whether the credentials say, or those of a file that was opened do, that it or a part of it is generated."""
    return any(source_type(action) in GENERATED for content in lineage(manifests) for action in actions(content))


def opened_bindings(manifests: Sequence[Manifest]) -> list[str]:
    """Messages of marks that what went in promises. A portrait may leave its mark where its own pixels are."""
    promised = [bindings(content) for content in lineage(manifests, (*CHANGED, "inputTo"))[1:]]
    names: tuple[Binding, ...] = ("soft_binding", "sound_binding")
    return sorted({found[name] for found in promised for name in names if found.get(name)})


def opened(content: Manifest) -> list[Opened]:
    """What went into the file, as it was when it was signed."""
    found = []
    for label, said in assertions(content):
        if not label.startswith("c2pa.ingredient"):
            continue
        address = (said.get("activeManifest") or said.get("c2pa_manifest") or {}).get("url", "")
        results = (said.get("validationResults") or {}).get("activeManifest") or {}
        failures = [item.get("code", "?") for item in results.get("failure") or []]
        failures += [item.get("code", "?") for item in said.get("validationStatus") or []]
        broken = sorted(set(failures) - BYSTANDERS)
        broken = [code for code in broken if not code.startswith(IDENTITY)]
        found.append(
            Opened(
                title=str(said.get("dc:title") or said.get("title") or ""),
                relationship=str(said.get("relationship") or ""),
                manifest=address.rsplit("/", 1)[-1],
                state="broken" if broken else "intact" if address else "none",
                failures=broken,
            )
        )
    return found


def identities(content: Manifest, failures: Sequence[Code], passed: Sequence[Code]) -> list[Identity]:
    """Those who vouch besides the signer (CAWG identity assertions, 1.1).

    Args:
        failures, passed: (code, address of what it is about) of identities, as `manifest.read_store` has them.
    """
    found = []
    for label, said in assertions(content):
        if not label.startswith("cawg.identity"):
            continue
        signature = said.get("signature") or {}
        subject = (signature.get("certificateInfo") or {}).get("subject") or {}
        bad = sorted({code for code, place in failures if place.endswith(label)})
        trusted = not bad and any(code.endswith(".trusted") for code, place in passed if place.endswith(label))
        doubted = all(code.endswith(("untrusted", "untrusted_issuer")) for code in bad)
        found.append(
            Identity(
                name=str(subject.get("CN") or subject.get("O") or signature.get("issuer") or said.get("issuer") or ""),
                state="trusted" if trusted else "untrusted" if doubted else "invalid",
                failures=bad,
            )
        )
    return found
