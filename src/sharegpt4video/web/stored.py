"""What a data set adds to the server. ``api.dataset.dataset_router`` makes it; without a data set there is none."""

from __future__ import annotations

from typing import Protocol

from fastapi import APIRouter

from ..records import VideoCaption


class Stored(Protocol):
    """A data set (or two to compare) behind the routes below ``/v1/dataset`` and ``/v1/compare``.

    name     of the data set; "" where there are only two to compare
    compare  the names of the two; None without
    router   the routes; included by ``make_app``
    """

    @property
    def name(self) -> str: ...

    @property
    def compare(self) -> tuple[str, str] | None: ...

    @property
    def router(self) -> APIRouter: ...

    async def start(self) -> None:
        """Called once the event loop runs. Raises SG4VError for a data set that cannot be opened."""

    async def close(self) -> None: ...

    async def caption(self, id: str) -> VideoCaption | None:
        """The caption of a row, with its reviews applied; None for an id that is not there."""

    async def picture(self, id: str, number: int) -> bytes | None:
        """A keyframe of a row as JPEG."""
