"""The benchmarks of all rooms: their figures are found in what they printed, and the page shows the stored table."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def rooms() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("rooms")
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture(scope="module")
def stored(rooms: ModuleType) -> dict[str, Any]:
    kept = [rooms.read(path) for path in rooms.RESULTS.glob("*.json") if path.stem not in (rooms.BEFORE, "notes")]
    return dict(max(kept, key=rooms.last_run))


def test_each_script_is_run_or_left_out_for_a_reason(rooms: ModuleType) -> None:
    scripts = {path.name for path in (ROOT / "benchmarks").glob("[!_]*.py")} - {"rooms.py"}
    ran, left_out = {benchmark.script for benchmark in rooms.BENCHMARKS}, set(rooms.LEFT_OUT)
    assert ran | left_out == scripts
    assert not ran & left_out
    names = [benchmark.name for benchmark in rooms.BENCHMARKS]
    assert len(names) == len(set(names))


def test_the_stored_figures_are_those_of_the_stored_output(rooms: ModuleType, stored: dict[str, Any]) -> None:
    for benchmark in rooms.BENCHMARKS:
        run = stored["rooms"][benchmark.name]
        assert run["figures"] == rooms.picked(benchmark, run["output"])
        assert run["command"] == " ".join(benchmark.command)


def test_figures_of_both_versions_are_the_same_things(rooms: ModuleType, stored: dict[str, Any]) -> None:
    before = rooms.read(rooms.RESULTS / f"{rooms.BEFORE}.json")
    for name, run in before["rooms"].items():
        now = {(one["name"], one["unit"], one["better"]) for one in stored["rooms"][name]["figures"]}
        assert {(one["name"], one["unit"], one["better"]) for one in run["figures"]} <= now


def test_no_path_of_the_machine_is_in_what_is_stored(stored: dict[str, Any]) -> None:
    absolute = re.compile(r"""(?:^|[\s'"(=:])/\w+/\w""", re.MULTILINE)
    assert not {name: found for name, run in stored["rooms"].items() if (found := absolute.findall(run["output"]))}


def test_the_page_shows_the_table(rooms: ModuleType) -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert rooms.printed(rooms.BEFORE) in page, "run benchmarks/rooms.py --only table"


def test_a_figure_that_is_not_in_the_output_is_told(rooms: ModuleType) -> None:
    order = next(benchmark for benchmark in rooms.BENCHMARKS if benchmark.name == "order")
    with pytest.raises(ValueError, match=r"order, .*0 places"):
        rooms.picked(order, "nothing compared   film last   no figure")


@pytest.mark.parametrize(
    ("now", "then", "better", "ratio"),
    [(4.0, 2.0, "more", 2.0), (4.0, 2.0, "less", 0.5), (0.0, 0.0, "less", 1.0), (3.0, 0.0, "less", 0.0)],
)
def test_a_ratio_above_one_is_better(rooms: ModuleType, now: float, then: float, better: str, ratio: float) -> None:
    assert rooms.times_as_good(now, then, better) == ratio


def test_a_loss_needs_a_note(rooms: ModuleType, stored: dict[str, Any]) -> None:
    figure = stored["rooms"]["tracks"]["figures"][0]
    better = {"version": "0", "rooms": {"tracks": {"figures": [{**figure, "value": 2 * figure["value"]}]}}}
    with pytest.raises(ValueError, match=f"tracks: {figure['name']}"):
        rooms.table(stored, better, {})
    assert "known" in rooms.table(stored, better, {f"tracks: {figure['name']}": "known"})


def test_what_fails_is_told_and_not_kept(
    rooms: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = importlib.import_module("_rooms")
    figure = ("lines", "", "more", "# lines")
    (tmp_path / "benchmarks").mkdir()
    for name, code in (("good", "print('3 lines')"), ("bad", "raise SystemExit(4)"), ("mute", "print('lines')")):
        (tmp_path / "benchmarks" / f"{name}.py").write_text(code)
    benchmarks = tuple(made.benchmark(name, "Room", f"{name}.py", figure) for name in ("bad", "good", "mute"))
    monkeypatch.setattr(rooms, "BENCHMARKS", benchmarks)
    monkeypatch.setattr(rooms, "HERE", tmp_path / "benchmarks")
    monkeypatch.setattr(rooms, "RESULTS", tmp_path / "results")
    assert rooms.main(["--only", "bad", "good", "mute"]) == 1
    [path] = (tmp_path / "results").iterdir()
    kept = json.loads(path.read_text())["rooms"]
    assert {name: run["figures"][0]["value"] for name, run in kept.items()} == {"good": 3}
    errors = capsys.readouterr().err
    assert "bad failed with exit code 4" in errors
    assert "mute, lines: 0 places" in errors
