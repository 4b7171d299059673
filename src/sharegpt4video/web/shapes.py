"""The shapes of requests and answers, for checking and for the OpenAPI document. Times are seconds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..records import Facts, VideoCaption

Mode = Literal["sliding", "fast"]
Status = Literal["queued", "running", "done", "failed", "cancelled"]
Text = Annotated[str, Field(max_length=20_000)]
Line = Annotated[str, Field(min_length=1, max_length=2_000)]
Seconds = Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)]
Id = Annotated[str, Field(min_length=1, max_length=64)]


class Asked(BaseModel):
    """What a client sends: nothing but these fields."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    message: str
    kind: str


class Error(BaseModel):
    """Every answer with a status of 400 or more. ``theirs``: with 409, the text that is there now."""

    error: Problem
    theirs: str | None = None


class Model(BaseModel):
    name: str
    sees_images: bool
    reads_facts: bool
    default: bool
    problem: str


class Named(BaseModel):
    name: str


class Compared(BaseModel):
    a: str
    b: str


class Sample(BaseModel):
    id: str
    name: str


class Encoder(BaseModel):
    name: str
    limit_tokens: int
    used_by: str


class Profile(BaseModel):
    """The captions in whose style prompts are re-captioned."""

    source: str
    captions: int


class Bounds(BaseModel):
    upload_bytes: int
    max_seconds: float


class Session(BaseModel):
    version: str
    models: list[Model]
    roots: list[Named]
    sample: Sample | None
    dataset: Named | None
    compare: Compared | None
    encoders: list[Encoder]
    profile: Profile | None
    limits: Bounds
    fetch_urls: bool


class MediaInfo(BaseModel):
    """A video. ``playable``: browsers play the file itself; else, with ``preview``, they get a copy that they can."""

    id: str
    name: str
    bytes: int
    seconds: float | None
    width: int
    height: int
    fps: float | None
    has_sound: bool
    playable: bool
    preview: bool


class Opening(Asked):
    """One of the two: a path inside the folders of the server, or an address."""

    path: Annotated[str, Field(max_length=4096)] | None = None
    url: Annotated[str, Field(max_length=4096)] | None = None


class CaptionAsked(Asked):
    media: Id
    model: Line | None = None
    mode: Mode = "sliding"
    start_seconds: Seconds | None = None
    end_seconds: Seconds | None = None


class CaptionBegun(BaseModel):
    id: str
    media: str
    status: Status


class Keyframe(BaseModel):
    number: int
    seconds: float
    shot_index: int
    reason: str
    similarity: float | None
    picture: str | None
    facts: Facts | None


class CaptionState(BaseModel):
    id: str
    media: str | None
    status: Status
    message: str
    caption: VideoCaption | None
    keyframes: list[Keyframe]


class Edit(Asked):
    """``step`` None is the summary; ``was`` the text that the editor saw; ``model`` wrote the text, "" for a person."""

    step: Annotated[int, Field(ge=0, le=1_000_000)] | None
    text: Text
    was: Text
    model: Annotated[str, Field(max_length=500)] = ""


class Edited(BaseModel):
    caption: VideoCaption


class Moment(BaseModel):
    start_seconds: float
    end_seconds: float
    text: str
    score: float


class Moments(BaseModel):
    moments: list[Moment]


class SummaryAsked(Asked):
    caption: Id
    start_seconds: Seconds
    end_seconds: Seconds
    model: Line | None = None


class SummaryMade(BaseModel):
    text: str
    problem: str
    start_seconds: float
    end_seconds: float


class RecaptionAsked(Asked):
    prompt: Line
    model: Line | None = None
    encoder: Line | None = None


Span = tuple[int, int]


class KeptPart(BaseModel):
    text: str
    in_prompt: Span
    in_text: Span


class LostPart(BaseModel):
    text: str
    in_prompt: Span


class InventedPart(BaseModel):
    text: str
    in_text: Span


class FactPart(BaseModel):
    """One thing that the prompt asks for. ``reason``: what the text says instead, where it says something."""

    number: int
    kind: str
    text: str
    in_prompt: Span
    standing: Literal["kept", "near", "lost", "contradicted"]
    reason: str


class Attempt(BaseModel):
    """What a model wrote, and why it was not taken; no problems: it was."""

    text: str
    problems: list[str]


class Tokens(BaseModel):
    encoder: str
    limit: int
    prompt: int
    text: int
    estimated: bool


class Recaptioned(BaseModel):
    """Spans count characters, ``[start, end)``. ``kept``, ``lost`` and ``invented`` are words, compared one by one.

    by       "model", or "rules" where no usable text came from a model; ``why`` says why not
    swapped  numbers of facts that the text tells the other way round
    problem  why the text is not to be trusted; "" if it is
    """

    text: str
    problem: str
    by: Literal["model", "rules"]
    why: str
    attempts: list[Attempt]
    facts: list[FactPart]
    swapped: list[tuple[int, int]]
    kept: list[KeptPart]
    lost: list[LostPart]
    invented: list[InventedPart]
    tokens: Tokens


class Turn(Asked):
    question: Text
    answer: Text


class Question(Asked):
    media: Id
    question: Line
    model: Line | None = None
    history: Annotated[list[Turn], Field(max_length=50)] = []
    start_seconds: Seconds | None = None
    end_seconds: Seconds | None = None


class Health(BaseModel):
    ok: bool
    version: str
