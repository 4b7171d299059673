"""What is asked of a model, what comes back, and the one method that a backend has to write.

You come from ``captioner.engine``. This is the last file of the main path: from here on, each model is its own way.
``vlm.embedded`` answers from the facts; ``prompts`` and ``vlm.render`` turn requests into words for the others.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from pydantic_core import from_json, to_json

from ..errors import VLMError
from ..foreign import is_text, spelled_out, well_formed, whole_characters
from ..records import Audio, Facts, Image, Layout, Step, without_unset
from .telling import Telling
from .usage import token_count

Task = Literal["opening", "change", "fast", "summary", "fold", "recaption", "judge", "ask"]
FREE_TASKS: frozenset[Task] = frozenset({"judge", "ask"})
"""Tasks in words of the caller's own: an answer to them may be JSON, or anything else that was asked for."""
_TEXTS = ("before", "cast", "user_text", "system", "prefill", "reminder")
Problem = Literal[
    "", "empty", "cut off", "refused", "repeating", "not plain text", "contradicted", "mixed up", "unavailable"
]


@dataclass(frozen=True)
class Request:
    """One question to a model, as structured data: a model may turn it into a prompt or answer from the facts.

    Half of a character (a lone surrogate), in a benchmark's question say, which no server takes and no key can be made
    of, becomes U+FFFD.

    task            what to write; ``fold`` condenses some of many steps, ``summary`` covers them all, ``judge`` is a
                    question about texts and ``ask`` one about the pictures, in the caller's own words
    video           name of the file or address
    images, seconds  the pictures and their times in seconds
    layout          how to combine several pictures if the prompt set or the model wants one; ``separate``: not at all
    facts           what was measured at or between those times, in order; the last ones of a change are those of its
                    interval, earlier ones describe its start
    before          text of the previous step ("" at the start of a shot)
    cast            words about the subjects that earlier steps named ("" where none are kept)
    steps           the steps to summarise
    start_seconds, end_seconds  the part of the video to describe
    user_text       the prompt to rewrite; for ``judge`` and ``ask`` the whole question, sent as it is
    system          ``ask``: system text that replaces the prompt set's
    earlier         ``ask``: earlier questions and answers, in order; the pictures belong to the first question
    prefill         ``ask``: how the answer must begin; the reply has only what the model adds
    max_tokens      ``ask``: longest answer; 0: as the prompt set says
    sound           what is heard from ``start_seconds`` to ``end_seconds``, for a model that hears
    first_number    number of the first picture in its chain, from 1 (for prompts that number frames)
    reminder        what was wrong with the last answer, when a request is repeated
    remaining       number of requests that wait for this answer (the engine serves long chains first)
    """

    task: Task
    video: str = ""
    images: tuple[Image, ...] = field(default=(), repr=False)
    seconds: tuple[float, ...] = ()
    layout: Layout = "separate"
    facts: tuple[Facts, ...] = field(default=(), repr=False)
    before: str = ""
    cast: str = ""
    steps: tuple[Step, ...] = field(default=(), repr=False)
    start_seconds: float = 0.0
    end_seconds: float = 0.0
    user_text: str = ""
    system: str = ""
    earlier: tuple[tuple[str, str], ...] = ()
    prefill: str = ""
    max_tokens: int = 0
    sound: Audio | None = field(default=None, repr=False)
    first_number: int = 1
    reminder: str = ""
    remaining: int = 0

    def __post_init__(self) -> None:
        for name in _TEXTS:
            object.__setattr__(self, name, whole_characters(getattr(self, name)))
        earlier = tuple((whole_characters(question), whole_characters(answer)) for question, answer in self.earlier)
        object.__setattr__(self, "earlier", earlier)
        if not all(is_text(step.text) for step in self.steps):
            steps = tuple(replace(step, text=whole_characters(step.text)) for step in self.steps)
            object.__setattr__(self, "steps", steps)

    def key(self) -> str:
        """Hash of everything in the request that can change the answer; the reply carries it back."""
        known: str | None = self.__dict__.get("_key")  # asked for at every stage, and nothing in a request changes
        if known is None:
            parts = {field.name: getattr(self, field.name) for field in fields(self)}
            parts["images"] = [hashlib.sha256(image.jpeg).hexdigest() for image in self.images]
            parts["video"] = spelled_out(self.video)
            parts["sound"] = self.sound and hashlib.sha256(self.sound.pcm).hexdigest()
            unset = {name for name in ("cast", "sound") if not parts[name]}  # earlier versions did not have them
            parts = {name: parts[name] for name in parts if name != "remaining" and name not in unset}
            parts |= {part: without_unset(from_json(to_json(parts[part]))) for part in ("facts", "steps")}
            known = hashlib.sha256(to_json(parts)).hexdigest()[:32]
            object.__setattr__(self, "_key", known)
        return known

    def without_facts(self) -> Request:
        """The same question without facts, for a model whose answers do not depend on them."""
        return replace(self, facts=(), steps=tuple(replace(step, facts=()) for step in self.steps))


