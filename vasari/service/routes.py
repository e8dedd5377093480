"""The routes of the C2PA Soft Binding Resolution API.

After the OpenAPI document of the C2PA specification 2.4, "Soft Binding Resolution API for C2PA Manifest Recovery"
(softbinding/Decoupled, section "API"). Kept to: paths, parameter names, bodies, operation ids and status codes. Left
out, and so said by /services/capabilities: /matches/byReference (the service would fetch what strangers name) and
/bindings (bindings are read out of the signed manifest instead). A soft binding's value, base64 in a query, is the
value of the manifest's assertion as it stands there: hexadecimal digits for marks.
"""

import asyncio
import base64
import binascii
import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from media.errors import OutputError, UnreadableError
from provenance.credentials.jumbf import only
from provenance.marks.fingerprint import ALGORITHM, Fingerprint
from provenance.marks.identity import PICTURE_ALGORITHM, SOUND_ALGORITHM, key_id
from provenance.permits.claims import SPEC_VERSION as SPEC_VERSION
from provenance.read.identification import by_print, ranked
from provenance.read.recovery import ManifestSays, read_manifest
from provenance.registry.tokens import anchors_of, check_token
from vasari.service import schemas as s
from vasari.service.settings import Settings
from vasari.service.uploads import read_small, spooled

BASE = "/v1"
WATERMARKS = (PICTURE_ALGORITHM, SOUND_ALGORITHM)
ALGORITHMS = (*WATERMARKS, ALGORITHM)
MOST_RESULTS = 100
LABEL = re.compile(r"urn:(?:c2pa|uuid):[A-Za-z0-9:._-]{1,200}")
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": s.Problem},
    403: {"model": s.Problem},
    429: {"model": s.Problem},
    500: {"model": s.Problem},
}

QUERY = s.SoftBindingQuery.model_json_schema()

router = APIRouter(responses=ERRORS)
well_known = APIRouter()
MaxResults = Annotated[int, Query(ge=1, description=f"the most matches wanted; {MOST_RESULTS} at most are given")]


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


Set = Annotated[Settings, Depends(_settings)]


async def writer(request: Request, settings: Set) -> str:
    """The name of the token that came along (RFC 6750, section 2.1). Raises 401 without a good one, 429 too often."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    name = None
    if scheme.lower() == "bearer" and secret:
        name = await run_in_threadpool(check_token, settings.registry, secret.strip())
    if name is None:
        raise HTTPException(401, "writing needs a token: Authorization: Bearer ...", {"WWW-Authenticate": "Bearer"})
    _limited(request.app.state.writes.wait(name))
    return name


Writer = Annotated[str, Depends(writer)]


@router.get("/matches/byBinding", operation_id="queryByBinding", tags=["query"], response_model_exclude_none=True)
async def query_by_binding(
    settings: Set, value: str, alg: str, maxResults: MaxResults = 10
) -> s.SoftBindingQueryResult:
    """Manifest identifiers for a soft binding: `value` is base64 of the value that the manifest's assertion has."""
    return await _matches(settings, alg, value, maxResults)


@router.post(
    "/matches/byBinding",
    operation_id="queryByLargeBinding",
    tags=["query"],
    response_model_exclude_none=True,
    responses={413: {"model": s.Problem}},
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": s.SoftBindingQuery.model_json_schema()}}}
    },
)
async def query_by_large_binding(
    request: Request, settings: Set, maxResults: MaxResults = 10
) -> s.SoftBindingQueryResult:
    """The same for values that no address can hold, fingerprints above all."""
    body = await read_small(request, settings.largest_body, settings.upload_seconds, settings.least_rate)
    try:
        query = s.SoftBindingQuery.model_validate_json(body)
    except (ValidationError, RecursionError) as error:
        raise HTTPException(400, 'the body is not {"alg": "...", "value": "..."}') from error
    return await _matches(settings, query.alg, query.value, maxResults)


