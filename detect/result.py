"""What detection says of a file: one record, stable as JSON (docs/detection.md)."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 2
Verdict = Literal["synthetic", "nothing_found", "cannot_tell"]
SAYS: dict[Verdict, str] = {
    "synthetic": "looks synthetic",
    "nothing_found": "not enough to call it synthetic",  # it may be likely still: few false alarms are promised
    "cannot_tell": "cannot tell",
}
"""Verdicts in words for people."""


class Record(BaseModel):
    """Base of all parts: unknown fields are mistakes, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Comparison(Record):
    """A face beside real clips that taught the detector nothing and came to be seen alike (`detect.promise`)."""

    clips: int  # comparable real clips
    people: int  # whom they show
    above: int  # of them, how many look at least as made
    p: float  # (1 + above) / (1 + clips): how seldom a real looks so made


class Likeness(Record):
    """A clip beside real clips of one person (`detect.manner`)."""

    clips: int  # of the person
    above: int  # of them, how many move at least as unlike the others
    p: float  # (1 + above) / (1 + clips): how seldom the person moves so unlike themselves


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
    compared: Comparison | None = None  # with what the verdict was reached
    threshold: float | None = None  # probability from which, for a face seen like this, "synthetic" is said
    lips: str = ""  # "lips 6 frames late, confidence 0.41"; "" where nothing can be said. No part of the verdict
    moves: Likeness | None = None  # beside the person who was asked for (`detect --person`). No part of the verdict
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
    false_alarms: float  # share of comparable reals that this point accuses at most
    measured_on: str  # on what reals that was measured, and how many
    people: list[PersonResult]
    frames: int
    seconds: float  # of video
    notes: list[str] = Field(default_factory=list)  # "breaks off after 3.2 s"
    model: str  # SHA-256 of the weights
    frames_per_second: float = 0.0  # looked at, decoding included


def beside(result: PersonResult) -> str:
    """With what somebody was compared, in words: "of 312 comparable real clips of 140 people, 2 look as made"."""
    if result.compared is None:
        return ""
    found = result.compared
    more = "none looks" if found.above == 0 else "1 looks" if found.above == 1 else f"{found.above} look"
    return f"of {found.clips} comparable real clips of {found.people} people, {more} as made"


def likeness(result: PersonResult) -> str:
    """How somebody moves beside whom was asked for, in words."""
    if result.moves is None:
        return ""
    verb = "moves" if result.moves.above == 1 else "move"
    return f"of {result.moves.clips} clips of the person, {result.moves.above or 'none'} {verb} as unlike them"
