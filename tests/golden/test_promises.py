"""What other people's files, caches and scripts rest on: it is pinned here, and changes only with a way to carry on.

``promises`` holds the pinned values: keys of requests and replies, the columns of each table, verbs and options, and a
data set made by an earlier version. A new column, verb or option is added by
``python tests/golden/test_promises.py``; whatever else git then shows as changed breaks something that exists.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from typer.testing import CliRunner

from made_requests import REQUESTS
from made_sets import QUICK, write_clips
from sharegpt4video.cli.app import app
from sharegpt4video.config import FactSettings, KeyframeSettings
from sharegpt4video.dataset.build import BuildOptions, build
from sharegpt4video.dataset.decide.decisions import NOT_CAPTIONED, Decision
from sharegpt4video.dataset.decide.gates import FINDINGS, GATES
from sharegpt4video.dataset.decide.words import reason
from sharegpt4video.dataset.places.replies import ReplyCache, cache_key
from sharegpt4video.dataset.rows import TABLES
from sharegpt4video.dataset.store.schema import SCHEMA_VERSION, arrow_schema
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import VLMError
from sharegpt4video.records import Image
from sharegpt4video.vlm.base import Request
from sharegpt4video.vlm.fake import FakeVLM, default_text, fail_after

PROMISES = Path(__file__).parent / "promises"
PICTURES = (Image(b"one", 64, 48), Image(b"two", 64, 48))
ONE = BuildOptions(processes=1)
EARLIER = replace(
    QUICK,
    caption=replace(
        QUICK.caption,
        facts=FactSettings(every_seconds=4.0, ocr=False),
        keyframes=KeyframeSettings(every_seconds=1.0, selector="uniform"),
    ),
)
"""Of the data set that an earlier version made; no path of a machine is in them."""


def request_keys() -> dict[str, str]:
    """The key of a request of each task; in the reply cache it finds what was paid for."""
    requests = (replace(one, images=PICTURES[: len(one.images)]) for one in REQUESTS)
    return {one.task: one.key() for one in requests}


def reply_keys() -> dict[str, str]:
    return {task: cache_key("server:m", "0123456789ab", key).hex() for task, key in request_keys().items()}


def columns() -> dict[str, dict[str, str]]:
    """The columns of each table, with their Arrow types."""
    return {
        name: {column.name: str(column.type) for column in arrow_schema(row_type)} for name, row_type in TABLES.items()
    }


def verbs() -> dict[str, list[str]]:
    """Each verb with the spellings of its options and the names of its arguments; those in brackets no help shows."""
    return dict(_verbs_of(typer.main.get_command(app), "sg4v"))


def _verbs_of(command: click.Command, path: str) -> Iterator[tuple[str, list[str]]]:
    found = [(" ".join([*one.opts, *one.secondary_opts]), getattr(one, "hidden", False)) for one in command.params]
    found += [(f"{old} = {new}", True) for old, new in getattr(command, "aliases", dict)().items()]
    yield path, sorted(f"({spelling})" if hidden else spelling for spelling, hidden in found)
    for name, below in sorted(getattr(command, "commands", {}).items()):
        yield from _verbs_of(below, f"{path} {name}")


NOW: Mapping[str, Any] = {"request_keys": request_keys, "reply_keys": reply_keys, "columns": columns, "verbs": verbs}


def pinned(name: str) -> Any:
    return json.loads((PROMISES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NOW)
def test_it_is_as_pinned(name: str) -> None:
    assert NOW[name]() == pinned(name)


def test_stored_rows_are_of_the_first_layout() -> None:
    assert SCHEMA_VERSION == 1, "raise it only with code that reads the version before"


REASONS = {
    "min_seconds": (1.0, 2.0, "too short: 1.0 s, at least 2.0"),
    "max_seconds": (130.0, 120.0, "too long: 130.0 s, at most 120.0"),
    "min_side_pixels": (239.0, 240.0, "too small: 239 pixels, at least 240"),
    "max_black_share": (0.5, 0.25, "nearly black: 50.0 % of the time, at most 25.0"),
    "max_frozen_share": (0.98, 0.9, "frozen: 98.0 % of the time, at most 90.0"),
    "max_letterbox_share": (0.12, 0.1, "bars: 12.0 % of the picture, at most 10.0"),
    "min_sharpness": (9.96, 10.0, "too blurred: 9.96, at least 10.00"),
    "max_cuts_per_minute": (61.0, 60.0, "too many cuts: 61.0 a minute, at most 60.0"),
    "min_motion": (0.0002, 0.001, "too little motion: 0.0002 widths/s, at least 0.0010"),
    "max_motion": (0.2, 0.1, "too much motion: 0.2000 widths/s, at most 0.1000"),
    "max_text_area": (0.3, 0.25, "text on the picture: 30.0 % of it, at most 25.0"),
    "max_silence_share": (0.95, 0.9, "silent: 95.0 % of the time, at most 90.0"),
    "min_speech_share": (0.05, 0.1, "too little speech: 5.0 % of the time, at least 10.0"),
    "max_speech_share": (0.6, 0.5, "too much speech: 60.0 % of the time, at most 50.0"),
    "max_findings": (3.0, 2.0, "caption found wrong: 3 findings, at most 2"),
}
"""Score, threshold and the reason that is stored, by gate: read by people and by their queries."""


def test_every_gate_gives_its_reason_in_these_words() -> None:
    decisions = {name: Decision("", name, *REASONS[name][:2]) for name in (*GATES, FINDINGS)}
    assert {name: reason(one) for name, one in decisions.items()} == {name: row[2] for name, row in REASONS.items()}


def test_repeats_give_their_reasons_in_these_words() -> None:
    first = "5f" * 16
    assert reason(Decision("", "duplicate_packets", other=first)) == f"same pictures as {first}"
    assert reason(Decision("", "drop_near_duplicates", other=first)) == f"near-duplicate of {first}"
    known = Decision("", "min_novelty", 0.0514, 0.1, first)
    assert reason(known) == f"nothing new: 0.051 from {first}, at least 0.100"
    assert reason(Decision("", NOT_CAPTIONED)) == "not captioned"
    assert reason(Decision("")) == ""


def telling(request: Request) -> str:
    return f"{request.video}: {default_text(request)}"


def texts(out: Path) -> dict[str, list[str]]:
    """What was told of each video of a data set, by its file's name: the whole, then the steps."""
    rows = Store(out).rows("captions")
    return {Path(row.location).name: [row.summary, *(step.text for step in row.steps)] for row in rows}


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """``clips`` with four videos, and ``set`` by an earlier version that was stopped in the middle of the third."""
    shutil.copytree(PROMISES / "earlier", tmp_path / "earlier")
    return tmp_path / "earlier"


