"""TempCompass scores from stored files: our rules on the stored answers, then the stored judge for the rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from .. import choice
from ..base import Answer, Figure, Question, Scored, Verdict
from ..tempcompass import ASPECTS, FORMS, entries, figures, groups_of, read_choice, read_details, read_questions
from ..tempcompass_prompts import CAPTION_CUTS, chosen_from_caption, cut_for
from .tempcompass_files import Entry, Form, StoredModel, partner


@dataclass
class Replayed:
    """One model's stored answers, scored.

    scored       every item that has an answer or a judgement, by the official protocol
    rules_alone  accuracy by rules alone, unreadable answers wrong; without captions
    by           form -> how many items were decided by a rule, the judge's stored reply, its stored rating, ...
    agreed       form -> what was compared with the stored rating -> (equal, compared)
    notes        sentences about missing and superfluous entries
    foreign      form -> number of borrowed judgements not used, since they are of other answers
    """

    model: str
    scored: list[Scored] = field(default_factory=list)
    rules_alone: dict[str, Figure] = field(default_factory=dict)
    by: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    agreed: defaultdict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    notes: list[str] = field(default_factory=list)
    incomplete: set[str] = field(default_factory=set)
    foreign: Counter[str] = field(default_factory=Counter)

    @property
    def figures(self) -> dict[str, Figure]:
        return figures(self.scored, "official")


_Wanted = tuple[str, str, int, str, str]
"""Video, aspect, number, question and right answer of an expected item."""


@dataclass(frozen=True)
class _Item:
    question: Question
    prediction: Entry | None
    judgement: Entry | None
    other_wording: bool


def replay(stored: StoredModel, annotations: Path | None, captions: str = "auto") -> Replayed:
    """Score a model's stored files by the official protocol.

    With the questions (``annotations``), every item is expected and has their right answer; without, the files define
    the items. A caption is rated by the option that its judge chose. ``captions`` says how they would be extracted
    (``auto``: by the model's name), to tell whether the judged captions are the predicted ones.
    Raises SettingsError for questions that cannot be read.
    """
    result = Replayed(stored.name)
    details = read_details(annotations) if annotations else {}
    cut = _cut(stored.name, captions)
    rules: list[Scored] = []
    for form in FORMS:
        files = [files[form] for files in (stored.predictions, stored.judged) if form in files]
        if not files:
            result.notes.append(f"{form}: no file")
            result.incomplete.add(form)
            continue
        rules += _score_form(form, files, list(_asked(form, annotations, stored)), stored, details, cut, result)
    result.rules_alone = {name: cell for name, cell in figures(rules, "official").items() if " / " not in name}
    return result


def _score_form(
    form: str,
    files: list[Form],
    asked: list[_Wanted],
    stored: StoredModel,
    details: Mapping[str, Any],
    cut: Callable[[str], str],
    result: Replayed,
) -> list[Scored]:
    """Score one form into ``result``; returns the scores by rules alone, nothing for captions."""
    missing = reworded = 0
    rules: list[Scored] = []
    for paired in _paired(form, asked, stored, details):
        item = _own_judgement(paired, form, cut, result, borrowed=stored.borrowed)
        if item.prediction is None and item.judgement is None:
            missing += 1
            continue
        reworded += item.other_wording
        verdict = _verdict(item, form, result)
        result.scored.append((item.question, _answer(item, stored.name), verdict))
        if form != "captioning":
            alone = verdict if verdict.by == "rule" else Verdict(0.0, "none", "unparsed")
            rules.append((item.question, _answer(item, stored.name), alone))
    if reworded:
        result.notes.append(f"{form}: {reworded} questions are not worded as in the questions; scored as they stand")
    _note_form(form, files[:1] if stored.borrowed else files, missing, len(asked), result)
    return rules


def _own_judgement(item: _Item, form: str, cut: Callable[[str], str], result: Replayed, *, borrowed: bool) -> _Item:
    """The item with the judgement of its own answer: a borrowed one may be of another run's answer.

    If both were given together, the judged answer counts as in the authors' script, and differences are counted.
    """
    if item.judgement is None:
        return item
    said = item.prediction.said if item.prediction else None
    judged = item.judgement.said
    if said is None or judged is None:
        equal = item.prediction is not None and said == judged
    else:
        cleaned = cut(choice.plain(said)) if form == "captioning" else said
        equal = choice.plain(cleaned) == choice.plain(judged)
    if borrowed and not equal:
        result.foreign[form] += item.prediction is not None
        return replace(item, judgement=None)
    if said and judged:
        tally = result.agreed[form, "judged caption" if form == "captioning" else "judged answer"]
        tally[0] += equal
        tally[1] += 1
    return item


def _cut(model: str, captions: str) -> Callable[[str], str]:
    name = cut_for(model) if captions == "auto" else captions
    if name not in CAPTION_CUTS:
        raise SettingsError(f"unknown way to cut captions: {name!r}; choose from: auto, {', '.join(CAPTION_CUTS)}")
    return CAPTION_CUTS[name]


def _asked(form: str, annotations: Path | None, stored: StoredModel) -> Iterator[_Wanted]:
    """Every expected item: from the questions, else from the files."""
    if annotations is not None:
        folder = annotations / "questions" if (annotations / "questions").is_dir() else annotations
        for video, aspect, number, item in entries(read_questions(folder, form)):
            yield video, aspect, number, item["question"], item["answer"]
        return
    places: dict[tuple[str, str], list[Entry]] = {}
    for files in (stored.judged, stored.predictions):  # predictions say most about the questions
        places |= files[form].entries if form in files else {}
    for (video, aspect), listed in places.items():
        for number, entry in enumerate(listed):
            yield video, aspect, number, entry.question, entry.right


def _paired(form: str, asked: list[_Wanted], stored: StoredModel, details: Mapping[str, Any]) -> Iterator[_Item]:
    for video, aspect, number, text, right in asked:
        found = [
            partner(files[form].entries.get((video, aspect), []), number, text) if form in files else None
            for files in (stored.predictions, stored.judged)
        ]
        tellers = found if stored.borrowed else found[::-1]
        own = next((entry for entry in tellers if entry is not None and entry.question and entry.right), None)
        differs = own is not None and form != "captioning" and (own.question, own.right) != (text, right)
        if own is not None and differs:  # score the question that the model was asked
            text, right = own.question, own.right
        question = Question(
            id=f"{form}/{video}/{aspect}/{number}",
            video=f"{video}.mp4",
            text=text,
            answer=right,
            options=("yes", "no") if form == "yes_no" else (),
            groups=groups_of(form, video, aspect, details),
            reference={"question": text},
        )
        yield _Item(question, found[0], found[1], differs)


def _verdict(item: _Item, form: str, result: Replayed) -> Verdict:
    """What decides an item: a missing answer, a rule, the judge's stored reply, its stored rating; or nothing."""
    judgement = item.judgement
    rated = judgement.rating if judgement else None
    said = _said(item)
    if said is None and not rated and not (judgement and judgement.judge_choice):
        result.by[form]["no answer"] += 1
        # Captions without a judgement are left out, even empty ones: counting only those would count only wrong ones.
        return Verdict(0.0, "none", "empty", counted=form != "captioning" or judgement is not None)
    right = None if form == "captioning" or said is None else read_choice(item.question, choice.plain(said), "official")
    if right is not None:
        return _decided(right, "rule", rated, form, result)
    judged = _judged(judgement, form) if judgement else None
    if judged is not None:
        return _decided(judged, "judge", rated, form, result)
    if rated is not None:  # -1: the official script stores, and adds, this for a failed judge
        result.by[form]["stored rating alone" if rated >= 0 else "judge failed (rated -1, as published)"] += 1
        return Verdict(rated, "judge")
    result.by[form]["nobody"] += 1
    return Verdict(0.0, "none", "no judge", counted=form != "captioning")


def _decided(right: bool, by: str, rated: float | None, form: str, result: Replayed) -> Verdict:
    result.by[form][by] += 1
    if rated is not None:
        tally = result.agreed[form, by]
        tally[0] += float(right) == rated
        tally[1] += 1
    return Verdict(float(right), "rule" if by == "rule" else "judge")


def _judged(judgement: Entry, form: str) -> bool | None:
    """Parse the judge's stored reply again; None if there is none."""
    if form != "captioning":
        return choice.judged_correct(judgement.judge_reply) if judgement.judge_reply else None
    taken = judgement.judge_choice
    if taken is None and judgement.judge_reply:
        taken = chosen_from_caption(judgement.judge_reply)
    return choice.judged_caption(taken, judgement.right) if taken is not None and judgement.right else None


def _said(item: _Item) -> str | None:
    """The judged answer, else the predicted one."""
    if item.judgement is not None and item.judgement.said is not None:
        return item.judgement.said
    return item.prediction.said if item.prediction else None


def _answer(item: _Item, model: str) -> Answer:
    said = _said(item)
    return Answer(item.question.id, said or "", model, problem="" if said else "empty")


def _note_form(form: str, files: list[Form], missing: int, asked: int, result: Replayed) -> None:
    if missing:
        result.incomplete.add(form)
        result.notes.append(f"{form}: {missing} of {asked} questions have no entry and are not counted")
    surplus = max(file.count for file in files) - (asked - missing)
    if surplus > 0:
        result.notes.append(f"{form}: {surplus} entries answer no question and are not counted")
    strange = sorted({aspect for file in files for _, aspect in file.entries} - set(ASPECTS))
    if strange:
        result.notes.append(f"{form}: unknown aspects: {', '.join(strange)}")
    for file in files:
        result.notes += [f"{file.path}: {count} {what}" for what, count in sorted(file.oddities.items()) if count]
    for by in ("judged answer", "judged caption"):
        equal, compared = result.agreed.get((form, by), (0, 0))
        if equal < compared:
            what = f"{compared - equal} of {compared} answers are not those that were judged"
            result.notes.append(f"{form}: {what}; the judged ones count")
    if result.foreign[form]:
        result.notes.append(
            f"{form}: {result.foreign[form]} judgements in the copy of the repository are of other answers and not used"
        )
    if result.by[form]["nobody"]:
        what = "left out" if form == "captioning" else "counted as wrong"
        result.notes.append(f"{form}: {result.by[form]['nobody']} answers no rule reads and no judge saw, {what}")
