"""Which captions count after files were replaced, swapped, moved and deleted: by one rule for every verb."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sharegpt4video.dataset.checks import REPEATED
from sharegpt4video.dataset.checks.run import check_dataset
from sharegpt4video.dataset.decide.recordings import join_recordings
from sharegpt4video.dataset.decide.select import select
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.report import write_report
from sharegpt4video.dataset.report.numbers import gather
from sharegpt4video.dataset.rows import CaptionRow, Clip, Failure, SourceVideo, Survey
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.sources.contents import looked_up, read_content
from sharegpt4video.dataset.sources.listed import Listed, original_alone, original_of, places_of
from sharegpt4video.dataset.sources.sources import find_sources
from sharegpt4video.dataset.status import status
from sharegpt4video.dataset.store.ids import packed_ids
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, VideoError
from sharegpt4video.vlm.fake import FakeVLM
from store_rows import caption_row

ONE, TWO, THREE = b"one" * 100, b"two" * 150, b"three" * 90


class Place:
    """A folder of files and a data set that lists and captions what is there."""

    def __init__(self, root: Path) -> None:
        root.mkdir(exist_ok=True)
        self.root = root
        self.store = Store.create(root / "set", DatasetSettings(), "fake", "0")
        self._captioned: dict[str, str] = {}

    def put(self, **files: bytes) -> None:
        for name, data in files.items():
            (self.root / f"{name}.mp4").write_bytes(data)

    def swap(self, one: str, other: str) -> None:
        """Rename, which keeps sizes and dates."""
        paths = self.root / f"{one}.mp4", self.root / f"{other}.mp4", self.root / "aside"
        for source, target in ((0, 2), (1, 0), (2, 1)):
            paths[source].rename(paths[target])

    def listed(self) -> None:
        """What a build lists and captions: what is there now and was not captioned yet."""
        for path in sorted(self.root.glob("*.mp4")):
            source = looked_up(SourceVideo("", str(path)))
            source = replace(source, id=read_content(source))
            self.store.append("sources", [source])
            if source.id in self._captioned:
                continue
            number = len(self._captioned)
            self._captioned[source.id] = str(path)
            told = {"id": source.id, "location": source.location, "content_id": source.id}
            row = replace(caption_row(number), **told, size_bytes=source.size_bytes, modified=source.modified)
            self.store.append("captions", [row])
            self.store.append("surveys", [Survey(source.id, duration_seconds=6.0)])
            self.store.append("clips", [Clip(f"{number:032x}", source.id, source.location, 0, 1, 0.0, 4.0, "A clip.")])

    def exported(self) -> dict[str, str]:
        """The content that each exported row's file name stands for, and what the export said."""
        export(self.store, "csv", str(self.root / "out"), overwrite=True)
        with (self.root / "out" / "captions.csv").open(newline="", encoding="utf-8") as file:
            return {row["id"]: Path(row["path" if "path" in row else "video"]).stem for row in csv.DictReader(file)}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def content(data: bytes, at: Path) -> str:
    at.write_bytes(data)
    return read_content(looked_up(SourceVideo("", str(at))))


def test_every_verb_counts_the_same_captions(place: Place, tmp_path: Path) -> None:
    place.put(a=ONE, b=TWO)
    place.listed()
    check_dataset(place.store)
    place.store.append("failures", [Failure(content(ONE, tmp_path / "x"), "a.mp4", "", "check", "model", "of old")])
    place.put(a=THREE)
    place.listed()
    result = check_dataset(place.store)
    selection = select(place.store, DatasetSettings())
    found, numbers = status(place.store), gather(place.store)
    page = write_report(place.store, tmp_path / "report.html", samples=9)
    counts = {
        "check": result.captions,
        "select": selection.kept,
        "status": found.captioned,
        "surveyed": found.surveyed,
        "report": numbers.captions.videos,
        "report, checked": numbers.checks.captions,
        "report, selected": numbers.selection.kept,
        "report, surveyed": numbers.survey.videos,
        "report, clips": numbers.clips,
        "samples": page.samples,
        "export": len(place.exported()),
    }
    assert counts == dict.fromkeys(counts, 2)
    assert numbers.failures.count == 0
    assert (result.replaced, found.replaced) == (1, 1)
    assert "1 caption of replaced files left out" in result.text()
    assert "captions of replaced files" in found.text()


def test_a_judge_is_not_paid_for_captions_of_replaced_files(place: Place) -> None:
    place.put(a=ONE, b=TWO)
    place.listed()
    place.put(a=THREE)
    place.listed()
    judge = FakeVLM(lambda _request: '{"unsupported": []}')
    assert check_dataset(place.store, judge=judge).judged == 2
    assert len(judge.requests) == 2
    assert check_dataset(place.store, judge=judge).judged == 0
    assert len(judge.requests) == 2


def test_a_text_is_not_repeated_by_a_caption_that_does_not_count(place: Place) -> None:
    place.put(a=ONE, b=TWO, c=THREE)
    place.listed()
    rows = {row.location: row for row in place.store.rows("captions")}
    text = "A man in a red coat walks along the pier and looks at the boats that lie in the harbour."
    place.store.append("captions", [replace(row, summary=text) for row in rows.values()])
    before = _repeated(place)
    place.put(a=b"four" * 99, b=b"five" * 99)
    place.listed()
    assert (before, _repeated(place)) == (3, 0)


def _repeated(place: Place) -> int:
    check_dataset(place.store)
    rows = [row for row in place.store.rows("checks") if not Listed(place.store).is_replaced(row.id)]
    return sum(finding.check == REPEATED for row in rows for finding in row.findings)


