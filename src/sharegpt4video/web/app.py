"""The app: routes, pages and the guard around them. ``make_app`` for any ASGI server, ``serve`` for ``sg4v web``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from .. import __version__
from .api import ask, captions, docs, health, media, recaption, session, summaries
from .guard import Guard
from .refusals import answer_errors
from .server import Server
from .settings import WebSettings
from .shapes import Error
from .stored import Stored

STATIC = Path(__file__).parent / "static"
ROUTERS: tuple[APIRouter, ...] = tuple(
    each.router for each in (session, media, captions, summaries, recaption, ask, health, docs)
)


def make_app(settings: WebSettings | None = None, *, kind: type[FastAPI] = FastAPI, **options: Any) -> FastAPI:
    """The app for these settings; ``kind`` is a subclass of FastAPI, made with the options.

    Raises SettingsError, and SG4VError for a data set or a profile that cannot be opened.
    """
    settings = settings or WebSettings()
    stored = _stored(settings)
    server = Server(settings, stored)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        try:
            await server.start()
            yield
        finally:
            await server.close()

    app = kind(
        title="sharegpt4video",
        version=__version__,
        summary="Dense, time-true captions for any video.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        responses={"default": {"model": Error, "description": "Refused"}},
        **options,
    )
    app.state.server = server
    answer_errors(app)
    for router in (*ROUTERS, *([stored.router] if stored else [])):
        app.include_router(router)
    app.mount("/", StaticFiles(directory=STATIC, html=True))
    app.add_middleware(Guard, settings=settings)
    return app


def _stored(settings: WebSettings) -> Stored | None:
    if not settings.dataset and settings.compare is None:
        return None
    from .api.dataset import dataset_router  # loads DuckDB, which nobody else needs

    return dataset_router(settings.dataset, settings.compare, roots=settings.roots)
