"""Whatever reads captions reads them with their reviews applied, and leaves out what was rejected."""

from __future__ import annotations

import ast
import csv
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sharegpt4video
from made_dataset import caption_row, made_store, row_id
from sharegpt4video.dataset.clips.clips import ClipSettings
from sharegpt4video.dataset.dataset import Dataset, open_dataset
from sharegpt4video.dataset.ledger import Ledger
from sharegpt4video.dataset.report.samples import find_rows
from sharegpt4video.dataset.rows import CaptionRow
from sharegpt4video.dataset.store.schema import to_table
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.moments.search import find
from sharegpt4video.records import Edit

PACKAGE = Path(sharegpt4video.__file__).parent
NEW_STEP, NEW_SUMMARY = "A zeppelin lands.", "A zeppelin lands in a meadow, and everybody runs there."
OLD_STEP, OLD_SUMMARY = "Person 1 comes in.", "Person 1 sits down in a room. Then it rains."


@pytest.fixture
def ds(tmp_path: Path) -> Dataset:
    made_store(tmp_path / "set", [caption_row(number) for number in range(4)])
    ds = open_dataset(tmp_path / "set")
    ds.reviews.add(row_id(1), NEW_STEP, step=1, author="ada")
    ds.reviews.add(row_id(1), NEW_SUMMARY, author="ada")
    ds.reviews.add(row_id(2), verdict="reject", author="ada")
    return ds


def exported(format: str, **options: object) -> Callable[[Dataset, Path], str]:
    def write(ds: Dataset, out: Path) -> str:
        result = ds.export(format, out, **options)  # type: ignore[arg-type]
        one_sentence = {"prompts to re-caption that would be the whole caption": 1} if format == "captioner" else {}
        assert result.left_out == {"videos rejected in review": 1, **one_sentence}
        assert any("rewritten in review" in note for note in result.notes)
        assert result.videos == 3
        return "\n".join(content(path) for path in sorted(out.rglob("*")) if path.is_file())

    return write


def content(path: Path) -> str:
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    if path.suffix == ".tar":
        with tarfile.open(path) as tar:
            files = [tar.extractfile(member) for member in tar]
            return "\n".join(file.read().decode() for file in files if file is not None)
    return path.read_text("utf-8")


def captions(ds: Dataset, _out: Path) -> str:
    rows = list(ds.captions())
    assert [row.id for row in rows] == [row_id(number) for number in (0, 1, 3)]
    assert [row.id for row in ds.captions(dropped=True)] == [row_id(number) for number in range(4)]
    return told(rows)


def told(rows: list[CaptionRow]) -> str:
    return "\n".join(text for row in rows for text in (row.summary, *(step.text for step in row.steps)))


def clips(ds: Dataset, _out: Path) -> str:
    made = ds.clips(ClipSettings(way="runs"))
    assert made.rejected == 1
    return str([*ds.table("clips").read_all().to_pylist(), NEW_SUMMARY])  # no clip here is the whole video


def found(ds: Dataset, _out: Path) -> str:
    moments = find("zeppelin", ds, encoder=None).moments
    assert not find("person 2", ds, encoder=None, most=20).moments[0].text.count("2"), "it was rejected"
    return "\n".join([*(one.text for one in moments), NEW_SUMMARY])


def report(ds: Dataset, out: Path) -> str:
    page = out.with_suffix(".html")
    ds.report(page, samples=4)
    return page.read_text("utf-8")


def table(ds: Dataset, _out: Path) -> str:
    return str(ds.table("captions", ["summary", "steps"]).read_all().to_pylist())


def by_id(ds: Dataset, _out: Path) -> str:
    return told(list(find_rows(Store.open(ds.path), "captions", [row_id(1)]).values()))


READERS: dict[str, Callable[[Dataset, Path], str]] = {
    "captions": captions,
    "table": table,
    "by id": by_id,
    "find": found,
    "clips": clips,
    "report": report,
    "sharegpt4video": exported("sharegpt4video"),
    "parquet": exported("parquet"),
    "webdataset": exported("webdataset", media=False),
    "captioner": exported("captioner", pictures=False),
}
"""Readers of steps and summaries; formats that hold only one of them are below."""


@pytest.mark.parametrize("name", READERS)
def test_an_edit_is_seen_by(name: str, ds: Dataset, tmp_path: Path) -> None:
    text = READERS[name](ds, tmp_path / "out")
    assert NEW_STEP in text
    assert NEW_SUMMARY in text
    assert OLD_STEP not in text
    assert OLD_SUMMARY not in text


def test_subtitles_tell_the_edited_steps(ds: Dataset, tmp_path: Path) -> None:
    for format in ("srt", "vtt"):
        text = exported(format)(ds, tmp_path / format)
        assert NEW_STEP in text
        assert OLD_STEP not in text


