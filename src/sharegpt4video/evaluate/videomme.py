"""Video-MME: 900 videos of three durations, 2,700 questions with four options (arXiv 2405.21075).

Prompt, extraction and layout of results are facts of BradyFU/Video-MME (README; scorer in its history, commit 4e7566d)
and of thanku-all/parse_answer (the scorer it points to now), and of ``lmms_eval/tasks/videomme``; the code is ours.
The scorer of prediction files is in ``videomme_files``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ..errors import SettingsError
from ..given import open_file, read_json, read_text
from . import choice
from .base import Benchmark, Figure, Protocol, Question, Scored, Scoring, Verdict, names_in
from .figures import mean_figure

DURATIONS = ("short", "medium", "long")
DOMAINS = (
    "Knowledge",
    "Film & Television",
    "Sports Competition",
    "Artistic Performance",
    "Life Record",
    "Multilingual",
)
SUB_CATEGORIES = (
    *("Humanity & History", "Literature & Art", "Biology & Medicine", "Finance & Commerce", "Astronomy", "Geography"),
    *("Law", "Life Tip", "Technology", "Animation", "Movie & TV Show", "Documentary", "News Report", "Esports"),
    *("Basketball", "Football", "Athletics", "Other Sports", "Stage Play", "Magic Show", "Variety Show", "Acrobatics"),
    *("Handicraft", "Food", "Fashion", "Daily Life", "Travel", "Pet & Animal", "Exercise", "Multilingual"),
)
TASK_TYPES = (
    *("Temporal Perception", "Spatial Perception", "Attribute Perception", "Action Recognition", "Object Recognition"),
    *("OCR Problems", "Counting Problem", "Temporal Reasoning", "Spatial Reasoning", "Action Reasoning"),
    *("Object Reasoning", "Information Synopsis"),
)

ORDER = (
    "Select the best answer to the following multiple-choice question based on the video. Respond with only the "
    "letter (A, B, C, or D) of the correct option."
)
HARNESS_ORDER = ORDER.replace("based on the video.", "based on the video and the subtitles.")
ENDING = "The best answer is:"
HARNESS_ENDING = "\nAnswer with the option's letter from the given choices directly."
SUBTITLES = "This video's subtitles are listed below:"

Revision = Literal["current", "2024-06-03"]
"""Of the official scorer: the one that the repository points to now, or the one that it held at first."""

# Both lists lack two commas, so two pairs of prefixes are joined into texts that nobody writes.
_PREFIXES_2024_06_03 = (
    *("The best answer is", "The correct answer is", "The answer is", "The answer"),
    *("The best option isThe correct option is", "Best answer:Best option:"),
)
_PREFIXES = (*_PREFIXES_2024_06_03, "Answer:", "Option:", "The correct answer", "The correct option")

Rows = Sequence[Mapping[str, Any]]


def load(annotations: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:
    """The 2,700 questions, in the order of the file; ``options["durations"]`` takes some of short, medium, long.

    ``annotations`` is the released parquet file, the folder that holds it, or a JSON file in the layout of official
    results. ``options["subtitles"]`` is the folder of the ``.srt`` files: the lines on screen at the times of the shown
    frames then precede the question. Raises SettingsError for a missing or damaged file.
    """
    durations = durations_named(options.get("durations"))
    folder = Path(str(options["subtitles"])) if options.get("subtitles") else None
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"{folder}: no folder of subtitles; unpack subtitle.zip of the release, or leave them out")
    for row in _rows(annotations):
        if row["duration"] in durations:
            yield _question(row, protocol, folder)


def durations_named(names: Any) -> list[str]:
    """Some of short, medium and long, from a list or a comma-separated text; all by default. Raises SettingsError."""
    asked = names_in(names) if names else list(DURATIONS)
    unknown = [name for name in asked if name not in DURATIONS]
    if unknown:
        raise SettingsError(f"Video-MME has no duration {unknown}; it has {list(DURATIONS)}")
    return asked


def _rows(annotations: Path) -> Rows:
    path = annotations
    if annotations.is_dir():
        found = sorted([*annotations.glob("*.parquet"), *annotations.glob("videomme/*.parquet")])
        if len(found) != 1:
            raise SettingsError(
                f"{annotations}: holds {len(found)} parquet files, expected the one of Video-MME "
                "(test-00000-of-00001.parquet); give the file itself"
            )
        path = found[0]
    rows = _json_rows(path) if path.suffix == ".json" else _parquet_rows(path)
    needed = {"question_id", "duration", "domain", "sub_category", "task_type", "question", "options", "answer"}
    missing = sorted(needed - set(rows[0])) if rows else ["rows"]
    if missing:
        raise SettingsError(f"{path}: is not Video-MME's annotation, it has no {', '.join(missing)}")
    return rows


def _parquet_rows(path: Path) -> Rows:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_file(path) as file:
            rows: Rows = pq.read_table(file).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise SettingsError(f"{path}: cannot be read as the parquet file of Video-MME: {error}") from error
    return rows


def _json_rows(path: Path) -> Rows:
    try:
        videos = read_json(path)
        return [{**video, **question} for video in videos for question in video["questions"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"{path}: cannot be read as a list of videos with questions: {error!r}") from error


def _question(row: Mapping[str, Any], protocol: Protocol, subtitles: Path | None) -> Question:
    name = str(row.get("videoID") or row.get("video_id"))
    lines = tuple(str(option) for option in row["options"])
    reference: dict[str, Any] = {"video_id": row.get("video_id"), "lines": lines}
    if subtitles is not None:
        reference["subtitles"] = str(subtitles / f"{name}.srt")
    return Question(
        id=str(row["question_id"]),
        video=f"{name}.mp4",
        text=prompt(str(row["question"]), lines, protocol),
        max_tokens=16,
        options=tuple(re.sub(r"^[A-D]\.\s*", "", line) for line in lines),
        answer=str(row["answer"]),
        groups={
            "duration": str(row["duration"]),
            "domain": str(row["domain"]),
            "sub-category": str(row["sub_category"]),
            "task type": str(row["task_type"]),
        },
        reference=reference,
        stem=str(row["question"]),
        right=_place(str(row["answer"]), len(lines)),
    )


def _place(letter: str, count: int) -> int | None:
    place = "ABCD".find(letter)
    return place if len(letter) == 1 and 0 <= place < count else None


def prompt(question: str, lines: Sequence[str], protocol: Protocol) -> str:
    """The question as it is asked without subtitles; ``lines`` are the options with their letters.

    lmms-eval mentions subtitles even without any, and ends with its own (default) instruction.
    """
    order, ending = (HARNESS_ORDER, HARNESS_ENDING) if protocol == "lmms-eval" else (ORDER, ENDING)
    return "\n".join([order, question, *lines, ending])


def complete(question: Question, frame_seconds: Sequence[float]) -> Question:
    """Prepend the subtitles on screen at the times of the shown frames, one line each, in order.

    A question loaded without subtitles does not change; nor does, as in the official pipeline, one about a video
    without a subtitle file. There, lmms-eval writes "No subtitles available".
    """
    if "subtitles" not in question.reference:
        return question
    harness = question.text.startswith(HARNESS_ORDER)
    path = Path(question.reference["subtitles"])
    spoken = spoken_at(read_srt(path), frame_seconds) if path.exists() else []
    if harness:
        text = question.text.removesuffix(HARNESS_ENDING) + ENDING
        told = "\n".join(spoken) if path.exists() else "No subtitles available"
        return replace(question, text=f"{SUBTITLES} \n{told}\n{text}")
    if not spoken:
        return question
    return replace(question, text="\n".join([SUBTITLES, *spoken, question.text]))


Cue = tuple[float, float, str]


@lru_cache(maxsize=64)
def read_srt(path: Path) -> tuple[Cue, ...]:
    """Start, end (seconds) and text of each subtitle, without markup. Damaged blocks are skipped.

    Raises SettingsError when the file cannot be read.
    """
    try:
        text = read_text(path, "utf-8-sig", errors="replace")
    except OSError as error:
        raise SettingsError(f"{path}: the subtitles cannot be read: {error}") from error
    cues = []
    for block in re.split(r"\r?\n\s*\r?\n", text):
        times = re.search(rf"{_TIME}\s*-->\s*{_TIME}[^\n]*\n?(.*)", block, re.DOTALL)
        if times:
            start, end = _seconds(*times.group(1, 2, 3, 4)), _seconds(*times.group(5, 6, 7, 8))
            said = " ".join(re.sub(r"<[^>]*>|\{\\[^}]*\}", "", times[9]).split())
            if said:
                cues.append((start, end, said))
    return tuple(cues)


_TIME = r"(\d+):(\d+):(\d+)[,.](\d+)"


def _seconds(hours: str, minutes: str, seconds: str, fraction: str) -> float:
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + float(f"0.{fraction}")


def spoken_at(cues: Sequence[Cue], frame_seconds: Sequence[float]) -> list[str]:
    """The subtitles on screen at any of the times, each once, in the order of the file."""
    return [said for start, end, said in cues if any(start <= seconds < end for seconds in frame_seconds)]


def extract(response: str, revision: Revision = "current") -> str:
    """Extract a letter as the official scorer does: the first capital A to D after removing some prefixes; or "".

    It may be anywhere, so "A man ..." is A and, in the first revision, so is "Answer: C".
    """
    text = response.strip()
    for beginning in _PREFIXES if revision == "current" else _PREFIXES_2024_06_03:
        text = text.replace(beginning, "")
    found = re.search("[ABCD]", text)
    return found[0] if found else ""


_PHRASES = (
    *("the answer is", "answer is", "the correct answer is", "correct answer is", "the best answer is"),
    *("best answer is", "the correct option is", "correct option is", "the best option is", "best option is"),
    *("the choice is", "choice is", "the correct choice is", "correct choice is", "i choose", "i select", "i pick"),
    *("my answer is", "my choice is", "옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"),
)


def extract_harness(response: str) -> str:
    """Extract a letter as lmms-eval does (``mcq_extract.py``, 75571cf): the most certain form wins, then the last one.

    Forms, most certain first: at the start, at the end, after a phrase, ``(A)``, ``A.``, ``A:``, ``A)``, with a space.
    """
    text = response.strip()
    if not text:
        return ""
    for mark in ",.!?;:'\"":
        text = text.strip(mark)
    text = f" {text} "
    found = [place for letter in "ABCD" for place in _places(text, letter)]
    if not found:
        found = [(0, text.rfind(letter), letter) for letter in "ABCD" if letter in text]
    # Ties go to the first letter: lmms-eval's sort is stable, and ``max`` returns the first maximum.
    return max(found, key=lambda place: place[:2])[2] if found else ""


def _places(text: str, letter: str) -> Iterator[tuple[int, int, str]]:
    """Certainty, position, and the letter again."""
    for sureness, form in (
        (6, f"({letter})"),
        (5, f"{letter}."),
        (4, f"{letter}:"),
        (3, f"{letter})"),
        (2, f"{letter} "),
    ):
        if form in text:
            yield sureness, text.rfind(form), letter
    lowered = text.lower()
    for phrase in _PHRASES:
        at = lowered.find(phrase)
        after = text.find(letter, at + len(phrase)) if at != -1 else -1
        if after != -1:
            yield 7, after, letter
    bare = text.strip()
    if bare.startswith(letter) and (len(bare) == 1 or not bare[1].isalpha()):
        yield 10, 0, letter
    if bare.endswith(letter) and (len(bare) == 1 or not bare[-2].isalpha()):
        yield 9, len(text) - 1, letter


def read_answer(response: str, options: Sequence[str], protocol: Protocol, revision: Revision = "current") -> str:
    """Extract the letter of an answer by the protocol's rule; "" for none."""
    if protocol == "official":
        return extract(response, revision)
    if protocol == "lmms-eval":
        return extract_harness(response)
    index = choice.chosen(response, options)
    return "" if index is None else choice.LETTERS[index]


