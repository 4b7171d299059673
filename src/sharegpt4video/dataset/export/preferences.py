"""Pairs of answers to one question, the better and the worse one, to train a captioner's preferences with.

A pair is left behind wherever a text was replaced: by ``repair``, by ``--verify``, in review. Its question is the one
that the model was asked, word for word (``roles``). TRL reads the layout ``trl`` (``docs/source/dataset_formats.md``,
version 1.16), ms-swift ``swift`` (``docs/source_en/Customization/Custom-dataset.md``, commit 3602360), LLaMA-Factory
``llamafactory`` (``data/README.md``, commit ff6d4d1).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from ...checking import GridFrames, JpegQuality, SidePixels, raise_for, wrong_values
from ...config import STRICT
from ...errors import SettingsError, VideoError
from ...prompts import prompt_set
from ...records import Finding
from ...vlm.render import Prompt, render
from ..checks.language import check_language_code
from ..rows import CaptionRow
from .captioner import Pictures, prompts_of
from .entries import Entry
from .job import ExportJob
from .pictures import NO_PICTURES
from .roles import Sample, asked
from .target import SplitFiles, json_line
from .tokens import without_tokens
from .versions import Versions, VersionsById, by_step

PairLayout = Literal["trl", "swift", "llamafactory"]
PairSource = Literal["repair", "verify", "review"]
PairRole = Literal["sliding", "fast", "summary"]
SOURCES: tuple[PairSource, ...] = ("repair", "verify", "review")
DATASET_INFO = "dataset_info.json"


@dataclass(frozen=True)
class PreferencesOptions:
    """Options of the format ``preferences``."""

    __pydantic_config__ = STRICT

    layout: PairLayout = "trl"
    """Whose layout: ``trl`` (also for ``sg4v train preferences``), ``swift`` or ``llamafactory``."""
    sources: tuple[PairSource, ...] = SOURCES
    """Where pairs come from: texts before and after ``repair``, answers that ``verify`` refused and what was kept,
    texts before and after ``review``."""
    roles: tuple[PairRole, ...] = ("sliding", "fast", "summary")
    """Which questions to make pairs of."""
    language: str = "en"
    """The language that the texts should be in, for the checks."""
    prompts: str = ""
    """The prompt set to ask with. "": the one that the caption was made with."""
    hints: bool = False
    """Put the measured facts into the questions, as ``hints`` does in captioning; always where that had them."""
    pictures: bool = True
    """Decode the frames and write them. False: pairs have only their times."""
    apart: bool = False
    """In fast mode the frames were shown one by one, as to a model that takes them so (``frames_apart``)."""
    max_images: GridFrames = 16
    """How many pictures the model takes; more are combined into one."""
    side_pixels: SidePixels = 1280
    """Longer side of a frame."""
    jpeg_quality: JpegQuality = 92
    """Quality of the pictures, 1 to 100."""
    name: str = "preferences"
    """What LLaMA-Factory calls the data set; the splits val and test are ``NAME_val`` and ``NAME_test``."""

    def __post_init__(self) -> None:
        raise_for(wrong_values(self).values())
        check_language_code(self.language)
        if not self.name.strip():
            raise SettingsError("name: LLaMA-Factory needs a name for the data set")
        if self.prompts:
            prompt_set(self.prompts)


@dataclass(frozen=True)
class Pair:
    """One question, the answer to prefer and the other one. ``why`` says what is wrong with that, by check.

    ``version`` is the entry with the caption of which the question was asked.
    """

    version: Entry
    sample: Sample
    rejected: str
    source: PairSource
    why: tuple[Finding, ...]
    author: str = ""


def write_preferences(job: ExportJob) -> None:
    """``SPLIT.jsonl`` with a line for each pair, and the pictures in ``images/``."""
    sources: Counter[str] = Counter()
    with VersionsById(job.store) as versions, SplitFiles(job.target, "{split}.jsonl") as files:
        for entry in job.entries(usable=False):
            if entry.clip is not None:
                job.leave_out("clips (pairs are of whole videos)")
                continue
            found = versions.of(entry.row.id)
            pairs = list(_distinct(_pairs(job, entry, found, versions))) if found else []
            if not pairs:
                job.leave_out("videos without a pair")
                continue
            try:
                pictures = Pictures(job, entry, [pair.sample.request for pair in pairs])
                lines = [_line(job, entry, pair, pictures) for pair in pairs]
            except VideoError as error:
                job.leave_out(NO_PICTURES, example=str(error), failed=True)
                continue
            for line in lines:
                files.file(entry.split).write(json_line(line))
            sources.update(pair.source for pair in pairs)
            job.wrote(entry, len(pairs))
        if not files.opened:
            files.file("train")
        splits = files.opened
    if not sources:
        job.note("there are no pairs yet; these leave some: sg4v dataset repair, captions made with --verify, reviews")
    if sources:
        job.note("pairs by source: " + ", ".join(f"{sources[name]:,} {name}" for name in SOURCES if sources[name]))
    if job.options.layout == "llamafactory":
        with job.target.writing(DATASET_INFO) as file:
            described = {_named(job.options, split): _described(f"{split}.jsonl") for split in splits}
            file.write((json.dumps(described, ensure_ascii=False, indent=1) + "\n").encode())


def _distinct(pairs: Iterator[Pair]) -> Iterator[Pair]:
    seen = set()
    for pair in pairs:
        key = (pair.sample.name, pair.sample.answer, pair.rejected)
        if key not in seen:
            seen.add(key)
            yield pair


def _pairs(job: ExportJob, entry: Entry, versions: Versions, by_id: VersionsById) -> Iterator[Pair]:
    """The pairs of a caption. What is left out is counted."""
    options: PreferencesOptions = job.options
    *earlier, newest = versions.written
    if "repair" in options.sources:
        for older in earlier:
            yield from _replaced(job, entry, older, newest, "repair", by_id)
    if "verify" in options.sources:
        for row in versions.written:
            yield from _refused(job, entry, row, by_id)
    if "review" in options.sources and versions.now.edits:
        yield from _replaced(job, entry, newest, versions.now, "review", by_id)


def _replaced(
    job: ExportJob, entry: Entry, before: CaptionRow, after: CaptionRow, source: PairSource, by_id: VersionsById
) -> Iterator[Pair]:
    """The texts of which ``after`` has others than ``before``: from there is the question, from here the answer.

    A text that a person wrote is better because they say so; any other must mend something that was found.
    """
    questions = _questions(job, entry, before)
    language = job.options.language
    wrong = by_step(by_id.findings(before, language))
    still = by_step(by_id.findings(after, language))
    authors = {edit.step: edit for edit in after.edits}
    for name, answer in _questions(job, entry, after).items():
        asked_first = questions.get(name)
        if asked_first is None or asked_first.answer == answer.answer:
            continue
        edit = authors.get(answer.step)
        if source == "repair" and not _same_question(job, entry, before, asked_first, after, answer):
            job.leave_out("pairs of two questions (the text before was replaced, too)")
        elif why := _not_a_pair(asked_first, answer, _problem(after, answer.step), still.get(answer.step, ())):
            job.leave_out(why)
        elif not wrong.get(asked_first.step) and not (edit is not None and edit.by_hand):
            job.leave_out("pairs in which nothing was found wrong with the rejected text")
        else:
            chosen = replace(asked_first, answer=answer.answer)
            why_worse, author = wrong.get(asked_first.step, ()), edit.author if edit else ""
            yield Pair(replace(entry, row=before), chosen, asked_first.answer, source, why_worse, author)


def _refused(job: ExportJob, entry: Entry, row: CaptionRow, by_id: VersionsById) -> Iterator[Pair]:
    """The answers of a captioning run that were held against the facts and replaced by better ones."""
    if not row.refused:
        return
    kept = {sample.step: sample for sample in _questions(job, entry, row).values()}
    still = by_step(by_id.findings(row, job.options.language))
    for one in row.refused:
        sample = kept.get(one.step)
        if sample is None:
            continue
        if why := _not_a_pair(
            replace(sample, answer=one.text), sample, _problem(row, one.step), still.get(one.step, ())
        ):
            job.leave_out(why)
        else:
            reasons = tuple(Finding("verify", one.step, why) for why in one.reasons)
            yield Pair(replace(entry, row=row), sample, one.text, "verify", reasons)


def _questions(job: ExportJob, entry: Entry, row: CaptionRow) -> dict[str, Sample]:
    """What the model was asked for this version of the caption, by name, with this version's texts."""
    version = replace(entry, row=row)
    prompts = prompts_of(version, job.options.prompts)
    fold_steps = int(row.provenance.settings.get("fold_steps", 40))
    layout = "separate" if job.options.apart else prompts.fast_layout
    found = asked(version, prompts, layout, fold_steps)
    return {sample.name: sample for sample in found if sample.role in job.options.roles}


