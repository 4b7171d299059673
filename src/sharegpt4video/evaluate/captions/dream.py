"""DREAM-1K: events described and events invented, by AutoDQ (arXiv 2407.00634, bytedance/tarsier).

A judge extracts the events of a caption, then says which of them the reference entails (precision) and which of the
annotated events the caption entails (recall). The judge's prompts and the way of averaging are facts of
``evaluation/metrics/evaluate_dream_gpt.py`` there (63de87a), typos included; the code is ours. Four of the 1,000
references have no event: their recall is 1.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import from_json, read_text
from ...vlm.base import Reply, Request
from ..base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Verdict
from ..figures import figure_of
from .replies import dictionary

PROMPT = "Describe the video in detail."
MOST_TRIES = 3
JUDGE_TOKENS = 2048
RELATIONS = ("entailment", "neutral", "contradiction")

_EXTRACT = """Bellow is a description of a video clip:
Video Description: {caption}

Extract at most 10 key events from the above video description paragraph. Requirements
:- An event must include an action, motion or movement (NOT STATIC INFORMATION). DON'T repeat same events.
- Every event is represented by a brief sentence within 10 words, with a subject, a predicate and optionally an \
object, avoid unnecessary appearance descriptions.
- Every event must be atomic, meaning that it cannot be further split into multiple events.
- Scene cuts and camera motions are NOT events.
- Substitute pronouns by the nouns they refer to.

Please generate the response in the form of a Python dictionary string with keys "events". The value of "events" is a \
List(str), of which each item is an event. DO NOT PROVIDE ANY OTHER OUTPUT TEXT OR EXPLANATION. Only provide the \
Python dictionary string. For example, your response should look like this: {{"events": [event1, event2, ...]}}"""
_RELATE = """Given a video description and a list of events. For each event, classify the relationship between the \
video description and the event into three classes: entailment, neutral, contradiction.
- "entailment" means that the video description entails the event.
- "contradiction" means that some detail in the video description contradicts with the event.
- "neutral" means that the relationship is neither "entailment" or "contradiction".

Video Description:
{description}

Events: {events}
Output a JSON formed as:
{{
  "events": [
    {{"event": "copy an event here", "relationship": "put class name here",  "reason": "give your reason here"}},
    ...
  ]
}}

