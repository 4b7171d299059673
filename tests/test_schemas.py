"""The published schemas are those of the types, and tell what is written and read here from what is spoiled."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from typer.testing import CliRunner

from made_captions import captioned, captions, step
from made_sets import write_clips
from sharegpt4video.cli.app import app
from sharegpt4video.errors import SettingsError
from sharegpt4video.records import VideoCaption
from sharegpt4video.schemas import SCHEMAS, json_schema

jsonschema = pytest.importorskip("jsonschema")
ROOT = Path(__file__).resolve().parents[1]
VALIDATORS = {name: jsonschema.Draft202012Validator(json_schema(name)) for name in SCHEMAS}
SETTINGS_FILES = {
    "settings": [ROOT / "examples" / "settings.yaml"],
    "dataset": [ROOT / "examples" / "dataset.yaml"],
    "train": sorted((ROOT / "src" / "sharegpt4video" / "configs").glob("*.yaml")),
    "t2v": sorted((ROOT / "src" / "sharegpt4video" / "configs" / "t2v").glob("*.yaml")),
}


def wrong(name: str, plain: Any) -> list[str]:
    """What a validator of its own makes of a document: the paths of what does not fit."""
    return sorted(".".join(map(str, error.absolute_path)) or "." for error in VALIDATORS[name].iter_errors(plain))


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_is_that_of_the_types(name: str) -> None:
    published = json.loads((ROOT / "docs" / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    assert published == json_schema(name), "write them again: sg4v schema --out docs/schemas"
    jsonschema.Draft202012Validator.check_schema(published)


def test_nothing_else_is_published() -> None:
    assert {path.stem for path in (ROOT / "docs" / "schemas").iterdir()} == set(SCHEMAS)


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``sg4v caption`` writes of a clip, by mode and model."""
    (clip,) = write_clips(tmp_path_factory.mktemp("clips"), 1, seconds=1.0)
    options = {
        "embedded": [],
        "fake": ["-m", "fake", "--every", "0.4"],
        "fast": ["-m", "fake", "--mode", "fast", "--end", "0.5"],
    }
    return {
        name: json.loads(CliRunner().invoke(app, ["caption", str(clip), "--json", *more]).stdout)
        for name, more in options.items()
    }


def test_what_caption_writes_is_valid(documents: dict[str, Any]) -> None:
    assert {name: wrong("caption", document) for name, document in documents.items()} == {
        name: [] for name in documents
    }
    assert any(one["facts"] for one in documents["embedded"]["steps"])


def test_facts_of_all_kinds_are_valid() -> None:
    """A caption with an object that comes into view, a pose, a text read, and a step with a problem."""
    box = {"left": 0.1, "top": 0.2, "right": 0.3, "bottom": 0.4}
    pose = {"torso": "upright", "arms_raised": 2, "legs_raised": None, "confidence": 0.9}
    thing = {"track_id": 1, "label": "person", "score": 0.9, "seen_frames": 4, "start_box": None, "end_box": box,
             "colours": ["red"], "start_pose": None, "end_pose": pose, "arm_raises": [2], "leg_raises": [],
                 "enters": "left", "leaves": "", "subject_id": 3}  # fmt: skip
    facts = {
        "start_seconds": 0.0, "end_seconds": 2.0, "objects": [thing],
        "camera": {"pan_widths": 0.1, "tilt_heights": 0, "zoom_ratio": 1.0, "roll_degrees": 0.0, "shake": 0.0,
                   "moves": ["pan right"], "confidence": 1},
        "motion": {"score": 0.1, "area": 0.2, "centre": [0.5, 0.5], "still": False, "quiet": None},
        "look": {"brightness": 0.5, "contrast": 0.5, "sharpness": 10.0, "palette": [["red", 0.5]]},
        "texts": [{"text": "EXIT", "score": 0.9, "seconds": 1.0, "box": box, "from_seconds": 0.5, "to_seconds": None}],
            "counts": [{"label": "person", "count": None, "crowd": True}],
        "sound": {"start_seconds": 0.0, "end_seconds": 2.0, "track": True, "silence_share": 0.0, "speech_share": 0.5,
                  "music_share": 0.0,
                  "spans": [{"kind": "speech", "start_seconds": 1.0, "end_seconds": 2.5, "score": 0.9}],
                  "speech": [{"text": "Hi", "start_seconds": 1.0, "end_seconds": 2.0, "mean_log_probability": None}]},
    }  # fmt: skip
    document = json.loads(captioned([step("change", 0.0, 2.0, "", problem="refused")], 2.0).to_json())
    document["steps"][0]["facts"] = [facts]
    assert wrong("caption", document) == []
    assert json.loads(VideoCaption.from_json(json.dumps(document)).to_json())["steps"][0]["facts"] == [facts]
    thing["end_pose"] = {**pose, "torso": "sitting"}
    facts["motion"]["centre"] = [0.5]  # type: ignore[index]
    assert wrong("caption", document) == ["steps.0.facts.0.motion.centre", "steps.0.facts.0.objects.0.end_pose"]