@dataclass(frozen=True)
class Reply:
    """A model's answer.

    text          the answer, always well-formed Unicode
    request_key   ``Request.key()`` of the request it answers
    model         name of the model
    prompt_hash   hash of the prompt set
    input_tokens, output_tokens  as the model reports them; implausible counts become 0
    problem       why the text is not usable; "" if it is
    detail        the problem in words, and what to do about it
    has_id        whether the answer itself carried the key back; None if nothing in between could mix answers up
    """

    text: str
    request_key: str
    model: str
    prompt_hash: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    problem: Problem = ""
    detail: str = ""
    has_id: bool | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", well_formed(self.text))
        object.__setattr__(self, "detail", well_formed(self.detail))
        object.__setattr__(self, "input_tokens", token_count(self.input_tokens))
        object.__setattr__(self, "output_tokens", token_count(self.output_tokens))


class VLM(Telling, ABC):
    """A model that answers requests. Subclasses implement ``generate``; everything else has a working default, also
    what `Telling` adds.

    name            as shown and stored, with the revision if there is one
    max_images      pictures per request; 0 for a model that does not look at pictures and gets none
    max_concurrent  requests it serves in parallel
    uses_facts      whether measured facts can change its answers; if not, requests come without them
    takes_png       whether it takes lossless PNG pictures instead of JPEG
    frames_apart    whether fast mode gives it the frames one by one, not in one grid
    hears           whether it is given the sound that belongs to the pictures
    own_prompts     the prompt set it was trained with, which is taken where no settings are given; "": none
    """

    name: str = ""
    max_images: int = 1
    max_concurrent: int = 1
    uses_facts: bool = True
    takes_png: bool = False
    frames_apart: bool = False
    hears: bool = False
    own_prompts: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @abstractmethod
    async def generate(self, request: Request) -> Reply:
        """Answer one request.

        An unusable answer is a ``Reply`` with a ``problem``. Raises VLMError if no request can succeed (a wrong key).
        """

    async def stream(self, request: Request) -> AsyncGenerator[str, None]:
        """Yield the answer piece by piece as it is written, or in one piece from a model that cannot stream.

        Raises VLMError as ``generate`` does, and if the answer has a problem and no text.
        """
        reply = await self.generate(request)
        if reply.problem and not reply.text:
            raise VLMError(f"{self.name}: no answer: {reply.detail or reply.problem}")
        yield reply.text

    @property
    def identity(self) -> str:
        """What its answers depend on besides prompts and request: the model and its options, not where it runs."""
        return self.name

    async def check(self) -> None:
        """Check within a few seconds, before any work, whether requests can be answered at all.

        Raises ModelUnavailable or ModelDenied if they cannot. A model that is merely slow passes.
        """

    async def close(self) -> None:
        """Release connections and memory."""
