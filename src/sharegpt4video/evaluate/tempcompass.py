"""TempCompass: 7 540 questions about time in 410 videos, in four forms (arXiv 2403.00476, llyx97/TempCompass).

Rules parse the answer first; a judge decides what they cannot parse. Captions are judged by whether they answer the
multiple-choice question of their video. Prompts and rules are facts of that repository (commit e1b4631), of
``llava/eval/model_vqa_tempcompass.py`` in ShareGPT4Omni/ShareGPT4Video and of lmms-eval; the code is ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..given import read_json
from ..vlm.base import Reply, Request
from . import choice
from .base import (
    Benchmark,
    Figure,
    Protocol,
    Question,
    Scored,
    Scoring,
    StoredAnswers,
    Unscored,
    Verdict,
    names_in,
)
from .figures import by_group, mean_figure
from .local_judge import LocalJudge
from .tempcompass_prompts import (
    CAPTION_CUTS,
    JUDGE_SYSTEM,
    JUDGE_TOKENS,
    caption_prompt,
    choice_prompt,
    chosen_from_caption,
    cut_for,
)

FORMS = ("multi-choice", "yes_no", "caption_matching", "captioning")
ASPECTS = ("action", "direction", "speed", "order", "attribute_change")
ITEMS = {"multi-choice": 1580, "yes_no": 2453, "caption_matching": 1503, "captioning": 2004}

SUFFIXES = {
    "multi-choice": "\nPlease directly give the best option:",
    "yes_no": "\nPlease answer yes or no:",
    "caption_matching": "\nPlease directly give the best option:",
    "captioning": "",
}
OLD_SUFFIX = "\nBest Option:"
"""The suffix of multiple-choice and caption-matching questions until 2024-03-23."""

GRID_PREFIX = (
    "The provided image arranges keyframes from a video in a grid view, keyframes are separated with white bands. "
    "Answer concisely with overall content and context of the video, highlighting any significant events, characters, "
    "or objects that appear throughout the frames. Question: "
)


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:
    """The questions of a folder with ``questions/`` (or the four files themselves) and ``meta_info.json``.

    Options: ``forms`` (some of the four), ``old_suffix`` (the wording before 2024-03-23), ``captions`` (how captions
    are cut before judging: ``plain``, ``last-line``, ``quoted``), ``model`` (cut captions as the authors do for it).
    Without ``meta_info.json`` the fine-grained aspects are left out. Raises SettingsError for a file that is missing
    or damaged, and for an unknown form or cut.
    """
    forms, cut = _read_options(options)
    folder = annotations / "questions" if (annotations / "questions").is_dir() else annotations
    details = read_details(annotations)
    files = {form: read_questions(folder, form) for form in forms}
    choices = read_questions(folder, "multi-choice") if "captioning" in forms else {}
    for form in forms:
        suffix = OLD_SUFFIX if options.get("old_suffix") and SUFFIXES[form].endswith("option:") else SUFFIXES[form]
        for video, aspect, number, item in entries(files[form]):
            reference: dict[str, Any] = {"question": item["question"]}
            if form == "captioning":
                asked = _choice_of(choices, video, aspect, folder)
                reference |= {"choice": asked["question"], "choice_answer": asked["answer"], "cut": cut}
            text = item["question"] + suffix
            lines = ["yes", "no"] if form == "yes_no" else item["question"].split("\n")[1:]
            yield Question(
                id=f"{form}/{video}/{aspect}/{number}",
                video=f"{video}.mp4",
                text=GRID_PREFIX + text if protocol == "original" else text,
                max_tokens=128,
                options=_options(form, item["question"]),
                answer=item["answer"],
                groups=groups_of(form, video, aspect, details),
                reference=reference,
                stem="" if form == "captioning" else item["question"].split("\n")[0],
                right=lines.index(item["answer"]) if form != "captioning" and item["answer"] in lines else None,
            )


def groups_of(form: str, video: str, aspect: str, details: Mapping[str, Any]) -> dict[str, str]:
    """The groups of an item; ``detail`` is the fine-grained aspect from ``meta_info.json``."""
    groups = {"format": form, "aspect": aspect}
    entry = (details.get(video) or {}).get("eval_dim", {}).get(aspect)
    if aspect == "order":
        groups["detail"] = "order"
    elif isinstance(entry, Mapping) and isinstance(entry.get("type"), str):
        groups["detail"] = entry["type"]
    return groups


def read_questions(folder: Path, form: str) -> dict[str, Any]:
    """One of the four files: video -> aspect -> questions. Raises SettingsError."""
    path = folder / f"{form}.json"
    try:
        content = read_json(path)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path}: cannot be read as the TempCompass questions {form!r}; put the folder `questions` and "
            f"`meta_info.json` of github.com/llyx97/TempCompass there: {error}"
        ) from error
    if not isinstance(content, dict):
        raise SettingsError(f"{path}: a TempCompass file is an object of videos, not a {type(content).__name__}")
    return content


def read_details(annotations: Path) -> dict[str, Any]:
    """``meta_info.json``, in the folder or its parent; {} if missing. Raises SettingsError if damaged."""
    for path in (annotations / "meta_info.json", annotations.parent / "meta_info.json"):
        if path.is_file():
            try:
                content = read_json(path)
            except (OSError, ValueError) as error:
                raise SettingsError(f"{path}: cannot be read as TempCompass' meta information: {error}") from error
            return content if isinstance(content, dict) else {}
    return {}


def entries(content: Mapping[str, Any]) -> Iterator[tuple[str, str, int, dict[str, str]]]:
    """Every question of a file: video, aspect, number, and the question with its answer. Raises SettingsError."""
    for video, aspects in content.items():
        for aspect, items in aspects.items():
            for number, item in enumerate(items):
                if not isinstance(item.get("question"), str) or not isinstance(item.get("answer"), str):
                    raise SettingsError(f"TempCompass {video}/{aspect}/{number}: has no question and answer in words")
                yield video, aspect, number, item


def _read_options(options: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    wanted = options.get("forms") or FORMS
    forms = tuple(names_in(wanted))
    if strange := [form for form in forms if form not in FORMS]:
        raise SettingsError(f"TempCompass has no questions of the form {', '.join(strange)}; it has {', '.join(FORMS)}")
    cut = str(options.get("captions") or cut_for(str(options.get("model") or "")))
    if cut not in CAPTION_CUTS:
        raise SettingsError(f"unknown way to cut captions: {cut!r}; choose from: {', '.join(CAPTION_CUTS)}")
    return forms, cut


def _choice_of(choices: Mapping[str, Any], video: str, aspect: str, folder: Path) -> dict[str, str]:
    """The multiple-choice question that captions are judged by: the first of the same video and aspect."""
    try:
        item: dict[str, str] = choices[video][aspect][0]
    except (KeyError, IndexError, TypeError):
        raise SettingsError(
            f"{folder}: captions about {aspect} in {video} have no multiple-choice question to be judged by"
        ) from None
    return item


def _options(form: str, question: str) -> tuple[str, ...]:
    if form == "yes_no":
        return ("yes", "no")
    if form == "captioning":
        return ()
    lines = question.split("\n")[1:]
    mark = ". " if form == "multi-choice" else ": "
    return tuple(line.split(mark, 1)[1] if mark in line else line for line in lines)


def score(question: Question, text: str, protocol: Protocol) -> Scoring:
    """Right or wrong: by the protocol's rule, else by the judge; captions always by the judge.

    Without a judge, an answer that no rule can parse is wrong (as with the official ``--disable_llm``) and a caption
    is left out. ``strict`` counts empty answers as wrong without asking.
    """
    said = text if protocol == "lmms-eval" else choice.plain(text)
    empty: Unscored = "" if said.strip() else "empty"
    if protocol == "strict" and empty:
        return Verdict(0.0, "rule", "empty")
    if question.groups["format"] == "captioning":
        return (yield from _score_caption(question, said, protocol, empty))
    right = read_choice(question, said, protocol)
    if right is not None:
        return Verdict(float(right), "rule", empty)
    prompt = choice_prompt(question.groups["format"], question.reference["question"], question.answer, said, protocol)
    reply = yield _to_judge(question, prompt)
    judged = choice.judged_correct(reply.text.strip()) if reply is not None else None
    if reply is None or judged is None:
        return Verdict(0.0, "none", empty or ("unparsed" if reply is None or not reply.problem else "no judge"))
    return Verdict(float(judged), "judge", empty)


def read_choice(question: Question, said: str, protocol: Protocol) -> bool | None:
    """Apply the rules of a protocol alone: right, wrong, or None if they cannot tell."""
    form, asked, answer = question.groups["format"], question.reference["question"], question.answer
    if protocol == "strict":
        return _read_strictly(form, said, asked, answer)
    if form == "multi-choice":
        return choice.tempcompass_multi_choice(said, answer)
    if form == "yes_no":
        return choice.tempcompass_yes_no(said, answer)
    return choice.tempcompass_caption_matching(said, asked, answer)


def _read_strictly(form: str, said: str, asked: str, answer: str) -> bool | None:
    if form == "yes_no":
        said_yes = choice.yes_or_no(said)
        return None if said_yes is None else said_yes == (answer == "yes")
    lines = asked.split("\n")[1:]
    found = (
        choice.matched_caption(said, asked) if form != "multi-choice" else choice.chosen(said, _options(form, asked))
    )
    return None if found is None else lines[found] == answer


def _score_caption(question: Question, said: str, protocol: Protocol, empty: Unscored) -> Scoring:
    caption = CAPTION_CUTS[question.reference["cut"]](said)
    reply: Reply | None = yield _to_judge(question, caption_prompt(caption, question.reference["choice"], protocol))
    if reply is None:
        return Verdict(0.0, "none", "no judge", counted=False)
    if not reply.text.strip():
        return Verdict(0.0, "none", "no judge")
    right = choice.judged_caption(chosen_from_caption(reply.text.strip()), question.reference["choice_answer"])
    return Verdict(float(right), "judge", empty)


def _to_judge(question: Question, prompt: str) -> Request:
    return Request("judge", video=question.video, user_text=prompt, system=JUDGE_SYSTEM, max_tokens=JUDGE_TOKENS)


def figures(scored: Sequence[Scored], protocol: Protocol) -> dict[str, Figure]:  # noqa: ARG001 - all count alike
    """Every cell of the leaderboard: overall and aspects over all forms (micro), then form by form with its aspects."""
    cells = {"overall": mean_figure(scored)}
    cells |= _ordered(by_group(scored, "aspect"), ASPECTS)
    for form in FORMS:
        part = [one for one in scored if one[0].groups["format"] == form]
        if part:
            cells[form] = mean_figure(part)
            cells |= {f"{form} / {name}": cell for name, cell in _ordered(by_group(part, "aspect"), ASPECTS).items()}
            cells |= {f"{form} / {name}": cell for name, cell in _details(part).items()}
    return cells | {f"all forms / {name}": cell for name, cell in _details(scored).items()}


def _details(scored: Sequence[Scored]) -> dict[str, Figure]:
    return {name: cell for name, cell in by_group(scored, "detail").items() if name != "order"}


def _ordered(cells: Mapping[str, Figure], names: Sequence[str]) -> dict[str, Figure]:
    known = {name: cells[name] for name in names if name in cells}
    return known | {name: cell for name, cell in cells.items() if name not in known}


def stored(predictions: Path) -> StoredAnswers:
    """The answers of one model in the official layout: FORM.json, or MODEL/FORM.json for a single model.

    Raises SettingsError when there are none, several models, or a file that cannot be read.
    """
    from .proofs.tempcompass_files import find_models, stored_answers

    models = list(find_models(None, predictions))
    if len(models) != 1:
        names = ", ".join(model.name for model in models)
        raise SettingsError(f"{predictions}: holds several models ({names}); give one's folder")
    model = models[0]
    return StoredAnswers(model.name, lambda questions: stored_answers(model, questions), {"model": model.name})


TEMPCOMPASS = Benchmark(
    name="tempcompass",
    title="TempCompass",
    source="arXiv 2403.00476; github.com/llyx97/TempCompass",
    protocols=("official", "original", "lmms-eval", "strict"),
    load=load,
    score=score,
    figures=figures,
    frames={"official": 16, "original": 16, "lmms-eval": 16, "strict": 16},
    samplers={"official": "uniform", "original": "tempcompass", "lmms-eval": "uniform", "strict": "uniform"},
    layouts={"original": "grid"},
    grid_sides={"original": None},
    items=sum(ITEMS.values()),
    options=("forms", "old_suffix", "captions", "model"),
    licence="CC BY-NC 4.0",
    get="github.com/llyx97/TempCompass; its videos: huggingface.co/datasets/lmms-lab/TempCompass",
    stored=stored,
    local_judge=LocalJudge,
)
