"""What detection says of a file: one record, stable as JSON (docs/detection.md)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1
Verdict = Literal["synthetic", "nothing_found", "cannot_tell"]
SAYS: dict[Verdict, str] = {
    "synthetic": "looks synthetic",
    "nothing_found": "not enough to call it synthetic",  # it may be likely still: few false alarms are promised
    "cannot_tell": "cannot tell",
}
"""Verdicts in words for people."""
Kind = Literal["picture", "picture_high", "frequency", "motion", "sound"]
"""Of evidence."""


class Record(BaseModel):
    """Base of all parts: unknown fields are mistakes, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Stream(Record):
    """What one kind of evidence says of one person."""

    name: Kind
    score: float | None  # its own logit (sound: 0 to 1); None where it has nothing to say
    adds: float  # to the fused logit; positive speaks for "made"
    note: str = ""  # "lips 6 frames late"


class Segment(Record):
    """A stretch of time in which a person looks made."""

    start: float  # seconds
    end: float
    probability: float  # highest inside


class Look(Record):
    """One look at one face."""

    time: float  # seconds
    box: tuple[float, float, float]  # middle x, middle y, size; pixels
    probability: float  # of the second around it
    hottest: tuple[float, float]  # where in the crop evidence is strongest, 0 to 1 from the top left: x, y


class PersonResult(Record):
    """One person of a file."""

    person: int  # number, from 1
    verdict: Verdict
    reason: str  # why nothing can be told; "" otherwise
    probability: float | None  # that the face is made, were as many made as not; None where it was not judged
    interval: tuple[float, float] | None  # 95%
    logit: float | None
    size: float  # pixels, median
    strangeness: float | None  # distance from what it learned from; 1 is the limit
    streams: list[Stream] = Field(default_factory=list)
    segments: list[Segment] = Field(default_factory=list)
    looks: list[Look] = Field(default_factory=list)


class Detection(Record):
    """The estimate for one file. It is never proof: credentials and marks are (`vasari verify`)."""

    schema_version: int = SCHEMA_VERSION
    file: str
    kind: Literal["picture", "video", "sound"]
    verdict: Verdict  # the worst of its people's: synthetic, nothing_found, cannot_tell
    exit_code: int  # see `provenance.exits`
    reason: str  # why nothing can be told; "" otherwise
    probability: float | None  # the highest of its people's
    interval: tuple[float, float] | None
    operating_point: str  # "fpr_1" or "fpr_01"
    threshold: float  # probability from which "synthetic" is said
    people: list[PersonResult]
    frames: int
    seconds: float  # of video
    notes: list[str] = Field(default_factory=list)  # "breaks off after 3.2 s"
    model: str  # SHA-256 of the weights
    frames_per_second: float = 0.0  # looked at, decoding included
