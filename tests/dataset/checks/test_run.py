"""Checks over a whole data set: everything once, nothing twice, and what changes when captions are added."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from chat_server import ChatServer, Received, answer
from made_requests import server_vlm
from made_rows import SUMMARY, TEXTS, row_of
from meeting import Meeting
from no_room import no_room_once
from sharegpt4video.dataset.checks import run, severity
from sharegpt4video.dataset.checks.run import check_dataset
from sharegpt4video.dataset.rows import CaptionRow, Checked
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, StorageError, VLMError
from sharegpt4video.records import Finding
from sharegpt4video.vlm.embedded import EmbeddedVLM
from sharegpt4video.vlm.fake import FakeVLM, fail_after

_WORDS = """
answer season reason thought history moment method option matter pattern effort effect degree balance quality measure
manner purpose promise question theory culture courage custom danger decade demand design desire detail duty energy
engine estate factor failure feature figure formula freedom future habit honour hunger income insight issue justice
labour lesson limit market memory mercy motive nature notion object office opinion outcome
"""
WORDS = _WORDS.split()
LONG = " ".join(f"In part {number} the man passes a tree with {number} birds on it." for number in range(4))


def numbered(count: int, first: int = 1) -> list[CaptionRow]:
    """Good captions, each with words of its own (no sense, and no two alike) and a number that it tells."""
    rows = []
    for number in range(first, first + count):
        own = " ".join(random.Random(number).choices(WORDS, k=16)).capitalize()
        texts = tuple(f"{text} {own}, which is number {number}." for text in TEXTS)
        rows.append(row_of(texts, f"{SUMMARY} {own}, which is number {number}.", number=number))
    return rows


def stored(store: Store) -> dict[int, Checked]:
    return {int(row.id, 16): row for row in store.rows("checks")}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "set")


def test_every_caption_is_checked_once(store: Store) -> None:
    good, bad = numbered(5), row_of((TEXTS[0], "He walks to the bench and", TEXTS[2]), number=9)
    store.append("captions", [*good, bad])
    told = []
    result = check_dataset(store, on_progress=lambda done, total: told.append((done, total)))
    assert (result.checked, result.captions, result.faulty) == (6, 6, 1)
    assert dict(result.faulty_by) == {"cut off": 1}
    assert told[-1] == (6, 6)
    assert [finding.check for finding in stored(store)[9].findings] == ["cut off"]
    assert "cut off" in result.text()
    parts = store.parts("checks")
    again = check_dataset(store)
    assert (again.checked, again.captions, again.faulty) == (0, 6, 1)
    assert store.parts("checks") == parts


def test_new_captions_and_new_revisions_are_checked_and_the_rest_is_not(store: Store) -> None:
    store.append("captions", numbered(3))
    check_dataset(store)
    store.append("captions", [*numbered(2, 4), replace(numbered(1)[0], revision=1, summary="Null")])
    assert check_dataset(store).checked == 3
    assert stored(store)[1].revision == 1
    assert stored(store)[1].findings


def test_an_empty_data_set(store: Store) -> None:
    assert check_dataset(store).captions == 0
    assert "0 captions checked" in check_dataset(store).text()


def test_one_text_on_several_videos_is_reported_on_each_also_on_those_checked_before(store: Store) -> None:
    first = row_of((LONG,), LONG, number=1)
    store.append("captions", [first, *numbered(3, 10)])
    assert "repeated" not in check_dataset(store).faulty_by
    store.append("captions", [replace(first, id=f"{2:032x}")])
    result = check_dataset(store)
    assert (result.checked, result.updated, result.faulty_by["repeated"]) == (1, 1, 2)
    for number in (1, 2):
        (finding,) = [finding for finding in stored(store)[number].findings if finding.check == "repeated"]
        assert f"{1:032x}" in finding.reason
    store.append("captions", [replace(first, id=f"{2:032x}", revision=1, summary=f"{SUMMARY} That is all there is.")])
    assert check_dataset(store).faulty_by["repeated"] == 0


def verdict(received: Received) -> str:
    return (
        '{"unsupported": [{"claim": "A man in a red jacket walks across a park", "why": "it is green"}]}'
        if "number 2" in received.text
        else '{"unsupported": []}'
    )


def test_a_judge_behind_a_real_server(store: Store) -> None:
    store.append("captions", numbered(6))
    check_dataset(store)
    with ChatServer(default=answer(verdict)) as server:
        judge = server_vlm(server.base_url)
        result = check_dataset(store, judge=judge)
        assert (result.judged, result.faulty_by["judge"], len(server.received)) == (6, 1, 6)
        assert "You describe videos" not in str(server.received[0].body["messages"])
        assert stored(store)[2].judge == judge.name
        check_dataset(store, judge=judge)
        assert len(server.received) == 6
    check_dataset(store)  # a run without a judge forgets no verdict
    assert stored(store)[2].judge


def test_a_judge_that_cannot_answer_is_no_pass(store: Store) -> None:
    store.append("captions", numbered(3))
    result = check_dataset(store, judge=FakeVLM(lambda _request: "All is well.", name="chatty"))
    assert (result.judged, sum(result.unjudged.values())) == (0, 3)
    assert {row.judge for row in store.rows("checks")} == {""}
    assert "3 without a verdict" in result.text()
    asked_again = FakeVLM(name="strict")
    assert check_dataset(store, judge=asked_again).judged == 3
    assert len(asked_again.requests) == 3


def test_the_judge_is_kept_busy_and_its_replies_stay_with_their_captions(store: Store) -> None:
    store.append("captions", numbered(40))

    def delays(number: int, _request: object) -> float:
        return 0.002 * (number % 5)

    judge = Meeting(lambda request: verdict_for(request.user_text), delay_seconds=delays, max_concurrent=8, count=8)
    check_dataset(store, judge=judge)
    assert judge.most == 8
    for number, row in stored(store).items():
        assert f"number {number}" in row.findings[0].reason


def verdict_for(text: str) -> str:
    summary = text.split("<<<")[-1].split(">>>")[0]
    claim = summary.split(". ")[-1].strip().rstrip(".")
    return f'{{"unsupported": [{{"claim": "{claim}", "why": "no"}}]}}'


def test_what_was_found_before_the_judge_was_gone_is_kept(store: Store) -> None:
    store.append("captions", numbered(30))
    with pytest.raises(VLMError):
        check_dataset(store, judge=FakeVLM(fail=fail_after(10), max_concurrent=2))
    assert 0 < len(stored(store)) < 30
    kept = len(stored(store))
    assert check_dataset(store, judge=FakeVLM()).judged == 30 - kept
    assert {row.judge for row in store.rows("checks")} == {"fake"}


def test_what_could_not_be_written_is_tried_again_at_the_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append("captions", numbered(3))
    monkeypatch.setattr(run, "PART_ROWS", 2)
    with no_room_once(store, "checks"), pytest.raises(StorageError, match="no room"):
        check_dataset(store)
    assert len(stored(store)) == 2


def test_the_embedded_model_is_refused_as_a_judge(store: Store) -> None:
    with pytest.raises(SettingsError, match="cannot judge"):
        check_dataset(store, judge=EmbeddedVLM())


def test_the_worst_captions_come_first() -> None:
    refusal, cut, loop = Finding("refusal", -1, ""), Finding("cut off", 1, ""), Finding("loop", 2, "")
    assert severity([]) == 0
    assert severity([refusal, loop]) > severity([refusal]) > severity([cut, cut]) > severity([cut]) > 0
    assert severity([cut] * 50) < severity([refusal, loop])


def test_texts_that_fit_another_video_are_written_down_and_stay_when_a_judge_looks_again(store: Store) -> None:
    rows = []
    for number in range(1, 41):
        own = [f"{WORDS[(7 * number + place) % len(WORDS)]}{number}x" for place in range(9)]
        texts = tuple(f"A man stands by the {' and the '.join(own[part:])} and waits." for part in range(3))
        rows.append(row_of(texts, SUMMARY, number=number, location=f"{number}.mp4"))
    one, other = rows[29], rows[33]
    rows[29] = replace(one, steps=(one.steps[0], replace(one.steps[1], text=other.steps[1].text), one.steps[2]))
    rows[33] = replace(other, steps=(other.steps[0], replace(other.steps[1], text=one.steps[1].text), other.steps[2]))
    store.append("captions", rows)
    assert check_dataset(store).faulty_by["mixed up"] == 2

    def found() -> set[tuple[int, int]]:
        told = stored(store).items()
        return {(number, one.step) for number, row in told for one in row.findings if one.check == "mixed up"}

    assert found() == {(30, 1), (34, 1)}
    verdict = FakeVLM(lambda _: '{"unsupported": []}')
    assert check_dataset(store, judge=verdict).judged == 40
    assert found() == {(30, 1), (34, 1)}
    store.append("captions", [replace(one, revision=1)])
    check_dataset(store)
    assert found() == {(34, 1)}
