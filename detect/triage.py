"""One verdict on one file: credentials first and marks second, which are facts; the detector last, an estimate.

An estimate never overturns a fact: what a known maker signed and marked is known, however it looks. Facts that
contradict each other are findings in their own right, whatever the detector says.

    join(provenance, detection) -> Triage       what a file amounts to
    sentence(provenance, detection)             the one sentence to quote: the command, the record and all pages say it
"""

from typing import Literal

from pydantic import Field

from detect.result import SAYS, Detection, Record
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_SYNTHETIC, EXIT_TAMPERED
from provenance.read.verdict import Verdict

SCHEMA_VERSION = 1
CAPTURED = frozenset({"digitalCapture", "computationalCapture", "negativeFilm", "positiveFilm", "print"})
"""Digital source types (IPTC) that say "a camera took this"."""
OPENED = "c2pa.opened"  # first action of credentials over what others made
OTHERS = "mark"  # command, in the registry, that lays marks over what others made


class Triage(Record):
    """Everything that is known of a file, and what it amounts to."""

    schema_version: int = SCHEMA_VERSION
    file: str
    kind: Literal["picture", "video", "sound", "other"]
    verdict: Literal["known_maker", "nothing_found", "tampered", "synthetic"]
    exit_code: int
    summary: str  # `sentence`: for people, to be quoted
    settled: bool = False  # facts say how it was made; the estimate is a footnote
    findings: list[str]  # what speaks for the verdict, facts first
    contradictions: list[str] = Field(default_factory=list)  # facts that cannot both be true
    provenance: Verdict  # facts: credentials and marks
    detection: Detection | None  # the estimate; None where there is no picture to look at


def join(provenance: Verdict, detection: Detection | None) -> Triage:
    """The verdict that facts and estimate amount to."""
    contradictions = _contradictions(provenance)
    verdict: Literal["known_maker", "nothing_found", "tampered", "synthetic"]
    synthetic = detection is not None and detection.verdict == "synthetic"
    if provenance.verdict == "tampered" or contradictions:
        verdict, code = "tampered", EXIT_TAMPERED
    elif provenance.verdict == "known_maker":
        verdict, code = "known_maker", EXIT_KNOWN
    elif synthetic:
        verdict, code = "synthetic", EXIT_SYNTHETIC
    else:
        verdict, code = "nothing_found", EXIT_NOTHING
    return Triage(
        file=provenance.file,
        kind=provenance.kind,
        verdict=verdict,
        exit_code=code,
        summary=sentence(provenance, detection),
        settled=settled(provenance),
        findings=[*(f"fact: {reason}" for reason in provenance.reasons), *_estimate(provenance, detection)],
        contradictions=contradictions,
        provenance=provenance,
        detection=detection,
    )


def sentence(provenance: Verdict, detection: Detection | None) -> str:
    """What may be quoted of a file: facts where there are some, else the estimate, called one."""
    contradictions, words = _contradictions(provenance), provenance.summary
    if contradictions:
        words = f"contradictory: {contradictions[0]}"
    elif provenance.verdict == "tampered" and settled(provenance):
        words = f"AI-generated, at least in part; {words}".replace("; recovered: ", ": ")
    elif provenance.verdict == "tampered" and _registered_as_made(provenance):
        words += "; its marks are those of what is registered as AI-generated, at least in part"
    elif provenance.verdict == "nothing_found":
        known = "no maker known" if provenance.credentials.state == "absent" else words
        words = f"{known}; {_by_detector(detection)}"
    return f"{words[:1].upper()}{words[1:]}."


def settled(provenance: Verdict) -> bool:
    """Whether facts say how it was made, so that an estimate of it is a footnote: its credentials, or those that the
    registry kept of what is still to be seen."""
    if provenance.verdict == "known_maker":
        return provenance.credentials.generated
    found = provenance.origin.recovered if provenance.origin else None
    kept = found is not None and (found.manifest, found.trust, found.pictures) == ("valid", "trusted", "same")
    return kept and _registered_as_made(provenance)


def _registered_as_made(provenance: Verdict) -> bool:
    """Whether a mark was read, and nothing speaks against it, of what the registry knows as generated."""
    read = "found" in (provenance.picture_mark.state, provenance.sound_mark.state)
    known = provenance.origin is not None and marks_stand_for(provenance) == "made"
    return read and known and provenance.agreement != "contradict" and not _contradictions(provenance)


def _contradictions(provenance: Verdict) -> list[str]:
    """Facts that cannot both be true: said to be taken by a camera, and marked as made here. A mark that was laid over
    what others made (`vasari mark`), or what a camera recorded, contradicts no camera."""
    credentials, stands_for = provenance.credentials, marks_stand_for(provenance)
    if credentials.state == "absent" or credentials.digital_source_type not in CAPTURED or stands_for == "others":
        return []
    mark = {
        "made": "the mark of what is made here",
        "unknown": "this maker's mark, and nothing shows that it was laid over what others made",
    }[stands_for]
    said = f"the credentials say that a camera took it ({credentials.digital_source_type})"
    borne = (("pictures bear", provenance.picture_mark), ("sound bears", provenance.sound_mark))
    return [f"{said}, but its {words} {mark}" for words, found in borne if found.state in ("found", "noticed")]


def marks_stand_for(provenance: Verdict) -> Literal["made", "others", "unknown"]:
    """What the marks of a file say of it, by the registry first, then by credentials that promise them: that it was
    made here, or only marked, as others made it."""
    if provenance.origin is not None:
        made = provenance.origin.generated and provenance.origin.command != OTHERS
        return "made" if made else "others"
    credentials = provenance.credentials
    if credentials.state == "valid" and (credentials.soft_binding or credentials.sound_binding):
        return "made" if credentials.generated or credentials.action != OPENED else "others"
    return "unknown"


def _estimate(provenance: Verdict, detection: Detection | None) -> list[str]:
    """What the detector adds, in words."""
    if settled(provenance):
        where = "credentials" if provenance.verdict == "known_maker" else "registered credentials"
        return [f"estimate: not needed, the {where} say how it was made{_by_looks(detection)}"]
    if detection is None:
        return ["estimate: none, there are no pictures"]
    if detection.verdict == "cannot_tell":
        return [f"estimate: cannot tell ({detection.reason})"]
    low, high = detection.interval or (0.0, 1.0)
    lines = [f"estimate: {SAYS[detection.verdict]}, {detection.probability:.0%} (95%: {low:.0%} to {high:.0%})"]
    credentials = provenance.credentials
    if detection.verdict == "synthetic" and credentials.digital_source_type in CAPTURED:
        lines.append("the estimate speaks against credentials that say that a camera took it; look closer")
    elif detection.verdict == "synthetic" and provenance.verdict == "known_maker" and credentials.action == OPENED:
        lines.append("whoever is known here says nothing of where it comes from; the estimate is of what others made")
    return lines


def _by_looks(detection: Detection | None) -> str:
    """ " (by looks alone: ...)", for a footnote."""
    if detection is None or detection.probability is None:
        return ""
    return f" (by looks alone: {SAYS[detection.verdict]}, {detection.probability:.0%})"


def _by_detector(detection: Detection | None) -> str:
    """What the detector says where there is no fact."""
    if detection is None:
        return "there are no pictures to look at"
    return {
        "synthetic": "looks synthetic by detection alone, which is an estimate",
        "cannot_tell": f"the detector cannot tell ({detection.reason})",
        "nothing_found": "the detector found nothing, which does not prove a camera took it",
    }[detection.verdict]