def score(question: Question, text: str, protocol: Protocol) -> Scoring:
    """Right or wrong by the letter. ``official`` leaves answers without a letter out of the denominator."""
    return verdict(text, question.answer, read_answer(text, question.options, protocol), protocol)
    yield  # a role is a generator, also one that never asks


def verdict(text: str, answer: str, letter: str, protocol: Protocol) -> Verdict:
    """The score of an answer whose letter is ``letter``."""
    if letter:
        return Verdict(float(letter == answer))
    return Verdict(0.0, unscored="unparsed" if text.strip() else "empty", counted=protocol != "official")


def figures(scored: Sequence[Scored], protocol: Protocol) -> Mapping[str, Figure]:  # noqa: ARG001 - the same for all
    """Overall, each duration, domain, sub-category and task type; then domains and the rest within each duration."""
    found = {"overall": mean_figure(scored)}
    kinds = {"duration": DURATIONS, "domain": DOMAINS, "sub-category": SUB_CATEGORIES, "task type": TASK_TYPES}
    for kind, known in kinds.items():
        for name, entries in _parts(scored, kind, known).items():
            found[name if kind == "duration" else f"{kind}: {name}"] = mean_figure(entries)
    for duration, entries in _parts(scored, "duration", DURATIONS).items():
        for kind, known in list(kinds.items())[1:]:
            for name, part in _parts(entries, kind, known).items():
                found[f"{duration}, {kind}: {name}"] = mean_figure(part)
    return found


def _parts(scored: Sequence[Scored], kind: str, known: Sequence[str]) -> dict[str, list[Scored]]:
    """The answers by group, in the official order; others come last."""
    parts: dict[str, list[Scored]] = {name: [] for name in known}
    for entry in scored:
        parts.setdefault(entry[0].groups[kind], []).append(entry)
    return {name: entries for name, entries in parts.items() if entries}


VIDEOMME = Benchmark(
    name="videomme",
    title="Video-MME",
    source="arXiv 2405.21075; BradyFU/Video-MME, thanku-all/parse_answer",
    protocols=("strict", "official", "lmms-eval"),
    load=load,
    score=score,
    figures=figures,
    frames={"strict": 16, "official": 16, "lmms-eval": 32},
    items=2700,
    options=("durations", "subtitles"),
    licence="academic research only; not to be passed on",
    get="lmms-lab/Video-MME on the Hugging Face hub",
    complete=complete,
)
