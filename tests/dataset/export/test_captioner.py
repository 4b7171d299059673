import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as Pillow

from made_captions import captioned, step
from made_dataset import caption_row, clip_of, made_store
from media import number_of, numbered_run, write_video
from sees_nothing import SEES_NOTHING
from sharegpt4video import CaptionSettings, caption
from sharegpt4video.config import FactSettings, KeyframeSettings
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.export.roles import first_sentence
from sharegpt4video.dataset.rows import CaptionRow, ShortCaption, SourceVideo
from sharegpt4video.lvlm.data.samples import sample_of
from sharegpt4video.prompts import prompt_set
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM
from sharegpt4video.vlm.render import render

EVERY_FRAME = KeyframeSettings(selector="uniform", every_seconds=2.0)
FEW_FACTS = FactSettings(every_seconds=4.0, ocr=False, detector=SEES_NOTHING)  # nothing here is about them


@pytest.fixture
def video(tmp_path: Path) -> Path:
    write_video(tmp_path / "a.mp4", numbered_run(80, 320, 240), fps=10)
    return tmp_path / "a.mp4"


def samples(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "train.json").read_text("utf-8"))


def asked(requests: list[Request], name: str) -> list[str]:
    return [render(request, prompt_set(name)).text for request in requests]


@pytest.mark.parametrize("prompts", ["default", "paper"])
def test_the_questions_are_those_the_model_was_asked(video: Path, prompts: str, tmp_path: Path) -> None:
    """A video is really captioned; what the model got then is what the training data ask, word for word."""
    settings = CaptionSettings(prompts=prompts, keyframes=EVERY_FRAME, facts=FEW_FACTS)
    model = FakeVLM(max_images=2)
    told = caption(video, model=model, settings=settings)
    assert len(told.steps) > 3
    row = CaptionRow.of(SourceVideo("0" * 31 + "1", str(video)), told)
    store = made_store(tmp_path / "set", [row])
    export(store, "captioner", str(tmp_path / "out"), options={"roles": ["sliding", "summary"]})
    found = samples(tmp_path / "out")
    human = [sample["conversations"][0]["value"].replace("<image>\n", "") for sample in found]
    assert human == asked(model.requests, prompts)
    assert [sample["conversations"][1]["value"] for sample in found] == [*(s.text for s in told.steps), told.summary]
    assert {sample["system"] for sample in found} == {prompt_set(prompts).system}
    assert [len(sample.get("image", [])) for sample in found] == [len(request.images) for request in model.requests]


def test_the_question_of_fast_mode_too(video: Path, tmp_path: Path) -> None:
    model = FakeVLM(max_images=1)
    told = caption(video, model=model, settings=CaptionSettings(mode="fast", facts=FEW_FACTS))
    store = made_store(tmp_path / "set", [CaptionRow.of(SourceVideo("0" * 31 + "1", str(video)), told)])
    export(store, "captioner", str(tmp_path / "out"), options={"max_images": 1})
    (fast,) = [sample for sample in samples(tmp_path / "out") if sample["role"] == "fast"]
    assert fast["conversations"][0]["value"] == "<image>\n" + asked(model.requests, "default")[0]
    assert len(fast["image"]) == 1


def test_a_fast_sample_of_another_caption_shows_the_middles_of_equal_parts(tmp_path: Path) -> None:
    row = caption_row(0)
    store = made_store(tmp_path / "set", [row])
    store.append("clips", [clip_of(row, 0, 1), clip_of(row, 2, 3, text="They sit.")])
    options = {"roles": ["fast"], "frames": 4, "pictures": False}
    export(store, "captioner", str(tmp_path / "out"), clips=True, options=options)
    assert [sample["seconds"] for sample in samples(tmp_path / "out")] == [
        [1.0, 3.0, 5.0, 7.0],
        [0.25, 0.75, 1.25, 1.75],
        [2.75, 4.25, 5.75, 7.25],
    ]


def test_a_chain_without_its_opening_shows_the_frames_of_its_changes(tmp_path: Path) -> None:
    row = caption_row(0)
    store = made_store(tmp_path / "set", [replace(row, steps=row.steps[1:])])
    export(store, "captioner", str(tmp_path / "out"), options={"roles": ["sliding"], "pictures": False})
    found = samples(tmp_path / "out")
    assert [sample["seconds"] for sample in found] == [[0.0, 2.0], [2.0, 4.0], [4.0]]
    assert [sample["task"] for sample in found] == ["change", "change", "opening"]


def test_steps_are_told_although_the_summary_has_a_problem(tmp_path: Path) -> None:
    row = replace(caption_row(0), summary_problem="cut off")
    export(made_store(tmp_path / "set", [row]), "captioner", str(tmp_path / "out"), options={"pictures": False})
    assert {sample["role"] for sample in samples(tmp_path / "out")} == {"sliding"}


def test_pictures_are_the_frames_of_the_steps(video: Path, tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [caption_row(0, location=str(video))])
    export(store, "captioner", str(tmp_path / "out"), options={"roles": ["sliding"]})
    found = samples(tmp_path / "out")
    numbers = []
    for sample in found:
        shown = []
        for name in sample["image"]:
            with Pillow.open(io.BytesIO((tmp_path / "out" / name).read_bytes())) as opened:
                import numpy as np

                shown.append(number_of(np.array(opened.convert("RGB"))))
        numbers.append(shown)
    assert numbers == [[0], [0, 20], [20, 40], [40]]
    assert found[1]["image"][1] == found[2]["image"][0]  # written once, shown by both


