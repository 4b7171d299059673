"""A model as judge. Every reply is stored, so scores can be recomputed without asking the model.

Replies are in one file of JSON lines, ``replies.jsonl``, keyed by the hash of the request and the model's identity.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, cast

from .. import background
from ..background import gone, mapped
from ..errors import SettingsError, StorageError, VLMError
from ..files import open_own, write_all
from ..given import from_json, read_bytes
from ..vlm.base import VLM, Problem, Reply, Request
from .base import Scoring, Verdict

FILE = "replies.jsonl"
TRIES = 3
WAIT_SECONDS = 1.0
_GONE_AFTER = 20
"""After this many failed requests in a row, each retried in full, the judge is considered unavailable."""
_TO_REPEAT = "give the model to repeat (--judge replay:MODEL), or a judge to ask"

Key = tuple[str, str]


@dataclass
class Asked:
    """Counts of a judge's requests: sent to the model, answered from the file, unanswered; and the model's tokens.

    ``damaged`` lines of the file cannot be read; their requests are sent again.
    """

    asked: int = 0
    replayed: int = 0
    missing: int = 0
    unavailable: int = 0
    damaged: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class Judge:
    """A model that is asked about texts, with a memory.

        judge = Judge(vlm, Path("judged"))
        verdict = run(score(question, text, "official"), judge)
        again = run(score(question, text, "official"), Judge.replay(Path("judged")))     # asks nobody

    One reply is kept for each request and model, so the same request is never paid for twice, even if it is made twice
    at the same time. A request that fails (``unavailable``) is tried ``tries`` times in all; its reply is not kept.
    Raises StorageError when the file cannot be read or written, and VLMError when 20 requests in a row fail.
    """

    def __init__(self, vlm: VLM, folder: Path, *, tries: int = TRIES, wait_seconds: float = WAIT_SECONDS) -> None:
        self._vlm: VLM | None = vlm
        self._model = vlm.identity
        self._start(folder, "error")
        self._tries, self._wait_seconds = max(1, tries), wait_seconds

    async def check(self) -> None:
        """Raises VLMError if the model cannot answer (see ``VLM.check``). With kept replies it may never be asked."""
        if self._vlm is not None and not self._kept:
            await self._vlm.check()

    @classmethod
    def replay(cls, folder: Path, *, model: str = "", missing: Literal["error", "no judge"] = "error") -> Judge:
        """A judge that only repeats what is in the folder.

        ``model`` is the identity to repeat; it may be omitted if only one is stored. A missing reply raises
        StorageError, or with ``missing="no judge"`` counts as having no judge: it is never a score of 0.
        Raises SettingsError when the folder has no replies, none of that model, or several and ``model`` is not given.
        """
        judge = cls.__new__(cls)
        judge._vlm, judge._model = None, model
        judge._start(folder, missing)
        judge._tries, judge._wait_seconds = 1, 0.0
        stored = sorted({key[1] for key in judge._kept})
        if not stored or (model and model not in stored) or (not model and len(stored) > 1):
            known = f"of {', '.join(stored)}" if stored else "of nobody"
            raise SettingsError(f"{judge.path}: holds replies {known}; {_TO_REPEAT}")
        judge._model = model or stored[0]
        return judge

    def _start(self, folder: Path, missing: Literal["error", "no judge"]) -> None:
        self.path = folder / FILE
        self.counts = Asked()
        self._missing: Literal["error", "no judge"] = missing
        self._cut_short = False
        self._kept = self._read()
        self._flying: dict[Key, asyncio.Task[Reply]] = {}
        self._in_vain = 0

    @property
    def model(self) -> str:
        """The identity of the model whose replies these are."""
        return self._model

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float | None:
        """What this many tokens of the model cost in US dollars; None without prices, and for stored replies."""
        return self._vlm.cost_usd(input_tokens, output_tokens) if self._vlm else None

    @property
    def concurrent(self) -> int:
        """How many requests may wait at the same time."""
        return max(1, self._vlm.max_concurrent) if self._vlm else 1

    async def ask(self, request: Request) -> Reply | None:
        """The reply, from the file if it is stored; None for one that is missing and may be.

        A reply with the problem ``unavailable`` says that the model did not answer after all tries. Raises VLMError as
        the model does.
        """
        key = (request.key(), self._model)
        if key in self._kept:
            self.counts.replayed += 1
            return self._kept[key]
        if self._vlm is None:
            return self._absent(request)
        task = self._flying.get(key)
        if task is None:
            task = asyncio.ensure_future(self._generate(self._vlm, request))
            self._flying[key] = task
            task.add_done_callback(lambda _: self._flying.pop(key, None))
        # Shielded: if one of several waiters for a reply is cancelled, the others still get it.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Release the model's connections (of the running event loop) and memory; the judge stays usable.

        Requests in flight are cancelled.
        """
        await gone(*self._flying.values())
        if self._vlm is not None:
            await self._vlm.close()

    def _absent(self, request: Request) -> Reply | None:
        self.counts.missing += 1
        if self._missing == "no judge":
            return None
        raise StorageError(
            f"{self.path}: no reply of {self._model} to the request {request.key()} ({request.user_text[:80]!r}...); "
            "was it scored by another protocol or version? Ask the judge again, or allow missing replies"
        )

    async def _generate(self, vlm: VLM, request: Request) -> Reply:
        for attempt in range(1, self._tries + 1):
            reply = await vlm.generate(request)
            self.counts.asked += 1
            self.counts.input_tokens += reply.input_tokens
            self.counts.output_tokens += reply.output_tokens
            if reply.problem != "unavailable":
                self._in_vain = 0
                self._keep(request, reply)
                return reply
            if attempt < self._tries:
                await asyncio.sleep(self._wait_seconds * 2 ** (attempt - 1))
        self.counts.unavailable += 1
        self._in_vain += 1
        if self._in_vain >= _GONE_AFTER:
            raise VLMError(
                f"{vlm.name}: {_GONE_AFTER} requests to the judge in a row failed: {reply.detail}; what it "
                f"said is kept in {self.path}: score again to resume"
            )
        return reply

    def _keep(self, request: Request, reply: Reply) -> None:
        self._kept[request.key(), self._model] = reply
        line = {
            "key": request.key(),
            "model": self._model,
            "text": reply.text,
            "problem": reply.problem,
            "detail": reply.detail,
            "answered_by": reply.model,
            "input_tokens": reply.input_tokens,
            "output_tokens": reply.output_tokens,
            "asked": request.user_text,
            "system": request.system,
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        data = json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        data = b"\n" + data if self._cut_short else data  # this line must not join half a one
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # One write of a whole line, appended: a killed run, or two at once, leave no half lines among whole ones.
            with open_own(self.path, "ab", buffering=0) as file:
                write_all(file.fileno(), data)
            self._cut_short = False
        except OSError as error:
            self._cut_short = True
            raise StorageError(f"{self.path}: could not save a judge's reply: {error}") from error

    def _read(self) -> dict[Key, Reply]:
        kept: dict[Key, Reply] = {}
        try:
            data = read_bytes(self.path) if self.path.exists() else b""
        except OSError as error:
            raise StorageError(f"{self.path}: cannot read the judge's replies: {error}") from error
        self._cut_short = bool(data) and not data.endswith(b"\n")  # a write that was killed, or found no room
        for line in data.split(b"\n"):
            if not line.strip():
                continue
            try:
                row = from_json(line)
                kept[str(row["key"]), str(row["model"])] = _reply(row)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
                self.counts.damaged += 1  # what cannot be read is asked again
        return kept


def _reply(row: dict[str, Any]) -> Reply:
    return Reply(
        text=str(row["text"]),
        request_key=str(row["key"]),
        model=str(row.get("answered_by") or row["model"]),
        input_tokens=int(row.get("input_tokens", 0)),
        output_tokens=int(row.get("output_tokens", 0)),
        problem=cast("Problem", str(row.get("problem") or "")),
        detail=str(row.get("detail", "")),
    )


async def arun(scoring: Scoring, judge: Judge | None) -> Verdict:
    """Drive a scoring to its verdict. Without a judge it is sent None."""
    reply: Reply | None = None
    while True:
        try:
            request = scoring.send(reply)
        except StopIteration as stop:
            verdict: Verdict = stop.value
            return verdict
        reply = await judge.ask(request) if judge else None


def run(scoring: Scoring, judge: Judge | None = None) -> Verdict:
    """As ``arun``, for synchronous code; for more than one scoring use ``run_all``."""
    return run_all([scoring], judge)[0]


async def arun_all(scorings: Iterable[Scoring], judge: Judge | None) -> list[Verdict]:
    """As many at a time as the judge's model serves; verdicts in the order of the scorings."""

    async def one(scoring: tuple[int, Scoring]) -> Verdict:
        return await arun(scoring[1], judge)

    at_once = judge.concurrent if judge else 1
    async with aclosing(mapped(enumerate(scorings), one, at_once=at_once)) as verdicts:
        placed = {place: verdict async for (place, _), verdict in verdicts}
    return [placed[place] for place in range(len(placed))]


def run_all(scorings: Iterable[Scoring], judge: Judge | None = None) -> list[Verdict]:
    """As ``arun_all``, for synchronous code. Closes the judge's model afterwards."""

    async def all_and_close() -> list[Verdict]:
        # Here, since connections cannot be closed from any other event loop, and this one ends now.
        try:
            return await arun_all(scorings, judge)
        finally:
            if judge is not None:
                await judge.close()

    return background.run(all_and_close())
