"""One run over the sources, without a model: what is written, and what earlier runs left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from made_captions import captioned, step
from made_surveys import id_of, made_store, made_survey
from sharegpt4video.config import CaptionSettings
from sharegpt4video.dataset.counts import BuildCounts
from sharegpt4video.dataset.decide.decider import Decider
from sharegpt4video.dataset.decide.select import select
from sharegpt4video.dataset.flow import AT_ONCE, Flow
from sharegpt4video.dataset.ledger import Ledger
from sharegpt4video.dataset.outcomes import Outcomes
from sharegpt4video.dataset.rows import Failure, SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, SurveySettings
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.dataset.worklist import Worklist
from sharegpt4video.errors import StorageError
from sharegpt4video.records import VideoCaption


class Surveyor:
    """A place that surveys; nothing else is asked of it."""

    videos_at_once = 1
    mixed_up = 0

    async def survey(self, source: SourceVideo, *_: object) -> Survey:
        return Survey(source.id)

    def forget(self, source: SourceVideo) -> None:
        """Nothing is held."""


class Shuffled:
    """A place where surveys and captions take some turns of the event loop, and the first survey until so many captions
    are made."""

    videos_at_once = 8
    mixed_up = 0

    def __init__(self, surveys: Sequence[Survey], turns: Callable[[], int] = lambda: 0, first_after: int = 0) -> None:
        self._surveys = {survey.id: survey for survey in surveys}
        self._first, self._turns, self._first_after = surveys[0].id, turns, first_after
        self._enough = asyncio.Event()
        self.captioned: list[str] = []
        self.forgotten: list[str] = []
        self.reading: dict[str, CaptionSettings | None] = {}

    async def survey(
        self,
        source: SourceVideo,
        _: SurveySettings,
        identified: Callable[[str], None],
        reading: CaptionSettings | None,
    ) -> Survey | Failure:
        self.reading[source.id] = reading
        await self._some_turns()
        identified(self._surveys[source.id].packet_hash)
        await self._some_turns()
        if source.id == self._first and self._first_after:
            await self._enough.wait()
        if self._surveys[source.id].codec == "broken":
            return Failure(source.id, source.location, "", "survey", "unreadable", "broken")
        return self._surveys[source.id]

    async def caption(self, source: SourceVideo, _: CaptionSettings, __: str = "caption") -> VideoCaption:
        await self._some_turns()
        self.captioned.append(source.id)
        if len(self.captioned) >= self._first_after:
            self._enough.set()
        return captioned([step("opening", 0.0, 2.0, "A boat.")], 2.0)

    def forget(self, source: SourceVideo) -> None:
        self.forgotten.append(source.id)

    async def _some_turns(self) -> None:
        for _ in range(self._turns()):
            await asyncio.sleep(0)


def built(root: Path, surveys: Sequence[Survey], settings: DatasetSettings, place: Shuffled) -> Store:
    """A data set of these videos, of which nothing is known but their sources."""
    store = made_store(root, surveys, settings.filters, stored=[], captions={})
    store.update_settings(settings)
    outcomes = Outcomes(store, lambda _: None)
    flow = Flow(place, settings, Decider.of(settings), Ledger(store), outcomes)  # type: ignore[arg-type]
    counts = asyncio.run(asyncio.wait_for(flow.run(Worklist(store, [])), 30))
    assert counts.done == len(surveys)
    select(store, settings)
    return store


@pytest.mark.parametrize("filters", [FilterSettings(), FilterSettings(duplicate_packets=False)])
def test_clips_are_captioned_while_a_long_film_before_them_is_surveyed(filters: FilterSettings, tmp_path: Path) -> None:
    surveys = [Survey(id_of(number), packet_hash=f"{number + 1:032x}") for number in range(AT_ONCE + 9)]
    place = Shuffled(surveys, first_after=len(surveys) - 1)
    built(tmp_path, surveys, DatasetSettings(filters=filters), place)
    assert place.captioned[-1] == id_of(0)


@pytest.mark.parametrize(
    "filters",
    [
        FilterSettings(),
        FilterSettings(duplicate_packets=False, min_seconds=20.0),
        FilterSettings(max_black_share=0.8, drop_near_duplicates=True),
    ],
)
def test_a_data_set_is_the_same_whatever_the_order_of_finishing(filters: FilterSettings, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    surveys = [made_survey(number, random) for number in range(40)]
    surveys = [replace(survey, codec="broken") if random.random() < 0.1 else survey for survey in surveys]
    settings = DatasetSettings(filters=filters)
    in_order = built(tmp_path / "0", surveys, settings, Shuffled(surveys))
    for seed in range(1, 3):
        dice = np.random.default_rng(seed)
        place = Shuffled(surveys, lambda dice=dice: int(dice.integers(12)))
        shuffled = built(tmp_path / str(seed), surveys, settings, place)
        assert [*shuffled.rows("selection")] == [*in_order.rows("selection")]
        for table in ("captions", "surveys", "failures"):
            rows, expected = ({row.id: row for row in store.rows(table)} for store in (shuffled, in_order))
            assert rows == expected
        kept = {row.id for row in in_order.rows("selection") if row.kept}
        assert {*place.captioned} == kept
        assert {*place.forgotten} == {survey.id for survey in surveys} - kept


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


@pytest.mark.parametrize(
    ("passing", "settings", "first", "later"),
    [
        (1.0, DatasetSettings(), True, True),
        (0.5, DatasetSettings(), True, False),
        (1.0, DatasetSettings(caption=CaptionSettings(mode="fast")), False, False),
        (1.0, DatasetSettings(survey=SurveySettings(pictures=False)), False, False),
    ],
)
def test_videos_are_read_along_with_their_survey_while_most_of_them_pass(
    passing: float, settings: DatasetSettings, first: bool, later: bool, tmp_path: Path
) -> None:
    dice = np.random.default_rng(0)
    surveys = [Survey(id_of(number), black_share=float(dice.random() > passing)) for number in range(AT_ONCE + 20)]
    place = Shuffled(surveys)
    built(tmp_path, surveys, settings, place)
    assert {reading for reading in place.reading.values() if reading} <= {settings.caption}
    likely = [place.reading[survey.id] is not None for survey in surveys]
    assert likely[0] == first
    assert {*likely[AT_ONCE:]} == {later}
