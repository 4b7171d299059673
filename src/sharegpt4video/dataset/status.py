"""How far a data set is: counts, failures by kind, rate and time left, tokens and money. Reads ids and few columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..display import Result
from .ledger import AFTER_CAPTIONING, UNLISTED, Failures, any_problem, dropped_ids, unanswered
from .sources.listed import Listed
from .store.ids import Ids, packed_ids
from .store.parts import Written
from .store.pending import Pending
from .store.store import Store

PAUSE_SECONDS = 600.0
"""Nothing written for longer than this: the run stood still, so the time does not count for the rate."""
SPENT = ("requests", "input_tokens", "output_tokens", "cost_usd")
FailureKey = tuple[str, str]


@dataclass(frozen=True, repr=False)
class Status(Result):
    """The counts of a data set.

    listed, identical, unlisted      sources; of these, files with the content of another one; what was named and could
                                     not even be identified (failures of stage "list")
    surveyed, dropped, captioned     videos; ``dropped`` before they were captioned
    with_problems                    captioned videos in which the model left a text that is not to be trusted
    failed                           videos neither captioned nor dropped, and what is unlisted, by (kind, stage)
    left                             videos that are still to be done
    videos_per_minute, seconds_left  from when the captions were written; None if that cannot be told
    requests, input_tokens, output_tokens, cost_usd   all that was spent, repairs included; cost None: unknown
    unanswered                       captioned videos that lack texts because the model did not answer; the next build
                                     asks for those again
    replaced                         captioned videos whose file was replaced since; not counted elsewhere
    pending                          inputs that a stopped run has not finished listing
    measures_facts                   whether captions carry measured facts, by the settings
    edited, accepted, rejected       captions by what reviews say of them
    """

    listed: int
    identical: int
    unlisted: int
    surveyed: int
    dropped: int
    captioned: int
    with_problems: int
    failed: dict[tuple[str, str], int] = field(default_factory=dict)
    left: int = 0
    videos_per_minute: float | None = None
    seconds_left: float | None = None
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    unanswered: int = 0
    replaced: int = 0
    pending: tuple[str, ...] = ()
    measures_facts: bool = True
    edited: int = 0
    accepted: int = 0
    rejected: int = 0

    @property
    def videos(self) -> int:
        """Sources, each content once."""
        return self.listed - self.identical

    @property
    def _reviewed(self) -> tuple[tuple[str, int], ...]:
        return ("edited", self.edited), ("accepted", self.accepted), ("rejected", self.rejected)

    def text(self) -> str:
        """The counts as a table to read."""
        lines = [
            ("listed", self.listed, "not all yet: build again" if self.pending else ""),
            ("identical files", self.identical, "done once"),
            ("surveyed", self.surveyed, ""),
            ("dropped before captioning", self.dropped, ""),
            ("captioned", self.captioned, f"{self.with_problems:,} with problems" if self.with_problems else ""),
            *([("  of these unfinished", self.unanswered, "build again: no answer came")] if self.unanswered else ()),
            *([("captions of replaced files", self.replaced, "not counted")] if self.replaced else ()),
            *((f"  {name} in review", count, "") for name, count in self._reviewed if count),
            ("failed", sum(self.failed.values()), ""),
            *((f"  {kind}, at {stage}", count, "") for (kind, stage), count in sorted(self.failed.items())),
            ("left", self.left, f"about {_duration(self.seconds_left)}" if self.left and self.seconds_left else ""),
        ]
        shown = [f"{name:<28}{count:>12,}  {note}".rstrip() for name, count, note in lines]
        if self.videos_per_minute is not None:
            shown.append(f"{'videos per minute':<28}{self.videos_per_minute:>12,.1f}")
        spent = {"requests": self.requests, "input tokens": self.input_tokens, "output tokens": self.output_tokens}
        shown += [f"{name:<28}{count:>12,}" for name, count in spent.items()]
        if self.cost_usd is not None:
            shown.append(f"{'cost, US dollars':<28}{self.cost_usd:>12,.2f}")
        if not self.measures_facts:
            shown.append("facts are not measured (caption.facts.measure: false)")
        return "\n".join(shown)


def status(store: Store, *, dropped: Ids | None = None) -> Status:
    """Count what there is. ``dropped`` are the ids that the filters keep from being captioned.

    Without it, those count that the ``selection`` drops and that have no caption.
    Raises StorageError for a data set that cannot be read.
    """
    listing = Listed(store)
    listed, sources = int(listing.first.sum()), listing.ids
    captioned, with_problems, no_answer = _captioned(store, listing)
    if dropped is None:
        dropped = dropped_ids(store)
    dropped = np.setdiff1d(dropped, captioned)
    failed = _failed(store, Failures(store, listing, np.union1d(captioned, dropped)))
    over = np.concatenate([captioned, dropped, *failed.values()])
    left = len(np.setdiff1d(sources, over))
    rate = videos_per_second(store.written("captions"))
    spent = _spent(store)
    return Status(
        listed=listed,
        identical=listed - len(sources),
        unlisted=sum(len(ids) for (_, stage), ids in failed.items() if stage == UNLISTED),
        surveyed=len(listing.ids_in(store, "surveys")),
        dropped=len(dropped),
        captioned=len(captioned),
        with_problems=with_problems,
        unanswered=no_answer,
        replaced=len(np.intersect1d(store.ids("captions"), listing.replaced)),
        pending=tuple(Pending(store).inputs()),
        failed={key: len(ids) for key, ids in failed.items()},
        left=left,
        measures_facts=_measures_facts(store),
        videos_per_minute=None if rate is None else 60 * rate,
        seconds_left=left / rate if rate else None,
        **spent,
        **_reviewed(store),
    )


def _reviewed(store: Store) -> dict[str, int]:
    reviews = store.overlay.reviews
    accepted, rejected = reviews.judged()
    return {"edited": len(reviews.edited), "accepted": accepted, "rejected": rejected}


def _measures_facts(store: Store) -> bool:
    settings = store.description["settings"] if store.exists() else {}
    return bool(settings.get("caption", {}).get("facts", {}).get("measure", True))


def videos_per_second(written: list[Written]) -> float | None:
    """The rate of the last run: rows after the first part over the time since it; None where two parts are too few.

    A pause of over ten minutes ends what counts.
    """
    recent: list[Written] = []
    for one in reversed(written):
        if recent and recent[-1].seconds - one.seconds > PAUSE_SECONDS:
            break
        recent.append(one)
    if len(recent) < 2 or recent[0].seconds <= recent[-1].seconds:
        return None
    return sum(one.rows for one in recent[:-1]) / (recent[0].seconds - recent[-1].seconds)


def _captioned(store: Store, listing: Listed) -> tuple[Ids, int, int]:
    """The ids of the captioned videos that count; how many have a text with a problem, and how many lack one."""
    with_problems = no_answer = 0
    columns = ["summary_problem", "steps.list.element.problem"]
    for batch in listing.batches(store, "captions", columns, batch_rows=4096):
        with_problems += int(np.count_nonzero(any_problem(batch, lambda problems: pc.not_equal(problems, ""))))
        no_answer += int(np.count_nonzero(unanswered(batch)))
    return listing.ids_in(store, "captions"), with_problems, no_answer


def standing_failures(store: Store) -> Counter[FailureKey]:
    """The failures that stand, by (kind, stage): of videos that were not captioned or dropped later, and of names."""
    return Counter({key: len(ids) for key, ids in _failed(store, Failures(store, Listed(store))).items()})


def _failed(store: Store, failures: Failures) -> dict[FailureKey, Ids]:
    """The ids of what failed and stands, by kind and stage; without the failures that leave a caption as it was."""
    chunks: dict[FailureKey, list[Ids]] = {}
    for batch in store.batches("failures", ["kind", "stage"], batch_rows=1 << 16):
        standing = batch.filter(pa.array(failures.standing(batch)))
        ids = packed_ids(standing.column("id"))
        keys = list(zip(standing.column("kind").to_pylist(), standing.column("stage").to_pylist(), strict=True))
        for key in {key for key in keys if key[1] not in AFTER_CAPTIONING}:
            chunks.setdefault(key, []).append(ids[[each == key for each in keys]])
    return {key: np.concatenate(found) for key, found in chunks.items()}


def _spent(store: Store) -> dict[str, Any]:
    total: dict[str, Any] = dict.fromkeys(SPENT, 0)
    total["cost_usd"] = None
    columns = [f"provenance.{name}" for name in SPENT]
    for table in ("shorts", "captions"):
        for batch in store.batches(table, columns, batch_rows=1 << 16, superseded=True):
            for name in SPENT:
                here = pc.sum(pc.struct_field(batch.column("provenance"), name)).as_py()
                if here is not None:
                    total[name] = (total[name] or 0) + here
    return total


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "a minute"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"
