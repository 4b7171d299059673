"""What a worker process can be told to do, as plain data that crosses a pipe as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

Mode = Literal["sliding", "fast"]
IN_PROCESS = ("hf:", "vllm:", "lvlm:", "sharecaptioner:")
"""Models that are loaded into the process that asks them: it is kept for the next question."""


def is_in_process(model: str) -> bool:
    return model.startswith(IN_PROCESS)


@dataclass(frozen=True)
class Task:
    """One thing to do."""

    kind: ClassVar[str] = ""

    def plain(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class OfVideo(Task):
    """One thing to do with a file; ``name`` is what its owner calls it, in messages and captions."""

    path: str
    name: str


@dataclass(frozen=True)
class Look(OfVideo):
    """Find out what a file is; its first picture is decoded."""

    kind = "look"


@dataclass(frozen=True)
class Picture(OfVideo):
    """One frame as JPEG."""

    kind = "picture"
    seconds: float
    side_pixels: int


@dataclass(frozen=True)
class Preview(OfVideo):
    """A copy that browsers can play."""

    kind = "preview"
    target: str
    side_pixels: int
    max_seconds: float


@dataclass(frozen=True)
class Caption(OfVideo):
    """Caption a part of a video, of at most ``max_seconds``."""

    kind = "caption"
    model: str
    mode: Mode
    start_seconds: float | None
    end_seconds: float | None
    max_seconds: float


@dataclass(frozen=True)
class Ask(OfVideo):
    """A question about a video, after others: ``history`` has pairs of a question and its answer."""

    kind = "ask"
    model: str
    question: str
    history: list[tuple[str, str]]
    start_seconds: float | None
    end_seconds: float | None


@dataclass(frozen=True)
class Summarize(Task):
    """A summary of a part of a caption, which is given as JSON."""

    kind = "summarize"
    caption: str
    model: str
    start_seconds: float
    end_seconds: float


@dataclass(frozen=True)
class Recaption(Task):
    """A prompt in the style of captions: those of a ``profile`` (its JSON) unless that is "". For an encoder's name."""

    kind = "recaption"
    prompt: str
    model: str
    encoder: str
    profile: str


@dataclass(frozen=True)
class Models(Task):
    """What each model can do."""

    kind = "models"
    names: list[str]


TASKS: dict[str, type[Task]] = {
    each.kind: each for each in (Look, Picture, Preview, Caption, Ask, Summarize, Recaption, Models)
}
