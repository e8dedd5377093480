"""Bodies of the C2PA Soft Binding Resolution API, named as in its OpenAPI document (C2PA 2.4, components/schemas)."""

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """Base of what is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SoftBindingQuery(BaseModel):
    """c2pa.softBindingQuery: what POST /matches/byBinding asks."""

    model_config = ConfigDict(extra="ignore", strict=True)

    alg: str = Field(max_length=128)  # name of the soft binding algorithm
    value: str = Field(max_length=48_000)  # base64, in the algorithm's own format


class Match(Answer):
    """One of the matches of a query."""

    manifestId: str  # label of the active manifest
    similarityScore: int | None = Field(default=None, ge=0, le=100)  # of fingerprints only


class SoftBindingQueryResult(Answer):
    """c2pa.softBindingQueryResult."""

    matches: list[Match]


class Algorithm(Answer):
    """An entry of the list below."""

    alg: str


class SoftBindingAlgList(Answer):
    """c2pa.softBindingAlgList."""

    watermarks: list[Algorithm]
    fingerprints: list[Algorithm]


class ServiceStatus(Answer):
    """c2pa.serviceStatus."""

    status: str  # ok, degraded or down
    timestamp: str  # ISO 8601, UTC


class ServiceCapabilities(Answer):
    """c2pa.serviceCapabilities."""

    c2paSpecificationVersion: str
    supportedCapabilities: list[str]


class WellKnown(Answer):
    """c2pa.wellKnownDiscovery."""

    apiEndpoint: str
    c2paSpecificationVersion: str
    capabilitiesEndpoint: str
    statusEndpoint: str


class ManifestCreated(Answer):
    """What POST /manifests answers."""

    manifestId: str


class Problem(Answer):
    """Every error: one line."""

    detail: str