def test_a_data_set_of_an_earlier_version_is_read(earlier: Path) -> None:
    assert texts(earlier / "set") == {name: pinned("told")[name] for name in ("clip-000.mp4", "clip-001.mp4")}
    assert Store(earlier / "set").settings() == EARLIER


def test_a_data_set_of_an_earlier_version_is_carried_on(earlier: Path) -> None:
    fake = FakeVLM(telling)
    counts = build([str(earlier / "clips")], earlier / "set", model=fake, settings=EARLIER, options=ONE)
    assert (counts.listed, counts.known, counts.captioned, counts.failed.total()) == (4, 2, 2, 0)
    assert texts(earlier / "set") == pinned("told")
    assert {request.video for request in fake.requests} <= {"clip-002.mp4", "clip-003.mp4"}


def test_the_replies_of_an_earlier_version_are_found(earlier: Path) -> None:
    paid = pinned("paid")
    cache = ReplyCache(earlier / "set" / "replies")
    replies = {key: cache.get(bytes.fromhex(key)) for key in paid}
    assert {key: reply and reply.text for key, reply in replies.items()} == paid
    cache.close()


def told_by_itself(folder: Path) -> dict[str, list[str]]:
    """What the subtitles in a folder say, by the name of the video."""
    return {path.stem: path.read_text(encoding="utf-8").splitlines() for path in sorted(folder.glob("*.srt"))}


@pytest.fixture
def by_0_1(tmp_path: Path) -> Path:
    """Two of four ``clips`` captioned by version 0.1.0 with its embedded model: a data ``set``, and ``captions``."""
    shutil.copytree(PROMISES / "embedded", tmp_path / "by_0_1")
    shutil.copytree(PROMISES / "earlier" / "clips", tmp_path / "by_0_1" / "clips")
    return tmp_path / "by_0_1"


def test_a_data_set_that_0_1_began_goes_on_without_captioning_again(by_0_1: Path) -> None:
    before = texts(by_0_1 / "set")
    counts = build([str(by_0_1 / "clips")], by_0_1 / "set", model=None, settings=None, options=ONE)
    assert (counts.listed, counts.known, counts.captioned, counts.failed.total()) == (4, 2, 2, 0)
    after = texts(by_0_1 / "set")
    assert {name: after[name] for name in before} == before
    assert sorted(after) == [f"clip-00{number}.mp4" for number in range(4)]


def test_captions_that_0_1_wrote_are_finished(by_0_1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(by_0_1)
    before = told_by_itself(by_0_1 / "captions")
    settings = ["keyframes.selector=uniform", "facts.ocr=false", "image_side_pixels=64"]
    words = [word for one in settings for word in ("--set", one)]
    ended = CliRunner().invoke(app, ["caption", "clips", "--out", "captions", "--format", "srt", *words])
    assert ended.exit_code == 0, ended.output
    assert "captioned 2 videos, 2 already done" in " ".join(ended.output.split())
    after = told_by_itself(by_0_1 / "captions")
    assert (len(before), len(after)) == (2, 4)
    assert {name: after[name] for name in before} == before


def pin() -> None:
    """Write down how it is now. The data set is only made where there is none: it is that of an earlier version."""
    for name, now in NOW.items():
        (PROMISES / f"{name}.json").write_text(json.dumps(now(), indent=2) + "\n", encoding="utf-8")
    if not (PROMISES / "earlier").exists():
        _pin_earlier(PROMISES / "earlier")


def _pin_earlier(kept: Path) -> None:
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as folder:
        clips, half = Path(folder, "clips"), Path(folder, "set")
        write_clips(clips, 4)
        build([str(clips)], whole, model=FakeVLM(telling), settings=EARLIER, options=ONE)
        told = texts(Path(whole))
        each = sum(map(len, told.values())) // 4
        gone = FakeVLM(telling, fail=fail_after(2 * each + each // 2), max_concurrent=1)
        with contextlib.suppress(VLMError):
            build([str(clips)], half, model=gone, settings=EARLIER, options=ONE)
        paid = {}
        for path in sorted(half.glob("replies/*.sqlite")):
            with contextlib.closing(sqlite3.connect(path)) as file:
                paid |= {key.hex(): text for key, text in file.execute("SELECT key, text FROM replies")}
        shutil.copytree(folder, kept, ignore=shutil.ignore_patterns("locks", "*.reserve"))
    (PROMISES / "told.json").write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    (PROMISES / "paid.json").write_text(json.dumps(paid, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    pin()
