"""Building again: what was replaced, deleted, renamed, failed or left behind since the last run."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner

from chat_server import ChatServer
from made_sets import QUICK, captions, quick, write_clips
from sharegpt4video.cli.app import app
from sharegpt4video.config import CaptionSettings
from sharegpt4video.dataset.build import BuildOptions, build, chosen_model, chosen_settings
from sharegpt4video.dataset.counts import BuildCounts
from sharegpt4video.dataset.export import export
from sharegpt4video.dataset.places.models import ModelSpec, stored_spec
from sharegpt4video.dataset.report.samples import read_samples
from sharegpt4video.dataset.settings import DatasetSettings, SurveySettings
from sharegpt4video.dataset.status import status
from sharegpt4video.dataset.store.pending import Pending
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError
from sharegpt4video.vlm.fake import FakeVLM, fail_after

ONE = BuildOptions(processes=1)


def run(*inputs: object, out: Path, **more: object) -> BuildCounts:
    given = {"model": FakeVLM(), "settings": QUICK, "options": ONE, **more}
    return build([str(one) for one in inputs], out, **given)  # type: ignore[arg-type]


def exported(out: Path, to: Path) -> dict[str, str]:
    """The paths that an export names, with their captions."""
    export(Store(out), "csv", str(to), overwrite=True)
    lines = (to / "captions.csv").read_text().splitlines()[1:]
    return {Path(line.split(",")[2]).name: line for line in lines}


def test_a_replaced_file_is_captioned_anew_and_is_one_source(tmp_path: Path) -> None:
    clip, other = write_clips(tmp_path / "in", 2)
    data = other.read_bytes()
    other.unlink()
    run(tmp_path / "in", out=tmp_path / "set")
    old = captions(tmp_path / "set")[str(clip)]
    clip.write_bytes(data)
    assert exported(tmp_path / "set", tmp_path / "before") == {}
    again = run(tmp_path / "in", out=tmp_path / "set")
    assert (again.listed, again.captioned, again.known, again.replaced) == (1, 1, 0, 1)
    assert "1 replaced by another file" in again.text()
    new = captions(tmp_path / "set")[str(clip)]
    assert new.id != old.id
    assert new.id in exported(tmp_path / "set", tmp_path / "after")[clip.name]
    left_out = json.loads((tmp_path / "after" / "export.json").read_text())["left_out"]
    assert left_out == {"videos of a file that was replaced and listed anew": 1}
    found = status(Store(tmp_path / "set"))
    assert (found.listed, found.captioned, found.left, found.failed) == (1, 1, 0, {})
    assert [row.id for row in Store(tmp_path / "set").rows("selection")] == [new.id]


def test_a_caption_that_does_not_know_its_file_is_not_shown_beside_another_one(tmp_path: Path) -> None:
    clip, other = write_clips(tmp_path / "in", 2)
    aside = other.rename(tmp_path / "aside.mp4")
    run(clip, out=tmp_path / "set")
    store = Store(tmp_path / "set")
    (old,) = store.rows("captions")
    store.append("captions", [replace(old, size_bytes=0, modified="", content_id="")])  # as earlier versions wrote it
    aside.replace(clip)
    run(clip, out=tmp_path / "set")
    ids = {row.id: 0 for row in Store(tmp_path / "set").rows("captions")}
    shown = {sample.row.id: sample for sample in read_samples(Store(tmp_path / "set"), ids)}
    assert not shown[old.id].pictures
    assert "another file has been listed under its name" in shown[old.id].missing
    assert all(sample.pictures for id, sample in shown.items() if id != old.id)


def test_a_file_that_was_put_back_is_done_before(tmp_path: Path) -> None:
    clip, other = write_clips(tmp_path / "in", 2)
    aside = other.rename(tmp_path / "aside.mp4")
    run(clip, out=tmp_path / "set")
    first = clip.rename(tmp_path / "first.mp4")
    aside.rename(clip)
    run(clip, out=tmp_path / "set")
    first.replace(clip)
    again = run(clip, out=tmp_path / "set")
    assert (again.captioned, again.known, again.replaced) == (0, 1, 1)
    assert len(exported(tmp_path / "set", tmp_path / "out")) == 1


def test_a_touched_file_stays_the_same_source(tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path / "in", 1)
    run(clip, out=tmp_path / "set")
    for date in (5, 6):
        os.utime(clip, ns=(date, date))
        again = run(clip, out=tmp_path / "set")
        assert (again.listed, again.known, again.identical, again.replaced) == (1, 1, 0, 0)
    assert [row.modified for row in Store(tmp_path / "set").rows("sources")] == ["6"]
    assert status(Store(tmp_path / "set")).listed == 1
    assert clip.name in exported(tmp_path / "set", tmp_path / "out")


def test_a_renamed_file_is_exported_under_its_new_name(tmp_path: Path) -> None:
    one, two = write_clips(tmp_path / "in", 2)
    run(tmp_path / "in", out=tmp_path / "set")
    ids = {Path(place).name: row.id for place, row in captions(tmp_path / "set").items()}
    one.unlink()
    two.rename(one)  # deleted, then renamed over
    assert exported(tmp_path / "set", tmp_path / "before").keys() == {two.name}
    run(tmp_path / "in", out=tmp_path / "set")
    (line,) = exported(tmp_path / "set", tmp_path / "after").values()
    assert ids[two.name] in line
    assert f",../in/{one.name}," in line


def test_files_that_moved_are_captioned_where_they_are_now(tmp_path: Path) -> None:
    write_clips(tmp_path / "in", 3)
    run(tmp_path / "in", out=tmp_path / "set", model=FakeVLM(fail=fail_after(7), max_concurrent=1))
    done = len(captions(tmp_path / "set"))
    (tmp_path / "in").rename(tmp_path / "moved")
    lost = run(out=tmp_path / "set")
    assert (lost.captioned, lost.failed["vanished"]) == (0, 3 - done)
    found = run(tmp_path / "moved", out=tmp_path / "set")
    assert (found.captioned, found.failed.total(), found.moved) == (3 - done, 0, 3)
    assert "3 found at another place than before" in found.text()
    again = run(out=tmp_path / "set")
    assert (again.known, again.captioned, again.failed.total(), again.standing) == (3, 0, 0, 0)
    rows = exported(tmp_path / "set", tmp_path / "csv").values()
    assert [",../moved/" in row for row in rows] == [True, True, True]


@pytest.mark.parametrize("gone", ["a.mp4", "b.mp4"])
def test_a_file_of_which_a_copy_is_left_has_not_moved(tmp_path: Path, gone: str) -> None:
    (clip,) = write_clips(tmp_path / "in", 1)
    for name in ("a.mp4", "b.mp4"):
        clip.with_name(name).write_bytes(clip.read_bytes())
    clip.unlink()
    run(tmp_path / "in", out=tmp_path / "set")
    clip.with_name(gone).unlink()
    for inputs in ((), (tmp_path / "in",)):
        again = run(*inputs, out=tmp_path / "set")
        assert (again.listed, again.known, again.identical, again.moved) == (2, 1, 1, 0)
        assert status(Store(tmp_path / "set")).listed == again.listed


def test_inputs_that_can_be_read_only_once_are_not_lost(tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "in", 2)
    for number, clip in enumerate(clips, 1):
        counts = build(map(str, [clip]), tmp_path / "set", model=FakeVLM(), settings=QUICK, options=ONE)
        assert (counts.listed, counts.captioned) == (number, 1)


def test_a_run_without_a_model_goes_on_with_the_stored_one(tmp_path: Path) -> None:
    clip, other = write_clips(tmp_path / "in", 2)
    run(clip, out=tmp_path / "set", model=ModelSpec("fake", {"max_images": 2, "name": "mine"}))
    again = run(other, out=tmp_path / "set", model=None, settings=None)
    assert again.captioned == 1
    assert {row.provenance.model for row in captions(tmp_path / "set").values()} == {"mine"}
    with pytest.raises(SettingsError, match=r"model was 'mine', is 'embedded"):
        run(clip, out=tmp_path / "set", model="embedded")


def test_keys_and_passwords_are_not_stored(tmp_path: Path) -> None:
    spec = ModelSpec(
        "server:org/m@b@https://me:pass%20word@host:8000/v1",
        {"api_key": "k-123", "max_tokens": 9, "extra_body": {"auth_token": "k-456", "top_k": 3}, "hf_token": "k-789"},
    )
    store = Store.create(tmp_path, QUICK, "server:org/m", "0")
    store.update_settings(QUICK, **spec.stored())
    text = (tmp_path / "dataset.json").read_text()
    assert "pass" not in text.replace("password", "")
    assert "k-" not in text
    assert stored_spec(store, {"temperature": 0.5}) == ModelSpec(
        "server:org/m@b@https://host:8000/v1", {"max_tokens": 9, "extra_body": {"top_k": 3}, "temperature": 0.5}
    )


@pytest.mark.parametrize(("model", "known"), [("embedded@0.0.9", "embedded"), ("server:m {}", ""), ("mine", "")])
def test_a_data_set_of_an_earlier_version_tells_its_model_or_asks_for_it(
    tmp_path: Path, model: str, known: str
) -> None:
    store = Store.create(tmp_path, QUICK, model, "0")
    if known:
        assert stored_spec(store).name == known
        return
    with pytest.raises(SettingsError, match=r"name it again: --model (server:m@URL|mine)"):
        stored_spec(store)


def test_a_deleted_description_does_not_let_another_model_in(tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path / "in", 1)
    run(clip, out=tmp_path / "set", model="fake")
    (tmp_path / "set" / "dataset.json").unlink()
    with pytest.raises(SettingsError, match="model was 'fake'"):
        run(clip, out=tmp_path / "set", model="embedded")
    assert not (tmp_path / "set" / "dataset.json").exists()
    assert run(out=tmp_path / "set", model=None, settings=None).known == 1
    assert json.loads((tmp_path / "set" / "dataset.json").read_text())["model_name"] == "fake"


def test_without_captions_a_data_set_takes_other_settings(tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path / "in", 1)
    nothing = replace(QUICK.filters, max_seconds=1.0)
    first = run(clip, out=tmp_path / "set", settings=quick(filters=nothing))
    assert (first.captioned, first.surveyed) == (0, 1)
    other = DatasetSettings(replace(QUICK.caption, mode="fast"), SurveySettings(False, 2.0))
    second = run(clip, out=tmp_path / "set", settings=other, model=FakeVLM(name="another"))
    assert (second.captioned, second.surveyed) == (1, 1), "surveyed anew, as the survey was another one"
    assert Store(tmp_path / "set").settings() == other


def test_failures_of_an_earlier_run_are_told_until_they_are_over(tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path / "in", 1)
    (tmp_path / "in" / "broken.mp4").write_bytes(b"no video" * 100)
    (tmp_path / "in" / "empty.mp4").touch()
    first = run(tmp_path / "in", out=tmp_path / "set")
    assert (first.failed.total(), first.standing, first.all_well) == (2, 2, False)
    for inputs, failed_now in (([tmp_path / "in"], 1), ([], 0)):
        again = run(*inputs, out=tmp_path / "set")
        assert (again.known, again.failed_before, again.failed.total()) == (1, {"unreadable": 1}, failed_now)
        assert (again.standing, again.all_well) == (2, False)
        assert "1 failed before" in again.text()
        assert sum(status(Store(tmp_path / "set")).failed.values()) == again.standing
    data = clip.read_bytes()
    (tmp_path / "in" / "empty.mp4").write_bytes(data)
    (tmp_path / "in" / "broken.mp4").unlink()
    (tmp_path / "in" / "broken.mp4").write_bytes(data)
    mended = run(tmp_path / "in", out=tmp_path / "set")
    assert (mended.standing, mended.all_well) == (0, True), mended.text()
    assert status(Store(tmp_path / "set")).failed == {}


def test_a_run_that_was_stopped_while_listing_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = write_clips(tmp_path / "in", 3)
    out = tmp_path / "set"

    def killed(_counts: BuildCounts) -> NoReturn:
        raise RuntimeError("killed")

    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match="killed"):
        run("in", out=out, on_progress=killed)
    monkeypatch.chdir("/")
    assert status(Store(out)).pending == (str(tmp_path / "in"),)
    assert "not all yet: build again" in status(Store(out)).text()
    other = run(clips[0], out=out)
    assert f"did not list all of: {tmp_path / 'in'}" in other.text()
    again = run(out=out)
    assert (again.listed, again.captioned, again.known) == (3, 2, 1), again.text()
    assert status(Store(out)).pending == ()
    assert not list((out / "listing").iterdir())


def test_what_was_not_listed_and_is_gone_is_told(tmp_path: Path) -> None:
    out = tmp_path / "set"
    Pending(Store.create(out, QUICK, "fake", "0")).begin([str(tmp_path / "away")])
    with pytest.raises(SettingsError, match=r"stopped while it listed .*away: no such file.*delete .*listing"):
        run(out=out)


def test_without_videos_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(SettingsError, match="knows of no videos yet; name some: sg4v dataset build VIDEOS"):
            run(out=tmp_path / "set")


def test_left_over_files_of_killed_runs_go(tmp_path: Path) -> None:
    (clip,) = write_clips(tmp_path / "in", 1)
    out = tmp_path / "set"
    run(clip, out=out)
    left = [out / "captions" / ".x.parquet.0123abcd.unfinished", out / ".dataset.json.0123abcd.unfinished"]
    for path in left:
        path.write_bytes(b"half")
    run(out=out)
    assert not [path for path in left if path.exists()]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"settings": {"caption": {"mode": "fast"}}}, "settings is a DatasetSettings, not a dict"),
        ({"settings": CaptionSettings()}, "settings is a DatasetSettings, not a CaptionSettings"),
        ({"options": {"processes": 1}}, r"write BuildOptions\(processes=1\)"),
        ({"model": "embeded"}, "did you mean 'embedded'"),
    ],
)
def test_wrong_settings_leave_no_trace(tmp_path: Path, more: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        run("nothing.mp4", out=tmp_path / "set", **more)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["nothing.mp4"], "nothing.mp4: no such file or folder"),
        ([], "knows of no videos yet; name some"),
    ],
)
def test_nothing_to_begin_with_leaves_no_trace(tmp_path: Path, inputs: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        build(inputs, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_kind_of_failure_that_there_is_not_is_refused() -> None:
    with pytest.raises(SettingsError, match="not 'unreadabel'; did you mean 'unreadable'"):
        BuildOptions(retry=("unreadabel",))


def test_a_strangers_data_set_names_no_server_and_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built here, it goes on as ever; the same folder from somebody else asks nobody until a user names the server."""
    clip, other = write_clips(tmp_path / "in", 2)
    with ChatServer() as server:
        name = f"server:m@{server.base_url}"
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
        assert run(clip, out=tmp_path / "set", model=name).captioned == 1
        assert run(other, out=tmp_path / "set", model=None, settings=None).captioned == 1
        asked = len(server.received), server.asked_models
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "yours"))
        with pytest.raises(SettingsError, match=r"which you have not named here.*--model server:m@http"):
            run(out=tmp_path / "set", model=None, settings=None)
        shown = CliRunner().invoke(app, ["dataset", "build", str(clip), "--out", str(tmp_path / "set")])
        assert (shown.exit_code, len(server.received), server.asked_models) == (2, *asked)
        assert run(out=tmp_path / "set", model=name, settings=None).known == 2  # named, and from now on known
        assert run(out=tmp_path / "set", model=None, settings=None).known == 2


@pytest.mark.parametrize("named", ["openai:m@http://127.0.0.1:9/v1", "hf:evil/model", "lvlm:/tmp/model", "plug-in"])
def test_whatever_a_stranger_names_is_not_opened(tmp_path: Path, named: str) -> None:
    store = Store.create(tmp_path / "set", QUICK, named, "0")
    store.update_settings(QUICK, model_name=named, model_options={"trust_remote_code": True}, model_secrets=[])
    with pytest.raises(SettingsError, match="which you have not named here"):
        chosen_model(tmp_path / "set", None)
    assert chosen_model(tmp_path / "set", named) == named


def test_a_stranger_names_no_server_for_what_is_said(tmp_path: Path) -> None:
    facts = replace(QUICK.caption.facts, speech_model="server:whisper@http://127.0.0.1:9/v1")
    settings = replace(QUICK, caption=replace(QUICK.caption, facts=facts))
    Store.create(tmp_path / "set", settings, "embedded@0", "0")
    with pytest.raises(SettingsError, match=r"--set caption\.facts\.speech_model=server:whisper@http"):
        chosen_settings(tmp_path / "set", None)
    assert chosen_settings(tmp_path / "set", settings) == settings
