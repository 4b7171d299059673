"""Benchmarks made by construction, in the layout of the real files: questions whose right answers are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sharegpt4video.evaluate.base import Question
from sharegpt4video.evaluate.videomme import DOMAINS, TASK_TYPES

ACTIONS = ("jumping", "sitting", "waving")
VIDEOS = ("100", "200", "200_reverse")


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_tempcompass(folder: Path) -> Path:
    """Three videos: two multiple-choice, two yes/no, one caption-matching, one captioning question about each."""
    forms: dict[str, dict[str, Any]] = {"multi-choice": {}, "yes_no": {}, "caption_matching": {}, "captioning": {}}
    meta = {}
    for number, video in enumerate(VIDEOS):
        action = ACTIONS[number]
        lines = [f"{letter}. {name}" for letter, name in zip("ABC", ACTIONS, strict=True)]
        choice = {"question": "\n".join(["What is the girl doing?", *lines]), "answer": lines[number]}
        order = {"question": "What comes first?\nA. the jump\nB. the fall", "answer": "B. the fall"}
        forms["multi-choice"][video] = {"action": [choice], "order": [order]}
        forms["yes_no"][video] = {
            "action": [
                {"question": f"Is the girl {action}?", "answer": "yes"},
                {"question": "Is the girl asleep?", "answer": "no"},
            ]
        }
        captions = [f"Option 1: The girl is {ACTIONS[number - 1]}.", f"Option 2: The girl is {action}."]
        matching = {"question": "\n".join(["Which fits?", *captions]), "answer": captions[1]}
        forms["caption_matching"][video] = {"action": [matching]}
        told = f"Tell what you see.\nInformation A: {{'action': '{action}'}}\nGenerated Caption:"
        forms["captioning"][video] = {"action": [{"question": told, "answer": lines[number]}]}
        detail = "fine-grained action" if number else "coarse-grained action"
        meta[video] = {"eval_dim": {"action": {"type": detail}, "order": {"subject": "girl"}, "speed": None}}
    for form, content in forms.items():
        write_json(folder / "questions" / f"{form}.json", content)
    write_json(folder / "meta_info.json", meta)
    return folder


def write_mvbench(folder: Path) -> Path:
    """Two of the twenty tasks, one with bounds."""
    items = [
        {"video": f"{name}.mp4", "question": "Which way?", "candidates": ["left", "right", "up"], "answer": answer}
        for name, answer in (("100", "right"), ("200", "left"))
    ]
    write_json(folder / "moving_direction.json", items)
    bounded = [{**item, "start": 0.2, "end": 0.8} for item in items]
    write_json(folder / "action_sequence.json", bounded)
    return folder


def write_videobench(folder: Path) -> Path:
    """One of the thirteen sets, with its answers."""
    choices = {"A": "a bus", "B": "a tram", "C": "none"}
    items = {
        name: {
            "vid_path": f"{name}.mp4",
            "video_id": name,
            "question": "What is it?",
            "choices": choices,
            "answer": "B",
        }
        for name in ("100", "200")
    }
    write_json(folder / "MSVD_QA_new.json", items)
    return folder


def write_videomme(folder: Path) -> Path:
    """Two videos with two questions each."""
    rows = [
        {
            "video_id": f"{number:03d}",
            "videoID": name,
            "duration": duration,
            "domain": "Knowledge",
            "sub_category": "Astronomy",
            "task_type": "Counting Problem",
            "question_id": f"{number:03d}-{item}",
            "question": "How many stars?",
            "options": ["A. One.", "B. Two.", "C. Three.", "D. Four."],
            "answer": "BC"[item - 1],
        }
        for number, (name, duration) in enumerate((("100", "short"), ("200", "long")), 1)
        for item in (1, 2)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "test.parquet")
    return folder


VIDEOMME_OPTIONS = ["A. Black.", "B. Gray.", "C. Green.", "D. Brown."]


def videomme_video(number: int, duration: str, responses: list[Any], **more: Any) -> dict[str, Any]:
    """One video of Video-MME's official layout, whose answers are all C; three tasks in turn."""
    questions = [
        {
            "question_id": f"{number:03}-{at}",
            "task_type": TASK_TYPES[at % 3],
            "question": "Which?",
            "options": VIDEOMME_OPTIONS,
        }
        | {"answer": "C", "response": said}
        for at, said in enumerate(responses)
    ]
    head = {"video_id": f"{number:03}", "duration": duration, "domain": DOMAINS[number % 2], "sub_category": "Law"}
    return head | {"questions": questions} | more


def videomme_file(folder: Path, videos: Any, name: str = "results.json") -> Path:
    path = folder / name
    path.write_text(videos if isinstance(videos, str) else json.dumps(videos))
    return path