def _same_question(
    job: ExportJob, entry: Entry, before: CaptionRow, one: Sample, after: CaptionRow, other: Sample
) -> bool:
    told = [_prompt(job, replace(entry, row=row), sample) for row, sample in ((before, one), (after, other))]
    return told[0] == told[1] and one.request.seconds == other.request.seconds


def _prompt(job: ExportJob, entry: Entry, sample: Sample) -> Prompt:
    hints = job.options.hints or bool(entry.row.provenance.settings.get("hints"))
    return render(sample.request, prompts_of(entry, job.options.prompts), hints=hints)


def _problem(row: CaptionRow, step: int) -> str:
    return row.summary_problem if step < 0 else row.steps[step].problem


def _not_a_pair(worse: Sample, better: Sample, problem: str, still: tuple[Finding, ...]) -> str:
    """Why two texts are no pair, in a few words; "" if they are."""
    if not worse.answer.strip() or not better.answer.strip():
        return "pairs with an empty text"
    if worse.answer.split() == better.answer.split():
        return "pairs that differ in blanks alone"
    if problem or still:
        return "pairs whose chosen text has something wrong with it, too"
    return ""


def _line(job: ExportJob, entry: Entry, pair: Pair, pictures: Pictures) -> dict[str, Any]:
    request, names = pictures.of(pair.sample)
    prompt = _prompt(job, pair.version, replace(pair.sample, request=request))
    told = (prompt.system, prompt.text, pair.sample.answer, pair.rejected)
    system, question, chosen, rejected = map(without_tokens, told)
    about = {
        "id": f"{entry.id}-{pair.sample.name}-{pair.source}",
        "role": pair.sample.role,
        "from": pair.source,
        # One text: a column of lists that are empty at first has no type that readers could know.
        "why": "; ".join(f"{one.check}: {one.reason}" for one in pair.why),
        "edited_by": pair.author,
        "source_video": job.location(entry),
        "seconds": [round(at, 3) for at in request.seconds],
    }
    return about | _LAYOUTS[job.options.layout](system, question, chosen, rejected, names)


