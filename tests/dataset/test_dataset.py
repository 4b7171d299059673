"""The data engine in Python: each method on a small built set, locks, errors, and how values show themselves."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import sharegpt4video as sg4v
from made_dataset import caption_row, dropped, kept, made_store, row_id
from made_sets import QUICK, write_clips
from sharegpt4video.dataset.dataset import Dataset, build_dataset, open_dataset
from sharegpt4video.dataset.decide.decisions import Decision
from sharegpt4video.dataset.decide.select import select
from sharegpt4video.dataset.rows import TABLES, Failure, Selected, SourceVideo
from sharegpt4video.dataset.settings import FilterSettings, SplitSettings
from sharegpt4video.dataset.status import status
from sharegpt4video.dataset.store.lock import Busy, lock
from sharegpt4video.dataset.store.schema import arrow_schema
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, SG4VError, StorageError
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM

WORDS = ("maple", "harbour", "violin", "desert", "kitchen", "glacier", "market", "bridge", "orchard", "stadium")
ONE = sg4v.BuildOptions(processes=1)


def sentence(request: Request) -> str:
    """A sentence with nothing to find fault with; another one for each request."""
    first, second = (WORDS[int(digit, 16) % len(WORDS)] for digit in request.key()[:2])
    return f"Near the {first}, a person in a coat stands beside a {second} and looks at it."


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four videos, one that is none, and the data set that was built from them."""
    folder = tmp_path_factory.mktemp("built")
    write_clips(folder / "videos", 4)
    (folder / "videos" / "broken.mp4").write_bytes(b"no video")
    build_dataset(folder / "videos", folder / "set", model=FakeVLM(sentence), settings=QUICK, options=ONE)
    return folder


@pytest.fixture
def ds(built: Path, tmp_path: Path) -> Dataset:
    """A copy of the data set, to be changed."""
    shutil.copytree(built / "set", tmp_path / "set")
    return open_dataset(tmp_path / "set")


def files(path: str) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in Path(path).rglob("*") if one.is_file()}


def ids_by_name(ds: Dataset) -> dict[str, str]:
    rows = ds.table("sources", ["location", "id"]).read_all().to_pylist()
    return {Path(row["location"]).name: row["id"] for row in rows}


def test_a_build_says_what_it_did_and_warns_of_failures(
    built: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = built / "videos" / "broken.mp4"
    with caplog.at_level(logging.WARNING):
        ds = build_dataset([broken], tmp_path / "set", model=FakeVLM(), settings=QUICK, options=ONE)
    assert ds.last is not None
    assert (ds.last.listed, ds.last.captioned, ds.last.failed) == (1, 0, {"unreadable": 1})
    assert "1 failed" in caplog.text
    assert ds.path == str(tmp_path / "set")
    assert ds.settings == QUICK
    assert open_dataset(ds.path).last is None


def test_a_script_without_a_guard_is_run_once(built: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import sys\nsys.stderr.write('begun\\n')\nimport sharegpt4video as sg4v\n"
        "settings = sg4v.DatasetSettings(survey=sg4v.SurveySettings(pictures=False), "
        "filters=sg4v.FilterSettings(min_seconds=60.0))\n"
        f"ds = sg4v.build_dataset({str(built / 'videos' / 'clip-000.mp4')!r}, 'set', settings=settings)\n"
        "assert ds.last.dropped.total() == 1, ds.last.text()\n",
        encoding="utf-8",
    )
    run = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "begun\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"on": "rey"}, "did you mean 'ray'"),
        ({"on": "ray", "model": FakeVLM()}, "give its name or a ModelSpec"),
        ({"settings": {"filters": {}}}, "DatasetSettings"),
        ({"inputs": []}, "no videos"),
        ({"inputs": [3]}, "each a string"),
    ],
)
def test_what_cannot_be_built_leaves_nothing(tmp_path: Path, arguments: dict[str, Any], problem: str) -> None:
    given = {"inputs": [tmp_path], **arguments}
    with pytest.raises(SettingsError, match=problem):
        build_dataset(given.pop("inputs"), tmp_path / "set", **given)
    assert not (tmp_path / "set").exists()


