"""SECURITY.md names the tests that prove what it says: they have to be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
THREATS = re.split(r"^### ", TEXT.split("## Threat model")[1], flags=re.MULTILINE)[1:]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TEXT)))


@pytest.mark.parametrize("threat", THREATS, ids=[threat.split("\n")[0] for threat in THREATS])
def test_each_threat_has_tests(threat: str) -> None:
    assert "::test_" in threat


def test_every_test_that_is_named_is_there() -> None:
    assert len(NAMED) > 50
    missing = [f"{file}::{name}" for file, name in NAMED if not (ROOT / file).is_file()
               or f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")]  # fmt: skip
    assert missing == []
    assert len(re.findall(r"::test_", TEXT)) == len(re.findall(r"`tests/[\w/]+\.py::test_\w+`", TEXT)), (
        "a name in another form"
    )
