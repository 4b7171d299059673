"""The data-set card: what is in an export, how it was made, and its limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from ...errors import SG4VError
from ...foreign import markdown
from ...records import Provenance
from ..decide.words import stored_gates, title
from ..settings import DatasetSettings

if TYPE_CHECKING:
    from .job import ExportJob

_MOST_KINDS = 20
_LIMITS = """\
- The captions were written by a program. They may name things wrongly, miss things, and state what is not there.
- A step is true of its own time. The caption of the whole was written from the steps, without seeing the video again.
- Nothing was heard: sounds and speech are not described, unless a text on the screen shows them.
- Near-duplicates were looked for by their pictures. Copies that were changed strongly may be on both sides of a split.
- The videos are not part of these files. Rights in them lie with their owners."""


@dataclass
class Made:
    """How often each model and prompt set was used."""

    models: Counter[str] = field(default_factory=Counter)
    prompts: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)

    def add(self, made: Provenance) -> None:
        for counter, value in (
            (self.models, made.model),
            (self.prompts, f"{made.prompt_set or 'unknown'} ({made.prompt_hash or 'no hash'})"),
            (self.versions, made.version),
        ):
            counter[value if value in counter or len(counter) < _MOST_KINDS else "others"] += 1


def card(job: ExportJob, rows: dict[str, int], made: Made) -> str:
    """The text of ``README.md``, with the YAML header that the Hub and ``datasets`` read."""
    parts = [_header(job, rows), "# Video captions", _contents(job, rows), "## How it was made", _making(made, job)]
    parts += [_settings(job), "## What was left out", _left_out(job), "## Limitations", _LIMITS, "## Licence"]
    parts.append(
        f"The captions are published under `{job.options.license}`."
        if job.options.license
        else "No licence is stated here. Whoever publishes these files states one, and makes sure that the makers of"
        " the model that wrote the captions and the owners of the videos allow it."
    )
    return "\n\n".join(parts) + "\n"


def _header(job: ExportJob, rows: dict[str, int]) -> str:
    import yaml

    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in rows]
    said = {
        "configs": [{"config_name": "default", "data_files": files}],
        "task_categories": ["video-text-to-text", "text-to-video"],
        "tags": ["video", "dense-captions", "sharegpt4video"],
        "size_categories": [_size(sum(rows.values()))],
    }
    if job.options.license:
        said = {"license": job.options.license} | said
    return f"---\n{yaml.safe_dump(said, sort_keys=False, allow_unicode=True)}---"


def _size(rows: int) -> str:
    """The size class as the Hub names it."""
    bounds = [(1e3, "1K"), (1e4, "10K"), (1e5, "100K"), (1e6, "1M"), (1e7, "10M"), (1e8, "100M"), (1e9, "1B")]
    if rows < 1e3:
        return "n<1K"
    for (low, name), (high, after) in pairwise(bounds):
        if low <= rows < high:
            return f"{name}<n<{after}"
    return "n>1B"


def _contents(job: ExportJob, rows: dict[str, int]) -> str:
    lines = ["| split | rows |", "|---|---|", *(f"| {split} | {count:,} |" for split, count in rows.items())]
    tally = job.tally
    sentence = f"{tally.videos:,} videos and {tally.clips:,} clips of them, {tally.texts:,} texts."
    columns = (
        "Each row is one caption (`caption`) of a video, or of its part from `start_seconds` to `end_seconds`. `steps`"
        " holds the descriptions it was written from, each with its own time; times are seconds of the file in `video`."
    )
    return "\n".join([*lines, "", sentence, "", columns])


def _making(made: Made, job: ExportJob) -> str:
    groups = (("model", made.models), ("prompt set (hash)", made.prompts), ("version of sharegpt4video", made.versions))
    rows = [
        f"| {name} | {_cell(value)} | {count:,} |" for name, found in groups for value, count in found.most_common()
    ]
    if job.tally.edited:
        rows.append(f"| edited in review | `edited_by` says by whom | {job.tally.edited:,} |")
    return "\n".join(["| | | rows |", "|---|---|---|", *rows])


def _settings(job: ExportJob) -> str:
    import yaml

    try:
        settings: DatasetSettings = job.store.settings()
    except SG4VError:
        return "The settings are not known: the data set carries none."
    plain = settings.to_plain()
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)
    return f"The settings, all of them:\n\n```text\n{text}```"


def _left_out(job: ExportJob) -> str:
    """What failed, what the filters dropped and what this export left out, each by reason."""
    rows: list[tuple[str, str, int]] = []
    failures: Counter[str] = Counter()
    for batch in job.store.batches("failures", ["kind"], batch_rows=1 << 16):
        failures.update(batch.column("kind").to_pylist())
    rows += [("failed", kind, count) for kind, count in failures.most_common()]
    dropped: Counter[str] = Counter()
    for batch in job.store.batches("selection", ["kept", "gate", "reason"], batch_rows=1 << 16):
        dropped.update(title(gate) for gate in stored_gates(batch.filter(pc.invert(batch.column("kept")))))
    rows += [("filtered", reason, count) for reason, count in dropped.most_common()]
    rows += [("export", reason, count) for reason, count in sorted(job.tally.left_out.items())]
    if not rows:
        return "Nothing."
    lines = [f"| {stage} | {_cell(reason)} | {count:,} |" for stage, reason, count in rows]
    return "\n".join(["| stage | reason | rows |", "|---|---|---|", *lines])


def _cell(text: str) -> str:
    return markdown(text) or "not said"
