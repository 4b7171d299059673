"""One thing, several things."""

from __future__ import annotations

import pytest

from sharegpt4video.wording import counted


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (counted(0, "video"), "0 videos"),
        (counted(1, "video"), "1 video"),
        (counted(2, "video"), "2 videos"),
        (counted(1, "reply", "replies"), "1 reply"),
        (counted(3, "reply", "replies"), "3 replies"),
        (counted(1200, "text"), "1200 texts"),
        (counted(1200, "text", number="1,200"), "1,200 texts"),
        (counted(1, "text with a problem", "texts with a problem"), "1 text with a problem"),
    ],
)
def test_one_thing_is_told_apart_from_several(told: str, expected: str) -> None:
    assert told == expected
