"""What verification says: one record a file, stable as JSON."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 2
WHOLE = 0.95  # share of the time that was registered from which all of it is said to be there

MarkState = Literal["found", "noticed", "absent", "no_carrier", "not_checked"]


class Record(BaseModel):
    """Base of all parts: unknown fields are mistakes, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TimeStamp(Record):
    """When a signature was there, as an authority says (RFC 3161)."""

    time: str  # UTC, "2026-11-23T12:00:00Z"; "" for a stamp that cannot be read
    authority: str  # name on the authority's certificate
    trust: Literal["trusted", "untrusted", "invalid"]


class Opened(Record):
    """A file that went into this one, as the credentials tell it: an ingredient of C2PA."""

    title: str
    relationship: str  # "parentOf": this is that file, changed; "componentOf", "inputTo"
    manifest: str = ""  # label of the credentials it came with; "" for none
    state: Literal["intact", "broken", "none"]  # whether those fitted when it was signed
    failures: list[str] = Field(default_factory=list)  # validation codes of C2PA, trust left out


class Identity(Record):
    """Somebody who vouches within the credentials, besides their signer (CAWG identity). A name of its own: it neither
    adds to nor takes from integrity and trust of the signature."""

    name: str  # common name of its certificate, or the address of its issuer; "" where it tells none
    state: Literal["trusted", "untrusted", "invalid"]
    failures: list[str] = Field(default_factory=list)


class Uncovered(Record):
    """Bytes of the file that the signature's hash leaves out."""

    what: str  # "EXIF", "XMP", "box 'free'", "picture data"
    size: int  # bytes
    metadata: bool  # nothing that is seen or heard


class Stated(Record):
    """What credentials say of a visible label."""

    kind: Literal["off", "start", "on"]  # "start": for some seconds, again and again
    reason: str = ""  # why there is none
    corner: str = ""  # "top right"
    box: tuple[float, float, float, float] | None = None  # left, top, width, height as shares of the picture
    pixels: tuple[int, int] = (0, 0)  # its width and height as it was drawn


class Spoken(Record):
    """What credentials say of a spoken notice, at the beginning of the sound. It is not listened for."""

    language: str  # ISO 639-1
    words: str
    seconds: float  # that it lasts


class Credentials(Record):
    """What the C2PA manifest says and whether it may be believed. Integrity and trust are two questions."""

    state: Literal["absent", "valid", "invalid", "unreadable"]
    # invalid: they do not fit the file; unreadable: there are some, but they or what they lie in are damaged
    trust: Literal["trusted", "untrusted", "revoked", "expired", "not_applicable"]
    # expired: the certificate has, and no trusted time stamp shows that it had not when it signed
    signer: str = ""  # common name of the signing certificate
    issuer: str = ""  # common name of who issued it
    source: Literal["", "file", "sidecar", "remote"] = ""  # where they were found
    remote: str = ""  # where the file says that they lie, for those that are not in it
    generator: str = ""  # program and version
    title: str = ""
    manifest: str = ""  # label, urn:c2pa:...
    stores: int = 1  # manifest stores that lie in the file; where there are several, nothing says which is its own
    made: str = ""  # time of the first action, as the signer claims
    action: str = ""  # the first that the signer names: "c2pa.created", or "c2pa.opened" for what others made
    digital_source_type: str = ""  # last part of the IPTC address, "trainedAlgorithmicMedia"
    generated: bool = False  # they, or those of the file that was opened, say that it, or a part, is
    soft_binding: str = ""  # message that the picture mark should bear
    sound_binding: str = ""  # message that the sound mark should bear
    binding_key: str = ""  # which watermark key reads them
    opened_bindings: list[str] = Field(default_factory=list)  # messages promised by what went in, not by them
    opened: list[Opened] = Field(default_factory=list)
    identities: list[Identity] = Field(default_factory=list)
    uncovered: list[Uncovered] = Field(default_factory=list)
    failures: list[str] = Field(default_factory=list)  # validation codes of C2PA, trust left out
    revoked: str = ""  # when the signing certificate was revoked and why
    expired: str = ""  # when it expired
    good_until: str = ""  # when trust ends, with a certificate; "" where a trusted time stamp keeps it or is none
    timestamp: TimeStamp | None = None  # of the signature
    label: Stated | None = None  # visible; None where they do not tell
    notice: Spoken | None = None  # None where they do not tell of one
    live: list[str] = Field(default_factory=list)  # of a recording of what was sent live: what its segments say
    notes: list[str] = Field(default_factory=list)  # where they lie, and what is odd about the file


