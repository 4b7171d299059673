"""The pages on Hugging Face Spaces: our app as the front end of Gradio's server mode, which is a subclass of FastAPI.

Gradio keeps its queue and its clients; what people see are our pages. A Space is public, so nothing of the machine is
served, only uploads, and its page is shown in a frame of huggingface.co.

    from sharegpt4video.web.spaces import launch

    launch()
"""

from __future__ import annotations

import importlib
import os
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from starlette.routing import Match, Mount
from starlette.types import Scope

from ..errors import MissingExtra
from .app import make_app
from .settings import Limits, WebSettings

HUB = ("https://huggingface.co", "https://*.hf.space")
GRADIO_PATHS = ("/gradio_api/", "/startup-events", "/queue/")
LIMITS = Limits(upload_bytes=100_000_000, max_seconds=180.0, jobs_per_client=2, queued=20, requests_per_minute=120)


def space_settings(**changes: Any) -> WebSettings:
    """The settings of a public Space, from the names that it has in its environment; ``changes`` replace some."""
    host = os.environ.get("SPACE_HOST", "")
    settings = WebSettings(
        host="0.0.0.0",
        port=int(os.environ.get("GRADIO_SERVER_PORT") or os.environ.get("PORT") or 7860),
        public=True,
        hosts=(host,) if host else (),
        embedded_in=HUB,
        limits=LIMITS,
    )
    return replace(settings, **changes)


class _Pages(Mount):
    """Our pages, which leave Gradio's own paths to it: its routes are added last."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.NONE, {}) if scope.get("path", "").startswith(GRADIO_PATHS) else super().matches(scope)


def make_space(settings: WebSettings | None = None) -> FastAPI:
    """Our app, of Gradio's kind. Raises MissingExtra without Gradio's server mode (``gradio.Server``, from 6.31 on)."""
    try:
        kind: type[FastAPI] = importlib.import_module("gradio").Server
    except (ImportError, AttributeError) as error:
        raise MissingExtra("a Space (with: pip install 'gradio>=6.31')", "web") from error
    app = make_app(settings or space_settings(), kind=kind)
    mounted = app.router.routes.pop()
    assert isinstance(mounted, Mount)
    app.router.routes.append(_Pages("/", app=mounted.app))
    return app


def launch(settings: WebSettings | None = None, **options: Any) -> Any:
    """Serve the Space; ``options`` are those of Gradio's ``launch``, which returns only if they say so."""
    settings = settings or space_settings()
    app: Any = make_space(settings)
    begins_and_ends = {"lifespan": app.router.lifespan_context}  # Gradio replaces that of an app by what is given here
    return app.launch(
        server_name=settings.host, server_port=settings.port, app_kwargs=begins_and_ends, quiet=True, **options
    )
