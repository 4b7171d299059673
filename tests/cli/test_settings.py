"""``--set NAME=VALUE`` for every verb that takes settings, and ``sg4v settings``, which lists them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sharegpt4video.cli.app import app
from sharegpt4video.cli.list_settings import all_settings
from sharegpt4video.cli.settings import apply_change, caption_settings, model_options, read_pairs, split_off, values
from sharegpt4video.config import CaptionSettings, KeyframeSettings
from sharegpt4video.dataset.clips.clips import ClipSettings
from sharegpt4video.dataset.clips.media import CutOptions
from sharegpt4video.dataset.export.table import CsvOptions
from sharegpt4video.dataset.plan.plan import PlanInputs
from sharegpt4video.dataset.settings import DatasetSettings
from sharegpt4video.errors import SettingsError


def sg4v(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_values_are_typed_and_come_on_top_of_the_file(tmp_path: Path) -> None:
    config = tmp_path / "a.yaml"
    config.write_text("jpeg_quality: 50\nkeyframes: {every_seconds: 4, selector: uniform}")
    found = caption_settings(config, ["keyframes.every_seconds=1.5", "hints=yes", "keyframes.similarity=0.9"])
    assert (found.jpeg_quality, found.hints) == (50, True)
    assert found.keyframes == KeyframeSettings(1.5, "uniform", similarity=0.9)


def test_options_of_the_model_are_told_from_settings() -> None:
    own, others = model_options(["max_images=1"], ["model.max_tokens=9", "hints=true", " model.max_images=2"])
    assert (own, others) == ({"max_images": 2, "max_tokens": 9}, ["hints=true"])
    assert split_off("cut.", ["cut.exact=false", "way=shots"]) == (["exact=false"], ["way=shots"])


@pytest.mark.parametrize("given", ["", "=", "a", "=3", "a b=3", "a.=3", "-x=1", "a=[1", "a: b"])
def test_what_is_no_pair_is_refused_with_the_option(given: str) -> None:
    with pytest.raises(SettingsError, match="--set"):
        read_pairs([given])
    with pytest.raises(SettingsError, match="--model-option"):
        model_options([given], None)


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        ("filters.max_secnds=3", "filters.max_seconds"),
        ("max_seconds=3", "filters.max_seconds"),
        ("keyframes.selector=uniform", "caption.keyframes.selector"),
        ("filter.max_seconds=3", "filters.max_seconds"),
    ],
)
def test_a_name_that_there_is_not_comes_with_the_one_that_was_meant(change: str, meant: str) -> None:
    with pytest.raises(SettingsError, match=f"did you mean {meant}"):
        apply_change(DatasetSettings().to_plain(), change)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["caption", "x.mp4", "--set", "jpeg_qualty=9"], "did you mean jpeg_quality"),
        (["caption", "x.mp4", "--set", "jpeg_quality=high"], "jpeg_quality: a whole number is needed, not 'high'"),
        (["caption", "x.mp4", "--set", "keyframes=3"], "a mapping (NAME: VALUE) is needed, not 3"),
        (["caption", "x.mp4", "-m", "fake", "--set", "model.max_imges=1"], "did you mean 'max_images'"),
        (["caption", "x.mp4", "-m", "server:m@http://h/v1", "-s", "model.extra_body=3"], "extra_body is a mapping"),
        (["caption", "x.mp4", "--similarity", "high"], "'--similarity': a number is needed"),
        (["caption", "x.mp4", "--jobs", "many"], "'--jobs': a whole number is needed"),
        (["caption", "x.mp4", "--jobs", "0"], "'--jobs'"),
        (["caption", "x.mp4", "--format", "pdf"], "'pdf' is not one of"),
        (["keyframes", "x.mp4", "--set", "keyframes.selector=semantc"], "did you mean 'semantic'"),
        (["facts", "x.mp4", "--set", "facts.ocr=perhaps"], "true or false is needed, not 'perhaps'"),
        (["recaption", "a cat", "--set", "fold_steps=1"], "fold_steps must be at least 2"),
        (["ask", "x.mp4", "what?", "-m", "fake", "--set", "model.max_imges=1"], "did you mean 'max_images'"),
        (["dataset", "plan", "--videos", "3", "--set", "gpu=8"], "did you mean 'gpus'"),
        (["dataset", "plan", "--videos", "3", "--option", "gpus=many"], "gpus: a whole number is needed, not 'many'"),
    ],
)
def test_wrong_settings_are_told_in_words(arguments: list[str], said: str) -> None:
    ended = sg4v(*arguments)
    assert ended.exit_code == 2, ended.output
    assert said in " ".join(ended.output.split())
    assert "Input should" not in ended.output
    assert "Value error" not in ended.output
    assert "Settings" not in ended.output


@pytest.mark.parametrize(
    ("kind", "meant"), [(CutOptions, "exact"), (ClipSettings, "frames"), (CsvOptions, "columns"), (PlanInputs, "gpus")]
)
def test_no_class_of_settings_takes_an_unknown_name(kind: type, meant: str) -> None:
    with pytest.raises(SettingsError, match=f"there is no such setting; did you mean '{meant}'"):
        values(kind, [f"{meant}x=1"], {"videos": 1} if kind is PlanInputs else None)


def test_an_earlier_spelling_is_the_same_option() -> None:
    arguments = ["dataset", "plan", "--videos", "3", "--seconds", "30"]
    assert sg4v(*arguments, "--set", "steps=5").output == sg4v(*arguments, "--option=steps=5").output
    assert re.search(r"steps per video: +5 +\[given\]", sg4v(*arguments, "--option", "steps=5").output)


def names(plain: dict[str, Any], before: str = "") -> list[str]:
    found = []
    for name, value in plain.items():
        found += names(value, f"{before}{name}.") if isinstance(value, dict) else [f"{before}{name}"]
    return found


def test_every_setting_is_listed_with_its_default() -> None:
    found = [one for one in all_settings() if one.group in ("caption", "dataset")]
    for group, plain in (("caption", CaptionSettings().to_plain()), ("dataset", DatasetSettings().to_plain())):
        assert [one.name for one in found if one.group == group] == names(plain)
    assert all(one.text and one.type for one in found)
    by_name = {one.name: one for one in found if one.group == "dataset"}
    near = by_name["filters.near_duplicate_bits"]
    assert (near.default, near.unit, near.limits) == (8, "bits", "at least 0 and at most 16")
    assert by_name["survey.every_seconds"].unit == "s"


def test_what_is_listed_can_be_set() -> None:
    for one in all_settings():
        if one.group == "caption" and one.default is not None:
            value = str(one.default).lower() if isinstance(one.default, bool) else one.default
            assert caption_settings(None, [f"{one.name}={value}"]) == CaptionSettings()


def test_the_list_is_filtered_and_plain_data_on_request() -> None:
    plain = json.loads(sg4v("settings", "near_duplicate", "--json").output)
    assert {one["name"] for one in plain} >= {"filters.near_duplicate_bits", "filters.near_duplicate_similarity"}
    assert all("near_duplicate" in json.dumps(one) for one in plain)
    assert "model.max_images = 2" in sg4v("settings", "model", "server").output
    nothing = sg4v("settings", "no-such-word")
    assert nothing.exit_code == 2
    assert "no setting has no-such-word" in nothing.output
