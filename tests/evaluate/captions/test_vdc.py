"""VDC: prompts drawn by the video's name, answers from the caption, comparisons read strictly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer, Protocol, Question, Scored, Verdict
from sharegpt4video.evaluate.captions.vdc import KINDS, figures, load, score
from sharegpt4video.evaluate.captions.vdc_prompts import PROMPTS
from sharegpt4video.evaluate.judge import Judge, run
from sharegpt4video.vlm.base import Reply
from sharegpt4video.vlm.fake import FakeVLM


def made(folder: Path, videos: int = 2) -> Path:
    pairs = [{"question": "What?", "answer": "a dog", "category": ""}, {"question": "Where?", "answer": "outside"}]
    for kind in KINDS:
        (folder / f"{kind}.jsonl").write_text("".join(json.dumps({f"v{n}": pairs}) + "\n" for n in range(videos)))
    return folder


def test_each_kind_and_video_has_one_prompt_and_keeps_it(tmp_path: Path) -> None:
    first, again = (list(load(made(tmp_path, 40), "strict", {})) for _ in range(2))
    assert first == again
    assert len(first) == 200
    assert all(q.text in PROMPTS[q.groups["kind"]] for q in first)
    drawn = {q.text for q in first if q.groups["kind"] == "camera"}
    assert len(drawn) > 8  # 40 draws out of 16
    assert [q.text for q in load(tmp_path, "strict", {"seed": 1})] != [q.text for q in first]


def ask(question: Question, folder: Path, *replies: str, protocol: Protocol = "strict") -> Scored:
    verdict = run(score(question, "A dog.", protocol), Judge(FakeVLM(list(replies), max_images=0), folder))
    return question, Answer(question.id, "A dog.", "m"), verdict


def test_accuracy_and_grade(tmp_path: Path) -> None:
    asked = next(iter(load(made(tmp_path), "official", {"kinds": "short"})))
    _, _, verdict = ask(asked, tmp_path / "j", "a dog", "{'pred': 'yes', 'score': 5}", "unknown",
                        "```{'pred': 'no', 'score': 1}```")  # fmt: skip
    assert (verdict.score, verdict.numbers["grade"], verdict.numbers["read"]) == (0.5, 3.0, 1.0)


def test_a_comparison_nobody_can_read_is_left_out(tmp_path: Path) -> None:
    asked = next(iter(load(made(tmp_path), "official", {"kinds": "short"})))
    _, _, verdict = ask(
        asked, tmp_path / "j", "a", "?", "{'pred': 'maybe', 'score': 9}", "b", "{'pred': 'yes', 'score': 4}"
    )
    assert (verdict.score, verdict.numbers["grade"], verdict.numbers["read"]) == (1.0, 4.0, 0.5)


def test_the_official_script_drops_a_caption_with_a_comparison_it_cannot_read(tmp_path: Path) -> None:
    """Told by reading post_eval/process_vdc_result.py: ``ast.literal_eval`` once, and any error loses the caption."""
    asked = list(load(made(tmp_path), "official", {"kinds": "short"}))
    right, half, fenced = "{'pred': 'yes', 'score': 5}", "{'pred': 'yes'}", "```{'pred': 'yes', 'score': 5}```"
    for number, odd in enumerate((half, fenced, "yes, 5", "{'pred': 'yes', 'score': 'high'}")):
        replies = (("a", right, "b", right), ("a", right, "b", odd))
        scored = [
            ask(question, tmp_path / f"{number}{question.id}", *said, protocol="official")
            for question, said in zip(asked, replies, strict=True)
        ]
        assert [verdict.numbers["read"] for _, _, verdict in scored] == [1.0, 0.5]
        assert figures(scored, "official")["short"].count == 1
        assert figures(scored, "strict")["short"].count == 2
    _, _, other = ask(asked[0], tmp_path / "case", "a", "{'pred': 'Yes', 'score': 9}", "b", right, protocol="official")
    assert (other.score, other.numbers["grade"]) == (0.5, 7.0)


def test_the_official_script_drops_captions_that_score_nothing(tmp_path: Path) -> None:
    asked = list(load(made(tmp_path), "official", {"kinds": "short"}))
    right, wrong = ("{'pred': 'yes', 'score': 4}", "{'pred': 'no', 'score': 0}")
    scored = [ask(q, tmp_path / q.id, "x", said, "y", said) for q, said in zip(asked, (right, wrong), strict=True)]
    assert figures(scored, "official")["short"].value == 100
    assert figures(scored, "strict")["short"].value == 50
    assert figures(scored, "strict")["overall, grade"].value == 2


def test_no_caption_and_no_judge(tmp_path: Path) -> None:
    asked = next(iter(load(made(tmp_path), "official", {})))
    assert run(score(asked, " ", "strict")).unscored == "empty"
    assert run(score(asked, "A dog.", "strict")).unscored == "no judge"


def test_the_whole_is_the_mean_of_the_kinds(tmp_path: Path) -> None:
    asked = list(load(made(tmp_path), "strict", {"kinds": "short,camera"}))
    scores = {"short": (1.0, 5.0), "camera": (0.5, 2.0)}
    scored = [
        (q, Answer(q.id, "", "m"), Verdict(accuracy, numbers={"grade": grade}))
        for q in asked
        for accuracy, grade in [scores[q.groups["kind"]]]
    ]
    found = figures(scored, "strict")
    assert (found["overall"].value, found["overall, grade"].value) == (75, 3.5)
    assert found["overall"].low == (found["short"].low + found["camera"].low) / 2
    assert figures([], "strict")["overall"].count == 0


def test_a_judge_that_is_not_there_scores_nothing(tmp_path: Path) -> None:
    asked = next(iter(load(made(tmp_path), "strict", {})))
    gone = FakeVLM([Reply("", "", "judge", problem="unavailable")] * 9, max_images=0)
    verdict = run(score(asked, "A dog.", "strict"), Judge(gone, tmp_path / "j"))
    assert (verdict.score, verdict.unscored, verdict.counted) == (0, "unavailable", False)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"camera\.jsonl"):
        list(load(tmp_path, "strict", {}))
    with pytest.raises(SettingsError, match="no kind"):
        list(load(made(tmp_path), "strict", {"kinds": ["long"]}))
