"""``sg4v dataset``: the verbs as a user gives them, their output, their exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chat_server import ChatServer, answer
from made_sets import write_clips
from sharegpt4video.cli.app import app
from sharegpt4video.dataset.store.lock import lock

CONFIG = """
caption: {facts: {every_seconds: 4.0, ocr: false}, keyframes: {every_seconds: 1.0, selector: uniform}}
survey: {pictures: false}
"""


def sg4v(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["dataset", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos, settings and a data set of them."""
    folder = tmp_path_factory.mktemp("cli")
    write_clips(folder / "videos", 3)
    (folder / "quick.yaml").write_text(CONFIG)
    made = build(folder, "set")
    assert made.exit_code == 0, made.output
    assert "captioned 3 of 3 videos" in made.output
    assert "selected: 3 captioned videos (3 train)" in made.output
    return folder


def build(folder: Path, out: str, *more: object) -> Result:
    return sg4v("build", folder / "videos", "--out", folder / out, "-c", folder / "quick.yaml", "--processes", 1, *more)


@pytest.mark.parametrize(("said", "code"), [("<think>Hm.</think>A cat.", 0), ("<think>Hm.</think>", 3)])
def test_the_exit_code_tells_of_texts_with_a_problem(folder: Path, tmp_path: Path, said: str, code: int) -> None:
    with ChatServer(default=answer(said)) as server:
        spec = f"server:m@{server.base_url}"
        made = sg4v(
            "build", folder / "videos", "--out", tmp_path, "-c", folder / "quick.yaml", "--processes", 1, "-m", spec
        )
    assert made.exit_code == code, made.output
    assert ("texts with a problem" in made.output) == bool(code)


def test_a_second_run_has_nothing_to_do(folder: Path) -> None:
    again = sg4v("build", "--out", folder / "set", "--processes", 1)
    assert again.exit_code == 0, again.output
    assert "captioned 0 of 3 videos, 3 done before" in again.output


def test_status_as_text_and_as_json(folder: Path) -> None:
    assert "captioned" in sg4v("status", folder / "set").output
    plain = json.loads(sg4v("status", folder / "set", "--json").output)
    assert (plain["captioned"], plain["left"], plain["failed"]) == (3, 0, [])


def test_filter_waits_for_nobody_who_writes(folder: Path) -> None:
    with lock(folder / "set"):
        busy = sg4v("filter", folder / "set", "--set", "splits.val=0.5")
        assert busy.exit_code == 1
        assert "is being written by" in busy.output
        assert sg4v("filter", folder / "set", "--dry-run").exit_code == 0
    assert sg4v("filter", folder / "nothing-here").exit_code == 1
    assert not (folder / "nothing-here").exists()


def test_a_typo_in_a_setting_binds_nothing(folder: Path) -> None:
    wrong = build(folder, "typo", "--set", "caption.keyframes.selector=semantc")
    assert wrong.exit_code == 2
    assert "did you mean 'semantic'?" in wrong.output
    assert not (folder / "typo").exists()


def test_another_model_than_the_stored_one_is_refused(folder: Path) -> None:
    refused = sg4v("build", "--out", folder / "set", "--model", "fake")
    assert refused.exit_code == 2
    assert "without --model, the former model is taken" in refused.output


def test_an_export_of_replaced_files_fails(folder: Path, tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path / "in", 1)
    made = sg4v("build", clip, "--out", tmp_path / "set", "-c", folder / "quick.yaml", "--processes", 1)
    assert made.exit_code == 0, made.output
    clip.write_bytes(b"another")
    found = sg4v("export", tmp_path / "set", "-f", "csv", "-o", tmp_path / "out")
    assert found.exit_code == 1
    assert "left out: videos whose file was replaced since it was captioned" in found.output


def test_filters_are_tried_and_changed(folder: Path) -> None:
    tried = sg4v("filter", folder / "set", "--dry-run", "--set", "filters.min_seconds=10")
    assert tried.output.splitlines()[-1].startswith("kept 0 of 3 videos")
    assert sg4v("filter", folder / "set").output.splitlines()[-1].startswith("selected: 3")
    changed = sg4v("filter", folder / "set", "--set", "splits.val=0.5")
    assert changed.exit_code == 0, changed.output
    assert sg4v("filter", folder / "set", "--set", "splits.val=0").exit_code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("filters.max_second=3", "did you mean filters.max_seconds?"),
        ("filters.max_seconds", "write NAME=VALUE"),
        ("filters.max_black_share=7", "must be at least 0 and at most 1, not 7"),
        ("filters=3", "filters"),
        ("caption.mode=quick", "caption.mode"),
    ],
)
def test_a_wrong_setting_is_told(folder: Path, change: str, said: str) -> None:
    wrong = sg4v("filter", folder / "set", "--set", change)
    assert wrong.exit_code == 2
    assert said in wrong.output


