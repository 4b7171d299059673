"""dataset.json may be deleted, damaged or edited: what made the captions stands in their parts as well."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sharegpt4video.config import CaptionSettings, KeyframeSettings
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings, SurveySettings
from sharegpt4video.dataset.store.description import check_captions
from sharegpt4video.dataset.store.store import Store
from sharegpt4video.errors import SettingsError, StorageError
from store_rows import PROVENANCE, caption_row, source_row

MADE = DatasetSettings(CaptionSettings(mode="fast"), filters=FilterSettings(max_seconds=9.0))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path, MADE, "model-a", "ab12")
    store.append("sources", [source_row(0), source_row(1)])
    store.append("captions", [caption_row(0)])
    store.append("captions", [caption_row(1)])
    return store


@pytest.mark.parametrize("compacted", [False, True])
def test_a_deleted_file_is_rebuilt_from_the_parts(store: Store, tmp_path: Path, compacted: bool) -> None:
    before = store.description
    if compacted:
        assert store.compact("captions") == 1
    (tmp_path / "dataset.json").unlink()
    again = Store.open(tmp_path)
    assert again.exists()
    assert (again.description, again.settings()) == (before, MADE)
    with pytest.raises(SettingsError, match="model was 'model-a', is 'model-b'"):
        again.check_same(MADE, "model-b", "ab12")
    with pytest.raises(StorageError, match="already a data set"):
        Store.create(tmp_path, MADE, "model-b", "")
    again.update_settings(MADE)
    assert json.loads((tmp_path / "dataset.json").read_text()) == before


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "sharegpt4video data set", "schema_version": 1}'])
def test_a_damaged_file_is_refused_with_the_way_out(store: Store, tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(StorageError, match=r"dataset\.json: (is damaged|was not written|does not say)"):
        Store.open(tmp_path)
    with pytest.raises(StorageError):
        store.update_settings(MADE)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("model", "model-b", "holds captions that were made with .* model was 'model-a', is 'model-b'"),
        ("prompt_hash", "cd34", r"prompts \(hash\) was 'ab12', is 'cd34'"),
        ("settings", {**MADE.to_plain(), "caption": CaptionSettings().to_plain()}, r"caption\.mode was 'fast'"),
    ],
)
def test_an_edited_file_does_not_relabel_captions(
    store: Store, tmp_path: Path, name: str, value: object, message: str
) -> None:
    told = {**store.description, name: value}
    (tmp_path / "dataset.json").write_text(json.dumps(told))
    edited = Store.open(tmp_path)
    for parts in (2, 1):
        assert len(edited.parts("captions")) == parts
        with pytest.raises(SettingsError, match=message):
            edited.check_same(edited.settings(), told["model"], told["prompt_hash"])
        edited.compact("captions")  # merged, they still say what made them


def test_without_captions_everything_may_change(tmp_path: Path) -> None:
    store = Store.create(tmp_path, MADE, "model-a", "ab12")
    store.append("sources", [source_row(0)])
    other = DatasetSettings(CaptionSettings(keyframes=KeyframeSettings(selector="uniform")), SurveySettings(text=True))
    store.check_same(other, "model-b", "cd34")
    store.update_settings(other, model="model-b", prompt_hash="cd34")
    store.append("captions", [caption_row(0)])
    store.check_same(other, "model-b", "cd34")
    with pytest.raises(SettingsError, match="model-b"):
        store.check_same(MADE, "model-a", "ab12")


def test_captions_of_an_earlier_version_say_what_they_were_made_with(tmp_path: Path) -> None:
    settings = {**MADE.caption.to_plain(), "start_seconds": 1.0}
    del settings["facts"]["measure"]  # that version did not know it, and measured
    made = replace(PROVENANCE, model="server:m@http://one/v1", settings=settings)
    store = Store(tmp_path)
    store.append("captions", [replace(caption_row(0), provenance=made)])
    check_captions(store, MADE, "server:m@http://other/v1", made.prompt_hash)
    for chosen, model, prompts, message in (
        (MADE, "server:n@http://one/v1", "ab12", "has no dataset.json, .* model was 'server:m', is 'server:n'"),
        (MADE, "server:m@http://one/v1", "cd34", "prompts"),
        (DatasetSettings(), "server:m@http://one/v1", "ab12", r"caption\.mode was 'fast', is 'sliding'"),
    ):
        with pytest.raises(SettingsError, match=message):
            check_captions(store, chosen, model, prompts)
