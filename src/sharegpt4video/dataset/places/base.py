"""What a build asks of the place where the work on single videos is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from ...config import CaptionSettings
from ...records import VideoCaption
from ..rows import Failure, SourceVideo, Stage, Survey
from ..settings import SurveySettings

NEW_KEYFRAMES = 3  # of a segment: nobody watches each step, and what goes from process to process goes in one piece
SEGMENTS_WAITING = 512  # read and not described yet, all videos together; about 4 pictures each

CaptionStage = Literal["short", "caption"]
"""A short caption is only made to see whether a video brings something new."""
PRIORITY: dict[Stage, int] = {"caption": 0, "short": 1, "survey": 2}
"""Who is given a reader first: what feeds the model, then what decides about it."""


class Place(Protocol):
    """Works on videos, many at once, and returns for each the result or why it failed.

    Methods raise only what would stop every other video, too (``jobs.FATAL``).
    """

    videos_at_once: int
    """How many captions have to be under way to keep every slot of the model busy."""

    @property
    def mixed_up(self) -> int:
        """How many replies belonged to other requests."""
        ...

    async def survey(
        self,
        source: SourceVideo,
        settings: SurveySettings,
        identified: Callable[[str], None] = ...,
        reading: CaptionSettings | None = None,
    ) -> Survey | Failure:
        """``identified`` is called with the packet hash once that is known, long before the pictures are measured.

        With ``reading`` the video will probably be captioned with these settings, in sliding mode: a place may read it
        in the same decode, and then holds what it has read until it is asked to ``caption`` or to ``forget`` it.
        """
        ...

    def forget(self, source: SourceVideo) -> None:
        """This video will not be captioned."""

    async def caption(
        self, source: SourceVideo, settings: CaptionSettings, stage: CaptionStage = "caption"
    ) -> VideoCaption | Failure: ...

    async def close(self) -> None:
        """End what is under way, and give back processes and memory."""
        ...
