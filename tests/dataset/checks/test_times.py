"""Times of steps, shots and frames, and the times that texts tell. Every case is made by moving one thing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from made_captions import captions
from made_rows import SUMMARY, TEXTS, row_of
from sharegpt4video.dataset.checks import CHECKS, check_caption
from sharegpt4video.dataset.rows import CaptionRow, SourceVideo
from sharegpt4video.records import Shot, VideoCaption

TIMES = {name for name, check in CHECKS.items() if check.group == "times"}


def found(row: CaptionRow) -> set[tuple[str, int]]:
    return {(finding.check, finding.step) for finding in check_caption(row) if finding.check in TIMES}


def moved(row: CaptionRow, number: int, **changes: object) -> CaptionRow:
    steps = list(row.steps)
    steps[number] = replace(steps[number], **changes)  # type: ignore[arg-type]
    return replace(row, steps=tuple(steps))


@given(captions())
@settings(max_examples=60, deadline=None)
def test_captions_that_tile_their_video_have_no_finding_about_it(caption: VideoCaption) -> None:
    row = CaptionRow.of(SourceVideo("0" * 32, "a.mp4"), caption)
    assert not {check for check, _ in found(row)} & {"order of steps", "tiling", "frame times"}


def test_a_step_outside_the_video() -> None:
    assert ("order of steps", 2) in found(moved(row_of(), 2, end_seconds=9.0))
    assert ("order of steps", 0) in found(moved(row_of(), 0, start_seconds=-1.0))


def test_a_step_that_ends_before_it_begins() -> None:
    assert ("order of steps", 1) in found(moved(row_of(), 1, end_seconds=-1.0))
    assert ("order of steps", 1) in found(moved(row_of(), 1, start_seconds=float("nan")))


def test_steps_out_of_order() -> None:
    row = row_of()
    assert ("order of steps", 2) in found(replace(row, steps=(row.steps[0], row.steps[2], row.steps[1])))


def test_a_gap_and_an_overlap_between_steps() -> None:
    assert ("tiling", 2) in found(moved(row_of(), 1, end_seconds=1.5))
    assert ("tiling", 2) in found(moved(row_of(), 1, end_seconds=2.5))


def test_shots_that_leave_a_gap_or_end_early_or_have_no_step() -> None:
    row = row_of()
    assert ("tiling", -1) in found(replace(row, shots=(Shot(0.0, 3.0),)))
    assert ("tiling", -1) in found(replace(row, shots=(Shot(0.0, 1.0), Shot(1.5, 4.0))))
    assert ("tiling", -1) in found(replace(row, shots=(Shot(0.0, 2.0), Shot(2.0, 4.0, "cut"))))


def test_sound_before_the_first_picture_is_no_gap() -> None:
    row = moved(row_of(), 0, start_seconds=0.3, end_seconds=0.3, frame_seconds=(0.3,))
    row = moved(row, 1, start_seconds=0.3, frame_seconds=(0.3, 2.0))
    assert found(replace(row, shots=(Shot(0.3, 4.0),))) == set()


def test_frames_outside_their_step() -> None:
    assert ("frame times", 1) in found(moved(row_of(), 1, frame_seconds=(0.0, 3.0)))
    assert ("frame times", 1) in found(moved(row_of(), 1, frame_seconds=(2.0, 0.0)))


@pytest.mark.parametrize(
    "text",
    [
        "At 0:45, the man walks to the bench.",
        "From 20 to 24 seconds, the man walks to the bench.",
        "The man walks to the bench at the 90-second mark.",
        "The man reaches the bench after ninety seconds; after thirty seconds he sits down.",
        "The man reaches the bench between 0:01 and 0:59.",
    ],
)
def test_a_time_that_is_not_in_the_step(text: str) -> None:
    assert ("told times", 1) in found(row_of((TEXTS[0], text, TEXTS[2])))


@pytest.mark.parametrize(
    "text",
    [
        "At 0:01, the man walks to the bench.",
        "From 0 to 2 seconds, the man walks to the bench.",
        "After one second the man walks to the bench.",
        "The clock on the wall reads 10:45 while the man walks to the bench.",
        "The man walks to the bench at 10:45 pm by the clock.",
        'A sign says "at 9:30" beside the bench.',
        "The score is 12:10 in this 16:9 picture.",
        "The man walks at 30 second intervals from the bench to the tree.",
    ],
)
def test_times_that_are_right_or_no_times_of_the_video(text: str) -> None:
    assert found(row_of((TEXTS[0], text, TEXTS[2]))) == set()


def test_a_part_may_be_told_by_its_own_clock_or_by_that_of_the_video() -> None:
    row = row_of(summary=f"{SUMMARY} At 0:03 he turns a page.")
    steps = tuple(
        replace(s, start_seconds=s.start_seconds + 60, end_seconds=s.end_seconds + 60,
                frame_seconds=tuple(t + 60 for t in s.frame_seconds))
        for s in row.steps
    )  # fmt: skip
    row = replace(row, steps=steps, start_seconds=60.0, end_seconds=64.0, shots=(Shot(60.0, 64.0),))
    assert found(row) == set()
    assert found(replace(row, summary=f"{SUMMARY} At 1:03 he turns a page.")) == set()
    assert found(replace(row, summary=f"{SUMMARY} At 0:30 he turns a page.")) == {("told times", -1)}
