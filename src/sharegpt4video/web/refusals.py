"""What the server refuses, as JSON: ``{"error": {"message", "kind"}}`` with a fitting status."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ..errors import MissingExtra, ModelUnavailable, SettingsError, SG4VError, StorageError, VideoError, VLMError

logger = logging.getLogger(__name__)

_KINDS = {
    400: "bad request",
    401: "token needed",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    408: "too slow",
    409: "conflict",
    411: "length needed",
    413: "too large",
    415: "not a video",
    422: "invalid",
    429: "too many requests",
    503: "busy",
    507: "no room",
}
_STATUS: tuple[tuple[type[SG4VError], int, str], ...] = (
    (VideoError, 422, "video"),
    (ModelUnavailable, 503, "model"),
    (VLMError, 502, "model"),
    (MissingExtra, 501, "extra missing"),
    (SettingsError, 422, "invalid"),
    (StorageError, 507, "storage"),
)


class Refused(HTTPException):
    """Ends a request with a status and a message for the user. ``more`` is added to the body."""

    def __init__(self, status: int, message: str, kind: str = "", *, retry_seconds: float = 0, **more: Any) -> None:
        headers = {"Retry-After": str(max(round(retry_seconds), 1))} if retry_seconds else None
        super().__init__(status, message, headers)
        self.kind = kind or _KINDS.get(status, "failed")
        self.more = more


def body(status: int, message: str, kind: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "kind": kind or _KINDS.get(status, "failed")}, **more}


def status_of(error: SG4VError) -> tuple[int, str]:
    """The HTTP status and the kind for an error of the package."""
    return next(((status, kind) for of, status, kind in _STATUS if isinstance(error, of)), (500, "failed"))


def answer_errors(app: FastAPI) -> None:
    """Make every error of an app come back in this form."""

    async def refused(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        kind, more = (error.kind, error.more) if isinstance(error, Refused) else ("", {})
        content = body(error.status_code, str(error.detail), kind, **more)
        return JSONResponse(content, error.status_code, dict(error.headers or {}))

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        found = "; ".join(f"{'.'.join(map(str, one['loc'][1:])) or 'body'}: {one['msg']}" for one in error.errors()[:5])
        return JSONResponse(body(422, found), 422)

    async def ours(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, SG4VError)
        status, kind = status_of(error)
        return JSONResponse(body(status, str(error), kind), status)

    async def fault(request: Request, error: Exception) -> JSONResponse:
        logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return JSONResponse(body(500, "the server made a mistake; its log says more"), 500)

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(SG4VError, ours)
    app.add_exception_handler(Exception, fault)
