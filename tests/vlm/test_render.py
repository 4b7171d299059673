"""From requests to words: every task in every set, gaps, context, reminders, and texts that are left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharegpt4video.prompts import PROMPT_SETS, prompt_set
from sharegpt4video.records import CameraMotion, Facts, Image, Look, PictureMotion, Step
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.render import Prompt, render

DEFAULT = prompt_set("default")
PICTURE = Image(b"jpeg", 8, 8)
PAN = Facts(
    2.0,
    4.0,
    CameraMotion(pan_widths=-0.12, moves=("pan left",), confidence=0.9),
    PictureMotion(0, 0, None),
    Look(0.5, 0.1, 100, (("red", 0.4),)),
)


def step(start: float, end: float, text: str, *, shot: int = 0, problem: str = "") -> Step:
    seconds = (start,) if start == end else (start, end)
    return Step("opening" if start == end else "change", start, end, text, shot, seconds, (), problem)


def change(**more: object) -> Request:
    return Request("change", seconds=(2.0, 4.0), facts=(PAN,), start_seconds=2.0, end_seconds=4.0, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("prompts", PROMPT_SETS.values(), ids=lambda prompts: prompts.name)
def test_every_set_has_words_for_every_task(prompts) -> None:  # type: ignore[no-untyped-def]
    steps = (step(0, 0, "A cat."), step(0, 4, "It jumps."))
    for request in (
        Request("opening", seconds=(0.0,)),
        change(),
        Request("fast", seconds=(0.0, 2.0), layout=prompts.fast_layout, end_seconds=4.0),
        Request("summary", steps=steps, end_seconds=4.0),
        Request("fold", steps=steps, end_seconds=4.0),
        Request("recaption", user_text="a cat"),
    ):
        prompt = render(request, prompts)
        assert len(prompt.text) >= 19
        assert prompt.max_tokens >= 256
        assert "{" not in prompt.text
        assert prompt.system == prompts.system


@pytest.mark.parametrize(
    ("layout", "images", "said"),
    [
        ("separate", 2, "The 2 pictures are frames of one video, in this order, at 2.00, 4.00 s."),
        ("separate", 1, "the upper one is at 2.00 s, the lower one at 4.00 s"),  # joined for a model that takes one
        ("pair", 1, "the upper one is at 2.00 s, the lower one at 4.00 s"),
        ("pair", 0, "the upper one is at 2.00 s, the lower one at 4.00 s"),
        ("grid", 1, "a grid of 2 frames"),
        ("strip", 1, "one below the other"),
    ],
)
def test_the_words_fit_how_the_pictures_lie(layout: str, images: int, said: str) -> None:
    assert said in render(change(layout=layout, images=(PICTURE,) * images), DEFAULT).text


def test_many_separate_frames_in_one_picture_are_a_grid() -> None:
    request = Request("fast", images=(PICTURE,), seconds=(0.0, 1.5, 3.0), layout="separate", end_seconds=4.0)
    text = render(request, DEFAULT).text
    assert "a grid of 3 frames" in text
    assert "0.00, 1.50, 3.00 s" in text


def test_nothing_before_means_no_word_of_it() -> None:
    assert "described just before" not in render(change(), DEFAULT).text
    assert "described just before: <<<He sits.>>>" in render(change(before="He sits."), DEFAULT).text


def test_facts_are_given_only_when_asked_for() -> None:
    assert "pan left" not in render(change(), DEFAULT).text
    text = render(change(), DEFAULT, hints=True).text
    assert "- camera: pan left, 0.12 picture widths" in text
    assert "trust the pictures" in text


def test_without_anything_measured_hints_add_nothing() -> None:
    bare = Request("change", seconds=(2.0, 4.0))
    assert render(bare, DEFAULT, hints=True) == render(bare, DEFAULT)


@pytest.mark.parametrize(
    ("reminder", "said"),
    [
        ("empty", "was empty"),
        ("cut off", "Answer shorter"),
        ("refused", "refusal"),
        ("repeating", "Say each thing once"),
        ("too purple", "could not be used: too purple"),
    ],
)
def test_a_reminder_says_what_was_wrong(reminder: str, said: str) -> None:
    for prompts in PROMPT_SETS.values():
        first, again = render(change(), prompts).text, render(change(reminder=reminder), prompts).text
        assert again.startswith(first)
        assert said in again[len(first) :]


def test_a_mix_up_is_not_blamed_on_the_model() -> None:
    assert render(change(reminder="mixed up"), DEFAULT) == render(change(), DEFAULT)


def test_a_summary_lists_steps_with_their_times() -> None:
    steps = (step(0, 0, "A cat."), step(0, 3.484, "It jumps.\n"), step(3.484, 6, "It lands."))
    text = render(Request("summary", steps=steps, end_seconds=6.0), DEFAULT).text
    assert "[0.00 s] A cat.\n[0.00 s to 3.48 s] It jumps.\n[3.48 s to 6.00 s] It lands.\n" in text
    assert "from 0.00 s to 6.00 s" in text
    assert "Shot" not in text.split("Write one caption")[0]


def test_shots_get_a_heading_when_there_are_several() -> None:
    steps = (step(0, 0, "A cat."), step(0, 4, "It jumps."), step(4, 4, "A dog.", shot=1))
    text = render(Request("summary", steps=steps, end_seconds=6.0), DEFAULT).text
    assert "Shot 1:\n[0.00 s] A cat.\n[0.00 s to 4.00 s] It jumps.\nShot 2:\n[4.00 s] A dog.\n" in text


def test_condensed_parts_stand_under_no_heading() -> None:
    parts = (Step("whole", 0, 40, "Cats.", 0, (40,)), Step("whole", 40, 80, "Dogs.", 3, (80,)))
    text = render(Request("summary", steps=parts, end_seconds=80.0), DEFAULT).text
    assert "[0.00 s to 40.00 s] Cats.\n[40.00 s to 80.00 s] Dogs.\n" in text


@pytest.mark.parametrize("prompts", PROMPT_SETS.values(), ids=lambda prompts: prompts.name)
def test_a_step_with_a_problem_is_left_out_and_the_gap_is_said(prompts) -> None:  # type: ignore[no-untyped-def]
    steps = (step(0, 2, "A cat."), step(2, 4, "bla bla bla", problem="repeating"), step(4, 6, "It sleeps."))
    text = render(Request("summary", steps=steps, end_seconds=6.0), prompts).text
    assert "bla" not in text
    if prompts.name == "brief":
        assert "\n2:\n" in text  # a number without a text; it tells no times
        return
    line = next(line for line in text.splitlines() if "no description" in line)
    assert "4.00" in line


def test_an_opening_before_the_part_is_only_context() -> None:
    steps = (step(0, 0, "A cat."), step(8, 12, "It jumps."))
    text = render(Request("summary", steps=steps, start_seconds=10.0, end_seconds=20.0), DEFAULT).text
    assert "[0.00 s, before the part asked about; only to know who and what is there] A cat.\n" in text
    assert "from 10.00 s to 20.00 s" in text


texts = st.text(st.one_of(st.sampled_from("{}%$!:[]0 \n"), st.characters(codec="utf-8")), min_size=1).filter(str.strip)


@given(texts, st.sampled_from(list(PROMPT_SETS.values())))
def test_texts_of_users_and_models_are_left_as_they_are(text: str, prompts) -> None:  # type: ignore[no-untyped-def]
    assert text in render(Request("recaption", user_text=text), prompts).text
    assert text in render(change(before=text), prompts).text
    assert text.strip() in render(Request("summary", steps=(step(0, 1, text),), end_seconds=1.0), prompts).text
    assert text in render(change(reminder=text), prompts).text or text in prompts.reminders


def test_a_question_to_a_judge_is_sent_as_it_is() -> None:
    request = Request("judge", user_text="Is {this} true?")
    assert render(request, DEFAULT) == Prompt("", "Is {this} true?", 1024)
    again = render(replace(request, reminder="it is not valid JSON"), DEFAULT)
    assert again.text == "Is {this} true?\n\nYour last answer could not be used: it is not valid JSON."
