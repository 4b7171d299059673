"""Master records for text-to-video: everything that is known of a clip on one line, from which manifests are made."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ...config import STRICT
from ...records import VideoCaption
from ...records.shifting import caption_earlier
from ...t2v.record import RECORDS, Record
from .entries import Entry
from .job import ExportJob
from .multimap import DiskMultimap

SURVEYED = ("motion", "camera_motion", "brightness", "sharpness", "text_area")
"""What the survey measures of a video that is known as a score; see ``rows.Survey``."""
NAMES = {
    "aesthetic": "aesthetic", "aesthetic_score": "aesthetic", "aes": "aesthetic", "technical": "technical",
    "tech": "technical", "motion": "motion", "flow": "flow", "motion_score": "flow", "vmaf_motion": "vmaf_motion",
    "score_vmafmotion": "vmaf_motion",
}  # fmt: skip
"""Columns of the user's own list that hold scores, by the names that trainers and filters give them."""


@dataclass(frozen=True)
class MasterOptions:
    """Options of the format ``t2v``."""

    __pydantic_config__ = STRICT

    facts: bool = True
    """Include the measured facts, without which a window that cuts through a step cannot be told."""


def write_master(job: ExportJob) -> None:
    """``records.jsonl``: a record for each video (and clip), for ``sg4v t2v export``."""
    with ExitStack() as stack:
        more = stack.enter_context(DiskMultimap(_known(job)))
        file = stack.enter_context(job.target.writing(RECORDS))
        for entry in job.entries(facts=job.options.facts):
            scores, texts = dict[str, float](), dict[str, str]()
            for known in more.get(bytes.fromhex(entry.row.id)):
                (name, value) = json.loads(known)
                if isinstance(value, str):
                    texts[name] = value
                else:
                    scores[name] = value
            # What was written or measured of the whole video is not said of a part of it.
            whole = entry.clip is None
            record = Record(
                entry.id,
                job.location(entry),
                entry.split,
                _caption_of(entry),
                scores if whole else {},
                texts if whole else {},
            )
            file.write(record.to_json().encode() + b"\n")
            job.wrote(entry, 1 + len(record.texts))


def _known(job: ExportJob) -> Iterator[tuple[bytes, str]]:
    """Scores and short captions by the id of the video, each as a pair in JSON; the user's own come last and win."""
    for batch in job.store.batches("surveys", ["id", *SURVEYED], batch_rows=4096):
        for row in batch.to_pylist():
            for name in SURVEYED:
                if row[name] is not None and math.isfinite(row[name]):
                    yield bytes.fromhex(row["id"]), json.dumps([name, row[name]])
    for batch in job.store.batches("shorts", ["id", "text", "problem"], batch_rows=4096):
        for row in batch.to_pylist():
            if row["text"].strip() and not row["problem"]:
                yield bytes.fromhex(row["id"]), json.dumps(["short", row["text"].strip()])
    for batch in job.store.batches("sources", ["id", "caption", "tags"], batch_rows=4096):
        for row in batch.to_pylist():
            if row["caption"].strip():
                yield bytes.fromhex(row["id"]), json.dumps(["user", row["caption"].strip()])
            for name, text in json.loads(row["tags"] or "{}").items():
                score = _number(text)
                if name in NAMES and score is not None:
                    yield bytes.fromhex(row["id"]), json.dumps([NAMES[name], score])


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _caption_of(entry: Entry) -> VideoCaption:
    """The caption of an entry at times of its own file; that of a clip has the steps and shots of the clip only.

    The text of a step with a problem is left out, unless problems were asked for.
    """
    clip, whole = entry.clip, entry.row.caption
    if not entry.with_problems:
        steps = tuple(replace(step, text="") if step.problem else step for step in whole.steps)
        whole = replace(whole, steps=steps)
    if clip is None:
        return whole
    touching = (s for s in whole.shots if s.start_seconds < clip.end_seconds and s.end_seconds > clip.start_seconds)
    part = replace(
        whole,
        start_seconds=clip.start_seconds,
        end_seconds=clip.end_seconds,
        shots=tuple(
            replace(
                shot,
                start_seconds=max(shot.start_seconds, clip.start_seconds),
                end_seconds=min(shot.end_seconds, clip.end_seconds),
            )
            for shot in touching
        ),
        steps=whole.steps[clip.first_step : clip.last_step + 1],
        summary=clip.text,
        summary_problem=clip.problem,
        edits=(),
        content_id="" if clip.media else whole.content_id,
    )
    return caption_earlier(part, entry.offset_seconds) if entry.offset_seconds else part
