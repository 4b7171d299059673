"""``messages`` and ``videos``: a question about a whole video and its caption, as trainers of chat models read them.

ms-swift reads the lines as they are (swift/dataset/preprocessor/core.py, commit 3602360), LLaMA-Factory through
``dataset_info.json`` beside them (src/llamafactory/data/converter.py, commit ff6d4d1). Both give each ``<video>`` in
the messages one of ``videos``, and fail where the counts differ.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from ...checking import raise_for, wrong_values
from ...config import STRICT
from ...errors import SettingsError
from .entries import Entry
from .job import ExportJob
from .llava import QUESTIONS
from .target import SplitFiles, json_line
from .tokens import without_tokens

DATASET_INFO = "dataset_info.json"
_PLACE = "<video>"


@dataclass(frozen=True)
class MessagesOptions:
    """Options of the format ``messages``."""

    __pydantic_config__ = STRICT

    question: str = ""
    """The question. "": one of five ways to ask for a description, by the id of the video."""
    name: str = "captions"
    """What LLaMA-Factory calls the data set; the splits val and test are ``NAME_val`` and ``NAME_test``."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())
        if not self.name.strip():
            raise SettingsError("name: LLaMA-Factory needs a name for the data set")


def no_parts_in_messages(_options: Any, _out: str) -> str:
    return "ms-swift and LLaMA-Factory open whole files"


def write_messages(job: ExportJob) -> None:
    """``SPLIT.jsonl`` with a conversation for each video (and clip), and ``dataset_info.json``."""
    with SplitFiles(job.target, "{split}.jsonl") as files:
        for entry in job.entries():
            files.file(entry.split).write(json_line(_sample(job, entry)))
            job.wrote(entry)
        if not files.opened:
            files.file("train")
        splits = files.opened
    with job.target.writing(DATASET_INFO) as file:
        described = {_named(job.options, split): _described(f"{split}.jsonl") for split in splits}
        file.write((json.dumps(described, ensure_ascii=False, indent=1) + "\n").encode())


def _sample(job: ExportJob, entry: Entry) -> dict[str, Any]:
    question = job.options.question or QUESTIONS[int(entry.id, 16) % len(QUESTIONS)]
    asked = {"role": "user", "content": f"{_PLACE}{without_tokens(question)}"}
    told = {"role": "assistant", "content": without_tokens(entry.text)}
    return {"id": entry.id, "messages": [asked, told], "videos": [job.location(entry)]}


def _named(options: MessagesOptions, split: str) -> str:
    return options.name if split == "train" else f"{options.name}_{split}"


def _described(file: str) -> dict[str, Any]:
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    columns = {"messages": "messages", "videos": "videos"}
    return {"file_name": file, "formatting": "sharegpt", "columns": columns, "tags": tags}
