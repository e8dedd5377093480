"""What verification says: one record a file, stable as JSON."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1


class Record(BaseModel):
    """Base of all parts: unknown fields are mistakes, values do not change."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TimeStamp(Record):
    """When a signature was there, as an authority says (RFC 3161)."""

    time: str  # UTC, "2026-11-23T12:00:00Z"; "" for a stamp that cannot be read
    authority: str  # name on the authority's certificate
    trust: Literal["trusted", "untrusted", "invalid"]


class Credentials(Record):
    """What the C2PA manifest says and whether it may be believed. Integrity and trust are two questions."""

    state: Literal["absent", "valid", "invalid"]
    trust: Literal["trusted", "untrusted", "revoked", "expired", "not_applicable"]
    # expired: the certificate has, and no trusted time stamp shows that it had not when it signed
    signer: str = ""  # common name of the signing certificate
    issuer: str = ""  # common name of who issued it
    source: Literal["", "file", "sidecar", "remote"] = ""  # where they were found
    remote: str = ""  # where the file says that they lie, for those that are not in it
    generator: str = ""  # program and version
    title: str = ""
    manifest: str = ""  # label, urn:c2pa:...
    made: str = ""  # time of the first action, as the signer claims
    action: str = ""  # the first that the signer names: "c2pa.created", or "c2pa.opened" for what others made
    digital_source_type: str = ""  # last part of the IPTC address, "trainedAlgorithmicMedia"
    soft_binding: str = ""  # message that the picture mark should bear
    sound_binding: str = ""  # message that the sound mark should bear
    binding_key: str = ""  # which watermark key reads them
    failures: list[str] = Field(default_factory=list)  # validation codes of C2PA, trust left out
    revoked: str = ""  # when the signing certificate was revoked and why
    expired: str = ""  # when it expired
    timestamp: TimeStamp | None = None  # of the signature
    notes: list[str] = Field(default_factory=list)  # what the signature does not cover


class Mark(Record):
    """What was found in the pictures or in the sound."""

    state: Literal["found", "noticed", "absent", "no_carrier", "not_checked"]
    # found: the message was read; noticed: a mark of this key, too damaged to read; no_carrier: no stream, or silence
    message: str = ""  # hexadecimal
    key: str = ""  # identity of the watermark key that it was found under
    p_value: float = 1.0  # chance of saying so by accident; a bound, but an estimate for a sound that is only noticed
    looked_at: float = 0.0  # frames, or seconds of sound
    moved: str = ""  # how pictures were turned, mirrored or cut, or the speed of sound changed, since they were marked,
    # where that had to be found


class Recovered(Record):
    """What the registry kept of an output, beside the file that was found without credentials."""

    manifest: Literal["valid", "invalid", "absent"]  # the C2PA manifest, read without its file; absent: not kept
    trust: Literal["trusted", "untrusted", "not_applicable"]
    signer: str = ""  # common name of the certificate that signed it
    made: str = ""  # time of the first action, as the signer claims; of the registry without a manifest
    pictures: Literal["same", "unsure", "other", "not_compared"]  # as those that were registered?
    sound: Literal["same", "unsure", "other", "not_compared"]
    similarity: float | None = None  # of what was compared, the least: 0 by chance, 1 for the same


class Origin(Record):
    """What the local registry knows of a mark."""

    manifest: str
    made: str
    command: str
    file_sha256: str
    portrait_sha256: str
    nobody: bool
    recovered: Recovered | None = None  # only where credentials are gone


class Verdict(Record):
    """The judgement of one file."""

    schema_version: int = SCHEMA_VERSION
    file: str
    kind: Literal["picture", "video", "sound"]
    verdict: Literal["known_maker", "nothing_found", "tampered"]
    exit_code: int
    summary: str  # one line for people
    reasons: list[str]  # why the verdict is what it is
    credentials: Credentials
    picture_mark: Mark
    sound_mark: Mark
    agreement: Literal["agree", "contradict", "not_applicable"]  # of marks and soft binding with each other
    origin: Origin | None = None
    seconds: float = 0.0  # spent on it