def test_swapped_files_keep_their_captions_under_their_new_names(place: Place, tmp_path: Path) -> None:
    one, two = content(ONE, tmp_path / "x"), content(TWO, tmp_path / "x")
    place.put(a=ONE, b=TWO)
    place.listed()
    for names in ({one: "b", two: "a"}, {one: "a", two: "b"}):
        place.swap("a", "b")
        assert place.exported() in ({}, names), "never under the name of the other one"
        place.listed()
        assert place.exported() == names
        assert status(place.store).captioned == 2


def test_what_moved_and_was_deleted_is_gone_and_not_replaced(place: Place, tmp_path: Path) -> None:
    one, two = content(ONE, tmp_path / "x"), content(TWO, tmp_path / "x")
    place.put(a=ONE)
    place.listed()
    place.put(a=TWO, b=ONE)
    place.listed()
    (tmp_path / "b.mp4").unlink()
    result = export(place.store, "csv", str(tmp_path / "told"))
    assert (result.failed, result.left_out) == (0, {})
    assert any("b.mp4: the file is not there any more" in note for note in result.notes), result.notes
    assert place.exported() == {one: "b", two: "a"}


def test_a_replaced_file_is_left_out_also_where_the_selection_is_older(place: Place) -> None:
    place.put(a=ONE, b=TWO)
    place.listed()
    select(place.store, DatasetSettings())
    place.put(a=TWO)
    (place.root / "b.mp4").unlink()
    place.listed()
    result = export(place.store, "csv", str(place.root / "told"))
    assert (result.videos, result.left_out) == (1, {"videos of a file that was replaced and listed anew": 1})


def test_one_caption_is_looked_up_as_all_of_them_are(tmp_path: Path) -> None:
    """Files written, swapped, deleted, and listed with and without dates, at random: the same file or word."""
    for seed in range(3):
        random = np.random.default_rng(seed)
        place = Place(tmp_path / str(seed))
        for _ in range(7):
            one, other = random.choice(["a", "b", "c"], 2)
            path = place.root / f"{other}.mp4"
            if path.exists() and (place.root / f"{one}.mp4").exists() and one != other and random.random() < 0.5:
                place.swap(one, other)
            elif path.exists() and random.random() < 0.3:
                path.unlink()
            else:
                place.put(**{one: (ONE, TWO, THREE)[random.integers(3)]})
            if random.random() < 0.7:
                place.listed()
            if random.random() < 0.4:
                undated = list(place.store.rows("sources"))[-1:]
                place.store.append("sources", [replace(row, modified="", size_bytes=0) for row in undated])
        rows: list[CaptionRow] = list(place.store.rows("captions"))
        rows += [replace(row, content_id="", size_bytes=0, modified="") for row in rows]
        told = [_told(place, row) for row in rows]
        assert [alone for alone, _ in told] == [among for _, among in told]


def _told(place: Place, row: CaptionRow) -> tuple[object, object]:
    listed = Listed(place.store)

    def said(find: Callable[[], SourceVideo]) -> object:
        try:
            return find()
        except VideoError as error:
            return type(error), str(error)

    among = said(lambda: original_of(row, places_of(place.store, listed, [row.id])[row.id], listed))
    return said(lambda: original_alone(place.store, row)), among


def test_files_that_had_one_name_after_the_other_are_not_one_recording(place: Place) -> None:
    place.put(a=ONE, b=TWO)
    place.listed()
    place.swap("a", "b")
    place.listed()
    ids = packed_ids(place.store.column("captions", "id"))
    apart = np.array([0, 1])
    assert join_recordings(place.store, Listed(place.store), ids, apart).tolist() == [0, 1]


def test_keys_and_passwords_of_addresses_stay_with_the_sources(tmp_path: Path) -> None:
    signed = "http://127.0.0.1:9/y.mp4?X-Amz-Signature=s3cret&v=1"
    (tmp_path / "list.txt").write_text(f"https://me:s3cret@127.0.0.1:9/x.mp4\n{signed}\nsftp://me:s3cret@host/z.mp4\n")
    rows = list(find_sources([str(tmp_path / "list.txt")]))
    assert len(rows) == 3
    assert "s3cret" not in repr(rows)
    assert "list.txt, line 1: https://***@127.0.0.1:9/x.mp4: an address with a user name or password" in rows[0].message
    with pytest.raises(SettingsError, match=r"https://\*\*\*@host/x.mp4: an address with a user name"):
        find_sources(["https://me:s3cret@host/x.mp4"])
    store = Store.create(tmp_path / "set", DatasetSettings(), "fake", "0")
    store.append("captions", [replace(caption_row(1), location=signed)])
    export(store, "csv", str(tmp_path / "out"))
    write_report(store, tmp_path / "report.html", samples=0)
    for path in (tmp_path / "out" / "captions.csv", tmp_path / "out" / "export.json", tmp_path / "report.html"):
        assert "s3cret" not in path.read_text()
    assert "http://127.0.0.1:9/y.mp4?X-Amz-Signature=***&v=1" in (tmp_path / "out" / "captions.csv").read_text()


def test_an_address_that_is_signed_anew_is_the_same_content() -> None:
    now, later, other = (
        SourceVideo("", f"https://host/x.mp4?{query}", size_bytes=9, modified="etag")
        for query in ("v=1&Signature=ab", "v=1&Signature=cd", "v=2&Signature=ab")
    )
    assert read_content(now) == read_content(later) != read_content(other)
