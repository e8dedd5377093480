"""The application: guards first (rate, token, headers), then the routes of `vasari.service.routes`."""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from media.errors import VasariError
from media.release import vasari_version
from media.words import plain
from vasari.service.limits import Arriving, RateLimit, client_of
from vasari.service.looker import Looker
from vasari.service.routes import BASE, SPEC_VERSION, router, well_known
from vasari.service.settings import Settings

log = logging.getLogger(__name__)
LONGEST_TARGET = 4096  # characters of path and query; longer is 414, as the specification has it
FAILED = "the service failed; its log says why"
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def create_app(settings: Settings) -> FastAPI:
    """The service for one registry. Nothing is opened before the first request, nothing is global."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        if app.state.looker is not None:
            app.state.looker.close()

    app = FastAPI(
        title="C2PA Soft Binding Resolution API",
        summary="Which C2PA manifest belongs to a clip that has lost it.",
        description=f"Served by vasari {vasari_version()}. info.version is that of the C2PA specification implemented.",
        version=SPEC_VERSION,
        lifespan=lifespan,
        docs_url=None,  # the interactive pages load scripts from elsewhere
        redoc_url=None,
        openapi_url=f"{BASE}/openapi.json",
    )
    app.state.settings = settings
    app.state.looker = _looker(settings)
    app.state.taken = 0  # uploads that wait or are looked at
    app.state.arriving = Arriving(settings.arriving, settings.arriving_each)
    app.state.queries = RateLimit(settings.queries_a_minute)
    app.state.uploads = RateLimit(settings.uploads_a_minute)
    app.state.writes = RateLimit(settings.writes_a_minute)
    app.include_router(router, prefix=BASE)
    app.include_router(well_known)

    @app.middleware("http")
    async def guard(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
        peer = request.client.host if request.client else ""
        request.state.client = client_of(peer, ",".join(request.headers.getlist("x-forwarded-for")), settings.proxies)
        wait = app.state.queries.wait(request.state.client)
        if wait:
            answer: Response = problem(429, "too many requests", {"Retry-After": str(int(wait) + 1)})
        elif len(request.scope["raw_path"]) + len(request.scope["query_string"]) > LONGEST_TARGET:
            answer = problem(414, "the query is too long; use POST")
        else:
            answer = await follow(request)
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    _tell_errors(app)
    return app


def _tell_errors(app: FastAPI) -> None:
    """What goes wrong is answered as a `problem`."""

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        first = (error.errors() or [{}])[0]
        where = ".".join(str(part)[:64] for part in first.get("loc", ())[1:3])
        return problem(400, f"{where or 'the request'}: {first.get('msg', 'malformed')}"[:300])

    @app.exception_handler(VasariError)
    async def failed(_: Request, error: VasariError) -> Response:
        log.error("request failed: %s", plain(str(error)))
        return problem(500, FAILED)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        return problem(500, FAILED)  # the server writes where and why into its log


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Every error has this form, and says nothing of what is inside."""
    return JSONResponse({"detail": detail}, status, HEADERS | (headers or {}))


def _looker(settings: Settings) -> Looker | None:
    if settings.keys is None:
        return None
    where = settings.registry.where
    return Looker(settings.keys.folder, where, largest=settings.largest_picture, seconds=settings.content_seconds)
