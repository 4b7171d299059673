"""Captions read from whatever holds them, each with the events that its record knows of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import SettingsError
from ..records import Step
from .claiming import made_for, split_folder
from .clauses import sentences_of
from .manifests import MANIFESTS
from .record import RECORDS, read_records
from .suites import read_prompts, text_in
from .variants import texts_of


@dataclass(frozen=True)
class Told:
    """A caption. ``events`` are sentences that tell what happens, in order; those of a rewritten caption may not be in
    it word for word.
    """

    text: str
    events: tuple[str, ...] = ()


def told_in(source: str | Path) -> Iterator[Told]:
    """The captions of master records (the dense ones), of a file of texts, of a folder with ``.txt`` files, or of one
    that ``sg4v t2v export`` made for a trainer, as that reads it.

    Records without a text that can be trusted are passed over. Raises InputMissing and SettingsError, naming the file.
    """
    path = split_folder(Path(source))
    if path.is_dir() and (path / RECORDS).is_file():
        path = path / RECORDS
    if made := made_for(path):
        yield from (Told(row.text) for row in MANIFESTS[made.trainer].read(path))
    elif path.is_dir():
        files = sorted(path.glob("*.txt"))
        if not files:
            raise SettingsError(f"{path}: holds neither {RECORDS} nor .txt files with captions")
        yield from (Told(text_in(file)) for file in files)
    elif path.name.endswith("records.jsonl"):
        for record in read_records(path):
            if dense := texts_of(record, ["dense"]).get("dense"):
                yield Told(dense, events_of(record.caption.steps))
    else:
        yield from (Told(prompt.text) for prompt in read_prompts(path))


def events_of(steps: Sequence[Step]) -> tuple[str, ...]:
    """The first sentence of each change: what it tells has happened, whatever it looks like by itself.

    "The cross stays where it is" would pass for a description. What follows in a step may be one.
    """
    changes = (" ".join(step.text.split()) for step in steps if step.kind == "change" and not step.problem)
    return tuple(text[: sentences[0].end] for text in changes if (sentences := sentences_of(text)))
