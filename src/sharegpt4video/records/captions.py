"""Pictures, shots and keyframes on the way in; steps and whole captions, with their JSON, on the way out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from ..display import caption_html, caption_line
from ..foreign import json_text
from .measured import Facts, Sound

if TYPE_CHECKING:
    import numpy as np
    from pydantic import TypeAdapter

Mode = Literal["sliding", "fast"]
StepKind = Literal["opening", "change", "whole"]
KeyframeReason = Literal["first", "cut", "change", "last"]
ShotOpening = Literal["start", "cut", "fade"]
Layout = Literal["separate", "pair", "grid", "strip"]

BYTES_IN_JSON: Any = {"ser_json_bytes": "base64", "val_json_bytes": "base64"}
UNANSWERED = r"(?:^|could not be condensed: )(?:unavailable|mixed up)"
"""Matches the problem of a text that nobody has written: the server failed, or answered somebody else."""


def problem_kind(problem: str) -> str:
    """Of a stored problem such as "refused: the server says: …" the first part, which is a ``vlm.base.Problem``."""
    return problem.partition(":")[0]


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture: RGB ``pixels`` of shape (height, width, 3) uint8, upright, square pixels.

    ``seconds`` is its presentation time, ``duration_seconds`` how long it stays on screen.
    Raises ValueError if the array is not of that shape and type.
    """

    pixels: np.ndarray[Any, np.dtype[np.uint8]] = field(repr=False)
    seconds: float
    duration_seconds: float

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype.name != "uint8":
            raise ValueError(
                f"a Frame holds (height, width, 3) uint8 pixels, not {self.pixels.shape} {self.pixels.dtype}"
            )

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def end_seconds(self) -> float:
        return self.seconds + self.duration_seconds

    def __repr__(self) -> str:
        return f"Frame({self.width}x{self.height} at {self.seconds:.3f} s for {self.duration_seconds:.3f} s)"


@dataclass(frozen=True)
class Image:
    """A picture as JPEG bytes, encoded once and re-used byte for byte wherever it is sent, stored or hashed."""

    __pydantic_config__ = BYTES_IN_JSON

    jpeg: bytes = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True)
class Audio:
    """The sound of a stretch of a video, ``[start_seconds, end_seconds)``, one channel at 16 kHz.

    ``pcm`` holds the samples, 16 bits each, little end first.
    """

    pcm: bytes = field(repr=False)
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Shot:
    """A run of frames without a cut: ``[start_seconds, end_seconds)``, and how it opens."""

    start_seconds: float
    end_seconds: float
    opens_with: ShotOpening = "start"


@dataclass(frozen=True)
class Keyframe:
    """A frame worth describing, and why it was kept.

    ``similarity`` is the cosine to the keyframe before it in the same shot (None where there is none).
    ``image`` is None when the model that will describe it does not look at pictures.
    """

    seconds: float
    shot_index: int
    reason: KeyframeReason
    similarity: float | None = None
    image: Image | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Step:
    """One description and the time span it covers.

    ``opening`` describes the first frame of a shot, ``change`` what happens from one keyframe to the next, ``whole``
    the entire video (fast mode). The steps of a shot cover it without gaps: an opening followed by changes is an
    instant (``start_seconds == end_seconds``), a single opening covers its shot. ``problem`` says why the text is not
    to be trusted ("" for a good one); such a text is kept as it came, and never passed on as context.
    """

    kind: StepKind
    start_seconds: float
    end_seconds: float
    text: str
    shot_index: int
    frame_seconds: tuple[float, ...]
    facts: tuple[Facts, ...] = field(default=(), repr=False)
    problem: str = ""


