"""Video-Bench: 13 sets, 17,036 multiple-choice questions (arXiv 2311.16103, PKU-YuanGroup/Video-Bench).

The public files have no answers: official scores come from a server that receives a file of chosen letters
(``write_submission``). If you have the answers, pass them as the option ``answers``. The prompt, the judge's texts and
the layouts are facts of that repository (README, ``Step2_chatgpt_judge.py``, ``Step3_merge_into_one_json.py``) and of
``llava/eval/video/vbench_utils.py`` in ShareGPT4Omni/ShareGPT4Video; the code is ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import SettingsError, StorageError
from ..files import write_whole
from ..given import read_json
from ..vlm.base import Reply, Request
from .base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Verdict, names_in
from .choice import LETTERS, chosen
from .figures import macro, mean_figure
from .mvbench import GRID_PREFIX, ONLY_THE_BEST, PREFILL, SYSTEM

SETS: Mapping[str, tuple[str, int]] = {
    "ActivityNet": ("video-exclusive understanding", 2000),
    "MSVD": ("video-exclusive understanding", 2000),
    "MSRVTT": ("video-exclusive understanding", 2000),
    "TGIF": ("video-exclusive understanding", 2107),
    "Youcook2": ("video-exclusive understanding", 2000),
    "Ucfcrime": ("video-exclusive understanding", 290),
    "MOT": ("video-exclusive understanding", 18),
    "TVQA": ("prior knowledge", 2000),
    "MV": ("prior knowledge", 1117),
    "NBA": ("prior knowledge", 686),
    "Driving-exam": ("decision-making", 36),
    "Driving-decision-making": ("decision-making", 780),
    "SQA3D": ("decision-making", 2002),
}
"""Set -> the paper's level of ability and how many questions the public files hold."""

_COUNTED = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
_JUDGE_SYSTEM = "As a language expert, please complete the following task."
_JUDGE_TEXT = (
    "You are now an answer selection expert, and I will provide you with a question with several options, as well as "
    "a target sentence. Please return the alphabet of the option with the highest probability of matching this target "
    "sentence. Given question with options and the target sequence:\n{given}"
)
_JUDGE_ORDER = (
    'Please output your responses in the form of a dictionary {"maximum probability":"xxx"}  '
    "where xxx is A or B or C or ..."
)


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:
    """The questions of all sets that are there, or of ``options["sets"]``; ``options["answers"]`` adds the answers.

    ``annotations`` is the folder of the ``*_QA_new.json`` files, or one that holds it as ``Eval_QA``. ``answers`` is a
    folder of files of the same names whose items have an ``answer``, or one file ``{set: {id: letter}}``. Files in
    the layout of the released scripts (a list of question, options, answer, task_split, video_path) are taken as well.
    Raises SettingsError for a missing or damaged file.
    """
    folder = annotations / "Eval_QA" if (annotations / "Eval_QA").is_dir() else annotations
    wanted = _wanted(options.get("sets"))
    found = [name for name in wanted if (folder / f"{name}_QA_new.json").exists()]
    if not found or (options.get("sets") and found != wanted):
        absent = [name for name in wanted if name not in found]
        raise SettingsError(f"{folder}: no {absent[0]}_QA_new.json; put the files of Video-Bench's Eval_QA there")
    for name in found:
        items = _read(folder / f"{name}_QA_new.json")
        if isinstance(items, list):
            yield from (_private(name, number, item) for number, item in enumerate(items))
            continue
        answers = _answers(options.get("answers"), name)
        for key, item in items.items():
            yield _question(name, str(key), item, answers.get(str(key), ""), protocol)


def _wanted(names: Any) -> list[str]:
    if not names:
        return list(SETS)
    asked = names_in(names)
    unknown = [name for name in asked if name not in SETS]
    if unknown:
        raise SettingsError(f"Video-Bench has no set {unknown}; it has {list(SETS)}")
    return asked


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read as a file of Video-Bench: {error}") from error


def _answers(source: Any, name: str) -> dict[str, str]:
    if not source:
        return {}
    path = Path(str(source))
    stored = _read(path / f"{name}_QA_new.json" if path.is_dir() else path)
    stored = stored.get(name, {}) if isinstance(stored, dict) and not path.is_dir() else stored
    if not isinstance(stored, dict):
        raise SettingsError(f"{path}: answers of {name} are an object: the id of a question, its letter")
    pairs = {str(key): row.get("answer", "") if isinstance(row, dict) else row for key, row in stored.items()}
    return {key: _letter(str(answer)) for key, answer in pairs.items() if answer}


