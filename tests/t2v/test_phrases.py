"""Texts that are told by themselves: nothing in them points to what came before."""

from __future__ import annotations

import pytest

from sharegpt4video.t2v.phrases import by_itself


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("The dog jumps again.", "The dog jumps."),
        ("The movement is now in the middle of the picture.", "There is movement in the middle of the picture."),
        ("The movement continues in the middle of it. It ends.", "There is movement in the middle of it. It ends."),
        ("The movement on the right becomes faster.", "There is movement on the right."),
        ("The person moves more slowly than before.", "The person moves."),
        (
            "The dog makes large, quick movements, though more slowly than before.",
            "The dog makes large, quick movements.",
        ),
        ("The dog moves a lot, now faster.", "The dog moves a lot."),
        ("The dog goes on moving the legs.", "The dog keeps moving the legs."),
        ("Two dogs continue running.", "Two dogs keep running."),
        ('A sign says "faster than before".', 'A sign says "faster than before".'),
        ("A dog runs. The movement is now on the left.", "A dog runs. The movement is now on the left."),
        ("A car that is now red moves faster than a bus.", "A car that is now red moves faster than a bus."),
        ("Two people go running.", "Two people go running."),
        ("The road goes on to the morning market.", "The road goes on to the morning market."),
    ],
)
def test_the_first_sentence_compares_with_nothing_before_it(text: str, alone: str) -> None:
    assert by_itself(text) == alone
