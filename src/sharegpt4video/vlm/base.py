"""What is asked of a model, what comes back, and the one method that a backend has to write."""

from __future__ import annotations

import hashlib
import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, fields, replace
from typing import Literal

from pydantic_core import to_json

from ..errors import VLMError
from ..records import Facts, Image, Layout, Step, spelled_out, well_formed

Task = Literal["opening", "change", "fast", "summary", "fold", "recaption", "judge", "ask"]
FREE_TASKS: frozenset[Task] = frozenset({"judge", "ask"})
"""Tasks in words of the caller's own: an answer to them may be JSON, or anything else that was asked for."""
Problem = Literal["", "empty", "cut off", "refused", "repeating", "not plain text", "mixed up", "unavailable"]

_OUR_ID = re.compile(r"sg4v-([0-9a-f]{32})")
_MOST_TOKENS = 10**9  # in one answer; sums over millions of videos still fit into the 64 bits of a Parquet column


@dataclass(frozen=True)
class Request:
    """One question to a model, as structure: no prompt text yet, so a model may render it or answer from the facts.

    task            what is wanted; ``fold`` condenses some of many steps, ``summary`` tells the whole, ``judge`` asks a
                    question about texts, ``ask`` one about the pictures, in words of the caller's own
    images, seconds the pictures and their times; ``layout`` says how several are to be put together when the
                    prompt set or the model wants one picture (``separate`` ones stay apart)
    facts           what was measured at or between those times, in order; for a change the last ones are those of its
                    interval, the ones before tell what was there at its start
    before          the text of the step before ("" at the start of a shot)
    steps           the steps to summarise
    start_seconds, end_seconds  the part of the video that the answer is about
    user_text       the prompt to re-caption; for ``judge`` and ``ask`` the whole question, sent as it is
    system          ``ask``: the system text, instead of the prompt set's
    earlier         ``ask``: questions and answers before this one, in order; the pictures belong to the first question
    prefill         ``ask``: how the answer has to begin; the reply's text is what the model adds
    max_tokens      ``ask``: the longest answer; 0: as the prompt set says
    first_number    which frame of its chain the first picture is, counted from 1 (for prompts that number frames)
    reminder        set when asked again: what was wrong with the last answer
    remaining       how many requests cannot start before this one is answered (the engine serves long chains first)
    """

    task: Task
    video: str = ""
    images: tuple[Image, ...] = field(default=(), repr=False)
    seconds: tuple[float, ...] = ()
    layout: Layout = "separate"
    facts: tuple[Facts, ...] = field(default=(), repr=False)
    before: str = ""
    steps: tuple[Step, ...] = field(default=(), repr=False)
    start_seconds: float = 0.0
    end_seconds: float = 0.0
    user_text: str = ""
    system: str = ""
    earlier: tuple[tuple[str, str], ...] = ()
    prefill: str = ""
    max_tokens: int = 0
    first_number: int = 1
    reminder: str = ""
    remaining: int = 0

    def key(self) -> str:
        """A hash of everything in the request that can change the answer; it travels with the reply."""
        known: str | None = self.__dict__.get("_key")  # asked for at every stage, and nothing in a request changes
        if known is None:
            parts = {field.name: getattr(self, field.name) for field in fields(self)}
            parts["images"] = [hashlib.sha256(image.jpeg).hexdigest() for image in self.images]
            parts["video"] = spelled_out(self.video)
            del parts["remaining"]
            known = hashlib.sha256(to_json(parts)).hexdigest()[:32]
            object.__setattr__(self, "_key", known)
        return known

    def without_facts(self) -> Request:
        """The same question, for a model whose answer cannot depend on measured facts."""
        return replace(self, facts=(), steps=tuple(replace(step, facts=()) for step in self.steps))


@dataclass(frozen=True)
class Reply:
    """A model's answer. ``problem`` is "" for a usable text; ``request_key`` is the key of the request it answers.

    ``has_id`` tells whether the answer itself carried that key back, as proof; None where there is nothing between us
    and the model that could mix answers up. Whatever a model sent, the texts are well-formed Unicode and no token count
    is absurd: they are stored as they are.
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


def token_count(value: object) -> int:
    """A number of tokens as a model reports it; 0 for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0
    return int(value) if 0 < value <= _MOST_TOKENS else 0  # NaN is neither


def new_request_id(key: str) -> str:
    """An id for one call about the request with this key; an answer may carry it back."""
    return f"sg4v-{key}-{uuid.uuid4().hex[:8]}"


def is_of_another(mark: str, key: str) -> bool:
    """Whether a mark on an answer is the id of a call about another request; ids that are not ours mean nothing."""
    found = _OUR_ID.search(mark)
    return found is not None and found[1] != key


class VLM(ABC):
    """A model that answers requests. Write ``generate``; the rest has working defaults.

    name            as shown and stored, with the revision where there is one
    max_images      how many pictures one request may carry; 0 for a model that looks at none (it gets none)
    max_concurrent  how many requests it serves at the same time
    uses_facts      whether measured facts can change its answers; requests are sent without them if not
    takes_png       whether the bytes of a picture may be a PNG instead of a JPEG, so that not a bit of it is lost
    """

    name: str = ""
    max_images: int = 1
    max_concurrent: int = 1
    uses_facts: bool = True
    takes_png: bool = False

    @abstractmethod
    async def generate(self, request: Request) -> Reply:
        """Answer one request.

        An answer that cannot be used comes back as a ``Reply`` with its ``problem``; raises VLMError when no request
        can succeed (bad key, unknown model, nobody there).
        """

    async def stream(self, request: Request) -> AsyncGenerator[str, None]:
        """The answer to one request, piece by piece as it is written; all at once from a model that cannot do so.

        Raises VLMError as ``generate`` does, and when the answer comes back with a problem and without a text.
        """
        reply = await self.generate(request)
        if reply.problem and not reply.text:
            raise VLMError(f"{self.name}: no answer: {reply.detail or reply.problem}")
        yield reply.text

    @property
    def identity(self) -> str:
        """What decides its answers besides prompts and request: the model and its options, not where it runs."""
        return self.name

    def estimate_tokens(self, request: Request) -> int | None:  # noqa: ARG002 - for those that can tell
        """About how many input tokens a request will be, or None when that is not known."""
        return None

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float | None:  # noqa: ARG002 - for those with prices
        """What so many tokens cost, or None when no price is known."""
        return None

    async def check(self) -> None:  # noqa: B027 - most backends are in this process
        """Find out, in a few seconds and before any work, whether requests can be answered at all.

        Raises ModelUnavailable or ModelDenied if they cannot. A model that is only slow passes.
        """

    async def close(self) -> None:  # noqa: B027 - most backends have nothing to close
        """Give back connections and memory."""


class ForwardingVLM(VLM):
    """A model in front of another, ``vlm``, with all its properties. Subclasses implement ``generate``."""

    def __init__(self, vlm: VLM) -> None:
        self.vlm = vlm
        self.name, self.max_images, self.max_concurrent = vlm.name, vlm.max_images, vlm.max_concurrent
        self.uses_facts, self.takes_png = vlm.uses_facts, vlm.takes_png

    @property
    def identity(self) -> str:
        return self.vlm.identity

    def estimate_tokens(self, request: Request) -> int | None:
        return self.vlm.estimate_tokens(request)

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float | None:
        return self.vlm.cost_usd(input_tokens, output_tokens)

    async def check(self) -> None:
        await self.vlm.check()

    async def close(self) -> None:
        await self.vlm.close()
