"""The judge's memory: each reply is paid for once, kept, repeated, and never made up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from made_benchmarks import right_answer, write_tempcompass
from meeting import Meeting
from sharegpt4video.errors import SettingsError, StorageError, VLMError
from sharegpt4video.evaluate.base import Answer, Question, Scoring, Verdict
from sharegpt4video.evaluate.benchmarks import BENCHMARKS
from sharegpt4video.evaluate.judge import FILE, Judge, arun_all, run, run_all
from sharegpt4video.evaluate.local_judge import LocalJudge, features, read_asked
from sharegpt4video.evaluate.runner import load_questions, score
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM, fail_after, fail_at


def scoring(text: str) -> Scoring:
    """Right if the judge says yes."""
    reply = yield Request("judge", user_text=text, max_tokens=5)
    if reply is None:
        return Verdict(0.0, by="none", unscored="no judge", counted=False)
    if reply.problem:
        return Verdict(0.0, by="none", unscored="unavailable", counted=False)
    return Verdict(float(reply.text == "yes"), by="judge")


def vlm(**more: object) -> FakeVLM:
    return FakeVLM(lambda request: "yes" if "good" in request.user_text else "no", max_images=0, **more)  # type: ignore[arg-type]


def test_a_reply_is_kept_and_repeated_without_a_model(tmp_path: Path) -> None:
    model = vlm()
    first = run_all([scoring("good"), scoring("bad")], Judge(model, tmp_path))
    again = run_all([scoring("good"), scoring("bad")], Judge(model, tmp_path))
    alone = run_all([scoring("good"), scoring("bad")], Judge.replay(tmp_path))
    assert [v.score for v in first] == [1, 0]
    assert first == again == alone
    assert len(model.requests) == 2


def test_a_reply_that_is_missing_is_an_error_or_no_judge(tmp_path: Path) -> None:
    run(scoring("good"), Judge(vlm(), tmp_path))
    with pytest.raises(StorageError, match="no reply of fake"):
        run(scoring("never asked"), Judge.replay(tmp_path))
    judge = Judge.replay(tmp_path, missing="no judge")
    assert run(scoring("never asked"), judge).unscored == "no judge"
    assert judge.counts.missing == 1


def test_replay_wants_replies_of_one_model(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="of nobody"):
        Judge.replay(tmp_path)
    for name in ("one", "two"):
        run(scoring("good"), Judge(vlm(name=name), tmp_path))
    with pytest.raises(SettingsError, match="one, two"):
        Judge.replay(tmp_path)
    assert Judge.replay(tmp_path, model="two").model == "two"
    with pytest.raises(SettingsError):
        Judge.replay(tmp_path, model="three")


def test_another_model_is_asked_anew(tmp_path: Path) -> None:
    run(scoring("good"), Judge(vlm(name="one"), tmp_path))
    other = vlm(name="two")
    run(scoring("good"), Judge(other, tmp_path))
    assert len(other.requests) == 1


def test_the_same_request_at_the_same_time_is_asked_once(tmp_path: Path) -> None:
    model = vlm(delay_seconds=0.02)
    verdicts = run_all([scoring("good") for _ in range(8)], Judge(model, tmp_path))
    assert len(model.requests) == 1
    assert [v.score for v in verdicts] == [1.0] * 8


def test_as_many_at_a_time_as_the_model_serves(tmp_path: Path) -> None:
    model = Meeting(lambda _: "yes", max_images=0, count=4)
    asyncio.run(arun_all([scoring(f"good {n}") for n in range(12)], Judge(model, tmp_path)))
    assert model.most == model.max_concurrent == 4


def test_unavailable_is_tried_a_few_times_and_not_kept(tmp_path: Path) -> None:
    model = vlm(fail=fail_at(1, 2, 3))
    judge = Judge(model, tmp_path, tries=3, wait_seconds=0.001)
    assert run(scoring("good"), judge).unscored == "unavailable"
    assert (len(model.requests), judge.counts.unavailable) == (3, 1)
    assert run(scoring("good"), Judge(model, tmp_path)).score == 1


def test_a_model_that_is_gone_raises(tmp_path: Path) -> None:
    model = FakeVLM(lambda _request: VLMError("no key"), max_images=0)
    with pytest.raises(VLMError, match="no key"):
        run_all([scoring("good"), scoring("good")], Judge(model, tmp_path))


def test_a_judge_that_is_never_to_be_had_is_taken_for_gone(tmp_path: Path) -> None:
    model = vlm(fail=fail_after(0, "unavailable"))
    judge = Judge(model, tmp_path, tries=1)
    with pytest.raises(VLMError, match="20 requests to the judge in a row failed"):
        run_all([scoring(f"good {number}") for number in range(40)], judge)
    assert 20 <= len(model.requests) < 40


def test_the_judges_connections_are_closed_in_the_loop_that_opened_them(tmp_path: Path) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    class Connected(FakeVLM):
        async def generate(self, request: Request) -> Reply:
            loops.append(asyncio.get_running_loop())
            return await super().generate(request)

        async def close(self) -> None:
            loops.append(asyncio.get_running_loop())

    judge = Judge(Connected(lambda _request: "yes", max_images=0), tmp_path)
    assert run_all([scoring("good")], judge)[0].score == 1
    assert run(scoring("better"), judge).score == 1
    assert loops[0] is loops[1]
    assert loops[2] is loops[3]
    gone = Connected(lambda request: VLMError("no key") if "bad" in request.user_text else "yes", max_images=0)
    loops.clear()
    with pytest.raises(VLMError, match="no key"):
        run_all([scoring("bad one"), scoring("bad two")], Judge(gone, tmp_path))
    assert loops[-1] is loops[0]


def test_a_line_cut_short_costs_only_itself(tmp_path: Path) -> None:
    run_all([scoring("good"), scoring("bad")], Judge(vlm(), tmp_path))
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-20])
    model = vlm()
    judge = Judge(model, tmp_path)
    assert judge.counts.damaged == 1
    assert [v.score for v in run_all([scoring("good"), scoring("bad")], judge)] == [1, 0]
    assert len(model.requests) == 1
    assert [v.score for v in run_all([scoring("good"), scoring("bad")], Judge.replay(tmp_path))] == [1, 0]


def test_numbers_that_are_none_in_a_kept_line_cost_only_that_line(tmp_path: Path) -> None:
    run_all([scoring("good"), scoring("bad")], Judge(vlm(), tmp_path))
    path = tmp_path / FILE
    first, second = path.read_text().splitlines()
    for wrong in ("1e400", "NaN", "[]", '"x"'):
        row = {**json.loads(first), "problem": None, "input_tokens": 0}
        path.write_text(json.dumps(row).replace('"input_tokens": 0', f'"input_tokens": {wrong}') + f"\n{second}\n")
        assert Judge(vlm(), tmp_path).counts.damaged == 1
    path.write_text(json.dumps(row) + "\n")
    assert [v.score for v in run_all([scoring("good")], Judge.replay(tmp_path))] == [1]


def test_what_is_kept_says_who_was_asked_what(tmp_path: Path) -> None:
    run(scoring("good"), Judge(vlm(), tmp_path))
    row = json.loads((tmp_path / FILE).read_text())
    assert (row["model"], row["asked"], row["text"]) == ("fake", "good", "yes")
    assert row["key"] == Request("judge", user_text="good", max_tokens=5).key()


def test_without_a_judge_the_scoring_says_what_it_can() -> None:
    assert run(scoring("good")).unscored == "no judge"


ASKED = "What is the man doing?\nA. playing soccer\nB. painting a picture\nC. cooking dinner"


def local(form: str, question: str, answer: str, **more: str) -> Question:
    return Question("q", "v", "", answer=answer, groups={"format": form}, reference={"question": question, **more})


@pytest.mark.parametrize(
    ("caption", "letter"),
    [
        ("A man paints a picture of a tree.", "B"),
        ("He is seen playing soccer on a field.", "A"),
        ("A dog sleeps.", None),
    ],
)
def test_the_local_judge_reads_a_choice_out_of_a_caption(caption: str, letter: str | None) -> None:
    found = LocalJudge().choose(ASKED, caption)
    assert (None if found.index is None else "ABC"[found.index]) == letter
    assert sum(found.shares) == pytest.approx(1)
    asked = local("captioning", "", "", choice=ASKED, choice_answer="B. painting a picture")
    assert LocalJudge().verdict(asked, caption).score == float(letter == "B")


def test_what_the_local_judge_weighs() -> None:
    asked = read_asked("What happens?\nA. a man opens the red door\nB. a man closes the red door")
    options, none = features(asked, "A man walks up. He opens the red door.", None)
    # The phrase as it stands, the share of the words that only this option has, of all its words, and their order.
    assert options == [[0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.75, 1.0]]
    assert none == [1.0, 1.0, 0.0, 0.0, 1.0]
    options, none = features(asked, "Today a man closes the red door, slowly and with great care, in rain.", None)
    assert [row[0] for row in options] == [0.0, 1.0]
    assert none[-1] == 0.0, "no short caption"
    order = read_asked("What comes first?\nA. jumping after running\nB. running after jumping")
    options, _ = features(order, "She runs, then jumps.", None)
    assert [row[-1] for row in options] == [1.0, -1.0]


def test_the_local_judge_and_answers_that_name_a_choice() -> None:
    judge = LocalJudge()
    yes_no = local("yes_no", "Is it?", "yes")
    assert [judge.verdict(yes_no, said).score for said in ("Yes, it is.", "No.", "Perhaps")] == [1, 0, 0]
    assert judge.verdict(yes_no, "Perhaps").unscored == "unparsed"
    assert judge.verdict(yes_no, " </s>").unscored == "empty"
    matching = local("caption_matching", "Which?\nOption 1: It falls.\nOption 2: It rises.", "Option 2: It rises.")
    assert [judge.verdict(matching, said).score for said in ("Option 2", "It rises.", "Option 1")] == [1, 1, 0]


def test_the_local_judge_gives_the_same_verdicts_all_at_once() -> None:
    asked_for: list[int] = []

    def encode(texts: Sequence[str]) -> Any:
        asked_for.append(len(texts))
        counts = np.array([[text.lower().count(letter) + 1.0 for letter in "aeiourst"] for text in texts])
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    asked = local("captioning", "", "", choice=ASKED, choice_answer="B. painting a picture")
    said = ("A man paints.", "", "He plays soccer, then rests.")
    answers = [*((asked, text) for text in said), (local("yes_no", "", "yes"), "yes")]
    one_by_one = [LocalJudge(encode).verdict(question, text) for question, text in answers]
    asked_for.clear()
    assert LocalJudge(encode).verdicts(answers) == one_by_one
    assert len(asked_for) == 1


@pytest.mark.parametrize(("said", "right"), [("The best answer is: {}", 1), ("It is none of these.", 0)])
def test_the_local_judge_reads_every_answer_that_no_rule_reads(tmp_path: Path, said: str, right: int) -> None:
    benchmark = BENCHMARKS["tempcompass"]
    questions = load_questions(
        benchmark, write_tempcompass(tmp_path), "official", {"forms": "multi-choice,caption_matching"}
    )
    answers = {q.id: Answer(q.id, said.format(q.answer), "made") for q in questions}
    without = score(benchmark, questions, answers, "official")
    assert {(verdict.score, verdict.by) for _, _, verdict in without} == {(0, "none")}
    judged = score(benchmark, questions, answers, "official", LocalJudge())
    assert {(v.score, v.by) for _, _, v in judged} == {(right, "judge" if right else "none")}


def test_a_run_judged_locally_leaves_no_caption_unjudged(tmp_path: Path) -> None:
    benchmark = BENCHMARKS["tempcompass"]
    questions = load_questions(benchmark, write_tempcompass(tmp_path / "annotations"), "official")
    answers = {q.id: Answer(q.id, right_answer("tempcompass", q), "made") for q in questions}
    without = {verdict.unscored for _, _, verdict in score(benchmark, questions, answers, "official")}
    verdicts = [verdict for _, _, verdict in score(benchmark, questions, answers, "official", LocalJudge())]
    assert "no judge" in without
    assert "no judge" not in {verdict.unscored for verdict in verdicts}
    with pytest.raises(SettingsError, match=r"DREAM-1K \(AutoDQ\) has no local judge; name a model"):
        score(BENCHMARKS["dream"], [], {}, "official", LocalJudge())


def test_each_reply_is_kept_without_holding_the_file_open(tmp_path: Path) -> None:
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("no /proc here, which tells what is open")
    judge = Judge(FakeVLM(lambda request: request.user_text), tmp_path)
    for number in range(3):
        asyncio.run(judge.ask(Request("judge", user_text=f"Which {number}?")))
    assert not [handle for handle in handles.iterdir() if handle.exists() and handle.samefile(judge.path)]


def test_half_a_reply_that_a_full_disk_left_spoils_neither_neighbour(tmp_path: Path) -> None:
    requests = [Request("judge", user_text=f"Which {n}?") for n in range(3)]
    first = Judge(FakeVLM(lambda request: request.user_text), tmp_path)
    asyncio.run(first.ask(requests[0]))
    whole = first.path.read_bytes()
    first.path.write_bytes(whole + whole[:40])
    first.path.chmod(0o444)
    again = Judge(FakeVLM(lambda request: request.user_text), tmp_path)  # reading changes nothing
    assert first.path.read_bytes() == whole + whole[:40]
    first.path.chmod(0o644)
    asyncio.run(again.ask(requests[1]))
    last = Judge(FakeVLM(lambda _: "another"), tmp_path)
    replies = [asyncio.run(last.ask(request)) for request in requests]
    assert [reply and reply.text for reply in replies] == ["Which 0?", "Which 1?", "another"]
