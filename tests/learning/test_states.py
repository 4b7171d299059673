"""States of checkpoints that somebody else wrote: an error that names the file, whatever stands in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from sharegpt4video.errors import StorageError
from sharegpt4video.learning.checkpoints import FORMAT, STATE, newest, read

TRUE: dict[str, Any] = {
    "format": FORMAT, "step": 3, "processes": 1, "settings": {}, "facts": {}, "versions": {}, "files": {},
}  # fmt: skip
LIES: list[Any] = [
    {"files": []}, {"files": {"a": 3}}, {"files": {"a": {"bytes": 1}}}, {"files": {"a": {"bytes": 1, "sha256": ""}}},
    {"step": "x"}, {"step": float("inf")}, {"step": None}, {"processes": []}, {"settings": 3}, {"facts": ["ab", 3]},
    {"versions": None}, {"format": {}},
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_state_that_lies_is_told(tmp_path: Path, lie: dict[str, Any]) -> None:
    folder = tmp_path / "checkpoints" / "step-000003"
    folder.mkdir(parents=True)
    (folder / STATE).write_text(json.dumps(TRUE))
    assert read(folder).step == 3
    (folder / STATE).write_text(json.dumps({**TRUE, **lie}))
    with pytest.raises(StorageError, match="step-000003"):
        read(folder)
    with pytest.raises(StorageError, match="no checkpoint can be used"):
        newest(tmp_path)
