"""TempCompass scores out of stored files: our rules on the stored answers, then the stored judge where they end."""

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
    rules_alone  accuracy of what the rules can read, all else wrong; captions are not in it
    by           form -> how many items were decided by a rule, the judge's stored reply, its stored rating, ...
    agreed       form -> what was compared with the stored rating -> (equal, compared)
    notes        what the files lack or have too much of, in words
    foreign      form -> how many borrowed judgements are of other answers, and not used
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
"""Video, aspect, number, question and right answer of an item that there should be."""


@dataclass(frozen=True)
class _Item:
    question: Question
    prediction: Entry | None
    judgement: Entry | None
    other_wording: bool


def replay(stored: StoredModel, annotations: Path | None, captions: str = "auto") -> Replayed:
    """Score a model's stored files by the official protocol.

    With the questions (``annotations``), every item is looked for and its right answer is theirs; without, the files
    alone say what was asked. A caption is rated by the option that its judge took from it. ``captions`` says how they
    would be cut (``auto`` goes by the model's name), to tell whether the judged ones are those predicted.
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
    """Score one form into ``result``; what the rules alone make of it comes back, nothing for captions."""
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
    """The item with the judgement of its own answer: a borrowed one may be of what another run answered.

    Where both were given together, the judged answer counts as in the authors' script, and differences are tallied.
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
    """Every item that there should be: of the questions, else of the files."""
    if annotations is not None:
        folder = annotations / "questions" if (annotations / "questions").is_dir() else annotations
        for video, aspect, number, item in entries(read_questions(folder, form)):
            yield video, aspect, number, item["question"], item["answer"]
        return
    places: dict[tuple[str, str], list[Entry]] = {}
    for files in (stored.judged, stored.predictions):  # what was predicted says most about what was asked
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
        if own is not None and differs:  # what was asked of the model is what it is scored by
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
    """What decides an item: no answer, a rule, the judge's stored words, its stored rating; or nothing."""
    judgement = item.judgement
    rated = judgement.rating if judgement else None
    said = _said(item)
    if said is None and not rated and not (judgement and judgement.judge_choice):
        result.by[form]["no answer"] += 1
        # Captions that no judge saw are left out, all alike: counting the empty ones alone would count only wrong ones.
        return Verdict(0.0, "none", "empty", counted=form != "captioning" or judgement is not None)
    right = None if form == "captioning" or said is None else read_choice(item.question, choice.plain(said), "official")
    if right is not None:
        return _decided(right, "rule", rated, form, result)
    judged = _judged(judgement, form) if judgement else None
    if judged is not None:
        return _decided(judged, "judge", rated, form, result)
    if rated is not None:  # -1 is what the official script notes, and adds, for a judge that failed
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
    """The judge's stored words, read again; None where there are none."""
    if form != "captioning":
        return choice.judged_correct(judgement.judge_reply) if judgement.judge_reply else None
    taken = judgement.judge_choice
    if taken is None and judgement.judge_reply:
        taken = chosen_from_caption(judgement.judge_reply)
    return choice.judged_caption(taken, judgement.right) if taken is not None and judgement.right else None


def _said(item: _Item) -> str | None:
    """What was judged; what was predicted where nothing was."""
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