def test_settings_that_decide_captions_are_not_mixed(folder: Path) -> None:
    refused = sg4v("build", "--out", folder / "set", "--set", "caption.mode=fast")
    assert refused.exit_code == 2
    assert "mode" in refused.output


def test_what_failed_gives_exit_code_1_and_is_shown(folder: Path) -> None:
    broken = folder / "broken.mp4"
    broken.write_bytes(b"this is no video" * 100)
    options = ("--out", folder / "with-broken", "-c", folder / "quick.yaml", "--processes", 1)
    failed = sg4v("build", folder / "videos", broken, *options)
    assert failed.exit_code == 1
    why = "broken.mp4: not a video in a format that is read here"
    assert f"failed: 1 unreadable\n    {why}" in failed.output
    again = sg4v("build", "--retry-failed", "unreadable", *options)
    assert again.exit_code == 1
    assert why not in sg4v("status", folder / "with-broken").output
    assert sg4v("status", folder / "with-broken", "--failures").output.count(f"unreadable  {why}") == 1
    told = json.loads(sg4v("status", folder / "with-broken", "--failures", "--json").output)
    assert [one["kind"] for one in told["failures"]] == ["unreadable"]


@pytest.mark.parametrize("shard", ["1", "3/3", "a/b", "-1/2"])
def test_a_wrong_shard_is_told(folder: Path, shard: str) -> None:
    assert build(folder, "shards", "--shard", shard).exit_code == 2


def test_what_is_missing_is_told(folder: Path) -> None:
    assert sg4v("build", folder / "videos").exit_code == 2
    assert "no-such-folder" in sg4v("build", "no-such-folder", "--out", folder / "x").output
    nowhere = sg4v("status", folder / "nothing-here")
    assert nowhere.exit_code == 1
    assert "sg4v dataset build" in nowhere.output
    assert build(folder, "y", "--retry-failed", "sometimes").exit_code == 2
    assert build(folder, "y", "--on", "mars").exit_code == 2


def test_check_clips_export_report_plan_and_compact(folder: Path, tmp_path: Path) -> None:
    assert "3 captions checked" in sg4v("check", folder / "set").output
    clips = sg4v(
        "clips", folder / "set", "--option", "way=steps", "--option", "min_seconds=0", "--cut", tmp_path / "cut"
    )
    assert clips.exit_code == 0, clips.output
    assert list((tmp_path / "cut").glob("*/*.mp4"))
    out = tmp_path / "out"
    exported = sg4v("export", folder / "set", "--format", "csv", "--out", out, "--clips")
    assert exported.exit_code == 0, exported.output
    assert sg4v("export", folder / "set", "--format", "csv", "--out", out).exit_code == 2
    assert sg4v("export", folder / "set", "--format", "doc", "--out", tmp_path / "z").exit_code == 2
    assert sg4v("report", folder / "set", "--out", tmp_path / "r.html", "--samples", 2).exit_code == 0
    assert "<html" in (tmp_path / "r.html").read_text()
    assert "40,000" in sg4v("plan", "--videos", 40_000, "--seconds", 30).output
    assert "[measured]" in sg4v("plan", "--videos", 40_000, "--measured", folder / "set").output
    assert sg4v("compact", folder / "set").exit_code == 0
    assert sg4v("repair", folder / "set").exit_code == 0


def test_a_push_without_its_extra_is_told_before_anything_is_exported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    found = sg4v("export", folder / "set", "--format", "csv", "--out", tmp_path / "out", "--push", "me/mine")
    assert found.exit_code == 1
    assert "pip install 'sharegpt4video[hub]'" in found.output
    assert not (tmp_path / "out").exists()


def test_a_data_set_that_is_compact_is_told_to_be(folder: Path) -> None:
    sg4v("compact", folder / "set")
    assert "no table has more than one part" in sg4v("compact", folder / "set").output


def test_audit_reads_what_export_writes_and_brings_it_back(folder: Path, tmp_path: Path) -> None:
    sg4v("export", folder / "set", "--format", "sharegpt4video", "--out", tmp_path / "jsonl")
    looked = sg4v("audit", tmp_path / "jsonl", "--no-probe", "--convert", tmp_path / "back")
    assert looked.exit_code == 0, looked.output
    assert json.loads(sg4v("status", tmp_path / "back", "--json").output)["captioned"] == 3


def test_the_canary_tells_that_every_mix_up_was_caught(folder: Path) -> None:
    caught = sg4v("build", folder / "videos", "-c", folder / "quick.yaml", "--canary")
    assert "every mix-up was caught" in caught.output, caught.output
    assert caught.exit_code == 0


def test_rows_that_cannot_be_converted_fail_the_command(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"video_id": "x", "captions": [{"idx": "-1", "content": "A dog runs."}]}\n[1]\n')
    looked = sg4v("audit", tmp_path / "a.jsonl", "--no-probe", "--convert", tmp_path / "set")
    assert looked.exit_code == 1
    assert "1  rows that cannot be read" in looked.output
    assert json.loads(sg4v("status", tmp_path / "set", "--json").output)["captioned"] == 1
