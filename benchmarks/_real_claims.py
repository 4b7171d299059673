"""What captions claim about real videos, held against truth that was written down by eye. For ``real_videos.py``.

A truth folder has NAME.json beside each video and a scorer, ``score.py``, which finds the claims in a text and judges
each one. The scorer is run as it stands; here its verdicts are counted, and what it does not print is added: how much
of the truth is told (recall), steps that tell nothing, examples.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from types import ModuleType
from typing import Any

CONTENT = ("objects", "counts", "enter", "leave", "stillness", "no-object")
KINDS = (*CONTENT, "camera", "text")
TRUE, FALSE, UNVERIFIABLE = "true", "false", "unverifiable"
STILL_SECONDS = 0.5  # an interval with less motion than this is still; the scorer's own tolerance
ALIKE = 0.7  # of two quoted texts; the scorer's own threshold


@dataclass(frozen=True)
class Claim:
    """One claim of a text and its verdict. Times in seconds from the first picture."""

    kind: str
    verdict: str
    video: str
    start: float
    end: float
    sentence: str
    claim: str
    why: str

    def overlaps(self, start: float, end: float, slack_seconds: float = 0.5) -> bool:
        return self.start <= end + slack_seconds and self.end >= start - slack_seconds


@dataclass(frozen=True)
class Share:
    count: int = 0
    total: int = 0

    def __add__(self, other: Share) -> Share:
        return Share(self.count + other.count, self.total + other.total)

    def __str__(self) -> str:
        return f"{self.count / self.total:.1%} ({self.count} of {self.total})" if self.total else "-"


@dataclass(frozen=True)
class Scores:
    """Everything that is known about the captions of one folder."""

    videos: tuple[str, ...]
    missing: tuple[str, ...]
    claims: tuple[Claim, ...]
    recall: dict[str, Share]
    cuts: tuple[int, int, int] = (0, 0, 0)  # right, wrong, missed
    cut_notes: tuple[str, ...] = ()
    told: dict[str, Share] = field(default_factory=dict)
    untold: dict[str, tuple[str, ...]] = field(default_factory=dict)
    empty_steps: Share = Share()

    def counts(self, kinds: Iterable[str]) -> tuple[int, int, int]:
        """The number of true, false and unverifiable claims of these kinds."""
        verdicts = [one.verdict for one in self.claims if one.kind in kinds]
        return verdicts.count(TRUE), verdicts.count(FALSE), verdicts.count(UNVERIFIABLE)

    def precision(self, kinds: Iterable[str]) -> Share:
        true, false, _ = self.counts(tuple(kinds))
        return Share(true, true + false)

    def table(self) -> dict[str, list[int]]:
        """The figures as plain numbers, to be kept and compared with later ones."""
        rows = {kind: list(self.counts((kind,))) for kind in KINDS}
        rows["content"], rows["all"] = list(self.counts(CONTENT)), list(self.counts(KINDS))
        shares = {f"recall of {name}": share for name, share in self.recall.items()} | self.told
        rows |= {name: list(asdict(share).values()) for name, share in shares.items()}
        return rows | {"cuts": list(self.cuts), "empty steps": list(asdict(self.empty_steps).values())}


def load_scorer(path: Path) -> ModuleType:
    """The scorer as a module. Raises FileNotFoundError if it is not there."""
    if not path.exists():
        raise FileNotFoundError(path)
    spec = importlib.util.spec_from_file_location("truth_scorer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["truth_scorer"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def load_truths(folder: Path) -> dict[str, dict[str, Any]]:
    """The truth of each video by name; other JSON files in the folder are left out."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    return {name: data for name, data in found.items() if isinstance(data, dict) and "must_tell" in data}


