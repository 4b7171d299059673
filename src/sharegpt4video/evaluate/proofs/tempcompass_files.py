"""TempCompass' stored answers and judgements: any model's files in the official layouts, read liberally, item by item.

``predictions/MODEL/FORM.json`` and ``auto_eval_results/MODEL/FORM.json`` hold video -> aspect -> entries; lmms-eval's
``tempcompass_FORM.json`` holds a list of logs, its ``DATE_samples_tempcompass_FORM.jsonl`` one log per line. Fields
may have other names, answers may be null or lists, names of models may contain a slash, and forms or videos may be
missing (they are reported, never made up). A judgement with neither an answer nor a judge's reply counts by its rating.
Judgements found in a copy of the repository are used for predictions from elsewhere only under the same folder name,
and only if they judge the same answer. Two single folders, given as predictions and judgements, are a pair
whatever their names, and the judged answers count, as in the authors' script; questions without an entry are not
counted there either.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import InputMissing, SettingsError
from ...given import from_json, read_text
from ..base import Answer, Question
from ..tempcompass import FORMS

_JUDGED_FOLDERS = ("auto_eval_results", "judged", "auto_eval_results_disable_llm")
_ANSWER_KEYS = ("prediction", "response", "video-llm-prediction", "video_llm_prediction", "model_prediction", "pred")
_MORE_ANSWER_KEYS = ("output", "model_answer", "model_output", "generated", "text", "caption")
_RATING_KEYS = ("rating", "score", "correct", "acc", "accuracy")
_RIGHT_KEYS = ("gt-answer", "gt_answer", "answer", "gt", "ground_truth", "ground-truth")
_JUDGE_REPLY = re.compile(r"(chatgpt|gpt|llm|judge)[\w.-]*[-_](response|reply|output)$")
_JUDGE_CHOICE = re.compile(r"(chatgpt|gpt|llm|judge)[\w.-]*[-_]answer$")


@dataclass(frozen=True)
class Entry:
    """One item of a stored file.

    said          the model's answer; None if it is null or missing
    judge_reply   the whole reply of a judge; ``judge_choice`` the option that a judge chose for a caption
    """

    video: str
    aspect: str
    question: str = ""
    right: str = ""
    said: str | None = None
    rating: float | None = None
    judge_reply: str = ""
    judge_choice: str | None = None


Place = tuple[str, str]  # video, aspect


@dataclass
class Form:
    """One file: its entries by video and aspect, in order, and notes about oddities."""

    path: Path
    entries: dict[Place, list[Entry]] = field(default_factory=dict)
    oddities: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return sum(map(len, self.entries.values()))


@dataclass(frozen=True)
class StoredModel:
    """The files of one model: predictions and judgements, form -> file; a form may lack either.

    borrowed   the judgements were not given with the predictions, but found in a copy of the repository under the
               same name: they may be of another run, and hold for equal answers alone
    """

    name: str
    predictions: Mapping[str, Form]
    judged: Mapping[str, Form]
    borrowed: bool = False


def find_models(
    root: Path | None, predictions: Path | None = None, judged: Path | None = None
) -> Iterator[StoredModel]:
    """The models whose files are in a copy of the repository, or in folders of predictions and judgements.

    Each of the latter is the folder of one model or of several. Two single folders that are both given belong
    together, whatever their names; judgements found in ``root`` belong to the model of their name alone, and are
    ``borrowed`` by predictions from elsewhere. Where predictions or judgements are given, only models in them are
    meant. Raises SettingsError when nothing is found, a form has two files, or a file cannot be read.
    """
    borrowed = bool(predictions and not judged) and not _lies_in(predictions, root)
    answers = _models_in(predictions or _inside(root, ("predictions",)))
    ratings = _models_in(judged or _inside(root, _JUDGED_FOLDERS))
    if predictions and judged and len(answers) == len(ratings) == 1:
        ratings = {next(iter(answers)): next(iter(ratings.values()))}
    elif predictions and not judged:
        ratings = {name: forms for name, forms in ratings.items() if name in answers}
    elif judged and not predictions:
        answers = {name: forms for name, forms in answers.items() if name in ratings}
    if not answers and not ratings:
        looked = ", ".join(str(path) for path in (predictions or root, judged) if path)
        raise SettingsError(
            f"{looked or 'no folder was given'}: no TempCompass files found; wanted are FORM.json or MODEL/FORM.json "
            "in a folder given as predictions or as judgements, or in the folders predictions and "
            f"{_JUDGED_FOLDERS[0]} of a copy of the repository; FORM is one of {', '.join(FORMS)}"
        )
    for name in dict.fromkeys([*answers, *ratings]):
        own, rated = answers.get(name, {}), ratings.get(name, {})
        if borrowed:
            rated = {form: path for form, path in rated.items() if form in own}
        yield StoredModel(name, _read_all(own), _read_all(rated), borrowed)


def _lies_in(path: Path | None, root: Path | None) -> bool:
    return path is not None and root is not None and path.resolve().is_relative_to(root.resolve())


def _inside(root: Path | None, names: Sequence[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None) if root is not None else None


def _models_in(folder: Path | None) -> dict[str, dict[str, Path]]:
    if folder is None:
        return {}
    if not folder.is_dir():
        raise InputMissing(f"{folder}: not a folder; give one with FORM.json or MODEL/FORM.json")
    if own := _forms_in(folder):
        return {folder.name: own}
    # Names of models may have a slash, as those on the Hub do: ORGANISATION/MODEL/FORM.json.
    parts = {path: _forms_in(path) for path in _folders_in(folder)}
    empty = [path for path, forms in parts.items() if not forms]
    parts |= {path: _forms_in(path) for above in empty for path in _folders_in(above)}
    return {path.relative_to(folder).as_posix(): forms for path, forms in parts.items() if forms}


def _folders_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir()]


def _forms_in(folder: Path) -> dict[str, Path]:
    """The file of each form: the one of exactly its name, else the only candidate. Raises SettingsError."""
    known = {_bare(form): form for form in FORMS} | {"mc": FORMS[0], "yn": FORMS[1], "cm": FORMS[2], "cap": FORMS[3]}
    known["caption"] = FORMS[3]
    found: dict[str, list[Path]] = {form: [] for form in FORMS}
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.jsonl")]):
        found.get(known.get(_bare(path.stem), ""), []).append(path)
    chosen = {form: [path for path in paths if path.stem == form] or paths for form, paths in found.items()}
    for form, paths in chosen.items():
        if len(paths) > 1:
            names = ", ".join(path.name for path in paths)
            raise SettingsError(
                f"{folder}: {names} may each be the form {form!r}; call the one that counts {form}.json"
            )
    return {form: paths[0] for form, paths in chosen.items() if paths}


def _bare(name: str) -> str:
    return re.sub(r"[^a-z]", "", re.sub(r"samples_|tempcompass", "", name.lower()))


def _read_all(files: Mapping[str, Path]) -> dict[str, Form]:
    return {form: read_form(path) for form, path in files.items()}


def read_form(path: Path) -> Form:
    """One file of predictions or judgements. Raises SettingsError if it is neither."""
    try:
        text = read_text(path, "utf-8-sig")
        if path.suffix == ".jsonl":
            content: Any = [from_json(line) for line in text.split("\n") if line.strip()]
        else:
            content = from_json(text)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read as JSON: {error}") from error
    form = Form(path)
    for video, aspect, item in _items(content):
        video, aspect = re.sub(r"\.(mp4|jpg|webm|avi|mkv)$", "", str(video)), _aspect(aspect)
        if not isinstance(item, Mapping):
            item = {"prediction": item}
            form.oddities["entries that are no objects"] += 1
        entry = _entry(video, aspect, item, form.oddities)
        same = form.entries.setdefault((video, aspect), [])
        form.oddities["entries that are there more than once"] += entry.question != "" and entry in same
        same.append(entry)
    if not form.entries:
        raise SettingsError(f"{path}: holds no TempCompass items; wanted are video -> aspect -> list of entries")
    if form.oddities["entries without an answer"] == form.count and not any(
        entry.rating is not None for entries in form.entries.values() for entry in entries
    ):
        raise SettingsError(f"{path}: holds questions without any answer; give the folder of a model's predictions")
    return form


def _items(content: Any) -> Iterator[tuple[str, str, Any]]:
    """Every item with its video and aspect, from the official layout or a list of logs."""
    if isinstance(content, Mapping) and isinstance(content.get("logs"), Sequence):
        content = content["logs"]
    if isinstance(content, Mapping):
        for video, aspects in content.items():
            for aspect, items in aspects.items() if isinstance(aspects, Mapping) else ():
                listed = items if isinstance(items, list) else [items] if items is not None else []
                yield from ((video, aspect, item) for item in listed)
        return
    for log in content if isinstance(content, list) else ():
        if isinstance(log, Mapping):
            item = {**_mapping(log.get("doc")), **log, **_mapping(log.get("avg_accuracy"))}
            video, aspect = item.get("video_id", item.get("video")), item.get("dim", item.get("aspect"))
            if video is not None and aspect is not None:
                yield str(video), str(aspect), item


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _aspect(name: object) -> str:
    plain = str(name).strip().lower().replace(" ", "_").replace("-", "_")
    return {"attribute": "attribute_change", "event_order": "order"}.get(plain, plain)


def _entry(video: str, aspect: str, item: Mapping[str, Any], oddities: Counter[str]) -> Entry:
    said_key = next((key for key in (*_ANSWER_KEYS, *_MORE_ANSWER_KEYS) if key in item), None)
    if said_key is None:
        oddities["entries without an answer"] += 1
    reply = next((item[key] for key in item if _JUDGE_REPLY.search(str(key))), None)
    taken = next((item[key] for key in item if _JUDGE_CHOICE.search(str(key))), None)
    return Entry(
        video,
        aspect,
        question=str(item.get("question") or ""),
        right=str(next((item[key] for key in _RIGHT_KEYS if item.get(key) is not None), "")),
        said=_text(item[said_key] if said_key else None, oddities),
        rating=_rating(item, oddities),
        judge_reply=reply if isinstance(reply, str) else "",
        judge_choice=taken if isinstance(taken, str) else None,
    )


def _text(value: Any, oddities: Counter[str]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    oddities[f"answers that are a {type(value).__name__}"] += 1
    if isinstance(value, list):
        return _text(value[0], Counter()) if value else None
    if isinstance(value, Mapping):
        return _text(next((value[key] for key in ("text", "prediction", "content") if key in value), None), Counter())
    return str(value)


def _rating(item: Mapping[str, Any], oddities: Counter[str]) -> float | None:
    value = next((item[key] for key in _RATING_KEYS if item.get(key) is not None), None)
    if value is None:
        return None
    try:
        rating = float(value)
    except (TypeError, ValueError):
        oddities["ratings that are no number"] += 1
        return None
    if not -1 <= rating <= 1:
        oddities["ratings that are none of 1, 0 and -1, passed over"] += 1
        return None
    return rating


def partner(entries: Sequence[Entry], number: int, question: str) -> Entry | None:
    """The entry for a question: of the same number and text, else of the same text, else of the same number.

    The last is an entry for another wording, such as an earlier version of the questions; its own text says so.
    """
    here = entries[number] if number < len(entries) else None
    if here is None or (question and here.question and here.question != question):
        same = [entry for entry in entries if question and entry.question == question]
        return same[0] if same else here
    return here


def stored_answers(model: StoredModel, questions: Sequence[Question]) -> dict[str, Answer]:
    """A model's stored predictions as answers to these questions; a null is an empty answer."""
    found = {}
    for question in questions:
        form, video, aspect, number = question.id.split("/")
        files = model.predictions.get(form)
        entry = files and partner(files.entries.get((video, aspect), []), int(number), question.reference["question"])
        if entry:
            problem = "" if entry.said else "empty"
            found[question.id] = Answer(question.id, entry.said or "", model.name, problem)
    return found
