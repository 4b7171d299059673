"""One run over the sources, without a model: what is written, and what earlier runs left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sharegpt4video.dataset.counts import BuildCounts
from sharegpt4video.dataset.decide.decider import Decider
from sharegpt4video.dataset.flow import Flow
from sharegpt4video.dataset.ledger import Ledger
from sharegpt4video.dataset.outcomes import Outcomes
from sharegpt4video.dataset.rows import Failure, SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, SurveySettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.dataset.worklist import Worklist
from sharegpt4video.errors import StorageError


class Surveyor:
    """A place that surveys; nothing else is asked of it."""

    videos_at_once = 1
    mixed_up = 0

    async def survey(self, source: SourceVideo, _: SurveySettings) -> Survey:
        return Survey(source.id)


def no_room(*_: object) -> None:
    raise StorageError("no room for the embeddings")


def fine(*_: object) -> None:
    pass


@pytest.mark.parametrize(("flush", "on_progress"), [(no_room, fine), (fine, no_room)])
def test_what_was_done_is_written_even_if_the_end_goes_wrong(
    flush: Callable[..., None], on_progress: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "v.mp4").write_bytes(b"a video")
    store, settings = Store(tmp_path / "set"), DatasetSettings()
    decider = Decider.of(settings)
    decider.flush = flush  # type: ignore[method-assign]
    flow = Flow(Surveyor(), settings, decider, Ledger(store), Outcomes(store, on_progress))  # type: ignore[arg-type]
    with pytest.raises(StorageError, match="no room"):
        asyncio.run(flow.run(Worklist(store, [str(tmp_path / "v.mp4")])))
    assert len(store.ids("sources")) == 1


@pytest.mark.parametrize(
    ("most_seconds", "dropped", "failed"), [(None, {}, {"crashed": 1}), (5.0, {"max_seconds": 1}, {})]
)
def test_a_video_that_failed_before_and_is_dropped_now_is_no_failure(
    most_seconds: float | None, dropped: dict[str, int], failed: dict[str, int], tmp_path: Path
) -> None:
    store, settings = Store(tmp_path), DatasetSettings(filters=FilterSettings(max_seconds=most_seconds))
    store.append("sources", [SourceVideo("ab" * 16, str(tmp_path / "gone.mp4"))])
    store.append("surveys", [Survey("ab" * 16, duration_seconds=9.0)])
    store.append("failures", [Failure("ab" * 16, "/gone.mp4", "", "caption", "crashed", "why")])
    outcomes = Outcomes(store, lambda _: None)
    flow = Flow(Surveyor(), settings, Decider.of(settings), Ledger(store), outcomes)  # type: ignore[arg-type]
    counts: BuildCounts = asyncio.run(flow.run(Worklist(store, [])))
    assert (dict(counts.dropped), dict(counts.failed_before)) == (dropped, failed)
    assert counts.all_well == (not failed)


def test_a_copy_of_a_video_that_failed_stays_a_copy(tmp_path: Path) -> None:
    store, settings = Store(tmp_path), DatasetSettings(filters=FilterSettings(duplicate_packets=True))
    ids = ["ab" * 16, "cd" * 16]
    store.append("sources", [SourceVideo(id, str(tmp_path / f"{id}.mp4")) for id in ids])
    store.append("surveys", [Survey(id, packet_hash="ef" * 16) for id in ids])
    store.append("failures", [Failure(ids[0], "/v.mp4", "", "caption", "crashed", "why")])
    outcomes = Outcomes(store, lambda _: None)
    flow = Flow(Surveyor(), settings, Decider.of(settings), Ledger(store), outcomes)  # type: ignore[arg-type]
    counts = asyncio.run(flow.run(Worklist(store, [])))
    assert (dict(counts.dropped), dict(counts.failed_before)) == ({"duplicate_packets": 1}, {"crashed": 1})