def test_what_is_no_data_set_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(SG4VError, match=str(tmp_path)):
        open_dataset(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_status_is_that_of_the_command(ds: Dataset) -> None:
    assert ds.status() == status(Store(ds.path))
    assert (ds.status().captioned, ds.status().failed) == (4, {("unreadable", "survey"): 1})


def test_captions_are_those_that_exports_take(tmp_path: Path) -> None:
    rows = [caption_row(number) for number in range(4)]
    made_store(tmp_path, rows, selected=[kept(0), kept(1, "val"), dropped(2)])
    ds = open_dataset(tmp_path)
    assert list(ds.captions()) == rows[:2]
    assert list(ds.captions(split="val")) == [rows[1]]
    assert list(ds.captions(split="test")) == []
    assert list(ds.captions(dropped=True)) == rows
    with pytest.raises(SettingsError, match="train, val, test"):
        ds.captions(split="validation")
    with pytest.raises(SettingsError, match="not both"):
        ds.captions(split="val", dropped=True)


def test_before_a_selection_everything_counts_as_train(tmp_path: Path) -> None:
    made_store(tmp_path, [caption_row(0)])
    ds = open_dataset(tmp_path)
    assert list(ds.captions()) == list(ds.captions(split="train")) == [caption_row(0)]
    assert list(ds.captions(split="val")) == []


def replaced_store(root: Path) -> Store:
    """A file was captioned and then replaced by another one, which is captioned as well."""
    rows = [
        replace(caption_row(number, location="/videos/a.mp4"), modified=f"2024-01-0{number + 1}T00:00:00Z")
        for number in range(2)
    ]
    store = made_store(root, [])
    store.append("sources", [SourceVideo(row.id, row.location, size_bytes=1, modified=row.modified) for row in rows])
    store.append("captions", rows)
    return store


def test_captions_of_replaced_files_do_not_count(tmp_path: Path) -> None:
    replaced_store(tmp_path)
    ds = open_dataset(tmp_path)
    assert [row.id for row in ds.captions(dropped=True)] == [row_id(1)]
    assert ds.table("captions", ["id"]).read_all().to_pylist() == [{"id": row_id(1)}]
    assert ds.why(row_id(0)) is None


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_given_with_its_schema(ds: Dataset, name: str) -> None:
    reader = ds.table(name)
    assert reader.schema.equals(pa.schema(list(arrow_schema(TABLES[name]))))
    table = reader.read_all()
    table.validate(full=True)
    assert table.num_rows == (5 if name == "sources" else 1 if name == "failures" else 0) or len(table) == 4


def test_columns_come_in_the_order_asked_for(ds: Dataset) -> None:
    reader = ds.table("captions", ["summary", "end_seconds"])
    assert reader.schema.names == ["summary", "end_seconds"]
    assert set(reader.read_all()["end_seconds"].to_pylist()) == {3.0}


def test_the_last_revision_counts(tmp_path: Path) -> None:
    store = made_store(tmp_path, [caption_row(0)])
    store.append("captions", [replace(caption_row(0), revision=1, summary="Better.")])
    assert open_dataset(tmp_path).table("captions", ["summary"]).read_all().to_pylist() == [{"summary": "Better."}]


def test_failures_that_are_over_do_not_count(tmp_path: Path) -> None:
    store = made_store(tmp_path, [caption_row(0)])
    store.append("sources", [SourceVideo(row_id(1), "/videos/1.mp4", "")])
    failed = [Failure(row_id(number), f"/videos/{number}.mp4", "", "caption", "model", "no") for number in range(2)]
    store.append("failures", failed)
    rows = open_dataset(tmp_path).table("failures", ["message", "id"]).read_all().to_pylist()
    assert rows == [{"message": "no", "id": row_id(1)}]


def test_tables_of_an_earlier_layout_get_the_columns_of_today(tmp_path: Path) -> None:
    """An earlier version did not know the problem of a step, nor when a file was changed."""
    store = made_store(tmp_path, [caption_row(0)])
    (part,) = Path(store.root, "captions").glob("*.parquet")
    table = pq.read_table(part)
    steps = [[{k: v for k, v in step.items() if k != "problem"} for step in row] for row in table["steps"].to_pylist()]
    struct = table.schema.field("steps").type.value_type
    older = pa.list_(pa.struct([field for field in struct if field.name != "problem"]))
    place = table.schema.get_field_index("steps")
    table = table.set_column(place, "steps", pa.array(steps, older)).drop_columns(["modified"])
    part.unlink()
    store = Store(tmp_path)
    store.append_arrow("captions", table)
    ds = open_dataset(tmp_path)
    assert ds.table("captions").read_all().to_pylist()[0]["modified"] == ""
    assert ds.table("captions", ["steps"]).schema.equals(pa.schema([arrow_schema(TABLES["captions"]).field("steps")]))
    problems = [step["problem"] for step in ds.table("captions", ["steps"]).read_all()["steps"].to_pylist()[0]]
    assert problems == [""] * len(steps[0])


@pytest.mark.parametrize(
    ("name", "columns", "problem"),
    [
        ("caption", None, "did you mean 'captions'"),
        ("captions", ["sumary"], "did you mean 'summary'"),
        ("captions", "summary", r"such as \['summary'\]"),
    ],
)
def test_unknown_tables_and_columns(ds: Dataset, name: str, columns: Any, problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        ds.table(name, columns)


def test_damage_is_told_while_a_table_is_read(ds: Dataset) -> None:
    reader = ds.table("captions")
    for part in Path(ds.path, "captions").glob("*.parquet"):
        part.write_bytes(b"PAR1 damaged")
    with pytest.raises(StorageError, match="captions"):
        reader.read_all()


def test_why_tells_what_became_of_a_video(ds: Dataset) -> None:
    ids = ids_by_name(ds)
    ds.filter(max_seconds=2.5)
    decision = ds.why(ids["clip-000.mp4"])
    assert isinstance(decision, Decision)
    assert (decision.gate, decision.value, decision.threshold, decision.kept) == ("max_seconds", 3.0, 2.5, False)
    assert decision.text() == "dropped: too long: 3.0 s, at most 2.5"
    ds.filter(max_seconds=None)
    assert ds.why(ids["clip-000.mp4"]) == Decision(ids["clip-000.mp4"])
    failure = ds.why(ids["broken.mp4"])
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.stage) == ("unreadable", "survey")
    assert "broken.mp4" in failure.text()


def test_why_of_a_video_that_failed_after_it_passed_the_filters(tmp_path: Path) -> None:
    store = made_store(tmp_path, [])
    store.append("sources", [SourceVideo(row_id(number), f"/videos/{number}.mp4", "") for number in range(3)])
    store.append("failures", [Failure(row_id(0), "/videos/0.mp4", "", "caption", "model", "no")])
    store.append("selection", [Selected(row_id(n), False, "not captioned", row_id(n), "") for n in range(2)])
    ds = open_dataset(tmp_path)
    assert isinstance(ds.why(row_id(0)), Failure)
    assert ds.why(row_id(1)) == Decision(row_id(1), "not_captioned")
    assert ds.why(row_id(2)) is None
    assert (ds.status().dropped, ds.status().failed, ds.status().left) == (0, {("model", "caption"): 1}, 2)


def test_why_reads_selections_of_earlier_versions(tmp_path: Path) -> None:
    made_store(tmp_path, [caption_row(0), caption_row(1)], selected=[dropped(0), dropped(1, "we did not like it")])
    ds = open_dataset(tmp_path)
    assert ds.why(row_id(0)) == Decision(row_id(0), "max_seconds")
    other = ds.why(row_id(1))
    assert other is not None
    assert other.text() == "dropped: we did not like it"


@pytest.mark.parametrize("id", ["", "clip-000.mp4", "0" * 31, "G" * 32, "A" * 32])
def test_why_of_what_is_no_id(ds: Dataset, id: str) -> None:
    with pytest.raises(SettingsError, match="32 hex digits"):
        ds.why(id)


def test_why_of_a_video_that_is_not_there(ds: Dataset) -> None:
    with pytest.raises(SettingsError, match="no video with the id"):
        ds.why("0" * 32)


def test_a_dry_run_tells_what_a_filter_does_and_writes_nothing(ds: Dataset) -> None:
    changes: dict[str, Any] = {"max_seconds": 3.5, "min_side_pixels": 40, "val": 0.4, "seed": 3}
    before = files(ds.path)
    dry = ds.filter(dry_run=True, **changes)
    assert files(ds.path) == before
    assert ds.filter(**changes) == dry
    assert dry.kept == 4
    assert dry.waterfall is not None
    assert next(row for row in dry.waterfall.rows if row.name == "max_seconds").threshold == 3.5
    assert ds.settings == replace(
        QUICK,
        filters=replace(QUICK.filters, max_seconds=3.5, min_side_pixels=40),
        splits=SplitSettings(val=0.4, seed=3),
    )


def test_filters_replace_the_stored_ones_and_changes_come_on_top(ds: Dataset) -> None:
    ds.filter(max_seconds=1.0)
    ds.filter(FilterSettings(min_seconds=1.0), min_side_pixels=48)
    assert ds.settings.filters == FilterSettings(min_seconds=1.0, min_side_pixels=48)
    assert select(Store(ds.path), ds.settings).kept == 4


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"max_second": 3}, "did you mean 'max_seconds'"),
        ({"max_seconds": "long"}, "filters.max_seconds"),
        ({"val": 0.6, "test": 0.6}, "under 1 together"),
        ({"filters": {"max_seconds": 3}}, "FilterSettings"),
    ],
)
def test_settings_that_are_none_change_nothing(ds: Dataset, changes: dict[str, Any], problem: str) -> None:
    before = files(ds.path)
    with pytest.raises(SettingsError, match=problem):
        ds.filter(**changes)
    assert files(ds.path) == before


