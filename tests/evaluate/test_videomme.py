"""Video-MME: prompts, subtitles of the shown frames, extraction."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from made_benchmarks import VIDEOMME_OPTIONS as OPTIONS
from made_benchmarks import videomme_file as file
from made_benchmarks import videomme_video as video
from sharegpt4video.evaluate.judge import run
from sharegpt4video.evaluate.videomme import (
    DOMAINS,
    DURATIONS,
    SUB_CATEGORIES,
    TASK_TYPES,
    complete,
    extract,
    extract_harness,
    load,
    prompt,
    read_srt,
    score,
    spoken_at,
)

REAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "videomme"


def test_the_official_prompt() -> None:
    assert prompt("Which?", OPTIONS, "official") == (
        "Select the best answer to the following multiple-choice question based on the video. Respond with only the "
        "letter (A, B, C, or D) of the correct option.\nWhich?\nA. Black.\nB. Gray.\nC. Green.\nD. Brown.\n"
        "The best answer is:"
    )
    harness = prompt("Which?", OPTIONS, "lmms-eval")
    assert "based on the video and the subtitles." in harness
    assert harness.endswith("D. Brown.\n\nAnswer with the option's letter from the given choices directly.")


@pytest.mark.parametrize(
    ("response", "now", "before", "harness"),
    [
        ("C", "C", "C", "C"),
        ("C. Green.", "C", "C", "C"),
        ("The best answer is: C", "C", "C", "C"),
        ("Answer: C", "C", "A", "C"),  # the first list does not know this beginning: A of "Answer"
        ("Best answer: C", "B", "B", "C"),  # glued to its neighbour by a missing comma: B of "Best"
        ("The best option is B", "B", "B", "B"),
        ("A man walks, so D", "A", "A", "A"),
        ("because of that, (d)", "", "", ""),
        ("no letter here", "", "", ""),
    ],
)
def test_letters_by_three_rules(response: str, now: str, before: str, harness: str) -> None:
    assert (extract(response), extract(response, "2024-06-03"), extract_harness(response)) == (now, before, harness)


SRT = """1
00:00:01,000 --> 00:00:02,500
<font color="white" size=".72c">Hello</font>

2
00:00:02,500 --> 00:01:04,000
two
lines

junk without a time

3
01:00:00,000 --> 01:00:01,000
late
"""


def test_subtitles_are_those_at_the_shown_times(tmp_path: Path) -> None:
    path = tmp_path / "v.srt"
    path.write_text(SRT)
    cues = read_srt(path)
    assert cues == ((1.0, 2.5, "Hello"), (2.5, 64.0, "two lines"), (3600.0, 3601.0, "late"))
    assert spoken_at(cues, [0.5, 2.5, 30.0]) == ["two lines"]
    assert spoken_at(cues, [1.0, 3600.5]) == ["Hello", "late"]


def test_a_question_is_completed_by_its_subtitles(tmp_path: Path) -> None:
    (tmp_path / "001.srt").write_text(SRT)
    source = file(tmp_path, [video(1, "short", ["C"]), video(2, "short", ["C"])])
    first, second = load(source, "official", {"subtitles": tmp_path})
    asked = complete(first, [1.5, 3.0])
    assert asked.text == f"This video's subtitles are listed below:\nHello\ntwo lines\n{first.text}"
    assert complete(first, [0.0]) == first
    assert complete(second, [1.5]) == second
    harness = [complete(q, [1.5]).text for q in load(source, "lmms-eval", {"subtitles": tmp_path})]
    assert harness[0].startswith("This video's subtitles are listed below: \nHello\nSelect the best")
    assert harness[0].endswith("D. Brown.\nThe best answer is:")
    assert "\nNo subtitles available\n" in harness[1]


def test_answers_without_a_letter_leave_the_official_denominator_alone(tmp_path: Path) -> None:
    asked = next(iter(load(file(tmp_path, [video(1, "short", ["C"])]), "official", {})))
    assert [run(score(asked, "hm", p)).counted for p in ("strict", "official", "lmms-eval")] == [True, False, True]
    assert run(score(asked, "Green", "strict")).score == 1
    assert run(score(asked, "", "strict")).unscored == "empty"


def test_the_real_annotation() -> None:
    if not REAL.is_dir():
        pytest.skip("../shared/eval/videomme is not here")
    asked = list(load(REAL, "official", {}))
    assert len({q.id for q in asked}) == 2700
    assert len({q.video for q in asked}) == 900
    assert Counter(q.groups["duration"] for q in asked) == dict.fromkeys(DURATIONS, 900)
    for kind, names in (("domain", DOMAINS), ("sub-category", SUB_CATEGORIES), ("task type", TASK_TYPES)):
        assert {q.groups[kind] for q in asked} == set(names)
    assert all(q.answer in "ABCD" and len(q.options) == 4 for q in asked)
    assert len(list(load(REAL, "official", {"durations": "long"}))) == 900
