"""``/healthz`` for liveness probes, ``/metrics`` for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from ... import __version__
from ..metrics import exposed
from ..server import Web
from ..shapes import Health

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """Whether the server answers; asks for no token."""
    return Health(ok=True, version=__version__)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(web: Web) -> Response:
    """Figures for Prometheus, with a bearer token."""
    content, media_type = exposed(web)
    return Response(content, headers={"Content-Type": media_type})