@dataclass(frozen=True)
class Segment:
    """A run of keyframes of one shot, ready to be described in one chain; long shots come as several segments.

    ``facts[i]`` was measured between ``keyframes[i - 1]`` and ``keyframes[i]``; ``facts[0]`` at the first of them.
    There are none where nothing was measured.
    When ``continues`` is true the first keyframe is the last one of the segment before and has been described.
    ``first_number`` says which keyframe of its shot the first one is, counted from 1.
    ``shot_end_seconds`` is None unless this segment closes the shot.
    ``sound[i]`` is heard in ``span(i)``; there is none unless the model hears.
    """

    shot_index: int
    shot_start_seconds: float
    shot_end_seconds: float | None
    opens_with: ShotOpening
    continues: bool
    keyframes: tuple[Keyframe, ...]
    facts: tuple[Facts, ...]
    first_number: int = 1
    sound: tuple[Audio | None, ...] = field(default=(), repr=False)

    def span(self, number: int) -> tuple[float, float]:
        """The time span that the description of keyframe ``number`` covers; the steps of a shot leave no gaps."""
        closes_at = self.shot_end_seconds if number == len(self.keyframes) - 1 else None
        if number:
            end_seconds = self.keyframes[number].seconds if closes_at is None else closes_at
            return self.keyframes[number - 1].seconds, end_seconds
        if closes_at is None:
            return self.keyframes[0].seconds, self.keyframes[0].seconds
        return self.shot_start_seconds, closes_at

    @property
    def shot(self) -> Shot:
        """The shot it belongs to; one that is still open reaches to its last keyframe."""
        end = self.shot_end_seconds or self.keyframes[-1].seconds
        return Shot(self.shot_start_seconds, end, self.opens_with)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a caption. ``step`` is its number, -1 for the summary or the whole."""

    check: str
    step: int
    reason: str


@dataclass(frozen=True)
class Edit:
    """A text that is not as the captioning model wrote it. ``step`` is its number, -1 for the summary; ``author`` is
    the person, or the other model, that wrote it ("" if nobody said). ``by_hand``: a person wrote all of it, typed
    or imported; false where only some words were replaced."""

    step: int
    author: str
    by_hand: bool = False


@dataclass(frozen=True)
class Refused:
    """An answer that contradicted what was measured, in the place of which a better one was kept.

    ``step`` is the number of the step that it would have become, -1 for the summary; ``reasons`` say what was wrong.
    """

    step: int
    text: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Provenance:
    """How a caption came about, enough to make it again."""

    model: str
    prompt_set: str
    prompt_hash: str
    version: str
    settings: dict[str, Any] = field(repr=False)
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    request_keys: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, repr=False)
class VideoCaption:
    """The caption of a video, or of the part ``[start_seconds, end_seconds)`` of it.

    video            name of the file or address
    width, height    as displayed, in pixels
    shots, steps     in time order; times in seconds
    summary          one text for the whole; ``summary_problem`` says why it is not to be trusted ("" for a good one)
    provenance       model, prompts, settings, requests, tokens and cost
    warnings         what could not be read
    content_id       hash of the file's bytes ("" in older captions)
    model_identity   the model with the options that decide its answers ("" in older captions)
    sound            what was heard in all of it, with the speech written down (None: nobody listened)
    edits            which texts were rewritten since, and by whom
    video_path       where the video lies, seen from the folder of the caption's file, or its address ("" if unknown)
    refused          answers that were held against the facts and replaced by better ones (``verify``)

    ``content_id`` and ``model_identity`` show whether a caption belongs to a video, whatever the file is called. In a
    notebook, a caption shows its keyframes beside the text.
    """

    video: str
    width: int
    height: int
    start_seconds: float
    end_seconds: float
    mode: Mode
    shots: tuple[Shot, ...]
    steps: tuple[Step, ...]
    summary: str
    provenance: Provenance
    summary_problem: str = ""
    warnings: tuple[str, ...] = ()
    content_id: str = ""
    model_identity: str = ""
    sound: Sound | None = None
    edits: tuple[Edit, ...] = ()
    video_path: str = ""
    refused: tuple[Refused, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        return caption_line(type(self).__name__, self.video, self)

    def _repr_html_(self) -> str:
        read = self.__dict__.get("_pictures")
        return caption_html(self.video, self, read(self) if read else {})

    def showing(self, pictures: Callable[[VideoCaption], Mapping[float, Image]]) -> VideoCaption:
        """The same caption, whose keyframes a notebook gets from this function. It is not part of the record."""
        object.__setattr__(self, "_pictures", pictures)
        return self

    @property
    def problems(self) -> tuple[str, ...]:
        """One line for each text that is not to be trusted; empty if all are good."""
        lines = [
            f"step {number} ({step.start_seconds:.2f}-{step.end_seconds:.2f} s): {step.problem}"
            for number, step in enumerate(self.steps)
            if step.problem
        ]
        return (*lines, f"summary: {self.summary_problem}") if self.summary_problem else tuple(lines)

    @property
    def unanswered(self) -> tuple[str, ...]:
        """The problems of texts that got no answer. Captioning again later may help."""
        problems = (*(step.problem for step in self.steps), self.summary_problem)
        return tuple(problem for problem in problems if re.search(UNANSWERED, problem))

    @property
    def answered(self) -> bool:
        """Whether the model has answered anything at all."""
        return not self.unanswered or any(step.text or not step.problem for step in self.steps)

    def to_json(self, *, indent: int | None = 2) -> str:
        """The caption as JSON text; ``VideoCaption.from_json`` reads it back to an equal value.

        Half a surrogate pair in a text, which UTF-8 cannot hold, is spelled out as in ``\\udce9``.
        """
        from pydantic_core import PydanticSerializationError

        adapter = _caption_adapter()
        try:
            document = adapter.dump_json(self, indent=indent).decode()
        except PydanticSerializationError:
            document = json.dumps(adapter.dump_python(self, mode="json"), ensure_ascii=False, indent=indent)
        return json_text(document)

    @staticmethod
    def from_json(text: str | bytes) -> VideoCaption:
        """Read what ``to_json`` wrote. Raises ValueError naming the field that does not fit."""
        return _caption_adapter().validate_json(text)


@cache
def _caption_adapter() -> TypeAdapter[VideoCaption]:
    from pydantic import TypeAdapter

    return TypeAdapter(VideoCaption)  # some 30 ms to make
