"""What every manifest keeps: rows come back, no caption moves to another video, files are whole, nothing piles up."""

from __future__ import annotations

import itertools
import json
import re
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostile_texts import TEXTS, texts
from sharegpt4video.errors import SettingsError, SG4VError
from sharegpt4video.t2v.encoders import ENCODERS
from sharegpt4video.t2v.manifests import MANIFESTS, Row
from sharegpt4video.t2v.manifests.writing import one_paragraph

CASES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in MANIFESTS),
    # A layout that has options with other files comes once more for each of them.
    ("open-sora", {"format": "parquet"}),
    *(("finetrainers", {"layout": layout}) for layout in ("pairs", "csv", "jsonl", "webdataset")),
    ("diffusion-pipe", {"layout": "pairs"}),
    ("musubi-tuner", {"layout": "pairs"}),
    *(("ltx-2", {"layout": layout}) for layout in ("json", "csv")),  # one writer for three trainers
]


def layout_of(case: tuple[str, dict[str, Any]]) -> str:
    """What ``layout`` is; of the manifests without this option, their names."""
    return getattr(MANIFESTS[case[0]].options(**case[1]), "layout", "pairs" if case[0] == "ai-toolkit" else case[0])


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case[0], *map(str, case[1].values())]))
def case(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    found: tuple[str, dict[str, Any]] = request.param
    return found


def test_what_is_known_of_every_trainer() -> None:
    for name, one in MANIFESTS.items():
        assert name == one.name
        assert one.summary
        assert one.window.source, f"{name}: say where its window was read"
        assert one.window.minimum >= 1
        assert one.options() == one.options(), f"{name}: all options need defaults"
        assert set(one.encoders) <= set(ENCODERS)


def rows_of(captions: list[str], folder: Path, *, several: bool = False) -> list[Row]:
    """A row for each caption, with a video file, as some layouts pack or look at it."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    found = []
    for number, caption in enumerate(captions):
        video = f"clips/{number:06d}.mp4"
        (folder / video).write_bytes(b"video %d" % number)
        told = {"dense": caption, "short": f"Short {number}."} if several else {"dense": caption}
        found.append(Row(video, told, 49 + 4 * number, 24.0, 640, 360, record=f"r{number}"))
    return found


def write(case: tuple[str, dict[str, Any]], rows: Any, folder: Path, **more: Any) -> list[Path]:
    one = MANIFESTS[case[0]]
    return one.write(rows, folder, one.options(**(case[1] | more)))


def said(rows: Iterator[Row] | list[Row]) -> dict[str, list[str]]:
    """The captions of each video. A video in an archive is known by its place there."""
    return {row.video.rpartition("::")[2]: list(row.texts.values()) for row in rows}


@settings(max_examples=8, deadline=None)
@given(captions=st.lists(texts, min_size=1, max_size=6))
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join([case[0], *map(str, case[1].values())]))
def test_rows_come_back_with_their_own_captions(case: tuple[str, dict[str, Any]], captions: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A number tells every caption from the others; without it, a swap of equal ones would not be seen.
        rows = rows_of([f"{text} {number}." for number, text in enumerate(captions)], folder)
        files = write(case, rows, folder)
        assert files
        assert all(path.exists() for path in files)
        back = list(MANIFESTS[case[0]].read(folder))
        assert [row.text for row in back] == [one_paragraph(row.text) for row in rows]
        if not any("::" in row.video for row in back):
            assert [row.video for row in back] == [row.video for row in rows]
        for read, row in zip(back, rows, strict=True):
            for field in ("frames", "fps", "width", "height"):
                assert getattr(read, field) in (0, getattr(row, field))


@pytest.mark.parametrize("text", TEXTS)
def test_a_caption_becomes_one_line_for_every_reader(text: str) -> None:
    told = one_paragraph(text)
    assert len(told.splitlines()) <= 1
    assert told == told.strip()
    assert told.isprintable() or not told.isascii()


@pytest.mark.parametrize("empty", ["", " \n ", "\u200b", "\u2028"])
def test_an_empty_caption_is_refused_and_leaves_nothing(
    case: tuple[str, dict[str, Any]], empty: str, tmp_path: Path
) -> None:
    rows = rows_of(["A dog runs.", empty], tmp_path)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(SettingsError, match=r"000001.mp4.*empty"):
        write(case, rows, tmp_path)
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert {path.suffix for path in new} <= ({".txt"} if layout_of(case) == "pairs" else set())


@pytest.mark.parametrize("video", ["a\nb.mp4", "a\u2028b.mp4", " a.mp4", "", "a\udce9.mp4"])
def test_a_path_that_would_be_read_otherwise_is_refused(
    case: tuple[str, dict[str, Any]], video: str, tmp_path: Path
) -> None:
    row = replace(rows_of(["A dog runs."], tmp_path)[0], video=video)
    with pytest.raises(SettingsError, match=r"path|read"):
        write(case, [row], tmp_path)


def test_nothing_is_overwritten_unasked_and_the_same_rows_make_the_same_files(
    case: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    rows = rows_of(["A dog runs.", "A cat sleeps, then wakes."], tmp_path)
    first = {path: path.read_bytes() for path in write(case, rows, tmp_path)}
    other = [replace(row, texts={"dense": f"Other {row.text}"}) for row in rows]
    with pytest.raises(SettingsError, match="is there already"):
        write(case, other, tmp_path)
    assert {path: path.read_bytes() for path in first} == first
    assert {path: path.read_bytes() for path in write(case, rows, tmp_path, overwrite=True)} == first
    write(case, other, tmp_path, overwrite=True)
    assert [row.text for row in MANIFESTS[case[0]].read(tmp_path)] == [row.text for row in other]


def test_a_failure_half_way_leaves_the_old_files_or_none(case: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    rows = rows_of(["A dog runs.", "A cat sleeps."], tmp_path)
    if layout_of(case) == "pairs":
        pytest.skip("a file for each caption: those that are written stay")
    first = {path: path.read_bytes() for path in write(case, rows, tmp_path)}

    def breaking() -> Iterator[Row]:
        yield rows[0]
        raise RuntimeError("the disk of the records is gone")

    with pytest.raises(RuntimeError):
        write(case, breaking(), tmp_path, overwrite=True)
    assert {path: path.read_bytes() for path in first} == first
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()], "half-written files"


def test_rows_are_not_kept(case: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    """Twice the rows take no more memory, in writing and reading."""
    packs = layout_of(case) in ("pairs", "webdataset")
    count = 100 if packs else 1000 if layout_of(case) == "open-sora" else 400
    rows_of(["A dog runs."], tmp_path)
    text = "A dog runs and a cat sleeps. " * 20

    def many(count: int, folder: Path) -> Iterator[Row]:
        for number in range(count):
            if packs:
                video = folder / "clips" / f"{number:06d}.mp4"  # paths are interned, and the table of those grows, too
                video.parent.mkdir(parents=True, exist_ok=True)
                video.write_bytes(b"v")
            yield Row(f"clips/{number:06d}.mp4", {"dense": f"{text} {number}"}, 49, 24.0, 640, 360)

    peaks = []
    for each in (3, count, count * 2, count * 3):  # the first time, modules are loaded and caches filled
        folder = tmp_path / str(each)
        tracemalloc.start()
        write(case, many(each, folder), folder)
        total = sum(1 for _ in MANIFESTS[case[0]].read(folder))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert total == each
    # Names of files are interned, and the table of all interned texts may double in one of the steps, not in two.
    grown = min(peaks[2] - peaks[1], peaks[3] - peaks[2]) / count
    assert grown < 550, f"{grown:.0f} bytes kept for each row, of about {len(text)}"


def test_several_captions_are_kept_where_the_layout_says_so(case: tuple[str, dict[str, Any]], tmp_path: Path) -> None:
    one = MANIFESTS[case[0]]
    rows = rows_of(["A dog runs over a meadow.", "A cat sleeps on a mat."], tmp_path, several=True)
    write(case, rows, tmp_path)
    back = list(one.read(tmp_path))
    assert [row.text for row in back] == [row.text for row in rows]
    several = one.variants and case[1].get("layout", "webdataset") == "webdataset" and case != ("finetrainers", {})
    for read, row in itertools.zip_longest(back, rows):
        assert set(read.texts.values()) == (set(row.texts.values()) if several else {row.text})


WRONG = [True, float("inf"), [], {}, "x", "1e400", 10**400, None]


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_whatever_stands_in_a_strangers_field_is_a_row_or_an_error(tmp_path: Path, name: str) -> None:
    """Each value of each JSON and TOML in turn: no reader raises anything else."""
    write((name, {}), rows_of(["A dog runs.", "A cat sleeps."], tmp_path), tmp_path)
    for path in [path for path in tmp_path.rglob("*") if path.suffix in (".json", ".jsonl", ".toml", ".csv")]:
        whole = path.read_text("utf-8")
        for found in re.finditer(r"(?<=: )[^,\n{}\[\]]+|(?<=,)[\d.]+(?=,)", whole):
            for wrong in WRONG:
                path.write_text(whole[: found.start()] + json.dumps(wrong) + whole[found.end() :], encoding="utf-8")
                with suppress(SG4VError, OSError):
                    assert all(isinstance(row.text, str) for row in MANIFESTS[name].read(tmp_path))
        path.write_text(whole, encoding="utf-8")
