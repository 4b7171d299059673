"""Settings: every number has limits, in one way, whatever the settings are for."""

from __future__ import annotations

import ast
import importlib
import math
import re
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import UnionType
from typing import Annotated, Any

import pytest

import sharegpt4video
from sharegpt4video.checking import Limits, validated, wrong_values
from sharegpt4video.dataset.build import BuildOptions
from sharegpt4video.dataset.settings import DatasetSettings, FilterSettings
from sharegpt4video.errors import SettingsError
from sharegpt4video.lvlm.settings import DataSource, ModelSettings, TrainSettings
from sharegpt4video.t2v.settings import ModelSettings as GeneratorSettings
from sharegpt4video.t2v.settings import T2VSettings

SOURCE = Path(sharegpt4video.__file__).parent
ENDINGS = ("Settings", "Options", "Inputs", "DataSource")
NAMED = re.compile(rf"^class \w*({'|'.join(ENDINGS)})\b", re.MULTILINE)
NEEDED: dict[str, dict[str, Any]] = {"PlanInputs": {"videos": 9}, "DataSource": {"path": "a.json"}}
NEEDED["GrpoSettings"] = {"judge": "module:Judge"}
NEEDED["MixtureSettings"] = {"exports": ("a",)}
NEEDED["FrameOptions"] = {"frames": 1, "sampler": "middle", "layout": "grid", "max_images": 1}
IN_TRAINING = {"TuneSettings": "tune", "DataSettings": "data", "OptimiserSettings": "optimiser", "RunSettings": "run"}
IN_TRAINING |= {"DpoSettings": "dpo", "GrpoSettings": "grpo", "MixtureSettings": "mixture"}
IN_GENERATORS: dict[type, str] = {
    kind: part
    for part, kind in typing.get_type_hints(T2VSettings).items()
    if is_dataclass(kind) and kind is not GeneratorSettings
}


def settings_types() -> Iterator[type]:
    """Every dataclass of the package that a user's settings are read into, by its name."""
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if not NAMED.search(text):
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and node.name.endswith(ENDINGS) and node.decorator_list:
                parts = path.relative_to(SOURCE).with_suffix("").parts
                name = ".".join(("sharegpt4video", *(part for part in parts if part != "__init__")))
                kind = getattr(importlib.import_module(name), node.name)
                if is_dataclass(kind) and any(numbers(kind)):
                    yield kind


def leaves(hint: Any, limits: Limits | None = None) -> Iterator[tuple[Any, Limits | None]]:
    """The plain types that an annotation is made of, each with its limits."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        found = next((one for one in arguments[1:] if isinstance(one, Limits)), limits)
        yield from leaves(arguments[0], found)
    elif origin in (typing.Union, UnionType, tuple):
        for inner in arguments:
            yield from leaves(inner, limits)
    else:
        yield hint, limits


def numbers(kind: type) -> Iterator[tuple[str, Any, Limits | None]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        yield from ((one.name, leaf, limits) for leaf, limits in leaves(hints[one.name]) if leaf in (int, float))


TYPES = list(settings_types())


def made(kind: type, **changes: Any) -> Any:
    """A value of these settings, built as a user's would be: parts of a training run are checked with the whole."""
    value = kind(**{**NEEDED.get(kind.__name__, {}), **changes})
    if part := IN_GENERATORS.get(kind):
        T2VSettings(**{"model": GeneratorSettings(shape={"num_layers": 1}), part: value})
    elif part := IN_TRAINING.get(kind.__name__):
        more: dict[str, Any] = {part: value}
        TrainSettings(model=ModelSettings(shape="llava-next-8b", random_weights=True), **more)
    if kind is DataSource:
        made(next(one for one in TYPES if one.__name__ == "DataSettings"), sources=(value,))
    return value


def test_the_walk_finds_the_settings() -> None:
    names = {kind.__name__ for kind in TYPES}
    assert {"CaptionSettings", "FilterSettings", "BuildOptions", "ClipSettings", "LlavaOptions", "RunSettings"} <= names
    assert len(TYPES) >= 20


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_no_number_is_without_limits(kind: type) -> None:
    assert [name for name, _, limits in numbers(kind) if limits is None] == []
    assert not wrong_values(made(kind)), "the defaults keep them"


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_a_number_beyond_its_limits_is_refused_when_settings_are_made(kind: type) -> None:
    for name, leaf, limits in numbers(kind):
        assert limits is not None
        least, most = leaf(limits.least), leaf(limits.most)
        beyond: list[Any] = [
            least if limits.over else least - 1,
            most if limits.under else most * 2 + 1,
            True,
            -math.inf,
        ]
        beyond += [math.nan, math.inf] if leaf is float else [least + 0.5]
        is_pair = isinstance(getattr(made(kind), name), tuple) or name == "shard"
        for value in beyond:
            with pytest.raises(SettingsError, match=name):
                made(kind, **{name: (value, value) if is_pair else value})


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("max_seconds=-5", "filters.max_seconds must be at least 0 and at most 1,000,000,000, not -5"),
        ("max_findings=-1", "filters.max_findings must be at least 0 and at most 1,000,000, not -1"),
        ("min_seconds=yes", "min_seconds: a number is needed, not True"),
        ("max_black_share=7", "filters.max_black_share must be at least 0 and at most 1, not 7"),
    ],
)
def test_what_the_command_line_gives_is_held_to_the_limits(setting: str, message: str) -> None:
    import yaml

    name, _, value = setting.partition("=")
    with pytest.raises(SettingsError, match=message):
        validated(DatasetSettings, {"filters": {name: yaml.safe_load(value)}}, "--set")


def test_a_share_of_the_videos_is_one_that_there_is() -> None:
    assert BuildOptions(shard=(2, 3)).shard == (2, 3)
    with pytest.raises(SettingsError, match=r"number from 0 to count - 1, not \(3, 3\)"):
        BuildOptions(shard=(3, 3))


def test_equal_settings_stay_equal_and_limits_are_no_part_of_them() -> None:
    assert replace(FilterSettings(), min_seconds=2) == FilterSettings(min_seconds=2.0)
    assert validated(
        DatasetSettings, {"filters": {"min_seconds": "2.5", "max_findings": None}}, "x"
    ) == DatasetSettings(filters=FilterSettings(min_seconds=2.5))
