"""The canary run: replies are mixed up on purpose, to prove that each caption belongs to its video.

Three published pipelines have shipped captions of other videos. Here every reply carries the key of its request; this
run shows, with the model and the videos at hand, that a reply in the wrong place is noticed and never stored.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..records import problem_kind
from ..vlm.base import VLM, Reply, Request
from ..vlm.forwarding import ForwardingVLM
from ..wording import counted
from .build import BuildOptions, build
from .places.models import Model, opened
from .places.replies import ReplyCache, cache_key
from .rows import CaptionRow
from .settings import DatasetSettings
from .store.store import Store

SWAP_ONE_IN = 3


class CanaryVLM(ForwardingVLM):
    """Gives some replies to the wrong requests: one in ``one_in`` is exchanged for the reply before it.

    ``answered`` holds the right text by request key, ``swapped`` the keys of requests that got another's reply.
    """

    def __init__(self, vlm: VLM, *, one_in: int = SWAP_ONE_IN, seed: int = 0) -> None:
        super().__init__(vlm)
        self.answered: dict[str, str] = {}
        self.swapped: list[str] = []
        self._one_in, self._dice = one_in, random.Random(seed)
        self._before: Reply | None = None

    async def generate(self, request: Request) -> Reply:
        reply = await self.vlm.generate(request)
        self.answered[reply.request_key] = reply.text
        before, self._before = self._before, reply
        if before is None or before.request_key == reply.request_key or self._dice.randrange(self._one_in):
            return reply
        self.swapped.append(reply.request_key)
        return before


@dataclass(frozen=True)
class CanaryResult:
    """What a canary run found.

    swapped   replies given to the wrong request; ``caught`` of these were noticed
    marked    texts that were kept with the mark "mixed up"
    strange   texts that were stored as good and are no answer to a request of that video
    poisoned  replies that the cache holds under another request's key
    """

    videos: int
    texts: int
    swapped: int
    caught: int
    marked: int
    strange: int
    poisoned: int

    @property
    def proved(self) -> bool:
        return self.swapped > 0 and self.caught == self.swapped and not self.strange and not self.poisoned

    def text(self) -> str:
        verdict = "every mix-up was caught" if self.proved else "the run proves nothing: no reply was exchanged"
        if self.swapped and not self.proved:
            verdict = "A MIX-UP WENT THROUGH"
        return (
            f"{counted(self.videos, 'video')}, {counted(self.texts, 'text')}: "
            f"{counted(self.swapped, 'reply', 'replies')} given to the wrong request, "
            f"{self.caught} noticed and asked for again, {counted(self.marked, 'text')} left with the mark 'mixed up', "
            f"{counted(self.strange, 'wrong text')} stored, {self.poisoned} in the cache: {verdict}"
        )


def canary(
    inputs: Sequence[str], *, model: Model = "embedded", settings: DatasetSettings | None = None
) -> CanaryResult:
    """Build a data set in a temporary directory while replies are mixed up, and look for what went through."""
    settings = settings or DatasetSettings()
    vlm = CanaryVLM(opened(model, settings))
    with tempfile.TemporaryDirectory(prefix="sg4v-canary-") as folder:
        replies = Path(folder) / "answers"
        counts = build(
            inputs, Path(folder) / "set", model=vlm, settings=settings, options=BuildOptions(replies=replies)
        )
        rows: list[CaptionRow] = list(Store(Path(folder) / "set").rows("captions"))
        cache = ReplyCache(replies)
        prompt_hash = rows[0].provenance.prompt_hash if rows else ""
        kept = {key: cache.get(cache_key(vlm.identity, prompt_hash, key)) for key in vlm.answered}
        cache.close()
    poisoned = sum(reply is not None and reply.text != vlm.answered[key] for key, reply in kept.items())
    texts = [(row, text, problem) for row in rows for text, problem in _texts(row)]
    strange = sum(
        not problem and text not in {vlm.answered.get(key) for key in row.provenance.request_keys}
        for row, text, problem in texts
    )
    marked = sum(problem_kind(problem) == "mixed up" for _, _, problem in texts)
    return CanaryResult(len(rows), len(texts), len(vlm.swapped), counts.mixed_up, marked, strange, poisoned)


def _texts(row: CaptionRow) -> list[tuple[str, str]]:
    return [*((step.text, step.problem) for step in row.steps), (row.summary, row.summary_problem)]