def test_checks_with_a_judge_whose_answers_are_kept(ds: Dataset) -> None:
    assert ds.check().checked == 0  # the build has checked
    judge = FakeVLM(name="judge")
    assert ds.check(judge=judge).judged == 4
    assert len(judge.requests) == 4
    shutil.rmtree(Path(ds.path, "checks"))
    assert ds.check(judge=judge).judged == 4
    assert len(judge.requests) == 4
    with pytest.raises(SettingsError, match="cannot judge"):
        ds.check(judge="embedded")


def test_repairs_keep_what_is_better(ds: Dataset) -> None:
    store = Store(ds.path)
    (row, *_) = store.rows("captions")
    store.append("captions", [replace(row, summary="The man walks and", revision=row.revision + 1)])
    assert ds.check().faulty_by["cut off"] == 1
    result = ds.repair(FakeVLM(sentence), checks=["cut off"])
    assert (result.faulty, result.better, result.mended["cut off"]) == (1, 1, 1)
    assert ds.check().faulty_by["cut off"] == 0
    with pytest.raises(SettingsError, match="no check is called"):
        ds.repair(FakeVLM(), checks=["speling"])


def test_clips_and_their_media(ds: Dataset, tmp_path: Path) -> None:
    result = ds.clips(
        sg4v.ClipSettings(min_seconds=0.2), model=FakeVLM(sentence), media=tmp_path / "cut", cut=sg4v.CutOptions(crf=40)
    )
    assert result.clips == ds.table("clips", ["id"]).read_all().num_rows > 4
    assert result.media is not None
    assert (result.media.cut, result.media.failed.total()) == (result.clips, 0)
    assert f"cut {result.clips} clips" in result.text()


