"""What captioning a video will cost, before a request is sent. An estimate: it assumes that every candidate is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from .config import CaptionSettings
from .records import Image, Step
from .video.picture import fitted_size
from .video.reader import VideoInfo
from .vlm.base import VLM, Request, Task

OPENING_TOKENS, CHANGE_TOKENS, SUMMARY_TOKENS = 200, 120, 350  # what answers to our prompts are long, about
GRID_SIDE_PIXELS = 1920  # the most that the grid of fast mode is made
TYPICAL_TEXT = "word " * 90  # a text of CHANGE_TOKENS, to stand for one that is not there yet


@dataclass(frozen=True)
class Estimate:
    """Requests and tokens, and what they cost (None when the model has no prices)."""

    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None


def estimate(info: VideoInfo, model: VLM, settings: CaptionSettings) -> Estimate | None:
    """About the most that one video will use; fewer keyframes make it less, retries and cuts more.

    None when the model cannot count tokens, or when no header tells how long the video is.
    """
    end = settings.end_seconds if info.duration_seconds is None else info.duration_seconds
    if end is None:
        return None
    if settings.end_seconds is not None:
        end = min(end, settings.end_seconds)
    requests = _requests(max(end - (settings.start_seconds or 0.0), 0.0), info, settings)
    counts = [(number, model.estimate_tokens(request), answer) for number, request, answer in requests]
    tokens_in = sum(number * tokens for number, tokens, _ in counts if tokens is not None)
    if any(tokens is None for _, tokens, _ in counts):
        return None
    tokens_out = sum(number * answer for number, _, answer in counts)
    return Estimate(sum(n for n, _, _ in counts), tokens_in, tokens_out, model.cost_usd(tokens_in, tokens_out))


def _requests(seconds: float, info: VideoInfo, settings: CaptionSettings) -> list[tuple[int, Request, int]]:
    """How many of which request, and how many tokens each answer has."""
    width, height = info.width, info.height
    if settings.mode == "fast":
        grid = Image(b"", *fitted_size(width, height, GRID_SIDE_PIXELS))
        return [(1, _request("fast", grid, settings.fast_frames), SUMMARY_TOKENS)]
    picture = Image(b"", *fitted_size(width, height, min(settings.image_side_pixels, max(width, height))))
    changes = math.ceil(seconds / settings.keyframes.every_seconds)
    step = Step("change", 0.0, 0.0, TYPICAL_TEXT, 0, (0.0, 0.0))
    told = min(changes + 1, settings.fold_steps)
    rounds = math.ceil((changes + 1) / settings.fold_steps)
    return [
        (1, _request("opening", picture, 1), OPENING_TOKENS),
        (changes, replace(_request("change", picture, 2), images=(picture, picture)), CHANGE_TOKENS),
        (rounds if rounds == 1 else rounds + 1, Request("summary", steps=(step,) * told), SUMMARY_TOKENS),
    ]


def _request(task: Task, picture: Image, frames: int) -> Request:
    return Request(task, "", (picture,), tuple(map(float, range(frames))), before=TYPICAL_TEXT)
