"""How far a data set is, counted by hand beside it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from sharegpt4video.dataset.rows import Selected, ShortCaption, Survey
from sharegpt4video.dataset.status import Status, status, videos_per_second
from sharegpt4video.dataset.store.parts import Written
from sharegpt4video.dataset.store.store import Store, packed_ids
from store_rows import PROVENANCE, caption_row, failure_row, id_of, source_row


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Twenty files of which two have the content of others; listed a second time by a run that was started again."""
    store = Store(tmp_path)
    sources = [source_row(number) for number in range(18)]
    store.append("sources", [*sources, source_row(3, "copy.mp4"), source_row(3, "another.mp4")])
    store.append("sources", sources[:10])
    store.append("surveys", [Survey(id_of(number)) for number in range(12)])
    return store


def test_everything_is_counted_once(store: Store) -> None:
    store.append("captions", [caption_row(0, problem="cut off"), caption_row(1), caption_row(2)])
    store.append("captions", [caption_row(1, revision=1, problem="loops"), caption_row(0, revision=1)])
    store.append("captions", [replace(caption_row(4), summary_problem="refused")])
    store.append("failures", [failure_row(0), failure_row(5), failure_row(6, kind="crashed"), failure_row(7)])
    store.append("failures", [failure_row(11, "survey", "unreadable"), failure_row(12, "survey", "unreadable")])
    store.append("failures", [failure_row(90, "list", "vanished"), failure_row(91, "list", "unsafe")])
    store.append("failures", [failure_row(7, kind="stalled"), failure_row(7, kind="stalled")])

    found = status(store)

    assert (found.listed, found.identical, found.videos, found.unlisted) == (20, 2, 18, 2)
    assert (found.surveyed, found.captioned, found.with_problems) == (12, 4, 2)
    assert found.failed == {
        ("model", "caption"): 1,
        ("crashed", "caption"): 1,
        ("stalled", "caption"): 1,
        ("unreadable", "survey"): 1,
        ("vanished", "list"): 1,
        ("unsafe", "list"): 1,
    }, "0 was captioned later, 7 failed again in another way, 11 was surveyed later"
    assert found.left == 18 - 4 - 4
    assert (found.requests, found.input_tokens, found.cost_usd) == (54, 6 * 5200, pytest.approx(0.024))


def test_dropped_videos_are_not_left(store: Store) -> None:
    store.append("captions", [caption_row(0), caption_row(1)])
    store.append("failures", [failure_row(3)])
    kept = [Selected(id_of(number), number not in (1, 2, 3), "too long", "", "") for number in range(5)]
    assert status(store).dropped == 0
    store.replace("selection", kept)
    found = status(store)
    assert (found.dropped, found.failed, found.left) == (2, {}, 18 - 2 - 2)
    given = packed_ids(pa.array([id_of(9), id_of(10), id_of(0)]))
    found = status(store, dropped=given)
    assert (found.dropped, sum(found.failed.values()), found.left) == (2, 1, 18 - 2 - 2 - 1)


def test_short_captions_cost_as_well(store: Store) -> None:
    free = replace(PROVENANCE, cost_usd=None, requests=1)
    store.append("shorts", [ShortCaption(id_of(1), "a dog", "", free)])
    assert (status(store).requests, status(store).cost_usd) == (1, None)
    store.append("captions", [caption_row(1)])
    assert (status(store).requests, status(store).cost_usd) == (10, pytest.approx(0.004))


def test_an_empty_data_set(tmp_path: Path) -> None:
    found = status(Store(tmp_path))
    assert (found.listed, found.left, found.videos_per_minute, found.seconds_left) == (0, 0, None, None)
    assert "left" in found.text()


def test_the_rate_comes_from_when_the_parts_were_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([1000.0, 5000.0, 5060.0, 5120.0])  # a part of an earlier run, then one a minute
    for number in range(4):
        moment = next(clock)
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda moment=moment: moment)
            store.append("captions", [caption_row(number), caption_row(number + 4)])
    found = status(store)
    assert found.videos_per_minute == pytest.approx(2)
    assert found.seconds_left == pytest.approx(60 * found.left / 2)
    store.compact("captions")
    assert status(store) == found, "merging parts keeps when their rows were written"


def test_a_rate_needs_two_moments() -> None:
    assert videos_per_second([]) is None
    assert videos_per_second([Written(5.0, 100)]) is None
    assert videos_per_second([Written(5.0, 100), Written(5.0, 100)]) is None
    assert videos_per_second([Written(5.0, 100), Written(5000.0, 100)]) is None
    assert videos_per_second([Written(0.0, 9), Written(10.0, 20), Written(20.0, 30)]) == 2.5


def test_the_table_says_it_all() -> None:
    failed = {("model", "caption"): 2, ("crashed", "survey"): 1}
    found = Status(1_234_567, 7, 0, 20, 3, 5, 2, failed, 9, 1.5, 21_600.0, 4, 5, 6, 7.125)
    lines = [" ".join(line.split()) for line in found.text().splitlines()]
    for line in (
        "listed 1,234,567",
        "identical files 7 done once",
        "captioned 5 2 with problems",
        "failed 3",
        "model, at caption 2",
        "left 9 about 6 h 0 min",
        "videos per minute 1.5",
        "output tokens 6",
        "cost, US dollars 7.12",
    ):
        assert line in lines


def test_few_columns_are_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append("captions", [caption_row(number) for number in range(4)])
    part = Path(store.parts("captions")[0])
    asked: list[str] = []
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: asked.append(str(self)) or real(self))  # type: ignore[func-returns-value]
    status(store)
    assert str(part) not in asked, "the part was read whole"
