"""A request as plain data, to be put into words again later by a trainer that changes what the model is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from ..records import Image, Step
from .base import Request

_LEFT_OUT = {"video", "images", "facts", "sound", "remaining"}
_USUAL = Request("change")
_NO_PICTURE = Image(b"", 0, 0)


def plain_request(request: Request) -> dict[str, Any]:
    """What the words of a question are made of, without pictures and facts; what is as usual is left out."""
    plain: dict[str, Any] = {"task": request.task}
    for one in fields(Request):
        value = getattr(request, one.name)
        if one.name not in _LEFT_OUT and value != getattr(_USUAL, one.name):
            plain[one.name] = list(value) if isinstance(value, tuple) else value
    if request.steps:
        # Words leave a step with a problem out, so that its text is nobody's to learn from.
        plain["steps"] = [{name: value for name, value in asdict(step).items() if name != "facts"}
                          | ({"text": ""} if step.problem else {}) for step in request.steps]  # fmt: skip
    return plain


def request_of(plain: Mapping[str, Any], pictures: int) -> Request:
    """The request that ``plain_request`` was given, with so many empty pictures in the place of its own.

    Raises ValueError for anything else.
    """
    try:
        made: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()
        }
        steps = tuple(
            Step(**{**step, "frame_seconds": tuple(step["frame_seconds"])}) for step in plain.get("steps", ())
        )
        made |= {"steps": steps, "images": (_NO_PICTURE,) * pictures}
        return Request(**made)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a request: {error}") from error