def test_the_trained_prompts_stack_the_pair_in_one_picture(video: Path, tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [caption_row(0, location=str(video))])
    export(store, "captioner", str(tmp_path / "out"), options={"roles": ["sliding"], "prompts": "sharecaptioner"})
    change = samples(tmp_path / "out")[1]
    assert change["conversations"][0]["value"] == (
        "<image>\nHere are the Video frame 1 at 0.00 Second(s) and Video frame 2 at 2.00 Second(s) of a video, describe"
        " what happend between them. What happend before is: Room 0 is empty."
    )
    with Pillow.open(tmp_path / "out" / change["image"][0]) as opened:
        assert opened.size == (320, 2 * 240 + 50)


def test_a_text_with_a_problem_is_no_answer_and_no_context(tmp_path: Path) -> None:
    row = caption_row(0)
    bad = replace(row.steps[1], text="I cannot help", problem="refused")
    row = replace(row, steps=(row.steps[0], bad, *row.steps[2:]))
    store = made_store(tmp_path / "set", [row])
    result = export(store, "captioner", str(tmp_path / "out"), options={"pictures": False})
    found = {sample["id"].split("-", 1)[1]: sample for sample in samples(tmp_path / "out")}
    assert "sliding-0001" not in found
    assert result.left_out["steps without a usable text, or whose frames' times are unknown"] == 1
    assert "<<<Room 0 is empty.>>>" in found["sliding-0002"]["conversations"][0]["value"]
    assert "(there is no description of this part)" in found["summary"]["conversations"][0]["value"]


def test_where_the_short_prompt_comes_from(tmp_path: Path) -> None:
    rows = [caption_row(number) for number in range(3)]
    store = made_store(tmp_path / "set", [])
    store.append("sources", [SourceVideo(rows[0].id, "a", caption="my own words")])
    shorts = [ShortCaption(row.id, f"short {n}", "", row.provenance) for n, row in enumerate(rows[:2])]
    store.append("shorts", [*shorts, ShortCaption(rows[2].id, "half", "cut off", rows[2].provenance)])
    store.append("captions", rows)
    export(store, "captioner", str(tmp_path / "out"), options={"roles": ["recaption"], "pictures": False})
    found = samples(tmp_path / "out")
    assert [sample["prompt_from"] for sample in found] == [
        "user caption",
        "short caption",
        "first sentence of the caption",
    ]
    for sample, short in zip(found, ["my own words", "short 1", "Person 2 sits down in a room."], strict=True):
        assert f"<<<{short}>>>" in sample["conversations"][0]["value"]
        assert "image" not in sample


def test_a_caption_is_no_prompt_for_itself(tmp_path: Path) -> None:
    row = replace(caption_row(0), summary="A single sentence.")
    result = export(made_store(tmp_path / "set", [row]), "captioner", str(tmp_path / "out"),
                    options={"roles": ["recaption", "summary"], "pictures": False})  # fmt: skip
    assert [sample["role"] for sample in samples(tmp_path / "out")] == ["summary"]
    assert result.left_out == {"prompts to re-caption that would be the whole caption": 1}


def test_our_trainer_is_given_the_very_question(tmp_path: Path) -> None:
    """A question of these prompts ends in a blank."""
    export(made_store(tmp_path / "set", [caption_row(0)]), "captioner", str(tmp_path / "out"),
           options={"roles": ["summary"], "prompts": "sharecaptioner", "pictures": False})  # fmt: skip
    (sample,) = samples(tmp_path / "out")
    asked_for = sample["conversations"][0]["value"]
    assert asked_for != asked_for.strip()
    assert sample_of(sample, "x", tmp_path, 1).turns[0].text == asked_for


def test_clips_give_clip_summaries(tmp_path: Path) -> None:
    row = caption_row(0)
    store = made_store(tmp_path / "set", [row])
    clip = clip_of(row, 2, 3, text="They sit; then rain.")
    store.append("clips", [clip])
    export(store, "captioner", str(tmp_path / "out"), clips=True, options={"roles": ["summary"], "pictures": False})
    whole, part = samples(tmp_path / "out")
    assert "Person 0 comes in." in whole["conversations"][0]["value"]
    question = part["conversations"][0]["value"]
    assert "Person 0 comes in." not in question
    assert "before the part asked about; only to know who and what is there] Room 0 is empty." in question
    assert part["conversations"][1]["value"] == "They sit; then rain."


def test_summaries_that_were_made_in_several_rounds_are_counted_out(tmp_path: Path) -> None:
    steps = [replace(step("opening", 0.0, 0.0, "Begin."), frame_seconds=(0.0,))]
    steps += [step("change", float(n), n + 1.0, f"Step {n}.") for n in range(60)]
    store = made_store(tmp_path / "set", [caption_row(0, captioned(steps, 60.0))])
    result = export(store, "captioner", str(tmp_path / "out"), options={"roles": ["summary"], "pictures": False})
    assert result.left_out["summaries of more than 40 steps (what was asked last is not stored)"] == 1
    assert not [note for note in result.notes if "first of" in note], "there is no example to name"
    assert (result.splits, result.videos) == ({}, 0)
    assert samples(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One. Two.", "One."),
        ("It costs 3.50 euros. Then.", "It costs 3.50 euros."),
        ("什么？第二。", "什么？"),
        ("no end", "no end"),
        ("", ""),
    ],
)
def test_the_first_sentence(text: str, first: str) -> None:
    assert first_sentence(text) == first
