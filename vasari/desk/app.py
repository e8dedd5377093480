"""The application: doors first, then the routes of `inspector` and `studio`, and what lies in static/."""

import contextlib
from collections.abc import AsyncIterator, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles

from media.words import plain
from vasari.desk import inspector, studio
from vasari.desk.doors import Doors, new_secret
from vasari.desk.jobs import Jobs
from vasari.desk.sealing import Feedback, Kept, Seal
from vasari.desk.settings import Settings
from vasari.scanning import Worker
from vasari.service.limits import Arriving, RateLimit

ENTRIES_A_MINUTE = 8.0  # for each client: tokens that may be tried


def create_desk(settings: Settings, make: Callable[[], Worker] | None = None) -> FastAPI:
    """The desk. The process that looks at files begins when the application does; nothing is global.

    Args:
        make: gives the process that looks at files; replaced in tests.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.jobs = Jobs(settings, make)
        yield
        await app.state.jobs.close()

    app = FastAPI(title="vasari desk", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    state = app.state
    state.settings, state.csrf, state.session, state.used = settings, new_secret(), new_secret(), False
    state.seal, state.kept = Seal(), Kept(settings.kept, settings.kept_seconds)
    state.feedback = None if settings.feedback is None else Feedback(settings.feedback)
    state.arriving = Arriving(settings.arriving, settings.arriving)
    state.uploads, state.writes = RateLimit(settings.uploads_a_minute), RateLimit(settings.writes_a_minute)
    state.entries = RateLimit(ENTRIES_A_MINUTE)
    app.include_router(inspector.router)
    if settings.studio:
        app.include_router(studio.router)
    app.mount("/static", StaticFiles(directory=inspector.STATIC), name="static")
    app.add_middleware(Doors, desk=app, settings=settings)
    _tell_errors(app)
    return app


def _tell_errors(app: FastAPI) -> None:
    """What goes wrong is one line, and says nothing of what is inside."""

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> Response:
        return JSONResponse({"detail": plain(str(error.detail))}, error.status_code, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def malformed(_: Request, error: RequestValidationError) -> Response:
        return JSONResponse({"detail": "the request is not what is asked for here"}, 400)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> Response:
        return JSONResponse({"detail": "the desk failed; its log says why"}, 500)