def test_exports_take_options_of_their_format(ds: Dataset, tmp_path: Path) -> None:
    result = ds.export("llava", tmp_path / "sft", splits="train", images="frames", frames=2)
    assert result.videos == 4
    with pytest.raises(SettingsError, match="not empty"):
        ds.export("llava", tmp_path / "sft")
    assert ds.export("csv", tmp_path / "sft", overwrite=True).texts
    with pytest.raises(SettingsError, match="did you mean"):
        ds.export("lava", tmp_path / "other")
    with pytest.raises(SettingsError, match="frame"):
        ds.export("llava", tmp_path / "other", frame=2)


def test_the_report_is_one_page(ds: Dataset, tmp_path: Path) -> None:
    result = ds.report(tmp_path / "page.html", samples=1)
    assert (result.videos, result.samples) == (4, 1)
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!")


WRITERS: dict[str, Callable[[Dataset], object]] = {
    "filter": lambda ds: ds.filter(max_seconds=1.0),
    "check": lambda ds: ds.check(),
    "repair": lambda ds: ds.repair("fake"),
    "clips": lambda ds: ds.clips(model="fake"),
}
READERS: dict[str, Callable[[Dataset, Path], object]] = {
    "status": lambda ds, _: ds.status(),
    "captions": lambda ds, _: list(ds.captions()),
    "table": lambda ds, _: ds.table("captions").read_all(),
    "why": lambda ds, _: ds.why(ids_by_name(ds)["clip-000.mp4"]),
    "dry run": lambda ds, _: ds.filter(max_seconds=1.0, dry_run=True),
    "export": lambda ds, out: ds.export("csv", out / "csv"),
    "report": lambda ds, out: ds.report(out / "page.html", samples=0),
}


