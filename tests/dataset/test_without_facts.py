"""Captions without measured facts: made as with them, and whoever reads facts says that there are none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from made_sets import QUICK, captions, write_clips
from sharegpt4video.cli.app import app
from sharegpt4video.config import CaptionSettings, FactSettings
from sharegpt4video.dataset.build import BuildOptions, build
from sharegpt4video.dataset.checks import CHECKS
from sharegpt4video.dataset.checks.repair import repair
from sharegpt4video.dataset.checks.run import check_dataset
from sharegpt4video.dataset.clips.clips import ClipSettings, make_clips
from sharegpt4video.dataset.counts import BuildCounts
from sharegpt4video.dataset.export import EXPORTERS, export
from sharegpt4video.dataset.plan.plan import PlanInputs, plan
from sharegpt4video.dataset.report import write_report
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.dataset.status import status
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError
from sharegpt4video.facts import segments as segments_module
from sharegpt4video.pipeline import caption, measure
from sharegpt4video.vlm.fake import FakeVLM

BARE = replace(QUICK, caption=replace(QUICK.caption, facts=FactSettings(measure=False)))
NOT_CHECKED = (
    "2 captions without measured facts: not checked for camera, count, direction, look, object, on-screen text"
)


def looking() -> FakeVLM:
    """A model that looks at the pictures and is given no hints."""
    model = FakeVLM(max_images=2)
    model.uses_facts = False
    return model


def built(folder: Path, settings: DatasetSettings) -> BuildCounts:
    return build([str(folder / "in")], folder / "set", model=looking(), settings=settings, options=BuildOptions(1))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, BuildCounts]:
    folder = tmp_path_factory.mktemp("bare")
    write_clips(folder / "in", 2, seconds=2.0)
    return folder, built(folder, BARE)


def test_only_the_facts_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clip,) = write_clips(tmp_path, 1, seconds=6.0)
    measured, asked = looking(), looking()
    whole = caption(clip, model=measured, settings=QUICK.caption)
    monkeypatch.delattr(segments_module, "Observer")
    monkeypatch.delattr(segments_module, "look")
    without = caption(clip, model=asked, settings=BARE.caption)
    assert len(whole.steps) >= 6
    assert all(step.facts for step in whole.steps)
    assert without.steps == tuple(replace(step, facts=()) for step in whole.steps)
    assert (without.shots, without.summary) == (whole.shots, whole.summary)
    assert [request.key() for request in asked.requests] == [request.key() for request in measured.requests]


def test_a_build_says_what_was_not_checked(bare: tuple[Path, BuildCounts]) -> None:
    folder, counts = bare
    assert counts.captioned == 2
    assert NOT_CHECKED in counts.text()
    assert {name for name in CHECKS if name in NOT_CHECKED} == {
        n for n, check in CHECKS.items() if check.group == "facts"
    }
    assert NOT_CHECKED in check_dataset(Store(folder / "set")).text()
    assert all(not step.facts for row in captions(folder / "set").values() for step in row.steps)
    assert {row.provenance.settings["facts"]["measure"] for row in captions(folder / "set").values()} == {False}


def test_status_and_report_say_it(bare: tuple[Path, BuildCounts]) -> None:
    store = Store(bare[0] / "set")
    assert "facts are not measured" in status(store).text()
    write_report(store, bare[0] / "report.html")
    page = " ".join((bare[0] / "report.html").read_text("utf-8").split())
    assert "2 captions without measured facts: not checked against the picture." in page
    assert "carry no measured facts" in page


@pytest.mark.parametrize("format", sorted(EXPORTERS.keys() - {"preferences"}))  # nothing was repaired here
def test_every_export_takes_them(format: str, bare: tuple[Path, BuildCounts]) -> None:
    if format == "lance":
        pytest.importorskip("lance")
    result = export(Store(bare[0] / "set"), format, str(bare[0] / format))
    assert (result.videos, result.failed) == (2, 0)


def test_an_export_with_hints_leaves_them_out_and_says_so(bare: tuple[Path, BuildCounts]) -> None:
    result = export(Store(bare[0] / "set"), "captioner", str(bare[0] / "hints"), options={"hints": True})
    assert dict(result.left_out) == {"without measured facts, which hints asks for": 2}
    assert json.loads((bare[0] / "hints" / "train.json").read_text("utf-8")) == []


def test_clips_are_made_of_them(bare: tuple[Path, BuildCounts]) -> None:
    assert make_clips(Store(bare[0] / "set"), ClipSettings(way="steps", min_seconds=0.5)).clips >= 2


def test_a_model_that_answers_from_facts_is_refused(bare: tuple[Path, BuildCounts], tmp_path: Path) -> None:
    folder, _ = bare
    works: list[Any] = [
        lambda: caption(folder / "in" / "clip-000.mp4", settings=BARE.caption),
        lambda: build([str(folder / "in")], tmp_path / "set", settings=BARE),
        lambda: repair(Store(folder / "set"), model="embedded"),
    ]
    for work in works:
        with pytest.raises(SettingsError, match=r"facts.measure: false .* embedded.* answers from measured facts"):
            work()
    assert not (tmp_path / "set").exists()
    result = CliRunner().invoke(app, ["caption", str(folder / "in"), "--set", "facts.measure=false"])
    assert result.exit_code == 2
    assert "answers from measured facts" in result.stderr
    with pytest.raises(SettingsError, match=r"facts\.measure is off"):
        list(measure(folder / "in" / "clip-000.mp4", BARE.caption))


def test_facts_stay_in_or_out_of_a_data_set(bare: tuple[Path, BuildCounts]) -> None:
    with pytest.raises(SettingsError, match=r"caption.facts.measure was False, is True"):
        built(bare[0], QUICK)
    assert built(bare[0], BARE).known == 2


def test_a_plan_reckons_with_less_reading() -> None:
    hours = [
        plan(PlanInputs(1000, seconds=60.0), settings=CaptionSettings(facts=FactSettings(measure=on))).value(
            "CPU hours"
        )
        for on in (True, False)
    ]
    assert hours[1] < hours[0] / 2


def test_a_fake_can_do_without(bare: tuple[Path, BuildCounts]) -> None:
    captioned = caption(bare[0] / "in" / "clip-000.mp4", model="fake", settings=BARE.caption)
    assert captioned.steps
    assert captioned.problems == ()
