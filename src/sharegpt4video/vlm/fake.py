"""A stand-in for a model: canned replies, a record of the requests, failures and delays on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ..errors import VLMError
from ..prompts import PromptSet
from .base import FREE_TASKS, VLM, Problem, Reply, Request
from .screen import screen

Said = str | Reply | BaseException
Failure = Callable[[int, Request], "Problem | BaseException | None"]


class FakeVLM(VLM):
    """Answers at once, the same every time; for dry runs, documentation and tests of your own code.

        vlm = FakeVLM(["A man sits on a bench.", "He stands up.", "A man gets up from a bench."])
        caption = sharegpt4video.caption("park.mp4", model=vlm)
        assert [request.task for request in vlm.requests] == ["opening", "change", "summary"]

    replies         what to say: texts, `Reply` values or exceptions to raise, used up in order of the requests; or a
                    function from request to one of these. None: a text that names the task and its times
    fail            called with the number of the request (from 1) and the request; a `Problem` makes an answer that
                    cannot be used, an exception is raised, None lets it pass. See `fail_at` and `fail_after`
    delay_seconds   how long an answer takes, or a function from number and request to that
    max_images      0 for a model that looks at no pictures
    prompts         gives replies their ``prompt_hash``; the texts are not used, nor are ``hints``

    ``requests`` holds what was asked, in order; ``max_in_flight`` how many requests were waiting at the same time at
    most. A text is screened like that of a real model, so "" comes back with the problem "empty". A `Reply` without
    ``request_key`` gets that of its request; one that has another keeps it, which is how to play a mix-up.

    To write a backend of your own, do as this class does: set ``name``, ``max_images`` and ``max_concurrent``, write
    ``async generate``, give the reply the request's ``key()``, and run ``tests/contract/test_vlm.py`` over it.
    """

    def __init__(
        self,
        replies: Iterable[Said] | Callable[[Request], Said] | None = None,
        *,
        fail: Failure | None = None,
        delay_seconds: float | Callable[[int, Request], float] = 0.0,
        max_images: int = 2,
        max_concurrent: int = 4,
        name: str = "fake",
        prompts: PromptSet | None = None,
        hints: bool = False,
    ) -> None:
        self.name = name
        self.max_images = max_images
        self.max_concurrent = max_concurrent
        self.hints = hints
        self.requests: list[Request] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self._answer = _answerer(replies)
        self._fail = fail
        self._delay_seconds = delay_seconds
        self._prompt_hash = prompts.hash if prompts else ""

    @property
    def needs_facts(self) -> bool:
        """It records the facts, and can do without."""
        return False

    async def generate(self, request: Request) -> Reply:
        """Give the next canned reply. Raises what ``replies`` or ``fail`` say, and VLMError when there are no more."""
        self.requests.append(request)
        number = len(self.requests)
        said = self._answer(request)  # before any wait: replies belong to requests in the order they came
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            delay = self._delay_seconds
            await asyncio.sleep(delay(number, request) if callable(delay) else delay)
        finally:
            self.in_flight -= 1
        failure = self._fail(number, request) if self._fail else None
        if isinstance(failure, BaseException):
            raise failure
        if failure:
            return self._reply("", request, failure, f"request {number} was told to fail")
        if isinstance(said, BaseException):
            raise said
        if not isinstance(said, str):
            return self._signed(said, request)
        return self._reply(said, request, screen(said, None, caption=request.task not in FREE_TASKS).problem)

    def _reply(self, text: str, request: Request, problem: Problem, detail: str = "") -> Reply:
        return Reply(text, request.key(), self.name, self._prompt_hash, problem=problem, detail=detail)

    def _signed(self, reply: Reply, request: Request) -> Reply:
        return replace(
            reply,
            request_key=reply.request_key or request.key(),
            model=reply.model or self.name,
            prompt_hash=reply.prompt_hash or self._prompt_hash,
        )


def fail_at(*numbers: int, failure: Problem | BaseException = "unavailable") -> Failure:
    """For ``FakeVLM(fail=...)``: fail at these requests, counted from 1."""
    return lambda number, _request: failure if number in numbers else None


def fail_after(count: int, failure: Problem | BaseException | None = None) -> Failure:
    """For ``FakeVLM(fail=...)``: serve this many requests, then always fail (with a VLMError by default)."""
    gone = failure or VLMError(f"fake: told to be gone after {count} requests")
    return lambda number, _request: gone if number > count else None


def default_text(request: Request) -> str:
    """The reply of a fake without canned replies: the task and its times, "change from 0.00 s to 2.00 s"."""
    times = request.seconds or (request.start_seconds, request.end_seconds)
    if request.task == "recaption":
        return f"recaption of: {request.user_text}"
    if request.task == "judge":
        return '{"unsupported": []}'
    if request.task == "opening":
        return f"opening at {times[0]:.2f} s"
    if request.task in ("summary", "fold"):
        times = (request.start_seconds, request.end_seconds)
    count = f" of {len(request.steps)} steps" if request.task in ("summary", "fold") else ""
    return f"{request.task}{count} from {times[0]:.2f} s to {times[-1]:.2f} s"


def _answerer(replies: Iterable[Said] | Callable[[Request], Said] | None) -> Callable[[Request], Said]:
    if replies is None:
        return default_text
    if callable(replies):
        return replies
    if isinstance(replies, str):
        raise TypeError("replies is a list of texts, not one text; write FakeVLM([...])")
    queue: Iterator[Said] = iter(replies)

    def next_reply(request: Request) -> Said:
        for reply in queue:
            return reply
        raise VLMError(f"fake: no canned reply is left for this request: {default_text(request)}")

    return next_reply