def load_captions(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Captions as ``sg4v caption --format json`` writes them, with times counted from the first picture."""
    found = {}
    for name in names:
        path = folder / f"{name}.json"
        if path.exists():
            data = json.loads(path.read_text(encoding="utf-8"))
            zero = data.get("start_seconds") or 0.0
            for step in data["steps"]:
                step["start_seconds"] -= zero
                step["end_seconds"] -= zero
                step["text"] = step.get("text") or ""
            for shot in data["shots"]:
                shot["start_seconds"] -= zero
            found[name] = data
    return found


def score(scorer: ModuleType, truths: dict[str, dict[str, Any]], captions: dict[str, dict[str, Any]]) -> Scores:
    judge = scorer.Scorer(truths)
    cuts, notes = [0, 0, 0], []
    told: dict[str, Share] = {}
    untold: dict[str, list[str]] = {}
    empty = Share()
    for name, data in captions.items():
        truth, steps = judge.truths[name], data["steps"]
        judge.score(name, steps)
        *numbers, said = scorer.score_cuts(truth, [shot["start_seconds"] for shot in data["shots"][1:]])
        cuts = [a + b for a, b in zip(cuts, numbers, strict=True)]
        notes += [f"{name}: {note}" for note in said]
        for kind, items in scorer.recall(truth, steps, judge).items():
            told[kind] = told.get(kind, Share()) + Share(sum(done for _, done in items), len(items))
            untold.setdefault(kind, []).extend(f"{name}: {item}" for item, done in items if not done)
        changes = [step for step in steps if step["end_seconds"] > step["start_seconds"]]
        empty += Share(sum(tells_nothing(scorer, step["text"]) for step in changes), len(changes))
    claims = tuple(
        Claim(v.kind, v.verdict, v.video, v.start, v.end, v.sentence, str(v.claim), v.why) for v in judge.out
    )
    return Scores(
        videos=tuple(captions),
        missing=tuple(name for name in truths if name not in captions),
        claims=claims,
        recall=recall_by_kind(scorer, judge, captions, claims),
        cuts=(cuts[0], cuts[1], cuts[2]),
        cut_notes=tuple(notes),
        told=told,
        untold={kind: tuple(items) for kind, items in untold.items()},
        empty_steps=empty,
    )


def tells_nothing(scorer: ModuleType, text: str) -> bool:
    """Does a step say nothing but what the camera does, how bright it is, or that something keeps moving?"""
    bare = (re.sub(r",? while the camera[^.]*", "", one, flags=re.IGNORECASE) for one in scorer.sentences(text))
    return all(re.search(scorer.IDLE, one, re.IGNORECASE) for one in bare)


def recall_by_kind(
    scorer: ModuleType, judge: Any, captions: dict[str, dict[str, Any]], claims: Sequence[Claim]
) -> dict[str, Share]:
    """Of what the truth of a kind has, how much is told by a true claim."""
    total = {kind: Share() for kind in ("counts", "enter", "leave", "stillness", "camera", "text")}
    for name, data in captions.items():
        truth = judge.truths[name]
        true = [one for one in claims if one.video == name and one.verdict == TRUE]
        for kind, key in (("enter", "enters"), ("leave", "leaves")):
            total[kind] += events_told(truth, key, [one for one in true if one.kind == kind])
        total["counts"] += counts_told(scorer, truth, [one for one in true if one.kind == "counts"])
        total["stillness"] += stillness_told(truth, data["steps"], [one for one in true if one.kind == "stillness"])
        total["camera"] += camera_told(truth, [one for one in true if one.kind == "camera"])
        total["text"] += texts_told(truth, [one for one in true if one.kind == "text"])
    return total


def events_told(truth: Any, key: str, claims: Sequence[Claim]) -> Share:
    """Arrivals or departures that a true claim names; a corner, given as two sides of one time, counts once."""
    main = [subject for subject in truth.subjects if not subject.get("minor") and not subject.get("unsure")]
    events = {f"{subject['name']} at {event['at']}" for subject in main for event in subject[key]}
    return Share(len(events & {one.why for one in claims}), len(events))


def counts_told(scorer: ModuleType, truth: Any, claims: Sequence[Claim]) -> Share:
    """Numbers of two and more; one of something is told by naming it."""
    rows = [row for row in truth.data["counts"] if row["count"] != 1 and row["count"] != 0]
    ends = [
        min((later["at"] for later in rows if later["name"] == row["name"] and later["at"] > row["at"]), default=1e9)
        for row in rows
    ]
    told = 0
    for row, end in zip(rows, ends, strict=True):
        terms = {one.claim.split(" ", 1)[-1] for one in claims if one.overlaps(row["at"], end)}
        told += any(scorer.norm(row["name"]) in named_by(scorer, truth, term) for term in terms)
    return Share(told, len(rows))


def named_by(scorer: ModuleType, truth: Any, term: str) -> set[str]:
    return {term} | {scorer.norm(name) for one in truth.candidates(term) for name in (one["name"], one["coco"] or "")}


def stillness_told(truth: Any, steps: Sequence[dict[str, Any]], claims: Sequence[Claim]) -> Share:
    spans = [(step["start_seconds"], step["end_seconds"]) for step in steps]
    still = [(a, b) for a, b in spans if b > a and truth.moving_time(a, b) <= STILL_SECONDS]
    return Share(sum(any((one.start, one.end) == span for one in claims) for span in still), len(still))


def camera_told(truth: Any, claims: Sequence[Claim]) -> Share:
    rows = [row for row in truth.data["camera"] if not {"unsure", "none"} & set(row["is"])]
    hits = (any(one.claim in row["is"] and one.overlaps(row["from"], row["to"], 0.0) for one in claims) for row in rows)
    return Share(sum(hits), len(rows))


def texts_told(truth: Any, claims: Sequence[Claim]) -> Share:
    def bare(text: str) -> str:
        return re.sub(r"[\W_]+", "", text.lower())

    told = 0
    for row in truth.data["texts"]:
        text = bare(row["text"])
        quotes = [bare(one.claim) for one in claims if one.overlaps(row["from"], row["to"])]
        told += any(q in text or text in q or SequenceMatcher(None, q, text).ratio() >= ALIKE for q in quotes)
    return Share(told, len(truth.data["texts"]))