@pytest.mark.parametrize("verb", WRITERS)
def test_a_writer_is_refused_while_a_build_runs(ds: Dataset, verb: str) -> None:
    with lock(ds.path, shard=(0, 2)):  # as one of two machines holds it
        before = files(ds.path)
        with pytest.raises(Busy, match=rf"is being written by shard 0 of 2 \(.*{os.getpid()}.*wait until it ends"):
            WRITERS[verb](ds)
        assert files(ds.path) == before
    WRITERS[verb](ds)


def test_everything_works_inside_a_running_event_loop(ds: Dataset) -> None:
    """As in a notebook."""

    async def notebook() -> None:
        build_dataset([], ds.path, model=FakeVLM(sentence), options=ONE)
        ds.check(judge=FakeVLM(name="judge"))
        for verb in WRITERS.values():
            verb(ds)

    asyncio.run(notebook())


def test_a_data_set_on_other_storage(tmp_path: Path) -> None:
    remote = f"memory://{tmp_path.name}-{os.getpid()}"
    made_store(remote, [caption_row(0), caption_row(1)])
    ds = open_dataset(remote)
    assert ds.path.startswith("memory://")
    assert ds.path.endswith(remote.removeprefix("memory://"))
    assert ds.filter(val=0.99).kept == 2
    assert len(list(ds.captions())) == 2
    with lock(remote), pytest.raises(Busy):
        ds.check()


@pytest.mark.parametrize("verb", READERS)
def test_a_reader_takes_no_lock(ds: Dataset, verb: str, tmp_path: Path) -> None:
    with lock(ds.path):
        before = files(ds.path)
        READERS[verb](ds, tmp_path)
        assert files(ds.path) == before


def test_values_are_short_and_show_themselves(ds: Dataset, tmp_path: Path) -> None:
    row = next(iter(ds.captions()))
    last = build_dataset([], ds.path, model=FakeVLM(sentence), options=ONE).last
    exported = ds.export("csv", tmp_path / "csv")
    selection = ds.filter()
    results = (last, ds.status(), selection, selection.waterfall, ds.check(), exported, ds.why(row.id))
    for result in results:
        assert len(repr(result)) < 300
        assert repr(result).startswith(f"{type(result).__name__}(")
        assert str(result) == result.text()
        assert result._repr_html_().startswith("<pre>")
    assert repr(ds) == f"Dataset({ds.path!r})"
    assert "captioned" in ds._repr_html_()
    assert repr(row) == f"CaptionRow({row.location!r}, 0.00-3.00 s, {len(row.steps)} steps)"
    assert row._repr_html_().count("<img ") == len({step.frame_seconds[-1] for step in row.steps})


def test_a_caption_shows_no_pictures_of_another_file(built: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    shutil.copytree(built / "videos", videos)
    row = next(iter(open_dataset(built / "set").captions()))
    moved = replace(row, location=str(videos / Path(row.location).name), summary="<b>bold</b> & 'quoted'")
    assert "<img " in moved._repr_html_()
    write_clips(videos, 1, 2.0, first_seed=77)
    Path(moved.location).write_bytes((videos / "clip-000.mp4").read_bytes())
    assert "<img " not in moved._repr_html_()
    Path(moved.location).unlink()
    shown = moved._repr_html_()
    assert "<img " not in shown
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; &#x27;quoted&#x27;" in shown
    assert replace(row, location="s3://bucket/a.mp4")._repr_html_().count("<img ") == 0


def test_words_are_loaded_when_they_are_used() -> None:
    heavy = ["torch", "transformers", "ray", "faiss", "peft"]
    code = (
        "import sys, sharegpt4video as sg4v\n"
        "assert not [m for m in ('pyarrow', 'numpy', 'av') if m in sys.modules]\n"
        "for word in sg4v.__all__: getattr(sg4v, word)\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_numbers_of_numpy_can_be_changes(ds: Dataset) -> None:
    assert ds.filter(max_seconds=np.float64(5.0), dry_run=True).kept == 4
