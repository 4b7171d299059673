"""MVBench: 20 tasks of 200 multiple-choice questions each (arXiv 2311.17005, OpenGVLab/Ask-Anything).

Prompts and rules are facts of ``video_chat2/mvbench.ipynb`` there, of ``llava/eval/video`` in
ShareGPT4Omni/ShareGPT4Video and of ``lmms_eval/tasks/mvbench`` in EvolvingLMMs-Lab/lmms-eval; the code is ours.

Five tasks have bounds in seconds. One question's part has no length: its one frame is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from ..given import read_json
from . import choice
from .base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Unscored, Verdict, names_in
from .choice import LETTERS
from .figures import above_chance, chance, macro, mean_figure

SYSTEM = (
    "Carefully watch the video and pay attention to the cause and sequence of events, the detail and movement of "
    "objects, and the action and pose of persons. Based on your observations, select the best option that accurately "
    "addresses the question.\n"
)
GRID_PREFIX = (
    "The provided image arranges keyframes from a video in a grid view, keyframes are separated with white bands. "
    "Answer concisely with overall content and context of the video, highlighting any significant events, characters, "
    "or objects that appear throughout the frames."
)
ONLY_THE_BEST = "\nOnly give the best option."
PREFILL = "Best option:("
INSTANT_SECONDS = 1e-4
FOLDER_FPS = 3.0
"""Episodic Reasoning comes as folders of pictures, three a second, named from 00001.jpg on (see ``video.samplers``)."""


@dataclass(frozen=True)
class Task:
    """One of the twenty: its title, its file, the folder of its videos, and that of the clips cut by lmms-eval."""

    title: str
    file: str
    folder: str
    clips: str = ""
    bounded: bool = False


TASKS = (
    Task("Action Sequence", "action_sequence", "star/Charades_v1_480", "star/Charades_segment", True),
    Task("Action Prediction", "action_prediction", "star/Charades_v1_480", "star/Charades_segment", True),
    Task("Action Antonym", "action_antonym", "ssv2_video", "ssv2_video_mp4"),
    Task("Fine-grained Action", "fine_grained_action", "Moments_in_Time_Raw/videos"),
    Task("Unexpected Action", "unexpected_action", "FunQA_test/test"),
    Task("Object Existence", "object_existence", "clevrer/video_validation"),
    Task("Object Interaction", "object_interaction", "star/Charades_v1_480", "star/Charades_segment", True),
    Task("Object Shuffle", "object_shuffle", "perception/videos"),
    Task("Moving Direction", "moving_direction", "clevrer/video_validation"),
    Task("Action Localization", "action_localization", "sta/sta_video", "sta/sta_video_segment", True),
    Task("Scene Transition", "scene_transition", "scene_qa/video"),
    Task("Action Count", "action_count", "perception/videos"),
    Task("Moving Count", "moving_count", "clevrer/video_validation"),
    Task("Moving Attribute", "moving_attribute", "clevrer/video_validation"),
    Task("State Change", "state_change", "perception/videos"),
    Task("Fine-grained Pose", "fine_grained_pose", "nturgbd", "nturgbd_convert"),
    Task("Character Order", "character_order", "perception/videos"),
    Task("Egocentric Navigation", "egocentric_navigation", "vlnqa"),
    Task("Episodic Reasoning", "episodic_reasoning", "tvqa/frames_fps3_hq", "tvqa/video_fps3_hq_segment", True),
    Task("Counterfactual Inference", "counterfactual_inference", "clevrer/video_validation"),
)


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:
    """The questions of all tasks, or of those named in ``options["tasks"]``, in the order of the official list.

    ``annotations`` is the folder with the twenty JSON files, or one that holds it as ``json``, as the release does.
    Raises SettingsError for a file that is missing or damaged, or an unknown task.
    """
    for task in _wanted(options.get("tasks")):
        for number, item in enumerate(_items(annotations, task)):
            yield _question(task, number, item, protocol)


def _wanted(names: Any) -> list[Task]:
    if not names:
        return list(TASKS)
    plain = {name.lower().replace(" ", "_").replace("-", "_") for name in names_in(names)}
    unknown = plain - {task.file for task in TASKS}
    if unknown:
        raise SettingsError(f"MVBench has no task {sorted(unknown)}; it has {[task.file for task in TASKS]}")
    return [task for task in TASKS if task.file in plain]


def _items(annotations: Path, task: Task) -> list[dict[str, Any]]:
    path = annotations / f"{task.file}.json"
    if not path.exists():
        path = annotations / "json" / f"{task.file}.json"
    try:
        items = read_json(path)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path}: cannot be read as the MVBench task {task.title!r}; put the 20 JSON files of the release there, "
            f"or choose tasks: {error}"
        ) from error
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise SettingsError(f"{path}: an MVBench file is a list of questions")
    return items


def _question(task: Task, number: int, item: Mapping[str, Any], protocol: Protocol) -> Question:
    name = f"{task.file}/{number}"
    cut = protocol == "lmms-eval" and task.clips
    bounds = ("start", "end") if task.bounded and not cut else ()
    missing = [key for key in ("video", "question", "candidates", "answer", *bounds) if key not in item]
    if missing or item["answer"] not in item["candidates"]:
        what = f"no {', '.join(missing)}" if missing else "its answer is not among its candidates"
        raise SettingsError(f"{name}: {what}; is this a file of MVBench?")
    candidates = tuple(str(option) for option in item["candidates"])
    start, end = (float(item["start"]), float(item["end"])) if bounds else (None, None)
    reference: dict[str, Any] = {"single_option": len(candidates) == 1}
    if task.file == "episodic_reasoning" and not cut:
        reference["folder_fps"] = FOLDER_FPS
    return Question(
        id=name,
        video=f"{task.clips if cut else task.folder}/{item['video']}",
        options=candidates,
        answer=LETTERS[candidates.index(str(item["answer"]))],
        groups={"task": task.title},
        start_seconds=start,
        # One real question asks about an instant: its end is moved by so little that no other frame becomes nearer.
        end_seconds=end if start != end or start is None else start + INSTANT_SECONDS,
        reference=reference,
        stem=str(item["question"]),
        right=candidates.index(str(item["answer"])),
        **_asked(str(item["question"]), candidates, protocol),
    )


def _asked(question: str, candidates: Sequence[str], protocol: Protocol) -> dict[str, Any]:
    """Question, system prompt, prefill and token limit, by protocol."""
    lines = "".join(f"({LETTERS[number]}) {option}\n" for number, option in enumerate(candidates))
    if protocol == "lmms-eval":
        return {"text": f"Question:{question}\nOption:\n{lines}Only give the best option.\n", "max_tokens": 16}
    # The released notebook strips the end of the whole question, so of its last option too.
    text = f"Question: {question}\nOptions:\n{lines}".rstrip()
    if protocol == "original":
        text = f" {GRID_PREFIX} {text} {ONLY_THE_BEST}"  # the released conversation joins its parts by spaces
        return {"text": text, "system": SYSTEM, "prefill": PREFILL, "max_tokens": 32}
    # The notebook repeats the system text before the question (``system_llm``) and ends the turn with a line feed.
    text = f"{SYSTEM}{text}{ONLY_THE_BEST}\n"
    return {"text": text, "system": SYSTEM, "prefill": PREFILL, "max_tokens": 100}


def is_right(prediction: str, letter: str, answer: str, protocol: Protocol) -> bool:
    """Whether a whole prediction (with the ``(`` that the scripts put in front) counts as the option ``letter``.

    ``answer`` is the text of that option. ``official`` looks only at the first word, and also accepts any *part* of
    ``(a)``: "", "(" and ")" are right for every question. ``original`` also requires one of a-g in it.
    """
    if protocol == "lmms-eval":
        return _by_harness(prediction) == letter
    word = prediction.lower().split(" ")[0]
    wanted = f"({letter.lower()}) {answer.lower()}".split(" ")[0]
    if protocol == "original" and not any(known in word for known in "abcdefg"):
        return False
    return word.replace(".", "") in wanted or wanted in word


_MARKS = (";", "/", "[", "]", '"', "{", "}", "(", ")", "=", "+", "\\", "_", "-", ">", "<", "@", "`", ",", "?", "!")
_MOST_STOPS = 32


def _by_harness(prediction: str) -> str:
    """Parse as lmms-eval does: a leading ``B. text``, else the first single a-e, even the article "a"."""
    listed = re.match(r"^([A-E])\.\s*(.+)$", prediction.strip(), re.IGNORECASE)
    if listed:
        return listed[1].upper()
    text = prediction.replace("\n", " ").replace("\t", " ").strip()
    number_comma = re.search(r"\d,\d", text) is not None
    cleaned = text
    for mark in _MARKS:
        dropped = f"{mark} " in text or f" {mark}" in text or number_comma
        cleaned = cleaned.replace(mark, "" if dropped else " ")
    # lmms-eval passes a flag where ``re.sub`` takes a count, so only the first 32 full stops are removed.
    cleaned = re.sub(r"\.(?!\d)", "", cleaned, count=_MOST_STOPS)
    cleaned = cleaned.strip("'").strip('"').strip(")").strip("(").strip().lower()
    alone = re.search(r"\b([a-e])\b", cleaned)
    return alone[1].upper() if alone else cleaned


def score(question: Question, text: str, protocol: Protocol) -> Scoring:
    """Right or wrong by the protocol's rule; no judge is needed.

    ``text`` is what the model added to ``Best option:(``. Only ``lmms-eval`` leaves empty answers out.
    """
    verdict = _verdict(question, text, protocol)
    return verdict
    yield  # a role is a generator, also one that never asks


def _verdict(question: Question, text: str, protocol: Protocol) -> Verdict:
    said = text.strip()
    if protocol == "official":
        said = said.split("\n")[0]
    if question.prefill.endswith("("):
        said = f"({said}"
    return judged(said, question, protocol)


def judged(prediction: str, question: Question, protocol: Protocol) -> Verdict:
    """The score of a whole prediction, as the scripts store it: with the ``(`` they put in front."""
    read = choice.chosen(prediction, question.options)
    problem: Unscored = "" if read is not None else "unparsed" if prediction.strip("( \n") else "empty"
    if protocol == "strict":
        return Verdict(float(read is not None and LETTERS[read] == question.answer), unscored=problem)
    # What no rule could read stays marked, whichever way the protocol counts it.
    answer = question.options[LETTERS.index(question.answer)]
    right = is_right(prediction, question.answer, answer, protocol)
    return Verdict(float(right), unscored=problem, counted=protocol != "lmms-eval" or prediction != "")


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:
    """The overall accuracy, each task's, the accuracy of guessing, and the score on a scale from guessing to perfect.

    All tasks are of one size, so their mean is that of all questions. lmms-eval leaves questions out and takes the
    mean of the tasks.
    """
    counted = [entry for entry in scored if entry[2].counted]
    by_task = {task.title: [e for e in counted if e[0].groups["task"] == task.title] for task in TASKS}
    cells = {name: mean_figure(entries) for name, entries in by_task.items() if entries}
    # The notebook's files do not name the tasks, so their mean is unknown.
    overall = macro(cells.values()) if protocol == "lmms-eval" and cells else mean_figure(counted)
    found = {"overall": overall, **cells}
    if any(question.reference.get("options_unknown") for question, _, _ in counted):
        return found  # result files hold only the right option, so chance is unknown
    level = chance(question for question, _, _ in counted)
    if level is not None:
        found["without single-option questions"] = mean_figure(e for e in counted if len(e[0].options) > 1)
        found["chance"] = Figure(level, len(counted), level, level)
        found["above chance"] = above_chance(overall, level)
    return found


MVBENCH = Benchmark(
    name="mvbench",
    title="MVBench",
    source="arXiv 2311.17005; OpenGVLab/Ask-Anything video_chat2/mvbench.ipynb",
    protocols=("strict", "official", "original", "lmms-eval"),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 16, "official": 16, "original": 16, "lmms-eval": 16},
    layouts={"original": "grid"},
    items=4000,
    options=("tasks",),
    licence="annotations MIT; the videos come under the terms of their eleven sources",
    get="OpenGVLab/MVBench on the Hugging Face hub (json/ and video/)",
)
