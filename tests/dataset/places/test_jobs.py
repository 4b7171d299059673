"""The jobs of worker processes: what they send, and what is made of that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from media import write_video
from scenes import texture
from sharegpt4video.dataset.places import jobs as module
from sharegpt4video.dataset.places.jobs import survey_job, survey_of, surveying
from sharegpt4video.dataset.rows import SourceVideo, Survey
from sharegpt4video.dataset.settings import SurveySettings


def test_a_survey_gives_signs_of_life_from_the_first_packet_to_the_last_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(tmp_path / "v.mp4", [texture(0, 96, 64)] * 16, fps=8)
    source, alone, sent = SourceVideo("ab" * 16, str(tmp_path / "v.mp4")), list[Any](), list[Any]()
    survey_job(alone.append, source, SurveySettings())
    monkeypatch.setattr(module, "SIGN_EVERY_SECONDS", 0.0)
    survey_job(sent.append, source, SurveySettings())
    assert [item for item in sent if item is not None] == alone
    packet_hash, survey = alone
    assert sent.index(packet_hash) == 16  # a sign for each packet
    assert sent[17:] == [None] * 16 + [survey]

    async def items() -> AsyncGenerator[Any, None]:
        for item in sent:
            yield item

    hashes: list[str] = []
    found = asyncio.run(survey_of(surveying(items(), source), hashes.append))
    assert isinstance(found, Survey)
    assert (found, hashes) == (survey, [packet_hash])
