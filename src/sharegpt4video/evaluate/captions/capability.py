"""CAPability: thirteen views of a caption, each held against what people annotated (arXiv 2502.14914).

A judge says of each annotated element whether the caption has it right (1), says nothing of it (0), or has it wrong
(-1). Precision is the share of right ones among those that are not 0, recall among all, and the overall figures are
means over the views. Files and rules are facts of ali-vilab/CAPability (commit cebb82a); code and the words of all
prompts are ours, so a published figure needs the authors' own prompts and judge (GPT-4-Turbo).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import SettingsError
from ...given import read_json_lines
from ...vlm.base import Reply, Request
from ..base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Verdict, names_in
from ..figures import bounded, figure_of
from .replies import dictionary

JUDGE_TOKENS = 512
MOST_TRIES = 3


@dataclass(frozen=True)
class View:
    """One of the thirteen. ``kinds`` are the classes of a view that is classified, with what each means.

    asks   what the judge has to look for; ``silent`` when it is to give 0
    """

    title: str
    asks: str = ""
    silent: str = ""
    kinds: Mapping[str, str] | None = None
    moving: bool = False


_ANGLES = {
    "level angle": "shot at the height of the subject",
    "high angle": "shot from above",
    "low angle": "shot from below",
    "dutch angle": "tilted, so that the horizon is not level",
}
_MOVES = {
    "left": "turns or moves left",
    "right": "turns or moves right",
    "up": "tilts or moves up",
    "down": "tilts or moves down",
    "in": "moves towards the subject, or zooms in",
    "out": "moves away from the subject, or zooms out",
    "fixed": "hardly moves",
}
_STYLES = {
    "realistic": "true to life",
    "animated": "drawn or computer-generated, such as a cartoon",
    "special effect": "visual effects",
    "old-fashioned": "vintage or classical looks",
    "pixel art": "made of blocks",
    "sketch art": "rough lines",
    "abstract art": "shapes and colours without a subject",
    "impressionism art": "visible strokes, passing light",
    "cubism art": "geometric planes, several viewpoints",
}
VIEWS: Mapping[str, View] = {
    "object_category": View("Object category", "the object", "it names no objects at all"),
    "object_number": View("Object number", "the number of these objects", "it gives no number of them"),
    "object_color": View("Object colour", "the colour of this object", "it gives no colour of it"),
    "spatial_relation": View("Spatial relation", "the relation", "it does not relate these objects"),
    "scene": View("Scene", "the scene", "it names no scene at all"),
    "camera_angle": View("Camera angle", kinds=_ANGLES),
    "OCR": View("Text", "the text, letter by letter", "it does not mention that text"),
    "style": View("Style", kinds=_STYLES),
    "character_identification": View("Character", "the name", "it gives no names at all"),
    "dynamic_object_number": View(
        "Object number, video", "the number of these objects", "it gives no number of them", moving=True
    ),
    "action": View("Action", "the action", "it tells of no action at all", moving=True),
    "camera_movement": View("Camera movement", kinds=_MOVES, moving=True),
    "event": View("Event", "the event", "it tells nothing of that event", moving=True),
}
SEVERAL = "dynamic_object_number"
"""The view whose annotation has several elements, each of which is judged."""
MOVING = tuple(name for name, view in VIEWS.items() if view.moving)
_POINTS = "objects (names, numbers, colours and how they lie to each other), the scene, the style, any text, and names"
PROMPTS = {
    "video": f"Describe the video in detail, in one paragraph: all events and actions in order, the camera's movement "
    f"and its direction, {_POINTS} of characters that you know.",
    "image": f"Describe the image in detail, in one paragraph: {_POINTS} of characters that you know, and the camera's "
    "angle.",
}


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:  # noqa: ARG001
    """A question for each file and view, from ``annotations/VIEW.jsonl``.

    Unless ``options["tasks"]`` names others, the four views of videos; the other nine are of images. Raises
    SettingsError for an unknown view, and for a missing or damaged file.
    """
    folder = annotations / "annotations" if (annotations / "annotations").is_dir() else annotations
    for task in names_in(options.get("tasks") or MOVING):
        if task not in VIEWS:
            raise SettingsError(f"CAPability has no view {task!r}; it has {', '.join(VIEWS)}")
        for row in _rows(folder / f"{task}.jsonl"):
            yield Question(
                id=f"{task}/{row['file_id']}",
                video=str(row["file_path"]).removeprefix("data/"),
                text=PROMPTS[str(row["data_type"])],
                max_tokens=1024,
                groups={"view": VIEWS[task].title},
                reference={"task": task, "wanted": row["annotation"]},
            )


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        rows = read_json_lines(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: cannot be read as annotations of CAPability: {error}") from error
    needed = {"file_id", "file_path", "annotation", "data_type"}
    if wrong := [at for at, row in enumerate(rows, 1) if not isinstance(row, dict) or not needed <= set(row)]:
        raise SettingsError(f"{path}, line {wrong[0]}: has no {', '.join(sorted(needed))}")
    for at, row in enumerate(rows, 1):
        if row["data_type"] not in ("image", "video"):
            raise SettingsError(f"{path}, line {at}: data_type is {row['data_type']!r}, not image or video")
        if path.stem == SEVERAL and not (isinstance(row["annotation"], dict) and row["annotation"]):
            raise SettingsError(f"{path}, line {at}: the annotation is not an object of names and numbers")
    return rows


def score(question: Question, text: str, protocol: Protocol) -> Scoring:  # noqa: ARG001
    """The share of the elements that the caption has right; ``numbers`` counts all, those it speaks of, and right ones.

    An unreadable judgement is asked for again, then the caption is left out and counted. An empty caption speaks of
    nothing.
    """
    wanted = question.reference["wanted"]
    several = question.reference["task"] == SEVERAL
    each = [{name: number} for name, number in wanted.items()] if several else [wanted]
    marks: list[int] = []
    for element in each:
        found = 0 if not text.strip() else (yield from _judged(question.reference["task"], element, text))
        if isinstance(found, Verdict):
            return found
        marks.append(found)
    return replace(verdict_of(marks), unscored="" if text.strip() else "empty")


def verdict_of(marks: Sequence[int]) -> Verdict:
    """The verdict on marks of -1, 0 and 1."""
    right, spoken = sum(mark == 1 for mark in marks), sum(mark != 0 for mark in marks)
    numbers = {"all": float(len(marks)), "spoken": float(spoken), "right": float(right)}
    return Verdict(right / max(len(marks), 1), by="judge", numbers=numbers)


def _judged(task: str, wanted: Any, caption: str) -> Generator[Request, Reply | None, int | Verdict]:
    request = _request(task, wanted, caption)
    for _ in range(MOST_TRIES):
        reply = yield request
        if reply is None or reply.problem == "unavailable":
            return Verdict(0.0, "none", "unavailable" if reply else "no judge", counted=False)
        mark = mark_of(task, dictionary(reply.text) or {}, wanted)
        if mark is not None:
            return mark
        request = replace(request, reminder="it was not the JSON object that was asked for")
    return Verdict(0.0, "judge", "unparsed", counted=False)


def mark_of(task: str, judgement: Mapping[str, Any], wanted: Any) -> int | None:
    """The mark of a judgement: its ``score``, or whether the classes in ``pred`` have the right one; None for neither.

    As in the official script, N/A among the classes of a text is no class at all.
    """
    kinds = VIEWS[task].kinds
    if kinds is None:
        mark = judgement.get("score")
        mark = int(mark) if mark in ("-1", "0", "1") else mark
        return mark if isinstance(mark, int) and not isinstance(mark, bool) and mark in (-1, 0, 1) else None
    said = judgement.get("pred")
    if said == "N/A" or (isinstance(said, (str, list)) and "N/A" in said):
        return 0
    try:
        named = ast.literal_eval(said) if isinstance(said, str) else said
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        named = [said]
    if not isinstance(named, list) or not all(isinstance(name, str) and name in kinds for name in named):
        return None
    return 1 if wanted in named else -1


def _request(task: str, wanted: Any, caption: str) -> Request:
    view = VIEWS[task]
    if view.kinds is not None:
        kinds = "\n".join(f"- {name}: {meaning}" for name, meaning in view.kinds.items())
        rule = (
            f"Which of these does the caption state for the {view.title.lower()}? Do not infer it.\n{kinds}\nReply "
            'with JSON: {"pred": ["..."], "reason": "..."}, and with "N/A" for pred if it states none.'
        )
        return Request("judge", user_text=f"Caption:\n{caption}\n\n{rule}", max_tokens=JUDGE_TOKENS)
    told = f"{view.title}: {json.dumps(wanted, ensure_ascii=False)}"
    rule = (
        f"Does the caption have {view.asks} right, in whatever words? 1: yes. 0: {view.silent}. -1: otherwise, it is "
        'missing or wrong. Reply with JSON: {"score": 1, "reason": "..."}'
    )
    return Request("judge", user_text=f"Caption:\n{caption}\n\n{told}\n\n{rule}", max_tokens=JUDGE_TOKENS)


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:  # noqa: ARG001
    """F1, precision and recall in percent: means over the views, then each view's."""
    found: dict[str, Figure] = {}
    for view in VIEWS.values():
        part = [e for e in scored if e[0].groups["view"] == view.title and e[2].counted and "all" in e[2].numbers]
        if part:
            found |= _cells(view.title, part)
    names = [name for name in found if ", " not in name.removeprefix("Object number, video")]
    parts = {"": names, ", precision": names, ", recall": names}
    overall = {f"overall{end}": _mean([found[f"{name}{end}"] for name in each]) for end, each in parts.items() if each}
    return {**overall, **found}


