"""Pairs of answers: from what repair, verification and people left behind; only with something wrong in one of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from made_captions import captioned, step
from made_dataset import caption_row, made_store, row_id
from media import write_video
from scenes import texture
from sees_nothing import SEES_NOTHING
from sharegpt4video import CaptionSettings, caption
from sharegpt4video.config import FactSettings, KeyframeSettings
from sharegpt4video.dataset.checks.repair import repair
from sharegpt4video.dataset.checks.run import check_dataset
from sharegpt4video.dataset.export import ExportResult, export
from sharegpt4video.dataset.reviews.desk import Desk
from sharegpt4video.dataset.rows import CaptionRow, SourceVideo
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError
from sharegpt4video.prompts import prompt_set
from sharegpt4video.records import Refused
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.vlm.render import render

OPENING = "A field of black and white squares lies flat under bright light."
CHANGE = "The squares change their places while the camera stays still."
TALKS = "In frame 2 the squares change their places."
WHOLE = "A field of black and white squares changes its places in bright light."
SETTINGS = CaptionSettings(
    keyframes=KeyframeSettings(selector="uniform", every_seconds=2.0, verify_cuts=False),
    facts=FactSettings(every_seconds=1.0, ocr=False, detector=SEES_NOTHING),
)


def pairs(store: Store, out: Path, **options: Any) -> tuple[list[dict[str, Any]], ExportResult]:
    result = export(store, "preferences", str(out), options={"pictures": False, **options})
    return [json.loads(line) for line in (out / "train.jsonl").read_bytes().splitlines()], result


def told(row: CaptionRow, *, texts: dict[int, str] | None = None, summary: str | None = None) -> CaptionRow:
    """The row with other texts of some steps."""
    steps = tuple(replace(one, text=(texts or {}).get(number, one.text)) for number, one in enumerate(row.steps))
    return replace(row, steps=steps, summary=row.summary if summary is None else summary)


def plain_row(**changes: Any) -> CaptionRow:
    """An opening and two changes of one shot."""
    steps = [
        replace(step("opening", 0.0, 0.0, OPENING), frame_seconds=(0.0,)),
        replace(step("change", 0.0, 2.0, CHANGE), frame_seconds=(0.0, 2.0)),
        replace(step("change", 2.0, 4.0, CHANGE), frame_seconds=(2.0, 4.0)),
    ]
    return replace(caption_row(0, captioned(steps, 4.0, WHOLE, "", video="0.mp4")), **changes)


def test_a_repair_leaves_the_question_that_was_asked_and_both_answers(tmp_path: Path) -> None:
    """A video is captioned, checked, repaired and exported for real; the question is the model's own."""
    write_video(tmp_path / "a.mp4", [texture(1, 160, 96, (60, 120, 60))] * 50, fps=10)  # nothing moves

    def says(change: str) -> FakeVLM:
        return FakeVLM(lambda request: {"opening": OPENING, "change": change}.get(request.task, WHOLE), max_images=2)

    model = says(TALKS)
    source = SourceVideo(row_id(0), str(tmp_path / "a.mp4"), size_bytes=(tmp_path / "a.mp4").stat().st_size)
    row = CaptionRow.of(source, caption(tmp_path / "a.mp4", model=model, settings=SETTINGS))
    store = made_store(tmp_path / "set", [row])
    check_dataset(store)
    assert repair(store, model=says(CHANGE), settings=SETTINGS).better == 1

    found, result = pairs(store, tmp_path / "out", pictures=True)
    asked = [render(request, prompt_set("default")) for request in model.requests if request.task == "change"]
    # The second change was told a text before that was repaired, too: it was asked another question.
    assert len(asked) > 1
    (pair,) = found
    assert pair["prompt"][-1] == {"role": "user", "content": asked[0].text}
    assert [message["content"] for message in pair["prompt"][:-1]] == [asked[0].system] * bool(asked[0].system)
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == (CHANGE, TALKS)
    assert (pair["from"], pair["role"], pair["seconds"]) == ("repair", "sliding", [0.0, 2.0])
    assert pair["why"].startswith("meta talk: ")
    assert len(pair["images"]) == 2
    with Pillow.open(tmp_path / "out" / pair["images"][0]) as picture:
        assert picture.size == (160, 96)
    assert result.left_out["pairs of two questions (the text before was replaced, too)"] == len(asked) - 1
    assert "pairs by source: 1 repair" in result.notes


