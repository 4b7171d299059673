"""Videos that wait for their decision: each is decided as soon as no video before it can change what is decided.

A decision depends on the videos before it only through what the gates remember; the order in which surveys end must not
matter. A video that a threshold drops is decided at once, since nothing is remembered of it. Where only packets are
compared, a video waits for those before it that have the same packet hash, or whose hash is not known yet; that hash
is known long before a long video has been decoded. Near-duplicates and novelty compare a video with all before it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ...background import whole
from ..rows import Survey
from .columns import Candidates
from .decider import Decider
from .decisions import Decision, Decisions

_ALL, _NOTHING = "all", ""
"""Keys of a video that may affect, or be affected by, any other or none."""


@dataclass(eq=False)
class _Waiting:
    """``key`` is shared by the videos that may affect each other's decisions; None: not known yet."""

    key: str | None
    decided: asyncio.Future[Decision]
    survey: Survey | None = None
    short_text: str | None = None
    passes_alone: bool | None = None


class Undecided:
    """Takes surveys in any order and decides as if they had come in the order in which the videos were entered.

    Made within the event loop; ``run`` has to run in it for anything to be decided.
    """

    def __init__(self, decider: Decider) -> None:
        self._decider = decider
        self._key: str | None = {"nothing": _NOTHING, "packets": None, "all": _ALL}[decider.compares]
        self._waiting: dict[str, _Waiting] = {}
        self._news = asyncio.Event()

    def enter(self, id: str) -> None:
        """A video that will be surveyed; call it in the order of the sources."""
        self._waiting[id] = _Waiting(self._key, asyncio.get_running_loop().create_future())

    def identified(self, id: str, packet_hash: str) -> None:
        """The hash of its packets is known, before its survey is."""
        if self._key is None:
            self._waiting[id].key = packet_hash
            self._news.set()

    def withdraw(self, id: str) -> None:
        """There is nothing to decide about it: its survey failed."""
        del self._waiting[id]
        self._news.set()

    async def decision(self, survey: Survey, short_text: str | None = None) -> Decision:
        """Wait until it is decided. Raises what deciding raises."""
        waiting = self._waiting[survey.id]
        waiting.survey, waiting.short_text = survey, short_text
        self.identified(survey.id, survey.packet_hash)
        self._news.set()
        return await waiting.decided

    async def run(self) -> None:
        """Decide, until cancelled, what can be decided, all that is ready in one block.

        What deciding raises is raised here and where decisions are awaited.
        """
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while block := self._ready():
                    await self._decide(block)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # a tokenizer panic is not an Exception, and whoever waits would wait for ever
            for one in self._waiting.values():
                if one.survey is not None and not one.decided.done():
                    one.decided.set_exception(error)
            raise

    def _ready(self) -> list[_Waiting]:
        """Those that no video before them can change any more, in the order of the sources."""
        ready: list[_Waiting] = []
        before: set[str] = set()
        any_before = False
        for one in self._waiting.values():
            free = one.key == _NOTHING or not (any_before or one.key in before)
            if one.survey is not None and (free or not self._passes_alone(one, one.survey)):
                ready.append(one)
            elif one.key is None:
                any_before = True
            elif one.key:
                before.add(one.key)
        return ready

    def _passes_alone(self, one: _Waiting, survey: Survey) -> bool:
        if one.passes_alone is None:
            one.passes_alone = self._decider.passes_alone(survey)
        return one.passes_alone

    async def _decide(self, block: list[_Waiting]) -> None:
        surveys = [one.survey for one in block if one.survey is not None]
        decisions = await self._decisions(Candidates.of(surveys, [one.short_text for one in block]))
        for one, survey, decision in zip(block, surveys, decisions, strict=True):
            del self._waiting[survey.id]
            if not one.decided.done():  # who waited was cancelled
                one.decided.set_result(decision)

    async def _decisions(self, block: Candidates) -> Decisions:
        if not self._decider.wants_text:
            return self._decider.decide(block)
        # Texts are encoded by a network: the event loop must go on meanwhile. Whoever cancels this flushes the decider.
        return await whole(self._decider.decide, block)
