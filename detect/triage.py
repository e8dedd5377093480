"""One verdict on one file: credentials first and marks second, which are facts; the detector last, an estimate.

An estimate never overturns a fact: what a known maker signed and marked is known, however it looks. Facts that
contradict each other are findings in their own right, whatever the detector says.
"""

from typing import Literal

from pydantic import Field

from detect.result import SAYS, Detection, Record
from provenance.exits import EXIT_KNOWN, EXIT_NOTHING, EXIT_SYNTHETIC, EXIT_TAMPERED
from provenance.verdict import Verdict

SCHEMA_VERSION = 1
CAPTURED = frozenset({"digitalCapture", "computationalCapture", "negativeFilm", "positiveFilm", "print"})
"""Digital source types (IPTC) that say "a camera took this"."""


class Triage(Record):
    """Everything that is known of a file, and what it amounts to."""

    schema_version: int = SCHEMA_VERSION
    file: str
    kind: Literal["picture", "video", "sound"]
    verdict: Literal["known_maker", "nothing_found", "tampered", "synthetic"]
    exit_code: int
    summary: str  # one line for people
    findings: list[str]  # what speaks for the verdict, facts first
    contradictions: list[str] = Field(default_factory=list)  # facts that cannot both be true
    provenance: Verdict  # facts: credentials and marks
    detection: Detection | None  # the estimate; None where there is no picture to look at


def join(provenance: Verdict, detection: Detection | None) -> Triage:
    """The verdict that facts and estimate amount to."""
    contradictions = _contradictions(provenance)
    synthetic = detection is not None and detection.verdict == "synthetic"
    if provenance.verdict == "tampered" or contradictions:
        verdict, code = "tampered", EXIT_TAMPERED
        summary = contradictions[0] if contradictions else provenance.summary
    elif provenance.verdict == "known_maker":
        verdict, code, summary = "known_maker", EXIT_KNOWN, provenance.summary
    elif synthetic:
        verdict, code = "synthetic", EXIT_SYNTHETIC
        summary = "no maker known; looks synthetic by detection alone, which is an estimate"
    else:
        verdict, code, summary = "nothing_found", EXIT_NOTHING, _nothing(detection)
    return Triage(
        file=provenance.file,
        kind=provenance.kind,
        verdict=verdict,  # type: ignore[arg-type]
        exit_code=code,
        summary=summary,
        findings=[*(f"fact: {reason}" for reason in provenance.reasons), *_estimate(provenance, detection)],
        contradictions=contradictions,
        provenance=provenance,
        detection=detection,
    )


def _contradictions(provenance: Verdict) -> list[str]:
    """Facts that cannot both be true: said to be taken by a camera, and marked as made."""
    credentials, found = provenance.credentials, []
    camera = credentials.state != "absent" and credentials.digital_source_type in CAPTURED
    for name, mark in (("pictures", provenance.picture_mark), ("sound", provenance.sound_mark)):
        if camera and mark.state in ("found", "noticed"):
            found.append(f"the credentials say that a camera took it ({credentials.digital_source_type}), "
                         f"but its {name} bear the mark of what is made here")  # fmt: skip
    return found


def _estimate(provenance: Verdict, detection: Detection | None) -> list[str]:
    """What the detector adds, in words."""
    if detection is None:
        return ["estimate: none, there are no pictures"]
    if detection.verdict == "cannot_tell":
        return [f"estimate: cannot tell ({detection.reason})"]
    low, high = detection.interval or (0.0, 1.0)
    lines = [f"estimate: {SAYS[detection.verdict]}, {detection.probability:.0%} (95%: {low:.0%} to {high:.0%})"]
    if detection.verdict == "synthetic" and provenance.credentials.digital_source_type in CAPTURED:
        lines.append("the estimate speaks against credentials that say that a camera took it; look closer")
    return lines


def _nothing(detection: Detection | None) -> str:
    if detection is None:
        return "no maker known; there are no pictures to look at"
    if detection.verdict == "cannot_tell":
        return f"no maker known; the detector cannot tell ({detection.reason})"
    return "no maker known; the detector found nothing, which does not prove a camera took it"
