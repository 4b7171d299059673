"""What the observer makes of its samples."""

from __future__ import annotations

import pytest

from sharegpt4video.facts.observe import raises


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], ()),
        ([0, 0, 0], ()),
        ([0, 1, 1, 0], (1,)),
        ([0, 1, 2, 0, 0, 1], (2, 1)),
        ([2, 2, 0], ()),  # up from the start: not raised here
        ([2, 0, 1], (1,)),
        ([None, 1, 0, 1], (1,)),  # not seen before it was up
        ([0, None, 1, None, 1, None, 0], (1,)),
    ],
)
def test_raises_are_counted_from_below(counts: list[int | None], expected: tuple[int, ...]) -> None:
    assert raises(counts) == expected


def test_what_is_up_too_briefly_does_not_count() -> None:
    assert raises([0, 1, 0, 1, 1, 0, 2], least_samples=2) == (1,)
