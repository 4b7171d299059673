from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

import made_report_rows
import media
from sharegpt4video.dataset.report.samples import (
    MOST_PICTURES,
    chosen,
    find_rows,
    keyframes,
    read_samples,
)
from sharegpt4video.dataset.rows import Checked, SourceVideo
from sharegpt4video.dataset.store.store import Store, packed_ids
from sharegpt4video.records import Finding
from sharegpt4video.video.thumbnails import wanted_times


def test_the_worst_come_first_and_then_others_at_random() -> None:
    import pyarrow as pa

    names = [made_report_rows.id_of(number) for number in range(100)]
    scores = np.array([number if number < 10 else 0 for number in range(100)])
    ids = packed_ids(pa.array(names))
    found = chosen(ids, scores, 12, seed=0)
    assert list(found)[:6] == [names[number] for number in (9, 8, 7, 6, 5, 4)]
    assert list(found.values()) == [9, 8, 7, 6, 5, 4, *[found[id] for id in list(found)[6:]]]
    assert found == chosen(ids, scores, 12, seed=0)
    assert list(found) != list(chosen(ids, scores, 12, seed=1))
    assert set(chosen(ids, scores, 500, seed=0)) == set(names)
    assert chosen(ids, np.ones(100, int), 4, seed=0).keys() == dict.fromkeys(names[:4]).keys()
    assert chosen(ids, scores, 0, seed=0) == {}
    assert chosen(ids[:0], scores[:0], 5, seed=0) == {}


def test_rows_are_found_without_the_rest_and_the_last_one_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    rows = [made_report_rows.caption_row(number) for number in range(600)]
    store.append("captions", rows)  # several row groups
    store.append("captions", [replace(rows[3], revision=1, summary="again")])
    wanted = [rows[599].id, rows[3].id, rows[0].id, made_report_rows.id_of("nobody")]
    found = find_rows(store, "captions", wanted)
    assert found == {
        rows[599].id: rows[599],
        rows[3].id: replace(rows[3], revision=1, summary="again"),
        rows[0].id: rows[0],
    }
    assert find_rows(store, "checks", wanted) == {}


def test_pictures_are_those_on_screen_at_the_times_of_the_steps(tmp_path: Path) -> None:
    path = tmp_path / "numbered.mp4"
    media.write_video(path, media.numbered_run(75, 256, 192), fps=5)
    found, missing = keyframes(SourceVideo("0" * 32, str(path)), [0.0, 1.0, 14.0], 1_000_000)
    assert missing == ""
    shown = {at: media.number_of(np.asarray(Pillow.open(io.BytesIO(one.jpeg)))) for at, one in found.items()}
    assert shown == {0.0: 0, 1.0: 5, 14.0: 70}
    assert max((one.width, one.height) for one in found.values()) == (192, 144)


def test_what_cannot_be_read_is_said_and_the_rest_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "short.mp4"
    media.write_video(path, media.numbered_run(10), fps=5)
    found, missing = keyframes(SourceVideo("0" * 32, str(path)), [0.0, 1.0, 60.0], 1_000_000)
    assert list(found) == [0.0, 1.0]
    assert "60.000" in missing
    path.unlink()
    assert keyframes(SourceVideo("0" * 32, str(path)), [0.0], 1_000_000) == (
        {},
        f"{path}: the file is not there any more",
    )


def test_pictures_stop_at_the_budget(tmp_path: Path) -> None:
    path = tmp_path / "many.mp4"
    media.write_video(path, media.numbered_run(20), fps=5)
    source = SourceVideo("0" * 32, str(path))
    whole, _ = keyframes(source, [0.0, 1.0, 2.0], 1_000_000)
    some, missing = keyframes(source, [0.0, 1.0, 2.0], sum(len(one.jpeg) for one in whole.values()) - 1)
    assert list(some) == [0.0, 1.0]
    assert "left out" in missing


@pytest.mark.parametrize("seconds", [4.0, 400.0])
def test_long_videos_get_evenly_spread_pictures(seconds: float) -> None:
    row = made_report_rows.caption_row(1)
    row = replace(row, end_seconds=seconds, steps=made_report_rows.steps_of(made_report_rows.random.Random(1), seconds))
    times = wanted_times(row, MOST_PICTURES)
    assert times == sorted(set(times))
    assert (times[0], times[-1]) == (0.0, seconds)
    assert len(times) == min(MOST_PICTURES, seconds / 2 + 1)
    bare = replace(row, steps=tuple(replace(step, frame_seconds=()) for step in row.steps))
    assert len(wanted_times(bare, MOST_PICTURES)) == 4


def test_findings_of_an_earlier_revision_are_not_shown(tmp_path: Path) -> None:
    store = Store(tmp_path)
    row = made_report_rows.caption_row(1)
    store.append("captions", [replace(row, revision=1)])
    store.append("checks", [Checked(row.id, 0, (Finding("loop", 0, "again"),))])
    (sample,) = read_samples(store, {row.id: 0})
    assert sample.checked is None
    store.append("checks", [Checked(row.id, 1, (Finding("loop", 0, "again"),))])
    (sample,) = read_samples(store, {row.id: 1})
    assert sample.checked is not None
    assert sample.row.revision == 1