def write_dream(folder: Path) -> Path:
    """Two videos of one category, each with a reference and its events."""
    rows = [
        {
            "dataset": "DREAM/movie_animation",
            "idx": number,
            "vid": name,
            "messages": [
                {"content": [{"video": {"video_file": f"{name}.mp4"}}, {"text": "Describe the video in detail."}]},
                {"content": [{"reference": "A girl jumps. She sits down."}]},
            ],
            "extra_info": {"events": ["A girl jumps.", "A girl sits down."], "n_subjects": 1, "n_shots": 1},
        }
        for number, name in enumerate(("100", "200"))
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "DREAM-1k.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder


def write_vdc(folder: Path) -> Path:
    """Two videos, two questions about the short caption of each."""
    pairs = [{"question": "Who is seen?", "answer": "A girl."}, {"question": "What does she do?", "answer": "Jump."}]
    folder.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({name: pairs}) + "\n" for name in ("100", "200"))
    (folder / "short.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def write_videomme_v2(folder: Path) -> Path:
    """Three groups: one of consistency, two chains of different structure."""
    rows = []
    kinds = (("relevance", "None"), ("logic", "[1, [2, 3], 4]"), ("logic", "[[1, 2], 3, 4]"))
    for video, (kind, structure) in enumerate(kinds, 1):
        for number in range(4):
            options = "\n".join(f"{letter}. thing {video}{number}{letter}" for letter in "ABCDEFGH")
            row = {"video_id": f"{video:03d}", "question": f"What is {number}?", "options": options}
            row |= {"answer": "ABCDEFGH"[video + number], "level": str(video), "group_type": kind}
            rows.append({**row, "group_structure": structure, "second_head": f"s{video}", "third_head": "t"})
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "test.parquet")
    return folder


def write_camerabench(folder: Path) -> Path:
    """Two skills with a row each."""
    for skill, way in (("has_motion", "left"), ("only_motion", "up")):
        row = {"pos_video": f"{way}1.mp4", "neg_video": f"{way}2.mp4"}
        row |= {"pos_question": f"Does it move {way}?", "neg_question": f"Does it not move {way}?"}
        path = folder / "vqa_and_retrieval" / skill / f"{way}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return folder


def write_timelens(folder: Path) -> Path:
    """One of the three sets: two videos, three queries, whose spans do not overlap."""
    videos = {
        "100": {"duration": 30, "queries": ["A dog  runs.", "It stops"], "spans": [[2, 5], [7.0, 9.0]]},
        "200": {"duration": 20.5, "queries": ["A cat."], "spans": [[11, 19]]},
    }
    write_json(folder / "charades-timelens.json", videos)
    return folder


def write_capability(folder: Path) -> Path:
    """Three of the thirteen views: one that is counted, one that is judged, one that is classified."""
    wanted = {"dynamic_object_number": {"chair": 2, "table": 1}, "event": "A dog runs.", "camera_movement": "left"}
    for view, annotation in wanted.items():
        row = {"file_id": f"{view}_0", "file_path": f"data/{view}/0.mp4", "annotation": annotation, "task": view}
        path = folder / "annotations" / f"{view}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**row, "data_type": "video"}) + "\n", encoding="utf-8")
    return folder


def write_captionqa(folder: Path) -> Path:
    """Two images; one question is of yes or no, one has no right answer and is left out."""
    red = {
        "question": "What colour is it?",
        "choices": ["red", "blue", "green"],
        "answer": "red",
        "category": ["Attribute"],
    }
    closed = {"question": "Is it big?", "choices": ["yes", "no"], "answer": "no", "category": ["Attribute"]}
    rows = [
        {"id": "nat_001", "questions": [red, closed]},
        {"id": "doc_001", "questions": [{**red, "answer": "blue"}, {**red, "answer": "black"}]},
    ]
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "val.parquet")
    return folder


SAMPLES: dict[str, tuple[Callable[[Path], Path], dict[str, Any]]] = {
    "tempcompass": (write_tempcompass, {}),
    "mvbench": (write_mvbench, {"tasks": ["moving_direction", "action_sequence"]}),
    "videobench": (write_videobench, {"sets": ["MSVD"]}),
    "videomme": (write_videomme, {}),
    "videommev2": (write_videomme_v2, {}),
    "camerabench": (write_camerabench, {}),
    "timelens": (write_timelens, {"sets": ["charades"]}),
    "dream": (write_dream, {}),
    "vdc": (write_vdc, {"kinds": ["short"]}),
    "capability": (write_capability, {"tasks": ["dynamic_object_number", "event", "camera_movement"]}),
    "captionqa": (write_captionqa, {}),
}
"""Benchmark -> what writes its sample, and the options to load it with."""


def right_answer(name: str, question: Question) -> str:
    """What a model that is right and does as it is told would add; "" where a judge has to tell."""
    if name in ("dream", "vdc", "capability"):
        return ""
    if name == "timelens":
        return "The event happens in {} - {} seconds.".format(*question.reference["span"])
    if name == "tempcompass":
        return "" if question.groups["format"] == "captioning" else question.answer
    if name == "mvbench":
        return f"{question.answer}) {question.options['ABC'.index(question.answer)]}"
    return question.answer


def store(folder: Path, form: str, entries: Mapping[str, Mapping[str, list[Any]]]) -> Path:
    """One file of stored predictions or judgements."""
    return write_json(folder / f"{form}.json", entries)
