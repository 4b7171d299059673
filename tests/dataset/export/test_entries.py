"""What is exported, one thing at a time: endings of files, and times in the file that a trainer opens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from made_dataset import caption_row, clip_of
from sharegpt4video.dataset.export.entries import Entry, suffix_of


@pytest.mark.parametrize(
    ("location", "suffix"),
    [
        ("/a/b.mp4", ".mp4"),
        ("/a/b.MKV", ".mkv"),
        ("/a/b.c.webm", ".webm"),
        ("https://host/b.mov?X-Key=a.b", ".mov"),
        ("/a/b.m2ts", ".m2ts"),
        ("/a/b.x", ".x"),
        ("/a/b.abcde", ".abcde"),
        ("/a/b.abcdef", ".mp4"),  # too long for an ending
        ("/a/b.-p4", ".mp4"),
        ("/a/b.m 4", ".mp4"),
        ("/a/b.m\u00e9", ".mp4"),
        ("/a/b.", ".mp4"),
        ("/a/b", ".mp4"),
    ],
)
def test_endings_are_short_and_plain_or_that_of_mp4(location: str, suffix: str) -> None:
    assert suffix_of(location) == suffix


def test_times_are_those_of_the_file_that_is_opened() -> None:
    row = caption_row(0)
    whole = Entry(row, "train")
    assert (whole.offset_seconds, whole.start_seconds, whole.end_seconds, whole.steps) == (0.0, 0.0, 8.0, row.steps)
    cut = Entry(row, "train", clip_of(row, 2, 3, media="/clips/a.mp4"))
    assert (cut.offset_seconds, cut.start_seconds, cut.end_seconds) == (2.0, 0.0, 6.0)
    assert [(step.start_seconds, step.end_seconds, step.frame_seconds) for step in cut.steps] == [
        (0.0, 2.0, (0.0, 2.0)), (2.0, 6.0, (2.0,)),
    ]  # fmt: skip
    assert [(shot.start_seconds, shot.end_seconds) for shot in cut.shots] == [(0.0, 2.0), (2.0, 6.0)]
    inside = Entry(row, "train", clip_of(row, 2, 3))
    assert (inside.offset_seconds, inside.start_seconds, inside.end_seconds) == (0.0, 2.0, 8.0)
    assert inside.steps == row.steps[2:]
    assert replace(inside, cut_at_seconds=2.0).steps == cut.steps


def test_steps_with_a_problem_are_only_there_when_asked_for() -> None:
    row = caption_row(0)
    row = replace(row, steps=(replace(row.steps[0], problem="empty"), replace(row.steps[1], text=" "), *row.steps[2:]))
    assert Entry(row, "train").steps == row.steps[2:]
    assert Entry(row, "train", with_problems=True).steps == row.steps
