"""DREAM-1K: both ways through a judge, means as published, and the real file."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.evaluate.base import Answer, Question, Verdict
from sharegpt4video.evaluate.captions.dream import figures, load, score
from sharegpt4video.evaluate.captions.replies import dictionary
from sharegpt4video.evaluate.judge import Judge, run
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM

REAL = Path(__file__).resolve().parents[4] / "shared" / "eval" / "DREAM-1k.jsonl"
ASKED = Question(
    "DREAM/youtube/1", "v.mp4", "Describe.", groups={"category": "youtube"},
    reference={"text": "A man runs. He falls.", "events": ("A man runs.", "He falls.", "He gets up.", "He laughs.")},
)  # fmt: skip


def relations(*names: str) -> str:
    return "```json\n" + json.dumps({"events": [{"event": "e", "relationship": name} for name in names]}) + "\n```"


def judge(tmp_path: Path, *replies: str) -> tuple[Judge, FakeVLM]:
    vlm = FakeVLM(list(replies), max_images=0)
    return Judge(vlm, tmp_path), vlm


def test_recall_and_precision_count_entailment_alone(tmp_path: Path) -> None:
    answers = [
        "{'events': ['a man runs', 'a dog barks']}",
        relations("entailment", "neutral"),
        relations("entailment", "Neutral", "contradiction", "entailment "),
    ]
    asked, vlm = judge(tmp_path, *answers)
    verdict = run(score(ASKED, 'A man "runs". A dog barks. ', "official"), asked)
    assert verdict.numbers == {"recall": 0.5, "precision": 0.5, "events": 2.0}
    assert "Video Description: a man 'runs'. a dog barks.\n" in vlm.requests[0].user_text
    assert "Events: ['a man runs', 'a dog barks']\n" in vlm.requests[1].user_text
    assert "Video Description:\na man runs. he falls.\n" in vlm.requests[1].user_text
    assert 'Video Description:\na man "runs". a dog barks.\n' in vlm.requests[2].user_text


def test_a_judge_that_miscounts_is_asked_again_then_left_out(tmp_path: Path) -> None:
    asked, vlm = judge(tmp_path / "a", '{"events": ["x"]}', relations("entailment", "neutral"),
                       relations("entailment"), relations(*["neutral"] * 4))  # fmt: skip
    assert run(score(ASKED, "x", "official"), asked).numbers["precision"] == 1
    assert "1 events" in vlm.requests[2].reminder
    asked, _ = judge(tmp_path / "b", "nonsense", "nonsense", "nonsense")
    verdict = run(score(ASKED, "x", "official"), asked)
    assert (verdict.score, verdict.unscored, verdict.counted) == (0, "unparsed", False)


def test_a_judge_that_is_not_there_scores_nothing(tmp_path: Path) -> None:
    gone = FakeVLM([Reply("", "", "judge", problem="unavailable")] * 9, max_images=0)
    verdict = run(score(ASKED, "x", "official"), Judge(gone, tmp_path))
    assert (verdict.score, verdict.unscored, verdict.counted) == (0, "unavailable", False)


def test_the_score_of_an_answer_is_its_f1(tmp_path: Path) -> None:
    asked, _ = judge(tmp_path, '{"events": ["x"]}', relations("entailment"), relations("entailment", *["neutral"] * 3))
    assert run(score(ASKED, "x", "official"), asked).score == pytest.approx(2 * 1 * 0.25 / 1.25)


def test_a_caption_that_tells_nothing(tmp_path: Path) -> None:
    for protocol, precision in (("official", 1.0), ("strict", 0.0)):
        verdict = run(score(ASKED, "  ", protocol))  # type: ignore[arg-type]
        assert (verdict.numbers["precision"], verdict.numbers["recall"], verdict.unscored) == (precision, 0, "empty")
    assert run(score(ASKED, "x", "official")).unscored == "no judge"
    assert tmp_path.exists()


def test_f1_of_the_means_of_categories() -> None:
    def entry(category: str, recall: float, precision: float, number: int) -> tuple[Question, Answer, Verdict]:
        asked = Question(f"{category}/{number}", f"{category}{number}", "", groups={"category": category})
        return asked, Answer(asked.id, "", "m"), Verdict(0.0, numbers={"recall": recall, "precision": precision})

    scored = [entry("a", 0.2, 0.6, 1), entry("a", 0.4, 0.8, 2), entry("b", 0.9, 0.1, 1)]
    scored.append((*entry("b", 0, 0, 2)[:2], Verdict(0.0, unscored="unparsed", counted=False)))
    found = figures(scored, "official")
    recall, precision = (0.3 + 0.9) / 2, (0.7 + 0.1) / 2
    assert found["overall, recall"].value == pytest.approx(100 * recall)
    assert found["overall, precision"].value == pytest.approx(100 * precision)
    assert found["overall"].value == pytest.approx(100 * 2 * recall * precision / (recall + precision))
    assert found["a"].value == pytest.approx(100 * 2 * 0.3 * 0.7)
    assert found["overall"].low < found["overall"].value < found["overall"].high


def test_a_video_that_could_not_be_read_counts_as_nothing_told() -> None:
    told = Verdict(0.5, by="judge", numbers={"recall": 0.8, "precision": 0.6})
    verdicts = (told, Verdict(0.0, "none", "undecodable"), Verdict(0.0, "judge", "unparsed", counted=False))
    found = figures([(ASKED, Answer(ASKED.id, "", "m"), verdict) for verdict in verdicts], "official")
    assert (found["overall, recall"].count, found["overall, recall"].value) == (2, pytest.approx(40))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"events": ["a",]}', {"events": ["a"]}),
        ("Sure! {'pred': 'yes', 'score': 4} as asked", {"pred": "yes", "score": 4}),
        ("{__import__('os').getcwd()}", None),
        ("none", None),
        ('{"events": ["a"]', {"events": ["a"]}),  # cut short before its end
    ],
)
def test_dictionaries_out_of_prose(text: str, found: object) -> None:
    assert dictionary(text) == found


def test_a_judge_request_is_text_alone() -> None:
    request = next(score(ASKED, "x", "official"))
    assert isinstance(request, Request)
    assert (request.task, request.images) == ("judge", ())


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "DREAM-1k.jsonl").write_text('{"messages": []}\n')
    with pytest.raises(SettingsError, match=r"DREAM-1k\.jsonl"):
        list(load(tmp_path, "official", {}))


def test_the_real_file() -> None:
    if not REAL.exists():
        pytest.skip("../shared/eval/DREAM-1k.jsonl is not here")
    asked = list(load(REAL, "official", {}))
    assert len({q.id for q in asked}) == len({q.video for q in asked}) == 1000
    assert sorted(Counter(q.groups["category"] for q in asked).values()) == [200] * 5
    assert all(q.reference["text"] for q in asked)
    still = [q for q in asked if not q.reference["events"]]
    assert len(still) == 4
    assert run(score(still[0], "", "official")).numbers == {"recall": 1.0, "precision": 1.0, "events": 0.0}