def test_captions_of_earlier_versions_are_valid(documents: dict[str, Any]) -> None:
    """They lack what was added since; `VideoCaption.from_json` reads them, too."""
    old = {name: value for name, value in documents["embedded"].items() if name not in ("content_id", "model_identity")}
    assert wrong("caption", old) == []


@given(captions())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_any_caption_is_valid(caption: VideoCaption) -> None:
    made = replace(caption.provenance, cost_usd=0.5, settings={"keyframes": {"every_seconds": 2}})
    document = json.loads(replace(caption, provenance=made).to_json())
    assert not list(VALIDATORS["caption"].iter_errors(document))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("mode", "slow"),
        ("width", "640"),
        ("steps", {}),
        ("summary", None),
        ("steps.0.kind", "end"),
        ("steps.0.start_seconds", None),
        ("steps.0.frame_seconds", [None]),
        ("shots.0.opens_with", "wipe"),
        ("provenance.requests", 1.5),
        ("warnings", [1]),
    ],
)
def test_a_spoiled_caption_is_not_valid(documents: dict[str, Any], path: str, value: object) -> None:
    document = copy.deepcopy(documents["embedded"])
    *groups, last = path.split(".")
    inside = document
    for group in groups:
        inside = inside[int(group)] if group.isdigit() else inside[group]
    inside[last] = value
    assert [one for one in wrong("caption", document) if one.startswith(path)]
    if value != "640":  # numbers in texts are read as such
        with pytest.raises(ValueError, match=re.escape(last)):
            VideoCaption.from_json(json.dumps(document))


@pytest.mark.parametrize("field", json_schema("caption")["required"])
def test_what_a_caption_needs(documents: dict[str, Any], field: str) -> None:
    assert wrong("caption", {name: value for name, value in documents["fake"].items() if name != field}) == ["."]


def files() -> list[tuple[str, Path]]:
    return [(name, path) for name, paths in SETTINGS_FILES.items() for path in paths]


@pytest.mark.parametrize(("name", "path"), files(), ids=lambda value: getattr(value, "name", value))
def test_settings_of_the_project_are_valid_and_typos_are_not(name: str, path: Path) -> None:
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert wrong(name, plain) == []
    for group, value in plain.items():
        if isinstance(value, dict):
            assert wrong(name, {**plain, group: {**value, "no_such_setting": 1}}) == [group]
    assert wrong(name, {**plain, "no_such_setting": 1}) == ["."]


@pytest.mark.parametrize("name", SETTINGS_FILES)
def test_every_default_is_valid_and_every_top_setting_is_explained(name: str) -> None:
    schema = json_schema(name)
    for kind in (schema, *schema["$defs"].values()):
        assert kind["description"]
        for field, one in kind["properties"].items():
            if "default" in one:
                assert not list(
                    jsonschema.Draft202012Validator({**one, "$defs": schema["$defs"]}).iter_errors(one["default"])
                ), field
    assert wrong(name, {}) == []
    assert wrong("settings", {"jpeg_quality": 101}) == ["jpeg_quality"]
    quality = json_schema("settings")["properties"]["jpeg_quality"]
    assert quality == {
        "type": "integer",
        "default": 92,
        "minimum": 1,
        "maximum": 100,
        "description": "Quality (1 to 100) of the pictures sent to a model.",
    }


def test_the_verb_prints_one_or_writes_all(tmp_path: Path) -> None:
    assert json.loads(CliRunner().invoke(app, ["schema", "caption"]).stdout) == json_schema("caption")
    assert CliRunner().invoke(app, ["schema", "--out", str(tmp_path / "all")]).exit_code == 0
    assert CliRunner().invoke(app, ["schema", "train", "--out", str(tmp_path / "one")]).exit_code == 0
    assert {path.stem for path in (tmp_path / "all").iterdir()} == set(SCHEMAS)
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["train.json"]
    with pytest.raises(SettingsError, match="did you mean 'dataset'"):
        json_schema("datset")
    assert CliRunner().invoke(app, ["schema", "datset"]).exit_code == 2
