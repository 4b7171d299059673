"""The estimate before a run, against what a run then asks and against sums done by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import sharegpt4video as sg4v
from media import write_video
from scenes import texture
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.estimate import CHANGE_TOKENS, OPENING_TOKENS, SUMMARY_TOKENS, estimate
from sharegpt4video.video.reader import VideoReader
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM


class Priced(FakeVLM):
    """A model that counts ten tokens for each picture and one for each request, a dollar each."""

    def estimate_tokens(self, request: Request) -> int | None:
        return 1 + 10 * len(request.images)

    def cost_usd(self, input_tokens: int, output_tokens: int) -> float | None:
        return float(input_tokens + output_tokens)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("estimate") / "clip.mp4"
    write_video(path, [texture(1, 160, 96)] * 60, fps=10)
    return path


def settings(**more: object) -> CaptionSettings:
    return CaptionSettings(
        keyframes=KeyframeSettings(every_seconds=2.0, selector="uniform"),
        facts=FactSettings(every_seconds=3.0, ocr=False),
        **more,  # type: ignore[arg-type]
    )


def test_six_seconds_are_an_opening_three_changes_and_a_summary(clip: Path) -> None:
    with VideoReader(clip) as reader:
        found = estimate(reader.info, Priced(), settings())
    assert found is not None
    assert found.requests == 5
    assert found.input_tokens == 11 + 3 * 21 + 1
    assert found.output_tokens == OPENING_TOKENS + 3 * CHANGE_TOKENS + SUMMARY_TOKENS
    assert found.cost_usd == found.input_tokens + found.output_tokens


def test_the_run_asks_no_more_when_every_candidate_is_kept(clip: Path) -> None:
    vlm = Priced()
    sg4v.caption(clip, model=vlm, settings=settings())
    with VideoReader(clip) as reader:
        found = estimate(reader.info, vlm, settings())
    assert found is not None
    assert len(vlm.requests) == found.requests


def test_a_part_and_fast_mode_cost_less(clip: Path) -> None:
    with VideoReader(clip) as reader:
        part = estimate(reader.info, Priced(), settings(start_seconds=1.0, end_seconds=3.0))
        fast = estimate(reader.info, Priced(), settings(mode="fast"))
        folded = estimate(reader.info, Priced(), settings(fold_steps=2))
    assert part is not None
    assert part.requests == 3
    assert fast is not None
    assert fast.requests == 1
    assert folded is not None
    assert folded.requests == 7  # two folds and the summary of their answers


def test_a_model_that_cannot_count_gives_no_estimate(clip: Path) -> None:
    with VideoReader(clip) as reader:
        assert estimate(reader.info, FakeVLM(), settings()) is None
