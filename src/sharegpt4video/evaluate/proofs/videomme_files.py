"""Prediction files of Video-MME: the official JSON in, the official accuracies out.

What the official scorer computes and prints (BradyFU/Video-MME 4e7566d, thanku-all/parse_answer) is its fact; the code
is ours and was compared with it line by line of its output (see docs/evaluation-captions.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import from_json, read_text
from ..base import Answer, Figure, Protocol, Question, Scored
from ..videomme import (
    DOMAINS,
    DURATIONS,
    SUB_CATEGORIES,
    TASK_TYPES,
    Revision,
    durations_named,
    extract,
    figures,
    read_answer,
    verdict,
)
from .tables import shortened, stored_text

VIDEOS_OF_A_DURATION = 300
# Two layouts: today's template and the first one. Each revision of the scorer reads its own.
_KEYS = {"duration": "duration_category", "domain": "video_category", "sub_category": "video_subcategory"}


@dataclass(frozen=True)
class Results:
    """A scored prediction file.

    revision    of the official scorer, as given or by the file's layout
    durations   that were scored
    missing     questions without a response (None, or no such key), on which the official scorer fails
    disputed    questions that the two revisions of the official scorer parse differently
    left_out    videos that the file itself marks as ``missing``
    """

    scored: tuple[Scored, ...]
    protocol: Protocol
    revision: Revision
    durations: tuple[str, ...]
    missing: int
    disputed: int
    left_out: int = 0

    @property
    def figures(self) -> Mapping[str, Figure]:
        """Overall, then every cell that holds an answer (see ``videomme.figures``)."""
        return figures(self.scored, self.protocol)


def read_results(
    path: Path,
    *,
    protocol: Protocol = "official",
    durations: str | Sequence[str] | None = None,
    skip_missing: bool = True,
    revision: Revision | None = None,
    answer_key: str = "answer",
    response_key: str = "response",
) -> Results:
    """Score a file of predictions: a list of videos, each with its questions.

    durations      short, medium, long: a list, or comma-separated; by default those in the file
    skip_missing   whether a duration may have fewer than 300 videos; videos marked ``missing`` are then left out
    revision       which official scorer; by default the one that reads the file's layout
    Raises SettingsError for a file of another layout or without any response, or with too few videos when they may
    not be missing.
    """
    videos = _videos(path)
    first_layout = bool(videos) and "duration_category" in videos[0]
    used: Revision = revision or ("2024-06-03" if first_layout else "current")
    found = {_duration(video, path) for video in videos}
    wanted = tuple(durations_named(durations) if durations else [name for name in DURATIONS if name in found])
    scored: list[Scored] = []
    missing = disputed = 0
    for video in _wanted(videos, wanted, skip_missing, path):
        for question, response in _questions(video, path, answer_key, response_key):
            said = stored_text(response, f"{path}: the response to {question.id!r}")
            missing += response is None
            disputed += extract(said) != extract(said, "2024-06-03")
            letter = read_answer(said, question.options, protocol, used)
            answer = Answer(question.id, said, "stored", problem="" if said else "empty")
            scored.append((question, answer, verdict(said, question.answer, letter, protocol)))
    if not scored:
        raise SettingsError(f"{path}: holds no questions about {' or '.join(wanted) or 'any'} videos")
    if missing == len(scored):
        raise SettingsError(f"{path}: none of its questions has a {response_key!r}; that is where the answers go")
    left_out = sum(bool(skip_missing and video.get("missing")) for video in videos)
    return Results(tuple(scored), protocol, used, wanted, missing, disputed, left_out)


def _wanted(
    videos: Sequence[Mapping[str, Any]], durations: Sequence[str], skip_missing: bool, path: Path
) -> Iterator[Mapping[str, Any]]:
    """The videos of these durations, in their order. Raises SettingsError if there must be more."""
    for duration in durations:
        chosen = [video for video in videos if _duration(video, path) == duration]
        if not skip_missing and len(chosen) != VIDEOS_OF_A_DURATION:
            raise SettingsError(
                f"{path}: holds {len(chosen)} {duration} videos, not {VIDEOS_OF_A_DURATION}; add the rest, or allow "
                "missing ones"
            )
        yield from (video for video in chosen if not (skip_missing and video.get("missing")))


def _videos(path: Path) -> list[Mapping[str, Any]]:
    try:
        text = read_text(path, "utf-8-sig")
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from error
    try:
        videos = _parsed(text)
    except ValueError as error:
        raise SettingsError(f"{path}: is not valid JSON: {error}") from error
    if isinstance(videos, dict):  # some files have the videos by name
        videos = list(videos.values())
    if not isinstance(videos, list) or not videos or not all(isinstance(v, dict) and "questions" in v for v in videos):
        raise SettingsError(
            f"{path}: is not a list of videos with their questions, as Video-MME's template is; wanted is a JSON list "
            "of {video_id, duration, domain, sub_category, questions: [{question_id, task_type, answer, response}]}"
        )
    return videos


def _parsed(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        # The official template has commas before closing brackets; inside strings they stay.
        loose = re.sub(r'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])', lambda found: found[1] or "", text)
        return from_json(loose)


def _field(video: Mapping[str, Any], name: str, path: Path) -> str:
    value = video.get(name, video.get(_KEYS[name]))
    if value is None:
        raise SettingsError(f"{path}: the video {video.get('video_id', '?')!r} has no {name} (nor {_KEYS[name]})")
    return str(value)


def _duration(video: Mapping[str, Any], path: Path) -> str:
    name = _field(video, "duration", path)
    if name not in DURATIONS:
        named = ", ".join(DURATIONS)
        raise SettingsError(
            f"{path}: the video {video.get('video_id', '?')!r} is {shortened(name)}; durations are {named}"
        )
    return name


def _items(video: Mapping[str, Any], path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The name of each question of a video, and its stored item."""
    where, items = video.get("video_id", "?"), video["questions"]
    if isinstance(items, dict):  # by name, as the videos may be
        items = list(items.values())
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise SettingsError(f"{path}: the questions of the video {where!r} are no list of objects, as in the template")
    for number, item in enumerate(items):
        yield str(item.get("question_id") or f"{where}-{number + 1}"), item


