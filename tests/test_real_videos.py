"""Captions of three real videos, held against what a person sees in them."""

from __future__ import annotations

from pathlib import Path

import pytest

import sharegpt4video as sg4v
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.records import Step, VideoCaption

VIDEOS = Path(__file__).resolve().parents[2] / "shared" / "videos"


def captioned(name: str, *, ocr: bool = False) -> VideoCaption:
    path = VIDEOS / name
    if not path.exists():
        pytest.skip(f"the sample video {path} is not there")
    return sg4v.caption(path, settings=CaptionSettings(facts=FactSettings(ocr=ocr)))


def labels(caption: VideoCaption) -> set[str]:
    return {thing.label for step in caption.steps for facts in step.facts for thing in facts.objects}


def during(caption: VideoCaption, start_seconds: float, end_seconds: float) -> Step:
    """The change that covers the middle of a part."""
    middle = (start_seconds + end_seconds) / 2
    return next(step for step in caption.steps if step.start_seconds <= middle < step.end_seconds)


def test_yoga_limbs_go_up_and_down_in_the_right_steps() -> None:
    """A woman in a side plank holds a foot up; she lets go before 2 s, raises an arm before 7 s, lowers it by 9 s."""
    caption = captioned("yoga.mp4")
    assert labels(caption) == {"person"}
    assert "one arm and one leg raised" in caption.steps[0].text
    assert "lowers the raised arm and leg" in during(caption, 0, 2).text
    assert "raises an arm" in during(caption, 6, 8).text
    assert "lowers the raised arm" in during(caption, 8, 10).text
    for quiet in (during(caption, 2, 4), during(caption, 4, 6)):
        assert " arm" not in quiet.text
        assert " leg" not in quiet.text
    assert {step.facts[0].camera.moves for step in caption.steps[1:]} == {("static",)}


def test_a_child_with_a_book_is_a_person_and_nothing_else_is_named() -> None:
    caption = captioned("sample_demo_1.mp4")
    assert labels(caption) == {"person"}
    assert "person" in caption.summary


def test_the_watermark_is_read_once() -> None:
    caption = captioned("sample_demo_1.mp4", ocr=True)
    assert '"clideo.com"' in caption.steps[0].text
    assert not any("clideo" in step.text for step in caption.steps[1:])
    assert caption.summary.count("clideo.com") == 1


def test_a_sprout_is_no_cake() -> None:
    caption = captioned("C_1_0.mp4")
    assert labels(caption) == set()
    assert "recognised" not in caption.steps[0].text
    assert len(caption.shots) == 1
