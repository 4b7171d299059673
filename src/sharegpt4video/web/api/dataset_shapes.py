"""The shapes of what is asked and answered below ``/v1/dataset``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ...records import VideoCaption
from ..shapes import Asked, Keyframe, Text

CaptionId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Author = Annotated[str, Field(max_length=200)]


class Counts(BaseModel):
    videos: int
    captions: int
    failures: int
    kept: int
    dropped: int
    reviewed: int


class Column(BaseModel):
    """What can be filtered by: a number with its range, a word with the most frequent ones, or true and false."""

    name: str
    kind: Literal["number", "word", "flag"]
    min: float | None = None
    max: float | None = None
    values: list[str] | None = None


class Dataset(BaseModel):
    """``indexed_rows`` captions can be filtered and searched by now; ``problems`` says what could not be read.
    ``media_problem`` says why no video can be seen, and what to do ("" where they can)."""

    name: str
    counts: Counts
    splits: dict[str, int]
    building: bool
    model: str
    columns: list[Column]
    indexed_rows: int
    problems: list[str]
    media_problem: str


class Item(BaseModel):
    """A caption in a list; of a video that failed, ``failure`` and its message. ``picture`` may not be there."""

    id: str
    video: str
    summary: str
    seconds: float
    steps: int
    split: str
    kept: bool | None
    findings: int
    verdict: str
    picture: str | None
    failure: str
    message: str


class Items(BaseModel):
    """A page: ``next`` is asked for with ``after``. ``total`` is null while not all captions can be searched yet, as
    in the first moments of a server; later, more may be found."""

    items: list[Item]
    next: str | None
    total: int | None
    took_ms: float


class Found(BaseModel):
    """A finding of a check; ``step`` null is the summary, or the whole."""

    check: str
    step: int | None
    reason: str


class Chosen(BaseModel):
    kept: bool
    reason: str
    split: str
    gate: str
    value: float | None
    threshold: float | None
    group: str
    other: str


class Review(BaseModel):
    """A review; one that does not count was undone. ``time`` is seconds since 1970."""

    id: str
    step: int | None
    was: str
    text: str | None
    verdict: str | None
    author: str
    time: float
    kind: str
    base_revision: int
    batch: str
    model: str
    counts: bool


class Conflict(BaseModel):
    step: int | None
    base_text: str
    mine: str
    theirs: str
    author: str
    time: float


class Whole(BaseModel):
    """One caption with its reviews applied (``original``: without). ``media`` null: ``media_problem`` says why."""

    id: str
    media: str | None
    media_problem: str
    revision: int
    caption: VideoCaption
    original: VideoCaption
    verdict: str
    verdict_is_stale: bool
    findings: list[Found]
    selection: Chosen | None
    provenance: dict[str, Any]
    keyframes: list[Keyframe]
    reviews: list[Review]
    conflicts: list[Conflict]


class ReviewAsked(Asked):
    """Another text for a step (``step`` null: the summary), a verdict, or both. ``was``: the text that was seen.
    ``model`` wrote the text; "" for a person."""

    caption: CaptionId
    base_revision: Annotated[int, Field(ge=0, le=1_000_000_000)]
    step: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    was: Text = ""
    text: Text | None = None
    verdict: Literal["accept", "reject", ""] | None = None
    author: Author = ""
    model: Annotated[str, Field(max_length=500)] = ""


class Reviewed(BaseModel):
    review: Review


class Replacing(Asked):
    kind: Literal["replace"]
    find: Annotated[str, Field(min_length=1, max_length=2000)]
    with_: Annotated[str, Field(max_length=2000, alias="with")] = ""
    regex: bool = False


class Recaptioning(Asked):
    kind: Literal["recaption"]
    model: Annotated[str, Field(min_length=1, max_length=500)]


class Filtering(Asked):
    kind: Literal["filter"]
    filters: Annotated[dict[str, Any], Field(max_length=50)]


class BulkAsked(Asked):
    """A change of the captions that ``q`` and ``where`` leave; with ``preview`` it is only tried."""

    change: Annotated[Replacing | Recaptioning | Filtering, Field(discriminator="kind")]
    where: Annotated[tuple[Annotated[str, Field(max_length=300)], ...], Field(max_length=20)] = ()
    q: Annotated[str, Field(max_length=500)] = ""
    preview: bool
    author: Author = ""


class Example(BaseModel):
    id: str
    step: int | None
    before: str
    after: str


class Preview(BaseModel):
    total: int
    examples: list[Example]
    skipped: dict[str, int]


class BulkBegun(BaseModel):
    batch: str


class Batch(BaseModel):
    """``status``: running, done, failed, or unfinished (its process ended; nothing of it counts)."""

    id: str
    change: dict[str, Any]
    rows: int
    status: Literal["running", "done", "failed", "unfinished"]
    message: str
    undone: bool
    author: str
    time: float


class Batches(BaseModel):
    batches: list[Batch]


class ImportAsked(Asked):
    path: Annotated[str, Field(min_length=1, max_length=4096)]
    author: Author = ""


class Skipped(BaseModel):
    file: str
    reason: str


class Imported(BaseModel):
    """``unchanged`` texts were there already; ``batch`` can be undone like a bulk change (null: nothing changed)."""

    imported: int
    unchanged: int
    skipped: list[Skipped]
    batch: str | None
