"""Frames numbered as the released demo does (captioner/app.py), whatever their time in the video is."""

from __future__ import annotations

from dataclasses import replace

from ..base import Request

EVERY_SECONDS = 2.0
"""The demo takes a frame every two seconds, and never looks at a time."""


def as_released(request: Request) -> Request:
    """The request with the demo's numbers: pairs count frames from 0, summaries from 1; times count from 0 in both."""
    if request.task == "change":
        first = request.first_number - 1
        return replace(request, first_number=first, seconds=(first * EVERY_SECONDS, (first + 1) * EVERY_SECONDS))
    if request.task in ("summary", "fold"):
        steps = [replace(step, frame_seconds=(number * EVERY_SECONDS,)) for number, step in enumerate(request.steps)]
        return replace(request, steps=tuple(steps))
    return request
