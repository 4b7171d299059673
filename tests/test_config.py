"""Settings: contradictions are refused in one message, YAML is read strictly."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sharegpt4video as sg4v
from sharegpt4video.config import SELECTORS, CaptionSettings, FactSettings, KeyframeSettings, load_yaml
from sharegpt4video.dataset.settings import SurveySettings
from sharegpt4video.errors import SettingsError
from sharegpt4video.video import keyframes


def test_all_problems_come_in_one_message() -> None:
    with pytest.raises(SettingsError) as caught:
        CaptionSettings(prompts="none", start_seconds=5, end_seconds=5, jpeg_quality=0, fold_steps=1)
    for part in ("prompts", "start_seconds (5)", "jpeg_quality", "fold_steps"):
        assert part in str(caught.value)
    with pytest.raises(SettingsError) as caught:
        KeyframeSettings(every_seconds=0, similarity=2, encoder="magic", selector="semantc")
    for part in ("keyframes.every_seconds", "keyframes.similarity", "'magic'", "did you mean 'semantic'?"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "slidng"}, "mode is 'sliding' or 'fast', not 'slidng'; did you mean 'sliding'?"),
        ({"hints": "no"}, "hints is true or false, not 'no'"),
        ({"jpeg_quality": "92"}, "jpeg_quality is a whole number, not '92'"),
        ({"jpeg_quality": True}, "jpeg_quality is a whole number, not True"),
        ({"end_seconds": float("nan")}, "end_seconds is a number or None, not nan"),
        (
            {"prompts": "papr"},
            "prompts is 'default', 'paper', 'sharecaptioner' or 'brief', not 'papr'; did you mean 'paper'?",
        ),
        ({"prompts": None}, "prompts is text, not None"),
        ({"keyframes": {"selector": "uniform"}}, "keyframes is a KeyframeSettings, not {'selector': 'uniform'}"),
        ({"mode": "x", "hints": 1}, "mode is 'sliding' or 'fast', not 'x'; hints is true or false, not 1"),
    ],
)
def test_values_are_checked_at_construction(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        CaptionSettings(**changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("every_seconds", [1e-300, 1e-6, 0.0, -1.0, 9e-4])
def test_no_sampling_finer_than_any_video(every_seconds: float) -> None:
    for kind in (KeyframeSettings, FactSettings, SurveySettings):
        with pytest.raises(SettingsError, match=r"every_seconds must be at least 0\.001 and .*, not "):
            kind(every_seconds=every_seconds)
        assert kind(every_seconds=0.001).every_seconds == 0.001
    with pytest.raises(SettingsError, match=r"every_seconds must be at least 0.001"):
        keyframes.UniformSelector(every_seconds)
    with pytest.raises(SettingsError, match="fast_frames must be at least 1 and at most 1,024"):
        CaptionSettings(fast_frames=10**9)


@pytest.mark.parametrize(
    ("hints", "ocr", "named"), [(True, None, "hints are the measured facts"), (False, True, "facts.ocr reads text")]
)
def test_what_needs_facts_goes_not_with_leaving_them_out(hints: bool, ocr: bool | None, named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        CaptionSettings(hints=hints, facts=FactSettings(measure=False, ocr=ocr))


def test_numbers_of_numpy_are_numbers() -> None:
    chosen = CaptionSettings(jpeg_quality=np.int64(80), end_seconds=np.float32(3))
    assert chosen.jpeg_quality == 80


def test_the_names_of_selectors_are_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(SELECTORS) == set(keyframes.SELECTORS)
    monkeypatch.setitem(keyframes.SELECTORS, "mine", keyframes.SELECTORS["uniform"])
    assert KeyframeSettings(selector="mine").selector == "mine"


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"mode": "fast"}, r"not a dict; write CaptionSettings\(mode='fast'\)"),
        ("settings.yaml", "not a str; read a file with .*load_yaml"),
        (KeyframeSettings(), "not a KeyframeSettings"),
    ],
)
def test_what_is_no_settings_is_refused_before_anything_is_opened(given: Any, advice: str) -> None:
    for use in (
        lambda: sg4v.caption("no-such-video.mp4", settings=given),
        lambda: asyncio.run(sg4v.acaption("no-such-video.mp4", settings=given)),
        lambda: next(sg4v.keyframes("no-such-video.mp4", given)),
        lambda: next(sg4v.measure("no-such-video.mp4", given)),
        lambda: sg4v.recaption("a dog", settings=given),
    ):
        with pytest.raises(SettingsError, match=advice):
            use()
    with pytest.raises(SettingsError, match=advice):
        sg4v.open_engine("embedded", given)


def test_yaml_makes_nested_settings(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("mode: fast\nend_seconds: 12.5\nkeyframes:\n  every_seconds: 1\n")
    settings = load_yaml(path, CaptionSettings)
    assert settings == CaptionSettings(mode="fast", end_seconds=12.5, keyframes=KeyframeSettings(every_seconds=1))


def test_an_empty_file_means_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# nothing\n")
    assert load_yaml(path, CaptionSettings) == CaptionSettings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mod: fast", "mod"),
        ("keyframes:\n  evry_seconds: 1", "keyframes.evry_seconds"),
        ("jpeg_quality: high", "jpeg_quality"),
        ("a: [", "cannot be read as YAML"),
        ("a: " + "[" * 5000, "cannot be read as YAML"),
        ("- 1", "a.yaml"),
        ('prompts: "caf\\ud800"', "prompts has half of a character"),
        ('keyframes: {encoder: "\\udce9"}', "keyframes.encoder has bytes that are not UTF-8 text, at character 1"),
        ("end_seconds: 1\nstart_seconds: 2", "before end_seconds"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_yaml(path, CaptionSettings)
    assert named in str(caught.value)
    assert "a.yaml" in str(caught.value)


def test_a_missing_file_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml"):
        load_yaml(tmp_path / "none.yaml", CaptionSettings)


def test_settings_become_plain_data_and_back() -> None:
    from pydantic import TypeAdapter

    settings = CaptionSettings(hints=True, keyframes=KeyframeSettings(similarity=0.9))
    assert TypeAdapter(CaptionSettings).validate_python(settings.to_plain()) == settings


@pytest.mark.parametrize("wrong", [{"start_seconds": -1}, {"end_seconds": 10**400}, {"fast_frames": 10**400}])
def test_no_number_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        CaptionSettings(**wrong)
