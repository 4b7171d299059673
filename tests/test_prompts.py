"""The prompt sets: the trained wording byte for byte, hashes that mean something, and templates that are checked."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from sharegpt4video.errors import SettingsError
from sharegpt4video.prompts import PROMPT_SETS, PromptSet, prompt_set
from sharegpt4video.records import CameraMotion, Facts, Look, PictureMotion, Step
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.render import render

# The literals of the released code: ShareGPT4Omni/ShareGPT4Video, captioner/slide_captioner_lmdeploy.py and
# captioner/app.py, typing errors included.
ORIGINAL_FIRST = "This is the first frame of a video, describe it in detail."
ORIGINAL_PAIR = "Here are the Video frame {} at {}.00 Second(s) and Video frame {} at {}.00 Second(s) of a video, describe what happend between them. What happend before is: {}"  # noqa: E501
ORIGINAL_SUMMARY = "Summarize the following per frame descriptions:\n"
ORIGINAL_SUMMARY_LINE = "Video frame {} at {}.00 Second(s) description: {}\n"
ORIGINAL_FAST = "Here are a few key frames of a video, discribe this video in detail."
ORIGINAL_RECAPTION = "Translate this brief generation prompt into a detailed caption: {}"

SHARECAPTIONER = prompt_set("sharecaptioner")
FACTS = Facts(0, 0, CameraMotion(moves=("static",)), PictureMotion(0, 0, None), Look(0, 0, 0, (("red", 1.0),)))


def test_the_first_frame_is_asked_about_as_the_captioner_was_trained() -> None:
    assert render(Request("opening", seconds=(0.0,), facts=(FACTS,)), SHARECAPTIONER).text == ORIGINAL_FIRST


@pytest.mark.parametrize("frame", [1, 2, 7])
@pytest.mark.parametrize("before", ["", "A man {sits} down.\nThen 100 % of it."])
def test_a_pair_at_whole_seconds_equals_the_original_byte_for_byte(frame: int, before: str) -> None:
    first, second = 2 * (frame - 1), 2 * frame
    request = Request("change", seconds=(float(first), float(second)), before=before, first_number=frame)
    assert render(request, SHARECAPTIONER).text == ORIGINAL_PAIR.format(frame, first, frame + 1, second, before)


def test_true_times_take_the_place_of_whole_seconds() -> None:
    text = render(Request("change", seconds=(1.4999, 3.48), before="x", first_number=2), SHARECAPTIONER).text
    assert text == ORIGINAL_PAIR.replace("{}.00", "{}").format(2, "1.50", 3, "3.48", "x")


def test_the_summary_equals_the_original_byte_for_byte() -> None:
    texts = ["A dog.", "It {runs}.", "It stops."]
    steps = tuple(
        Step("change" if at else "opening", max(at - 2.0, 0.0), float(at), text, 0, (at - 2.0, float(at))[not at :])
        for at, text in zip((0, 2, 4), texts, strict=True)
    )
    original = ORIGINAL_SUMMARY + "".join(
        ORIGINAL_SUMMARY_LINE.format(index + 1, index * 2, text) for index, text in enumerate(texts)
    )
    request = Request("summary", steps=steps, end_seconds=5.0)
    assert render(request, SHARECAPTIONER).text == original
    assert render(replace(request, task="fold"), SHARECAPTIONER).text == original


def test_fast_and_recaption_equal_the_original_byte_for_byte() -> None:
    fast = Request("fast", seconds=(0.0, 2.0), layout="strip", end_seconds=4.0)
    assert render(fast, SHARECAPTIONER).text == ORIGINAL_FAST
    recaption = Request("recaption", user_text="a {fox} at dawn")
    assert render(recaption, SHARECAPTIONER).text == ORIGINAL_RECAPTION.format("a {fox} at dawn")


def test_the_captioner_has_no_system_prompt_and_its_own_layouts() -> None:
    assert (SHARECAPTIONER.system, SHARECAPTIONER.pair_layout, SHARECAPTIONER.fast_layout) == ("", "pair", "strip")
    assert set(SHARECAPTIONER.max_tokens.values()) == {2048}


def test_the_sets_are_known_by_name() -> None:
    assert list(PROMPT_SETS) == ["default", "paper", "sharecaptioner", "brief"]
    assert all(prompt_set(name).name == name for name in PROMPT_SETS)
    with pytest.raises(SettingsError, match="'defualt'; known are: default, paper, sharecaptioner, brief"):
        prompt_set("defualt")


def test_the_hash_changes_with_every_text_and_with_nothing_else() -> None:
    base = prompt_set("default")
    assert replace(base, name="other").hash == base.hash
    changed = {"pair_layout": "strip", "fast_layout": "strip", "reminders": {"empty": "?"}, "max_tokens": {"fold": 1}}
    hashes = {base.hash}
    for field in fields(PromptSet):
        if field.name != "name":
            value = changed.get(field.name, getattr(base, field.name) if field.name in changed else "changed")
            hashes.add(replace(base, **{field.name: value}).hash)
    assert len(hashes) == len(fields(PromptSet))
    assert all(len(one) == 12 for one in hashes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("at {second:.2f} s", r"prompt set 'default': opening has no field \{second\}"),
        ("at {}", r"opening has no field \{\}"),
        ("a brace { alone", "write a brace itself as {{ or }}"),
    ],
)
def test_a_template_with_a_field_it_cannot_have_is_refused(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        replace(prompt_set("default"), opening=text)


@pytest.mark.parametrize("name", ["default", "paper"])
def test_our_differential_prompt_carries_what_it_must(name: str) -> None:
    request = Request("change", seconds=(1.5, 3.484), before="A man sits.", images=())
    text = render(request, prompt_set(name)).text
    for needed in ("1.50 s", "3.48 s", "A man sits.", "camera", "background"):
        assert needed in text


def test_our_prompts_never_speak_of_a_reply_as_pictures() -> None:
    system = prompt_set("default").system
    assert "never write of frames" in system
