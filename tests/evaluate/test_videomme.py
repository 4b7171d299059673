"""Video-MME: prompts, subtitles of the shown frames, extraction, and prediction files against hand-computed figures."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.judge import run
from sharegpt4video.evaluate.verify import verify_video_mme
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
from sharegpt4video.evaluate.videomme_files import printed, read_results

REAL = Path(__file__).resolve().parents[3] / "shared" / "eval" / "videomme"
OPTIONS = ["A. Black.", "B. Gray.", "C. Green.", "D. Brown."]


def video(number: int, duration: str, responses: list[Any], **more: Any) -> dict[str, Any]:
    """One video whose answers are all C; three tasks in turn."""
    questions = [
        {"question_id": f"{number:03}-{at}", "task_type": TASK_TYPES[at % 3], "question": "Which?", "options": OPTIONS}
        | {"answer": "C", "response": said}
        for at, said in enumerate(responses)
    ]
    head = {"video_id": f"{number:03}", "duration": duration, "domain": DOMAINS[number % 2], "sub_category": "Law"}
    return head | {"questions": questions} | more


def file(folder: Path, videos: Any, name: str = "results.json") -> Path:
    path = folder / name
    path.write_text(videos if isinstance(videos, str) else json.dumps(videos))
    return path


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


def test_a_prediction_file_by_hand(tmp_path: Path) -> None:
    videos = [
        video(1, "short", ["C", "B", "no idea"]),  # 1 of 2
        video(2, "short", ["C. Green.", "C", None]),  # 2 of 2
        video(
            3, "long", ["D", "The answer is C", "C is what I would say after a long look at the whole video"]
        ),  # 2 of 3
    ]
    found = read_results(file(tmp_path, videos)).figures
    assert (found["overall"].count, found["overall"].value) == (7, pytest.approx(500 / 7))
    assert (found["short"].count, found["short"].value) == (4, 75)
    assert (found["long"].count, found["long"].value) == (3, pytest.approx(200 / 3))
    assert found["domain: Knowledge"].value == 100  # video 2
    assert found["long, domain: Film & Television"].value == pytest.approx(200 / 3)
    assert found["sub-category: Law"].count == 7
    assert found["task type: Temporal Perception"].value == pytest.approx(200 / 3)  # C, C, D
    assert read_results(tmp_path / "results.json").missing == 1
    strict = read_results(tmp_path / "results.json", protocol="strict").figures
    assert (strict["overall"].count, round(strict["overall"].value, 2)) == (
        9,
        44.44,
    )  # "C is what ..." may be a sentence like "A is what ..."


def test_parts_of_a_file_and_strictness_about_its_size(tmp_path: Path) -> None:
    path = file(tmp_path, [video(1, "short", ["C"]), video(2, "medium", ["B"]), video(3, "short", ["B"], missing=True)])
    assert read_results(path, durations="short").figures["overall"].value == 100
    assert read_results(path, durations=["medium", "short"]).durations == ("medium", "short")
    assert read_results(path).figures["overall"].count == 2
    with pytest.raises(SettingsError, match="2 short videos, not 300"):
        read_results(path, durations="short", skip_missing=False)
    with pytest.raises(SettingsError, match="no duration"):
        read_results(path, durations="shrot")


def test_the_first_layout_is_read_by_its_own_rules(tmp_path: Path) -> None:
    rename = {"duration": "duration_category", "domain": "video_category", "sub_category": "video_subcategory"}
    new = [video(1, "short", ["Answer: C", "C"])]
    old = [{rename.get(key, key): value for key, value in new[0].items()}]
    first, current = (read_results(file(tmp_path, videos, name)) for videos, name in ((old, "o.json"), (new, "n.json")))
    assert (first.revision, first.figures["overall"].value, first.disputed) == ("2024-06-03", 50, 1)
    assert (current.revision, current.figures["overall"].value) == ("current", 100)
    assert read_results(tmp_path / "n.json", revision="2024-06-03").figures["overall"].value == 50


def test_the_template_with_its_loose_commas_can_be_read(tmp_path: Path) -> None:
    text = json.dumps([video(1, "short", ["C, ] }"])], indent=1)
    loose = text.replace('"response": "C, ] }"', '"response": "C, ] }",')
    results = read_results(file(tmp_path, loose))
    assert results.scored[0][1].text == "C, ] }"


@pytest.mark.parametrize("content", ["no json", "3", "[]", '[{"video_id": "1"}]', '[{"questions": []}]'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(SettingsError, match=r"results\.json"):
        read_results(file(tmp_path, content))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"duration": "Short"}, "'001' is 'Short'; durations are short, medium, long"),
        ({"questions": None}, "questions of the video '001' are no list"),
        ({"questions": ["a"]}, "questions of the video '001' are no list"),
        ({"questions": []}, "holds no questions about short videos"),
        (
            {"questions": [{"task_type": "x", "answer": "A", "prediction": "A"}]},
            "none of its questions has a 'response'",
        ),
        ({"questions": [{"task_type": "x", "answer": None, "response": "A"}]}, "'001-1' has no answer"),
    ],
)
def test_what_cannot_be_scored_is_named(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        read_results(file(tmp_path, [video(1, "short", ["C"]) | more]))


def test_odd_files_are_scored_and_told(tmp_path: Path) -> None:
    odd = video(1, "short", ["C"])
    named = odd | {"questions": {"001-0": odd["questions"][0]}}
    lowered = video(2, "short", ["C"])
    lowered["questions"][0]["answer"] = "c"
    found = verify_video_mme(file(tmp_path, [named, odd, lowered, video(3, "short", ["C"], missing=True)]))
    assert found.checks[0].shown == "66.67"
    for note in (
        "1 videos that are marked as missing in the file and left out",
        "1 questions whose right answer is not one of the letters A to D, so that none is right",
        "1 questions are in the file more than once, and count each time",
        "2698 of the 2700 questions are not scored",
    ):
        assert note in found.notes


def test_the_printed_report_ends_as_the_official_one(tmp_path: Path) -> None:
    text = printed(read_results(file(tmp_path, [video(1, "short", ["C", "C", "B"])])), categories=False)
    assert text.endswith("-------------------------------------\nOverall:  66.7%\n")
    assert "Video Domains" in printed(read_results(tmp_path / "results.json"))


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
