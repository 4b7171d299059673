"""Degenerate texts are found, each by its own check; prose that only looks like it is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_rows import SUMMARY, TEXTS, row_of
from sharegpt4video.dataset.checks import check_caption
from sharegpt4video.errors import SettingsError


def found(text: str, *, language: str = "en", summary: str = SUMMARY) -> set[str]:
    """The text checks that speak up when this is the second step's text."""
    row = row_of((TEXTS[0], text, TEXTS[2]), summary)
    return {finding.check for finding in check_caption(row, language=language) if finding.step == 1}


def test_a_good_caption_has_no_findings() -> None:
    assert check_caption(row_of()) == ()


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("The man walks. " * 12, "loop"),
        ("He walks and walks and walks and walks and walks and walks and walks and walks and walks and stops.", "loop"),
        ("The man walks slowly to the bench. He looks up. The man walks slowly to the bench.", "loop"),
        ("The man walks to the bench and", "cut off"),
        ("The man walks to the wooden bench at the edge of the", "cut off"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("The man walks to the bench. As an AI language model, I cannot see his face.", "refusal"),
        ("The man walks. Please provide the next frames.", "refusal"),
        ("In this video frame, we can see the man walking to the bench.", "boilerplate"),
        ("The image shows the man walking to the bench.", "boilerplate"),
        ("Here is a detailed description of the change: the man walks to the bench.", "boilerplate"),
        ("Sure! The man walks to the bench.", "boilerplate"),
        ("In frame 3 the man walks to the bench.", "meta talk"),
        ("The man from the previous description walks to the bench.", "meta talk"),
        ("As described above, the man walks to the bench.", "meta talk"),
        ("[2.00 s to 4.00 s] The man walks to the bench.", "meta talk"),
        ("**Action:** the man walks to the bench.", "markup"),
        ('{"caption": "The man walks to the bench."}', "markup"),
        ("The man walks to the bench.<|im_end|>", "markup"),
        ("<image>\nThe man walks to the bench.", "markup"),
        ("- The man walks.\n- The bench is brown.", "markup"),
        ("assistant: The man walks to the bench.", "markup"),
        ("The man walks to the [object].", "placeholder"),
        ("null", "placeholder"),
        ("Lorem ipsum dolor sit amet.", "placeholder"),
        ("Un hombre camina hacia el banco de madera con las manos en los bolsillos.", "language"),
        ("The man walks to the bench. Dann setzt er sich auf die Bank und liest die Zeitung.", "language"),
        ("男子走向公园里的木制长椅，然后坐下来。", "language"),
        ("The man walks to the bench. Мужчина садится на скамейку.", "language"),
        ("Yes.", "length"),
        (" ".join(f"word{number}" for number in range(600)) + ".", "length"),
        ("", "unusable"),
    ],
)
def test_a_degenerate_text_is_found_by_its_check(text: str, check: str) -> None:
    assert check in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "The man walks to the bench, and the camera follows him from frame to frame of the old film.",
        'He holds a sign that says "FRAME 3" and "null", then walks on.',
        "He walks up and down, up and down, before he stops at the bench.",
        "The man, who can't find his glasses, looks around the bench.",
        "A picture of a horse hangs above the bench, and the text below it is small.",
        'A sign reads "El perro está en la casa con la mujer" beside the bench.',
        "He speaks to the woman: \"I'm sorry, I can't help you.\"",
        "A small, ambiguous car illustration introduces a layered aesthetic.",
        "He reads the “결과” page of the newspaper.",
        'The last line on the screen is "Newsflare/Karen Jones."',
    ],
)
def test_prose_that_only_looks_degenerate_is_left_alone(text: str) -> None:
    assert found(text) == set()


def test_the_expected_language_can_be_another() -> None:
    german = "Der Mann geht mit der Zeitung zu der Bank und setzt sich auf die Bank."
    assert "language" in found(german)
    assert "language" not in found(german, language="de")
    assert "language" in found("The man walks to the bench with the newspaper in his hand.", language="de")
    assert "language" not in found("男子走向公园里的木制长椅，然后坐下来。", language="zh")
    with pytest.raises(SettingsError, match="language is a code"):
        found("The man walks.", language="tlh")


def test_what_the_captioner_marked_is_reported_and_not_examined_further() -> None:
    row = row_of()
    broken = replace(row.steps[1], text="I'm sorry", problem="refused: content filter")
    row = replace(row, steps=(row.steps[0], broken, row.steps[2]))
    assert [(f.check, f.step) for f in check_caption(row)] == [("unusable", 1)]
    assert "content filter" in check_caption(row)[0].reason


def test_the_summary_is_examined_like_a_step_with_its_own_number() -> None:
    findings = check_caption(row_of(summary="The image shows a man who walks across a park and"))
    assert {(finding.check, finding.step) for finding in findings} == {("boilerplate", -1), ("cut off", -1)}


def test_fast_captions_are_reported_once() -> None:
    row = row_of(("The man walks to the bench and",))
    step = replace(row.steps[0], kind="whole")
    row = replace(row, mode="fast", steps=(step,), summary=step.text)
    assert [(finding.check, finding.step) for finding in check_caption(row)] == [("cut off", 0)]


def test_a_long_step_told_again_word_for_word_is_found() -> None:
    long = " ".join(f"The man passes tree number {number} of the park." for number in range(8))
    row = row_of((TEXTS[0], long, long, TEXTS[2]))
    assert ("loop", 2) in {(finding.check, finding.step) for finding in check_caption(row)}


def test_a_reason_names_what_was_found() -> None:
    (finding,) = check_caption(row_of((TEXTS[0], "The man in frame 7 walks to the bench.", TEXTS[2])))
    assert "'frame 7'" in finding.reason