def test_csv_tells_the_edited_summary(ds: Dataset, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(exported("csv")(ds, tmp_path / "csv"))))
    assert [row["caption"] for row in rows if row["id"] == row_id(1)] == [NEW_SUMMARY]


def test_the_status_counts_reviews(ds: Dataset) -> None:
    found = ds.status()
    assert (found.edited, found.accepted, found.rejected) == (1, 0, 1)
    assert "rejected in review" in found.text()


def test_exports_say_who_edited(ds: Dataset, tmp_path: Path) -> None:
    ds.export("parquet", tmp_path / "parquet")
    rows = pq.read_table(tmp_path / "parquet" / "data").to_pylist()
    assert {row["id"]: row["edited_by"] for row in rows} == {row_id(0): [], row_id(1): ["ada"], row_id(3): []}
    assert "edited in review" in (tmp_path / "parquet" / "README.md").read_text("utf-8")
    manifest = next((tmp_path / "parquet").glob("*.json"))
    assert "captions with texts that were rewritten in review: 1" in json.loads(manifest.read_text("utf-8"))["notes"]


def test_checks_run_again_on_what_was_edited_and_on_nothing_else(ds: Dataset) -> None:
    first = ds.check()
    assert first.checked == 4
    assert ds.check().checked == 0
    ds.reviews.add(row_id(3), "As an AI model, I cannot see the video.", author="ada")
    assert ds.report(Path(ds.path).parent / "stale.html") is not None
    again = ds.check()
    assert again.checked == 1
    assert again.findings["refusal"] == 1
    ds.reviews.add(row_id(3), "A street in the rain.", author="ada")
    assert ds.check().findings["refusal"] == 0


def test_a_problem_goes_when_somebody_has_rewritten_the_text(tmp_path: Path) -> None:
    row = caption_row(0)
    steps = (*row.steps[:2], replace(row.steps[2], problem="unavailable: the server was down"), row.steps[3])
    store = made_store(tmp_path / "set", [replace(row, steps=steps)])
    ds = open_dataset(tmp_path / "set")
    assert ds.status().with_problems == ds.status().unanswered == 1
    assert not Ledger(store).captioned(row.id)
    ds.reviews.add(row.id, "They take a seat.", step=2)
    assert ds.status().with_problems == ds.status().unanswered == 0
    assert Ledger(store).captioned(row.id), "a build asks for it no more"
    assert next(iter(ds.captions())).caption.problems == ()


def test_clips_made_before_a_review_are_left_out_until_they_are_made_again(ds: Dataset, tmp_path: Path) -> None:
    ds.clips(ClipSettings(way="runs"))
    before = ds.export("parquet", tmp_path / "before", clips=True)
    ds.reviews.add(row_id(3), "They stand up.", step=2)
    after = ds.export("parquet", tmp_path / "after", clips=True)
    outdated = after.left_out["clips whose steps were reviewed since (make the clips again)"]
    assert outdated >= 1
    assert after.clips == before.clips - outdated
    rows = [row for row in pq.read_table(tmp_path / "after" / "data").to_pylist() if row["kind"] == "clip"]
    assert not [row for row in rows if "They sit down." in str(row) and row["video_id"] == row_id(3)]
    ds.clips(ClipSettings(way="runs"))
    assert ds.export("parquet", tmp_path / "again", clips=True).clips == before.clips


def test_nobody_opens_parts_of_captions_but_the_doors() -> None:
    """A reader that opens parts by itself would miss the reviews; tests of the pages show that theirs do not."""
    doors = {"store.py", "samples.py", "compact.py", "description.py", "parts.py", "table.py"}
    doors |= {"raw.py", "reviewed.py", "follow.py", "derive.py"}
    for path in PACKAGE.rglob("*.py"):
        calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text("utf-8"))) if is_call(node)]
        assert "parts.opened" not in calls or path.name in doors, path


def is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call)


def test_parts_of_before_edits_told_who_wrote_all_of_a_text_are_read_and_reviewed(tmp_path: Path) -> None:
    store = made_store(tmp_path / "set", [])
    rows = [caption_row(number) for number in range(2)]
    table = to_table(CaptionRow, rows[:1])
    old = pa.list_(pa.struct([("step", pa.int64()), ("author", pa.string())]))
    at = table.schema.get_field_index("edits")
    store.append_arrow("captions", table.set_column(at, pa.field("edits", old), pa.array([[]], old)))
    store.append("captions", rows[1:])
    ds = open_dataset(tmp_path / "set")
    ds.reviews.add(rows[0].id, "A text of mine.", author="ada")
    edits = {row.id: row.edits for row in ds.captions()}
    assert edits == {rows[0].id: (Edit(-1, "ada", by_hand=True),), rows[1].id: ()}
    assert ds.table("captions").read_all().num_rows == 2
