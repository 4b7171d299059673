"""Reviews as JSON lines: to look at, to keep elsewhere, to write with other tools, and to bring into a data set."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from ...checking import check_texts
from ...display import Result
from ...errors import SettingsError, SG4VError
from ...given import from_json
from ...wording import counted
from ..rows import Review
from ..store.store import Store
from .resolve import SUMMARY
from .single import Proposal, Stale, add_all

LINES = 1000
"""How many are brought in at a time."""
KEYS = ("caption", "step", "was", "text", "verdict", "author", "base_revision")
TOLD = ("time", "kind", "batch", "model", "counts", "id")
"""What an exported line says besides; it is passed over when a line is brought in."""


@dataclass(repr=False)
class Applied(Result):
    """What became of some lines. ``refused``: the number of the line, and why."""

    applied: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)

    def text(self) -> str:
        lines = [f"{counted(self.applied, 'review', number=f'{self.applied:,}')} stored"]
        return "\n".join([*lines, *(f"line {number}: {why}" for number, why in self.refused)])


def line_of(row: Review, *, counts: bool) -> str:
    """A review as one line of JSON; ``step`` is null for the summary, ``time`` is UTC."""
    told = {
        "caption": row.caption_id,
        "step": None if row.step == SUMMARY else row.step,
        "was": row.was,
        "text": row.text,
        "verdict": row.verdict,
        "author": row.author,
        "base_revision": row.base_revision,
        "time": datetime.fromtimestamp(row.time_ns / 1e9, timezone.utc).isoformat(timespec="milliseconds"),
        "kind": row.kind,
        "batch": row.batch,
        "model": row.model,
        "counts": counts,
        "id": row.id,
    }
    return json.dumps(told, ensure_ascii=False)


def proposal_of(line: str, author: str = "") -> Proposal:
    """What a line asks for. Raises SettingsError for a line that is no review."""
    try:
        plain = from_json(line)
    except ValueError as error:
        raise SettingsError(f"is not JSON ({error})") from error
    if not isinstance(plain, dict) or not isinstance(plain.get("caption"), str):
        raise SettingsError("is not a JSON object that names a caption")
    check_texts(plain, "")
    if unknown := sorted(plain.keys() - {*KEYS, *TOLD}):
        raise SettingsError(f"has an unknown key {unknown[0]!r}; known are: {', '.join(KEYS)}")
    kinds: dict[str, Any] = {"step": int, "was": str, "text": str, "verdict": str, "author": str, "base_revision": int}
    for name, kind in kinds.items():
        if plain.get(name) is not None and type(plain[name]) is not kind:
            raise SettingsError(f"{name} is {plain[name]!r}, not {'a number' if kind is int else 'a text'}")
    step, verdict, text = plain.get("step"), plain.get("verdict"), plain.get("text")
    return Proposal(
        plain["caption"],
        SUMMARY if step is None else step,
        text,
        plain.get("was"),
        verdict,
        plain.get("author") or author,
        plain.get("base_revision"),
    )


def apply_lines(store: Store, lines: Iterable[str], *, author: str = "", stale: Stale = "refuse") -> Applied:
    """Store the reviews of some lines; empty lines are passed over. A line that says ``"counts": false`` is left out.

    ``author`` is that of lines that name none. Raises StorageError when they cannot be written.
    """
    done = Applied()
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    while part := list(islice(numbered, LINES)):
        proposals = list(_proposals(part, author, done))
        found = add_all(store, [one for _, one in proposals], stale=stale)
        for (number, _), row in zip(proposals, found, strict=True):
            if isinstance(row, SG4VError):
                done.refused.append((number, str(row)))
            else:
                done.applied += 1
    return done


def _proposals(lines: Iterable[tuple[int, str]], author: str, done: Applied) -> Iterator[tuple[int, Proposal]]:
    for number, line in lines:
        try:
            proposal = proposal_of(line, author)
        except SettingsError as error:
            done.refused.append((number, str(error)))
            continue
        if from_json(line).get("counts") is False:
            done.refused.append((number, "was undone where it comes from"))
        else:
            yield number, proposal
