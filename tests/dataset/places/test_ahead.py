"""One decode for survey and caption: the same of both as with two, nothing held without bound, nobody kept waiting."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from made_sets import QUICK
from media import write_video
from scenes import texture
from sharegpt4video.config import FactSettings
from sharegpt4video.dataset.places import ahead as module
from sharegpt4video.dataset.places.ahead import ReadAhead
from sharegpt4video.dataset.places.here import Here
from sharegpt4video.dataset.places.jobs import ReadAlong, read_job, survey_job
from sharegpt4video.dataset.places.pool import WorkerPool
from sharegpt4video.dataset.rows import Failure, SourceVideo
from sharegpt4video.dataset.settings import SurveySettings
from sharegpt4video.dataset.survey import survey as survey_module
from sharegpt4video.pipeline import open_engine
from sharegpt4video.reading import Ended, Opened
from sharegpt4video.records import Keyframe, Segment, VideoCaption
from sharegpt4video.vlm.fake import FakeVLM

CAPTION = replace(QUICK.caption, facts=FactSettings(measure=False))
SURVEY = SurveySettings()


def looking() -> FakeVLM:
    """A model that needs no facts, which take most of the time."""
    model = FakeVLM()
    model.uses_facts = False
    return model


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three still scenes of 2 s, and a copy of which the last part is damaged."""
    folder = tmp_path_factory.mktemp("cut")
    colours = [(90, 140, 90), (150, 110, 80), (60, 70, 160)]
    scenes = [texture(seed, 96, 64, colour) for seed, colour in enumerate(colours)]
    write_video(folder / "cut.mp4", [scene for scene in scenes for _ in range(16)], fps=8)
    data = bytearray((folder / "cut.mp4").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    (folder / "damaged.mp4").write_bytes(data)
    return folder


def source_of(path: Path, **more: Any) -> SourceVideo:
    return SourceVideo("ab" * 16, str(path), **more)


def sent(job: Any, *arguments: Any) -> list[bytes]:
    """What a job sends, as it goes through the pipe, without progress."""
    items: list[Any] = []
    job(items.append, *arguments)
    return [pickle.dumps(item) for item in items if not isinstance(item, float)]


@pytest.mark.parametrize(
    ("name", "span", "facts"),
    [
        ("cut.mp4", (None, None), True),
        ("cut.mp4", (1.0, 4.5), False),
        ("damaged.mp4", (1.0, 4.5), False),
    ],
)
def test_both_are_as_in_two_decodes(name: str, span: tuple[float | None, float | None], facts: bool, cut: Path) -> None:
    source = source_of(cut / name, start_seconds=span[0], end_seconds=span[1])
    packets, survey = sent(survey_job, source, SURVEY)
    settings = QUICK.caption if facts else CAPTION
    events = sent(read_job, source, settings, not facts)
    assert len(events) >= 3
    assert sent(survey_job, source, SURVEY, ReadAlong(settings, not facts)) == [packets, *events, survey]


def test_a_long_video_is_surveyed_alone(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = sent(survey_job, source_of(cut / "cut.mp4"), SURVEY)
    monkeypatch.setattr(survey_module, "ALONGSIDE_SECONDS", 5.0)
    assert sent(survey_job, source_of(cut / "cut.mp4"), SURVEY, ReadAlong(CAPTION, True)) == alone


def test_a_video_that_passes_is_read_once_and_one_that_fails_as_often_as_without(cut: Path) -> None:
    jobs: list[str] = []

    async def main() -> list[Any]:
        place = Here(open_engine(looking(), CAPTION), WorkerPool(1))
        stream = place._pool.stream

        def noted(job: Any, *arguments: Any, priority: int = 0) -> AsyncGenerator[Any, None]:
            jobs.append(job.__name__)
            return stream(job, *arguments, priority=priority)

        place._pool.stream = noted  # type: ignore[method-assign]
        found: list[Any] = []
        (cut / "none.mp4").write_bytes(b"this is no video" * 64)
        for name, reading in (("cut.mp4", CAPTION), ("cut.mp4", None), ("none.mp4", CAPTION)):
            found.append(await place.survey(source_of(cut / name), SURVEY, reading=reading))
            found.append(await place.caption(source_of(cut / name), CAPTION))
        await place.close()
        assert (place._ahead.segments, place._room._value) == (0, module.SEGMENTS_WAITING)
        return found

    once, caption, again, twice, *failed = asyncio.run(main())
    assert jobs == ["survey_job", "survey_job", "read_job", "survey_job", "survey_job", "read_job"]
    assert isinstance(caption, VideoCaption)
    assert (once, caption) == (again, twice)
    assert [(one.stage, one.kind) for one in failed if isinstance(one, Failure)] == [
        ("survey", "unreadable"),
        ("caption", "unreadable"),
    ]


OPENED, ENDED = Opened("v.mp4", 64, 48, 0.0, 2.0), Ended(2.0, ())
SEGMENT = Segment(0, 0.0, 2.0, "start", False, (Keyframe(0.0, 0, "change"),), ())


async def items(count: int, *, ended: bool = True) -> AsyncGenerator[Any, None]:
    yield "hash"
    yield OPENED
    for _ in range(count):
        yield SEGMENT
    if ended:
        yield ENDED
    yield "survey"


async def held(ahead: ReadAhead, id: str, count: int, *, ended: bool = True) -> None:
    assert [item async for item in ahead.hold(id, items(count, ended=ended))] == ["hash", "survey"]


@pytest.mark.parametrize("most", [3, 100])
def test_what_finds_no_room_is_let_go_and_keeps_nobody_waiting(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_HELD", most)

    async def main() -> None:
        room = asyncio.Semaphore(5)
        ahead = ReadAhead(room)
        await held(ahead, "a", 2)
        await held(ahead, "b", 4)
        assert (ahead.has("a"), ahead.has("b"), ahead.segments, room._value) == (True, False, 2, 3)
        await held(ahead, "c", 1)
        assert (ahead.is_full, room._value) == (most == 3, 2)
        ahead.forget("c")
        ahead.forget("c")
        async with aclosing(ahead.take("a")) as events:
            assert [await anext(events) for _ in range(2)] == [OPENED, SEGMENT]
            assert (ahead.segments, room._value) == (1, 4)
        assert (ahead.has("a"), ahead.segments, room._value) == (False, 0, 5)

    asyncio.run(asyncio.wait_for(main(), 20))


def test_half_a_video_is_not_held() -> None:
    async def main() -> None:
        room = asyncio.Semaphore(5)
        ahead = ReadAhead(room)
        await held(ahead, "a", 2, ended=False)
        assert (ahead.has("a"), ahead.segments, room._value) == (False, 0, 5)

    asyncio.run(asyncio.wait_for(main(), 20))
