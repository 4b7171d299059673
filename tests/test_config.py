"""Settings: contradictions are refused in one message, YAML is read strictly."""

from __future__ import annotations

from pathlib import Path

import pytest

from sharegpt4video.config import CaptionSettings, KeyframeSettings, load_yaml
from sharegpt4video.errors import SettingsError


def test_all_problems_come_in_one_message() -> None:
    with pytest.raises(SettingsError) as caught:
        CaptionSettings(
            mode="slow",  # type: ignore[arg-type]
            start_seconds=5,
            end_seconds=5,
            jpeg_quality=0,
            fold_steps=1,
            keyframes=KeyframeSettings(every_seconds=0, similarity=2, encoder="magic"),
        )
    for part in ("mode", "start_seconds (5)", "jpeg_quality", "fold_steps", "every_seconds", "cosine", "'magic'"):
        assert part in str(caught.value)


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
        ("- 1", "a.yaml"),
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