def _questions(
    video: Mapping[str, Any], path: Path, answer_key: str, response_key: str
) -> Iterator[tuple[Question, Any]]:
    for name, item in _items(video, path):
        if item.get(answer_key) is None or item.get("task_type") is None:
            raise SettingsError(f"{path}: the question {name!r} has no {answer_key} or no task_type")
        lines = item.get("options") or item.get("choices")
        lines = lines if isinstance(lines, list) else ()
        yield (
            Question(
                id=name,
                video=str(video.get("video_id", "")),
                text=str(item.get("question", "")),
                options=tuple(re.sub(r"^[A-D]\.\s*", "", str(line)) for line in lines),
                answer=str(item[answer_key]),
                groups={
                    "duration": _field(video, "duration", path),
                    "domain": _field(video, "domain", path),
                    "sub-category": _field(video, "sub_category", path),
                    "task type": str(item["task_type"]),
                },
            ),
            item.get(response_key),
        )


def printed(
    results: Results, *, categories: bool = True, sub_categories: bool = False, task_types: bool = False
) -> str:
    """The text that the official scorer prints for these results, with its switches ``return_..._accuracy``."""
    parts = [
        (categories, "Video Categories", "domain", DOMAINS),
        (sub_categories, "Video Sub Categories", "sub-category", SUB_CATEGORIES),
        (task_types, "Task Categories", "task type", TASK_TYPES),
    ]
    renamed = "Video Domains" if results.revision == "current" else "Video Categories"  # there, in the last part only
    whole = [(categories, renamed, "domain", DOMAINS), *parts[1:]]
    lines: list[str] = []
    for duration in results.durations:
        entries = [entry for entry in results.scored if entry[0].groups["duration"] == duration]
        lines += ["=" * 37, f"Evaluation on video Type: {duration}", "=" * 37, *_tables(entries, parts), "", ""]
    lines += ["=" * 37, "Evaluation on the entire dataset", "=" * 37, *_tables(results.scored, whole)]
    return "\n".join(lines) + "\n"


def _tables(entries: Sequence[Scored], parts: Sequence[tuple[bool, str, str, Sequence[str]]]) -> Iterator[str]:
    rule = "-" * 37
    for wanted, heading, kind, names in parts:
        if wanted:
            yield from (rule, heading, rule)
            yield from (f"{name}: {_percent([e for e in entries if e[0].groups[kind] == name])}" for name in names)
    yield from (rule, "Overall Performance", rule, f"Overall: {_percent(entries)}")


def _percent(entries: Sequence[Scored]) -> str:
    counted = [verdict.score for _, _, verdict in entries if verdict.counted]
    return f"{100 * sum(counted) / len(counted) if counted else 0: .1f}%"