DO NOT PROVIDE ANY OTHER OUTPUT TEXT OR EXPLANATION. Only output the JSON. Output:"""


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:  # noqa: ARG001
    """The 1,000 videos of ``DREAM-1k.jsonl`` (the file, or the folder that holds it), five categories of 200.

    Videos have the names in the file, if any, else ``video_NUMBER.mp4`` (option ``video_name``, a pattern with
    ``{vid}`` and ``{idx}``). Raises SettingsError for another file.
    """
    path = annotations / "DREAM-1k.jsonl" if annotations.is_dir() else annotations
    pattern = str(options.get("video_name") or "video_{vid}.mp4")
    try:
        lines = read_text(path).split("\n")
        for line in lines:
            if line.strip():
                yield _question(from_json(line), pattern)
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise SettingsError(f"{path}: cannot be read as DREAM-1k.jsonl of tarsier: {error!r}") from error


def _question(row: Mapping[str, Any], pattern: str) -> Question:
    asked, told = (message["content"] for message in row["messages"][:2])
    name = asked[0]["video"]["video_file"]
    info = row["extra_info"]
    return Question(
        id=f"{row['dataset']}/{row['idx']}",
        video=pattern.format(vid=row["vid"], idx=row["idx"]) if name == "<placeholder>" else str(name),
        text=str(asked[1]["text"] or PROMPT),
        max_tokens=1024,
        groups={"category": str(row["dataset"]).removeprefix("DREAM/")},
        reference={
            "text": str(told[0]["reference"]),
            "events": tuple(str(event) for event in info["events"]),
            "subjects": info.get("n_subjects"),
            "shots": info.get("n_shots"),
        },
    )


def score(question: Question, text: str, protocol: Protocol) -> Scoring:
    """Recall and precision of the events of a caption, by a judge; ``numbers`` holds both, the score is their F1.

    A caption without events has precision 1 by the official rule, 0 by ours. If the judge's reply is still unreadable
    after some tries, the caption is left out, as officially, and counted.
    """
    caption = text.strip().lower()
    reference = str(question.reference["text"]).lower()
    told = () if not caption else (yield from events_of(caption))
    if isinstance(told, Verdict):
        return told
    # Officially, an empty caption has no wrong events.
    precision: float | Verdict = 1.0 if protocol == "official" else 0.0
    if told:
        precision = yield from entailed(told, reference)
    events = question.reference["events"]
    recall: float | Verdict = 0.0 if events else 1.0  # four real references have no events
    if caption and events:
        recall = yield from entailed(events, caption)
    for part in (recall, precision):
        if isinstance(part, Verdict):
            return part
    assert isinstance(recall, float)
    assert isinstance(precision, float)
    both = recall + precision
    numbers = {"recall": recall, "precision": precision, "events": float(len(told))}
    found = 2 * recall * precision / both if both else 0.0
    return Verdict(found, by="judge", unscored="" if caption else "empty", numbers=numbers)


Asking = Generator[Request, "Reply | None", "tuple[str, ...] | Verdict"]


def events_of(caption: str) -> Asking:
    """The events a judge finds in a caption, or a verdict if it cannot be asked or its reply is unreadable."""
    request = _request(_EXTRACT.format(caption=caption.replace('"', "'")))
    for _ in range(MOST_TRIES):
        reply = yield request
        if reply is None or reply.problem == "unavailable":
            return _unjudged(reply)
        events = (dictionary(reply.text) or {}).get("events")
        if isinstance(events, list) and all(isinstance(event, str) for event in events):
            return tuple(events)
        request = replace(request, reminder='it was no dictionary with the key "events" and a list of texts')
    return Verdict(0.0, by="judge", unscored="unparsed", counted=False)


def entailed(events: Sequence[str], description: str) -> Generator[Request, Reply | None, float | Verdict]:
    """The share of the events that a description entails, by a judge; or a verdict if it gives none."""
    request = _request(_RELATE.format(description=description, events=list(events)))
    for _ in range(MOST_TRIES):
        reply = yield request
        if reply is None or reply.problem == "unavailable":
            return _unjudged(reply)
        relations = _relations(reply.text)
        if len(relations) == len(events) and set(relations) <= set(RELATIONS):
            return relations.count("entailment") / len(events)
        request = replace(request, reminder=f"it has to name the relationship of each of the {len(events)} events")
    return Verdict(0.0, by="judge", unscored="unparsed", counted=False)


def _request(text: str) -> Request:
    return Request("judge", user_text=text, max_tokens=JUDGE_TOKENS)


def _relations(text: str) -> list[str]:
    rows = (dictionary(text) or {}).get("events")
    if not isinstance(rows, list):
        return []
    return [str(row.get("relationship", "")).strip().lower() if isinstance(row, dict) else "" for row in rows]


def _unjudged(reply: Reply | None) -> Verdict:
    return Verdict(0.0, by="none", unscored="unavailable" if reply else "no judge", counted=False)


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:  # noqa: ARG001 - the same for all
    """F1, recall and precision in percent: overall, then for each category.

    Over all: means within each category, their mean, then F1 of the means (not the mean of the F1).
    """
    counted = [entry for entry in scored if entry[2].counted]
    categories = sorted({question.groups["category"] for question, _, _ in counted})
    parts = {name: [entry for entry in counted if entry[0].groups["category"] == name] for name in categories}
    cells = _cells("overall", parts)
    for name in categories:
        cells |= _cells(name, {name: parts[name]})
    return cells


def _cells(name: str, parts: Mapping[str, Sequence[Scored]]) -> dict[str, Figure]:
    """F1, recall and precision of categories of equal weight.

    The interval of F1 comes from how much each video moves it (the first term of the delta method).
    """
    total = sum(len(entries) for entries in parts.values())
    if not total:
        return {name: Figure(0.0, 0, 0.0, 100.0)}
    recall, precision = (_mean(parts, key) for key in ("recall", "precision"))
    both = recall + precision
    f1 = 2 * recall * precision / both if both else 0.0
    slopes = {"recall": 2 * (precision / both) ** 2, "precision": 2 * (recall / both) ** 2} if both else {}
    moved: dict[str, list[float]] = {"f1": [], "recall": [], "precision": []}
    videos = []
    for entries in parts.values():
        weight = total / (len(parts) * len(entries))
        for question, _, verdict in entries:
            away = {
                key: weight * (_number(verdict, key) - _mean({"": entries}, key)) for key in ("recall", "precision")
            }
            moved["recall"].append(recall + away["recall"])
            moved["precision"].append(precision + away["precision"])
            moved["f1"].append(f1 + sum(slope * away[key] for key, slope in slopes.items()))
            videos.append(question.video)
    kinds = {name: "f1", f"{name}, recall": "recall", f"{name}, precision": "precision"}
    return {cell: figure_of(moved[kind], videos) for cell, kind in kinds.items()}


def _mean(parts: Mapping[str, Sequence[Scored]], key: str) -> float:
    means = [sum(_number(verdict, key) for _, _, verdict in entries) / len(entries) for entries in parts.values()]
    return sum(means) / len(means)


def _number(verdict: Verdict, key: str) -> float:
    """Recall or precision; 0 without a caption (unreadable video, unreachable model)."""
    return verdict.numbers.get(key, 0.0)


DREAM = Benchmark(
    name="dream",
    title="DREAM-1K (AutoDQ)",
    source="arXiv 2407.00634; bytedance/tarsier evaluation/metrics/evaluate_dream_gpt.py",
    protocols=("strict", "official"),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 16, "official": 16},
    items=1000,
    options=("video_name",),
    licence="as its authors say; not to be passed on",
    get="omni-research/DREAM-1K on the Hugging Face hub, data/annotations/DREAM-1k.jsonl of bytedance/tarsier",
)
