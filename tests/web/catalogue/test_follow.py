"""The index follows a data set part by part, and always says what the data set says."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from made_catalogue import (
    MOVES,
    append,
    caption_of,
    checked_of,
    id_of,
    indexed,
    made,
    selected_of,
    source_of,
)
from sharegpt4video.dataset.rows import CaptionRow, Failure
from sharegpt4video.dataset.store import parts
from sharegpt4video.dataset.store.schema import to_table
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.web.catalogue import derive
from sharegpt4video.web.catalogue.follow import Follower


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derive, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(derive, "SHARE", 0.0)


def test_columns_say_what_the_captions_were_made_with(tmp_path: Path) -> None:
    with indexed(made(tmp_path / "set", range(13))) as one:
        assert one.refresh()
        assert not one.refresh()
        names = (
            "video, seconds, steps, max_motion, camera, subject, subjects, texts, problems, words, model, motion, shots"
        )
        for number, row in enumerate(one.rows(f"{names}, picture_seconds, summary, codec")):
            labels = sorted({("person", "car", "dog")[(number + step) % 3] for step in range(2)})
            assert row[:3] == (f"{number}.mp4", 4.0, 2)
            assert row[3] == pytest.approx(number / 100 + 0.001)
            assert sorted(row[5]) == labels
            assert row[6] == 2
            assert row[4] == [MOVES[number % 4]]
            assert (row[7], row[8], row[9]) == (1, number % 5 == 0, 8)
            assert row[10:13] == ("embedded", number / 1000, number % 7)
            assert row[13:] == (1.5, f"Summary of video{number}.", "h264")
        assert one.ids("video7") == [id_of(7)]
        assert one.ids("", "text=SIGN 12") == [id_of(12)]
        assert one.ids("", "speech=word 3") == [id_of(3)]


def test_a_later_caption_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(12))
    with indexed(store) as one:
        one.refresh()
        before = one.rows("n, id")
        store.append("captions", [caption_of(3, revision=1, summary="A whale jumps.")])
        assert one.refresh()
        assert one.rows("n, id") == before
        assert one.rows("revision, summary", "video = '3.mp4'") == [(1, "A whale jumps.")]
        assert one.ids("whale") == [id_of(3)]
        assert one.ids('"summary of video3"') == []


def test_compacted_parts_bring_nothing_new(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(30))
    store.append("captions", [caption_of(3, revision=1)])
    with indexed(store) as one:
        one.refresh()
        before, last = one.rows("* EXCLUDE (c_part, c_at, s_part)"), one.index.words and one.index.words.last
        assert store.compact("captions") == 1
        assert store.compact("surveys") == 1
        assert one.refresh()
        assert not one.refresh()
        assert one.rows("* EXCLUDE (c_part, c_at, s_part)") == before
        assert one.index.words
        assert one.index.words.last == last
        db = one.index.cursor()
        assert db.execute("SELECT tab, rows FROM parts ORDER BY tab").fetchall() == [("captions", 31), ("surveys", 30)]


def test_merged_parts_are_not_counted_as_new_captions(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(30))
    waiting: list[int] = []
    with indexed(store) as one:
        one.refresh()
        store.append("captions", [caption_of(number) for number in range(30, 34)])
        store.compact("captions")
        follower = Follower(store, one.index, lambda: waiting.append(follower.known.waiting_rows))
        follower.refresh()
        assert (max(waiting), follower.known.waiting_rows) == (4, 0)


def test_what_a_part_took_with_it_counts_as_before(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(5))
    later = store.append("captions", [caption_of(2, revision=1, summary="A whale jumps.")])
    with indexed(store) as one:
        one.refresh()
        store.set_aside(later)
        one.refresh()
        assert one.rows("revision, summary", "video = '2.mp4'") == [(0, "Summary of video2.")]
        assert one.ids("whale") == []
        assert len(one.ids()) == 5
        store.set_aside(store.parts("captions")[0])
        one.refresh()
        assert one.ids() == []


def test_a_part_that_is_seen_late_does_not_win(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(2))
    early = store.next_stamp("captions")
    store.append("captions", [caption_of(0, revision=2, summary="The newest.")])
    with indexed(store) as one:
        one.refresh()
        # The clock of another machine is behind.
        store.write("captions", to_table(CaptionRow, [caption_of(0, revision=1), caption_of(7)]), (early, ""))
        one.refresh()
        assert one.rows("summary", "video = '0.mp4'") == [("The newest.",)]
        assert sorted(one.ids()) == sorted([id_of(0), id_of(1), id_of(7)])


def test_the_selection_is_the_one_that_is_there(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(6))
    with indexed(store) as one:
        one.refresh()
        assert one.rows("kept, split") == [(True, "train")] * 6  # before the first selection every caption counts
        store.append("selection", [selected_of(n, "val" if n else "train") for n in range(5)])
        one.refresh()
        assert one.rows("kept, split") == [(True, "train"), *[(True, "val")] * 4, (None, "")]
        store.replace("selection", [selected_of(n, gate="max_seconds" if n % 2 else "") for n in range(6)])
        one.refresh()
        assert one.rows("kept, split, gate") == [(True, "train", ""), (False, "", "max_seconds")] * 3
        assert sorted(one.ids("", "kept=false", "gate=max_seconds")) == sorted(map(id_of, (1, 3, 5)))


def test_findings_are_those_of_this_revision(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(4))
    store.append("checks", [checked_of(0), checked_of(1, "times", "times", "text"), checked_of(2, "text", revision=1)])
    with indexed(store) as one:
        one.refresh()
        assert one.rows('findings, "check"') == [(0, []), (3, ["text", "times"]), (0, []), (0, [])]
        store.append("captions", [caption_of(1, revision=1), caption_of(2, revision=1)])
        one.refresh()
        assert one.ids("", "check=text") == [id_of(2)]
        assert one.ids("", "check=any") == [id_of(2)]


def test_failures_stand_until_they_are_over(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(3))
    store.append("sources", [source_of(7), source_of(8)])
    store.append(
        "failures",
        [Failure(id_of(n), f"/videos/{n}.mp4", "", "caption", "unreadable", f"why {n}") for n in (7, 8)],
    )
    with indexed(store) as one:
        one.refresh()
        assert sorted(one.ids("", "failure=unreadable", limit=1)) == sorted(map(id_of, (7, 8)))
        assert len(one.ids()) == 3
        assert one.follower.known.videos == 5
        assert [row["message"] for row in one.follower.known.failures] == ["why 7", "why 8"]
        store.append("captions", [caption_of(7)])
        one.refresh()
        assert one.ids("", "failure=any") == [id_of(8)]
        assert id_of(7) in one.ids()


def test_captions_of_replaced_files_do_not_count(tmp_path: Path) -> None:
    store = made(tmp_path / "set", ())
    store.append("sources", [source_of(n, modified="then", size_bytes=1) for n in range(3)])
    store.append("captions", [caption_of(n) for n in range(3)])
    with indexed(store) as one:
        one.refresh()
        assert len(one.ids()) == 3
        store.append("sources", [source_of(9, location="/videos/1.mp4", modified="now", size_bytes=2)])
        one.refresh()
        assert sorted(one.ids()) == sorted(map(id_of, (0, 2)))
        store.append("sources", [source_of(1, modified="later", size_bytes=1)])  # it is back
        one.refresh()
        assert len(one.ids()) == 3


def test_a_damaged_part_is_left_out_and_named(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(20))
    bad = Path(store.parts("captions")[0])
    data = bytearray(bad.read_bytes())
    data[len(data) - 100] ^= 1
    bad.write_bytes(data)
    with indexed(store) as one:
        one.refresh()
        assert sorted(one.ids()) == sorted(map(id_of, range(10, 20)))
        assert str(bad) in next(iter(one.follower.known.problems.values()))
        store.set_aside(str(bad))
        one.refresh()
        assert not one.follower.known.problems


def test_a_table_that_changes_while_it_is_read_ends_up_right(tmp_path: Path) -> None:
    store = made(tmp_path / "set", range(30))
    turns = itertools.count()

    def meddle() -> None:
        turn = next(turns)
        if turn == 1:
            store.compact("captions")
        if turn == 2:
            append(store, range(30, 35))

    with indexed(store) as one:
        one.follower._pause = meddle
        one.refresh()
        one.refresh()
        assert sorted(one.ids()) == sorted(map(id_of, range(35)))


def test_parts_of_an_earlier_layout_are_read(tmp_path: Path) -> None:
    store = made(tmp_path / "set", ())
    whole = made(tmp_path / "other", range(2))
    with parts.opened(whole.fs, whole.parts("surveys")[0], whole=True) as file:
        table = file.read().drop_columns(["music_share", "speech_share", "embedding"])
    store.append_arrow("surveys", table)
    store.append("captions", [caption_of(0), caption_of(1)])
    with indexed(store) as one:
        one.refresh()
        assert one.rows("motion, music_share") == [(0.0, None), (0.001, None)]


def test_an_empty_data_set_has_no_rows(tmp_path: Path) -> None:
    with indexed(Store.create(tmp_path / "set", made(tmp_path / "x", ()).settings(), "embedded", "0")) as one:
        one.refresh()
        assert one.ids() == []
        assert one.ids("word") == []