def _letter(text: str) -> str:
    found = re.match(r"\s*\(?([A-Za-z])\b", text)
    return found[1].upper() if found else ""


def _question(name: str, key: str, item: Mapping[str, Any], answer: str, protocol: Protocol) -> Question:
    if not isinstance(item, Mapping) or not {"question", "choices", "vid_path"} <= set(item):
        raise SettingsError(f"{name}_QA_new.json: the question {key!r} has no question, choices and vid_path")
    letters = sorted(item["choices"])
    options = tuple(str(item["choices"][letter]) for letter in letters)
    if letters != list(LETTERS[: len(letters)]):
        raise SettingsError(f"{name}_QA_new.json: the choices of {key!r} are {letters}, not A, B, C ...")
    stated = str(item["question"])
    reference = {"key": key, "video_id": item.get("video_id"), "single_option": len(options) == 1}
    if protocol == "official":
        asked: dict[str, Any] = {"text": official_prompt(stated, options), "max_tokens": 128}
    else:
        lines = "\n".join(f"({LETTERS[number]}) {option}" for number, option in enumerate(options))
        asked = _asked_by_grid(stated, lines) if protocol == "original" else _asked(stated, lines)
    right = answer or _letter(str(item.get("answer", "")))
    return Question(
        id=f"{name}/{key}",
        video=str(item["vid_path"]),
        options=options,
        answer=right,
        groups={"set": name, "level": SETS[name][0]},
        reference=reference,
        stem=stated,
        right=letters.index(right) if right in letters else None,
        **asked,
    )


def official_prompt(question: str, options: Sequence[str]) -> str:
    """The question with its options in one line, as the README's script asks it; a single option is not shown."""
    if len(options) not in _COUNTED:
        return question
    listed = " ".join(f"{LETTERS[number]}.{option}" for number, option in enumerate(options))
    letters = ", ".join(LETTERS[: len(options)])
    # Spaces as in the script: six options have a heading, and five and three a space at the end.
    head = "Choices:" if len(options) == 6 else ""
    tail = " " if len(options) in (3, 5) else ""
    return (
        f"{question}{head} {listed} \n Among the {_COUNTED[len(options)]} options {letters} above, "
        f"the one closest to the correct answer is:{tail}"
    )


def _asked_by_grid(question: str, lines: str) -> dict[str, Any]:
    text = f" {GRID_PREFIX} Question: {question}\nOptions:\n {lines}".rstrip() + f" {ONLY_THE_BEST}"
    return {"text": text, "system": SYSTEM, "prefill": PREFILL, "max_tokens": 32}


def _asked(question: str, lines: str) -> dict[str, Any]:
    text = f"Question: {question}\nOptions:\n{lines}{ONLY_THE_BEST}"
    return {"text": text, "system": SYSTEM, "prefill": PREFILL, "max_tokens": 32}


def _private(name: str, number: int, item: Mapping[str, Any]) -> Question:
    """A question in the layout of the released scripts: its options are one text, its answer begins with the letter."""
    if not {"question", "options", "answer", "video_path"} <= set(item):
        raise SettingsError(f"{name}_QA_new.json: item {number} has no question, options, answer and video_path")
    return Question(
        id=f"{name}/{number}",
        video=str(item["video_path"]),
        answer=str(item["answer"]),
        groups={"set": str(item.get("task_split", name)), "level": SETS[name][0]},
        reference={"key": str(number), "private": True},
        **_asked_by_grid(str(item["question"]), str(item["options"])),
    )


def score(question: Question, text: str, protocol: Protocol) -> Scoring:
    """``official``: a judge says which letter a free answer is closest to; the others: the letter in the answer.

    Without a published answer, the verdict is not counted. The letter is kept as ``numbers["choice"]`` (0 is A), for
    ``write_submission``.
    """
    if not text.strip():
        return Verdict(0.0, unscored="empty", counted=bool(question.answer))
    if protocol == "official":
        return (yield from _judged(question, text))
    said = "(" + text.strip() if question.prefill.endswith("(") else text.strip()
    if protocol == "original":
        return _by_word(question, said)
    return _verdict(question, chosen(said, question.options or LETTERS))


def _verdict(question: Question, read: int | None) -> Verdict:
    counted = bool(question.answer)
    if read is None:
        return Verdict(0.0, unscored="unparsed", counted=counted)
    right = counted and LETTERS[read] == question.answer
    return Verdict(float(right), counted=counted, numbers={"choice": float(read)})