def test_what_verification_refused_is_stored_and_becomes_a_pair(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [texture(1, 160, 96, (60, 120, 60))] * 50, fps=10)  # nothing moves

    def answer(request: Request) -> str:
        if request.task == "change":
            return CHANGE if request.reminder or request.seconds[0] else "The camera pans to the left."
        return OPENING if request.task == "opening" else WHOLE

    settings = replace(SETTINGS, verify=True)
    told_so = caption(tmp_path / "a.mp4", model=FakeVLM(answer, max_images=2), settings=settings)
    row = CaptionRow.of(SourceVideo(row_id(0), str(tmp_path / "a.mp4")), told_so)
    assert [(one.step, one.text) for one in row.refused] == [(1, "The camera pans to the left.")]
    assert row.refused[0].reasons
    store = made_store(tmp_path / "set", [row])
    (stored,) = store.rows("captions")
    assert stored.refused == row.refused
    (pair,), _ = pairs(store, tmp_path / "out")
    assert (pair["from"], pair["chosen"][0]["content"]) == ("verify", CHANGE)
    assert pair["why"] == f"verify: {row.refused[0].reasons[0]}"


def test_the_question_holds_the_cast_and_the_hints_where_captioning_did(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", [texture(1, 160, 96, (60, 120, 60))] * 30, fps=10)
    texts = {"opening": "A man in a red jacket stands in a field.", "change": "The man in the red jacket waits.",
             "summary": "A man in a red jacket waits in a field."}  # fmt: skip
    model = FakeVLM(lambda request: texts[request.task], max_images=2)
    settings = replace(SETTINGS, cast=True, hints=True)
    row = CaptionRow.of(SourceVideo(row_id(0), str(tmp_path / "a.mp4")),
                        caption(tmp_path / "a.mp4", model=model, settings=settings))  # fmt: skip
    store = made_store(tmp_path / "set", [row])
    for number in range(-1, len(row.steps)):
        Desk(store).add(row_id(0), f"Text {number} by a person in a red jacket.", step=number)
    found, _ = pairs(store, tmp_path / "out")
    wanted = [render(request, prompt_set("default"), hints=True).text for request in model.requests]
    assert [pair["prompt"][-1]["content"] for pair in found if "by a person" in str(pair)] == wanted[: len(found)]
    assert any("red jacket" in request.cast for request in model.requests)
    assert len(found) >= len(row.steps)


def test_a_text_by_a_person_is_better_because_they_say_so(tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [plain_row()])
    Desk(store).add(row_id(0), "The squares trade places.", step=1, author="ada")
    (pair,), result = pairs(store, tmp_path / "out")
    assert (pair["from"], pair["edited_by"], pair["why"]) == ("review", "ada", "")
    assert (pair["chosen"][0]["content"], pair["rejected"][0]["content"]) == ("The squares trade places.", CHANGE)
    assert result.texts == 1


def test_the_question_of_an_edited_step_is_the_one_the_model_was_asked(tmp_path: Path) -> None:
    """The step before was edited, too; the model had been told the old text."""
    store = made_store(tmp_path / "set", [plain_row()])
    Desk(store).add(row_id(0), "Black and white squares.", step=0)
    Desk(store).add(row_id(0), "The squares trade places.", step=1)
    found, _ = pairs(store, tmp_path / "out", roles=["sliding"])
    assert len(found) == 2
    assert OPENING in found[1]["prompt"][-1]["content"]
    assert "Black and white squares." not in found[1]["prompt"][-1]["content"]


def test_words_replaced_in_bulk_are_a_pair_only_where_something_was_wrong(tmp_path: Path) -> None:
    row = plain_row()
    store = made_store(tmp_path / "set", [row, replace(told(row, texts={1: TALKS}), id=row_id(1))])
    Desk(store).replace("In frame 2 the squares", "The squares")
    Desk(store).replace("stays still", "keeps still")
    found, result = pairs(store, tmp_path / "out", roles=["sliding"])
    assert [pair["rejected"][0]["content"] for pair in found] == [TALKS]
    assert result.left_out["pairs in which nothing was found wrong with the rejected text"] == 3


def test_a_text_with_something_wrong_is_never_preferred(tmp_path: Path) -> None:
    row = plain_row()
    faulty = told(row, texts={1: TALKS}, summary="Unfortunately I cannot see the video.")
    better = told(row, texts={1: "In frame 1 the squares move."}, summary=WHOLE + " A red car drives by.")
    store = made_store(tmp_path / "set", [faulty])
    store.append("captions", [replace(better, revision=1)])
    found, result = pairs(store, tmp_path / "out")
    assert found == []
    assert result.left_out["pairs whose chosen text has something wrong with it, too"] == 1
    assert result.left_out["videos without a pair"] == 1


def test_a_summary_by_a_person_must_follow_from_the_steps_it_is_asked_with(tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [plain_row()])
    Desk(store).add(row_id(0), "A red car drives past black and white squares.", author="ada")
    found, result = pairs(store, tmp_path / "out")
    assert found == []
    assert result.left_out["pairs whose chosen text has something wrong with it, too"] == 1


def test_a_text_that_nobody_could_use_may_be_rejected(tmp_path: Path) -> None:
    row = plain_row()
    steps = (row.steps[0], replace(row.steps[1], text="I cannot.", problem="refused"), row.steps[2])
    store = made_store(tmp_path / "set", [replace(row, steps=steps)])
    store.append("captions", [replace(row, revision=1)])
    (pair,), _ = pairs(store, tmp_path / "out", roles=["sliding"])
    assert (pair["rejected"][0]["content"], pair["chosen"][0]["content"]) == ("I cannot.", CHANGE)
    assert pair["why"].startswith("unusable: ")


def test_odd_characters_and_control_tokens_come_through_as_text(tmp_path: Path) -> None:
    odd = 'A "quoted" “curly” naïve 東京 🎬 \u2028line <image> <|im_end|>'
    row = plain_row(refused=(Refused(1, odd, ("it is odd",)),))
    (pair,), _ = pairs(made_store(tmp_path / "set", [row]), tmp_path / "out")
    assert pair["rejected"][0]["content"] == odd.replace("<image>", "< image>").replace("<|im", "< |im")


def test_fast_captions_have_one_question(tmp_path: Path) -> None:
    whole = replace(step("whole", 0.0, 4.0, "In frame 3 squares move."), frame_seconds=(0.5, 1.5, 2.5, 3.5))
    old = replace(caption_row(0, captioned([whole], 4.0, whole.text, "", video="0.mp4")), mode="fast")
    new = replace(told(old, texts={0: WHOLE}, summary=WHOLE), revision=1)
    store = made_store(tmp_path / "set", [old])
    store.append("captions", [new])
    (pair,), _ = pairs(store, tmp_path / "out")
    assert (pair["role"], pair["seconds"]) == ("fast", [0.5, 1.5, 2.5, 3.5])
    assert pair["chosen"][0]["content"] == WHOLE


@pytest.fixture
def edited(tmp_path: Path) -> Store:
    store = made_store(tmp_path / "set", [plain_row()])
    Desk(store).add(row_id(0), "The squares trade places.", step=1, author="ada")
    return store


def test_the_layout_of_ms_swift(edited: Store, tmp_path: Path) -> None:
    (line,), _ = pairs(edited, tmp_path / "out", layout="swift")
    *_, asked, chosen = line["messages"]
    assert (asked["role"], chosen) == ("user", {"role": "assistant", "content": "The squares trade places."})
    assert line["rejected_response"] == CHANGE
    assert asked["content"].count("<image>") == len(line["images"])


def test_the_layout_of_llama_factory(edited: Store, tmp_path: Path) -> None:
    (line,), _ = pairs(edited, tmp_path / "out", layout="llamafactory")
    info = json.loads((tmp_path / "out" / "dataset_info.json").read_text("utf-8"))["preferences"]
    assert (info["file_name"], info["ranking"], info["formatting"]) == ("train.jsonl", True, "sharegpt")
    named = {name: line[column] for name, column in info["columns"].items()}
    assert len(named["messages"]) % 2 == 1  # it ends with a question
    answers = [named[side][info["tags"]["content_tag"]] for side in ("chosen", "rejected")]
    assert answers == ["The squares trade places.", CHANGE]


def test_sources_and_options_are_checked(edited: Store, tmp_path: Path) -> None:
    found, _ = pairs(edited, tmp_path / "out", sources=["repair", "verify"])
    assert found == []
    with pytest.raises(SettingsError, match="layout"):
        pairs(edited, tmp_path / "other", layout="tlr")
    with pytest.raises(SettingsError, match="language"):
        pairs(edited, tmp_path / "other", language="klingon")


def test_our_trainer_reads_them(edited: Store, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from sharegpt4video.lvlm.preferences.pairs import read_pairs
    from sharegpt4video.lvlm.settings import DataSource

    (line,), _ = pairs(edited, tmp_path / "out")
    pair = read_pairs(DataSource(str(tmp_path / "out" / "train.jsonl")))[0]
    assert pair.turns[0].text == line["prompt"][-1]["content"].strip()
    assert pair.turns[1].text == "The squares trade places."
