"""When a build gives up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sharegpt4video.dataset.outcomes import UNEXPECTED_FAILURES, GivenUp, Outcomes
from sharegpt4video.dataset.rows import Failure, Stage, Survey
from sharegpt4video.dataset.store.store import Store


def unexpected(number: int, stage: Stage) -> Failure:
    return Failure(f"{number:032x}", "/v.mp4", "", stage, "unexpected", "KeyError: odd")


def test_odd_videos_among_many_good_ones_do_not_end_a_build_that_captions_none(tmp_path: Path) -> None:
    async def main() -> Outcomes:
        outcomes = Outcomes(Store(tmp_path), lambda _: None)
        for number in range(UNEXPECTED_FAILURES + 1):
            await outcomes.surveyed(unexpected(number, "survey"))
            await outcomes.surveyed(Survey(f"{number + 1000:032x}"))
        return outcomes

    assert asyncio.run(main()).counts.failed["unexpected"] == UNEXPECTED_FAILURES + 1


def test_surveys_that_succeed_do_not_hide_that_captioning_always_fails(tmp_path: Path) -> None:
    async def main() -> None:
        outcomes = Outcomes(Store(tmp_path), lambda _: None)
        for number in range(UNEXPECTED_FAILURES):
            await outcomes.surveyed(Survey(f"{number:032x}"))
            await outcomes.failed(unexpected(number, "caption"))

    with pytest.raises(GivenUp, match="20 unexpected errors in a row"):
        asyncio.run(main())
