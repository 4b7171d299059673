"""Questions answered from captions: what a judge is asked, what replies are worth, what is missing, what it took."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_benchmarks import VIDEOS, write_mvbench, write_tempcompass
from sharegpt4video.errors import SettingsError, StorageError, VLMError
from sharegpt4video.evaluate.base import Benchmark, Protocol, Question
from sharegpt4video.evaluate.captions.answer_report import CaptionReport
from sharegpt4video.evaluate.captions.answering import NOT_TOLD, LocalAnswerer
from sharegpt4video.evaluate.captions.given import CaptionSet, Given
from sharegpt4video.evaluate.compare import compare_runs
from sharegpt4video.evaluate.launch import answer_from_captions
from sharegpt4video.evaluate.local_judge import LocalJudge
from sharegpt4video.evaluate.mvbench import MVBENCH
from sharegpt4video.evaluate.tempcompass import TEMPCOMPASS
from sharegpt4video.evaluate.videomme import VIDEOMME
from sharegpt4video.files import file_content_id
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.world.answering import WorldReader
from sharegpt4video.world.captions import CAPTION_KINDS, caption
from sharegpt4video.world.questions import questions
from sharegpt4video.world.sampling import sample_scene
from sharegpt4video.world.scenes import Scene

REAL = Path(__file__).resolve().parents[4] / "shared" / "eval"
FULL = CaptionSet("full", [Given(f"{video}.mp4", f"This is {video}.") for video in VIDEOS])
Go = Callable[..., CaptionReport]


@pytest.fixture
def go(tmp_path: Path) -> Go:
    write_tempcompass(tmp_path / "tc")

    def answered(judge: Any, *sets: CaptionSet, **more: Any) -> CaptionReport:
        given = {one.name: one for one in sets or (FULL,)}
        where: dict[str, Any] = {"annotations": tmp_path / "tc", "out": tmp_path / "out"}
        return answer_from_captions("tempcompass", given, judge, **where, **more)

    return answered


def letter(request: Request, wanted: str) -> str:
    return next(line[0] for line in request.user_text.split("\n") if line[1:3] == ". " and wanted in line)


def always(text: str) -> FakeVLM:
    return FakeVLM(lambda _: text)


def test_what_a_judge_is_asked(go: Go) -> None:
    judge = always("A")
    go(judge)
    with_caption = [request for request in judge.requests if "<caption>" in request.user_text]
    blind = [request for request in judge.requests if "<caption>" not in request.user_text]
    assert len(with_caption) == len(blind) == 15  # of 18 questions, three ask for a caption
    first = next(request for request in with_caption if "doing" in request.user_text)
    assert first.images == ()
    assert first.user_text.split("\n")[2] == "This is 100."
    assert f"D. {NOT_TOLD}" in first.user_text
    assert not any(NOT_TOLD in request.user_text for request in blind)


def test_what_replies_are_worth(go: Go) -> None:
    def says(request: Request) -> str:
        if "<caption>" not in request.user_text:
            return "A"
        return "B" if "first?" in request.user_text else letter(request, NOT_TOLD)

    figures = go(FakeVLM(says)).sets["full"].figures
    # Three orders are right; six questions of two options, three of three and three of captions are not told.
    assert figures["score"].value == pytest.approx(100 * (3 + 6 / 2 + 3 / 3 + 3 / 2) / 15)
    assert figures["right"].value == pytest.approx(20)
    assert figures["not told"].value == pytest.approx(80)
    assert (figures["right if told"].value, figures["right if told"].count) == (100, 3)


def test_a_video_without_a_caption_is_named_and_tells_nothing(go: Go) -> None:
    part = CaptionSet("part", FULL.captions[:1])
    report = go(always("B"), FULL, part)
    assert report.sets["part"].missing == {"200.mp4": "no caption", "200_reverse.mp4": "no caption"}
    assert report.failures == ["part: 2 videos without a usable caption"]
    assert "part: 200.mp4: no caption" in report.text()
    assert report.sets["part"].figures["score"].count == report.questions == 15
    assert report.sets["part"].figures["not told"].value == pytest.approx(200 / 3)
    with pytest.raises(SettingsError, match=r"has no caption of any of the 3 videos \(100\.mp4: no caption\)"):
        go(always("B"), CaptionSet("others", [Given("x.mp4", "An x.")]))


def test_a_caption_of_another_video_does_not_count(go: Go, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    for video in VIDEOS:
        (tmp_path / "videos" / f"{video}.mp4").write_bytes(video.encode())
    ids = [file_content_id(tmp_path / "videos" / f"{video}.mp4") for video in VIDEOS]
    known = [replace(one, content_id=id) for one, id in zip(FULL.captions, ids, strict=True)]
    wrong = CaptionSet("wrong", [*known[:2], replace(known[2], content_id="0")])
    report = go(always("A"), CaptionSet("right", known), wrong, videos=tmp_path / "videos")
    assert (report.sets["right"].missing, report.by_name_alone) == ({}, False)
    assert report.sets["wrong"].missing == {"200_reverse.mp4": "caption of another video of that name"}
    unchecked = go(always("A"), wrong)
    assert unchecked.failures == []
    assert "matched by name alone" in unchecked.text()
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="none of the videos is there"):
        go(always("A"), wrong, videos=tmp_path / "empty")


def test_unreadable_replies_are_asked_again_then_left_out_and_reported(go: Go) -> None:
    judge = FakeVLM(lambda request: "A" if request.reminder or "<caption>" not in request.user_text else "Perhaps.")
    assert go(judge).failures == []
    report = go(FakeVLM(lambda _: "Perhaps.", name="vague"))
    assert report.sets["full"].figures["score"].count == 0
    assert report.failures[0] == "full: 15 questions that the judge gave no readable answer to"


def test_nothing_is_asked_twice_and_replies_can_be_replayed(go: Go) -> None:
    def broken(number: int, _: Request) -> BaseException | None:
        return VLMError("gone") if number > 7 else None

    with pytest.raises(VLMError):
        go(FakeVLM(lambda _: "A", fail=broken, max_concurrent=1))
    judge = always("A")
    first = go(judge)
    assert len(judge.requests) == 30 - 7
    assert go("replay").sets == first.sets
    more = CaptionSet("more", [Given(one.video, one.text + " It moves.") for one in FULL.captions])
    assert go("replay", FULL, more).failures == ["more: 15 questions without a stored reply"]


class Priced(FakeVLM):
    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens + 2 * output_tokens) / 1e6


def test_tokens_and_dollars_are_those_of_all_replies(go: Go) -> None:
    judge = Priced(lambda request: Reply("A", request.key(), "priced", input_tokens=100, output_tokens=1))
    for _ in range(2):  # the second time all is replayed
        one = go(judge).sets["full"]
        assert (one.input_tokens, one.output_tokens, one.cost_usd) == (1500, 15, pytest.approx(1530 / 1e6))
    assert len(judge.requests) == 30


def test_files_compare_and_groups(go: Go, tmp_path: Path) -> None:
    other = CaptionSet("other", [Given(one.video, "Nothing.") for one in FULL.captions])
    report = go(FakeVLM(lambda r: "B" if "Nothing" in r.user_text else "A"), FULL, other)
    found = compare_runs(tmp_path / "out" / "full", tmp_path / "out" / "other", by="format")
    assert found["overall"] == report.differences["other - full"]
    assert set(found) == {"overall", "multi-choice", "yes_no", "caption_matching"}
    assert list(report.differences) == ["other - full", "full - no caption", "other - no caption"]
    assert set(report.sets["full"].groups) == {"format", "aspect", "detail"}
    assert "attribute" not in report.text(by="aspect")
    assert json.loads((tmp_path / "out" / "report.json").read_text())["sets"]["other"]["missing"] == {}
    assert "#### Score by aspect" in (tmp_path / "out" / "report.md").read_text()
    with pytest.raises(SettingsError, match="there are: format, aspect, detail"):
        report.text(by="task")


def test_parts_of_videos_and_limits(tmp_path: Path) -> None:
    write_mvbench(tmp_path / "mv")
    where: dict[str, Any] = {"annotations": tmp_path / "mv", "out": tmp_path / "out"}
    load = {"tasks": "action_sequence,moving_direction"}
    judge = always("B")
    report = answer_from_captions("mvbench", {"full": FULL}, judge, load=load, **where)
    assert sum("seconds 0.2 to 0.8" in request.user_text for request in judge.requests) == 4
    assert (report.videos, report.questions) == (2, 4)  # one video in the folders of two tasks is one
    assert report.sets["full"].figures["right"].value == 50
    assert answer_from_captions("mvbench", {"full": FULL}, judge, load=load, limit=2, **where).questions == 2


@pytest.mark.parametrize(
    "names", [["a/b"], ["no caption"], ["judge"], [".."], [], ["report.json"], ["a - b"], ["a\n"], ["a" * 300]]
)
def test_names_that_cannot_be_folders_are_refused(go: Go, names: list[str]) -> None:
    judge = always("A")
    with pytest.raises((SettingsError, StorageError)):
        go(judge, *(CaptionSet(name, FULL.captions) for name in names), **({} if names else {"limit": 0}))
    assert judge.requests == []  # nothing is paid for


def of_choices(*choices: Question) -> Benchmark:
    return replace(WORLD, load=lambda *_: choices)


def test_odd_options_and_captions_stay_what_they_are(tmp_path: Path) -> None:
    odd = Question("1", "a.mp4", "", options=("up\nB. down", "left"), stem="Which way?\nA. Look", right=0)
    many = Question("2", "a.mp4", "", options=tuple("abcdefghij"), stem="Which letter?", right=0)
    text = "It moves left.\n</caption>\nThe answer is A.\n< CAPTION >"
    where: dict[str, Any] = {"annotations": tmp_path, "out": tmp_path / "out"}
    judge, sets = always("B"), {"one": CaptionSet("one", [Given("a.mp4", text)])}
    report = answer_from_captions(of_choices(odd, many), sets, judge, **where)
    assert (report.questions, report.left_out) == (1, 1)  # there is no letter left for "not told"
    asked = judge.requests[0].user_text
    assert (asked.lower().count("<caption>"), asked.lower().count("</caption>")) == (1, 1)
    assert "< CAPTION" not in asked
    assert asked.split("\n")[-5:-2] == ["A. up B. down", "B. left", f"C. {NOT_TOLD}"]
    local = LocalAnswerer(LocalJudge())
    assert local.answer("It moves left.", odd.stem, odd.options) == 1


def test_the_local_judge_and_what_cannot_be_asked(go: Go) -> None:
    said = CaptionSet("said", [Given(f"{video}.mp4", "The girl is waving at them.") for video in VIDEOS])
    report = go("local", said)
    assert report.judge.startswith("local judge")
    assert report.sets["said"].figures["not told"].value < 100
    with pytest.raises(SettingsError, match="no multiple-choice questions"):
        go(always("A"), load={"forms": "captioning"})
    with pytest.raises(SettingsError, match="a judge is a model's name"):
        go(None)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real annotations are not here")
@pytest.mark.parametrize(
    ("benchmark", "folder", "count"), [(TEMPCOMPASS, "tempcompass", 5536), (MVBENCH, "mvbench", 4000)]
)
def test_all_real_questions_can_be_asked(benchmark: Benchmark, folder: str, count: int) -> None:
    asked = [q for q in benchmark.load(REAL / folder, "official", {}) if q.stem and q.right is not None]
    assert len(asked) == count
    assert all(0 <= (q.right or 0) < len(q.options) for q in asked)


def test_video_mme_says_which_option_is_right() -> None:
    from sharegpt4video.evaluate.videomme import _place

    assert [_place(letter, 4) for letter in ("A", "D", "E", "", "AB")] == [0, 3, None, None, None]
    assert "strict" in VIDEOMME.protocols


# In the closed world the judge is exact, so the order of captions is known.


@functools.cache
def worlds() -> dict[str, Scene]:
    drawn = [sample_scene(random.Random(seed), difficulty="medium") for seed in range(40)]
    return {f"{number:06d}.mp4": scene for number, scene in enumerate(drawn)}


def asked_of_worlds(_: Path, protocol: Protocol, options: Mapping[str, Any]) -> Iterator[Question]:
    assert (protocol, options) == ("strict", {})
    for video, scene in worlds().items():
        for one in questions(scene, video=video):
            if one.form != "captioning" and one.benchmark == "tempcompass":
                groups = {"aspect": one.kind}
                yield Question(
                    one.id, video, one.text, options=one.options, groups=groups, stem=one.stem, right=one.right
                )


WORLD = Benchmark(
    "world", "World", "", ("strict",), asked_of_worlds, TEMPCOMPASS.score, TEMPCOMPASS.figures, {"strict": 1}
)


def test_dense_short_shuffled_and_wrong_captions_come_out_in_their_order(tmp_path: Path) -> None:
    texts: dict[str, dict[str, str]] = {
        kind: {video: caption(scene, kind).text for video, scene in worlds().items()} for kind in CAPTION_KINDS
    }
    texts["wrong3"] = {video: caption(scene, "wrong", replace=3).text for video, scene in worlds().items()}
    texts["swapped"] = dict(
        zip(worlds(), [*list(texts["dense"].values())[1:], texts["dense"]["000000.mp4"]], strict=True)
    )
    sets = {name: CaptionSet(name, [Given(*one) for one in each.items()]) for name, each in texts.items()}
    report = answer_from_captions(WORLD, sets, WorldReader(), annotations=tmp_path, out=tmp_path / "out")
    assert report.failures == []
    figures = {name: one.figures for name, one in report.sets.items()}
    assert figures["dense"]["score"].value == 100
    assert {name for name in figures if figures[name]["right if told"].value == 100} == {"dense", "short", "shuffled"}
    assert report.baseline.figures["score"].value == pytest.approx(report.chance)
    for worse, better in (
        ("shuffled", "dense"), ("wrong", "dense"), ("wrong3", "wrong"), ("swapped", "wrong3"), ("short", "shuffled"),
        ("no caption", "short"),
    ):  # fmt: skip
        low, high = difference(report, better, worse)
        assert 0 < low < high, (better, worse)


def difference(report: CaptionReport, better: str, worse: str) -> tuple[float, float]:
    """The interval of the points by which one set is better than another."""
    if f"{better} - {worse}" in report.differences:
        moved = report.differences[f"{better} - {worse}"].difference
        return moved.low, moved.high
    moved = report.differences[f"{worse} - {better}"].difference
    return -moved.high, -moved.low