class Piece(Record):
    """A stretch of time that bears one message."""

    start: float  # seconds
    end: float  # seconds
    message: str  # hexadecimal
    key: str  # identity of the watermark key


class Mark(Record):
    """What was found in the pictures or in the sound: the message that most of it bears."""

    state: MarkState
    # found: the message was read; noticed: a mark of this key, too damaged to read; no_carrier: no stream, or silence
    message: str = ""  # hexadecimal
    key: str = ""  # identity of the watermark key that it was found under
    p_value: float = 1.0  # chance of saying so by accident; a bound, but an estimate for a sound that is only noticed
    looked_at: float = 0.0  # frames, or seconds of sound
    moved: str = ""  # how pictures were turned, mirrored or cut, or the speed of sound changed, since they were marked,
    # where that had to be found
    pieces: list[Piece] = Field(default_factory=list)  # where messages were read, this one and others; [] for pictures


class Track(Record):
    """A video or sound track besides the one that players choose."""

    kind: Literal["video", "sound"]
    number: int  # 2 for the second that a player offers
    mark: Mark


VisibleState = Literal["seen", "removed", "not_seen", "not_checked"]


class Visible(Record):
    """The visible label that the output's credentials speak of, and whether it is to be seen."""

    stated: Stated
    state: VisibleState
    # removed: it was, or is covered; not_seen: that part of the picture is not there; not_checked: there is none, or
    # nothing in the file could show it
    similarity: float = 0.0  # with the drawing, median of the frames that should show it: 1 for the same
    looked_at: int = 0  # frames that should show it
    missing: int = 0  # of them, those that do not


class Match(Record):
    """Pictures or sound beside what was registered."""

    similarity: float  # 0 by chance, 1 for the same
    share: float  # of the time that was registered and is found here, 0 to 1
    places: list[tuple[float, float]] = Field(default_factory=list)  # seconds in this file that match


class Recovered(Record):
    """What the registry kept of an output, beside the file that was found without credentials."""

    manifest: Literal["valid", "invalid", "absent"]  # the C2PA manifest, read without its file; absent: not kept
    trust: Literal["trusted", "untrusted", "not_applicable"]
    signer: str = ""  # common name of the certificate that signed it
    made: str = ""  # time of the first action, as the signer claims; of the registry without a manifest
    pictures: Literal["same", "unsure", "other", "not_compared"]  # as those that were registered?
    sound: Literal["same", "unsure", "other", "not_compared"]
    length: Literal["same", "shorter", "longer", "not_compared"] = "not_compared"
    seconds: float = 0.0  # that this file lasts
    registered_seconds: float = 0.0  # that the output lasted; 120 for one that lasted longer
    pictures_match: Match | None = None
    sound_match: Match | None = None
    label: Stated | None = None  # visible, as its manifest says

    @property
    def whole(self) -> bool:
        """Whether pictures, sound and length are all as registered, from beginning to end."""
        states = {self.pictures, self.sound} - {"not_compared"}
        shares = [match.share for match in (self.pictures_match, self.sound_match) if match is not None]
        return states == {"same"} and self.length in ("same", "not_compared") and min(shares, default=1.0) >= WHOLE


class Origin(Record):
    """What the local registry knows of a mark."""

    manifest: str
    made: str
    command: str
    file_sha256: str
    portrait_sha256: str
    nobody: bool
    generated: bool = True  # it, or a part of it; not what a camera recorded or others made
    recovered: Recovered | None = None  # only where credentials are gone


class Verdict(Record):
    """The judgement of one file."""

    schema_version: int = SCHEMA_VERSION
    file: str
    kind: Literal[
        "picture", "video", "sound", "other"
    ]  # other: a document, or a store: its credentials alone were read
    verdict: Literal["known_maker", "nothing_found", "tampered"]
    exit_code: int
    summary: str  # one line for people
    reasons: list[str]  # why the verdict is what it is
    credentials: Credentials
    picture_mark: Mark
    sound_mark: Mark
    other_tracks: list[Track] = Field(default_factory=list)
    label: Visible | None = None  # None where no credentials speak of one
    agreement: Literal["agree", "contradict", "not_applicable"]  # of marks and soft binding with each other
    origin: Origin | None = None
    seconds: float = 0.0  # spent on it