def _by_word(question: Question, said: str) -> Verdict:
    """The released rule: the first word must contain one of a-h, and contain or be part of the answer's first word."""
    word = said.lower().split(" ")[0]
    read = chosen(said, question.options or LETTERS)
    numbers = {} if read is None else {"choice": float(read)}
    if not any(known in word for known in "abcdefgh"):
        return Verdict(0.0, unscored="unparsed", counted=bool(question.answer))
    answer = question.answer.lower()
    wanted = answer.split(" ")[0] if question.reference.get("private") else f"({answer})"
    right = bool(answer) and (word.replace(".", "") in wanted or wanted in word)
    return Verdict(float(right), counted=bool(answer), numbers=numbers)


def _judged(question: Question, text: str) -> Scoring:
    given = str({"target sequcene": text, "question": question.text})  # the script's spelling
    # The script sends this as turns of an assistant and a user; a judge's request is one text.
    request = Request(
        "judge", user_text=f"{_JUDGE_TEXT.format(given=given)}\n{_JUDGE_ORDER}", system=_JUDGE_SYSTEM, max_tokens=64
    )
    reply = yield request
    counted = bool(question.answer)
    if reply is None:
        return Verdict(0.0, by="none", unscored="no judge", counted=counted)
    if reply.problem == "unavailable":
        return Verdict(0.0, by="none", unscored="unavailable", counted=counted)
    letter = _named(reply)
    if not letter or letter not in LETTERS[:6]:
        return Verdict(0.0, by="judge", unscored="unparsed", counted=counted)
    right = counted and letter == question.answer
    return Verdict(float(right), by="judge", counted=counted, numbers={"choice": float(LETTERS.index(letter))})


def _named(reply: Reply) -> str:
    found = re.search(r"maximum probability\W{0,6}([A-Za-z])\b", reply.text) or re.fullmatch(
        r"\W*([A-Za-z])\W*", reply.text
    )
    return found[1].upper() if found else ""


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:  # noqa: ARG001 - the same for all
    """Over all questions (as the released scripts do), then each set, then the mean of sets by level of ability.

    The leaderboard's weights are not published. Questions without an answer are left out.
    """
    counted = [entry for entry in scored if entry[2].counted and entry[0].answer]
    names = dict.fromkeys(question.groups["set"] for question, _, _ in counted)
    sets = {name: mean_figure([e for e in counted if e[0].groups["set"] == name]) for name in names}
    levels: dict[str, Figure] = {}
    for level in dict.fromkeys(level for level, _ in SETS.values()):
        members = [sets[name] for name in names if name in SETS and SETS[name][0] == level]
        if members:
            levels[f"mean of sets: {level}"] = macro(members)
    return {"overall": mean_figure(counted), **sets, **levels}


def submission(scored: Sequence[Scored]) -> dict[str, dict[str, dict[str, Any]]]:
    """The leaderboard's format: set -> id -> video, question, answer and chosen letter.

    Questions without a letter are left out, as the official scripts do; see how many before you send it.
    """
    sets: dict[str, dict[str, dict[str, Any]]] = {}
    for question, answer, verdict in scored:
        if "choice" not in verdict.numbers:
            continue
        sets.setdefault(question.groups["set"], {})[str(question.reference["key"])] = {
            "video_id": question.reference.get("video_id"),
            "question": question.text,
            "output_sequence": answer.text,
            "output_chatgpt_choice": LETTERS[int(verdict.numbers["choice"])],
        }
    return sets


def write_submission(scored: Sequence[Scored], path: Path) -> int:
    """Write ``submission`` as JSON and return its number of questions. Raises StorageError if it cannot be written."""
    sets = submission(scored)
    try:
        write_whole(path, json.dumps(sets, indent=2, ensure_ascii=False).encode("utf-8", "replace"))
    except OSError as error:
        raise StorageError(f"{path}: the file for the leaderboard cannot be written: {error}") from error
    return sum(len(rows) for rows in sets.values())


VIDEOBENCH = Benchmark(
    name="videobench",
    title="Video-Bench",
    source="arXiv 2311.16103; PKU-YuanGroup/Video-Bench",
    protocols=("strict", "official", "original"),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 16, "official": 16, "original": 16},
    layouts={"original": "grid"},
    items=17036,
    options=("sets", "answers"),
    licence="Apache-2.0",
    get="PKU-YuanGroup/Video-Bench on GitHub (Eval_QA/), LanguageBind/Video-Bench on the Hugging Face hub (videos)",
)