@router.post(
    "/matches/byContent",
    operation_id="uploadFile",
    tags=["query"],
    response_model_exclude_none=True,
    responses={code: {"model": s.Problem} for code in (408, 413, 415, 501, 503)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/*", "audio/*", "video/*")
            },
        }
    },
)
async def query_by_content(
    request: Request,
    settings: Set,
    alg: Annotated[str | None, Query(max_length=128)] = None,
    maxResults: MaxResults = 10,
    hintAlg: Annotated[str | None, Query(max_length=128)] = None,
    hintValue: Annotated[str | None, Query(max_length=2048)] = None,
) -> s.SoftBindingQueryResult:
    """Manifest identifiers for a clip: its marks are read, then its content is compared. The clip is kept nowhere.

    A hint is answered first if it names a manifest; otherwise it changes nothing.
    """
    state = request.app.state
    if state.looker is None:
        raise HTTPException(501, "this service reads no marks; ask /matches/byBinding")
    if alg is not None and alg not in ALGORITHMS:
        raise HTTPException(400, "alg: not one of /services/supportedAlgorithms")
    _limited(state.uploads.wait(request.state.client))
    algorithms = ALGORITHMS if alg is None else (alg,)
    limits = settings.spool, settings.largest_upload, settings.upload_seconds, settings.least_rate
    with state.arriving.one_more(request.state.client) as room:
        if not room or _full(state, settings):
            raise HTTPException(503, "too many clips are waiting", {"Retry-After": "10"})
        async with spooled(request, *limits) as clip:  # what arrives slowly takes no place in the line
            if _full(state, settings):
                raise HTTPException(503, "too many clips are waiting", {"Retry-After": "10"})
            found = await _looked_at(state, clip, algorithms, min(maxResults, MOST_RESULTS))
    matches = [s.Match(manifestId=label, similarityScore=score) for label, score in found]
    if hintAlg and hintValue and hintAlg in ALGORITHMS:
        hinted = (await _matches(settings, hintAlg, hintValue, maxResults)).matches
        known = {match.manifestId for match in hinted}
        matches = [*hinted, *(match for match in matches if match.manifestId not in known)]
    return s.SoftBindingQueryResult(matches=matches[: min(maxResults, MOST_RESULTS)])


def _full(state: Any, settings: Settings) -> bool:
    full: bool = state.taken >= settings.at_once + settings.waiting
    return full


async def _looked_at(state: Any, clip: Path, algorithms: tuple[str, ...], most: int) -> list[tuple[str, int | None]]:
    """What a clip's marks and content name. It is looked at to the end even where nobody waits for the answer."""
    state.taken += 1
    try:
        return await asyncio.shield(asyncio.ensure_future(run_in_threadpool(state.looker, clip, algorithms, most)))
    except UnreadableError as error:
        raise HTTPException(415, str(error)[:300]) from error
    finally:
        state.taken -= 1


@router.get(
    "/manifests/{activeManifestId}",
    operation_id="getManifestById",
    tags=["fetch"],
    response_class=Response,
    responses={200: {"content": {"application/c2pa": {}}}, 404: {"model": s.Problem}},
)
async def get_manifest(settings: Set, activeManifestId: str, returnActiveManifest: bool = False) -> Response:
    """A C2PA manifest store; with `returnActiveManifest` one that holds the active manifest alone."""
    if not LABEL.fullmatch(activeManifestId):
        raise HTTPException(400, "not an identifier of a C2PA manifest (urn:c2pa:...)")
    store = await run_in_threadpool(settings.registry.manifest_store, activeManifestId)
    if store is None:
        raise HTTPException(404, "no manifest with this identifier is kept here")
    return Response(only(store, activeManifestId) if returnActiveManifest else store, media_type="application/c2pa")


@router.post(
    "/manifests",
    operation_id="addManifest",
    tags=["store"],
    responses={code: {"model": s.Problem} for code in (401, 408, 409, 413)},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/c2pa": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def add_manifest(request: Request, settings: Set, name: Writer) -> s.ManifestCreated:
    """Keep a manifest store, found again by the soft bindings that it is signed with. Nothing is ever overwritten.

    Whoever holds a token registers what they signed themselves: below the root that the token is bound to.
    """
    body = await read_small(request, settings.largest_manifest, settings.upload_seconds, settings.least_rate)
    own = settings.keys.anchor_pem.decode() if settings.keys else ""
    anchors = await run_in_threadpool(anchors_of, settings.registry, name) or own
    try:
        says = await run_in_threadpool(read_manifest, body, anchors)
    except UnreadableError as error:
        raise HTTPException(400, str(error)[:300]) from error
    bindings = [(alg, value) for alg, value in says.bindings if len(alg) <= 128 and 0 < len(value) <= 1024]
    if not says.intact or not LABEL.fullmatch(says.label):
        raise HTTPException(400, "the manifest's signature or hashes do not hold")
    if not bindings or len(bindings) > 64:
        raise HTTPException(400, "the manifest has no soft binding by which it could be found, or too many")
    if not says.trusted:
        raise HTTPException(403, "the manifest is not signed below the root that this token is bound to")
    if anchors != own and await run_in_threadpool(_anothers, settings, says):
        raise HTTPException(403, "the manifest promises a mark that is another maker's")
    if not await run_in_threadpool(settings.registry.add_manifest, says.label, body, bindings, name):
        raise HTTPException(409, "a manifest with this identifier is kept already")
    return s.ManifestCreated(manifestId=says.label)


@router.delete(
    "/manifests/{manifestId}",
    operation_id="deleteManifest",
    tags=["store"],
    status_code=204,
    responses={401: {"model": s.Problem}, 404: {"model": s.Problem}},
)
async def delete_manifest(settings: Set, name: Writer, manifestId: str) -> Response:
    """Forget a manifest that the same token brought."""
    if not LABEL.fullmatch(manifestId):
        raise HTTPException(400, "not an identifier of a C2PA manifest (urn:c2pa:...)")
    if not await run_in_threadpool(settings.registry.remove_manifest, manifestId, name):
        raise HTTPException(404, "no manifest with this identifier was brought with this token")
    return Response(status_code=204)


@router.get("/services/supportedAlgorithms", operation_id="getSupportedBindings", tags=["service"])
async def supported_algorithms() -> s.SoftBindingAlgList:
    """What can be asked for."""
    return s.SoftBindingAlgList(
        watermarks=[s.Algorithm(alg=alg) for alg in WATERMARKS], fingerprints=[s.Algorithm(alg=ALGORITHM)]
    )


@router.get("/services/status", operation_id="getServiceStatus", tags=["service"])
async def status(settings: Set) -> s.ServiceStatus:
    """Whether the registry answers."""
    word = "ok"
    try:
        await run_in_threadpool(settings.registry.by_mark, "0" * 16)
    except OutputError:
        word = "down"
    return s.ServiceStatus(status=word, timestamp=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))


@router.get("/services/capabilities", operation_id="getServiceCapabilities", tags=["service"])
async def capabilities(request: Request) -> s.ServiceCapabilities:
    """Which optional parts there are."""
    able = ["queryByContent"] if request.app.state.looker is not None else []
    return s.ServiceCapabilities(c2paSpecificationVersion=SPEC_VERSION, supportedCapabilities=[*able, "storeManifests"])


@well_known.get("/.well-known/c2pa-soft-binding-resolution", operation_id="getWellKnown", tags=["service"])
async def discover() -> s.WellKnown:
    """Where the API is (RFC 8615)."""
    return s.WellKnown(
        apiEndpoint=BASE,
        c2paSpecificationVersion=SPEC_VERSION,
        capabilitiesEndpoint=f"{BASE}/services/capabilities",
        statusEndpoint=f"{BASE}/services/status",
    )


def _anothers(settings: Settings, says: ManifestSays) -> bool:
    """Whether a manifest promises a mark of this service's own maker: one that an output bears, or under their key."""
    ring = {key_id(key) for key in settings.keys.mark_keys} if settings.keys else set()
    if ring & set(says.keys):
        return True
    known = settings.registry.by_mark
    return any(alg == PICTURE_ALGORITHM and known(value) is not None for alg, value in says.bindings)


def _named(settings: Settings, alg: str, value: str, most: int) -> list[str]:
    """Labels that a soft binding names, those to be believed first."""
    anchors = settings.keys.anchor_pem.decode() if settings.keys else ""
    labels = settings.registry.by_binding(alg, value, MOST_RESULTS)
    return (ranked(labels, settings.registry, anchors) if len(labels) > 1 else labels)[:most]


async def _matches(settings: Settings, alg: str, value: str, most: int) -> s.SoftBindingQueryResult:
    """What a soft binding names; nothing for algorithms that are not known here, but 400 for values that are none."""
    most = min(most, MOST_RESULTS)
    try:
        raw = base64.b64decode(value.encode("ascii"), validate=True)
        text = raw.decode("ascii") if alg != ALGORITHM else ""
        kept = Fingerprint.from_bytes(raw) if alg == ALGORITHM else None
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise HTTPException(400, "value: not base64 of a value of this algorithm") from error
    if kept is not None:
        found = await run_in_threadpool(by_print, kept, settings.registry, most)
        matches = [s.Match(manifestId=item.label, similarityScore=item.score) for item in found]
    else:
        labels = await run_in_threadpool(_named, settings, alg, text, most)
        matches = [s.Match(manifestId=label) for label in labels]
    return s.SoftBindingQueryResult(matches=matches)


def _limited(wait: float) -> None:
    if wait:
        raise HTTPException(429, "too many requests", {"Retry-After": str(int(wait) + 1)})
