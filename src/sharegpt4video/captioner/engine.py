"""The engine: drives roles against one model and keeps every slot of it busy.

You come from ``run``, which hands it roles (``sliding``, ``fast``, ``summary``). Next: ``vlm.base``, what a model is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from ..background import Turns, chain_rank, together
from ..errors import ModelDenied
from ..vlm.base import VLM, Reply, Request

T = TypeVar("T")
Role = Generator[Request | tuple[Request, ...], Any, T]
Prepare = Callable[[Request, int], Request]
OnReply = Callable[[Reply], None]

ASK_AGAIN = frozenset({"empty", "cut off", "refused", "repeating", "not plain text", "mixed up"})
_PREPARE_THREADS = 4


class Engine:
    """Drives roles against ``vlm``; thousands may run at the same time, each waits only for its own replies.

    prepare         called with each request that has pictures and the model's ``max_images``, in a worker thread; what
                    it returns is sent
    max_concurrent  slots, instead of the model's own number

    Counts over its life: ``requests`` answered, ``input_tokens``, ``output_tokens``, ``asked_again`` (how often for
    which problem), and ``problems`` (how many replies were handed on with which one). An engine belongs to one loop.
    Once its model has denied a request as it would deny all (ModelDenied), it asks for no other: open a new engine when
    the key or the model's name is mended.
    """

    def __init__(self, vlm: VLM, *, prepare: Prepare | None = None, max_concurrent: int | None = None) -> None:
        self.vlm = vlm
        self.requests = 0
        self.input_tokens = 0
        self.output_tokens = 0
        self.asked_again: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        self._prepare = prepare
        self._denied: ModelDenied | None = None
        # Threads of its own: in the loop's shared ones a picture would wait behind the decoding of other videos.
        self._threads = ThreadPoolExecutor(_PREPARE_THREADS, "sg4v-prepare")
        self._turns = Turns(vlm.max_concurrent if max_concurrent is None else max_concurrent)

    def __repr__(self) -> str:
        return f"Engine({self.vlm.name!r}, slots={self.slots}, requests={self.requests})"

    @property
    def slots(self) -> int:
        """How many requests may be with the model at the same time."""
        return self._turns.count

    async def run(self, role: Role[T], *, on_reply: OnReply | None = None) -> T:
        """Drive one role to its end and return its result; ``on_reply`` is called with each of its replies.

        Raises VLMError when the model can answer no request. The role is closed then, as it is on cancellation.
        """
        try:
            asked = next(role)
            while True:
                if isinstance(asked, Request):
                    asked = role.send(await self._ask(asked, on_reply))
                else:
                    asked = role.send(tuple(await together(*(self._ask(request, on_reply) for request in asked))))
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            role.close()

    async def _ask(self, request: Request, on_reply: OnReply | None) -> Reply:
        """Ask, and once more with a reminder if the answer cannot be used."""
        if not self.vlm.uses_facts:
            request = request.without_facts()
        if not self.vlm.hears and request.sound is not None:
            request = replace(request, sound=None)
        if self._prepare is not None and request.images:
            loop = asyncio.get_running_loop()
            request = await loop.run_in_executor(self._threads, self._prepare, request, self.vlm.max_images)
        reply = await self._ask_once(request, on_reply)
        if reply.problem in ASK_AGAIN:
            self.asked_again[reply.problem] += 1
            reply = await self._ask_once(replace(request, reminder=reply.problem), on_reply)
        if reply.problem:
            self.problems[reply.problem] += 1
        return reply

    async def _ask_once(self, request: Request, on_reply: OnReply | None) -> Reply:
        key = request.key()
        await self._turns.take(chain_rank(request.remaining, self._turns.granted, self.slots))
        try:
            if self._denied is not None:
                raise ModelDenied(str(self._denied))
            reply = await self.vlm.generate(request)
        except ModelDenied as denied:
            self._denied = denied
            raise
        finally:
            self._turns.give_back()
        if reply.request_key != key:
            detail = f"the reply answers request {reply.request_key!r}, not {key!r}"
            reply = replace(reply, request_key=key, problem="mixed up", detail=detail)
        self.requests += 1
        self.input_tokens += reply.input_tokens
        self.output_tokens += reply.output_tokens
        if on_reply is not None:
            on_reply(reply)
        return reply
