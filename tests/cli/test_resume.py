"""Going on with an interrupted caption: what an unfinished one has answers to is not asked, and paid, again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from media import numbered, solid, write_video
from sees_nothing import SEES_NOTHING
from sharegpt4video import reading as read_module
from sharegpt4video.cli.batch import Batch
from sharegpt4video.config import CaptionSettings, FactSettings, KeyframeSettings
from sharegpt4video.errors import VLMError
from sharegpt4video.records import VideoCaption
from sharegpt4video.vlm.base import Reply, Request
from sharegpt4video.vlm.fake import FakeVLM

SETTINGS = CaptionSettings(
    keyframes=KeyframeSettings(every_seconds=0.5, max_gap_seconds=0.5),
    facts=FactSettings(ocr=False, detector=SEES_NOTHING),
)


class Priced(FakeVLM):
    def cost_usd(self, input_tokens: int, output_tokens: int) -> float:
        return input_tokens + output_tokens / 1000

    async def generate(self, request: Request) -> Reply:
        return replace(await super().generate(request), input_tokens=7, output_tokens=3)


def run(vlm: FakeVLM, out: str, **settings: Any) -> Batch:
    batch = Batch(replace(SETTINGS, **settings), vlm, ["json"], Path(out), quiet=True)
    batch.run(["shots.mp4"])
    return batch


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VideoCaption:
    """The caption of two shots, made in one go."""
    monkeypatch.chdir(tmp_path)
    write_video("shots.mp4", [numbered(9)] * 12 + [solid((200, 9, 9))] * 12, fps=10)
    events = list(read_module.read("shots.mp4", SETTINGS, wants_images=True))
    monkeypatch.setattr(read_module, "read", lambda *_, **__: iter(events))  # the model is what this is about
    assert run(Priced(), "whole").done == 1
    return VideoCaption.from_json(Path("whole/shots.json").read_bytes())


@pytest.mark.parametrize("how", ["ended", "unanswered"])
def test_after_any_number_of_answers(whole: VideoCaption, how: str) -> None:
    count = whole.provenance.requests
    assert count > 5
    for answers in range(count):
        out, problem = f"{how}{answers}", VLMError("gone") if how == "ended" else "unavailable"
        first = Priced(fail=lambda n, _, answers=answers, problem=problem: problem if n > answers else None)
        assert run(first, out).failed == 1
        before = VideoCaption.from_json(Path(out, "shots.partial.json").read_bytes()) if answers else None
        paid = len([step for step in before.steps if not step.problem]) if before else 0
        assert paid == min(answers, len(whole.steps))
        second = Priced()
        batch = run(second, out)
        assert (batch.done, len(second.requests)) == (1, count - paid)
        made = VideoCaption.from_json(Path(out, "shots.json").read_bytes())
        assert replace(made, provenance=whole.provenance) == whole
        assert batch.cost_usd == pytest.approx(second.cost_usd(7, 3) * (count - paid)), "of this run alone"
        assert made.provenance.input_tokens >= 7 * count, "all that was paid for it"
        if how == "ended":
            assert made.provenance == whole.provenance
        assert not Path(out, "shots.partial.json").exists()


@pytest.mark.parametrize("changed", ["model", "settings", "video"])
def test_not_with_another_model_other_settings_or_another_video(whole: VideoCaption, changed: str) -> None:
    first = Priced(fail=lambda n, _: VLMError("gone") if n > 3 else None)
    assert run(first, "out").failed == 1
    second = Priced()
    if changed == "model":
        second.name = "other"
    if changed == "video":
        Path("shots.mp4").write_bytes(Path("shots.mp4").read_bytes() + b"\0")
    run(second, "out", **({"fold_steps": 50} if changed == "settings" else {}))
    assert len(second.requests) == whole.provenance.requests