def _message(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def _trl(system: str, question: str, chosen: str, rejected: str, images: list[str]) -> dict[str, Any]:
    """Pictures stand before the first question's text, where TRL puts them."""
    prompt = [_message("system", system)] if system else []
    return {
        "prompt": [*prompt, _message("user", question)],
        "chosen": [_message("assistant", chosen)],
        "rejected": [_message("assistant", rejected)],
        "images": images,
    }


def _swift(system: str, question: str, chosen: str, rejected: str, images: list[str]) -> dict[str, Any]:
    messages = [_message("system", system)] if system else []
    asked_for = _message("user", "<image>" * len(images) + question)
    return {"messages": [*messages, asked_for, _message("assistant", chosen)], "rejected_response": rejected,
            "images": images}  # fmt: skip


def _llamafactory(system: str, question: str, chosen: str, rejected: str, images: list[str]) -> dict[str, Any]:
    return {
        "system": system,
        "messages": [_message("user", "<image>" * len(images) + question)],
        "chosen": _message("assistant", chosen),
        "rejected": _message("assistant", rejected),
        "images": images,
    }


_LAYOUTS = {"trl": _trl, "swift": _swift, "llamafactory": _llamafactory}


def _named(options: PreferencesOptions, split: str) -> str:
    return options.name if split == "train" else f"{options.name}_{split}"


def _described(file: str) -> dict[str, Any]:
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    names = ("messages", "chosen", "rejected", "images", "system")
    return {"file_name": file, "formatting": "sharegpt", "ranking": True, "columns": {name: name for name in names},
            "tags": tags}  # fmt: skip
