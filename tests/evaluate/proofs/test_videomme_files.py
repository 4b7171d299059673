"""Prediction files of Video-MME, in every layout, against hand-computed figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from made_benchmarks import videomme_file as file
from made_benchmarks import videomme_video as video
from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.proofs.verify import verify_video_mme
from sharegpt4video.evaluate.proofs.videomme_files import printed, read_results


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
        "1 questions whose right answer is not a letter A to D, so no answer is right",
        "1 questions are in the file more than once, and count each time",
        "2698 of the 2700 questions are not scored",
    ):
        assert note in found.notes


def test_the_printed_report_ends_as_the_official_one(tmp_path: Path) -> None:
    text = printed(read_results(file(tmp_path, [video(1, "short", ["C", "C", "B"])])), categories=False)
    assert text.endswith("-------------------------------------\nOverall:  66.7%\n")
    assert "Video Domains" in printed(read_results(tmp_path / "results.json"))