def _cells(name: str, part: Sequence[Scored]) -> dict[str, Figure]:
    """Of one view. The interval of F1 = 2 right / (all + spoken) comes from how much each file moves it."""
    every, spoken, right = (sum(v.numbers[key] for _, _, v in part) for key in ("all", "spoken", "right"))
    videos = [question.video for question, _, _ in part]
    cells = {}
    for end, below, factor in (("", every + spoken, 2.0), (", precision", spoken, 1.0), (", recall", every, 1.0)):
        value = factor * right / below if below else 0.0
        moved = []
        for _, _, verdict in part:
            own = {"": ("all", "spoken"), ", precision": ("spoken",), ", recall": ("all",)}[end]
            away = factor * verdict.numbers["right"] - value * sum(verdict.numbers[key] for key in own)
            moved.append(value + (len(part) * away / below if below else 0.0))
        cells[f"{name}{end}"] = bounded(figure_of(moved, videos))
    return cells


def _mean(cells: Sequence[Figure]) -> Figure:
    """The plain mean over views, which are of different files."""
    value = sum(cell.value for cell in cells) / len(cells)
    below = sum((cell.value - cell.low) ** 2 for cell in cells) ** 0.5 / len(cells)
    above = sum((cell.high - cell.value) ** 2 for cell in cells) ** 0.5 / len(cells)
    return Figure(value, sum(cell.count for cell in cells), value - below, value + above)


CAPABILITY = Benchmark(
    name="capability",
    title="CAPability",
    source="arXiv 2502.14914; ali-vilab/CAPability",
    protocols=("strict",),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 16},
    items=11631,
    options=("tasks",),
    licence="academic research only; not to be passed on",
    get="ali-vilab/CAPability on GitHub (annotations/), lntzm/CAPability on the Hugging Face hub (videos and images)",
)
