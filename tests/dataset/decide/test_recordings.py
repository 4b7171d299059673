"""One recording, one split: whatever it was listed as, and however it was cut."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_dataset import MADE, story
from sharegpt4video.dataset.decide.recordings import origin, recording_keys
from sharegpt4video.dataset.decide.select import select
from sharegpt4video.dataset.rows import CaptionRow, SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings, SplitSettings
from sharegpt4video.dataset.sources.ids import with_span
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.files import content_id

THIRDS = DatasetSettings(splits=SplitSettings(val=0.33, test=0.33))
ID = "dQw4w9WgXcQ"


@pytest.mark.parametrize(
    "text",
    [
        ID,
        f"https://www.youtube.com/watch?v={ID}",
        f"http://youtube.com/watch?feature=share&v={ID}&t=12s#x",
        f"https://m.youtube.com/watch?v={ID}",
        f"https://youtu.be/{ID}?si=abc",
        f"https://www.youtube.com/embed/{ID}",
        f"https://www.youtube.com/shorts/{ID}?feature=share",
        f"https://www.youtube-nocookie.com/embed/{ID}",
        f"{ID}_0",
        f"{ID}_12_0to158",
        f"{ID}.7",
        f"{ID}_000012_000022",
    ],
)
def test_all_ways_to_write_one_video_of_youtube_are_one(text: str) -> None:
    assert origin(text) == ID


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://host/a.mp4?Expires=1&Signature=x", "https://www.host/a.mp4?Expires=2#t=5", True),
        ("https://host/a.mp4", "https://host/b.mp4", False),
        ("https://host/watch?id=1", "https://host/watch?id=2", False),
        ("holiday_vid_01", "holiday_vid_02", False),
        ("clip_1", "clip_2", False),
        ("https://youtu.be/dQw4w9WgXcQ", "https://youtu.be/dQw4w9WgXcR", False),
        ("https:///a.mp4", "https:///b.mp4", False),  # of no host
    ],
)
def test_other_addresses_and_ids_are_told_apart(one: str, other: str, same: bool) -> None:
    assert (origin(one) == origin(other)) is same


@pytest.mark.parametrize("ending", [".mp4", ".MP4", ".WebM", "", ".mp4?Expires=1"])
def test_a_name_tells_the_video_that_it_was_cut_from_whatever_its_ending(ending: str) -> None:
    assert f"origin {ID}" in recording_keys(SourceVideo("0" * 32, f"/clips/{ID}_3{ending}"))


def test_the_name_of_a_member_is_no_id_outside_of_its_archive() -> None:
    keys = [set(recording_keys(SourceVideo("0" * 32, f"/s/{n}.tar::x/0001.mp4", "x/0001"))) for n in range(2)]
    assert keys[0] & keys[1] == {"content " + "0" * 32}


def video(
    path: str, *, start: float | None = None, end: float | None = None, data: str = "", **more: str
) -> SourceVideo:
    content = content_id([(data or path).encode()])
    tags = {name: value for name, value in more.items() if name != "user_id"}
    return SourceVideo(with_span(content, start, end), path, more.get("user_id", ""), start, end, "", 9, "1", tags)


def splits(folder: Path, sources: list[SourceVideo], *, surveyed: bool = True) -> dict[str, str]:
    """The split of each source, by its id."""
    store = Store.create(folder, THIRDS, "tiny", "0")
    store.append("sources", sources)
    ids = list({source.id: source for source in sources})
    if surveyed:
        store.append("surveys", [Survey(id, duration_seconds=8.0) for id in ids])
    store.append("captions", [CaptionRow.of(source, replace(story(0), provenance=MADE)) for source in sources])
    select(store, THIRDS)
    return {row.id: row.split for row in store.rows("selection")}


FAMILIES = {
    "spans": lambda n: [video(f"/v/{n}.mp4", start=at, end=at + 3) for at in (0.0, 3.0, 6.0)],
    "copies": lambda n: [video(f"/{place}/{n}.mp4", start=at, data=f"d{n}") for at, place in enumerate("abc")],
    "ids": lambda n: [video(f"/ids/{n}-{at}.mp4", user_id=f"orig {n}") for at in range(3)],
    "urls": lambda n: [video(f"/url/{n}-{at}.mp4", url=f"https://youtu.be/{n:05d}_aB-cD?t={at}") for at in range(3)],
    "names": lambda n: [video(f"/yt/{n:05d}_aBxcD_{at}.mp4") for at in range(3)],
    "mixed": lambda n: [
        video(f"/mixed/{n:05d}xaBxcD_0.mp4"),
        video(f"/mixed/x{n}.mp4", videoID=f"{n:05d}xaBxcD"),
        video(f"https://www.youtube.com/watch?v={n:05d}xaBxcD"),
    ],
    "replaced": lambda n: [replace(video(f"/r/{n}.mp4", data=f"{n} {at}"), modified=str(at)) for at in range(2)],
}


@pytest.mark.parametrize("surveyed", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_recording_is_on_one_side(family: str, surveyed: bool, tmp_path: Path) -> None:
    groups = [FAMILIES[family](number) for number in range(40)]
    sources = [source for rank in range(3) for group in groups for source in group[rank : rank + 1]]
    found = splits(tmp_path, sources, surveyed=surveyed)
    sides = [{found[source.id] for source in group if source.id in found} for group in groups]
    assert all(len(side) == 1 for side in sides)
    assert {split for side in sides for split in side} == {"train", "val", "test"}


def test_another_data_set_with_other_spans_of_the_file_has_the_same_split(tmp_path: Path) -> None:
    one = splits(tmp_path / "one", [video(f"/v/{n}.mp4", start=0.0, end=3.0) for n in range(30)])
    other = splits(tmp_path / "other", [video(f"/v/{n}.mp4", start=3.0, end=6.0) for n in range(30)])
    whole = splits(tmp_path / "whole", [video(f"/v/{n}.mp4") for n in range(30)])
    assert [*one.values()] == [*other.values()] == [*whole.values()]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=25))
def test_what_shares_anything_shares_a_split(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int, int]]
) -> None:
    sources = [
        video(
            f"/{place}.mp4", start=float(at), user_id=f"id {user}", url=f"https://host/{origin_of}.mp4", data=f"{place}"
        )
        for at, (place, user, origin_of) in enumerate(drawn)
    ]
    found = splits(tmp_path_factory.mktemp("set"), sources)
    reached: dict[str, set[int]] = defaultdict(set)
    for number, (place, user, origin_of) in enumerate(drawn):
        for key in (f"p{place}", f"u{user}", f"o{origin_of}"):
            reached[key].add(number)
    for numbers in reached.values():
        assert len({found[sources[number].id] for number in numbers}) == 1


def test_a_group_that_holds_most_of_the_videos_is_told_of(tmp_path: Path) -> None:
    store = Store.create(tmp_path, THIRDS, "tiny", "0")
    sources = [video(f"/{n}.mp4", user_id="the same for all") for n in range(30)]
    store.append("sources", sources)
    store.append("captions", [CaptionRow.of(source, replace(story(0), provenance=MADE)) for source in sources])
    assert "the largest group has 30 videos" in select(store, THIRDS).line()
    assert np.unique([row.group for row in store.rows("selection")]).size == 1
