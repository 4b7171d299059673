"""What a build says when it ends, and when it is stopped."""

from __future__ import annotations

import pytest

from sharegpt4video.cli.build_display import BuildDisplay
from sharegpt4video.dataset.counts import MOST_FAILURES, BuildCounts
from sharegpt4video.dataset.rows import Failure


def failure(number: int, message: str) -> Failure:
    return Failure(f"{number:032x}", f"videos/{number}.mp4", "", "survey", "crashed", message)


def test_the_first_failures_are_named_and_the_others_counted() -> None:
    counts = BuildCounts(listed=9)
    counts.add_failure(failure(0, "0.mp4: the decoder crashed"))
    counts.add_failure(failure(1, "machines were lost"))
    assert counts.text().splitlines()[1:] == [
        "  failed: 2 crashed",
        "    0.mp4: the decoder crashed",
        "    videos/1.mp4: machines were lost",
    ]
    for number in range(2, 9):
        counts.add_failure(failure(number, f"{number}.mp4: the decoder crashed"))
    lines = counts.text().splitlines()
    assert len(lines) == 2 + MOST_FAILURES + 1
    assert lines[-1].endswith(f"and {9 - MOST_FAILURES} more; sg4v dataset status DIR --failures lists all")


def test_a_build_that_is_stopped_says_how_far_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    display = BuildDisplay()
    display.show(BuildCounts(listed=5, captioned=2, steps=9))
    display.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert capsys.readouterr().err == "stopped: 2 of 5 videos done, 9 steps; the same command carries on\n"
