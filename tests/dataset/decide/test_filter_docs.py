"""The table of thresholds in docs/filters.md names the defaults of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sharegpt4video.dataset.settings import FilterSettings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "filters.md"
ROW = re.compile(r"^\| `(\w+)` \| (\S+) \|", re.MULTILINE)
VALUE = re.compile(r"`(near_duplicate_\w+): ([\d.]+)`")
THRESHOLDS = PAGE.read_text(encoding="utf-8").partition("## The thresholds")[2].partition("\n## ")[0]
WORDS = {"off": (None, False), "on": (True,)}


@pytest.mark.parametrize(("name", "told"), [*ROW.findall(THRESHOLDS), *VALUE.findall(THRESHOLDS)])
def test_defaults_are_those_of_the_code(name: str, told: str) -> None:
    default = getattr(FilterSettings(), name)
    assert default in WORDS[told] if told in WORDS else default == float(told)


def test_every_setting_is_there() -> None:
    named = {name for name, _ in [*ROW.findall(THRESHOLDS), *VALUE.findall(THRESHOLDS)]}
    assert named == set(FilterSettings.__dataclass_fields__)
